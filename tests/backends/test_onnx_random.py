"""Random graphs through ONNX: onnxruntime computes what the lowered graph computes, and so does the file read back."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from graphwright.backends import onnx as exporting
from graphwright.backends.examples import example_inputs
from graphwright.compiler.importing.onnx import read
from graphwright.compiler.ir.graph import Graph, Node
from graphwright.compiler.ir.verify import verify
from graphwright.compiler.lowering.inference import infer
from graphwright.compiler.lowering.lower import lower
from graphwright.compiler.ops import OPS
from graphwright.compiler.ops.op import Op
from tests.importing.torch.parity import built, leaves
from tests.oracles import randomise
from tests.random_graphs import random_graph

TOLERANCE = 1e-4

#: Ops that give a picture of the size they read, and are tame: what goes in near 1 comes out near 1.
TAME = (
    "instance_norm", "layer_norm", "rms_norm", "normalize", "identity", "relu", "relu6", "leaky_relu", "prelu", "elu",
    "selu", "celu", "silu", "mish", "gelu", "sigmoid", "tanh", "hardsigmoid", "hardswish", "hardtanh", "softplus",
    "softsign", "log_sigmoid", "softmax", "log_softmax", "neg", "abs", "sin", "cos", "erf", "detach", "transpose",
    "contiguous", "dropout2d",
)  # fmt: skip
#: Ops of one picture that are left out, and why.
LEFT_OUT = {
    **dict.fromkeys(("sign", "floor", "ceil", "round"), "jumps, where two runtimes that differ by rounding part"),
    **dict.fromkeys(("exp", "log", "sqrt", "rsqrt", "square", "reciprocal", "cumsum"), "leaves its range in a chain"),
    **dict.fromkeys(("dropout3d", "alpha_dropout"), "is nothing in inference"),
    **dict.fromkeys(("batch_norm", "dropout"), "is in the random graphs already"),
}


def varied(graph: Graph, seed: int) -> Graph:
    """The graph with its activations drawn from all tame ops, and its dropouts replaced by pooling."""
    rng = random.Random(seed)
    pools = [OPS[n](kernel=3, stride=1, padding=1) for n in ("max_pool2d", "avg_pool2d")]  # type: ignore[call-arg]
    nodes: list[Node] = []
    for node in graph.nodes:
        op: Op = node.op
        if op.name in ("relu", "dropout"):
            op = OPS[rng.choice(TAME)]() if op.name == "relu" else rng.choice(pools)
        found = infer(op, replace(node, op=op).arrange(graph.types), {})
        nodes.append(replace(node, op=op, outputs=found.outputs, parameters=found.parameters, buffers=found.buffers))
    return verify(graph.with_(nodes=tuple(nodes)))


def check(graph: Graph, path: Path) -> Graph:
    """Export (which asks onnxruntime, at two batches), read the file, and compare with what was lowered."""
    module = lower(graph).eval()
    randomise(module)
    exporting.export(graph, module, path)
    back, weights = read(path)
    inputs = example_inputs(graph)
    with torch.no_grad():
        theirs, ours = leaves(module(*inputs)), leaves(built(back, weights).eval()(*inputs))
    for (port, _), a, b in zip(graph.outputs, theirs, ours, strict=True):
        assert (a.shape, a.dtype) == (b.shape, b.dtype), port
        torch.testing.assert_close(b, a, rtol=TOLERANCE, atol=TOLERANCE * float(a.abs().max()))
    return back


@pytest.mark.parametrize("seed", range(4))
def test_random_graphs(seed: int, tmp_path: Path) -> None:
    graph = varied(random_graph(seed, 14).deployed(), seed)
    assert [n for n, _ in check(graph, tmp_path / "x.onnx").outputs] == [n for n, _ in graph.outputs]


def test_tame_ops_in_one_graph(tmp_path: Path) -> None:
    """Each of them, side by side."""
    graph = random_graph(0, 1)
    nodes = []
    for name in TAME:
        found = infer(OPS[name](), (graph.inputs[0].type,), {})
        nodes.append(Node(name, OPS[name](), (("x", "x"),), found.outputs, found.parameters, found.buffers))
    outputs = tuple((f"{n.name}_result", n.name) for n in nodes)
    check(verify(graph.with_(nodes=tuple(nodes), outputs=outputs, scopes=())), tmp_path / "x.onnx")


def test_every_op_of_one_picture_is_listed() -> None:
    picture, found = random_graph(0, 1).inputs[0].type, set()
    for name, kind in OPS.items():
        if len(kind.ports) != 1 or kind.ports[0].many or kind.free_ports or any(f.required for f in kind.fields()):
            continue
        if kind().check(picture) is None and infer(kind(), (picture,), {}).outputs == (picture,):
            found.add(name)
    assert found == {*TAME, *LEFT_OUT}
