"""The six EvoNorm layers are timm's, in training and after it; the transform puts them in for batch norm and ReLU."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from graphwright.compiler.ir.graph import Graph
from graphwright.compiler.ir.verify import verify
from graphwright.compiler.language.load import load
from graphwright.compiler.lowering.lower import lower
from graphwright.compiler.places import SpecError
from graphwright.compiler.transforms.evonorm import Evonorm
from tests.language.conftest import spec  # noqa: F401 - a fixture
from tests.library.counter import fill, signed, uniform
from tests.library.descent import descent
from tests.oracles import distance, reference_module

Spec = Callable[..., Graph]
KINDS = ("b0", "b1", "b2", "s0", "s1", "s2")
LAYER = "inputs: {x: [N, 8, H=6, W=5]}\nparams: {kind: s0}\nnodes:\n  norm: {op: evonorm, kind: $kind, groups: 4}\n"
NET = """
inputs: {x: [N, 3, H=8, W=8]}
nodes:
  conv1: {op: conv2d, out: 8, kernel: 3, padding: 1, bias: false}
  bn1: batch_norm
  relu1: relu
  conv2: {op: conv2d, in: relu1, out: 8, kernel: 3, padding: 1, bias: false}
  bn2: batch_norm
  sum: {op: add, in: [bn2, relu1]}
  pool: {op: mean, dims: [2, 3]}
  fc: {op: linear, out: 4}
"""


@pytest.mark.parametrize("kind", KINDS)
def test_layer_is_timms(spec: Spec, kind: str) -> None:  # noqa: F811
    """Outputs, gradients and the running variance, over two training steps and in evaluation after each."""
    ours = fill(lower(spec(LAYER, kind=kind)))
    theirs: nn.Module = getattr(reference_module("timm.layers"), f"EvoNorm2d{kind.upper()}")(8, groups=4)
    theirs.load_state_dict({name.removeprefix("norm."): tensor for name, tensor in ours.state_dict().items()})
    for step in range(2):
        for training in (True, False):
            x = (2 * signed(f"x{step}", (3, 8, 6, 5)) + 1).float()
            found, expected = (_pass(model.train(training), x) for model in (ours, theirs))
            assert all(distance(a, b) < 1e-6 for a, b in zip(found, expected, strict=True))
    assert torch.equal(ours(x), ours(x))


def _pass(model: nn.Module, x: Tensor) -> list[Tensor]:
    """Outputs, the gradient of the input, and the state."""
    x = x.clone().requires_grad_()
    y = model(x)
    y.square().sum().backward()
    assert x.grad is not None
    state = {name.removeprefix("norm."): tensor for name, tensor in model.state_dict().items()}
    return [y.detach(), x.grad, *(state[name] for name in sorted(state))]


@pytest.mark.parametrize("kind", KINDS)
def test_layer_is_its_formula(spec: Spec, kind: str) -> None:  # noqa: F811
    """In evaluation, by numbers alone: moments by einsum, the maximum, and the scale, in float64."""
    model = fill(lower(spec(LAYER, kind=kind))).double().eval()
    state = {name.removeprefix("norm."): t.reshape(-1, 1, 1) for name, t in model.state_dict().items()}
    x = signed("x", (2, 8, 6, 5))
    eps = 1e-3 if kind == "b0" else 1e-5
    parts = x.reshape(2, 8 if kind[0] == "b" else 4, -1)
    square = torch.einsum("ngk,ngk->ng", parts, parts) / parts.shape[2]
    power = square if kind in ("b1", "b2", "s2") else square - (parts.sum(2) / parts.shape[2]) ** 2
    within = (power + eps).sqrt().repeat_interleave(8 // parts.shape[1], 1)[..., None, None]
    across = (state["running_var"] + eps).sqrt() if kind[0] == "b" else torch.tensor(0.0)
    y = {
        "b0": lambda: x / torch.maximum(across, state["v"] * x + within),
        "b1": lambda: x / torch.maximum(across, (x + 1) * within),
        "b2": lambda: x / torch.maximum(across, within - x),
        "s0": lambda: x / (1 + (-state["v"] * x).exp()) / within,
        "s1": lambda: x / (1 + (-x).exp()) / within,
        "s2": lambda: x / (1 + (-x).exp()) / within,
    }[kind]()
    assert distance(model(x), y * state["weight"] + state["bias"]) < 1e-12


def test_transform_takes_the_relu_with_it(spec: Spec) -> None:  # noqa: F811
    graph = verify(Evonorm(kind="b0")(spec(NET)))
    assert "relu1" not in graph.by_name
    assert graph.by_name["bn2"].op.name == "batch_norm"  # no activation follows it
    assert {k for k in lower(graph).state_dict() if k.startswith("bn1")} == {
        "bn1.v", "bn1.weight", "bn1.bias", "bn1.running_var"
    }  # fmt: skip
    assert graph.by_name["conv2"].reads == ("bn1.out",) == (graph.by_name["sum"].reads[1],)


@pytest.mark.parametrize(("transform", "message"), [
    (Evonorm(where="bn2"), "'bn2' matches 0 batch norms that only a relu reads"),
    (Evonorm(count=2), "matches 1 batch norms that only a relu reads, not 2"),
    (Evonorm(groups=3), "8 is not divisible by 3"),
])  # fmt: skip
def test_mistakes(spec: Spec, transform: Evonorm, message: str) -> None:  # noqa: F811
    with pytest.raises(SpecError, match=message):
        transform(spec(NET))


@pytest.mark.parametrize("kind", ["b0", "s0"])
def test_one_full_graph_in_training(spec: Spec, kind: str) -> None:  # noqa: F811
    """The running variance moves in the compiled graph as it does outside."""
    graph = Evonorm(kind=kind, groups=2)(spec(NET))
    x = signed("x", (4, 3, 8, 8)).float()
    plain, model = lower(graph).train(), lower(graph).train()
    torch._dynamo.reset()
    compiled = torch.compile(model, backend="aot_eager", fullgraph=True)
    for _ in range(2):
        assert torch.equal(compiled(x), plain(x))
    assert all(torch.equal(a, b) for a, b in zip(plain.state_dict().values(), model.state_dict().values(), strict=True))
    if kind == "b0":
        assert not torch.equal(plain.state_dict()["bn1.running_var"], torch.ones(8))


def test_training_lowers_the_loss() -> None:
    graph = load("resnetv2_50d_evos", {"depths": [1, 1, 1, 1], "classes": 5})
    losses = descent(graph, uniform("image", (4, 3, 32, 32)).float(), torch.tensor([0, 1, 2, 3]), rate=0.001)
    assert losses[2] < losses[1] < losses[0]
