"""Laws that hold for every op: it is documented, has its shapes on meta tensors, and keeps its values when lowered."""

from __future__ import annotations

import inspect
from typing import Any, get_type_hints

import pytest
import torch
from torch import fx, nn
from torch.fx.proxy import GraphAppendingTracer

from graphwright.compiler.ir.types import DTYPES
from graphwright.compiler.ops import OPS, ROWS
from graphwright.compiler.ops.op import Op, summary
from tests.ops.samples import SAMPLES, TABLE, Sample

every_sample = pytest.mark.parametrize("sample", SAMPLES, ids=str)
every_op = pytest.mark.parametrize("op", ROWS, ids=lambda op: op.name)


def test_every_op_has_a_sample_and_one_row() -> None:
    inside = {"loop", "gradient"}  # they run parts of a graph: tested with the language, and with the analyses
    assert set(TABLE) == {op.name for op in ROWS} - inside
    assert len({op.name for op in ROWS}) == len(ROWS)
    assert {op.name for op in ROWS} <= set(OPS)


@every_op
def test_documentation(op: type[Op]) -> None:
    assert len(summary(op)) >= 5
    assert summary(op).endswith((".", ":", ","))
    assert op.family
    for field in op.fields():
        assert field.doc, f"{op.name}.{field.name} has no line of documentation"
        assert field.name.isidentifier()


@every_op
def test_module_level_name(op: type[Op]) -> None:
    """Classes are found under their module and name, so that graphs pickle."""
    module = inspect.getmodule(op)
    assert getattr(module, op.__name__) is op


def prepared(sample: Sample) -> nn.Module | None:
    """The op's module in memory, with its own initial values."""
    module = sample.op.module(*sample.types)
    if module is None:
        return None
    assert all(t.is_meta for t in (*module.parameters(), *module.buffers()))
    torch.manual_seed(1)
    module.to_empty(device="cpu")
    for part in reversed(list(module.modules())):
        for name in ("reset_parameters", "_reset_parameters"):
            if reset := getattr(part, name, None):
                reset()
                break
    return module.eval()


def called(sample: Sample, module: nn.Module | None) -> Any:
    return sample.op.forward(*sample.inputs) if module is None else module(*sample.inputs)


def tensors(result: Any) -> list[torch.Tensor]:
    return list(result) if isinstance(result, (tuple, list)) else [result]


@every_sample
def test_check_accepts(sample: Sample) -> None:
    assert sample.op.check(*sample.types) is None


@every_sample
def test_meta_gives_the_shapes_of_data(sample: Sample) -> None:
    module = prepared(sample)
    results = tensors(called(sample, module))
    empty = sample.op.module(*sample.types)
    inputs = fx.node.map_aggregate(sample.inputs, lambda x: x.to("meta") if isinstance(x, torch.Tensor) else x)
    with torch.device("meta"):
        shapes = tensors(called(Sample(sample.op, inputs), empty.eval() if empty else None))
    assert [(r.shape, r.dtype) for r in results] == [(s.shape, s.dtype) for s in shapes]
    assert all(s.is_meta for s in shapes)
    assert len(results) == sample.op.num_outputs(*sample.types)
    assert all(r.dtype in DTYPES.values() for r in results)


@pytest.mark.parametrize("sample", [s for s in SAMPLES if not s.op.is_constant], ids=str)
def test_lowering_keeps_values(sample: Sample) -> None:
    module = prepared(sample)
    graph = fx.Graph()
    tracer = GraphAppendingTracer(graph)
    given: list[torch.Tensor] = []

    def enter(x: Any) -> Any:
        if not isinstance(x, torch.Tensor):
            return x
        given.append(x)
        return fx.Proxy(graph.placeholder(f"x{len(given)}"), tracer)

    proxies = fx.node.map_aggregate(sample.inputs, enter)
    root = nn.Module()
    if module is None:
        traced = sample.op.forward(*proxies)
    else:
        root.op = module
        traced = graph.call_module(
            "op", fx.node.map_aggregate(proxies, lambda p: p.node if isinstance(p, fx.Proxy) else p)
        )
    graph.output(fx.node.map_aggregate(traced, lambda p: p.node if isinstance(p, fx.Proxy) else p))
    graph.lint()
    lowered = fx.GraphModule(root, graph)
    with torch.no_grad():
        for got, want in zip(tensors(lowered(*given)), tensors(called(sample, module)), strict=True):
            torch.testing.assert_close(got, want, rtol=0, atol=0, equal_nan=True)


@every_sample
def test_cost_is_a_count_or_not_counted(sample: Sample) -> None:
    module = prepared(sample)
    results = tensors(called(sample, module))
    flat = [t for entry in sample.types for t in (entry if isinstance(entry, tuple) else (entry,)) if t is not None]
    outputs = Sample(sample.op, tuple(results)).types
    cost, macs = sample.op.cost(tuple(flat), outputs), sample.op.macs(tuple(flat), outputs)
    assert cost is None or (isinstance(cost, int) and cost >= 0)
    assert macs is None or cost == 2 * macs


def learns(sample: Sample) -> bool:
    module = sample.op.module(*sample.types)
    return module is not None and any(p.requires_grad for p in module.parameters())


@pytest.mark.parametrize("sample", [s for s in SAMPLES if learns(s)], ids=str)
def test_parameters_get_gradients_in_training(sample: Sample) -> None:
    module = prepared(sample)
    assert module is not None
    total = sum(r.square().sum() for r in tensors(called(sample, module.train())) if r.is_floating_point())
    torch.as_tensor(total).backward()
    assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in module.parameters() if p.requires_grad)


@every_op
def test_hints_resolve(op: type[Op]) -> None:
    assert {f.name for f in op.fields()} <= set(get_type_hints(op, localns={"Dim": object}))
