"""Data: where samples come from, how they reach the model's shape, and in which order."""
