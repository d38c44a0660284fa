"""How good answers are: tallies that an evaluation fills batch by batch, and the figures that come of them."""
