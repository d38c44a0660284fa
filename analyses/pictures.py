"""Pictures in and out: files as a normalised batch, and maps drawn over them."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import matplotlib
import numpy as np
import torch
from PIL import Image

from graphwright.backends.pictures import opened, reason, within
from graphwright.compiler.ir.graph import Graph
from graphwright.compiler.places import NOWHERE, Problem, SpecError, fail

#: Channel means and deviations of ImageNet, which most published classifiers were trained with.
IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff")


@dataclass(frozen=True)
class Preparation:
    """How a picture becomes an input: its shorter side to `size / crop`, the middle cut out, then normalised."""

    size: int
    channels: int = 3
    crop: float = 0.875
    mean: tuple[float, ...] = IMAGENET[0]
    std: tuple[float, ...] = IMAGENET[1]

    def pixels(self, picture: Image.Image) -> np.ndarray:
        """The prepared picture before normalisation, [H, W, C] from 0 to 1."""
        shown = picture.convert("L" if self.channels == 1 else "RGB")
        side = max(self.size, round(self.size / self.crop))
        scale = side / min(shown.size)
        wide, high = (max(self.size, round(s * scale)) for s in shown.size)
        within(wide, high)
        shown = shown.resize((wide, high), Image.Resampling.BICUBIC)
        left, top = (wide - self.size) // 2, (high - self.size) // 2
        cut = np.asarray(shown.crop((left, top, left + self.size, top + self.size)), dtype=np.float32) / 255
        return cut[..., None] if cut.ndim == 2 else cut

    def normalised(self, pixels: np.ndarray) -> torch.Tensor:
        """Pixels [N, H, W, C] as an input [N, C, H, W]."""
        mean, std = (np.asarray(v[: self.channels], dtype=np.float32) for v in (self.mean, self.std))
        return torch.from_numpy(np.ascontiguousarray(((pixels - mean) / std).transpose(0, 3, 1, 2)))


def preparation(graph: Graph, mean: Sequence[float], std: Sequence[float], size: int | None = None) -> Preparation:
    """What the model's picture input asks for; `size` where it leaves the size free."""
    entry = next((e for e in graph.inputs if e.type.rank == 4), None)
    if entry is None or entry.type.shape[1] not in (1, 3):
        raise fail(NOWHERE, f"{graph.name} takes no pictures [N, 3, H, W]", "its inputs: `graphwright show`")
    shape = entry.type.at({**graph.sizes, "N": 1}).shape
    wanted = size or int(shape[2])
    return Preparation(wanted, int(shape[1]), mean=tuple(mean), std=tuple(std))


def read(paths: Sequence[Path], how: Preparation) -> tuple[np.ndarray, list[str]]:
    """Pictures of files and folders as pixels [N, H, W, C], and their names; all that cannot be read are reported."""
    files, problems = [], []
    for path in paths:
        found = sorted(p for p in path.iterdir() if p.suffix.lower() in SUFFIXES) if path.is_dir() else [path]
        files += found
        if not found:
            problems.append(Problem(NOWHERE, f"no pictures in {path}", "known: " + " ".join(SUFFIXES)))
    pixels = []
    for file in files:
        try:
            with opened(file) as picture:
                pixels.append(how.pixels(picture))
        except FileNotFoundError:
            problems.append(Problem(NOWHERE, f"no picture {file}", "check the path"))
        except Exception as error:  # decoders raise what they like; all bad files are reported together below
            problems.append(Problem(NOWHERE, f"{file} is no picture that can be read: {reason(error)}", ""))
    if problems:
        raise SpecError(problems)
    return np.stack(pixels), [f.name for f in files]


def over(pixels: np.ndarray, heat: np.ndarray, alpha: float = 0.5) -> Image.Image:
    """A map [h, w] from 0 to 1, as colours over the picture [H, W, C] it belongs to."""
    grey = Image.fromarray((heat.clip(0, 1) * 255).astype(np.uint8)).resize(
        (pixels.shape[1], pixels.shape[0]), Image.Resampling.BILINEAR
    )
    colours = matplotlib.colormaps["inferno"](np.asarray(grey))[..., :3]
    base = np.repeat(pixels, 3, 2) if pixels.shape[2] == 1 else pixels
    return Image.fromarray(((1 - alpha) * base * 255 + alpha * colours * 255).astype(np.uint8))


def embedded(picture: Image.Image) -> str:
    """A picture as the address of an HTML image that holds it."""
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()
