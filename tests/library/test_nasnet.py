"""NASNet-A: ScheduledDropPath cell by cell, the auxiliary head in training only, and that it learns."""

from __future__ import annotations

import pytest
import torch

from graphwright.compiler.ir.graph import Graph
from graphwright.compiler.language.load import load
from graphwright.compiler.lowering.cost import count
from graphwright.compiler.lowering.lower import lower
from graphwright.compiler.ops.random import StochasticDepth
from tests.library.counter import fill, integers, signed
from tests.library.descent import descent

TINY = {"cells": 1, "filters": 4, "stem": 12}
BATCH = signed("pictures", (4, 3, 32, 32)).float(), integers("labels", (4,), 10)
#: The authors' own code at a quarter of the training, for two cells a stage and the CIFAR settings: keep, cell by cell.
KEEP_AT_A_QUARTER = (0.9875, 0.975, 0.9625, 0.95, 0.9375, 0.925, 0.9125, 0.9)


def cells(graph: Graph) -> dict[str, int]:
    """The cells in order, and how many operations each has: what is added or handed on as it is, is none."""
    operations = {"normal_cell": 8, "reduction_cell": 9}
    return {s.name: operations[s.block] for s in graph.scopes if s.block in operations}


def rates(graph: Graph) -> dict[str, list[float]]:
    """The rates at the end of training of the paths that are dropped, cell by cell."""
    found: dict[str, list[float]] = {name: [] for name in cells(graph)}
    for node in graph.nodes:
        if node.op.name == "drop_path":
            rate = graph.by_name[dict(node.inputs)["rate"]]
            assert rate.reads == ("progress",)
            owner = next(name for name in found if node.name.startswith(f"{name}."))
            found[owner].append(rate.op.factor)
    return found


@pytest.mark.parametrize(("name", "params", "keep", "steps", "stems"), [
    ("nasnet_a_cifar", {}, 0.6, 937_500, 0), ("nasnet_a_large", {}, 0.7, 250_000, 2),
    ("nasnet_a_mobile", {"keep": 0.9, "cells": 2}, 0.9, 250_000, 2),
])  # fmt: skip
def test_the_last_cell_drops_most_and_every_operation_of_a_cell_the_same(name, params, keep, steps, stems):
    graph = load(name, params)
    found = rates(graph)
    total = 3 * (params.get("cells", 6)) + 2 + stems
    assert len(found) == total
    assert graph.by_name["progress"].op.steps == steps
    for k, (dropped, operations) in enumerate(zip(found.values(), cells(graph).values(), strict=True)):
        assert dropped == pytest.approx([(1 - keep) * (k + 1) / total] * operations)


def test_nothing_is_dropped_in_the_mobile_net() -> None:
    graph = load("nasnet_a_mobile", {"cells": 1})
    assert not any(n.op.name == "drop_path" for n in graph.nodes)
    assert "progress" not in {n.name for n in graph.training().nodes}


def test_the_probability_to_keep_is_the_authors() -> None:
    """Each drop in a training step a quarter of the way is handed 1 - keep."""
    graph = load("nasnet_a_cifar", {**TINY, "cells": 2})
    model = lower(graph, cone="train").train()
    model.progress.step.fill_(937_500 // 4)
    seen: dict[str, float] = {}
    for name, part in model.named_modules():
        if isinstance(part, StochasticDepth):
            part.register_forward_pre_hook(lambda _, inputs, name=name: seen.update({name: inputs[1].item()}))
    with torch.no_grad():
        model(*BATCH)
    for (cell, operations), keep in zip(cells(graph).items(), KEEP_AT_A_QUARTER, strict=True):
        found = [1 - rate for name, rate in seen.items() if name.startswith(f"{cell}.")]
        assert found == pytest.approx([keep] * operations)


def test_dropping_and_the_auxiliary_head_leave_the_deployed_net_as_it_is() -> None:
    scheduled, plain = (load("nasnet_a_cifar", {**TINY, **more}) for more in ({}, {"keep": 1.0}))
    ours, trained = fill(lower(plain)).eval(), fill(lower(scheduled, cone="train")).eval()
    deployed = fill(lower(scheduled)).eval()
    assert set(ours.state_dict()) == set(deployed.state_dict())
    aux = {n for n in trained.state_dict() if n.startswith("aux_head.")}
    assert set(trained.state_dict()) - set(ours.state_dict()) == {"progress.step"} | aux
    with torch.no_grad():
        logits = ours(BATCH[0])
        assert torch.equal(deployed(BATCH[0]), logits)
        assert torch.equal(trained(*BATCH)["outputs"]["logits"], logits)


def test_parameters_of_the_auxiliary_head() -> None:
    """A 1x1 convolution to 128 channels, one as large as the map to 768, two norms, a classifier."""
    graph = load("nasnet_a_mobile")
    head = 528 * 128 + 2 * 128 + 4 * 4 * 128 * 768 + 2 * 768 + 768 * 1000 + 1000
    assert count(graph.training()).parameters - count(graph.deployed()).parameters == head
    assert [(t.name, t.weight) for t in graph.losses] == [("main", 1.0), ("aux", 0.4)]


def test_it_learns() -> None:
    losses = descent(load("nasnet_a_cifar", TINY), *BATCH, rate=0.05)
    assert losses[0] > losses[1] > losses[2]


def test_training_with_dropped_paths_learns() -> None:
    """At the end of the schedule, where two fifths of the last cell's paths are gone."""
    model = lower(load("nasnet_a_cifar", TINY), cone="train").train()
    optimizer = torch.optim.SGD(model.parameters(), 0.05, momentum=0.9)
    torch.manual_seed(0)
    found = []
    for _ in range(12):
        model.progress.step.fill_(937_500)
        losses = model(*BATCH)["losses"]
        loss = losses["main"] + 0.4 * losses["aux"]
        found.append(loss.item())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert sum(found[-3:]) < 0.7 * sum(found[:3])
