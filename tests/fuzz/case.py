"""A random spec made ready to run: its graph, its module with random weights, its inputs, and what comes out."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from torch import fx, nn

from graphwright.backends.compare import tensors
from graphwright.backends.examples import example_inputs
from graphwright.compiler.ir.graph import Graph, Node
from graphwright.compiler.language.load import load
from graphwright.compiler.lowering.lower import lower
from tests.fuzz.composing import entered
from tests.fuzz.draft import Draft
from tests.fuzz.values import MOVING, hash_of
from tests.oracles import randomise

Outputs = dict[str, torch.Tensor]

#: Ops whose results jump: where they read what was rounded, two ways of computing may part.
JUMPS = frozenset((
    "sign", "floor", "ceil", "round", "argmax", "argmin", "topk", "cast", "gt", "ge", "lt", "le", "eq", "ne",
    "threshold", "max_positions", "mask_like", "logical_and", "logical_or", "logical_not", "formula", "iou_match",
    "hard_negatives", "task_aligned_assign", "nms", "normalize", "one_hot", "grid_sample", "loop",
    "neighbor_padding", "max", "min", "distribution_focal_loss", "ciou_loss", "gradient",
))  # fmt: skip


class Case:
    """What the laws look at. Everything is made when it is first asked for."""

    def __init__(self, draft: Draft | str) -> None:
        """Of a draft, or of the text of a spec: then with inputs like any other's."""
        self.draft = draft if isinstance(draft, Draft) else None
        self.text = draft.text() if isinstance(draft, Draft) else draft
        self.seed = hash_of(torch.tensor([float(ord(c)) for c in self.text])) % 2**31

    @cached_property
    def graph(self) -> Graph:
        """The graph as it was loaded, with losses and dead ends."""
        return reloaded(self.text)

    @cached_property
    def deployed(self) -> Graph:
        return self.graph.deployed()

    @cached_property
    def module(self) -> nn.Module:
        module = lower(self.graph).eval()
        randomise(module, self.seed)
        return module

    @cached_property
    def state(self) -> Mapping[str, torch.Tensor]:
        return {name: tensor.clone() for name, tensor in self.module.state_dict().items()}

    @cached_property
    def inputs(self) -> tuple[torch.Tensor, ...]:
        if self.draft is None:
            return example_inputs(self.graph)
        found = entered(self.draft)
        return tuple(found[e.name] for e in self.graph.inputs)

    @cached_property
    def targets(self) -> tuple[torch.Tensor, ...]:
        if self.draft is None:
            return example_inputs(self.graph.with_(inputs=self.graph.targets))
        found = entered(self.draft)
        return tuple(found[e.name] for e in self.graph.targets)

    @cached_property
    def sizes(self) -> dict[str, int]:
        """What the free sizes are."""
        return {str(s): x.shape[k] for e, x in zip(self.graph.inputs, self.inputs, strict=True)
                for k, s in enumerate(e.type.shape) if not isinstance(s, int)}  # fmt: skip

    @cached_property
    def outputs(self) -> Outputs:
        return run(self.module, self.inputs, self.deployed)

    @cached_property
    def wide(self) -> Outputs | None:
        """The outputs in double precision, where the graph does not mix precisions of its own."""
        return self.widely(self.deployed, self.state)

    def widely(self, graph: Graph, state: Mapping[str, torch.Tensor]) -> Outputs | None:
        module = built(graph, state).double()
        inputs = [x.double() if x.dtype == torch.float32 else x for x in self.inputs]
        try:
            return run(module, inputs, graph)
        except RuntimeError:
            return None

    @cached_property
    def sure(self) -> frozenset[str]:
        """The outputs that do not depend on a jump of what was rounded."""
        exact, unsure = {e.name for e in self.graph.inputs}, set[str]()
        for node in self.deployed.nodes:
            sources = {self.deployed.producer(v) for v in node.reads}
            if sources <= exact and (node.op.name in MOVING or not node.op.ports):
                exact.add(node.name)
            elif sources & unsure or (node.op.name in JUMPS and not sources <= exact):
                unsure.add(node.name)
        return frozenset(port for port, value in self.deployed.outputs if self.deployed.producer(value) not in unsure)

    def ops(self) -> set[str]:
        """The names of the ops in the graph and in the bodies of its loops."""
        return {node.op.name for node in every_node(self.graph)}


def every_node(graph: Graph) -> list[Node]:
    """The nodes of a graph and of the bodies of its loops."""
    bodies = [node.op.body for node in graph.nodes if node.op.name == "loop"]  # type: ignore[attr-defined]
    return [*graph.nodes, *(node for body in bodies for node in every_node(body))]


def reloaded(text: str) -> Graph:
    """The graph of a spec."""
    with tempfile.TemporaryDirectory(prefix="graphwright-fuzz-") as folder:
        path = Path(folder) / "fuzz.yaml"
        path.write_text(text, encoding="utf-8")
        return load(path)


def built(graph: Graph, state: Mapping[str, torch.Tensor]) -> nn.Module:
    """The deployed graph with these weights, for inference."""
    module = lower(graph).eval()
    module.load_state_dict(dict(state), strict=True)
    return module


def run(module: nn.Module, inputs: Any, graph: Graph) -> Outputs:
    """What a module gives, by port."""
    with torch.no_grad():
        found = module(*inputs)
    return named(found, graph)


class Ordered(fx.Interpreter):
    """A module whose every value lies in memory in the order of its dimensions: torch adds up a strided view in
    another order, so that the last bits of a result may depend on who made its input, and not on its numbers."""

    def run_node(self, n: fx.Node) -> Any:
        return fx.node.map_aggregate(
            super().run_node(n), lambda x: x.contiguous() if isinstance(x, torch.Tensor) else x
        )


def ordered(module: nn.Module, inputs: Any, graph: Graph) -> Outputs:
    """What a module gives, by port, where no value is a strided view."""
    assert isinstance(module, fx.GraphModule)
    with torch.no_grad():
        return named(Ordered(module).run(*inputs), graph)


def named(found: Any, graph: Graph) -> Outputs:
    ports = [port for port, _ in graph.deployed().outputs]
    return dict(zip(ports, tensors(found).values(), strict=True))


def same(found: Mapping[str, torch.Tensor], wanted: Mapping[str, torch.Tensor]) -> None:
    """Bit for bit; one NaN is like another."""
    assert found.keys() == wanted.keys()
    for name, tensor in wanted.items():
        close_ = torch.testing.assert_close
        close_(found[name], tensor, rtol=0, atol=0, equal_nan=True, msg=lambda m, n=name: f"{n}: {m}")


def near(case: Case, found: Outputs, within: float) -> None:
    """As near to the outputs as `within`, or as these are to the outputs in double precision, twenty times over.

    What is not finite, or depends on a jump, is compared in shape and dtype alone.
    """
    assert found.keys() == case.outputs.keys()
    for port, wanted in case.outputs.items():
        ours = found[port]
        assert (ours.shape, ours.dtype) == (wanted.shape, wanted.dtype), port
        if port not in case.sure:
            continue
        reference = (case.wide or case.outputs)[port]
        close(ours, wanted, within, reference, port)


def close(ours: torch.Tensor, wanted: torch.Tensor, within: float, reference: torch.Tensor, port: str) -> None:
    if not wanted.is_floating_point():
        assert torch.equal(ours, wanted), port
        return
    a, b, r = ours.double(), wanted.double(), reference.double()
    finite = b.isfinite() & r.isfinite() & (b.abs() < 1e12)
    if not bool(finite.any()):
        return
    scale = float(b[finite].abs().max())
    allowed = max(within * max(scale, 1e-3), 20 * float((b - r)[finite].abs().max()))
    apart = float((a - b)[finite].abs().nan_to_num(float("inf")).max())
    assert apart <= allowed, f"{port} differs by {apart:.3g} of {scale:.3g}; {allowed:.3g} is allowed"
