"""The frozen linear program of a network at one input: rules by op, and the graphs that run it forwards and back."""
