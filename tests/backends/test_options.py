"""Options of running: what they change, what they cost, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from graphwright.backends import options as options_
from graphwright.backends.options import Options
from graphwright.backends.proof import prove
from graphwright.compiler.lowering.lower import lower
from graphwright.compiler.places import SpecError
from tests.backends.specs import CONVNET, graph_of


def test_bf16_costs_what_it_costs(tmp_path: Path) -> None:
    graph = graph_of(CONVNET, tmp_path)
    exact, rough = prove(graph, "eager", steps=1), prove(graph, "eager", steps=1, options=Options("bf16"))
    assert (exact.relative_difference, exact.options) == (0.0, "fp32")
    assert 1e-5 < rough.relative_difference < 3e-2  # bfloat16 keeps eight bits
    assert rough.equal
    assert rough.options == "bf16"


def test_the_cost_is_measured_not_assumed() -> None:
    reference = torch.tensor([1.0, -4.0])
    found = Options("bf16").cost(torch.tensor([1.0, -3.0], dtype=torch.bfloat16), reference)
    assert (found.absolute, found.relative, found.within) == (1.0, 0.25, False)
    assert Options("bf16").cost({"a": reference.bfloat16()}, {"a": reference}).within
    assert not Options().cost(reference * 1.01, reference).within
    assert Options(tf32=True).cost(reference * 1.001, reference).within


def test_channels_last_is_a_layout_alone(tmp_path: Path) -> None:
    graph = graph_of(CONVNET, tmp_path)
    module = lower(graph).eval()
    x = torch.randn(2, 2, 8, 8)
    expected = module(x)
    placed, (laid,) = Options(channels_last=True).place(module, (x,))
    assert laid.is_contiguous(memory_format=torch.channels_last)
    assert placed.conv.weight.is_contiguous(memory_format=torch.channels_last)
    assert torch.allclose(placed(laid), expected, atol=1e-6)


def test_arithmetic_ends_with_its_block() -> None:
    x = torch.randn(4, 4)
    with Options("bf16").running("cpu"):
        assert (x @ x).dtype == torch.bfloat16
    assert (x @ x).dtype == torch.float32


def test_refusals_come_together(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SpecError) as error:
        Options("bf16", tf32=True).check("cpu", "onnxruntime")
    assert [p.message for p in error.value.problems] == [
        "TF32 is a format of CUDA devices, and this runs on 'cpu'",
        "TF32 is for float32, and autocast works in bf16",
        "backend 'onnxruntime' runs in fp32, not bf16",
    ]
    with pytest.raises(SpecError, match="no precision 'fp61'"):
        Options("fp61").check("cpu")  # type: ignore[arg-type]

    class Autocast:
        def __init__(self, *_: object) -> None:
            raise RuntimeError("unsupported")

    monkeypatch.setattr(options_.torch, "autocast", Autocast)
    with pytest.raises(SpecError, match="has no autocast to fp16 on 'cpu'"):
        Options("fp16").check("cpu")
