"""A model run on pictures: every value of it, for the page to show and to compute with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from graphwright.compiler.ir.graph import Graph
from graphwright.compiler.lowering.lower import lower
from graphwright.compiler.places import NOWHERE, fail

#: So many pictures fit a page.
MOST = 16


@dataclass(frozen=True)
class Reading:
    """How a picture becomes an input: `(pixel - mean) / std` in each channel, with pixels from 0 to 1.

    Its shorter side is resized to `1 / crop` of the input's, and the middle cut out; without `crop`, the whole
    picture is resized to the input's height and width.
    """

    mean: tuple[float, ...]
    std: tuple[float, ...]
    crop: float | None = None

    def described(self) -> dict[str, Any]:
        """For the page."""
        return {"mean": list(self.mean), "std": list(self.std), "crop": self.crop}


@dataclass(frozen=True)
class Pictures:
    """Pictures as they are seen, `pixels` [P, H, W, 1 or 3] from 0 to 1, and as they are read, `inputs` [P, C, H, W].

    `classes` are the names of the model's classes, if they are known; `told` says how pixels became inputs, to people,
    and `reading` to a live page.
    """

    names: tuple[str, ...]
    pixels: np.ndarray
    inputs: torch.Tensor
    classes: tuple[str, ...] = ()
    told: str = ""
    reading: Reading | None = None

    def __post_init__(self) -> None:
        if not 0 < len(self.names) <= MOST:
            raise fail(NOWHERE, f"{len(self.names)} pictures do not fit a page", f"give one to {MOST}")


def sized(graph: Graph, pictures: Pictures) -> Graph:
    """The graph with the sizes of these pictures as the defaults of the input's free ones."""
    first, *others = graph.inputs
    sizes = dict(zip(map(str, first.type.shape[1:]), pictures.inputs.shape[1:], strict=True))
    free = {s: n for s, n in sizes.items() if s in first.type.symbols}
    return graph.with_(inputs=(replace(first, defaults={**first.defaults, **free}), *others))


def record(
    graph: Graph, weights: Mapping[str, torch.Tensor], inputs: torch.Tensor, seed: int = 0
) -> list[dict[str, torch.Tensor]]:
    """The values of all nodes, and the input, for each picture on its own: tensors by the name of the value.

    The model runs as it is deployed. Where `weights` lack a tensor, it has the initial value of `seed`.
    """
    deployed = graph.deployed()
    if len(deployed.inputs) != 1:
        names = ", ".join(e.name for e in deployed.inputs)
        raise fail(NOWHERE, f"{graph.name} reads {names}: pictures alone do not feed it", "leave out the pictures")
    values = [v for node in deployed.nodes for v in node.values]
    module = lower(deployed.with_(outputs=tuple((value, value) for value in values)), seed=seed).eval()
    wanted = module.state_dict()
    module.load_state_dict({name: weights.get(name, tensor) for name, tensor in wanted.items()})
    found = []
    with torch.inference_mode():
        for picture in torch.split(inputs, 1):
            given = module(picture)
            given = given if len(values) > 1 else {values[0]: given}
            found.append({name: value.detach() for name, value in given.items()} | {deployed.inputs[0].name: picture})
    return found


def scored(graph: Graph, values: Mapping[str, torch.Tensor]) -> tuple[str, bool] | None:
    """The first output that is [1, classes], and whether it is probabilities already; `None` if there is none."""
    deployed = graph.deployed()
    for _, value in deployed.outputs:
        scores = values.get(value)
        if scores is not None and scores.dim() == 2 and scores.is_floating_point() and scores.shape[1] > 1:
            node = deployed.by_name.get(deployed.producer(value))
            return value, node is not None and node.op.name == "softmax"
    return None


def probabilities(graph: Graph, values: Mapping[str, torch.Tensor]) -> torch.Tensor | None:
    """The probabilities of classes in the first output that is [1, classes]; its softmax, unless it is one."""
    found = scored(graph, values)
    if found is None:
        return None
    value, done = found
    scores = values[value][0].double()
    return scores if done else scores.softmax(0)


@dataclass(frozen=True)
class Layout:
    """How a value becomes channels of maps: `form` is maps, tokens, vector, matrix or heads.

    `skipped` tokens stand before those that lie on the picture.
    """

    form: str
    last: bool = False
    skipped: int = 0

    def arrange(self, value: torch.Tensor) -> torch.Tensor:
        """The value as [channels, rows, columns]."""
        if self.form == "heads":
            return value.reshape(-1, *value.shape[-2:])
        inner = value[0]
        if self.form == "vector":
            return inner[:, None, None]
        if self.form == "matrix":
            return inner[None]
        if self.form == "tokens":
            inner = inner[self.skipped :]
            side = round(len(inner) ** 0.5)
            return inner.T.reshape(-1, side, side)
        return inner.permute(2, 0, 1) if self.last else inner


#: Ops whose input and output have their channels first, [N, C, H, W].
_CHANNELS_FIRST = ("batch_norm", "instance_norm", "group_norm", "local_response_norm")


def _known(graph: Graph) -> dict[str, Layout]:
    """The layouts that follow from the ops that read and make values: of convolutions and attention."""
    found: dict[str, Layout] = {}
    for node in graph.nodes:
        if node.op.name == "attention":
            values = [value for port, value in node.inputs if port != "bias"]
            found.update(dict.fromkeys([*values, node.name], Layout("heads")))
        elif node.op.family in ("convolution", "pooling") or node.op.name in _CHANNELS_FIRST:
            found.update(dict.fromkeys([node.reads[0], node.name], Layout("maps")))
    return found


def layouts(graph: Graph, values: Mapping[str, torch.Tensor]) -> dict[str, Layout]:
    """The layouts of the values that have one."""
    known = _known(graph)
    found = {name: layout(value, known.get(name)) for name, value in values.items()}
    return {name: way for name, way in found.items() if way is not None}


def layout(value: torch.Tensor, known: Layout | None = None) -> Layout | None:
    """The layout of a value of one picture, by its shape; `None` if it has none (of several windows, or no floats).

    A map [1, a, a, b] has its channels last unless its layout is known.
    """
    if not value.is_floating_point() or not value.numel():
        return None
    if known is not None and known.form == "heads":
        return known if value.dim() > 2 else None
    if value.dim() not in (2, 3, 4) or value.shape[0] != 1:
        return None
    if value.dim() == 2:
        return Layout("vector")
    if value.dim() == 4:
        _, first, second, third = value.shape
        return known or Layout("maps", last=first == second != third)
    return next((Layout("tokens", skipped=k) for k in (0, 1, 2) if _is_grid(value.shape[1] - k)), Layout("matrix"))


def _is_grid(count: int) -> bool:
    return count >= 4 and round(count**0.5) ** 2 == count


def activity(values: Sequence[torch.Tensor]) -> list[int]:
    """The channels, first the one whose mean absolute value over all pictures is greatest."""
    means = torch.stack([v.float().abs().nan_to_num(0.0, 0.0, 0.0).mean((1, 2)) for v in values]).mean(0)
    return means.argsort(descending=True, stable=True).tolist()
