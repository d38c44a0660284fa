"""The ops: one class each, listed in one table. Adding an op is a class in a file here and a row below."""

from __future__ import annotations

from collections.abc import Iterable
from importlib import import_module
from importlib.metadata import entry_points

from graphwright.compiler.ops import (
    activation,
    arithmetic,
    attention,
    box_loss,
    comparison,
    constant,
    convolution,
    detection,
    formula,
    gradient,
    join,
    linear,
    loop,
    loss,
    masking,
    norm,
    pooling,
    random,
    rearrange,
    recurrent,
    reduce,
    resize,
    schedule,
    shape,
    similarity,
    windows,
)
from graphwright.compiler.ops.op import Op
from graphwright.compiler.places import NOWHERE, fail

ROWS: tuple[type[Op], ...] = (
    loop.Loop,

    convolution.Conv1d, convolution.Conv2d, convolution.Conv3d,
    convolution.ConvTranspose1d, convolution.ConvTranspose2d, convolution.ConvTranspose3d,

    pooling.MaxPool1d, pooling.MaxPool2d, pooling.MaxPool3d,
    pooling.AvgPool1d, pooling.AvgPool2d, pooling.AvgPool3d, pooling.LpPool2d,
    pooling.AdaptiveAvgPool1d, pooling.AdaptiveAvgPool2d, pooling.AdaptiveAvgPool3d, pooling.AdaptiveMaxPool2d,
    pooling.MaxPositions,

    norm.BatchNorm, norm.BatchVariance, norm.InstanceNorm, norm.LayerNorm, norm.RmsNorm, norm.GroupNorm,
    norm.LocalResponseNorm, norm.Normalize,

    activation.Identity, activation.Relu, activation.Relu6, activation.LeakyRelu, activation.Prelu,
    activation.Elu, activation.Selu, activation.Celu, activation.Silu, activation.Mish, activation.Gelu,
    activation.Sigmoid, activation.Tanh, activation.Hardsigmoid, activation.Hardswish, activation.Hardtanh,
    activation.Softplus, activation.Softsign, activation.LogSigmoid, activation.Threshold,
    activation.Softmax, activation.LogSoftmax, activation.Glu,

    linear.Linear, linear.Bilinear, linear.Embedding, linear.Matmul, linear.Einsum,
    attention.Attention, attention.MultiHeadAttention,
    recurrent.Lstm, recurrent.Gru, recurrent.Rnn,

    arithmetic.Add, arithmetic.Mul, arithmetic.Sub, arithmetic.Div, arithmetic.Pow,
    arithmetic.Maximum, arithmetic.Minimum, arithmetic.Clamp, arithmetic.Scale, arithmetic.WeightedSum, arithmetic.Lerp,
    arithmetic.Neg, arithmetic.Abs, arithmetic.Sign, arithmetic.Exp, arithmetic.Log, arithmetic.Sqrt,
    arithmetic.Rsqrt, arithmetic.Square, arithmetic.Reciprocal, arithmetic.Sin, arithmetic.Cos, arithmetic.Erf,
    arithmetic.Floor, arithmetic.Ceil, arithmetic.Round,
    comparison.Gt, comparison.Ge, comparison.Lt, comparison.Le, comparison.Eq, comparison.Ne,
    comparison.LogicalAnd, comparison.LogicalOr, comparison.LogicalNot, comparison.Where,
    arithmetic.Cast, arithmetic.Detach, arithmetic.Cumsum, arithmetic.Gather, arithmetic.OneHot, arithmetic.MaskedSum,
    formula.Formula, gradient.Gradient,

    reduce.Mean, reduce.Sum, reduce.Max, reduce.Min, reduce.Amax, reduce.Amin, reduce.Prod,
    reduce.Var, reduce.Std, reduce.Norm, reduce.Argmax, reduce.Argmin, reduce.TopK,

    rearrange.Rearrange, rearrange.Repeat, rearrange.Reduce,
    shape.Flatten, shape.Unflatten, shape.Reshape, shape.Permute, shape.Transpose, shape.Squeeze, shape.Unsqueeze,
    shape.Expand, shape.Tile, shape.RepeatInterleave, shape.Contiguous, shape.Roll, shape.Flip, shape.Pad,
    windows.PixelShuffle, windows.PixelUnshuffle, windows.ChannelShuffle, windows.Unfold, windows.Fold,
    windows.WindowPartition, windows.WindowReverse,
    join.Concat, join.Stack, join.Split, join.Chunk, join.Unbind, join.Select, join.IndexSelect, join.Slice,
    resize.Interpolate, resize.Upsample, resize.GridSample,

    random.Dropout, random.Dropout1d, random.Dropout2d, random.Dropout3d, random.AlphaDropout, random.DropPath,
    constant.Parameter, constant.Buffer, schedule.Progress,

    loss.CrossEntropy, loss.Nll, loss.BceWithLogits, loss.Bce, loss.Mse, loss.L1, loss.SmoothL1, loss.Huber,
    loss.KlDiv, loss.FocalLoss, box_loss.CiouLoss, box_loss.DistributionFocalLoss,
    masking.NeighborPadding, masking.MaskLike, masking.AnyPool2d, masking.AnyTranspose2d, masking.VisibleMoments,
    similarity.Gram, similarity.Cka, similarity.Rsa,
    detection.Nms, detection.IouMatch, detection.HardNegatives, detection.TaskAlignedAssign,
)  # fmt: skip

#: Every op by its name in specs.
OPS: dict[str, type[Op]] = {cls.name: cls for cls in ROWS}


def plug_in(packages: Iterable[str] = ()) -> None:
    """Add the ops of installed plug-ins (entry points `graphwright.ops`) and of packages named by the user.

    A plug-in is a module with a table `OPS` of op classes. A spec can never name one.
    """
    tables = [(point.name, point.load()) for point in entry_points(group="graphwright.ops")]
    for package in packages:
        try:
            tables.append((package, import_module(package).OPS))
        except (ImportError, AttributeError) as error:
            raise fail(
                NOWHERE, f"'{package}' is no plug-in: {error}", "a module with a table OPS of op classes"
            ) from None
    for name, table in tables:
        for op in table:
            if OPS.setdefault(op.name, op) is not op:
                raise fail(NOWHERE, f"the plug-in '{name}' redefines the op '{op.name}'", "rename it")
