"""RevCol's laws: its backward pass is the plain one with the memory of one column; its heads are for training alone."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from graphwright.compiler.ir.graph import Graph
from graphwright.compiler.language.load import load
from graphwright.compiler.lowering.lower import lower
from graphwright.compiler.lowering.reversible.plan import regions
from tests.library.counter import fill, integers, signed
from tests.library.descent import descent
from tests.lowering.reversible.nets import apart, gradients, model, plain, saved_bytes

INPUTS = (signed("image", (2, 3, 32, 32)), integers("label", (2,), 5))


def narrow(columns: int = 4, **params: Any) -> Graph:
    """Few channels, one block a level."""
    small = {"columns": columns, "channels": [4, 6, 8, 10], "depths": [1, 1, 1, 1], "classes": 5}
    return load("revcol_tiny", {**small, **params})


def test_each_level_but_the_first_columns_is_computed_back_from_the_next() -> None:
    (region,) = regions(narrow().training())
    back = {step.new: step.back.old for step in region.steps if step.back}
    assert back == {f"subnet{i}.level{k}.new": f"subnet{i - 1}.level{k}.new" for i in (1, 2, 3) for k in range(4)}
    assert region.kept == {"stem.1", *(f"subnet3.level{k}.new" for k in range(4))}


@pytest.mark.parametrize("drop_path", [0.0, 0.5])
def test_gradients_are_those_of_the_plain_backward(drop_path: float) -> None:
    """In float64, random scales; with all heads and their losses. What drop path drew is drawn once."""
    graph = narrow(drop_path=drop_path)
    assert apart(gradients(model(graph), INPUTS), gradients(model(plain(graph)), INPUTS)) < 1e-10


def test_memory_is_flat_in_columns() -> None:
    ours = [saved_bytes(model(narrow(columns, drop_path=0)), INPUTS) for columns in (4, 8)]
    theirs = [saved_bytes(model(plain(narrow(columns, drop_path=0))), INPUTS) for columns in (4, 8)]
    assert ours[0] == ours[1] < theirs[0] < theirs[1]


def test_the_heads_of_training_change_no_deployed_value() -> None:
    deployed = fill(lower(narrow())).eval()
    trained = fill(lower(narrow(), cone="train")).eval()
    image = INPUTS[0].float()
    with torch.no_grad():
        outputs = trained(image, INPUTS[1])
        torch.testing.assert_close(deployed(image), outputs["outputs"]["logits"], rtol=0, atol=0)
    assert set(outputs["losses"]) == {*(f"rebuilt.{k}" for k in range(3)), *(f"classified.{k}" for k in range(4))}
    extra = trained.state_dict().keys() - deployed.state_dict().keys()
    assert {name.split(".")[0] for name in extra} == {"cls_blocks", "decoder_blocks"}


def test_two_steps_of_its_own_loss_lower_it() -> None:
    found = descent(narrow(), INPUTS[0].float(), INPUTS[1], rate=1e-3)
    assert found[0] > found[1] > found[2]
