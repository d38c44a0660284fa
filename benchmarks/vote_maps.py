"""Vote maps and bias shares of EfficientNet-Lite0 on ten ImageNet pictures, from what the command line wrote.

    graphwright analyze linear-interpreter lite0.yaml --weights lite0.safetensors --images ten/ --batch 2 -o votes
    python -m benchmarks.vote_maps votes --images ten/ --classes imagenet-classes.tsv [--picture docs/votes.png]

The model is that of `benchmarks/imagenet.py`; the pictures are named by the folder of their class. `vote` is a pixel's
part of the logit of the predicted class, `sum_c A_c x_c`, in red where it speaks for the class; the drawing sums votes
over 8x8 pixels, since neighbours' cancel. With it go the logit, its linear part and its bias, and the sources that
weigh most.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.imagenet import RESULTS, machine, names_of

BLOCK = 8


def summary(found: dict[str, Any], votes: np.ndarray[Any, Any], names: list[tuple[str, str]]) -> dict[str, Any]:
    label = {folder: k for k, (folder, _) in enumerate(names)}
    rows = []
    for k, picture in enumerate(found["pictures"]):
        own = label[Path(picture).stem]
        blocks = _blocks(votes[k])
        rows.append({
            "picture": names[own][1], "predicted": names[found["places"][k]][1], "logit": found["values"][k],
            "linear": found["linear"][k], "bias": found["bias"][k], "bias_share": found["bias_share"][k],
            "votes_for": float(votes[k].clip(min=0).sum()), "votes_against": float(votes[k].clip(max=0).sum()),
            "block_votes_for": float(blocks.clip(min=0).sum()),
            "block_votes_against": float(blocks.clip(max=0).sum()),
            "largest_sources": dict(list(found["largest_sources"][k].items())[:3]),
        })  # fmt: skip
    shares = [r["bias_share"] for r in rows]
    return {
        "model": "EfficientNet-Lite0", "origin": found["origin"], "mode": found["settings"]["mode"],
        "bias_share_median": float(np.median(shares)), "bias_share_range": [min(shares), max(shares)],
        "laws": found["laws"], "pictures": rows, **machine(),
    }  # fmt: skip


def _blocks(votes: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Votes [H, W] summed over squares."""
    high, wide = (s // BLOCK for s in votes.shape)
    found: np.ndarray[Any, Any] = votes.reshape(high, BLOCK, wide, BLOCK).sum((1, 3))
    return found


def draw(report: dict[str, Any], votes: np.ndarray[Any, Any], folder: Path, files: list[str], path: Path) -> None:
    import matplotlib.pyplot as plt
    from PIL import Image

    from graphwright.analyses.pictures import Preparation

    figure, axes = plt.subplots(4, 5, figsize=(9, 8))
    for k, (row, file) in enumerate(zip(report["pictures"], files, strict=True)):
        above, below = axes[2 * (k // 5), k % 5], axes[2 * (k // 5) + 1, k % 5]
        with Image.open(folder / file) as picture:
            above.imshow(Preparation(224).pixels(picture))
        blocks = _blocks(votes[k])
        largest = float(np.abs(blocks).max())
        below.imshow(blocks, cmap="RdBu_r", vmin=-largest, vmax=largest)
        above.set_title(row["predicted"].replace("_", " "), fontsize=9)
        below.set_title(f"{row['logit']:.1f} = {row['linear']:.1f} + bias {row['bias']:.1f}", fontsize=8)
        above.axis("off")
        below.axis("off")
    figure.tight_layout()
    figure.savefig(path, dpi=55)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--images", type=Path, required=True)
    parser.add_argument("--classes", type=Path, required=True)
    parser.add_argument("--picture", type=Path)
    parser.add_argument("--out", type=Path, default=RESULTS / "vote-maps.json")
    given = parser.parse_args()
    found = json.loads((given.folder / "result.json").read_text())
    votes = np.load(given.folder / "arrays.npz")["vote"]
    report = summary(found, votes, names_of(given.classes))
    given.out.write_text(json.dumps(report, indent=1) + "\n")
    if given.picture:
        draw(report, votes, given.images, found["pictures"], given.picture)
    print(json.dumps({k: v for k, v in report.items() if k != "pictures"}, indent=1))


if __name__ == "__main__":
    main()
