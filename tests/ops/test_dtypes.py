"""What is taken at one dtype runs at it: inference asks meta tensors, which take any."""

from __future__ import annotations

import warnings
from typing import Any

import pytest
import torch

from graphwright.compiler.ir.types import DTYPE_NAMES, parse_type
from graphwright.compiler.lowering.inference import InferenceError, infer
from graphwright.compiler.ops import OPS
from tests.ops.samples import SAMPLES, Sample

DTYPES = (torch.float64, torch.int64, torch.uint8, torch.bool, torch.complex64)
#: Ops whose functions are an argument, some of which take no complex numbers; and a number that uint8 does not hold.
EXCEPT = {("formula", torch.complex64), ("reduce", torch.complex64), ("threshold", torch.uint8)}


def cast(value: Any, dtype: torch.dtype) -> Any:
    """A sample's input with its floating tensors at another dtype."""
    if isinstance(value, tuple):
        return tuple(cast(item, dtype) for item in value)
    return value.to(dtype) if value is not None and value.is_floating_point() else value


def floating(value: Any) -> bool:
    return any(map(floating, value)) if isinstance(value, tuple) else value is not None and value.is_floating_point()


@pytest.mark.parametrize("sample", [s for s in SAMPLES if any(map(floating, s.inputs))], ids=str)
def test_what_is_taken_runs(sample: Sample) -> None:
    for dtype in DTYPES:
        if (sample.op.name, dtype) in EXCEPT:
            continue
        given = Sample(sample.op, tuple(cast(x, dtype) for x in sample.inputs))
        try:
            outputs = infer(given.op, given.types).outputs
        except InferenceError:
            continue
        module = given.op.module(*given.types)
        run = module.to_empty(device="cpu") if module is not None else given.op.forward
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of what complex numbers lose
            found = run(*given.inputs)
        if isinstance(found, torch.Tensor):
            assert DTYPE_NAMES[found.dtype] == outputs[0].dtype


@pytest.mark.parametrize(
    ("name", "arguments", "types", "words"),
    [
        ("conv2d", {"out": 6, "kernel": 3}, ("uint8[2, 8, 7, 9]",), "'x' is uint8; 'conv2d' takes float32.*`cast` it"),
        ("linear", {"out": 6}, ("float64[2, 8]",), "'x' is float64, the weights are float32: `cast` it"),
        ("batch_norm", {}, ("float64[2, 8]",), "'x' is float64, the weights are float32"),
        ("sub", {}, ("bool[2, 8]", "float32[2, 8]"), "'x' is bool; 'sub' takes"),
        ("argmax", {"dims": 1}, ("bool[2, 8]",), "'x' is bool"),
        ("pad", {"size": (1, 1), "mode": "reflect"}, ("bool[2, 8, 8]",), "takes numbers"),
    ],
)
def test_refused(name: str, arguments: dict[str, Any], types: tuple[str, ...], words: str) -> None:
    with pytest.raises(InferenceError, match=words):
        infer(OPS[name](**arguments), tuple(map(parse_type, types)))
