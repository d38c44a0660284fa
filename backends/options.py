"""How a model is run besides its backend: memory format and precision, and what the precision costs in accuracy."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal, get_args

import torch
from torch import fx

from graphwright.backends.compare import TOLERANCE, Difference, compare, tensors
from graphwright.compiler.places import NOWHERE, Problem, SpecError, suggest

Precision = Literal["fp32", "bf16", "fp16"]
DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
#: Allowed relative difference of products of TF32, which keeps ten bits of a factor.
TF32 = 1e-2


@dataclass(frozen=True)
class Options:
    """`dtype`: the precision that `torch.autocast` gives contractions. `tf32`: their float32 factors are rounded to ten
    bits, on CUDA. `channels_last`: pictures and kernels [N, C, H, W] lie in memory as N, H, W, C.
    """

    dtype: Precision = "fp32"
    channels_last: bool = False
    tf32: bool = False

    def check(self, device: str | torch.device, backend: str = "eager") -> None:
        """Refuses what the device or the backend cannot do; all problems come at once."""
        kind = torch.device(device).type
        problems: list[Problem] = []

        def found(message: str, hint: str) -> None:
            problems.append(Problem(NOWHERE, message, hint))

        if self.dtype not in DTYPES:
            found(f"no precision '{self.dtype}'", suggest(self.dtype, DTYPES) or ", ".join(get_args(Precision)))
        elif not _has_autocast(kind, self.dtype):
            found(f"torch {torch.__version__} has no autocast to {self.dtype} on '{kind}'", "use bf16 or fp32")
        if self.tf32 and kind != "cuda":
            found(f"TF32 is a format of CUDA devices, and this runs on '{kind}'", "leave it out")
        if self.tf32 and self.dtype != "fp32":
            found(f"TF32 is for float32, and autocast works in {self.dtype}", "choose one of the two")
        if backend == "onnxruntime" and self.dtype != "fp32":
            found(f"backend 'onnxruntime' runs in fp32, not {self.dtype}", "use --backend aot or inductor")
        if problems:
            raise SpecError(problems)

    def place(
        self, module: fx.GraphModule, inputs: Sequence[torch.Tensor]
    ) -> tuple[fx.GraphModule, tuple[torch.Tensor, ...]]:
        """The module and inputs in the memory format; the module itself is changed, its values are not."""
        if not self.channels_last:
            return module, tuple(inputs)
        laid = (x.contiguous(memory_format=torch.channels_last) if x.dim() == 4 else x for x in inputs)
        return module.to(memory_format=torch.channels_last), tuple(laid)  # type: ignore[call-overload]

    @contextmanager
    def running(self, device: str | torch.device) -> Iterator[None]:
        """The arithmetic of these options; compiling and calling belong inside. Without `tf32`, float32 is exact."""
        kind = torch.device(device).type
        with _tf32(self.tf32) if kind == "cuda" else _nothing():
            if self.dtype == "fp32":
                yield
            else:
                with torch.autocast(kind, DTYPES[self.dtype]):
                    yield

    def within(self, device: str | torch.device, call: Callable[..., Any]) -> Callable[..., Any]:
        """The same function, always called in the arithmetic of these options."""

        def called(*inputs: torch.Tensor) -> Any:
            with self.running(device):
                return call(*inputs)

        return called

    @property
    def exact(self) -> bool:
        """Whether all arithmetic is float32."""
        return self.dtype == "fp32" and not self.tf32

    def cost(self, result: Any, reference: Any) -> Difference:
        """How far a result is from that of float32 eager on the same inputs, within what the precision explains."""
        expected = tensors(reference)
        cast = {k: v.to(expected[k].dtype) if k in expected else v for k, v in tensors(result).items()}
        found = compare(cast, expected)
        allowed = TF32 if self.tf32 else TOLERANCE[DTYPES[self.dtype]]
        return found if found.within else Difference(found.absolute, found.relative, found.relative <= allowed)

    def __str__(self) -> str:
        words = [self.dtype, "tf32" if self.tf32 else "", "channels last" if self.channels_last else ""]
        return ", ".join(word for word in words if word)


def _has_autocast(device: str, dtype: str) -> bool:
    """Whether torch casts to this precision on this device; it says so by a warning, or by an error."""
    if dtype == "fp32":
        return True
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            with torch.autocast(device, DTYPES[dtype]):
                return True
        except (RuntimeError, UserWarning):
            return False


@contextmanager
def _nothing() -> Iterator[None]:
    yield


@contextmanager
def _tf32(on: bool) -> Iterator[None]:
    """TF32 in matrix products and convolutions, or in neither: torch's own default is on for convolutions."""
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("high" if on else "highest")
    try:
        with torch.backends.cudnn.flags(enabled=True, benchmark=torch.backends.cudnn.benchmark, allow_tf32=on):
            yield
    finally:
        torch.set_float32_matmul_precision(before)
