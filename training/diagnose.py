"""Which node made a loss NaN or infinite: the batch is run once more, node by node, and every result looked at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, fx, nn

from graphwright.compiler.places import NOWHERE, Place, Problem, SpecError
from graphwright.training.step import Job, State, arithmetic, guide_is_on, reseed


@dataclass(frozen=True)
class Culprit:
    """The first value that isn't finite."""

    what: str
    place: Place = NOWHERE


def find(job: Job, state: State) -> Culprit | None:
    """The first value of the coming step that isn't finite: an input, a weight, or a node's result."""
    for name, weight in state.module.named_parameters():
        if not _finite(weight):
            return Culprit(f"parameter '{name}', after the step before", _place_of(state.module, name))
    reseed(job, state.step)
    state.module.train()
    module = state.beside if state.beside is not None and guide_is_on(job, state.step) else state.module
    for part in job.feed.parts(state.step):
        targets = job.task.target(job.graph, part.labels, part.partners, part.weight)
        if not _finite(part.inputs):
            return Culprit("the data")
        with torch.no_grad(), arithmetic(job):
            found = search(module, (part.inputs, *targets))
        if found:
            return found
    return None


def search(module: nn.Module, arguments: Sequence[Any]) -> Culprit | None:
    """The first node of an fx module whose result isn't finite; blocks are looked into."""
    if not isinstance(module, fx.GraphModule):
        return None
    try:
        _Searching(module).run(*arguments)
    except _FoundError as found:
        return found.culprit
    return None


class _FoundError(Exception):
    def __init__(self, culprit: Culprit) -> None:
        super().__init__(culprit)
        self.culprit = culprit


class _Searching(fx.Interpreter):
    """Runs node by node, and stops at the first result that isn't finite. -inf is a mask's good right."""

    def __init__(self, module: fx.GraphModule, prefix: str = "") -> None:
        super().__init__(module)
        self.prefix = prefix

    def run_node(self, n: fx.Node) -> Any:
        result = super().run_node(n)
        if n.op not in ("output", "placeholder") and not _finite(result):
            raise _FoundError(Culprit(f"node '{self.prefix}{_name(n)}'", n.meta.get("place", NOWHERE)))
        return result

    def call_module(self, target: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        inner = self.fetch_attr(target)
        if isinstance(inner, fx.GraphModule) and not kwargs:
            return _Searching(inner, f"{self.prefix}{target}.").run(*args)
        return super().call_module(target, args, kwargs)


def _name(node: fx.Node) -> str:
    """The spec's name of a node, where the lowering says it."""
    if "spec_node" in node.meta:
        return str(node.meta["spec_node"])
    return str(node.target) if node.op == "call_module" else node.name


def _finite(value: Any) -> bool:
    if isinstance(value, (tuple, list)):
        return all(_finite(v) for v in value)
    if isinstance(value, dict):
        return all(_finite(v) for v in value.values())
    if not isinstance(value, Tensor) or not value.is_floating_point():
        return True
    return not bool((torch.isnan(value) | torch.isposinf(value)).any())


def _place_of(module: nn.Module, parameter: str) -> Place:
    owner = parameter.rpartition(".")[0]
    if isinstance(module, fx.GraphModule):
        for node in module.graph.nodes:
            if node.target == owner:
                return node.meta.get("place", NOWHERE)  # type: ignore[no-any-return]
    return NOWHERE


def refusal(step: int, epoch: int, culprit: Culprit | None, last_good: str) -> SpecError:
    """The error that ends a run whose loss isn't finite."""
    where = f"the first value that is not finite is {culprit.what}" if culprit else "running it again found no node"
    message = (
        f"the loss of step {step} (epoch {epoch}) is not finite: {where}; the weights before it are in {last_good}"
    )
    hint = "lower lr, set clip=1, or train in fp32"
    return SpecError([Problem(culprit.place if culprit else NOWHERE, message, hint)])
