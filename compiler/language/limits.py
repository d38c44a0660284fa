"""Limits on what a spec may ask for, checked before anything is expanded or allocated."""

FILE_BYTES = 4 * 2**20
#: Values in a file, an alias counted each time it is used.
FILE_VALUES = 400_000
NESTING = 64
#: Primitive nodes after all repeats.
NODES = 50_000
#: Blocks within blocks.
BLOCK_DEPTH = 40
#: Files that one spec may pull in.
FILES = 100
EXPRESSION_LENGTH = 2_000
EXPRESSION_STEPS = 200_000
LIST_ITEMS = 100_000
INTEGER_BITS = 64
#: Elements of any one tensor, at the default sizes.
TENSOR_ELEMENTS = 2**40
