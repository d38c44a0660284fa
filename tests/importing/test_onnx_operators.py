"""Each row of the table of ONNX operators, against onnxruntime on the same file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch

from graphwright.backends.weights import load
from graphwright.compiler.importing.onnx import read
from graphwright.compiler.importing.onnx.table import TABLE
from graphwright.compiler.lowering.lower import lower
from tests.importing.onnx_cases import CASES, Case, Const, real

#: The largest difference, as a share of the largest value.
TOLERANCE = 1e-5


def runtime(path: Path, fed: dict[str, np.ndarray]) -> list[np.ndarray]:
    """The outputs of onnxruntime."""
    onnxruntime = pytest.importorskip("onnxruntime")
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    found: list[np.ndarray] = session.run(None, fed)
    return found


def ours(path: Path, fed: dict[str, np.ndarray]) -> list[np.ndarray]:
    """The outputs of the graph that was read from the file."""
    graph, weights = read(path)
    module = lower(graph).eval()
    load(module, weights)
    with torch.no_grad():
        result = module(*(torch.from_numpy(a) for a in fed.values()))
    return [t.numpy() for t in (result.values() if isinstance(result, dict) else [result])]


def difference(mine: list[np.ndarray], theirs: list[np.ndarray]) -> float:
    """The largest difference of the outputs, as a share of their largest value; shapes and dtypes must be the same."""
    assert [(a.shape, a.dtype) for a in mine] == [(b.shape, b.dtype) for b in theirs]
    shares = [
        np.abs(a.astype(np.float64) - b).max() / max(np.abs(b.astype(np.float64)).max(), 1e-6)
        for a, b in zip(mine, theirs, strict=True)
    ]
    return float(max(shares))


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_row_computes_what_onnxruntime_does(case: Case, tmp_path: Path) -> None:
    path = tmp_path / "case.onnx"
    onnx.save(case.model(), path)
    assert difference(ours(path, case.fed), runtime(path, case.fed)) < TOLERANCE


def test_every_row_has_a_case() -> None:
    assert TABLE.keys() - {c.op for c in CASES} == set()


def drawn(seed: int) -> Case:
    """A window operator over maps, with attributes drawn at random."""
    draw = np.random.default_rng(seed)

    def pick(low: int, high: int, count: int = 2) -> list[int]:
        return [int(v) for v in draw.integers(low, high, count)]

    kernel, op = pick(1, 4), ("Conv", "ConvTranspose", "MaxPool", "AveragePool")[seed % 4]
    attributes: dict[str, Any] = {"strides": pick(1, 4)}
    auto = str(draw.choice(["NOTSET", "SAME_UPPER", "SAME_LOWER", "VALID"]))
    if auto == "NOTSET":
        attributes["pads"] = [int(draw.integers(0, k)) for k in kernel * 2]
    else:
        attributes["auto_pad"] = auto
    x = real(2, 4, *pick(7, 13))
    if op in ("Conv", "ConvTranspose"):
        groups = int(draw.choice([1, 2]))
        shape = (4, 4 // groups, *kernel) if op == "Conv" else (4, 3, *kernel)
        attributes |= {"group": groups, "dilations": pick(1, 3) if auto in ("NOTSET", "VALID") else [1, 1]}
        return Case(op, (x, Const(0.3 * real(*shape))), attributes)
    attributes["kernel_shape"] = [max(k, stride) for k, stride in zip(kernel, attributes["strides"], strict=True)]
    if op == "AveragePool":
        attributes["count_include_pad"] = int(draw.integers(0, 2))
    elif auto == "NOTSET":
        attributes["ceil_mode"] = int(draw.integers(0, 2))
    return Case(op, (x,), attributes)


@pytest.mark.parametrize("seed", range(80))
def test_windows_with_attributes_at_random(seed: int, tmp_path: Path) -> None:
    case, path = drawn(seed), tmp_path / "case.onnx"
    onnx.save(case.model(), path)
    assert difference(ours(path, case.fed), runtime(path, case.fed)) < TOLERANCE
