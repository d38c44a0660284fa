"""Small nets with reversible scopes, and how they are compared with the plain backward pass."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from graphwright.compiler.ir.graph import Graph
from graphwright.compiler.language.load import load
from graphwright.compiler.lowering.lower import lower
from tests.library.counter import fill, integers, signed

#: A reversible residual network, with all that is not the same when it runs twice.
REVNET = """
graphwright: 1
name: revnet
params: {depth: 3, drop: 0.3, norm: batch_norm}
inputs: {image: [N, 4, 6, 6]}
nodes:
  left: {op: conv2d, in: image, out: 5, kernel: 1}
  right: {op: conv2d, in: image, out: 5, kernel: 1}
  blocks: {op: pair, repeat: $depth, in: {a: left, b: right}, drop: $drop, norm: $norm, reversible: true}
  product: {op: mul, in: [blocks.a, blocks.b]}
  pool: {op: mean, dims: [2, 3]}
outputs: {logits: pool}
targets: {label: "int64[N]"}
losses: {main: {op: cross_entropy, in: [logits, label]}}
blocks:
  pair:
    params: {drop: float, norm: op}
    inputs: {a: [N, C, _, _], b: any}
    outputs: {a: y, b: z}
    nodes:
      f: {op: branch, in: b, drop: $drop, norm: $norm}
      y: {op: add, in: [a, f]}
      g: {op: branch, in: y, drop: $drop, norm: $norm}
      half: {op: scale, in: b, factor: 0.5}
      z: {op: add, in: [half, g]}
  branch:
    params: {drop: float, norm: op}
    inputs: {x: [N, C, _, _]}
    nodes:
      conv: {op: conv2d, out: $C, kernel: 3, padding: 1, bias: false}
      norm: $norm
      act: relu
      dropout: {op: dropout, p: $drop}
      dropout2d: {op: dropout2d, p: $drop}
      drop_path: {op: drop_path, p: $drop}
"""
INPUTS = (signed("image", (3, 4, 6, 6)), integers("label", (3,), 5))


def revnet(folder: Path, *changes: tuple[str, str], **params: Any) -> Graph:
    """The net, with changes to its text, and values of its params."""
    text = REVNET
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    path = folder / "revnet.yaml"
    path.write_text(text)
    return load(path, params)


def plain(graph: Graph) -> Graph:
    """The graph without its reversible marks."""
    return graph.with_(
        scopes=tuple(replace(s, marks=replace(s.marks, reversible=False)) for s in graph.scopes),
        nodes=tuple(replace(n, marks=replace(n.marks, reversible=False)) for n in graph.nodes),
    )


def model(graph: Graph) -> nn.Module:
    """The training graph in double precision, filled by the counter; what is called alpha lies in [0.4, 0.8)."""
    made = fill(lower(graph, cone="train").double())
    with torch.no_grad():
        for name, parameter in made.named_parameters():
            if "alpha" in name:
                parameter.add_(0.6)
    return made


def objective(outputs: Mapping[str, Mapping[str, Tensor]]) -> Tensor:
    """The sum of the losses."""
    return torch.stack(list(outputs["losses"].values())).sum()


def gradients(made: nn.Module, inputs: tuple[Tensor, ...], seed: int = 0) -> dict[str, Tensor]:
    """Of the sum of the losses, by each parameter's name; and the losses themselves."""
    torch.manual_seed(seed)
    made.zero_grad()
    loss = objective(made(*inputs))
    loss.backward()
    found = {name: p.grad.clone() for name, p in made.named_parameters() if p.grad is not None}
    return {"loss": loss.detach(), **found}


def apart(ours: Mapping[str, Tensor], theirs: Mapping[str, Tensor]) -> float:
    """The largest difference of any entry, as a share of its largest value."""
    assert ours.keys() == theirs.keys()
    return max(((ours[k] - theirs[k]).abs().max() / theirs[k].abs().max()).item() for k in theirs)


def saved_bytes(made: nn.Module, inputs: tuple[Tensor, ...]) -> int:
    """What autograd keeps for the backward pass, parameters apart, each storage once."""
    own = {p.untyped_storage().data_ptr() for p in made.parameters()}
    kept: dict[int, Tensor] = {}

    def pack(tensor: Tensor) -> Tensor:
        kept[tensor.untyped_storage().data_ptr()] = tensor
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        loss = objective(made(*inputs))
    assert loss.requires_grad
    return sum(t.untyped_storage().nbytes() for pointer, t in kept.items() if pointer not in own)
