"""Layer masking, in parts: what is visible of a value, the rule of each op, mask sources, fills, and experiments."""
