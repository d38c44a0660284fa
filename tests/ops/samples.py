"""One call or more of every op: arguments and input tensors. Tests run all of them in every way an op can be run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

from graphwright.compiler.ir.types import DTYPE_NAMES, Type
from graphwright.compiler.ops import OPS
from graphwright.compiler.ops.op import Op


@dataclass(frozen=True)
class Sample:
    """An op with its arguments, and inputs: a tensor per port, `None` for one left out, a tuple for `x*`."""

    op: Op
    inputs: tuple[Any, ...]

    @property
    def types(self) -> tuple[Any, ...]:
        return tuple(_type(x) for x in self.inputs)

    def __str__(self) -> str:
        return str(self.op)[:60]


def _type(x: Any) -> Any:
    if isinstance(x, tuple):
        return tuple(_type(t) for t in x)
    return None if x is None else Type(tuple(x.shape), DTYPE_NAMES[x.dtype])


def real(*shape: int) -> torch.Tensor:
    """Normal numbers, the same for the same shape."""
    return torch.randn(shape, generator=torch.Generator().manual_seed(sum(shape)))


def positive(*shape: int) -> torch.Tensor:
    """Numbers from 0.1 to 0.9."""
    return 0.1 + 0.8 * torch.rand(shape, generator=torch.Generator().manual_seed(sum(shape)))


def whole(high: int, *shape: int) -> torch.Tensor:
    """Integers from 0 to high - 1."""
    return torch.randint(0, high, shape, generator=torch.Generator().manual_seed(sum(shape)))


def boxes(*shape: int) -> torch.Tensor:
    """Corners of boxes of 5 to 15 pixels."""
    low, size = 30 * positive(*shape, 2), 5 + 10 * positive(*shape, 2).flip(-1)
    return torch.cat([low, low + size], -1)


def square(count: int, width: int) -> torch.Tensor:
    """The Gram matrix of random features."""
    features = real(count, width)
    return features @ features.T


image, line, solid = real(2, 8, 7, 9), real(2, 8, 11), real(2, 8, 5, 6, 7)
tokens = real(2, 5, 12)
flat = real(3, 4)
mask = flat > 0
seen = real(2, 1, 7, 9) > 0

#: name: (arguments, inputs) pairs.
TABLE: dict[str, list[tuple[dict[str, Any], tuple[Any, ...]]]] = {
    "conv1d": [({"out": 6, "kernel": 3, "padding": "same", "stride": 2}, (line,))],
    "conv2d": [
        ({"out": 6, "kernel": (3, 5), "padding": (1, 2), "groups": 2}, (image,)),
        ({"out": 6, "kernel": 4, "stride": 3, "padding": "same", "bias": False}, (image,)),
        ({"out": 6, "kernel": 3, "padding": "same", "padding_mode": "reflect"}, (image,)),
    ],
    "conv3d": [({"out": 4, "kernel": 2, "dilation": 2}, (solid,))],
    "conv_transpose1d": [({"out": 6, "kernel": 3, "stride": 2, "output_padding": 1}, (line,))],
    "conv_transpose2d": [({"out": 6, "kernel": 3, "stride": (2, 1), "padding": 1, "groups": 2}, (image,))],
    "conv_transpose3d": [({"out": 4, "kernel": 2, "stride": 2, "bias": False}, (solid,))],
    "max_pool1d": [({"kernel": 3, "stride": 2, "padding": "same"}, (line,))],
    "max_pool2d": [
        ({"kernel": 3, "stride": 2, "padding": 1}, (image,)),
        ({"kernel": 2, "ceil": True}, (image,)),
        ({"kernel": 3, "stride": 2, "padding": "same"}, (image,)),
        ({"kernel": 3, "stride": 1, "padding": "same", "dilation": 2}, (image,)),
    ],
    "max_pool3d": [({"kernel": 2}, (solid,))],
    "avg_pool1d": [({"kernel": 2}, (line,))],
    "avg_pool2d": [
        ({"kernel": 3, "stride": 2, "padding": "same", "count_include_pad": False}, (image,)),
        ({"kernel": 3, "stride": 1, "padding": "same", "count_include_pad": False}, (image,)),
        ({"kernel": 2, "padding": "same", "stride": 2}, (image,)),
        ({"kernel": 3, "padding": 1, "ceil": True}, (image,)),
    ],
    "avg_pool3d": [({"kernel": 2, "stride": 1}, (solid,))],
    "lp_pool2d": [({"kernel": 2, "p": 3.0}, (image,))],
    "adaptive_avg_pool1d": [({"size": 3}, (line,))],
    "adaptive_avg_pool2d": [({"size": 1}, (image,)), ({"size": (2, 3)}, (image,))],
    "adaptive_avg_pool3d": [({"size": 2}, (solid,))],
    "adaptive_max_pool2d": [({"size": 2}, (image,))],
    "batch_norm": [
        ({}, (flat,)), ({}, (line,)), ({"eps": 1e-3, "affine": False}, (image,)), ({"track": False}, (solid,)),
    ],
    "batch_variance": [({"momentum": 0.2}, (image, positive(8)))],
    "instance_norm": [({}, (line,)), ({"affine": True, "track": True}, (image,)), ({}, (solid,))],
    "layer_norm": [({}, (tokens,)), ({"dims": 2, "bias": False}, (tokens,)), ({"dim": 1}, (image,))],
    "rms_norm": [({}, (tokens,)), ({"eps": 1e-6, "dims": 2}, (tokens,))],
    "group_norm": [({"groups": 4}, (image,))],
    "local_response_norm": [({"size": 5}, (image,))],
    "normalize": [({}, (image,)), ({"p": 1.0, "dim": -1}, (tokens,))],
    "leaky_relu": [({"slope": 0.2}, (flat,))],
    "prelu": [({}, (flat,)), ({"parameters": 8}, (image,))],
    "elu": [({"alpha": 0.5}, (flat,))],
    "celu": [({"alpha": 0.5}, (flat,))],
    "gelu": [({}, (flat,)), ({"approximate": "tanh"}, (flat,))],
    "hardtanh": [({"min": -0.5}, (flat,))],
    "softplus": [({"beta": 2.0}, (flat,))],
    "threshold": [({"threshold": 0.1, "value": -1.0}, (flat,))],
    "softmax": [({}, (flat,)), ({"dim": 1}, (image,))],
    "log_softmax": [({"dim": 1}, (image,))],
    "glu": [({"dim": 1}, (image,))],
    "linear": [({"out": 3}, (tokens,)), ({"out": 3, "bias": False}, (flat,))],
    "bilinear": [({"out": 3}, (flat, real(3, 5)))],
    "embedding": [({"count": 7, "dim": 5}, (whole(7, 2, 3), None)), ({}, (whole(3, 2, 3), flat))],
    "matmul": [({}, (tokens, real(12, 4))), ({}, (real(2, 3, 4, 5), real(2, 1, 5, 6)))],
    "einsum": [({"equation": "bqd,bkd->bqk"}, ((tokens, tokens),)), ({"equation": "ij -> j"}, ((flat,),))],
    "attention": [
        ({}, (real(2, 3, 5, 4), real(2, 3, 6, 4), real(2, 3, 6, 8), None)),
        ({"scale": 0.5}, (real(2, 3, 5, 4), real(2, 3, 6, 4), real(2, 3, 6, 8), real(1, 3, 5, 6))),
        ({"causal": True, "dropout": 0.1}, (tokens, tokens, tokens, None)),
    ],
    "multi_head_attention": [
        ({"heads": 3}, (tokens, None, None)),
        ({"heads": 4, "bias": False, "dropout": 0.1}, (tokens, real(2, 7, 12), None)),
        ({"heads": 4}, (tokens, real(2, 7, 6), real(2, 7, 10))),
    ],
    "lstm": [({"hidden": 6}, (tokens,)), ({"hidden": 4, "layers": 2, "bidirectional": True}, (tokens,))],
    "gru": [({"hidden": 6, "bias": False}, (tokens,)), ({"hidden": 4, "layers": 2, "dropout": 0.1}, (tokens,))],
    "rnn": [({"hidden": 6}, (tokens,)), ({"hidden": 4, "activation": "relu", "bidirectional": True}, (tokens,))],
    "add": [({}, ((flat,),)), ({}, ((flat, real(4), real(3, 1)),))],
    "mul": [({}, ((flat, flat, real(1, 4)),))],
    "weighted_sum": [({"weights": (0.5, 2.0)}, ((flat, flat),))],
    "lerp": [({}, (flat, flat + 1, torch.tensor(0.3))), ({}, (flat, None, None))],
    "sub": [({}, (flat, real(4))), ({"other": 2.0}, (flat, None))],
    "div": [({}, (flat, positive(4))), ({"other": 2.0}, (flat, None))],
    "pow": [({}, (positive(3, 4), flat)), ({"other": 2.0}, (flat, None))],
    "maximum": [({}, (flat, real(4))), ({"other": 0.1}, (flat, None))],
    "minimum": [({}, (flat, real(4))), ({"other": 0.1}, (flat, None))],
    "clamp": [({"min": -0.5, "max": 0.5}, (flat,)), ({"max": 0.5}, (flat,))],
    "scale": [({"factor": 3.0}, (flat,))],
    "log": [({}, (positive(3, 4),))],
    "sqrt": [({}, (positive(3, 4),))],
    "rsqrt": [({}, (positive(3, 4),))],
    "logical_and": [({}, (mask, flat > 0.5))],
    "logical_or": [({}, (mask, flat > 0.5))],
    "logical_not": [({}, (mask,))],
    "where": [({}, (mask, flat, real(4))), ({"other": 0.0}, (mask, flat, None))],
    "cast": [({"dtype": "int64"}, (flat,))],
    "cumsum": [({"dim": 1}, (flat,))],
    "gather": [({"dim": 1}, (flat, whole(4, 3, 2)))],
    "one_hot": [({"classes": 5}, (whole(5, 2, 3),))],
    "masked_sum": [({}, (flat, mask)), ({}, (real(3, 4, 5), mask))],
    "formula": [
        ({"value": "a * b + 1", "names": ("a", "b")}, ((flat, real(4)),)),
        ({"value": ("x + i", "j * 2"), "names": ("x",), "over": (("i", 3), ("j", 4))}, ((flat,),)),
        ({"value": "t[i] if x > 0 else -x", "names": ("x",), "over": (("i", 4),),
          "constants": (("t", (1.0, 2.5, 3.0, 4.0)),)}, ((flat,),)),
        ({"value": "y // 2 + x % 3 / n", "over": (("y", 5), ("x", 4)), "constants": (("n", 7),)}, ((),)),
    ],
    "var": [({}, (flat,)), ({"dims": (1, 2), "correction": 0}, (tokens,))],
    "std": [({"dims": 1, "keep": True}, (flat,))],
    "norm": [({}, (flat,)), ({"dims": -1, "p": 1.0}, (tokens,))],
    "argmax": [({}, (flat,)), ({"dims": 1}, (flat,))],
    "argmin": [({"dims": 1, "keep": True}, (flat,))],
    "topk": [({"k": 2}, (flat,)), ({"k": 3, "dim": 0, "largest": False}, (flat,))],
    "rearrange": [
        ({"pattern": "n (a p) (b q) c -> n (a b) (p q) c", "sizes": (("p", 4), ("q", 3))}, (real(2, 8, 6, 9),)),
        ({"pattern": "b ... c -> c ... b"}, (image,)),
        ({"pattern": "n 1 c -> (n c)"}, (real(2, 1, 3),)),
    ],
    "repeat": [({"pattern": "n c -> n k (c r)", "sizes": (("k", 2), ("r", 3))}, (flat,))],
    "reduce": [({"pattern": "n c (h p) (w q) -> n c h w", "sizes": (("p", 2), ("q", 3)), "how": "max"},
                (real(2, 3, 4, 6),))],
    "flatten": [({}, (image,)), ({"start": 2, "end": 3}, (image,))],
    "unflatten": [({"dim": 1, "sizes": (2, -1)}, (image,))],
    "reshape": [({"size": (2, -1, 9)}, (image,))],
    "permute": [({"dims": (0, 2, 3, 1)}, (image,))],
    "transpose": [({}, (tokens,)), ({"dims": (0, 1)}, (tokens,))],
    "squeeze": [({"dim": 1}, (real(3, 1, 4),)), ({"dim": (0, -1)}, (real(1, 3, 1),))],
    "unsqueeze": [({"dim": -1}, (flat,))],
    "expand": [({"size": (2, 3, -1)}, (flat,))],
    "tile": [({"repeats": (2, 1)}, (flat,))],
    "repeat_interleave": [({"repeats": 2, "dim": 1}, (flat,))],
    "roll": [({"shifts": (1, -2), "dims": (1, 2)}, (tokens,)), ({"shifts": 1, "dims": 0}, (flat,))],
    "flip": [({"dims": (0, 1)}, (flat,))],
    "pad": [({"size": (-1, 1, 2, 0)}, (image,)), ({"size": (1, 1), "mode": "reflect"}, (line,))],
    "pixel_shuffle": [({"factor": 2}, (image,))],
    "pixel_unshuffle": [({"factor": 2}, (real(2, 3, 4, 6),))],
    "channel_shuffle": [({"groups": 2}, (image,))],
    "unfold": [({"kernel": 3, "padding": 1, "stride": 2}, (image,))],
    "fold": [({"size": (4, 6), "kernel": 2, "stride": 2}, (real(2, 12, 6),))],
    "window_partition": [({"window": (2, 3)}, (real(2, 4, 6, 5),))],
    "window_reverse": [({"window": (2, 3), "size": (4, 6)}, (real(8, 2, 3, 5),))],
    "concat": [({}, ((flat, flat),)), ({"dim": 0}, ((flat, real(2, 4)),))],
    "stack": [({"dim": 1}, ((flat, flat),))],
    "split": [({"sizes": (1, 3, 4)}, (image,))],
    "chunk": [({"parts": 4}, (image,)), ({"parts": 2, "dim": 2}, (real(1, 2, 4),))],
    "unbind": [({}, (flat,))],
    "index_select": [({"dim": 1}, (flat, whole(4, 3, 2))), ({"dim": -2}, (tokens, whole(5, 4)))],
    "contiguous": [({}, (flat.T,))],
    "select": [({"dim": 1, "index": -1}, (flat,))],
    "slice": [
        ({"dims": (1, 2), "stop": (4, 5)}, (image,)),
        ({"dims": -1, "start": 1, "step": 2}, (image,)),
        ({"dims": (0, -1), "start": 1}, (image,)),
    ],
    "interpolate": [
        ({"scale": 2.0}, (image,)),
        ({"size": (5, 6), "mode": "bilinear", "align_corners": True}, (image,)),
        ({"size": (5, 6), "mode": "bicubic", "antialias": True}, (image,)),
    ],
    "upsample": [({"size": (14, 18)}, (image,)), ({"scale": (2.0, 3.0)}, (image,))],
    "grid_sample": [({}, (image, real(2, 3, 4, 2)))],
    "dropout": [({"p": 0.2}, (flat,))],
    "dropout1d": [({"p": 0.2}, (line,))],
    "dropout2d": [({"p": 0.2}, (image,))],
    "dropout3d": [({"p": 0.2}, (solid,))],
    "alpha_dropout": [({"p": 0.2}, (flat,))],
    "drop_path": [({"p": 0.2}, (image, None)), ({}, (tokens, None)), ({}, (image, torch.tensor(0.25)))],
    "progress": [({"steps": 10}, ())],
    "parameter": [({"shape": (3, 4)}, ()), ({"shape": (2,), "dtype": "int64", "trainable": False}, ())],
    "buffer": [({"shape": (3, 4), "persistent": False}, ())],
    "cross_entropy": [
        ({"smoothing": 0.1}, (flat, whole(4, 3))),
        ({"reduce": "none"}, (real(2, 5, 7), whole(7, 2, 5))),
        ({"reduce": "sum"}, (real(2, 5, 7), whole(5, 2, 7))),
        ({}, (flat, positive(3, 4))),
    ],
    "nll": [({}, (flat, whole(4, 3)))],
    "bce": [({}, (positive(3, 4), positive(4, 3).T))],
    "bce_with_logits": [({"reduce": "sum"}, (flat, positive(3, 4)))],
    "smooth_l1": [({"beta": 0.5, "reduce": "none"}, (flat, real(4, 3).T))],
    "kl_div": [({}, (flat.log_softmax(1), flat.flip(0).softmax(1)))],
    "focal_loss": [({}, (flat, mask.float()))],
    "ciou_loss": [
        ({}, (boxes(2, 5), boxes(2, 5).flip(1), None)),
        ({"reduce": "sum"}, (boxes(5), boxes(5).flip(0), positive(5))),
    ],
    "distribution_focal_loss": [({"reduce": "none"}, (real(2, 32, 5), 9 * positive(2, 5, 4), positive(2, 5)))],
    "max_positions": [
        ({"kernel": 3, "stride": 2, "padding": 1}, (image,)),
        ({"kernel": 2, "padding": "same", "stride": 2}, (image,)),
        ({"size": 3}, (image,)),
    ],
    "neighbor_padding": [
        ({"rings": 2}, (image, seen, None)),
        ({"rings": 1, "eps": 1e-5}, (image, seen, ~seen)),
    ],
    "mask_like": [({}, (mask, flat))],
    "any_pool2d": [
        ({"kernel": 3, "stride": 2, "padding": 2}, (seen,)),
        ({"kernel": 2, "stride": 2, "padding": "same"}, (seen,)),
    ],
    "any_transpose2d": [({"kernel": 3, "stride": 2, "padding": 1, "output_padding": 1}, (seen,))],
    "visible_moments": [
        ({"groups": 4}, (image, seen)),
        ({"groups": 8}, (image, seen)),
        ({"groups": 1}, (image.movedim(1, 3), seen.movedim(1, 3))),
    ],
    "gram": [({}, (image,)), ({"centred": False}, (tokens,)), ({"gather": True}, (flat,))],
    "cka": [({}, (square(5, 3), square(5, 7))), ({"unbiased": True}, (square(5, 3), square(5, 7)))],
    "rsa": [({}, (square(5, 3), square(5, 7)))],
    "nms": [
        ({"keep": 7, "candidates": 20}, (boxes(2, 30), positive(2, 3, 30))),
        ({"keep": 50, "background": 0}, (boxes(2, 10), real(2, 10, 3).softmax(2))),
    ],
    "iou_match": [({"iou": 0.3}, (15 + 20 * positive(9, 4), boxes(2, 4), whole(3, 2, 4)))],
    "hard_negatives": [({"ratio": 0.5}, (flat, mask))],
    "task_aligned_assign": [
        ({"topk": 4}, (real(2, 3, 25), boxes(2, 25), 40 * positive(25, 2), torch.full((25, 1), 8.0), boxes(2, 4),
                       whole(4, 2, 4) - 1)),
    ],
}  # fmt: skip

_POINTWISE = (
    "identity relu relu6 silu mish sigmoid tanh selu hardsigmoid hardswish softsign log_sigmoid "
    "neg abs sign exp square reciprocal sin cos erf floor ceil round detach"
)
TABLE |= {name: [({}, (flat,))] for name in _POINTWISE.split()}
TABLE |= {
    name: [({}, (flat, real(4))), ({"other": 0.5}, (flat, None))] for name in ["gt", "ge", "lt", "le", "eq", "ne"]
}
TABLE |= {
    name: [({}, (flat,)), ({"dims": 1}, (flat,)), ({"dims": (0, 2), "keep": True}, (tokens,))]
    for name in ["mean", "sum", "max", "min", "amax", "amin", "prod"]
}
TABLE |= {name: [({}, (flat, real(3, 4).flip(0)))] for name in ["mse", "l1", "huber"]}

SAMPLES = [Sample(OPS[name](**arguments), inputs) for name, rows in TABLE.items() for arguments, inputs in rows]
