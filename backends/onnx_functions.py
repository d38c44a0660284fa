"""Functions of torch that its ONNX exporter writes in part alone, in ONNX's own operators."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch


def functions() -> dict[Callable[..., Any], Callable[..., Any]]:
    """What stands for which of torch's operators. It needs onnxscript, which is looked for when this is called."""
    from onnx_ir import DataType
    from onnxscript import opset18

    op: Any = opset18  # its functions are traced with symbols, which are none of the types that they name

    def attention(
        query: Any, key: Any, value: Any, attn_mask: Any = None, dropout_p: float = 0.0, is_causal: bool = False,
        scale: float | None = None, enable_gqa: bool = False,
    ) -> Any:  # fmt: skip
        """`softmax(scale q k^T + mask) v` over the last two dimensions, with any number before them; torch's exporter
        wants two. A row that sees nothing is zero, as in torch. What is deployed drops nothing."""
        rank = len(key.shape)
        turned = op.Transpose(key, perm=[*range(rank - 2), rank - 1, rank - 2])
        factor = op.Constant(value_float=float(query.shape[-1]) ** -0.5 if scale is None else scale)
        scores = op.MatMul(op.Mul(query, op.CastLike(factor, query)), turned)
        if is_causal:
            ones = op.Expand(op.Constant(value_int=1), op.Shape(scores, start=-2))
            attn_mask = op.Cast(op.Trilu(ones, upper=0), to=DataType.BOOL)
        if attn_mask is None or not (is_causal or attn_mask.dtype == DataType.BOOL):
            shares = op.Softmax(scores if attn_mask is None else op.Add(scores, attn_mask), axis=-1)
        else:
            zero, least = (op.CastLike(op.Constant(value_float=v), query) for v in (0.0, float("-inf")))
            shares = op.Where(attn_mask, op.Softmax(op.Where(attn_mask, scores, least), axis=-1), zero)
        return op.MatMul(shares, value)

    return {torch.ops.aten.scaled_dot_product_attention.default: attention}
