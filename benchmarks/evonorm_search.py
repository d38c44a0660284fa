"""A small search for a layer that normalises and activates, as EvoNorms were found (arXiv:2004.02967).

    python -m benchmarks.evonorm_search

A layer is an expression over what the block `evonorm` knows: a value `x`, a learned gate `v`, the deviation across the
batch and within a picture. Ten random layers are scored by what a small network learns in two epochs of scikit-learn's
digits; then the best of three drawn from the population is changed at one place, fifty times, and the oldest layer
leaves. A layer is rejected before it is scored where it is not finite, where the first epoch leaves it below 20 %, or
where five steps uphill on the norm of the weights' gradient bring it above 1e8 (the paper's tests). The best layer
then learns for fifteen epochs beside batch norm with ReLU and beside EvoNorm-B0, three seeds each. Results go to
`results/evonorm-search.json`.
"""

from __future__ import annotations

import json
import random
import tempfile
from pathlib import Path
from typing import Any

import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn
from torch.nn import functional as F

from graphwright.compiler.language.load import load
from graphwright.compiler.lowering.lower import lower
from graphwright.compiler.places import SpecError

RESULTS = Path(__file__).parent / "results" / "evonorm-search.json"
FIRST, CHANGED, DRAWN, DEPTH = 10, 50, 3, 4
BATCH, RATE, EPOCHS, SEEDS = 64, 3e-3, 15, 3
LEAST, STEEPEST, CLIMBS = 0.2, 1e8, 5
LEAVES = ("x", "x", "v * x", "across", "within", "1")
UNARY = ("sigmoid({})", "-({})", "tanh({})", "relu({})")
BINARY = ("({} + {})", "({} * {})", "{} / ({})", "max({}, {})")
#: Three convolutions, each before a layer.
NET = """
graphwright: 1
name: searched
inputs: {image: [N, 1, H=8, W=8]}
nodes:
  stage:
    repeat: {width: [32, 64, 64], stride: [1, 2, 1]}
    nodes:
      conv: {op: conv2d, out: $width, kernel: 3, stride: $stride, padding: 1, bias: false}
      LAYER
  pool: {op: mean, dims: [2, 3]}
  fc: {op: linear, out: 10}
outputs: {logits: fc}
"""
Tree = tuple[Any, ...]
PLAIN, B0 = "norm: batch_norm\n      act: relu", "norm: {op: evonorm, kind: b0}"


def grown(rng: random.Random, depth: int = DEPTH) -> Tree:
    """A random expression: a pattern and what stands in it."""
    if depth == 0 or rng.random() < 0.15:
        return (rng.choice(LEAVES),)
    pattern = rng.choice(UNARY + BINARY * 2)
    return pattern, *(grown(rng, depth - 1) for _ in range(pattern.count("{}")))


def changed(rng: random.Random, tree: Tree, depth: int = DEPTH) -> Tree:
    """The same with one part grown anew."""
    if len(tree) == 1 or rng.random() < 0.3:
        return grown(rng, depth)
    at = rng.randrange(1, len(tree))
    return (*tree[:at], changed(rng, tree[at], depth - 1), *tree[at + 1 :])


def text(tree: Tree) -> str:
    return str(tree[0]).format(*(text(t) for t in tree[1:]))


def layer(tree: Tree) -> str:
    """The expression in the block's place for its rule."""
    return f'norm: {{op: evonorm, kind: b0, rule: "{text(tree)}"}}'


def built(layer: str, seed: int) -> nn.Module:
    """The network with this layer; raises `SpecError` where it is none, as when no map is left."""
    torch.manual_seed(seed)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "searched.yaml"
        path.write_text(NET.replace("LAYER", layer), encoding="utf-8")
        return lower(load(path))


def digits() -> tuple[Tensor, Tensor, Tensor]:
    bunch = load_digits()
    images = torch.from_numpy(bunch.images / 16).float()[:, None]
    return images, torch.from_numpy(bunch.target).long(), torch.arange(len(images)) % 5 == 0


def learn(model: nn.Module, epochs: int) -> float:
    """Train, and the share of right answers on the rest."""
    images, labels, test = digits()
    learned, classes = images[~test], labels[~test]
    optimizer = torch.optim.AdamW(model.parameters(), RATE, weight_decay=0.05)
    model.train()
    for _ in range(epochs):
        for rows in torch.randperm(len(learned)).split(BATCH):
            optimizer.zero_grad()
            F.cross_entropy(model(learned[rows]), classes[rows]).backward()
            optimizer.step()
    model.eval()
    with torch.no_grad():
        return (model(images[test]).argmax(1) == labels[test]).double().mean().item()


def steepest(model: nn.Module) -> float:
    """The norm of the loss's gradient in the convolutions' weights after steps uphill on it."""
    images, labels, _ = digits()
    weights = [p for p in model.parameters() if p.dim() == 4]
    norm = torch.zeros(())
    for _ in range(CLIMBS):
        loss = F.cross_entropy(model(images[:BATCH]), labels[:BATCH])
        norm = torch.stack([g.norm() for g in torch.autograd.grad(loss, weights, create_graph=True)]).norm()
        if not bool(norm.isfinite()):
            break
        for weight, slope in zip(weights, torch.autograd.grad(norm, weights, allow_unused=True), strict=True):
            if slope is not None:
                weight.data.add_(slope / (slope.norm() + 1e-12), alpha=0.1)
    return norm.item()


def score(tree: Tree) -> float | str:
    """What it learns in two epochs, or why it is rejected."""
    try:
        model = built(layer(tree), 0)
    except SpecError:
        return "no layer"
    norm = steepest(model)
    if not norm < STEEPEST:
        return "steep"
    try:
        model = built(layer(tree), 0)
        first = learn(model, 1)
    except RuntimeError:
        return "no gradient"
    if not all(bool(p.isfinite().all()) for p in model.parameters()):
        return "not finite"
    return "learns nothing" if first < LEAST else learn(model, 1)


def search(seed: int) -> tuple[Tree, list[dict[str, Any]]]:
    """The best layer, and all that were tried."""
    rng, tried, population = random.Random(seed), [], []
    while len(tried) < FIRST + CHANGED:
        parents = sorted(rng.sample(population, min(DRAWN, len(population))), reverse=True)
        tree = changed(rng, parents[0][1]) if len(tried) >= FIRST and parents else grown(rng)
        if "x" not in text(tree).replace("max", ""):
            continue
        found = score(tree)
        tried.append({"layer": text(tree), "score": found})
        print(f"{len(tried):3} {found if isinstance(found, str) else round(found, 3)}  {text(tree)}", flush=True)
        if isinstance(found, float):
            population = [*population, (found, tree)][-FIRST:]
    best = max((row for row in tried if isinstance(row["score"], float)), key=lambda row: row["score"])
    return (best["layer"],), tried


def main() -> None:
    best, tried = search(0)
    layers = {"found": layer(best), "batch norm and ReLU": PLAIN, "EvoNorm-B0": B0}
    accuracy = {name: [learn(built(made, seed), EPOCHS) for seed in range(SEEDS)] for name, made in layers.items()}
    rejected = {why: sum(row["score"] == why for row in tried)
                for why in ("no layer", "steep", "no gradient", "not finite", "learns nothing")}  # fmt: skip
    print(json.dumps({"best": text(best), "rejected": rejected, "accuracy": accuracy}, indent=1))
    RESULTS.write_text(
        json.dumps({"best": text(best), "rejected": rejected, "accuracy": accuracy, "tried": tried,
                    "torch": torch.__version__}, indent=1) + "\n", encoding="utf-8",
    )  # fmt: skip


if __name__ == "__main__":
    main()
