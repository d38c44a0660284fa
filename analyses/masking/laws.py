"""The laws of layer masking, checked on a run's own pictures and masks."""

from __future__ import annotations

from collections.abc import Mapping

import torch

from graphwright.analyses.contract import Build, Law, apart, named
from graphwright.analyses.masking.sight import Masker
from graphwright.compiler.ir.graph import Graph
from graphwright.compiler.ops.arithmetic import Scale
from graphwright.compiler.transforms.instrument import Rewriter

Outputs = Mapping[str, torch.Tensor]


def laws(
    base: Graph, instrumented: Graph, seen: Graph, made: Masker, build: Build, images: torch.Tensor, masks: torch.Tensor
) -> tuple[Law, ...]:
    """Neutral mask, no effect of masked pixels, nothing visible, batch and samples, and order of masks.

    `seen` is the graph of the masks alone.
    """
    call, pyramid = build(instrumented), build(seen)

    def run(pictures: torch.Tensor, mask: torch.Tensor) -> Outputs:
        return named(call(pictures, mask), instrumented)

    def see(mask: torch.Tensor) -> Outputs:
        return named(pyramid(images, mask), seen)

    ports = [p for p, _ in base.outputs]
    batch = base.inputs[0].type.shape[0]
    of_samples = [p for p, v in base.outputs if base.types[v].shape[:1] == (batch,)]
    nothing = torch.zeros_like(masks)
    plain, masked = named(build(base)(images), base), run(images, masks)
    found = [
        Law("an all-visible mask changes nothing", _worst(plain, run(images, ~nothing), ports), 0.0),
        Law("masked pixels have no effect", max(_worst(masked, run(other, masks), ports)
                                                for other in _recoloured(images, masks)), 0.0),
        Law("a batch equals its samples",
            _worst({p: masked[p][:1] for p in of_samples}, run(images[:1], masks[:1]), of_samples), 1e-4),
        Law("a larger mask is larger at every layer", _lost(see(_part(masks)), see(masks)), 0.0),
    ]  # fmt: skip
    head = _head(base, made, see(nothing))
    if head is not None:
        zero = named(build(head)(images), head)
        found.append(Law("nothing visible is a head of zeros", _worst(zero, run(images, nothing), ports), 0.0))
    return tuple(found)


def _worst(ours: Outputs, theirs: Outputs, ports: list[str]) -> float:
    return max((apart(ours[p], theirs[p]) for p in ports), default=0.0)


def _recoloured(images: torch.Tensor, masks: torch.Tensor) -> list[torch.Tensor]:
    """The pictures with other things at masked pixels."""
    drawn = 100 * torch.randn(images.shape, generator=torch.Generator().manual_seed(0)).to(images)
    return [torch.where(masks, images, other) for other in (drawn, float("nan"), float("inf"), -3.0)]


def _part(masks: torch.Tensor) -> torch.Tensor:
    """The left half of each mask."""
    columns = torch.arange(masks.shape[-1], device=masks.device)
    return masks & (columns < masks.shape[-1] // 2)


def _lost(smaller: Outputs, larger: Outputs) -> float:
    """How many cells the smaller mask shows that the larger one does not, over all layers."""
    return float(sum(int((smaller[p] & ~larger[p]).sum()) for p in smaller))


def _head(base: Graph, made: Masker, dark: Outputs) -> Graph | None:
    """The model with zeros for the features that its head reads; `None` where some are seen in any case, or none end.

    The features are the last value at which a mask ended, where all that leaves the model goes through it. Zeros come
    of a multiplication, so the pictures must be finite.
    """
    for value, mask in reversed(made.ended.items()):
        if not bool(dark[mask.replace(":", ".")].any()) and _only_way(base, value):
            return _zeroed(base, value)
    return None


def _only_way(base: Graph, value: str) -> bool:
    """Whether no output depends on the picture but through the value."""
    todo, met = [v for _, v in base.outputs], {value}
    entries = {e.name for e in base.inputs}
    while todo:
        at = todo.pop()
        if at in met:
            continue
        met.add(at)
        maker = base.producer(at)
        if maker in entries:
            return False
        if maker == base.producer(value):
            return False
        todo += base.by_name[maker].reads
    return True


def _zeroed(base: Graph, value: str) -> Graph:
    made = Rewriter(base, "zeros")
    for node in base.nodes:
        made.keep(node)
        if value in node.values:
            made.values[value] = made.add(node, "zero", Scale(0.0), (value,))
    return made.finish([(port, made.now(v)) for port, v in base.outputs])
