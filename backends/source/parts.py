"""Layers that torch has not, as they stand in exported files. Each is torch alone, and is copied out as it is written.

They compute what the ops of the same purpose compute, bit for bit, under the same parameter names.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.nn import functional as F


def taped(x: torch.Tensor) -> torch.Tensor:
    """A value whose gradient is asked for further on: it is on autograd's tape, whatever it was computed from."""
    return x if x.requires_grad else x.detach().requires_grad_()


class DropPath(nn.Module):
    """In training: drops whole samples with probability `rate`, and scales the others by `1 / (1 - rate)`.

    A rate given with `x` stands for its own.
    """

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate = rate

    def forward(self, x: torch.Tensor, rate: torch.Tensor | None = None) -> torch.Tensor:
        if not self.training:
            return x
        keep = torch.tensor(1 - self.rate, dtype=torch.float32, device=x.device) if rate is None else 1 - rate
        drawn = torch.rand((x.shape[0],) + (1,) * (x.dim() - 1), dtype=x.dtype, device=x.device)
        return x * ((drawn < keep).to(x.dtype) / keep.to(x.dtype))


class StepCount(nn.Module):
    """`min(1, step / steps)` in training, where `step` counts the calls before this one; 1 in evaluation."""

    step: torch.Tensor

    def __init__(self, steps: int) -> None:
        super().__init__()
        self.steps = steps
        self.register_buffer("step", torch.zeros((), dtype=torch.int64))

    def forward(self) -> torch.Tensor:
        if not self.training:
            return torch.ones((), device=self.step.device)
        done = (self.step / self.steps).clamp(max=1)
        self.step += 1
        return done


class RunningVariance(nn.Module):
    """The variance of each channel: the batch's in training, which moves `running`, and `running` itself after it."""

    def __init__(self, momentum: float = 0.1) -> None:
        super().__init__()
        self.momentum = momentum

    def forward(self, x: torch.Tensor, running: torch.Tensor) -> torch.Tensor:
        if not self.training:
            return running
        found = x.float().var((0, *range(2, x.dim())), correction=0).to(running.dtype)
        count = x.numel() // x.shape[1]
        unbiased = found.detach() * (count / (count - 1))
        running.copy_(running * (1 - self.momentum) + unbiased * self.momentum)
        return found


class LayerNormAt(nn.LayerNorm):
    """Layer norm over one dimension that is not the last."""

    def __init__(
        self, normalized_shape: int, dim: int, eps: float = 1e-5, affine: bool = True, bias: bool = True
    ) -> None:
        super().__init__(normalized_shape, eps, affine, bias)
        self.dim = dim

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return super().forward(x.movedim(self.dim, -1)).movedim(-1, self.dim)


def pad_same(
    x: torch.Tensor, kernel: tuple[int, ...], stride: tuple[int, ...], dilation: tuple[int, ...], value: float = 0.0
) -> torch.Tensor:
    """Pads `x` so that a window yields `ceil(size / stride)` along each dimension, the odd row at the end."""
    padding: list[int] = []
    for size, k, s, d in reversed(list(zip(x.shape[-len(kernel) :], kernel, stride, dilation, strict=True))):
        total = max((size - 1) // s * s + (k - 1) * d + 1 - size, 0)
        padding += [total // 2, total - total // 2]
    return F.pad(x, padding, value=value)


def avg_pool_same(x: torch.Tensor, kernel: tuple[int, ...], stride: tuple[int, ...]) -> torch.Tensor:
    """Means over windows with "same" padding, of the elements that lie inside `x`."""
    pool = (F.avg_pool1d, F.avg_pool2d, F.avg_pool3d)[len(kernel) - 1]
    ones = (1,) * len(kernel)
    inside = pad_same(torch.ones_like(x[:1, :1]), kernel, stride, ones)
    return pool(pad_same(x, kernel, stride, ones), kernel, stride) / pool(inside, kernel, stride)


class Conv1dSame(nn.Conv1d):
    """A convolution with "same" padding and a stride: ceil(size / stride) outputs."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return super().forward(pad_same(x, self.kernel_size, self.stride, self.dilation))


class Conv2dSame(nn.Conv2d):
    """A convolution with "same" padding and a stride: ceil(size / stride) outputs."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return super().forward(pad_same(x, self.kernel_size, self.stride, self.dilation))


class Conv3dSame(nn.Conv3d):
    """A convolution with "same" padding and a stride: ceil(size / stride) outputs."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return super().forward(pad_same(x, self.kernel_size, self.stride, self.dilation))


class Attention(nn.Module):
    """Scaled dot-product attention; in training, weights are dropped with probability `p`."""

    def __init__(self, p: float, scale: float | None = None, causal: bool = False) -> None:
        super().__init__()
        self.p, self.scale, self.causal = p, scale, causal

    def forward(
        self, q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, bias: torch.Tensor | None = None
    ) -> torch.Tensor:
        p = self.p if self.training else 0.0
        return F.scaled_dot_product_attention(
            q, k, v, attn_mask=bias, dropout_p=p, is_causal=self.causal, scale=self.scale
        )


class MultiheadAttention(nn.MultiheadAttention):
    """torch's multi-head attention over [N, length, channels], its output alone, with fused attention always."""

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


class Given(nn.Module):
    """Calls a module with the parameters named in `ports` taken from its last inputs; it owns the others."""

    def __init__(self, module: nn.Module, *ports: str) -> None:
        super().__init__()
        self.ports = ports
        self.inner = [module]  # in a list, so that the names below are the only ones in `state_dict`
        for name, parameter in module.named_parameters(recurse=False):
            if name not in ports:
                self.register_parameter(name, parameter)
        for name, buffer in module.named_buffers(recurse=False):
            self.register_buffer(name, buffer)
        for port in ports:
            setattr(module, port, None)

    def forward(self, *inputs: torch.Tensor) -> torch.Tensor:
        count = len(inputs) - len(self.ports)
        tensors = dict(self.named_parameters(recurse=False)) | dict(self.named_buffers(recurse=False))
        tensors |= dict(zip(self.ports, inputs[count:], strict=True))
        out: torch.Tensor = torch.func.functional_call(self.inner[0], tensors, inputs[:count])
        return out


class Loop(nn.Module):
    """Runs one step over the slices of an input, or a number of times, with one set of weights.

    Each step reads its slice, what the step before put out under an input's name, and the other inputs whole. At first
    that is what is given, or zeros of the sizes in `start` (a pair is an input's number and the dimension it is of).
    """

    def __init__(
        self, step: nn.Module, inputs: tuple[str, ...], given: tuple[str, ...], outputs: tuple[str, ...],
        start: dict[str, tuple[int | tuple[int, int], ...]], over: str = "", dim: int = 0, reverse: bool = False,
        times: int | None = None, until: str = "",
    ) -> None:  # fmt: skip
        super().__init__()
        self.step: Any
        object.__setattr__(self, "step", step)  # its parameters are the loop's, under the same names
        self._parameters, self._buffers, self._modules = step._parameters, step._buffers, step._modules
        self.inputs, self.given, self.outputs, self.start = inputs, given, outputs, start
        self.over, self.dim, self.reverse, self.times, self.until = over, dim, reverse, times, until

    def forward(self, *inputs: torch.Tensor) -> Any:
        given = dict(zip(self.given, inputs, strict=True))
        first = inputs[0]
        state = {
            name: first.new_zeros([inputs[s[0]].shape[s[1]] if isinstance(s, tuple) else s for s in sizes])
            for name, sizes in self.start.items()
        }
        rows = given[self.over].unbind(self.dim) if self.over else (None,) * (self.times or 0)
        steps: list[dict[str, torch.Tensor]] = []
        for row in rows[::-1] if self.reverse else rows:
            values = {**given, **state, self.over: row}
            found: Any = self.step(*(values[name] for name in self.inputs))
            found = dict(zip(self.outputs, found if isinstance(found, tuple) else (found,), strict=True))
            if self.until and steps:
                done, ended = steps[-1][self.until], found.pop(self.until)
                found = {name: torch.where(done, steps[-1][name], new) for name, new in found.items()}
                found[self.until] = done | ended
            carried = {name: value for name, value in found.items() if name in self.inputs and name != self.over}
            state = {**state, **carried}
            steps.append(found)
        steps = steps[::-1] if self.over and self.reverse else steps
        if self.over:
            results = tuple(torch.stack([step[name] for step in steps], self.dim) for name in self.outputs)
        else:
            results = tuple(steps[-1][name] for name in self.outputs)
        return results if len(results) > 1 else results[0]
