"""Activations that may overwrite their input: no value changes, one tensor less is allocated."""

from __future__ import annotations

from torch import fx

from graphwright.compiler.ir.graph import Graph

#: Ops whose backward does not need their own output, so that a sole reader may overwrite it.
OVERWRITABLE = (
    "conv1d", "conv2d", "conv3d", "conv_transpose1d", "conv_transpose2d", "conv_transpose3d", "linear",
    "batch_norm", "group_norm", "add", "sub",
)  # fmt: skip


def reuse_buffers(graph: Graph, lowered: fx.Graph) -> None:
    """Let functions with torch's `inplace` argument overwrite an input that nothing else reads."""
    for node in lowered.nodes:
        if node.kwargs.get("inplace") is not False or not isinstance(node.args[0], fx.Node):
            continue
        source = node.args[0]
        maker = graph.by_name.get(source.meta.get("spec_node", ""))
        if maker is not None and maker.op.name in OVERWRITABLE and len(source.users) == 1 and _computes(source):
            node.kwargs = {**node.kwargs, "inplace": True}


def _computes(source: fx.Node) -> bool:
    """Whether the value is a tensor of its own: `add` of one input, say, leaves no node and no new tensor."""
    return source.op in ("call_module", "call_function")
