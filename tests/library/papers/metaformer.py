"""MetaFormer baselines, arXiv:2210.13452: three families under timm's names, two under those of sail-sg/metaformer."""

from __future__ import annotations

from functools import partial

from tests.library.case import Case, picture
from tests.oracles import reference_model

DEEPER = {
    "poolformerv2": ("s24", "s36", "m36", "m48"),
    "convformer": ("s36", "m36", "b36"),
    "caformer": ("s36", "m36", "b36"),
}


def _timm(name: str, run: bool = True) -> Case:
    # deep PoolFormers add up so many blocks that float32 alone parts them by some 1e-5; in float64 it is 1e-13
    deep = name.startswith("poolformerv2") and not run
    return Case(name, partial(reference_model, "timm", name), picture(64), run=run, chaotic=deep)


CASES = [
    *(_timm(name) for name in ("poolformerv2_s12", "convformer_s18", "caformer_s18")),
    *(_timm(f"{family}_{size}", run=False) for family, sizes in DEEPER.items() for size in sizes),
    Case("identityformer_s12", None, picture(224)),
    Case("randformer_s12", None, picture(224)),  # its matrices fit this size alone
    *(Case(f"identityformer_{size}", None, picture(224), run=False) for size in DEEPER["poolformerv2"]),
    *(Case(f"randformer_{size}", None, picture(224), run=False) for size in DEEPER["poolformerv2"]),
]
