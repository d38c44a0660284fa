"""Guidance: a target drawn to compute as a guide does, layer by layer, by their similarity on the same samples.

Training adds `alpha * sum_p (1 - s(T_p, G_p))` to the objective, over pairs of a target's and a guide's layer; `s` is
linear centred kernel alignment, and the guide never learns (arXiv:2410.20035). As an analysis, the similarities of all
layers of two models on pictures.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, Literal

import numpy as np
import torch
from PIL import Image

from graphwright.analyses.alignment.drawing import matrix
from graphwright.analyses.alignment.guide import Guide, open_guide
from graphwright.analyses.alignment.joining import SIMILARITIES, Feed, Joined, Mode, join, scope_beside
from graphwright.analyses.alignment.taps import pairs, taps, unfit
from graphwright.analyses.contract import Build, Law, Result, apart, named, settings
from graphwright.compiler.ir.graph import Graph
from graphwright.compiler.places import NOWHERE, Problem, SpecError, fail

#: Outputs of the instrumented graph: the similarity of each pair [P], and the loss.
ALIGNMENT, LOSS = "alignment", "misalignment"


@dataclass(frozen=True)
class Guidance:
    """A guide beside the model: outputs `alignment` [P] and `misalignment`, what training adds to its objective.

    `guide` is a library name, a spec or a run; `weights` a file, or `initial` for a run as it was before training.
    `taps` and `target_taps` choose layers: `default` (those with weight matrices), `official`, or a selector. `mapping`
    pairs each guide layer with the target layer at its relative depth; `official` keeps one guide layer for each
    target layer, as the published code does; or it names pairs, `{guide node: target node}`.
    """

    name: ClassVar[str] = "guidance"
    source: ClassVar[str] = "arXiv:2410.20035"
    guide: str = ""
    params: tuple[tuple[str, Any], ...] = ()
    weights: str = ""
    #: The seed of a guide with initial weights.
    guide_seed: int = 0
    taps: str = "default"
    #: The target's, where they are not chosen as the guide's are.
    target_taps: str = ""
    mapping: Literal["all", "official"] | tuple[tuple[str, str], ...] = "all"
    similarity: Literal["cka", "unbiased_cka", "rsa"] = "cka"
    reduce: Literal["sum", "mean"] = "sum"
    #: What the guide's batch norms take: their running statistics, or the batch's.
    guide_mode: Mode = "eval"
    #: `shuffled` gives the guide the samples in another order: a control, in which nothing but chance aligns.
    feed: Feed = "same"

    @cached_property
    def opened(self) -> Guide:
        """The guide, read once."""
        if not self.guide:
            raise fail(NOWHERE, "guidance needs a guide", "guide=NAME, of the library, a spec or a run")
        return open_guide(self.guide, dict(self.params), self.weights, self.guide_seed)

    def __call__(self, graph: Graph) -> Graph:
        base = graph.deployed()
        joined = self.joined(base)
        outputs = (*base.outputs, (ALIGNMENT, joined.alignment), (LOSS, joined.loss))
        return joined.graph.with_(outputs=outputs).deployed()

    def joined(self, graph: Graph, guide: Guide | None = None, gather: bool = False, all_taps: bool = False) -> Joined:
        """The guide (the opened one, or another) beside a graph, which may be a training graph."""
        leader = (guide or self.opened).graph
        both = self.chosen(leader, graph)
        return join(graph, leader, self.paired(leader, graph), self.similarity, self.reduce, self.feed, self.guide_mode,
                    gather, both if all_taps else ((), ()))  # fmt: skip

    def chosen(self, guide: Graph, target: Graph) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """The taps of guide and target."""
        if isinstance(self.mapping, tuple):
            return tuple(g for g, _ in self.mapping), tuple(t for _, t in self.mapping)
        return taps(guide, self.taps, "guide"), taps(target, self.target_taps or self.taps, "target")

    def paired(self, guide: Graph, target: Graph) -> tuple[tuple[str, str], ...]:
        """(guide tap, target tap) of every term."""
        if isinstance(self.mapping, tuple):
            _check_named(self.mapping, guide.deployed(), target.deployed())
        named_pairs = dict(self.mapping) if isinstance(self.mapping, tuple) else self.mapping
        return pairs(*self.chosen(guide, target), named_pairs)

    def brought(self, graph: Graph) -> dict[str, torch.Tensor]:
        """The guide's weights by their names beside a graph."""
        scope = scope_beside(graph.deployed())
        return {f"{scope}.{name}": tensor for name, tensor in self.opened.weights.items()}

    def figures(self, graph: Graph, result: Result, names: Sequence[str]) -> dict[str, Image.Image]:
        """The tables, with the pairs ringed, of the first batch."""
        rows, columns = result.numbers["guide_taps"], result.numbers["target_taps"]
        ringed = [(rows.index(p["guide"]), columns.index(p["target"])) for p in result.numbers["pairs"]]
        return {
            f"{kind}.png": matrix(tables[0], rows, columns, kind.replace("_", " "), ringed)
            for kind, tables in result.arrays.items()
        }

    def run(self, graph: Graph, build: Build, images: torch.Tensor, targets: torch.Tensor | None) -> Result:
        """The similarity of every layer of the guide with every layer of the model, and the laws."""
        base, guide = graph.deployed(), self.opened
        joined = self.joined(base, all_taps=True)
        instrumented = self(graph)
        plain, found = named(build(base)(images), base), named(build(instrumented)(images), instrumented)
        grams = _with_grams(joined)
        values = named(build(grams)(images), grams)
        rows, columns = ([values[p] for p, _ in grams.outputs if p.startswith(who)] for who in ("guide.", "target."))
        table = {kind: _table(kind, rows, columns) for kind in _tables(self.similarity)}
        paired = self.paired(guide.graph, base)
        chosen = [table[self.similarity][list(joined.guide_grams).index(g), list(joined.target_grams).index(t)]
                  for g, t in paired]  # fmt: skip
        loss = float(found[LOSS])
        expected = sum(1 - s for s in chosen) / (len(chosen) if self.reduce == "mean" else 1)
        own = _table(self.similarity, rows, rows)
        varied = [float(r.diagonal().sum()) > 0 for r in rows]
        laws = (
            Law("outputs equal the base model's", max(apart(plain[p], found[p]) for p in plain), 0.0),
            Law("a layer is aligned with itself",
                max([abs(own[k, k] - 1) for k, v in enumerate(varied) if v], default=0.0), 1e-5),
            Law("the loss is of the pairs' similarities", abs(loss - expected) / max(1.0, abs(expected)), 1e-4),
        )  # fmt: skip
        return Result(
            self.name, settings(self), laws,
            {"guide": guide.graph.name, "guide_trained": guide.trained, "samples": [len(images)], "loss": [loss],
             "guide_taps": tuple(joined.guide_grams), "target_taps": tuple(joined.target_grams),
             "pairs": tuple({"guide": g, "target": t} for g, t in paired),
             "similarity": [[float(s) for s in chosen]]},
            {name: values[None] for name, values in table.items()}, nodes={"alignment": _by_target(paired, chosen)},
        )  # fmt: skip


def _by_target(paired: Sequence[tuple[str, str]], chosen: Sequence[float]) -> dict[str, float]:
    """The mean alignment of each of the model's layers with the guide's at it."""
    found: dict[str, list[float]] = {}
    for (_, target), value in zip(paired, chosen, strict=True):
        found.setdefault(target, []).append(float(value))
    return {target: sum(values) / len(values) for target, values in found.items()}


def _check_named(mapping: tuple[tuple[str, str], ...], guide: Graph, target: Graph) -> None:
    """Raises with every name of an explicit mapping that is no tap."""
    problems = []
    for which, graph, names in (("guide", guide, [g for g, _ in mapping]), ("target", target, [t for _, t in mapping])):
        for name in names:
            node = graph.by_name.get(name)
            wrong = unfit(graph, node) if node else "there is no such node"
            if wrong:
                problems.append(Problem(NOWHERE, f"mapping: '{name}' of the {which} is no tap: {wrong}",
                                        "`graphwright show` lists the names"))  # fmt: skip
    if problems:
        raise SpecError(problems)


def _with_grams(joined: Joined) -> Graph:
    outputs = [(f"guide.{k}", v) for k, v in joined.guide_grams.items()]
    outputs += [(f"target.{k}", v) for k, v in joined.target_grams.items()]
    return joined.graph.with_(outputs=tuple(outputs)).deployed()


def _tables(similarity: str) -> tuple[str, ...]:
    """The similarities that are told: with the biased one, the unbiased too, which is the one to read."""
    return ("cka", "unbiased_cka") if similarity != "rsa" else ("rsa",)


def _table(kind: str, rows: list[torch.Tensor], columns: list[torch.Tensor]) -> np.ndarray[Any, Any]:
    """The similarity of each with each, [rows, columns]."""
    op = SIMILARITIES[kind][0]
    return np.array([[float(op.forward(r.double(), c.double())) for c in columns] for r in rows])
