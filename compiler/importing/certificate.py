"""The parity certificate: what was compared between a foreign model and its graph, on which machine, and the result.

In eval mode outputs are compared. In training mode outputs, and the running statistics after one step, with dropout and
drop path switched off on both sides, since the two draw their noise in different ways.
"""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Any

import torch
from torch import nn

from graphwright.compiler.ir.graph import Graph
from graphwright.compiler.ir.hashing import structural_hash
from graphwright.compiler.lowering.lower import lower

#: Attributes that hold a rate at which something is dropped, in torch, torchvision, timm and here.
RATES = ("p", "drop_prob", "drop_path_rate", "drop_rate", "dropout", "dropout_p", "rate")


@dataclass(frozen=True)
class Difference:
    """The largest differences of one comparison: absolute, and relative to the largest value."""

    absolute: float
    relative: float
    bitwise: bool
    note: str = ""


@dataclass(frozen=True)
class Certificate:
    """What was compared, and how far apart the two were. `None` is "not compared"; `note` says why."""

    model: str
    eval: Difference | None
    train: Difference | None
    inputs: Mapping[str, str]
    dtype: str
    device: str
    seed: int
    threads: int
    versions: Mapping[str, str]
    structural_hash: str
    torch_export: str = ""
    added: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def certify(
    graph: Graph, weights: Mapping[str, torch.Tensor], reference: nn.Module, inputs: tuple[Any, ...],
    keywords: Mapping[str, Any], *, model: str = "", seed: int = 0, note: str = "",
) -> Certificate:  # fmt: skip
    """Compare a graph with the module it was made from, on the same inputs, in both modes."""
    tensors = [v for v in torch.utils._pytree.tree_leaves((inputs, dict(keywords))) if isinstance(v, torch.Tensor)]
    named = dict(zip((e.name for e in graph.inputs), tensors, strict=False))
    before = [(m, m.training) for m in reference.modules()]
    state = {k: v.clone() for k, v in reference.state_dict().items() if isinstance(v, torch.Tensor)}
    try:
        found = {
            mode: _compared(graph, weights, reference, inputs, keywords, tensors, train=mode == "train")
            for mode in ("eval", "train")
        }
    finally:
        with torch.no_grad():  # in place: modules may refuse a state without its version
            for name, tensor in reference.state_dict().items():
                if name in state:
                    tensor.copy_(state[name])
        for part, mode in before:
            part.training = mode
    added = tuple(sorted(weights.keys() - state.keys()))
    return stated(graph, named, found["eval"], found["train"], model=model, seed=seed, note=note, added=added)


def stated(
    graph: Graph, inputs: Mapping[str, torch.Tensor], eval_: Difference | None, train: Difference | None, *,
    model: str = "", seed: int = 0, note: str = "", added: tuple[str, ...] = (),
    versions: Mapping[str, str] | None = None,
) -> Certificate:  # fmt: skip
    """The certificate of comparisons that were made on these inputs (or were not: then `note` says why)."""
    first = next(iter(inputs.values()), None)
    return Certificate(
        model, eval_, train,
        {k: f"{str(v.dtype).removeprefix('torch.')}{list(v.shape)}" for k, v in inputs.items()},
        str(first.dtype).removeprefix("torch.") if first is not None else "",
        str(first.device) if first is not None else "", seed, torch.get_num_threads(),
        {"torch": torch.__version__, "python": platform.python_version(), "machine": platform.machine(),
         **(versions or {})},
        structural_hash(graph), note, added,
    )  # fmt: skip


def _compared(
    graph: Graph, weights: Mapping[str, torch.Tensor], reference: nn.Module, inputs: tuple[Any, ...],
    keywords: Mapping[str, Any], tensors: list[torch.Tensor], *, train: bool,
) -> Difference | None:  # fmt: skip
    fresh = lower(_all_outputs(graph) if train else graph).to(tensors[0].device if tensors else "cpu")
    expected = fresh.state_dict(keep_vars=True)
    with torch.no_grad():
        for name, tensor in weights.items():
            if name in expected:
                expected[name].copy_(tensor)
    fresh.train(train)
    reference.train(train)
    try:
        with torch.no_grad(), _undropped(fresh), _undropped(reference):
            theirs = _leaves(reference(*inputs, **keywords))
            mine = _leaves(fresh(*tensors))
    except Exception as error:  # the reference runs its own code; what it raises is the answer
        return Difference(float("nan"), float("nan"), False, f"{type(error).__name__}: {str(error).splitlines()[0]}")
    if len(theirs) != len(mine):
        return Difference(float("nan"), float("nan"), False, f"{len(theirs)} outputs there, {len(mine)} here")
    pairs = list(zip(theirs, mine, strict=True))
    if train:
        after = fresh.state_dict()
        pairs += [(v, after[k]) for k, v in reference.state_dict().items() if k in after and "running_" in k]
    return difference(pairs)


def _all_outputs(graph: Graph) -> Graph:
    """The graph with its training-only outputs as ordinary ones."""
    nodes = tuple(replace(n, marks=replace(n.marks, train_only=False)) for n in graph.nodes)
    return graph.with_(nodes=nodes)


def difference(pairs: list[tuple[torch.Tensor, torch.Tensor]]) -> Difference:
    """The largest differences over pairs of tensors."""
    absolute = relative = 0.0
    for theirs, mine in pairs:
        if theirs.shape != mine.shape:
            return Difference(float("nan"), float("nan"), False, f"{list(theirs.shape)} there, {list(mine.shape)} here")
        if not theirs.numel():
            continue
        far = (theirs.double() - mine.double()).abs().max().item()
        scale = theirs.double().abs().max().item()
        absolute, relative = max(absolute, far), max(relative, far / scale if scale else far)
    same = all(torch.equal(a, b) for a, b in pairs)
    return Difference(absolute, relative, same)


def _leaves(result: Any) -> list[torch.Tensor]:
    return [v for v in torch.utils._pytree.tree_leaves(result) if isinstance(v, torch.Tensor)]


def _drops(part: nn.Module) -> bool:
    """Whether a module of torch's own drops something; in others, such as a padding, `p` means something else."""
    return "Drop" in type(part).__name__ or isinstance(part, (nn.MultiheadAttention, nn.RNNBase))


@contextmanager
def _undropped(module: nn.Module) -> Iterator[None]:
    """Every rate at which a module drops something is zero meanwhile."""
    undo: list[Callable[[], None]] = []
    for part in module.modules():
        if type(part).__module__.startswith("torch.nn") and not _drops(part):
            continue
        for name in RATES:
            rate = part.__dict__.get(name)
            if isinstance(rate, float) and 0 < rate < 1:
                undo.append(partial(setattr, part, name, rate))
                setattr(part, name, 0.0)
        keep = part._buffers.get("keep")
        if isinstance(keep, torch.Tensor) and keep.ndim == 0:
            part._buffers["keep"] = torch.ones_like(keep)
            undo.append(partial(part._buffers.__setitem__, "keep", keep))
    try:
        yield
    finally:
        for action in undo:
            action()
