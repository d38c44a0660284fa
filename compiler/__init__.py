"""Spec to graph to torch: reading, expansion, ops, the intermediate representation, transforms and lowering."""
