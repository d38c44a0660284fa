"""Rules for Keras layers with weights, and for activations."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from graphwright.compiler.importing.keras.reading import Layer, Unsupported, Value
from graphwright.compiler.importing.onnx.layers import CONVOLUTIONS, TRANSPOSED, reversed_pads, short
from graphwright.compiler.ops import activation as A
from graphwright.compiler.ops.arithmetic import Exp
from graphwright.compiler.ops.formula import Formula
from graphwright.compiler.ops.linear import Embedding, Linear
from graphwright.compiler.ops.norm import BatchNorm, GroupNorm, LayerNorm
from graphwright.compiler.ops.op import Op
from graphwright.compiler.ops.shape import Pad

Pairs = list[tuple[str, Any]]

#: Activations by Keras' names.
ACTIVATIONS: dict[str, Callable[[], Op]] = {
    "relu": A.Relu, "relu6": A.Relu6, "elu": A.Elu, "selu": A.Selu, "celu": A.Celu, "gelu": A.Gelu,
    "sigmoid": A.Sigmoid,
    "tanh": A.Tanh, "softplus": A.Softplus, "softsign": A.Softsign, "swish": A.Silu, "silu": A.Silu, "mish": A.Mish,
    "exponential": Exp, "hard_silu": A.Hardswish, "hard_swish": A.Hardswish, "hard_sigmoid": A.Hardsigmoid,
    "leaky_relu": lambda: A.LeakyRelu(0.2), "log_sigmoid": A.LogSigmoid,
}  # fmt: skip


def activated(layer: Layer, value: Value, key: str = "activation") -> Value:
    """The value after the activation that a layer has built in; functions of the user's own have no rule."""
    name = layer.config.get(key)
    if name in (None, "linear"):
        return value
    if name in ("softmax", "log_softmax"):
        op: Op = (A.Softmax if name == "softmax" else A.LogSoftmax)(1 if value.first else -1)
    elif name == "hard_sigmoid" and layer.reader.version == 2:
        op = Formula("min(max(0.2 * x + 0.5, 0), 1)", names=("x",))
    elif isinstance(name, str) and name in ACTIVATIONS:
        op = ACTIVATIONS[name]()
    else:
        raise Unsupported(f"there is no rule for the activation {name}")
    return Value(layer.add(op, value.name, suffix="" if layer.kind == "Activation" else name), value.first)


def _tuple(value: Any, rank: int) -> tuple[int, ...]:
    return (int(value),) * rank if isinstance(value, int) else tuple(int(v) for v in value)


def _pairs(layer: Layer, count: int, **rules: Callable[[list[Any]], Any]) -> Pairs:
    """Parameters from the layer's numbers, each by a function of them all."""
    arrays = layer.numbers(count)
    return [] if arrays is None else [(leaf, rule(arrays)) for leaf, rule in rules.items()]


def restored(layer: Layer, value: str, rank: int) -> Value:
    """A result with channels first; of a sequence, in Keras' order again."""
    found = Value(value, True)
    return found if rank > 1 else Value(layer.channels_last(found))


# -- convolutions ---------------------------------------------------------------------------------
def _windowed(layer: Layer, rank: int) -> tuple[str, tuple[int, ...], tuple[int, ...], tuple[int, ...], Any]:
    """The input, kernel, stride, dilation and padding of a convolution."""
    layer.spatial_first()
    x, c = layer.channels_first(), layer.config
    kernel, stride = _tuple(c["kernel_size"], rank), _tuple(c.get("strides", 1), rank)
    dilation = _tuple(c.get("dilation_rate", 1), rank)
    padding: Any = 0
    if c.get("padding") == "causal":
        x = layer.add(Pad(((kernel[0] - 1) * dilation[0], 0)), x, suffix="pad")
    elif c.get("padding") == "same":
        odd = all(s == 1 and (k - 1) * d % 2 == 0 for k, s, d in zip(kernel, stride, dilation, strict=True))
        padding = short(tuple((k - 1) * d // 2 for k, d in zip(kernel, dilation, strict=True))) if odd else "same"
    return x, kernel, stride, dilation, padding


def conv(layer: Layer, rank: int) -> Value:
    """Conv1D to Conv3D; kernels [*k, in, out] become [out, in, *k]."""
    x, kernel, stride, dilation, padding = _windowed(layer, rank)
    bias, groups = bool(layer.config.get("use_bias", True)), int(layer.config.get("groups", 1))
    op = CONVOLUTIONS[rank](
        int(layer.config["filters"]), short(kernel), short(stride), padding, short(dilation), groups, bias
    )
    rules: dict[str, Any] = {"weight": lambda a: a[0].transpose(rank + 1, rank, *range(rank))}
    rules |= {"bias": lambda a: a[1]} if bias else {}
    out = layer.add(op, x, weights=_pairs(layer, 1 + bias, **rules))
    return activated(layer, restored(layer, out, rank))


def _depthwise(layer: Layer, suffix: str, bias: bool) -> str:
    x, kernel, stride, dilation, padding = _windowed(layer, 2)
    times, channels = int(layer.config.get("depth_multiplier", 1)), int(layer.type_of(Value(x)).shape[1])
    op = CONVOLUTIONS[2](channels * times, short(kernel), short(stride), padding, short(dilation), channels, bias)
    shape = (channels * times, 1, *kernel)
    rules: dict[str, Any] = {"weight": lambda a: a[0].transpose(2, 3, 0, 1).reshape(shape)}
    rules |= {"bias": lambda a: a[1]} if bias else {}
    return layer.add(op, x, suffix=suffix, weights=_pairs(layer, 1 + bias, **rules))


def depthwise_conv(layer: Layer) -> Value:
    """DepthwiseConv2D: kernels [h, w, in, times] become [in times, 1, h, w]."""
    return activated(layer, Value(_depthwise(layer, "", bool(layer.config.get("use_bias", True))), True))


def separable_conv(layer: Layer) -> Value:
    """SeparableConv2D: a depthwise and a pointwise convolution."""
    middle, bias = _depthwise(layer, ".depthwise", False), bool(layer.config.get("use_bias", True))
    rules: dict[str, Any] = {"weight": lambda a: a[1].transpose(3, 2, 0, 1)}
    rules |= {"bias": lambda a: a[2]} if bias else {}
    op = CONVOLUTIONS[2](int(layer.config["filters"]), 1, bias=bias)
    out = layer.add(op, middle, suffix=".pointwise", weights=_pairs(layer, 2 + bias, **rules))
    return activated(layer, Value(out, True))


def conv_transpose(layer: Layer, rank: int) -> Value:
    """Conv1DTranspose to Conv3DTranspose; with "same" padding the result has `stride` times the size."""
    layer.spatial_first()
    layer.refuse(output_padding=None)
    x, c = layer.channels_first(), layer.config
    kernel, stride = _tuple(c["kernel_size"], rank), _tuple(c.get("strides", 1), rank)
    dilation, bias = _tuple(c.get("dilation_rate", 1), rank), bool(c.get("use_bias", True))
    reach = tuple((k - 1) * d + 1 for k, d in zip(kernel, dilation, strict=True))
    extra = tuple(max(s - r, 0) for r, s in zip(reach, stride, strict=True))
    cut = tuple(max(r - s, 0) if c.get("padding") == "same" else 0 for r, s in zip(reach, stride, strict=True))
    even = all(t % 2 == 0 for t in cut)
    op = TRANSPOSED[rank](
        int(c["filters"]), short(kernel), short(stride), short(tuple(t // 2 for t in cut)) if even else 0,
        short(extra), 1, bias, short(dilation),
    )  # fmt: skip
    rules: dict[str, Any] = {"weight": lambda a: a[0].transpose(rank + 1, rank, *range(rank))}
    rules |= {"bias": lambda a: a[1]} if bias else {}
    out = layer.add(op, x, weights=_pairs(layer, 1 + bias, **rules))
    if not even:
        ends = reversed_pads(tuple(-(t // 2) for t in cut), tuple(-(t - t // 2) for t in cut))
        out = layer.add(Pad(ends), out, suffix="cut")
    return activated(layer, restored(layer, out, rank))


# -- linear maps and tables -----------------------------------------------------------------------
def dense(layer: Layer) -> Value:
    """Dense over the last dimension; kernels [in, out] become [out, in]."""
    bias = bool(layer.config.get("use_bias", True))
    rules: dict[str, Any] = {"weight": lambda a: a[0].T}
    rules |= {"bias": lambda a: a[1]} if bias else {}
    op = Linear(int(layer.config["units"]), bias)
    return activated(layer, Value(layer.add(op, layer.channels_last(), weights=_pairs(layer, 1 + bias, **rules))))


def embedding(layer: Layer) -> Value:
    """Embedding without a mask."""
    layer.refuse(mask_zero=False)
    op = Embedding(int(layer.config["input_dim"]), int(layer.config["output_dim"]))
    return Value(layer.add(op, layer.channels_last(), weights=_pairs(layer, 1, weight=lambda a: a[0])))


# -- normalisations -------------------------------------------------------------------------------
def axis_of(layer: Layer) -> int:
    """The one axis of a norm in Keras' order, counted from the end."""
    axis = layer.config.get("axis", -1)
    axis = list(axis) if isinstance(axis, (list, tuple)) else [axis]
    if len(axis) != 1:
        raise Unsupported(f"axis={axis}; only one has a counterpart")
    rank = layer.rank(layer.sources[0])
    return int(axis[0]) - rank if axis[0] >= 0 else int(axis[0])


def _affine(layer: Layer, others: int, size: int) -> tuple[bool, Pairs, list[Any] | None]:
    """Whether a norm learns anything, scale and shift with what Keras leaves out filled in, and the other numbers."""
    scale, shift = bool(layer.config.get("scale", True)), bool(layer.config.get("center", True))
    arrays = layer.numbers(scale + shift + others)
    if arrays is None:
        return scale or shift, [], None
    gamma = arrays[0] if scale else np.ones(size)
    beta = arrays[int(scale)] if shift else np.zeros(size)
    learned = [("weight", gamma), ("bias", beta)] if scale or shift else []
    return scale or shift, learned, arrays[scale + shift :]


def _channels(layer: Layer) -> tuple[str, int]:
    if axis_of(layer) != -1:
        raise Unsupported(f"axis={layer.config['axis']}; only the last has a counterpart")
    x = layer.channels_first()
    return x, int(layer.type_of(Value(x)).shape[1])


def batch_norm(layer: Layer) -> Value:
    """BatchNormalization; Keras' momentum is the weight of the old statistics."""
    layer.refuse(renorm=False)
    x, channels = _channels(layer)
    affine, learned, rest = _affine(layer, 2, channels)
    kept = [] if rest is None else [("running_mean", rest[0]), ("running_var", rest[1])]
    momentum = round(1 - float(layer.config.get("momentum", 0.99)), 7)
    out = layer.add(BatchNorm(float(layer.config.get("epsilon", 1e-3)), momentum, affine), x, weights=learned + kept)
    return restored(layer, out, layer.rank(Value(out)) - 2)


def layer_norm(layer: Layer) -> Value:
    """LayerNormalization over the channels."""
    layer.refuse(rms_scaling=False)
    if axis_of(layer) != -1:
        raise Unsupported(f"axis={layer.config['axis']}; only the last has a counterpart")
    value = layer.sources[0]
    dim = 1 if value.first else -1
    affine, learned, _ = _affine(layer, 0, int(layer.type_of(value).shape[dim]))
    op = LayerNorm(float(layer.config.get("epsilon", 1e-3)), dim=dim, affine=affine)
    return Value(layer.add(op, value.name, weights=learned), value.first)


def group_norm(layer: Layer) -> Value:
    """GroupNormalization over the channels."""
    x, channels = _channels(layer)
    affine, learned, _ = _affine(layer, 0, channels)
    groups = int(layer.config.get("groups", 32))
    op = GroupNorm(channels if groups == -1 else groups, float(layer.config.get("epsilon", 1e-3)), affine)
    out = layer.add(op, x, weights=learned)
    return restored(layer, out, layer.rank(Value(out)) - 2)


# -- activations as layers ------------------------------------------------------------------------
def relu(layer: Layer) -> Value:
    """ReLU with a slope or a largest value."""
    layer.refuse(threshold=0.0)
    value, c = layer.sources[0], layer.config
    slope, top = float(c.get("negative_slope") or 0), c.get("max_value")
    if slope and top is not None:
        raise Unsupported("negative_slope and max_value together")
    op = (
        A.LeakyRelu(slope)
        if slope
        else A.Relu()
        if top is None
        else A.Relu6()
        if top == 6
        else A.Hardtanh(0, float(top))
    )
    return Value(layer.add(op, value.name), value.first)


def softmax(layer: Layer) -> Value:
    """Softmax along one axis."""
    axis, value = axis_of(layer), layer.sources[0]
    rank = layer.rank(value)
    dim = axis if not value.first else 1 if axis == -1 else axis + 1 if axis + rank else 0
    return Value(layer.add(A.Softmax(dim), value.name), value.first)


def prelu(layer: Layer) -> Value:
    """PReLU with one slope per channel, shared by all places."""
    value = layer.sources[0]
    rank = layer.rank(value)
    if sorted(layer.config.get("shared_axes") or []) != list(range(1, rank - 1)):
        raise Unsupported(f"shared_axes={layer.config.get('shared_axes')}; slopes must be one per channel")
    x = layer.channels_first()
    op = A.Prelu(int(layer.type_of(Value(x)).shape[1]))
    out = layer.add(op, x, weights=_pairs(layer, 1, weight=lambda a: a[0].reshape(-1)))
    return restored(layer, out, rank - 2)


def simple(make: Callable[[Layer], Op]) -> Callable[[Layer], Value]:
    """An op of one value that no order of dimensions matters to."""
    return lambda layer: Value(layer.add(make(layer), layer.sources[0].name), layer.sources[0].first)
