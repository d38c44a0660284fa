"""Alignment of two models: which of their values are compared, the guide beside the target, and what is reported."""
