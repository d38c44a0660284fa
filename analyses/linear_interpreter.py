"""Linear interpreter: a network at one input as the linear system that it is there (arXiv:1908.05168).

With the decisions of the nonlinear units at x0 frozen (masks, maxima, gates, scales of norms, attention weights), the
network is `f(x0) = A x0 + b`, exactly. `interpreter` freezes by the rules of `linear/rules.py`; `tangent` is the true
Jacobian, `A = df/dx(x0)`. They agree for networks of piecewise linear units, and differ otherwise.

The instrumented graph runs probes through the frozen system (`direction: replay`), or gives `A^T w` (`rows`): the rows
of A, the votes of the pixels and the part of each bias source. Both are ordinary graphs. The split into `A x0` and `b`
depends on the origin of the input, which is the zero of what the graph is given.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
import torch

from graphwright.analyses.contract import Build, Law, Result, apart, named, settings
from graphwright.analyses.features import selected
from graphwright.analyses.linear import program
from graphwright.analyses.linear.lanes import Freedom, Norm, Product, batch_of
from graphwright.analyses.linear.operator import LinearMap, Singular
from graphwright.analyses.linear.program import Span
from graphwright.compiler.ir.graph import Graph
from graphwright.compiler.ops.op import FLOATING
from graphwright.compiler.places import NOWHERE, fail

#: Bias sources whose own lanes a run checks against the adjoint's; tests check them all.
CHECKED = 8


@dataclass(frozen=True)
class LinearInterpreter:
    """The linear system of a network at each picture, or of its part from `start` to `of` (nodes, or selectors).

    `norm`: what normalisations freeze, the scale (`sigma`) or the mean too (`musigma`, a bias source); `usual` is
    `musigma` for instance norm and `sigma` for the others. `product`: which factor stays linear where none is a gate.
    `vectors`: how many singular vectors a run finds, in `steps` Lanczos steps; `chunk`: probes at a time.
    """

    name: ClassVar[str] = "linear-interpreter"
    source: ClassVar[str] = "arXiv:1908.05168"
    mode: Literal["interpreter", "tangent"] = "interpreter"
    direction: Literal["replay", "rows"] = "replay"
    start: str = ""
    of: str = ""
    norm: Norm = "usual"
    product: Product = "left"
    vectors: int = 0
    steps: int = 0
    chunk: int = 16
    seed: int = 0

    def __call__(self, graph: Graph) -> Graph:
        base = graph.deployed()
        return self._graph(base, self.direction == "rows")

    def map(self, graph: Graph, build: Build, images: torch.Tensor) -> LinearMap:
        """The linear system at these pictures."""
        base = graph.deployed()
        sources: tuple[str, ...] = ()
        if self.mode == "interpreter":
            sources = program.sources(base, self.span(base), self.name, self._freedom())
        forward, backward = self._graph(base, False), self._graph(base, True)
        return LinearMap(forward, backward, self.span(base), build, images, sources, self.chunk)

    def span(self, graph: Graph) -> Span:
        """The values that the part lies between."""
        inputs = [e.name for e in graph.inputs if e.type.dtype in FLOATING and e.type.rank > 1]
        if not self.start and not inputs:
            raise fail(NOWHERE, f"{graph.name} has no input of floating numbers", "name a start, such as an embedding")
        start = selected(graph, self.start) if self.start else inputs[0]
        of = selected(graph, self.of) if self.of else graph.outputs[0][1]
        batch = batch_of(graph, start)
        for value in (start, of):
            if not graph.types[value].rank or str(graph.types[value].shape[0]) != batch:
                raise fail(NOWHERE, f"'{value}' is {graph.types[value]}",
                           f"a part begins and ends at values [{batch}, ...]")  # fmt: skip
        return Span(start, of)

    def run(self, graph: Graph, build: Build, images: torch.Tensor, targets: torch.Tensor | None) -> Result:
        """Votes and bias of the given outputs (places in the flattened output; by default the largest), with the laws.

        Raises `SpecError` with every node that has no rule.
        """
        base = graph.deployed()
        with torch.no_grad():
            plain = named(build(base)(images), base)
        system = self.map(base, build, images)
        flat = system.value.flatten(1)
        places = flat.argmax(1) if targets is None else targets
        rows, shares = system.rows(places[None])
        rows, shares = rows[0], shares[0]
        asked = flat.gather(1, places[:, None])[:, 0]
        linear = (rows * system.origin).flatten(1).sum(1)
        bias = shares.sum(1) if system.names else asked - linear
        found = system.singular(self.vectors, self.steps, self.seed) if self.vectors else None
        votes = system.votes(rows[None])[0]
        laws = self._laws(system, plain, asked, linear, bias, shares, places)
        arrays = {"row": rows, "vote": votes, "bias_by_source": shares, "value": system.value}
        numbers: dict[str, Any] = {
            "places": places.tolist(), "values": asked.tolist(), "linear": linear.tolist(), "bias": bias.tolist(),
            "bias_share": (bias.abs() / (bias.abs() + linear.abs())).tolist(), "sources": list(system.names),
            "origin": "the zero of the graph's input", **_ranked(system.names, shares),
        }  # fmt: skip
        if found is not None:
            laws = (*laws, Law("A^T u == sigma v", found.residual, 1e-3))
            arrays |= {"singular_inputs": found.inputs, "singular_outputs": found.outputs}
            numbers["singular_values"] = found.values.tolist()
        maps = {"vote": _signed(votes)} if votes.dim() == 3 else {}
        weight = shares.abs() / (shares.abs().sum(1, keepdim=True) + linear.abs()[:, None])
        bias_share = dict(zip(system.names, weight.mean(0).tolist(), strict=True)) if system.names else {}
        return Result(self.name, settings(self), laws, numbers, {k: _array(v) for k, v in arrays.items()}, maps,
                      {"bias": bias_share} if bias_share else {})  # fmt: skip

    def _laws(
        self, system: LinearMap, plain: dict[str, torch.Tensor], asked: torch.Tensor, linear: torch.Tensor,
        bias: torch.Tensor, shares: torch.Tensor, places: torch.Tensor,
    ) -> tuple[Law, ...]:  # fmt: skip
        """The identities of the paper, on this run."""
        within = 1e-12 if system.value.dtype == torch.float64 else 1e-4
        x0, value = system.origin, system.value
        u, v = (_drawn(x0, self.seed + k) for k in (1, 2))
        w = _drawn(value, self.seed + 3)
        probes = torch.stack([x0, u, v, 2 * u + 3 * v])
        response = system.apply(probes)
        back = system.adjoint(w[None])[0][0]
        dots = _dot(response[1], w), _dot(u, back)
        size = (response[1].flatten(1).norm(dim=1) * w.flatten(1).norm(dim=1)).clamp(min=torch.finfo(w.dtype).tiny)
        laws = [
            Law("outputs equal the base model's", max(apart(plain[p], system.outputs[p]) for p in plain), 0.0),
            Law("<A u, w> == <u, A^T w>", float(((dots[0] - dots[1]).abs() / size).max()), within),
            Law("A (2 u + 3 v) == 2 A u + 3 A v", apart(2 * response[1] + 3 * response[2], response[3]), within),
            Law("rows by the adjoint == A x0", _relative(_at(response[0], places) - linear, asked, linear), within),
        ]
        if self.mode == "tangent":
            return tuple(laws)
        b = system.bias()
        scale = torch.maximum(value.abs().max(), b.abs().max())
        laws += [
            Law("replay of x0 == f(x0)", apart(value, system.replay(x0[None])[0]), within),
            Law("A x0 + b == f(x0)", float((response[0] + b - value).abs().max() / scale), within),
            Law("votes and bias add up to the output", _relative(linear + bias - asked, asked, linear), within),
        ]
        if system.names:
            chosen = np.unique(np.linspace(0, len(system.names) - 1, CHECKED).astype(int)).tolist()
            lanes = torch.stack([_at(part, places) for part in system.bias_of(chosen)], 1)
            laws += [
                Law("bias by source adds up to b", _relative(_at(b, places) - bias, asked, linear), within),
                Law("a source's lane == its adjoint", _relative(lanes - shares[:, chosen], asked, linear), within),
            ]
        return tuple(laws)

    def _graph(self, base: Graph, rows: bool) -> Graph:
        span = self.span(base)
        if self.mode == "tangent":
            return program.tangent(base, span, self.name, rows)
        return (program.adjoint if rows else program.replay)(base, span, self.name, self._freedom())

    def _freedom(self) -> Freedom:
        return Freedom(self.norm, self.product)


def _at(value: torch.Tensor, places: torch.Tensor) -> torch.Tensor:
    """The output in question of each sample, [N]."""
    return value.flatten(1).gather(1, places[:, None])[:, 0]


def _dot(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    return (a * b).flatten(1).sum(1)


def _drawn(like: torch.Tensor, seed: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(like.shape, generator=generator, dtype=torch.float64).to(like)


def _relative(difference: torch.Tensor, *scales: torch.Tensor) -> float:
    """The largest difference, relative to the largest of what was added up."""
    scale = max(float(s.abs().max()) for s in scales) or 1.0
    return float(difference.abs().max()) / scale


def _ranked(names: tuple[str, ...], shares: torch.Tensor) -> dict[str, Any]:
    """The bias sources that weigh most, per picture, with their signed parts."""
    if not names:
        return {}
    largest = [row.abs().argsort(descending=True)[:10].tolist() for row in shares]
    return {
        "largest_sources": [
            {names[k]: float(row[k]) for k in order} for row, order in zip(shares, largest, strict=True)
        ]
    }


def _signed(votes: torch.Tensor) -> np.ndarray:
    """Each map from 0 to 1, with no vote at one half."""
    largest = votes.abs().amax((1, 2), keepdim=True).clamp(min=torch.finfo(votes.dtype).tiny)
    return _array(0.5 + 0.5 * votes / largest)


def _array(value: torch.Tensor) -> np.ndarray:
    found: np.ndarray = value.detach().cpu().numpy()
    return found


__all__ = ["LinearInterpreter", "LinearMap", "Singular"]
