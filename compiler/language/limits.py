"""Limits on what a spec may ask for, checked before anything is expanded or allocated."""

FILE_BYTES = 4 * 2**20
#: Values in a file, an alias counted each time it is used.
FILE_VALUES = 250_000
NESTING = 64
#: Characters of a name, or of a name pattern.
NAME_LENGTH = 200
#: Primitive nodes after all repeats.
NODES = 10_000
#: Nodes and scopes after all repeats, with those that have a mistake.
COPIES = 20_000
#: Blocks within blocks.
BLOCK_DEPTH = 40
#: Files that one spec may pull in.
FILES = 100
EXPRESSION_LENGTH = 2_000
#: Ten items of a list that is made or read count as a step.
EXPRESSION_STEPS = 200_000
#: Of all expressions of one spec, as often as they are evaluated.
ALL_STEPS = 2_000_000
#: Items of a list, those of lists in it included, and characters of a text that expressions make.
LIST_ITEMS = 100_000
INTEGER_BITS = 64
#: Elements of any one tensor, at the default sizes.
TENSOR_ELEMENTS = 2**40
