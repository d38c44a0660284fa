"""What each ATen overload becomes: one table a family, `RULES` is all of them."""

from __future__ import annotations

from graphwright.compiler.importing.torch.convert import Rule
from graphwright.compiler.importing.torch.rules import (
    layers,
    pointwise,
    pooling,
    randomness,
    recurrent,
    reductions,
    shapes,
)

RULES: dict[str, Rule] = {
    **layers.RULES,
    **pooling.RULES,
    **pointwise.RULES,
    **reductions.RULES,
    **shapes.RULES,
    **randomness.RULES,
    **recurrent.RULES,
}
