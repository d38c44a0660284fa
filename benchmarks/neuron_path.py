"""Paths of neurons in a vision transformer trained on CIFAR-10: what they do.

    graphwright train benchmarks/vit_cifar.yaml --data cifar10:DATA -o RUN
    python -m benchmarks.neuron_path RUN --data cifar10.zip [--per-class 20]

For each class, the joint score of paths, and the class's probability and the accuracy with their neurons at the class
token removed and doubled, for paths that were found and for activation, influence-pattern, random and magnitude paths;
how classes share neurons; pruning with the modal neurons kept. CIFAR-10 is a zip of test/CLASS/NAME.jpg.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import statistics
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from benchmarks.imagenet import RESULTS, machine
from graphwright.analyses.neuron_path import NeuronPath
from graphwright.analyses.paths import experiments
from graphwright.analyses.paths.search import Model
from graphwright.backends.weights import read
from graphwright.compiler.ir.graph import Graph
from graphwright.compiler.ir.hashing import structural_hash
from graphwright.compiler.language.load import load
from graphwright.doors import build

WORDS = ("removed", "enhanced")


class Trained:
    """A run's model and its test pictures."""

    def __init__(self, run: Path, data: Path, weights: Path | None) -> None:
        self.run, self.about = run, json.loads((run / "run.json").read_text())
        self.graph: Graph = load(run / "spec.yaml").deployed()
        self.file = weights or run / "model.safetensors"
        self.state = read(self.file)
        self.classes: list[str] = self.about["data"]["classes"]
        self.archive = zipfile.ZipFile(data)

    def build(self, graph: Graph) -> Any:
        module = build(graph)
        module.load_state_dict({k: self.state[k] for k in module.state_dict()})
        return module

    def pictures(self, number: int, count: int, skip: int = 0) -> torch.Tensor:
        """Test pictures of a class, normalised as in training."""
        scaling = self.about["scaling"]
        names = sorted(
            n for n in self.archive.namelist() if n.startswith(f"test/{self.classes[number]}/") and n[-1] != "/"
        )
        pixels = []
        for name in names[skip : skip + count]:
            with self.archive.open(name) as file, Image.open(file) as picture:
                pixels.append(np.asarray(picture.convert("RGB"), np.float32) / 255)
        values = (np.stack(pixels) - np.float32(scaling["mean"])) / np.float32(scaling["deviation"])
        return torch.from_numpy(np.ascontiguousarray(values.transpose(0, 3, 1, 2)))

    def described(self) -> dict[str, Any]:
        """The weights: where training was, and the test accuracy there."""
        epochs = [m for m in map(json.loads, (self.run / "metrics.jsonl").open()) if m["kind"] == "epoch"]
        step = re.search(r"step-(\d+)", str(self.file))
        at = epochs[-1] if step is None else next(m for m in epochs if m["step"] == int(step[1]))
        return {"model": self.graph.name, "recipe": self.about["recipe"], "classes": self.classes,
                "trained": {key: at[key] for key in ("step", "epoch", "test_accuracy")},
                "weights_sha256": hashlib.sha256(self.file.read_bytes()).hexdigest(),
                "scaling": self.about["scaling"]}  # fmt: skip


# -- what paths do ----------------------------------------------------------------------------
def paths(trained: Trained, per_class: int, held_out: int, seed: int) -> dict[str, Any]:
    """The table over classes for both scores, sharing of neurons, and pruning."""
    found: dict[str, Any] = {"per_class": per_class, "scores": {}}
    chosen: dict[str, list[np.ndarray]] = {"complete": [], "official": []}
    widths: list[int] = []
    for score in chosen:
        analysis = NeuronPath(score=score, seed=seed, quadrature="left:20/8" if score == "official" else "")  # type: ignore[arg-type]
        built: dict[Any, Any] = {}
        table = {}
        for number, name in enumerate(trained.classes):
            images, targets = trained.pictures(number, per_class), torch.full((per_class,), number)
            model = analysis.model(trained.graph, once(trained.build, built), images, targets)
            widths = model.widths
            search = analysis.find(model)
            every = {experiments.FOUND: search.paths} | analysis._others(
                trained.graph, once(trained.build, built), model, search.paths
            )
            table[name] = {method: _measured(model, path) for method, path in every.items()}
            table[name]["median_margin"] = float(search.margins.median())
            chosen[score].append(search.paths.numpy())
            print(f"{score} {name}", flush=True)
        found["scores"][score] = {"classes": table, "mean": _mean_of(table)}
    for score, per in chosen.items():
        labels = [c for c in range(len(per)) for _ in range(per_class)]
        together = np.concatenate(per)
        counts = experiments.utilisation(together, labels, widths)
        cosines = experiments.similarity(counts)
        halves = [np.stack([_counted(p[k::2], widths) for p in per]) for k in (0, 1)]
        within = [_cosine(a, b) for a, b in zip(*halves, strict=True)]
        across = [_cosine(a, b) for i, a in enumerate(halves[0]) for j, b in enumerate(halves[1]) if i != j]
        found["scores"][score]["utilisation"] = {
            "cosines": np.round(cosines, 4).tolist(), "same_class_other_pictures": statistics.mean(within),
            "other_class": statistics.mean(across), "neurons_used": int((sum(counts.values()) > 0).sum()),
            "of": sum(widths),
        }  # fmt: skip
    found["pruning"] = pruning(trained, chosen["complete"], per_class, held_out, seed)
    return found


def pruning(trained: Trained, chosen: list[np.ndarray], used: int, held_out: int, seed: int) -> list[dict[str, Any]]:
    """Mean probability of the class on other pictures, where all neurons but the class's modal ones may be zeroed; and
    with as many random, or as many of the most active, kept instead."""
    analysis = NeuronPath(quadrature="gauss:1")  # only the edited graph is used
    build_once = once(trained.build, {})

    def model_of(number: int, count: int, skip: int) -> Model:
        images = trained.pictures(number, count, skip)
        return analysis.model(trained.graph, build_once, images, torch.full((count,), number))

    rows, every = [], range(len(trained.classes))
    models = [model_of(c, held_out, used) for c in every]
    widths = models[0].widths
    active = [model_of(c, used, 0).clean().mean(0) for c in every]
    for top in (1, 5, 20):
        for share in (0.5, 1.0):
            row: dict[str, Any] = {"top": top, "share": share}
            for word in ("unpruned", "path", "activation", "random"):
                chances = []
                for c, model in enumerate(models):
                    kept = torch.from_numpy(experiments.modal(chosen[c], widths, top))
                    if word == "activation":
                        kept = _top(active[c], widths, [int(p.sum()) for p in kept.split(widths)])
                    elif word == "random":
                        noise = torch.rand(len(kept), generator=torch.Generator().manual_seed(seed + c))
                        kept = _top(noise, widths, [int(p.sum()) for p in kept.split(widths)])
                    zeroed = 0.0 if word == "unpruned" else share
                    chances.append(experiments.pruned(model, kept, zeroed, len(widths), seed)[:, c].mean())
                row[word] = float(torch.stack(chances).mean())
            rows.append(row)
    return rows


def _top(values: torch.Tensor, widths: list[int], counts: list[int]) -> torch.Tensor:
    return torch.cat([torch.zeros_like(part).scatter(0, part.topk(count).indices, 1.0)
                      for part, count in zip(values.split(widths), counts, strict=True)])  # fmt: skip


def _measured(model: Model, path: torch.Tensor) -> dict[str, float]:
    change = experiments.effect(model, path)
    return {
        "joint_score": float(model.joint(path).mean()),
        **{f"probability_{w}": float(change.deviation(w).mean()) for w in WORDS},
        **{f"fall_{w}": float((change.base - getattr(change, w)).mean()) for w in WORDS},
        **{f"accuracy_{w}": change.right[k + 1] - change.right[0] for k, w in enumerate(WORDS)},
        "probability": float(change.base.mean()), "accuracy": change.right[0],
    }  # fmt: skip


def _mean_of(table: dict[str, Any]) -> dict[str, dict[str, float]]:
    methods = [m for m in next(iter(table.values())) if m in experiments.METHODS]
    return {m: {key: statistics.mean(row[m][key] for row in table.values()) for key in next(iter(table.values()))[m]}
            for m in methods}  # fmt: skip


def _counted(paths_: np.ndarray, widths: list[int]) -> np.ndarray:
    return experiments.utilisation(paths_, [0] * len(paths_), widths)[0]


def _cosine(a: np.ndarray, b: np.ndarray) -> float:
    return float(a @ b / (np.linalg.norm(a) * np.linalg.norm(b)))


def once(make: Callable[[Graph], Any], built: dict[Any, Any]) -> Callable[[Graph], Any]:
    def call(graph: Graph) -> Any:
        key = structural_hash(graph)
        if key not in built:
            built[key] = make(graph)
        return built[key]

    return call


def options(description: str | None) -> argparse.ArgumentParser:
    """A command line with the run and the pictures."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--weights", type=Path, help="other weights than the run's last")
    parser.add_argument("--threads", type=int, default=1)
    return parser


def main() -> None:
    parser = options(__doc__)
    parser.add_argument("--per-class", type=int, default=20)
    parser.add_argument("--held-out", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=RESULTS / "neuron-path.json")
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    trained = Trained(given.run, given.data, given.weights)
    with torch.no_grad():
        found = paths(trained, given.per_class, given.held_out, given.seed)
    about = {**machine(), "threads": given.threads, "seed": given.seed, **trained.described()}
    given.out.write_text(json.dumps({**about, **found}, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(found["pruning"], indent=1))


if __name__ == "__main__":
    main()
