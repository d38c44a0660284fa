"""Batch norm after a convolution or linear layer, folded into its weight and bias for deployment."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from graphwright.compiler.ir.graph import Graph, Node, Rewrite
from graphwright.compiler.ir.select import select
from graphwright.compiler.lowering.retype import retype
from graphwright.compiler.transforms.edits import renamed

FOLDABLE = ("conv1d", "conv2d", "conv3d", "conv_transpose1d", "conv_transpose2d", "conv_transpose3d", "linear")


@dataclass(frozen=True)
class FoldBatchNorm:
    """Fold every batch norm whose only source is a convolution or linear layer that nothing else reads.

    `W' = W g / sqrt(v + eps)`, `b' = (b - m) g / sqrt(v + eps) + beta`, per output channel, with the running
    mean m and variance v. Equal in eval mode; the graph is for deployment, since the statistics are gone.

    rewrite:
        `conv1 = conv2d(x) bias=false; bn1 = batch_norm(conv1)`  -->  `conv1 = conv2d(x)`
    """

    name: ClassVar[str] = "fold_batch_norm"
    where: str = "op:batch_norm"

    def __call__(self, graph: Graph) -> Graph:
        pairs = [(conv, bn) for bn in select(graph, self.where) if (conv := _foldable(graph, bn)) is not None]
        if not pairs:
            return graph
        folded = {conv.name: replace(conv, op=replace(conv.op, bias=True)) for conv, _ in pairs}  # type: ignore[call-arg]
        gone = {bn.name: conv.name for conv, bn in pairs}
        nodes = tuple(folded.get(n.name, n) for n in graph.nodes if n.name not in gone)
        rewrites = tuple(_rewrite(conv, bn) for conv, bn in pairs)
        made = renamed(graph.with_(nodes=nodes), gone)
        return retype(made.with_(rewrites=(*graph.rewrites, *rewrites)), graph)


def _foldable(graph: Graph, bn: Node) -> Node | None:
    """The layer that `bn` can be folded into, if there is one."""
    conv = graph.by_name.get(bn.reads[0]) if bn.op.name == "batch_norm" and bn.buffers and not bn.marks.tie else None
    if conv is None or conv.op.name not in FOLDABLE or conv.marks.tie or len(conv.inputs) != 1:
        return None
    shared = any(n.marks.tie == conv.name or n.marks.tie == bn.name for n in graph.nodes)
    read_elsewhere = graph.readers.get(conv.name, ()) != (bn.name,)
    is_output = any(v == conv.name for _, v in graph.outputs) or any(t.value == conv.name for t in graph.losses)
    if conv.op.name == "linear" and bn.outputs[0].rank != 2:  # batch norm runs over dim 1, linear over the last
        return None
    return None if shared or read_elsewhere or is_output else conv


def _rewrite(conv: Node, bn: Node) -> Rewrite:
    groups = getattr(conv.op, "groups", 1)
    kind = "fold_transposed" if conv.op.name.startswith("conv_transpose") else "fold"
    return Rewrite(kind, (("layer", conv.name), ("norm", bn.name)), (("eps", bn.op.eps), ("groups", groups)))  # type: ignore[attr-defined]
