"""A model that contains gradients of itself, as one that does not: `torch.export` cannot trace `torch.func.vjp`.

`make_fx` runs the model on symbolic tensors and records what forward and backward do; the record is an ordinary module
over the same parameters under the same names.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn
from torch.fx.experimental.proxy_tensor import make_fx

from graphwright.compiler.ir.graph import Graph
from graphwright.compiler.lowering.gradient import Pullback, differentiates


class Recorded(nn.Module):
    """A recorded graph that takes the model's state first; the state is that of the model itself."""

    def __init__(self, graph: nn.Module, model: nn.Module) -> None:
        super().__init__()
        self.graph = graph
        self._parameters, self._buffers = model._parameters, model._buffers
        self.names = [n for n, _ in (*model.named_parameters(), *model.named_buffers())]
        for name, part in model.named_children():
            self.add_module(name, part)

    def forward(self, *inputs: torch.Tensor) -> Any:
        state = {**dict(self.named_parameters()), **dict(self.named_buffers())}
        return self.graph(tuple(state[name] for name in self.names), *inputs)


def convolution_backward(
    slope: torch.Tensor, x: torch.Tensor, weight: torch.Tensor, bias_sizes: list[int] | None, stride: list[int],
    padding: list[int], dilation: list[int], transposed: bool, output_padding: list[int], groups: int,
    mask: list[bool],
) -> Any:  # fmt: skip
    """The gradient of a convolution in its input as a convolution itself, which every format has.

    Of a strided one, the whole transposed convolution, and of it what `padding` and the input's size leave.
    """
    if any(mask[1:]):
        return NotImplemented
    rank = x.dim() - 2
    none, convolve = [0] * rank, torch.ops.aten.convolution.default
    if transposed:
        return convolve(slope, weight, None, stride, padding, dilation, False, none, groups), None, None
    found = convolve(slope, weight, None, stride, none, dilation, True, none, groups)
    if any(s > 1 for s in stride):  # at most stride - 1 elements at the end were read by no window
        found = torch.nn.functional.pad(found, [n for s in reversed(stride) for n in (0, s - 1)])
    for axis in range(rank):
        found = found.narrow(axis + 2, padding[axis], x.shape[axis + 2])
    return found, None, None


def average_pool_backward(
    slope: torch.Tensor, x: torch.Tensor, kernel: list[int], stride: list[int], padding: list[int], ceil: bool,
    count_include_pad: bool, divisor: int | None,
) -> torch.Tensor:  # fmt: skip
    """The gradient of an average pooling: each window's slope, by its share, at the window's elements."""
    step, size, channels = stride or kernel, x.shape[2:], slope.shape[1]
    ones = torch.ones_like(x[:1, :1])
    windows = torch.nn.functional.avg_pool2d(ones, kernel, step, padding, ceil, count_include_pad, divisor)
    around = [n for k, p in zip(reversed(kernel), reversed(padding), strict=True) for n in (p, p + k)]
    inside = torch.nn.functional.conv2d(  # how many elements of the picture each window has
        torch.nn.functional.pad(ones, around), torch.ones_like(ones[..., :1, :1]).expand(1, 1, *kernel), None, step
    )[..., : slope.shape[2], : slope.shape[3]]
    weight = torch.ones_like(slope[:1, :, :1, :1]).transpose(0, 1).expand(-1, -1, *kernel)
    found = torch.nn.functional.conv_transpose2d(slope * (windows / inside), weight, None, step, groups=channels)
    reach = [n for s in reversed(step) for n in (0, s)]  # rows at the end that no window read
    found = torch.nn.functional.pad(found, reach)
    for axis in (0, 1):
        found = found.narrow(axis + 2, padding[axis], size[axis])
    return found


def max_pool_backward(
    slope: torch.Tensor, x: torch.Tensor, kernel: list[int], stride: list[int], padding: list[int],
    dilation: list[int], ceil: bool, indices: torch.Tensor,
) -> torch.Tensor:  # fmt: skip
    """The gradient of a max-pooling: each window's slope where its maximum is."""
    nothing = torch.zeros_like(x).flatten(2)
    return nothing.scatter_add(2, indices.flatten(2), slope.flatten(2)).view(x.shape)


#: Operations that formats lack, in terms of others.
PLAINER: dict[Any, Callable[..., Any]] = {
    torch.ops.aten.convolution_backward.default: convolution_backward,
    torch.ops.aten.avg_pool2d_backward.default: average_pool_backward,
    torch.ops.aten.max_pool2d_with_indices_backward.default: max_pool_backward,
}


@contextmanager
def _taped(pullbacks: Iterable[Pullback]) -> Iterator[None]:
    """While recording, gradients by the tape: of `vjp`'s wrapped tensors the recorder keeps some as constants."""
    for pullback in pullbacks:
        pullback.taped = True
    try:
        yield
    finally:
        for pullback in pullbacks:
            pullback.taped = False


def differentiated(graph: Graph, module: nn.Module, inputs: tuple[torch.Tensor, ...]) -> nn.Module:
    """The module itself, or, where the graph has `gradient` nodes, a module in which they are plain operations."""
    if not differentiates(graph):
        return module
    names = [n for n, _ in (*module.named_parameters(), *module.named_buffers())]
    values = {**dict(module.named_parameters()), **dict(module.named_buffers())}

    def call(state: tuple[torch.Tensor, ...], *given: torch.Tensor) -> Any:
        return torch.func.functional_call(module, dict(zip(names, state, strict=True)), given)

    pullbacks = [m for m in module.modules() if isinstance(m, Pullback)]
    with torch.no_grad(), _taped(pullbacks):
        held = tuple(values[name].detach() for name in names)
        recorded = make_fx(call, PLAINER, tracing_mode="symbolic", _allow_non_fake_inputs=True)(held, *inputs)
    return Recorded(recorded, module)
