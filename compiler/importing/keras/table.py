"""The table: what becomes of each class of Keras layers. A layer without a row is reported with the others of its file.

Layers that hold code (`Lambda`) and classes of the user's own have no row, and are never run.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from math import prod
from typing import Any

import numpy as np

from graphwright.compiler.importing.keras import layers, sequences
from graphwright.compiler.importing.keras.layers import simple
from graphwright.compiler.importing.keras.reading import Layer, Rule, Unsupported, Value
from graphwright.compiler.importing.onnx.layers import short
from graphwright.compiler.ops import activation as A
from graphwright.compiler.ops import arithmetic as M
from graphwright.compiler.ops import pooling as P
from graphwright.compiler.ops.constant import Parameter
from graphwright.compiler.ops.join import Concat
from graphwright.compiler.ops.random import Dropout, Dropout1d, Dropout2d, DropPath
from graphwright.compiler.ops.reduce import Amax, Mean
from graphwright.compiler.ops.resize import Interpolate
from graphwright.compiler.ops.shape import Expand, Flatten, Pad, Permute, RepeatInterleave, Reshape, Unsqueeze

_MAX: dict[int, Any] = {1: P.MaxPool1d, 2: P.MaxPool2d, 3: P.MaxPool3d}
_MEAN: dict[int, Any] = {1: P.AvgPool1d, 2: P.AvgPool2d, 3: P.AvgPool3d}


def _sizes(value: Any, rank: int) -> tuple[int, ...]:
    return (int(value),) * rank if isinstance(value, int) else tuple(int(v) for v in value)


def _same_order(layer: Layer, values: list[Value]) -> tuple[list[str], bool]:
    """Several values in one order of dimensions, channels first if any of them is."""
    if any(v.first for v in values) and len({layer.rank(v) for v in values}) == 1:
        return [layer.channels_first(v) for v in values], True
    return [layer.channels_last(v) for v in values], False


# -- pooling --------------------------------------------------------------------------------------
def pool(layer: Layer, rank: int, mean: bool) -> Value:
    """Max and average pooling; with "same" padding, the average is of what lies inside."""
    layer.spatial_first()
    kernel = _sizes(layer.config["pool_size"], rank)
    stride = _sizes(layer.config.get("strides") or kernel, rank)
    same = layer.config.get("padding") == "same"
    arguments: dict[str, Any] = {"count_include_pad": False} if mean and same else {}
    step = None if kernel == stride and not same else short(stride)
    op = (_MEAN if mean else _MAX)[rank](short(kernel), step, "same" if same else 0, **arguments)
    return layers.restored(layer, layer.add(op, layer.channels_first()), rank)


def global_pool(layer: Layer, rank: int, op: Any) -> Value:
    """Global pooling to [N, C], or with sizes of 1 where `keepdims` says so."""
    layer.spatial_first()
    value, keep = layer.sources[0], bool(layer.config.get("keepdims", False))
    dims = tuple(range(2, rank + 2)) if value.first else tuple(range(1, rank + 1))
    return Value(layer.add(op(short(dims) if rank == 1 else dims, keep), value.name), value.first and keep)


# -- shapes ---------------------------------------------------------------------------------------
def flatten(layer: Layer) -> Value:
    """Flatten in Keras' order of dimensions."""
    value = layer.sources[0]
    ones = value.first and all(s == 1 for s in layer.type_of(value).shape[2:])
    x = value.name if ones else layer.channels_last()
    return Value(x if layer.rank(Value(x)) == 2 else layer.add(Flatten(), x))


def reshape(layer: Layer) -> Value:
    """Reshape in Keras' order; channels that are spread over one place stay in dimension 1."""
    target = [int(s) for s in layer.config["target_shape"]]
    value = layer.sources[0]
    kind = layer.type_of(value)
    if kind.rank == 2 and len(target) > 2 and target[:-1] == [1] * (len(target) - 1):
        return Value(layer.add(Reshape((kind.shape[0], target[-1], *target[:-1])), value.name), True)
    x = layer.channels_last()
    shape = layer.type_of(Value(x)).shape
    rest = prod(shape[1:])
    if target.count(-1) == 1 and isinstance(rest, int):
        target[target.index(-1)] = rest // -prod(target)
    return Value(layer.add(Reshape((shape[0], *target)), x))


def permute(layer: Layer) -> Value:
    """Permute, whose dimensions count from 1."""
    return Value(layer.add(Permute((0, *(int(d) for d in layer.config["dims"]))), layer.channels_last()))


def repeat_vector(layer: Layer) -> Value:
    """RepeatVector: [N, C] to [N, n, C]."""
    x = layer.add(Unsqueeze(1), layer.channels_last(), suffix="unsqueeze")
    return Value(layer.add(Expand((-1, int(layer.config["n"]), -1)), x))


def padding(layer: Layer, rank: int, sign: int, key: str) -> Value:
    """ZeroPadding and Cropping: before and after each spatial dimension."""
    layer.spatial_first()
    given = layer.config[key]
    pairs = [(given, given)] * rank if isinstance(given, int) else [given] if rank == 1 else list(given)
    ends = [_sizes(p, 2) for p in pairs]
    value = layer.sources[0]
    size = [sign * v for pair in reversed(ends) for v in pair]
    return Value(layer.add(Pad(tuple(size if value.first else [0, 0, *size])), value.name), value.first)


def upsample(layer: Layer) -> Value:
    """UpSampling2D, nearest or bilinear."""
    layer.spatial_first()
    modes = {"nearest": ("nearest", None), "bilinear": ("bilinear", False)}
    if (mode := layer.config.get("interpolation", "nearest")) not in modes:
        raise Unsupported(f"interpolation={mode}; only nearest and bilinear have a counterpart")
    scale = tuple(float(v) for v in _sizes(layer.config["size"], 2))
    name, corners = modes[mode]
    return Value(layer.add(Interpolate(scale, mode=name, align_corners=corners), layer.channels_first()), True)  # type: ignore[arg-type]


def upsample_sequence(layer: Layer) -> Value:
    """UpSampling1D: each step repeated."""
    return Value(layer.add(RepeatInterleave(int(layer.config["size"]), 1), layer.channels_last()))


# -- joins and arithmetic -------------------------------------------------------------------------
def concatenate(layer: Layer) -> Value:
    """Concatenate along an axis of Keras' order."""
    names, first = _same_order(layer, layer.sources)
    rank = layer.rank(layer.sources[0])
    axis = int(layer.config.get("axis", -1)) % rank
    dim = axis if not first else 1 if axis == rank - 1 else axis + 1 if axis else 0
    return Value(layer.add(Concat(dim), *names), first)


def fold(op: Any, pairwise: bool = False, scalar: Any = None) -> Rule:
    """Add, Multiply, Maximum, ... of all values, from left to right where the op takes two; or of one and a number."""

    def rule(layer: Layer) -> Value:
        if layer.scalar is not None and scalar is None:
            raise Unsupported(f"with the number {layer.scalar}")
        if layer.scalar is not None:
            return Value(layer.add(scalar(layer.scalar), layer.sources[0].name), layer.sources[0].first)
        names, first = _same_order(layer, layer.sources)
        if not pairwise:
            return Value(layer.add(op(), *names), first)
        result = names[0]
        for name in names[1:]:
            result = layer.add(op(), result, name)
        return Value(result, first)

    return rule


def average(layer: Layer) -> Value:
    """Average of all values."""
    names, first = _same_order(layer, layer.sources)
    return Value(layer.add(M.Div(float(len(names))), layer.add(M.Add(), *names, suffix="sum")), first)


def rescaling(layer: Layer) -> Value:
    """Rescaling: `scale x + offset`, numbers or one per channel."""
    value = layer.sources[0]
    x, scale, offset = value.name, layer.config["scale"], layer.config.get("offset", 0.0)
    if isinstance(scale, (list, tuple)):
        x = layer.add(M.Mul(), x, layer.constant(_per_channel(layer, value, scale), "scale"))
    else:
        x = layer.add(M.Scale(float(scale)), x)
    if isinstance(offset, (list, tuple)):
        x = layer.add(M.Add(), x, layer.constant(_per_channel(layer, value, offset), "offset"), suffix="shift")
    elif offset:
        x = layer.add(M.Add(float(offset)), x, suffix="shift")
    return Value(x, value.first)


def _per_channel(layer: Layer, value: Value, numbers: Any) -> Any:
    """Numbers per channel in a shape that broadcasts to a value."""
    array = np.asarray(numbers, dtype=np.float32).reshape(-1)
    return array.reshape(-1, *(1,) * (layer.rank(value) - 2)) if value.first else array


def layer_scale(layer: Layer) -> Value:
    """LayerScale: one learned factor per channel."""
    value, count = layer.sources[0], int(layer.config["projection_dim"])
    arrays = layer.numbers(1)
    gamma = _per_channel(layer, value, np.zeros(count) if arrays is None else arrays[0])
    factor = layer.add(Parameter(tuple(gamma.shape)), suffix="gamma")
    if arrays is not None:
        layer.give(factor, gamma)
    return Value(layer.add(M.Mul(), value.name, factor), value.first)


def normalization(layer: Layer) -> Value:
    """Normalization: `(x - mean) / sqrt(variance)` by numbers that were found in the data before."""
    layer.refuse(invert=False)
    if layers.axis_of(layer) != -1:
        raise Unsupported(f"axis={layer.config['axis']}; only the last has a counterpart")
    value = layer.sources[0]
    channels = int(layer.type_of(value).shape[1 if value.first else -1])
    mean, variance = layer.config.get("mean"), layer.config.get("variance")
    if mean is None:
        arrays = layer.numbers(2)
        mean, variance = (np.zeros(channels), np.ones(channels)) if arrays is None else arrays[:2]
    deviation = np.maximum(np.sqrt(np.asarray(variance, dtype=np.float32)), 1e-7)
    mean, deviation = (np.broadcast_to(np.asarray(a).reshape(-1), channels) for a in (mean, deviation))
    x = layer.add(M.Sub(), value.name, layer.constant(_per_channel(layer, value, mean), "mean"), suffix="centre")
    return Value(layer.add(M.Div(), x, layer.constant(_per_channel(layer, value, deviation), "deviation")), value.first)


def dropout(layer: Layer) -> Value:
    """Dropout; noise per sample is stochastic depth."""
    value, p = layer.sources[0], float(layer.config["rate"])
    noise = layer.config.get("noise_shape")
    if noise is not None and list(noise[1:]) != [1] * (len(noise) - 1):
        raise Unsupported(f"noise_shape={noise} has no counterpart")
    return Value(layer.add(Dropout(p) if noise is None else DropPath(p), value.name), value.first)


def spatial_dropout(layer: Layer, rank: int, op: Any) -> Value:
    """Dropout of whole channels."""
    out = layer.add(op(float(layer.config["rate"])), layer.channels_first())
    return layers.restored(layer, out, rank)


def _ranked(name: str, rule: Any, ranks: tuple[int, ...] = (1, 2, 3), **fixed: Any) -> dict[str, Rule]:
    """Rows for the one-, two- and three-dimensional forms of a layer, `{}` standing for the number."""
    return {name.format(rank): partial(rule, rank=rank, **fixed) for rank in ranks}


#: Class of Keras layers -> rule.
TABLE: Mapping[str, Rule] = {
    **_ranked("Conv{}D", layers.conv), **_ranked("Conv{}DTranspose", layers.conv_transpose),
    "DepthwiseConv2D": layers.depthwise_conv, "SeparableConv2D": layers.separable_conv,
    "Dense": layers.dense, "Embedding": layers.embedding, "LSTM": sequences.recurrent, "GRU": sequences.recurrent,
    "SimpleRNN": sequences.recurrent, "Bidirectional": partial(sequences.recurrent, both=True),
    "BatchNormalization": layers.batch_norm, "LayerNormalization": layers.layer_norm,
    "GroupNormalization": layers.group_norm, "Normalization": normalization, "Rescaling": rescaling,
    "LayerScale": layer_scale,
    "Activation": lambda layer: layers.activated(layer, layer.sources[0]), "ReLU": layers.relu, "PReLU": layers.prelu,
    "Softmax": layers.softmax, "ELU": simple(lambda layer: A.Elu(float(layer.config.get("alpha", 1.0)))),
    "LeakyReLU": simple(lambda layer: A.LeakyRelu(float(layer.config.get("negative_slope",
                                                                         layer.config.get("alpha", 0.3))))),
    **_ranked("MaxPooling{}D", pool, mean=False), **_ranked("AveragePooling{}D", pool, mean=True),
    **_ranked("GlobalMaxPooling{}D", global_pool, op=Amax), **_ranked("GlobalAveragePooling{}D", global_pool, op=Mean),
    "Flatten": flatten, "Reshape": reshape, "Permute": permute, "RepeatVector": repeat_vector,
    **_ranked("ZeroPadding{}D", padding, sign=1, key="padding"),
    **_ranked("Cropping{}D", padding, sign=-1, key="cropping"),
    "UpSampling1D": upsample_sequence, "UpSampling2D": upsample, "Concatenate": concatenate,
    "Add": fold(M.Add, scalar=M.Add), "Multiply": fold(M.Mul, scalar=M.Scale), "Subtract": fold(M.Sub, True, M.Sub),
    "Average": average,
    "Maximum": fold(M.Maximum, True), "Minimum": fold(M.Minimum, True), "Dropout": dropout,
    "SpatialDropout1D": partial(spatial_dropout, rank=1, op=Dropout1d),
    "SpatialDropout2D": partial(spatial_dropout, rank=2, op=Dropout2d),
    "ActivityRegularization": simple(lambda layer: A.Identity()),
}  # fmt: skip
