"""What each ATen overload becomes: one table a family, `RULES` is all of them."""

from __future__ import annotations

from graphwright.compiler.importing.torch.rules import (
    arithmetic,
    filled,
    layers,
    parts,
    pointwise,
    pooling,
    randomness,
    recurrent,
    reductions,
    views,
)
from graphwright.compiler.importing.torch.site import Rule

RULES: dict[str, Rule] = {
    **layers.RULES,
    **pooling.RULES,
    **arithmetic.RULES,
    **pointwise.RULES,
    **reductions.RULES,
    **views.RULES,
    **parts.RULES,
    **filled.RULES,
    **randomness.RULES,
    **recurrent.RULES,
}
