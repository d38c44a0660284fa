"""Progress through training, and what is scheduled by it."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from graphwright.compiler.ir.types import Type
from graphwright.compiler.language.load import load
from graphwright.compiler.lowering.lower import lower
from graphwright.compiler.ops import OPS
from graphwright.compiler.places import SpecError

#: The rate rises from 0 to a half over eight steps; the deployed model knows nothing of it.
SCHEDULED = """\
graphwright: 1
name: scheduled
inputs: {x: [N, 3]}
targets: {y: "float32[N, 3]"}
nodes:
  progress: {op: progress, steps: 8, train_only: true}
  rate: {op: scale, in: progress, factor: 0.5, train_only: true}
  body: {op: linear, in: x, out: 3}
  drop: {op: drop_path, in: {x: body, rate: rate}}
outputs: {out: drop}
losses: {error: {op: mse, in: [out, y]}}
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    (tmp_path / "scheduled.yaml").write_text(SCHEDULED)
    return tmp_path / "scheduled.yaml"


def counter(steps: int) -> nn.Module:
    module = OPS["progress"](steps=steps).module()  # type: ignore[call-arg]
    assert module is not None
    module.to_empty(device="cpu")
    module.reset_parameters()  # type: ignore[operator]
    return module


def test_it_counts_the_steps_of_training() -> None:
    module = counter(4)
    assert [module().item() for _ in range(6)] == [0, 0.25, 0.5, 0.75, 1, 1]
    assert module.state_dict() == {"step": torch.tensor(6)}
    module = counter(4)
    module.load_state_dict({"step": torch.tensor(3)})
    assert module().item() == 0.75
    assert module.eval()().item() == 1
    assert module.step == 4


def dropped(x: Tensor, rate: float) -> Tensor:
    module = OPS["drop_path"]().module(Type(tuple(x.shape)), Type(()))
    assert module is not None
    module.to_empty(device="cpu")
    return module.train()(x, torch.tensor(rate))  # type: ignore[no-any-return]


@pytest.mark.parametrize("rate", [0.0, 0.125, 0.4])
def test_a_rate_that_is_given_drops_whole_samples_and_divides_the_others_by_the_rest(rate: float) -> None:
    torch.manual_seed(0)
    x = torch.rand(4000, 3) + 1
    y = dropped(x, rate)
    kept = (y != 0).all(1)
    assert torch.equal(kept, (y != 0).any(1))
    torch.testing.assert_close(y[kept], x[kept] / (1 - rate))
    deviation = (rate * (1 - rate) / 4000) ** 0.5
    assert abs(1 - kept.float().mean().item() - rate) <= 4 * deviation


def test_the_schedule_is_followed_in_training_and_is_no_part_of_the_deployed_model(path: Path) -> None:
    graph = load(path)
    model = lower(graph, cone="train")
    assert {"body.weight", "body.bias", "progress.step"} == set(model.state_dict())
    x = torch.ones(1000, 3)
    full = model.body(x)
    for step in range(10):
        torch.manual_seed(step)
        out = model(x, x)["outputs"]["out"]
        keep = 1 - 0.5 * min(1, step / 8)
        kept = (out != 0).any(1)
        torch.testing.assert_close(out[kept], full[kept] / keep)
        assert kept.float().mean().item() == pytest.approx(keep, abs=0.06)
    assert model.progress.step == 10
    assert torch.equal(model.eval()(x, x)["outputs"]["out"], full)
    assert model.progress.step == 10
    deployed = lower(graph)
    assert {"body.weight", "body.bias"} == set(deployed.state_dict())
    assert [node.inputs for node in graph.deployed().nodes] == [(("x", "x"),), (("x", "body"),)]


def test_a_count_that_is_loaded_goes_on(path: Path) -> None:
    graph, x = load(path), torch.ones(64, 3)
    whole, begun, resumed = (lower(graph, cone="train") for _ in range(3))
    outputs = []
    for step in range(6):
        torch.manual_seed(step)
        outputs.append(whole(x, x)["outputs"]["out"])
        if step < 3:
            begun(x, x)
    resumed.load_state_dict(begun.state_dict())
    for step in range(3, 6):
        torch.manual_seed(step)
        assert torch.equal(resumed(x, x)["outputs"]["out"], outputs[step])


@pytest.mark.parametrize(("old", "new", "rule"), [
    ("steps: 8", "steps: 0", "progress's argument 'steps' must be at least 1, got 0"),
    ("rate: rate}}", "rate: rate}, p: 0.1}", "drop_path takes p=0.1 or the input rate, not both"),
    ("rate: rate}}", "rate: body}}", "drop_path needs one number as its rate, got float32[N, 3]"),
    ("in: {x: body, rate: rate}", "in: {x: rate}", "'drop' reads 'rate', which exists in training only"),
])  # fmt: skip
def test_mistakes(path: Path, old: str, new: str, rule: str) -> None:
    path.write_text(SCHEDULED.replace(old, new))
    with pytest.raises(SpecError, match=r".") as error:
        load(path)
    assert rule in str(error.value)


def test_compiled_it_is_one_graph_and_counts_as_well(path: Path) -> None:
    torch._dynamo.reset()
    plain, other = lower(load(path), cone="train"), lower(load(path), cone="train")
    compiled = torch.compile(other, backend="aot_eager", fullgraph=True)
    x = torch.ones(64, 3)
    for step in range(4):
        torch.manual_seed(step)
        expected = plain(x, x)["outputs"]["out"]
        torch.manual_seed(step)
        torch.testing.assert_close(compiled(x, x)["outputs"]["out"], expected)
    assert other.progress.step == 4
