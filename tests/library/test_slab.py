"""SLAB: norms that RepBN takes over in training and that deployment folds away, attention that is linear in tokens."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, fx
from torch.nn import functional as F

from graphwright.compiler.ir.graph import Graph
from graphwright.compiler.ir.text import dump, parse
from graphwright.compiler.ir.verify import verify
from graphwright.compiler.language.load import load
from graphwright.compiler.lowering.lower import lower
from graphwright.compiler.places import SpecError
from graphwright.compiler.transforms.prepbn import Prepbn
from graphwright.compiler.transforms.prepbn_fusion import FusePrepbn
from graphwright.compiler.transforms.weights import rewrite_weights
from tests.language.conftest import spec  # noqa: F401 - a fixture
from tests.library.counter import fill, signed, uniform
from tests.library.descent import descent
from tests.oracles import distance

Spec = Callable[..., Graph]
NET = """
inputs: {x: [N, 6, 8]}
nodes:
  norm: {op: layer_norm, eps: 1e-6}
"""
SMALL: dict[str, dict[str, Any]] = {
    "deit_tiny_repbn": {"depth": 2, "size": 32, "dim": 24},
    "slab_deit_tiny": {"depth": 2, "size": 32, "dim": 24},
    "slab_swin_tiny": {"depths": [1, 1, 2, 1], "dim": 12, "size": 224},
    "slab_pvt_tiny": {"dims": [8, 16, 20, 16], "heads": [1, 2, 5, 4], "size": 64},
}


def small(name: str, **more: Any) -> Graph:
    return load(name, {**SMALL[name], "classes": 5, **more})


def pictures(name: str, count: int = 2) -> Tensor:
    size = SMALL[name]["size"]
    return signed("pictures", (count, 3, size, size)).float()


# -- a norm that changes while it is trained --------------------------------------------------------
def expected(state: dict[str, Tensor], x: Tensor, share: float) -> Tensor:
    """`(1 - share) LN(x) + share (BN(x) + alpha x)` with the batch's statistics."""
    ln = F.layer_norm(x, (8,), state["norm.norm1.weight"], state["norm.norm1.bias"], 1e-6)
    bn = F.batch_norm(x.flatten(0, 1), None, None, state["norm.norm2.bn.weight"], state["norm.norm2.bn.bias"], True)
    return (1 - share) * ln + share * (bn.reshape(x.shape) + state["norm.norm2.alpha"] * x)


@pytest.mark.parametrize(("warm", "shares"), [(0, (0, 0.25, 0.5, 0.75, 1, 1)), (2, (0, 0, 0, 0.25, 0.5, 0.75, 1, 1))])
def test_training_goes_from_layer_norm_to_rep_bn(spec: Spec, warm: int, shares: tuple[float, ...]) -> None:  # noqa: F811
    graph = verify(Prepbn(steps=4, warm=warm)(spec(NET)))
    model = fill(lower(graph, cone="train")).double().train()
    state = model.state_dict()
    for step, share in enumerate(shares):
        x = signed(f"x{step}", (3, 6, 8))
        assert distance(model(x)["outputs"]["out"], expected(state, x, share)) < 1e-6
    before = state["prepbn_progress.step"].item()
    model.eval()(x)
    assert state["prepbn_progress.step"].item() == before == len(shares)


def test_evaluation_is_rep_bn_with_running_statistics(spec: Spec) -> None:  # noqa: F811
    graph = verify(Prepbn(steps=4)(spec(NET)))
    model = fill(lower(graph, cone="train")).eval()
    state = {k.removeprefix("norm.norm2."): v for k, v in model.state_dict().items()}
    x = signed("x", (3, 6, 8)).float()
    norm = (x - state["bn.running_mean"]) / (state["bn.running_var"] + 1e-5).sqrt()
    y = norm * state["bn.weight"] + state["bn.bias"] + state["alpha"] * x
    assert distance(model(x)["outputs"]["out"], y) < 1e-6
    deployed = lower(graph).eval()
    deployed.load_state_dict({k: v for k, v in model.state_dict().items() if k in deployed.state_dict()})
    assert torch.equal(deployed(x), model(x)["outputs"]["out"])
    assert not {n.op.name for n in graph.deployed().nodes} & {"layer_norm", "progress"}


def test_an_interrupted_training_goes_on_where_it_was(spec: Spec) -> None:  # noqa: F811
    graph = Prepbn(steps=5)(spec(NET))
    xs = [signed(f"x{k}", (3, 6, 8)).float() for k in range(6)]
    whole = fill(lower(graph, cone="train")).train()
    outputs = [whole(x)["outputs"]["out"] for x in xs]
    first = fill(lower(graph, cone="train")).train()
    for x in xs[:3]:
        first(x)
    second = lower(graph, cone="train").train()
    second.load_state_dict(first.state_dict())
    assert all(torch.equal(second(x)["outputs"]["out"], y) for x, y in zip(xs[3:], outputs[3:], strict=True))


def test_one_full_graph_in_training(spec: Spec) -> None:  # noqa: F811
    graph = Prepbn(steps=2)(spec(NET))
    plain, model = (fill(lower(graph, cone="train")).train() for _ in range(2))
    torch._dynamo.reset()
    compiled = torch.compile(model, backend="aot_eager", fullgraph=True)
    for step in range(3):
        x = signed(f"x{step}", (3, 6, 8)).float()
        assert torch.equal(compiled(x)["outputs"]["out"], plain(x)["outputs"]["out"])
    assert model.state_dict()["prepbn_progress.step"].item() == 3


def test_other_norms_can_be_where_training_starts(spec: Spec) -> None:  # noqa: F811
    graph = Prepbn(steps=4)(spec(NET.replace("layer_norm", "rms_norm")))
    assert graph.by_name["norm.norm1"].op.name == "rms_norm"
    assert graph.by_name["norm.norm1"].op.arguments() == {"eps": 1e-6}


@pytest.mark.parametrize(("net", "transform", "message"), [
    (NET, Prepbn(steps=0), "steps=0 and warm=0 are no training steps"),
    (NET, Prepbn(where="relu*"), "no node matches"),
    (NET.replace("op: layer_norm", "op: layer_norm, dims: 2"), Prepbn(), "not normalise over the last dimension alone"),
    (NET.replace("op: layer_norm", "op: batch_norm"), Prepbn(), "'norm' is batch_norm, and not a layer_norm or rms"),
    (NET.replace("6, 8", "8"), Prepbn(), "'norm' has no tokens"),
])  # fmt: skip
def test_mistakes(spec: Spec, net: str, transform: Prepbn, message: str) -> None:  # noqa: F811
    with pytest.raises(SpecError, match=message):
        transform(spec(net))


# -- folded away ------------------------------------------------------------------------------------
def fused(graph: Graph) -> tuple[fx.GraphModule, fx.GraphModule, Graph]:
    """The training model in evaluation, the fused one with the same weights brought over, and the fused graph."""
    model = fill(lower(graph, cone="train")).double().eval()
    made = verify(FusePrepbn()(graph))
    assert parse(dump(made)) == made == FusePrepbn()(made)
    state = rewrite_weights(made, model.state_dict())
    assert all(torch.equal(t, state[name]) for name, t in rewrite_weights(made, state).items())
    other = lower(made).double().eval()
    other.load_state_dict(state)
    return model, other, made


@pytest.mark.parametrize("name", SMALL)
def test_fusion_takes_every_norm_and_changes_nothing(name: str) -> None:
    model, other, made = fused(small(name))
    x = pictures(name).double()
    assert distance(other(x), model(x)["outputs"]["logits"]) < 1e-8
    assert not [n.name for n in made.nodes if n.op.family == "norm" or n.op.name in ("lerp", "progress")]


def test_fusion_in_single_precision() -> None:
    graph = small("slab_pvt_tiny")
    model = fill(lower(graph, cone="train")).eval()
    made = FusePrepbn()(graph)
    other = lower(made).eval()
    other.load_state_dict(rewrite_weights(made, model.state_dict()))
    x = pictures("slab_pvt_tiny")
    assert distance(other(x), model(x)["outputs"]["logits"]) < 1e-5


BESIDE = """
inputs: {image: [N, 3, H=8, W=8]}
nodes:
  proj: {op: conv2d, out: 6, kernel: 4, stride: 4}
  tokens: {op: rearrange, pattern: n c h w -> n (h w) c}
  norm: {op: rep_bn, in: tokens}
  double: {op: add, in: [norm, norm]}
"""


def test_fusion_into_the_layer_before_keeps_alpha_times_its_bias(spec: Spec) -> None:  # noqa: F811
    """Which the authors' code forgets: `b' = (b - m) g / s + beta` there, and not `b' = a b + c`."""
    model, other, _ = fused(spec(BESIDE))
    x = signed("x", (2, 3, 8, 8))
    assert distance(other(x), model(x)["outputs"]["out"]) < 1e-12
    state = model.state_dict()
    alpha, bias = state["norm.alpha"], state["proj.bias"]
    with torch.no_grad():
        other.get_parameter("proj.bias").sub_(alpha * bias)
    assert distance(other(x), model(x)["outputs"]["out"]) > 1e-3


@pytest.mark.parametrize(("after", "left"), [
    ("{op: linear, in: norm, out: 4}", 0),
    ("{op: conv2d, in: map, out: 4, kernel: 2, stride: 2}", 0),
    ("{op: conv2d, in: map, out: 4, kernel: 3, padding: 1}", 1),  # zeros around it are not shifted
    ("{op: conv2d, in: map, out: 6, kernel: 1, groups: 3}", 1),
    ("{op: gelu, in: norm}", 1),
])  # fmt: skip
def test_fusion_into_readers(spec: Spec, after: str, left: int) -> None:  # noqa: F811
    """The norm reads an input of the graph, so only its readers can take it in."""
    graph = spec("inputs: {x: [N, 4, 4, 6]}\nnodes:\n  norm: rep_bn\n  map: {op: rearrange, in: norm, "
                 f"pattern: n h w c -> n c h w}}\n  after: {after}\n")  # fmt: skip
    graph = graph.with_(nodes=graph.training().nodes)
    model, other, made = fused(graph)
    x = signed("x", (2, 4, 4, 6))
    assert distance(other(x), model(x)["outputs"]["out"]) < 1e-12
    assert sum(n.op.name == "batch_norm" for n in made.nodes) == left


# -- attention --------------------------------------------------------------------------------------
ATTENTION = "inputs: {x: [N, 16, 12]}\nnodes:\n  attn: {op: simplified_linear_attention, heads: 3, kernel: 3}\n"


def test_attention_is_its_double_sum(spec: Spec) -> None:  # noqa: F811
    """Token by token and head by head, with a convolution of the values by hand."""
    model = fill(lower(spec(ATTENTION))).double()
    p = {name.removeprefix("attn."): t for name, t in model.state_dict().items()}
    x = signed("x", (1, 16, 12))
    qkv = x[0] @ p["qkv.weight"].T + p["qkv.bias"]
    q, k, v = qkv[:, :12].relu(), (qkv[:, 12:24] + p["positional_encoding"][0]).relu(), qkv[:, 24:]
    out = torch.zeros(16, 12, dtype=torch.double)
    for head in (slice(4 * h, 4 * h + 4) for h in range(3)):
        for i in range(16):
            weights = torch.stack([q[i, head] @ k[j, head] for j in range(16)])
            mixed = sum(w * v[j, head] for j, w in enumerate(weights)) / (weights.sum() + 1e-6)
            near = p["dwc.bias"].clone()
            for dy, dx in ((dy, dx) for dy in range(-1, 2) for dx in range(-1, 2)):
                y, z = i // 4 + dy, i % 4 + dx
                if 0 <= y < 4 and 0 <= z < 4:
                    near += p["dwc.weight"][:, 0, dy + 1, dx + 1] * v[4 * y + z, head]
            out[i, head] = mixed + near
    assert distance(model(x)[0], out @ p["proj.weight"].T + p["proj.bias"]) < 1e-12


def test_both_orders_of_the_products_agree(spec: Spec) -> None:  # noqa: F811
    text = "params: {linear: true}\ninputs: {q: [N, 2, 5, 4], k: [N, 2, 7, 4], v: [N, 2, 7, 3]}\nnodes:\n" \
           "  attend: {op: linear_attend, in: {q: q, k: k, v: v}, linear: $linear}\n"  # fmt: skip
    q, k, v = (uniform(n, (2, 2, *shape)) for n, shape in (("q", (5, 4)), ("k", (7, 4)), ("v", (7, 3))))
    near, far = (lower(spec(text, linear=linear)).double()(q, k, v) for linear in (False, True))
    assert distance(near, far) < 1e-12


def test_work_is_linear_in_the_number_of_tokens() -> None:
    """Four times the tokens, four times the contractions of attention."""
    few, many = (
        sum(n.op.macs(tuple(graph.types[v].at({"N": 1}) for v in n.reads), tuple(t.at({"N": 1}) for t in n.outputs))
            for n in graph.nodes if ".attn.attend" in n.name and n.op.family == "linear")
        for graph in (small("slab_deit_tiny", size=size, patch=4) for size in (64, 128))
    )  # fmt: skip
    assert many == 4 * few > 0


# -- it trains --------------------------------------------------------------------------------------
@pytest.mark.parametrize("name", ["slab_deit_tiny", "slab_swin_tiny", "slab_pvt_tiny"])
def test_training_lowers_the_loss(name: str) -> None:
    losses = descent(small(name), pictures(name), torch.tensor([0, 1]), rate=1e-4)
    assert losses[2] < losses[1] < losses[0]


def test_training_lowers_the_loss_while_norms_change() -> None:
    plain = load("vit_tiny_patch16_224", {**SMALL["slab_deit_tiny"], "classes": 5})
    graph = Prepbn(where="op:layer_norm", steps=20)(plain)
    model = lower(graph, cone="train").train()
    optimizer = torch.optim.SGD(model.parameters(), 0.02)
    x, label = pictures("slab_deit_tiny", 8), torch.arange(8) % 5
    losses = []
    for _ in range(24):
        loss = F.cross_entropy(model(x)["outputs"]["logits"], label)
        losses.append(loss.item())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert losses[-1] < 0.8 * losses[0]
