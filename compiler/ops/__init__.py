"""The ops: one class each, listed in one table. Adding an op is a class in a file here and a row below."""

from __future__ import annotations

from graphwright.compiler.ops import activation, convolution
from graphwright.compiler.ops.op import Op

ROWS: tuple[type[Op], ...] = (
    convolution.Conv1d, convolution.Conv2d, convolution.Conv3d,
    activation.Relu, activation.Gelu,
)  # fmt: skip

#: Every op by its name in specs.
OPS: dict[str, type[Op]] = {cls.name: cls for cls in ROWS}
