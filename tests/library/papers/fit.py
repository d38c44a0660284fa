"""FIT, arXiv:2305.12689. The authors publish classes and no configuration: small ones of uneven sizes were recorded."""

from __future__ import annotations

from typing import Any

from tests.library.case import Case, Input

SIZES: dict[str, Any] = {
    "groups": 3, "tokens": 5, "latents": 2, "dim": 32, "latent_dim": 48, "heads": 2, "latent_heads": 4,
}  # fmt: skip
IMAGE = {**SIZES, "channels": 12}
X, COND, BEFORE = Input((2, 3, 5, 12)), Input((2, 3, 7)), Input((2, 3, 2, 48))
TIME = Input((2,))

CASES = [
    Case("fit", inputs=(X,), params={**IMAGE, "layers": "(2)1(0)2(1)1"}, recording="fit small"),
    Case(
        "fit_denoiser", inputs=(X, TIME, COND), params={**IMAGE, "layers": "(1)1(1)2(1)", "cond_dim": 7},
        recording="fit_denoiser small",
    ),
    Case(
        "fit_denoiser_self_cond", inputs=(X, TIME, COND, BEFORE),
        params={**IMAGE, "layers": "(1)1(0)1(2)", "cond_dim": 7}, recording="fit_denoiser_self_cond small",
    ),
    Case(
        "fit_ar", inputs=(Input((2, 3, 5), 17),), params={**SIZES, "layers": "(2)1(1)2(1)", "vocabulary": 17},
        recording="fit_ar small",
    ),
]  # fmt: skip
