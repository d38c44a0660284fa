"""The law of samples: a batch is its samples, for graphs of ops that keep them apart."""

from __future__ import annotations

from graphwright.compiler.ir.graph import Node
from graphwright.compiler.ir.types import Type
from tests.fuzz.case import Case, built, close, run

#: Ops that compute each sample from itself, where all their values have the batch first.
APART = frozenset((
    "conv1d", "conv2d", "conv3d", "conv_transpose1d", "conv_transpose2d", "conv_transpose3d", "max_pool1d",
    "max_pool2d", "max_pool3d", "avg_pool1d", "avg_pool2d", "avg_pool3d", "lp_pool2d", "adaptive_avg_pool1d",
    "adaptive_avg_pool2d", "adaptive_avg_pool3d", "adaptive_max_pool2d", "instance_norm", "group_norm",
    "local_response_norm", "identity", "relu", "relu6", "leaky_relu", "prelu", "elu", "selu", "celu", "silu",
    "mish", "gelu", "sigmoid", "tanh", "hardtanh", "hardsigmoid", "hardswish", "softplus", "softsign",
    "log_sigmoid", "linear", "bilinear", "attention", "lstm", "gru", "multi_head_attention", "rnn", "add", "mul",
    "sub", "div", "maximum", "minimum", "clamp", "scale", "neg", "abs", "exp", "square", "sin", "cos", "erf",
    "pixel_shuffle", "pixel_unshuffle", "channel_shuffle", "unfold", "interpolate", "upsample", "dropout",
    "dropout1d", "dropout2d", "dropout3d", "drop_path", "visible_moments", "where", "pow",
))  # fmt: skip


def batch_is_samples(case: Case) -> bool:
    """Each sample alone gives what it gives among others, in double precision."""
    entries = all(_batched(e.type) for e in case.graph.inputs)
    if not entries or not all(_apart(n) for n in case.deployed.nodes) or case.wide is None:
        return False
    module = built(case.deployed, case.state).double()
    for k in range(case.sizes["N"]):
        inputs = [x[k : k + 1] for x in case.inputs]
        alone = run(module, [x.double() if x.is_floating_point() else x for x in inputs], case.deployed)
        for port, together in case.wide.items():
            close(alone[port], together[k : k + 1], 1e-10, together[k : k + 1], f"sample {k} of {port}")
    return True


def _apart(node: Node) -> bool:
    """Whether an op keeps samples apart, or normalises by statistics of its own."""
    tracked = node.op.name == "batch_norm" and bool(node.buffers)
    return (node.op.name in APART or tracked) and all(_batched(t) for t in node.outputs)


def _batched(kind: Type) -> bool:
    sizes = [str(s) for s in kind.shape]
    return kind.rank > 1 and sizes[0] == "N" and not any("N" in s for s in sizes[1:])
