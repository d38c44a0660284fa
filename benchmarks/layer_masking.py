"""What layer masking costs: beside the plain forward of the model, and beside the code published with the paper.

    python -m benchmarks.layer_masking [--batch 32] [--rounds 16] [--official DIR] [--eager]

Many masks of one picture through ResNet-50, `batch` at a time: 16 rounds of 32 are 512 masks. All ways take turns in
one process, with the same weights, pictures and masks; what counts is the process's own time, and the ratios are
medians of those of neighbours. `--official` is a folder with `sal_resnet.py` and `sal_layers.py` of
github.com/SriramB-98/layer_masking; its outputs are also compared with those of `compat: official`.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.imagenet import RESULTS, machine
from graphwright.analyses.layer_masking import LayerMasking
from graphwright.analyses.masking.sources import patches, ranking, without
from graphwright.doors import build, load

#: Pictures and masks to scores.
Way = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


def random_masks(count: int, size: int, patch: int = 16) -> torch.Tensor:
    """Masks without a random half of the patches."""
    labels = patches(size, size, patch)
    return torch.from_numpy(np.stack([without(labels, ranking(labels, seed=k), 0.5) for k in range(count)])[:, None])


def official(folder: Path, state: dict[str, torch.Tensor]) -> Way:
    """The published ResNet-50, with these weights."""
    from tests.oracles import reference_module

    reference_module("torchvision")
    sys.path.insert(0, str(folder))
    from sal_resnet import resnet50  # type: ignore[import-not-found]

    model = resnet50().eval()
    model.load_state_dict({k: v for k, v in state.items() if k in model.state_dict()})
    return lambda images, masks: model((images * masks, masks.to(images.dtype), [1000, 1000]))


def ways(given: argparse.Namespace) -> dict[str, Way]:
    graph = load("resnet50")
    plain = build(graph)
    state = plain.state_dict()
    clean = build(LayerMasking()(graph), weights=state)
    found: dict[str, Way] = {"plain": lambda x, m: plain(x), "layer masking": clean}
    if not given.eager:
        compiled, masked = (torch.compile(model, fullgraph=True) for model in (plain, clean))
        found |= {"plain, compiled": lambda x, m: compiled(x), "layer masking, compiled": masked}
    if given.official:
        found |= {"compat: official": build(LayerMasking(compat="official")(graph), weights=state),
                  "published code": official(given.official, state)}  # fmt: skip
    return found


def seconds(call: Way, images: torch.Tensor, masks: torch.Tensor) -> float:
    """The time that the process itself needs: what else the machine does leaves it as it is."""
    with torch.no_grad():
        start = time.process_time()
        call(images, masks)
        return time.process_time() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=16)
    parser.add_argument("--official", type=Path)
    parser.add_argument("--eager", action="store_true", help="without torch.compile")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--out", type=Path, default=RESULTS / "layer-masking.json")
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    image = torch.randn(1, 3, 224, 224, generator=torch.Generator().manual_seed(0))
    images = image.expand(given.batch, -1, -1, -1).contiguous()
    masks = random_masks(given.batch * given.rounds, 224).split(given.batch)
    calls = ways(given)
    with torch.no_grad():
        outputs = {name: call(images, masks[0]) for name, call in calls.items()}
    turns: list[dict[str, float]] = []
    for mask in masks:
        turns.append({name: seconds(call, images, mask) for name, call in calls.items()})
        print({k: round(v, 2) for k, v in turns[-1].items()}, flush=True)
        given.out.write_text(json.dumps(report(given, turns, outputs), indent=1) + "\n")
    print(json.dumps(report(given, turns, outputs), indent=1))


def report(
    given: argparse.Namespace, turns: list[dict[str, float]], outputs: dict[str, torch.Tensor]
) -> dict[str, Any]:
    names = list(turns[0])

    def over(base: str) -> dict[str, float]:
        return {n: round(statistics.median(t[n] / t[base] for t in turns), 3) for n in names}

    found: dict[str, Any] = {
        "model": "resnet50", "size": 224, "batch": given.batch, "masks": given.batch * len(turns), "mask": "patches:16",
        "masked": 0.5, "seed": 0, "clock": "CPU time of the process", "cost_over_plain": over("plain"),
        "seconds": {n: round(statistics.median(t[n] for t in turns), 3) for n in names},
        "masks_per_second": {n: round(given.batch / statistics.median(t[n] for t in turns), 2) for n in names},
    }  # fmt: skip
    if "plain, compiled" in names:
        found["cost_over_plain_compiled"] = over("plain, compiled")
    if "published code" in names:
        theirs = outputs["published code"]
        away = float((outputs["compat: official"] - theirs).abs().max() / theirs.abs().max())
        found |= {
            "times_faster_than_published_code": {
                n: round(statistics.median(t["published code"] / t[n] for t in turns), 3) for n in names
            },
            "compat_official_differs_from_published_code": away,
        }
    return found | machine()


if __name__ == "__main__":
    main()
