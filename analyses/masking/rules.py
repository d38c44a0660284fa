"""What layer masking does at each op: one row an op. An op without a row is refused where it reads a masked value."""

from __future__ import annotations

from collections.abc import Callable

from graphwright.analyses.masking import regroup, shapes, tokens, windows
from graphwright.analyses.masking.sight import Masker
from graphwright.compiler.ir.graph import Node

Rule = Callable[[Masker, Node], None]


def _each(rule: Rule, names: str) -> dict[str, Rule]:
    return dict.fromkeys(names.split(), rule)


RULES: dict[str, Rule] = {
    # element by element
    **_each(tokens.pointwise, "identity relu relu6 leaky_relu elu selu celu silu mish gelu sigmoid tanh hardsigmoid "
                              "hardswish hardtanh softplus softsign log_sigmoid threshold add mul sub div pow maximum "
                              "minimum clamp scale weighted_sum neg abs sign exp log sqrt rsqrt square reciprocal sin "
                              "cos erf floor ceil round gt ge lt le eq ne logical_and logical_or logical_not where "
                              "cast detach dropout dropout1d dropout2d dropout3d alpha_dropout drop_path"),
    **_each(tokens.formula, "formula"),
    **_each(tokens.batch_norm, "batch_norm"),
    # within a cell
    **_each(tokens.channels, "rms_norm local_response_norm normalize channel_shuffle glu prelu"),
    **_each(tokens.layer_norm, "layer_norm"),
    **_each(tokens.linear, "linear"),
    # statistics of the map
    **_each(windows.moments, "group_norm"),
    **_each(tokens.instance_norm, "instance_norm"),
    # windows
    **_each(windows.convolution, "conv2d"),
    **_each(windows.transposed, "conv_transpose2d"),
    **_each(windows.maximum, "max_pool2d adaptive_max_pool2d"),
    **_each(windows.average, "avg_pool2d adaptive_avg_pool2d"),
    **_each(windows.resized, "interpolate upsample"),
    **_each(windows.shuffled, "pixel_shuffle"),
    **_each(windows.unshuffled, "pixel_unshuffle"),
    # reductions
    **_each(windows.reduction, "mean sum max min amax amin"),
    **_each(windows.patterned, "reduce"),
    # tokens
    **_each(tokens.attention, "attention"),
    **_each(tokens.softmax, "softmax log_softmax"),
    **_each(tokens.matmul, "matmul"),
    # elements moved
    **_each(regroup.rearranged, "rearrange"),
    **_each(regroup.reshaped, "reshape flatten"),
    **_each(shapes.moved, "permute transpose unsqueeze unflatten contiguous flip tile window_partition window_reverse"),
    **_each(shapes.along, "slice select split chunk unbind index_select roll squeeze repeat_interleave"),
    **_each(shapes.expanded, "expand"),
    **_each(shapes.padding, "pad"),
    **_each(shapes.joined, "concat"),
    **_each(shapes.stacked, "stack"),
}  # fmt: skip
