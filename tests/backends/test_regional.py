"""Regions under torch's compiler: one compilation for all copies, and none again for the next copy or batch size."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch._dynamo.utils import counters

from graphwright.backends import inductor
from graphwright.backends.examples import example_inputs
from graphwright.compiler.ir.graph import Graph
from graphwright.compiler.language.load import load
from graphwright.compiler.lowering.lower import lower
from graphwright.compiler.lowering.regional.module import Regional


@pytest.fixture(autouse=True)
def _counted() -> Iterator[None]:
    torch._dynamo.reset()
    counters.clear()
    yield
    torch._dynamo.reset()


def graphs() -> int:
    """How many graphs were compiled."""
    assert not counters["graph_break"]
    return int(counters["stats"]["unique_graphs"])


@pytest.fixture(scope="module")
def vit() -> Graph:
    return load("vit_tiny_patch16_224", {"dim": "12", "classes": "5", "size": "32", "depth": "6"})


def compiled(graph: Graph, **options: Any) -> tuple[Any, Any]:
    module = lower(graph)
    return module, inductor.compile(module, example_inputs(graph), graph, engine="aot_eager", **options)


def test_a_compilation_for_each_kind(vit: Graph) -> None:
    module, model = compiled(vit)
    assert isinstance(model, Regional)
    (images,) = example_inputs(vit, {"N": 2})
    expected = module(images)
    expected.sum().backward()
    gradients = {name: p.grad.clone() for name, p in module.named_parameters()}
    module.zero_grad()
    result = model(images)
    result.sum().backward()
    assert graphs() == model.distinct == 3  # the stem, six blocks, the head
    torch.testing.assert_close(result, expected)
    for name, parameter in model.named_parameters():
        torch.testing.assert_close(parameter.grad, gradients[name])


def test_no_compilation_for_another_batch_size(vit: Graph) -> None:
    module, model = compiled(vit, dynamic=True)
    module.eval()
    with torch.no_grad():
        for count in (2, 3, 5):
            (images,) = example_inputs(vit, {"N": count})
            torch.testing.assert_close(model(images), module(images))
    assert graphs() == model.distinct


def test_by_itself_torch_compiles_once_more_for_free_sizes(vit: Graph) -> None:
    _, model = compiled(vit)
    model.eval()
    with torch.no_grad():
        for count in (2, 3, 5, 7):
            model(*example_inputs(vit, {"N": count}))
    assert graphs() == 2 * model.distinct


def test_one_graph_with_one_inner_graph(vit: Graph) -> None:
    module, model = compiled(vit, regions="nested")
    module.eval()
    (images,) = example_inputs(vit, {"N": 2})
    with torch.no_grad():
        torch.testing.assert_close(model(images), module(images))
    assert graphs() == 1


def test_forced(vit: Graph) -> None:
    _, model = compiled(vit, regions="whole")
    assert not isinstance(model, Regional)
    cifar = load("cifar_resnet")
    _, model = compiled(cifar)
    assert not isinstance(model, Regional)
    module, model = compiled(cifar, regions="regional")
    model.train()
    images = example_inputs(cifar, {"N": 2})
    model(*images).sum().backward()  # batch norm in training, whose statistics the pieces write
    assert graphs() == model.distinct
    assert int(module.get_buffer("bn1.num_batches_tracked")) == 1
