"""Spatial CNN, arXiv:1712.06080, under the names of a PyTorch port."""

from __future__ import annotations

from typing import Any

from tests.library.case import Case, Input


def ours(name: str) -> str | None:
    """The port keeps the weights of the loss's classes in its state."""
    return None if name == "ce_loss.weight" else name


def prediction(outputs: Any) -> Any:
    """Segmentation and existence; the port puts out three losses too."""
    return outputs[:2] if isinstance(outputs, tuple) else outputs


CASES = [
    *(
        Case(name, inputs=(Input((1, 3, 288, width)),), rename=ours, outputs=prediction, run=False)
        for name, width in {"scnn_vgg16": 800, "scnn_vgg16_tusimple": 512}.items()
    ),
    Case(
        "scnn_vgg16", inputs=(Input((2, 3, 64, 96)),), params={"width": 96, "height": 64}, rename=ours,
        outputs=prediction, recording="scnn_vgg16 96x64",
    ),
]  # fmt: skip
