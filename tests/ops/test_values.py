"""Values of ops that are more than one call of torch, against torch's own classes or slow references."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest
import torch
from torch import fx, nn
from torch.fx.proxy import GraphAppendingTracer
from torch.nn import functional as F
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from graphwright.compiler.ir.dims import Dim
from graphwright.compiler.ir.types import DTYPE_NAMES, Type
from graphwright.compiler.ops import OPS
from graphwright.compiler.ops.op import Op


def kind(x: torch.Tensor) -> Type:
    return Type(tuple(x.shape), DTYPE_NAMES[x.dtype])


def filled(module: nn.Module | None, like: nn.Module | None = None) -> Any:
    """The module in memory, with random values or another's state."""
    assert module is not None
    module.to_empty(device="cpu")
    with torch.no_grad():
        for tensor in module.parameters():
            tensor.copy_(torch.randn(tensor.shape, generator=torch.Generator().manual_seed(tensor.numel())))
    if like is not None:
        assert {k: v.shape for k, v in like.state_dict().items()} == {
            k: v.shape for k, v in module.state_dict().items()
        }
        module.load_state_dict(like.state_dict())
    return module.eval()


# -- windows ------------------------------------------------------------------------------------------


def windows(size: int, kernel: int, stride: int) -> list[list[int]]:
    """Positions of each window along one dimension with "same" padding; those outside are left out."""
    count = math.ceil(size / stride)
    before = max((count - 1) * stride + kernel - size, 0) // 2
    return [
        [p for p in range(i * stride - before, i * stride - before + kernel) if 0 <= p < size] for i in range(count)
    ]


@pytest.mark.parametrize(("size", "kernel", "stride"), list(itertools.product([7, 8], [1, 2, 3, 5], [1, 2, 3])))
def test_same_padding_of_pools(size: int, kernel: int, stride: int) -> None:
    x = torch.randn(1, 1, size, 9)
    rows, columns = windows(size, kernel, stride), windows(9, kernel, stride)

    def slow(reduce: Any) -> torch.Tensor:
        return torch.tensor([[reduce(x[0, 0][r][:, c]) if r and c else 0.0 for c in columns] for r in rows])

    largest = OPS["max_pool2d"](kernel=kernel, stride=stride, padding="same").forward(x)
    torch.testing.assert_close(largest[0, 0], slow(lambda w: w.max().item()))
    inside = OPS["avg_pool2d"](kernel=kernel, stride=stride, padding="same", count_include_pad=False).forward(x)
    torch.testing.assert_close(inside[0, 0], slow(lambda w: w.mean().item()))
    if stride == 1:  # the default with this padding
        same = OPS["avg_pool2d"](kernel=kernel, padding="same", count_include_pad=False).forward(x)
        torch.testing.assert_close(same, inside)
    whole = OPS["avg_pool2d"](kernel=kernel, stride=stride, padding="same").forward(x)
    torch.testing.assert_close(whole[0, 0], slow(lambda w: w.sum().item() / kernel**2))


@pytest.mark.parametrize(("size", "stride", "dilation"), list(itertools.product([7, 8, 9], [1, 2, 3], [1, 2])))
def test_same_padding_of_convolutions(size: int, stride: int, dilation: int) -> None:
    x = torch.randn(1, 2, size)
    op = OPS["conv1d"](out=1, kernel=3, stride=stride, dilation=dilation, padding="same")
    module = filled(op.module(kind(x)))
    count = math.ceil(size / stride)
    before = max((count - 1) * stride + 2 * dilation + 1 - size, 0) // 2
    weight = module.weight[0].detach()
    for i, got in enumerate(module(x)[0, 0].tolist()):
        wanted = module.bias.item()
        for c, k in itertools.product(range(2), range(3)):
            place = i * stride + k * dilation - before
            wanted += weight[c, k].item() * (x[0, c, place].item() if 0 <= place < size else 0.0)
        assert got == pytest.approx(wanted, abs=1e-5)


# -- layers against torch's own -----------------------------------------------------------------------


@pytest.mark.parametrize(("name", "cls"), [("lstm", nn.LSTM), ("gru", nn.GRU), ("rnn", nn.RNN)])
@pytest.mark.parametrize(("layers", "both", "bias"), [(1, False, True), (2, True, True), (2, False, False)])
def test_recurrent_layers_are_torchs(name: str, cls: type[nn.Module], layers: int, both: bool, bias: bool) -> None:
    x = torch.randn(2, 5, 3)
    theirs = cls(3, 4, layers, bias=bias, bidirectional=both, batch_first=True)
    ours = filled(OPS[name](hidden=4, layers=layers, bidirectional=both, bias=bias).module(kind(x)), theirs)
    assert list(ours.state_dict()) == list(theirs.state_dict())
    out, state = theirs(x)
    states = state if isinstance(state, tuple) else (state,)
    for got, wanted in zip(ours(x), (out, *states), strict=True):
        torch.testing.assert_close(got, wanted)
    torch.compiler.reset()
    compiled = torch.compile(ours, backend="eager", fullgraph=True)
    torch.testing.assert_close(compiled(x)[0], out)


@pytest.mark.parametrize(("keys", "values"), [(None, None), (12, None), (12, 12), (6, 10)])
@pytest.mark.parametrize("bias", [True, False])
def test_multi_head_attention_is_torchs(keys: int | None, values: int | None, bias: bool) -> None:
    q = torch.randn(2, 5, 12)
    k = None if keys is None else torch.randn(2, 7, keys)
    v = None if values is None else torch.randn(2, 7, values)
    theirs = nn.MultiheadAttention(12, 3, bias=bias, kdim=keys, vdim=values or keys, batch_first=True)
    with torch.no_grad():
        for parameter in theirs.parameters():
            parameter.normal_(std=0.5)
    types = tuple(None if t is None else kind(t) for t in (q, k, v))
    op = OPS["multi_head_attention"](heads=3, bias=bias)
    assert op.check(*types) is None
    ours = filled(op.module(*types), theirs)
    second = q if k is None else k
    wanted, _ = theirs(q, second, second if v is None else v)
    torch.testing.assert_close(ours(q, k, v), wanted)


def test_layer_norm_over_channels_is_that_of_convnext() -> None:
    x = torch.randn(2, 8, 3, 4)
    module = filled(OPS["layer_norm"](dim=1, eps=1e-6).module(kind(x)))
    assert list(module.state_dict()) == ["weight", "bias"]
    mean, var = x.mean(1, keepdim=True), x.var(1, keepdim=True, correction=0)
    wanted = (x - mean) / (var + 1e-6).sqrt() * module.weight.view(1, 8, 1, 1) + module.bias.view(1, 8, 1, 1)
    torch.testing.assert_close(module(x), wanted)


@pytest.mark.parametrize(("name", "arguments", "cls"), [
    ("batch_norm", {}, nn.BatchNorm2d), ("instance_norm", {"affine": True}, nn.InstanceNorm2d),
    ("group_norm", {"groups": 2}, nn.GroupNorm), ("layer_norm", {}, nn.LayerNorm), ("rms_norm", {}, nn.RMSNorm),
    ("linear", {"out": 3}, nn.Linear), ("conv2d", {"out": 3, "kernel": 3}, nn.Conv2d),
    ("conv_transpose2d", {"out": 3, "kernel": 3}, nn.ConvTranspose2d), ("prelu", {}, nn.PReLU),
    ("dropout", {"p": 0.3}, nn.Dropout),
])  # fmt: skip
def test_modules_are_torchs_own_classes(name: str, arguments: dict[str, Any], cls: type[nn.Module]) -> None:
    assert type(OPS[name](**arguments).module(Type((2, 4, 6, 8)))) is cls


# -- random numbers -----------------------------------------------------------------------------------


def test_drop_path_drops_whole_samples_and_keeps_the_mean() -> None:
    x = torch.ones(2000, 2, 3)
    module = OPS["drop_path"](p=0.25).module(kind(x))
    assert module is not None
    module.to_empty(device="cpu")
    module.reset_parameters()  # type: ignore[operator]
    torch.manual_seed(0)
    y = module.train()(x)
    assert y.unique().tolist() == pytest.approx([0, 4 / 3])
    assert torch.equal(y, y[:, :1, :1].expand_as(y))
    assert y.mean().item() == pytest.approx(1, abs=0.05)
    assert module.eval()(x) is x
    assert not module.state_dict()
    assert "0 <= p < 1" in (OPS["drop_path"](p=1.0).check(kind(x)) or "")


def test_attention_dropout_is_for_training_only() -> None:
    q = torch.randn(2, 5, 4)
    op = OPS["attention"](dropout=0.5)
    module = op.module(kind(q), kind(q), kind(q), None)
    assert module is not None
    torch.testing.assert_close(module.eval()(q, q, q), OPS["attention"]().forward(q, q, q))
    assert not torch.equal(module.train()(q, q, q), module(q, q, q))
    assert OPS["attention"]().module(kind(q), kind(q), kind(q), None) is None


# -- losses -------------------------------------------------------------------------------------------


def test_cross_entropy_finds_the_classes() -> None:
    pred, target = torch.randn(2, 5, 7), torch.randint(0, 7, (2, 5))
    op = OPS["cross_entropy"](reduce="none")
    torch.testing.assert_close(op.forward(pred, target), F.cross_entropy(pred.mT, target, reduction="none"))
    second = torch.randint(0, 5, (2, 7))
    torch.testing.assert_close(op.forward(pred, second), F.cross_entropy(pred, second, reduction="none"))
    square = torch.randn(2, 5, 5)
    label = torch.randint(0, 5, (2, 5))
    torch.testing.assert_close(op.forward(square, label), F.cross_entropy(square, label, reduction="none"))
    last = OPS["cross_entropy"](reduce="none", dim=-1)
    torch.testing.assert_close(last.forward(square, label), F.cross_entropy(square.mT, label, reduction="none"))
    assert "needs int64 labels" in (op.check(kind(pred), Type((2, 6), "int64")) or "")
    assert "needs int64 labels" in (op.check(kind(pred), Type((2, 5))) or "")
    assert op.check(Type((Dim.symbol("N"), 8732, 91)), Type((Dim.symbol("N"), 8732), "int64")) is None


def test_focal_loss() -> None:
    pred, target = torch.randn(3, 4), (torch.randn(3, 4) > 0).float()
    wanted = np.zeros((3, 4))
    for i, j in np.ndindex(3, 4):
        p = 1 / (1 + math.exp(-pred[i, j].item()))
        positive = target[i, j] == 1
        wanted[i, j] = -(0.3 * (1 - p) ** 1.5 * math.log(p) if positive else 0.7 * p**1.5 * math.log(1 - p))
    got = OPS["focal_loss"](alpha=0.3, gamma=1.5, reduce="none").forward(pred, target)
    np.testing.assert_allclose(got.numpy(), wanted, rtol=1e-4, atol=1e-6)


def test_masked_sum_leaves_out_what_is_not_finite() -> None:
    x = torch.tensor([[[1.0, 2.0], [math.inf, math.nan]], [[3.0, 4.0], [5.0, 6.0]]])
    mask = torch.tensor([[True, False], [False, True]])
    assert OPS["masked_sum"]().forward(x, mask).item() == 14


# -- movement -----------------------------------------------------------------------------------------


def test_windows_go_there_and_back() -> None:
    x = torch.arange(2 * 4 * 6 * 3).reshape(2, 4, 6, 3)
    parts = OPS["window_partition"](window=(2, 3)).forward(x)
    assert torch.equal(parts[1], x[0, :2, 3:])
    assert torch.equal(parts[2], x[0, 2:, :3])
    assert torch.equal(parts[4], x[1, :2, :3])
    assert torch.equal(OPS["window_reverse"](window=(2, 3), size=(4, 6)).forward(parts), x)


def test_channel_shuffle_is_torchs() -> None:
    x = torch.randn(2, 6, 3, 4)
    assert torch.equal(OPS["channel_shuffle"](groups=3).forward(x), F.channel_shuffle(x, 3))


@pytest.mark.parametrize(("dims", "start", "stop", "step"), [
    ((1, 2), None, (3, -1), None), ((-1,), (2,), None, 2), ((0, -2), (1, 0), (2, 2), (1, 2)), ((3, 1), 1, 4, None),
])  # fmt: skip
def test_slice_is_pythons(dims: Any, start: Any, stop: Any, step: Any) -> None:
    x = np.arange(2 * 4 * 5 * 6).reshape(2, 4, 5, 6)
    places: list[slice] = [slice(None)] * 4
    for i, dim in enumerate(dims):
        places[dim] = slice(*(v[i] if isinstance(v, tuple) else v for v in (start, stop, step)))
    got = OPS["slice"](dims=dims, start=start, stop=stop, step=step).forward(torch.from_numpy(x))
    np.testing.assert_array_equal(got, x[tuple(places)])


H = Dim.symbol("H")
FREE: list[tuple[Op, Any]] = [
    (OPS["slice"](dims=1, start=H // 3, stop=H - 1), lambda x, h: x[:, h // 3 : h - 1]),
    (OPS["pad"](size=(H % 4, -(H // 2))), lambda x, h: F.pad(x, (h % 4, -(h // 2)))),
    (OPS["roll"](shifts=-(H // 2), dims=1), lambda x, h: torch.roll(x, -(h // 2), 1)),
    (OPS["reshape"](size=(1, H, 1, -1)), lambda x, h: x.reshape(1, h, 1, -1)),
    (OPS["expand"](size=(H, -1, -1)), lambda x, h: x.expand(h, -1, -1)),
    (OPS["tile"](repeats=(H,)), lambda x, h: torch.tile(x, (h,))),
    (OPS["select"](dim=1, index=H // 2), lambda x, h: x[:, h // 2]),
    (OPS["split"](sizes=(1, H - 1), dim=1), lambda x, h: x.split([1, h - 1], 1)),
    (OPS["unflatten"](dim=1, sizes=(1, H)), lambda x, h: x.unflatten(1, (1, h))),
    (OPS["upsample"](size=2 * H), lambda x, h: F.interpolate(x, 2 * h)),
    (OPS["interpolate"](size=(2 * H + 1,), mode="linear"), lambda x, h: F.interpolate(x, (2 * h + 1,), mode="linear")),
    (OPS["max_pool1d"](kernel=3, stride=2, padding="same"), lambda x, h: F.max_pool1d(
        F.pad(x, (0 if x.shape[2] % 2 == 0 else 1, 1), value=-math.inf), 3, 2)),
    (OPS["rearrange"](pattern="n (h p) c -> h n p c", sizes=(("h", H),)),
     lambda x, h: x.unflatten(1, (h, -1)).transpose(0, 1)),
]  # fmt: skip


@pytest.mark.parametrize(("op", "wanted"), FREE, ids=lambda v: v.name if isinstance(v, Op) else "")
def test_free_sizes_stay_free_when_lowered(op: Op, wanted: Any) -> None:
    graph = fx.Graph()
    x = fx.Proxy(graph.placeholder("x"), GraphAppendingTracer(graph))
    result = op.resolved({"H": x.shape[1]}).forward(x)
    graph.output(fx.node.map_aggregate(result, lambda p: p.node if isinstance(p, fx.Proxy) else p))
    module = fx.GraphModule({}, graph)
    for h in (6, 9):
        data = torch.randn(1, h, 8)
        torch.testing.assert_close(module(data), wanted(data, h), msg=lambda m: f"H={h}: {m}")  # noqa: B023


# -- complaints ---------------------------------------------------------------------------------------

N = Dim.symbol("N")
COMPLAINTS: list[tuple[str, dict[str, Any], tuple[Any, ...], str]] = [
    ("conv2d", {"out": 4, "kernel": 3}, (Type((2, 3, 8)),), "needs an input of 4 dimensions"),
    ("conv2d", {"out": 4, "kernel": 3, "groups": 2}, (Type((N, 3, 8, 8)),), "3 input channels are not divisible"),
    ("conv2d", {"out": 5, "kernel": 3, "groups": 2}, (Type((N, 4, 8, 8)),), "5 output channels are not divisible"),
    ("conv_transpose2d", {"out": 4, "kernel": 3}, (Type((2, N, 8, 8)),), "fixed number of input channels"),
    ("max_pool2d", {"kernel": 2, "padding": 2}, (Type((N, 3, 8, 8)),), "more than half"),
    ("group_norm", {"groups": 3}, (Type((N, 4, 8)),), "4 channels are not divisible by groups=3"),
    ("layer_norm", {}, (Type((2, N)),), "needs fixed sizes"),
    ("layer_norm", {"dims": 3}, (Type((2, 4)),), "does not fit"),
    ("batch_norm", {}, (Type((2,)),), "2 to 5 dimensions"),
    ("prelu", {"parameters": 3}, (Type((N, 4)),), "give 1 or 4"),
    ("glu", {"dim": 1}, (Type((N, 5)),), "odd size 5"),
    ("linear", {"out": 3}, (Type((2, N)),), "fixed last size"),
    ("matmul", {}, (Type((2, 3)), Type((4, 5))), "equal inner sizes: 3 of"),
    ("einsum", {"equation": "ab,bc->ac"}, ((Type((2, 3)), Type((4, 5))),), "'b' of 'ab,bc->ac' is 3 and 4"),
    ("einsum", {"equation": "ab,bc"}, ((Type((2, 3)), Type((3, 5))),), "one '->'"),
    ("einsum", {"equation": "ab->a"}, ((Type((2, 3)), Type((3, 5))),), "names 1 values, got 2"),
    ("embedding", {}, (Type((2,), "int64"), None), "needs 'count' and 'dim'"),
    ("embedding", {"count": 3, "dim": 4}, (Type((2,)), None), "needs an index of dtype int64"),
    ("embedding", {"count": 3, "dim": 4}, (Type((2,), "int64"), Type((3, 4))), "leave out"),
    ("attention", {}, (Type((2, 5, 4)), Type((2, 5, 6)), Type((2, 5, 6)), None), "q and k must agree: 4 and 6"),
    ("attention", {"causal": True}, (Type((2, 4)), Type((2, 4)), Type((2, 4)), Type((2, 2))), "not both"),
    ("multi_head_attention", {"heads": 5}, (Type((2, 5, 12)), None, None), "not divisible by heads=5"),
    ("sub", {}, (Type((2,)), None), "got neither"),
    ("sub", {"other": 1.0}, (Type((2,)), Type((2,))), "got both"),
    ("add", {}, ((),), "at least one value"),
    ("add", {}, ((Type((N, 3, 8)), Type((N, 1, 8)), Type((5, 9))),), "add needs equal sizes, or sizes of 1: 8 of"),
    ("mul", {}, ((Type((N, 3)), Type((N + 1, 3))),), "needs equal sizes"),
    ("weighted_sum", {"weights": (1.0,)}, ((Type(()), Type(())),), "2 values and 1 weights"),
    ("clamp", {}, (Type((2,)),), "needs 'min'"),
    ("where", {"other": 0.0}, (Type((2,)), Type((2,)), None), "dtype bool"),
    ("masked_sum", {}, (Type((2, 3)), Type((3,), "bool")), "the first of x"),
    ("mean", {"dims": (1, 4)}, (Type((2, 3)),), "dim 4 does not exist"),
    ("topk", {"k": 5}, (Type((2, 3)),), "k=5 is more than the 3"),
    ("reshape", {"size": (2, 4)}, (Type((2, 3)),), "6 elements"),
    ("reshape", {"size": (-1, -1)}, (Type((2, 3)),), "only one size may be -1"),
    ("permute", {"dims": (0, 1)}, (Type((2, 3, 4)),), "every dimension"),
    ("squeeze", {"dim": 1}, (Type((2, 3)),), "has size 3, not 1"),
    ("pad", {"size": (1, 1, 1)}, (Type((2, 3)),), "two numbers a dimension"),
    ("pixel_shuffle", {"factor": 2}, (Type((2, 3, 4, 4)),), "3 channels"),
    ("window_partition", {"window": 7}, (Type((N, 8, 14, 3)),), "not divisible by window=7"),
    ("concat", {}, ((Type((N, 3, 8)), Type((N, 5, 9))),), "equal sizes outside dim 1"),
    ("concat", {}, ((Type((N, 3)), Type((N, 3, 4))),), "equal numbers of dimensions"),
    ("stack", {}, ((Type((N, 3)), Type((N, 4))),), "equal shapes"),
    ("split", {"sizes": (1, 3)}, (Type((N, 5)),), "[1, 3] do not add up to 5"),
    ("chunk", {"parts": 2}, (Type((N, 5)),), "not divisible into 2 equal parts"),
    ("unbind", {}, (Type((N, 5)),), "left free"),
    ("select", {"dim": 1, "index": 5}, (Type((N, 5)),), "position 5 does not exist"),
    ("slice", {"dims": (1, 2), "start": (1,)}, (Type((N, 5, 6)),), "one number a dimension"),
    ("roll", {"shifts": (1, 2), "dims": 1}, (Type((N, 5)),), "one shift a dimension"),
    ("interpolate", {}, (Type((N, 3, 8, 8)),), "got neither"),
    ("interpolate", {"size": (3,)}, (Type((N, 3, 8, 8)),), "1 numbers for the 2 spatial dimensions"),
    ("grid_sample", {}, (Type((N, 3, 8, 8)), Type((N, 8, 8, 3))), "needs a grid"),
    ("parameter", {"shape": (N,)}, (), "needs fixed sizes"),
    ("parameter", {"shape": (3,), "dtype": "int64"}, (), "cannot be trained"),
    ("mse", {}, (Type((N, 3)), Type((N, 4))), "target of the prediction's shape"),
    ("ciou_loss", {}, (Type((N, 3)), Type((N, 4)), None), "boxes [..., 4]"),
    ("distribution_focal_loss", {}, (Type((N, 18, 5)), Type((N, 5, 4)), None), "not four times"),
    ("lstm", {"hidden": 3}, (Type((N, 3)),), "needs x [N, T, C]"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "arguments", "types", "message"), COMPLAINTS, ids=[f"{c[0]}-{c[3][:20]}" for c in COMPLAINTS]
)
def test_complaints(name: str, arguments: dict[str, Any], types: tuple[Any, ...], message: str) -> None:
    assert message in (OPS[name](**arguments).check(*types) or "")


# -- cost ---------------------------------------------------------------------------------------------


def flat(types: Any) -> tuple[Type, ...]:
    return tuple(t for entry in types for t in (entry if isinstance(entry, tuple) else (entry,)) if t is not None)


@pytest.mark.parametrize(("name", "arguments", "shapes"), [
    ("conv2d", {"out": 6, "kernel": (3, 5), "groups": 2, "bias": False}, [(2, 4, 9, 9)]),
    ("conv_transpose2d", {"out": 6, "kernel": 3, "stride": 2, "bias": False}, [(2, 4, 9, 9)]),
    ("linear", {"out": 6, "bias": False}, [(2, 4, 9)]),
    ("matmul", {}, [(2, 4, 9), (9, 5)]),
    ("attention", {}, [(2, 3, 5, 4), (2, 3, 6, 4), (2, 3, 6, 8)]),
    ("multi_head_attention", {"heads": 3}, [(2, 5, 12), (2, 7, 6), (2, 7, 10)]),
])  # fmt: skip
def test_macs_are_half_of_torchs_flops(name: str, arguments: dict[str, Any], shapes: list[tuple[int, ...]]) -> None:
    op = OPS[name](**arguments)
    inputs = [torch.randn(s) for s in shapes]
    types = [Type(s) for s in shapes] + [None] * (len(op.ports) - len(shapes))
    module = op.module(*types)
    call = op.forward if module is None else filled(module)
    with FlopCounterMode(display=False) as counter, sdpa_kernel(SDPBackend.MATH):
        out = call(*inputs)
    macs = op.macs(flat(types), (kind(out),))
    assert macs is not None
    assert 2 * macs == counter.get_total_flops()
    assert op.cost(flat(types), (kind(out),)) == 2 * macs


def test_macs_of_a_recurrent_layer() -> None:
    op = OPS["lstm"](hidden=4, layers=2, bidirectional=True)
    x = Type((2, 5, 3))
    macs = sum(p.numel() for n, p in op.module(x).named_parameters() if "weight" in n) * 2 * 5  # type: ignore[union-attr]
    assert op.macs((x,), (Type((2, 5, 8)),)) == macs
