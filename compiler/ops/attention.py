"""Attention."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

from graphwright.compiler.ir.dims import Size
from graphwright.compiler.ir.types import Type
from graphwright.compiler.ops.op import Op, arg

FAMILY = "attention"


class DroppedAttention(nn.Module):
    """Scaled dot-product attention whose weights are dropped with probability `p` in training."""

    def __init__(self, p: float, scale: float | None, causal: bool) -> None:
        super().__init__()
        self.p, self.scale, self.causal = p, scale, causal

    def forward(
        self, q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, bias: torch.Tensor | None = None
    ) -> torch.Tensor:
        p = self.p if self.training else 0.0
        return F.scaled_dot_product_attention(
            q, k, v, attn_mask=bias, dropout_p=p, is_causal=self.causal, scale=self.scale
        )


@dataclass(frozen=True)
class Attention(Op, name="attention", ports="q:float k:float v:float bias?", family=FAMILY):
    """`softmax(scale q k^T + bias) v` for q [..., L, E], k [..., S, E], v [..., S, V].

    torch.nn.functional.scaled_dot_product_attention. A bias of dtype bool is a mask: false is left out.
    """

    scale: float | None = arg(None, "factor of q k^T; 1 / sqrt(E) by default")
    causal: bool = arg(False, "each position sees itself and earlier ones only")
    dropout: float = arg(0.0, "probability to drop an attention weight, in training", min=0, max=1)

    def check(self, q: Type, k: Type, v: Type, bias: Type | None) -> str | None:
        if min(q.rank, k.rank, v.rank) < 2:
            return f"attention needs at least 2 dimensions: q {q}, k {k}, v {v}"
        if self.causal and bias is not None:
            return "attention takes either causal: true or a bias, not both"
        for a, b, what in ((q.shape[-1], k.shape[-1], "q and k"), (k.shape[-2], v.shape[-2], "k and v")):
            difference = a - b
            if isinstance(difference, int) and difference:
                return f"attention: {what} must agree: {a} and {b} (q {q}, k {k}, v {v})"
        return None

    def module(self, q: Type, k: Type, v: Type, bias: Type | None) -> nn.Module | None:
        return DroppedAttention(self.dropout, self.scale, self.causal) if self.dropout else None

    def forward(self, q: Any, k: Any, v: Any, bias: Any = None) -> Any:
        return F.scaled_dot_product_attention(q, k, v, attn_mask=bias, is_causal=self.causal, scale=self.scale)

    def macs(self, inputs: tuple[Type, ...], outputs: tuple[Type, ...]) -> Size:
        """`L S (E + V)` per matrix; a causal mask is counted as if nothing were skipped."""
        q, k, v = inputs[:3]
        return q.numel() * k.shape[-2] + outputs[0].numel() * v.shape[-2]


class JointAttention(nn.MultiheadAttention):
    """torch's multi-head attention with its output alone, in plain steps that compile and export."""

    def forward(  # type: ignore[override]
        self, q: torch.Tensor, k: torch.Tensor | None = None, v: torch.Tensor | None = None
    ) -> torch.Tensor:
        k = q if k is None else k
        v = k if v is None else v
        if self._qkv_same_embed_dim:
            weights = self.in_proj_weight.chunk(3)
        else:
            weights = (self.q_proj_weight, self.k_proj_weight, self.v_proj_weight)
        biases = (None, None, None) if self.in_proj_bias is None else self.in_proj_bias.chunk(3)
        heads: Any = [
            F.linear(x, w, b).reshape(x.shape[0], x.shape[1], self.num_heads, -1).transpose(1, 2)
            for x, w, b in zip((q, k, v), weights, biases, strict=True)
        ]
        p = self.dropout if self.training else 0.0
        mixed = F.scaled_dot_product_attention(heads[0], heads[1], heads[2], dropout_p=p)
        out: torch.Tensor = self.out_proj(mixed.transpose(1, 2).flatten(2))
        return out


@dataclass(frozen=True)
class MultiHeadAttention(Op, name="multi_head_attention", ports="q:float k?:float v?:float", family=FAMILY):
    """Projections of q [N, L, C], k and v [N, S, *], attention in each head, and a projection of the result.

    torch.nn.MultiheadAttention with batch_first, under its parameter names. Without k it is self-attention;
    without v, k is read twice.
    """

    heads: int = arg(doc="number of heads, which divides C", min=1)
    bias: bool = arg(True, "add learned biases in all projections")
    dropout: float = arg(0.0, "probability to drop an attention weight, in training", min=0, max=1)

    def check(self, q: Type, k: Type | None, v: Type | None) -> str | None:
        if any(t is not None and t.rank != 3 for t in (q, k, v)):
            return f"multi_head_attention needs [N, length, channels], got {', '.join(str(t) for t in (q, k, v) if t)}"
        if isinstance(q.shape[2], int) and q.shape[2] % self.heads:
            return f"multi_head_attention: {q.shape[2]} channels are not divisible by heads={self.heads}"
        return "multi_head_attention with v needs k too" if k is None and v is not None else None

    def module(self, q: Type, k: Type | None, v: Type | None) -> nn.Module:
        k = k or q
        v = v or k
        return JointAttention(
            int(q.shape[2]), self.heads, self.dropout, self.bias,
            kdim=int(k.shape[2]), vdim=int(v.shape[2]), batch_first=True, device="meta",
        )  # fmt: skip

    def macs(self, inputs: tuple[Type, ...], outputs: tuple[Type, ...]) -> Size:
        """Four projections, and `2 L S C` for the attention."""
        q = inputs[0]
        k = inputs[1] if len(inputs) > 1 else q
        v = inputs[2] if len(inputs) > 2 else k
        width = q.shape[2]
        projections = 2 * q.numel() * width + (k.numel() + v.numel()) * width
        return projections + 2 * q.numel() * k.shape[1]
