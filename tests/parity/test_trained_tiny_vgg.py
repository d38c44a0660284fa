"""Tiny VGG with CNN Explainer's own trained weights gets right what the original gets right."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from graphwright.compiler.language.load import load
from graphwright.compiler.lowering.lower import lower

FOLDER = Path(os.environ.get("GRAPHWRIGHT_SHARED", Path(__file__).parents[3] / "shared")) / "data" / "tiny-vgg"
#: The classes in the order of the trained outputs, by the names of the picture files.
CLASSES = ("boat", "bug", "pizza", "pepper", "bus", "koala", "espresso", "panda", "orange", "car")

pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason=f"no folder {FOLDER}")


def trained_weights() -> dict[str, torch.Tensor]:
    """TensorFlow.js weights under torch's names: kernels HWIO -> OIHW, the dense matrix [in, out] -> [out, in]."""
    (manifest,) = json.loads((FOLDER / "model.json").read_text())["weightsManifest"]
    numbers = np.fromfile(FOLDER / manifest["paths"][0], dtype="<f4")
    state, start = {}, 0
    for entry in manifest["weights"]:
        layer, _, part = entry["name"].partition("/")
        count = int(np.prod(entry["shape"]))
        tensor = torch.from_numpy(numbers[start : start + count].reshape(entry["shape"]).copy())
        start += count
        if part == "kernel":
            tensor = tensor.permute(3, 2, 0, 1) if tensor.ndim == 4 else tensor.T
        state[f"{layer}.{'weight' if part == 'kernel' else part}"] = tensor.contiguous()
    assert start == len(numbers)
    return state


@pytest.fixture(scope="module")
def model() -> nn.Module:
    module = lower(load("tiny_vgg"))
    module.load_state_dict(trained_weights(), strict=True)
    return module.eval()


def test_it_has_the_published_count(model: nn.Module) -> None:
    assert sum(p.numel() for p in model.parameters()) == 19_920


def test_it_sees_what_the_original_sees(model: nn.Module) -> None:
    files = sorted(FOLDER.glob("*.jpeg"))
    pictures = np.stack([np.asarray(Image.open(f).convert("RGB").resize((64, 64))) for f in files])
    with torch.no_grad():
        scores = model(torch.from_numpy(pictures).permute(0, 3, 1, 2) / 255).softmax(1)
    found = {f.stem: (CLASSES[int(s.argmax())], round(s.max().item(), 3)) for f, s in zip(files, scores, strict=True)}
    right = [name for name, (label, _) in found.items() if label == name.split("_")[0]]
    assert len(files) == 20
    assert len(right) >= 14, found
    assert found["orange_1"] == ("orange", pytest.approx(0.985, abs=0.01))
    assert found["koala_1"] == ("koala", pytest.approx(0.953, abs=0.01))
