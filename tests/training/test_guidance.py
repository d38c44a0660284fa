"""Training with a guide: it changes what it should, exactly, and nothing else."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import safetensors.torch
import torch
import torch._dynamo.testing

from graphwright.analyses.guidance import Guidance
from graphwright.compiler.language.load import load
from graphwright.compiler.lowering.lower import lower
from graphwright.compiler.places import SpecError
from graphwright.training import checkpoint, loop
from graphwright.training.evaluate import evaluate
from graphwright.training.guidance import Guiding, guided, read_guiding
from graphwright.training.recipe import Recipe
from graphwright.training.run import Run
from graphwright.training.tasks import task_of
from graphwright.training.train import train
from tests.training.test_resume import RECIPE, Killed, kill_at, weights

GUIDE = """\
graphwright: 1
name: leader
params: {width: 4}
inputs: {image: [N, 1, 8, 8]}
nodes:
  conv1: {op: conv2d, out: $width, kernel: 3, padding: 1}
  bn1: batch_norm
  relu1: relu
  drop: {op: dropout, p: 0.5}
  conv2: {op: conv2d, out: 6, kernel: 3, stride: 2}
  bn2: batch_norm
  relu2: relu
  flatten: flatten
  fc: {op: linear, out: 3}
outputs: {logits: fc}
"""


@pytest.fixture(autouse=True)
def no_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("graphwright.training.train.draw_curves", lambda *arguments: None)


@pytest.fixture
def leader(tmp_path: Path) -> str:
    path = tmp_path / "leader.yaml"
    path.write_text(GUIDE)
    return str(path)


def module_of(graph, guiding, seed=0):
    """The training module of a graph, and the one that holds its guide too."""
    trained = task_of(graph).with_losses(graph, Recipe())
    module = lower(trained, cone="train", seed=seed)
    made = guided(trained, guiding, guiding.align.opened)
    return module, made.beside(module, torch.device("cpu")), made


def lines(run: Path, kind: str = "epoch") -> list[dict[str, float]]:
    found = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    return [line for line in found if line["kind"] == kind]


# -- what it must not change ------------------------------------------------------------------
@pytest.mark.parametrize("optimizer", ["adamw", "sgd"])
def test_alpha_zero_is_no_guidance_bit_for_bit(tiny, tiny_data, tmp_path, leader, optimizer):
    """The guide runs and its alignment is told, yet the weights are those of a run that never heard of it."""
    recipe = {**RECIPE, "optimizer": optimizer}
    train(tiny, tiny_data, tmp_path / "alone", recipe)
    train(tiny, tiny_data, tmp_path / "watched", {**recipe, "guidance": {"guide": leader, "alpha": 0}})
    assert weights(tmp_path / "watched") == weights(tmp_path / "alone")
    alone, watched = lines(tmp_path / "alone"), lines(tmp_path / "watched")
    assert [{k: v for k, v in line.items() if k != "guidance"} for line in watched] == alone
    assert all(0 < line["guidance"] < 10 for line in watched)


def test_a_guide_changes_what_is_learnt_and_draws_the_model_to_it(tiny, tiny_data, tmp_path, leader):
    recipe = {"epochs": 12, "batch": 16, "lr": 2e-2}
    train(tiny, tiny_data, tmp_path / "watched", {**recipe, "guidance": {"guide": leader, "alpha": 0}})
    train(tiny, tiny_data, tmp_path / "guided", {**recipe, "guidance": {"guide": leader, "alpha": 10}})
    watched, drawn = lines(tmp_path / "watched"), lines(tmp_path / "guided")
    assert drawn[-1]["guidance"] < 0.85 * watched[-1]["guidance"]
    assert drawn[-1]["guidance"] < 0.7 * drawn[0]["guidance"]


def test_the_guide_keeps_its_parameters_and_buffers(tiny, tiny_data, tmp_path, leader):
    run = tmp_path / "run"
    guide = Guidance(leader).opened
    train(tiny, tiny_data, run, {**RECIPE, "guidance": leader})
    kept = Run(run).guide()
    assert {k: v.tolist() for k, v in kept.weights.items()} == {k: v.tolist() for k, v in guide.weights.items()}
    guiding = Guiding(Guidance(leader))
    _, both, _ = module_of(tiny, guiding)
    both.train()
    x, y = torch.randn(12, 1, 8, 8), torch.arange(12) % 3
    optimizer = torch.optim.AdamW([p for p in both.parameters() if p.requires_grad], lr=0.1)
    for _ in range(3):
        optimizer.zero_grad()
        sum(both(x, y)["losses"].values()).backward()
        optimizer.step()
    after = both.get_submodule("guide").state_dict()
    assert {k for k in after if k in guide.weights} == set(after)
    assert all(torch.equal(v, guide.weights[k]) for k, v in after.items())
    assert all(p.grad is None for p in both.get_submodule("guide").parameters())


def test_the_target_runs_once_a_step(tiny, leader):
    module, both, _ = module_of(tiny, Guiding(Guidance(leader)))
    both.train()
    for step in range(1, 4):
        both(torch.randn(6, 1, 8, 8), torch.arange(6) % 3)
        assert int(module.get_submodule("bn").num_batches_tracked) == step
    assert both.get_submodule("bn") is module.get_submodule("bn")


def test_a_run_is_what_it_is_without_a_guide(tiny, tiny_data, tmp_path, leader):
    """The weights, their names and the evaluation are the model's own."""
    run = tmp_path / "run"
    result = train(tiny, tiny_data, run, {**RECIPE, "guidance": {"guide": leader, "params": {"width": 2}}})
    assert set(safetensors.torch.load(weights(run))) == set(lower(tiny).state_dict())
    assert evaluate(run)["accuracy"] == result.accuracy
    assert Run(run).graph().nodes == tiny.nodes
    assert Run(run).record().recipe.guidance.align.params == (("width", 2),)


# -- exactness --------------------------------------------------------------------------------
def test_a_guide_that_is_the_target_has_loss_and_gradient_zero(tiny_spec, leader):
    """In evaluation mode, where both compute the same."""
    graph = load(leader)
    module, both, _ = module_of(graph, Guiding(Guidance(leader)))
    module.load_state_dict(Guidance(leader).opened.weights)
    both.double().eval()
    loss = both(torch.randn(10, 1, 8, 8, dtype=torch.float64), torch.arange(10) % 3)["losses"]["guidance"]
    loss.backward()
    assert abs(float(loss.detach())) < 1e-12
    # conv and batch norm before the last tap; a similarity of 1 is a maximum, so its gradient vanishes
    assert all(p.grad is None or float(p.grad.abs().max()) < 1e-12 for p in module.parameters())


def test_the_loss_alone_can_be_minimised(tiny, leader):
    module, both, _ = module_of(tiny, Guiding(Guidance(leader)))
    both.train()
    x, y = torch.randn(24, 1, 8, 8, generator=torch.Generator().manual_seed(0)), torch.arange(24) % 3
    optimizer = torch.optim.Adam(module.parameters(), lr=1e-2)
    found = []
    for _ in range(40):
        optimizer.zero_grad()
        loss = both(x, y)["losses"]["guidance"]
        loss.backward()
        optimizer.step()
        found.append(float(loss.detach()))
    assert found[-1] < 0.6 * found[0]


def test_interrupted_runs_end_at_the_same_weights(tiny, tiny_data, tmp_path, monkeypatch, leader):
    """Killed before, at and after the step where the guide lets go; the guide's own file may be gone by then."""
    recipe = {**RECIPE, "guidance": {"guide": leader, "alpha": {"0": 1, "4": 3}, "until": 4}}
    train(tiny, tiny_data, tmp_path / "whole", recipe)
    for step in (1, 3, 4, 5):
        run = tmp_path / f"killed{step}"
        Path(leader).write_text(GUIDE)
        with monkeypatch.context() as patch:
            kill_at(patch, loop, "advance", step)
            with pytest.raises(Killed):
                train(tiny, tiny_data, run, recipe)
        Path(leader).unlink()
        train(tiny, tiny_data, run, resume=True)
        assert weights(run) == weights(tmp_path / "whole"), f"killed at step {step}"
        assert lines(run) == lines(tmp_path / "whole")


def test_the_guide_lets_go(tiny, tiny_data, tmp_path, leader):
    recipe = {"epochs": 3, "batch": 16, "log_every": 1, "seed": 1}
    guidance = {"guide": leader, "until": 4}
    train(tiny, tiny_data, tmp_path / "run", {**recipe, "guidance": guidance})
    told = lines(tmp_path / "run", "steps")
    assert ["guidance" in line for line in told] == [True] * 4 + [False] * 5
    assert "guidance" in lines(tmp_path / "run")[1]
    assert "guidance" not in lines(tmp_path / "run")[2]


def test_another_guide_is_refused_on_resumption(tiny, tiny_data, tmp_path, leader):
    train(tiny, tiny_data, tmp_path / "run", {"epochs": 1, "batch": 16, "guidance": leader})
    with pytest.raises(SpecError, match="the recipe of this run was another: guidance="):
        train(tiny, tiny_data, tmp_path / "run", {"guidance": {"guide": leader, "alpha": 2}}, resume=True)


def test_force_takes_another_guide_or_a_first_one(tiny, tiny_data, tmp_path, leader):
    train(tiny, tiny_data, tmp_path / "run", {"epochs": 1, "batch": 16})
    for epochs, width in ((2, 2), (3, 3)):
        guidance = {"guide": leader, "params": {"width": width}}
        train(tiny, tiny_data, tmp_path / "run", {"epochs": epochs, "guidance": guidance}, resume=True, force=True)
        assert Run(tmp_path / "run").guide().weights["conv1.weight"].shape[0] == width
    assert ["guidance" in line for line in lines(tmp_path / "run")] == [False, True, True]


def test_a_trained_guide(tiny, tiny_data, tmp_path):
    train(tiny, tiny_data, tmp_path / "guide", {"epochs": 2, "batch": 16})
    recipe = {"epochs": 1, "batch": 16, "guidance": {"guide": str(tmp_path / "guide")}}
    train(tiny, tiny_data, tmp_path / "run", recipe)
    kept, trained = Run(tmp_path / "run").guide().weights, safetensors.torch.load(weights(tmp_path / "guide"))
    assert {k: v.tolist() for k, v in kept.items()} == {k: v.tolist() for k, v in trained.items()}
    initial = Guidance(str(tmp_path / "guide"), weights="initial", guide_seed=3).opened
    assert torch.equal(initial.weights["fc.weight"], lower(tiny, seed=3).state_dict()["fc.weight"])


@pytest.mark.parametrize("keys", [
    {"similarity": "rsa"}, {"similarity": "unbiased_cka", "reduce": "mean"}, {"mapping": "official"},
    {"mapping": {"conv2": "conv"}}, {"taps": "op:relu"}, {"guide_mode": "batch_stats"}, {"feed": "shuffled"},
    {"taps": "official", "target_taps": "op:batch_norm"},
], ids=str)  # fmt: skip
def test_every_option_trains(tiny, tiny_data, tmp_path, leader, keys):
    recipe = {"epochs": 1, "batch": 16, "precision": "bf16", "guidance": {"guide": leader, **keys}}
    train(tiny, tiny_data, tmp_path / "run", recipe)
    assert lines(tmp_path / "run")[0]["guidance"] > 0
    (key, value), *_ = keys.items()
    stored = Run(tmp_path / "run").record().recipe.guidance
    assert read_guiding(json.loads(json.dumps(stored.as_dict()))) == stored
    read = getattr(stored.align, key)
    assert (dict(read) if isinstance(read, tuple) else read) == value


def test_a_loss_that_is_not_finite_names_the_guides_node(tiny, tiny_data, tmp_path, leader):
    found = dict(Guidance(leader).opened.weights)
    found["conv2.weight"] = torch.full_like(found["conv2.weight"], float("nan"))
    safetensors.torch.save_file(found, tmp_path / "bad.safetensors")
    guidance = {"guide": leader, "weights": str(tmp_path / "bad.safetensors")}
    with pytest.raises(SpecError, match=r"node 'guide\.conv2'"):
        train(tiny, tiny_data, tmp_path / "run", {"epochs": 1, "batch": 16, "guidance": guidance})


def test_the_step_compiles_as_one_graph(tiny, leader):
    torch._dynamo.reset()
    _, both, _ = module_of(tiny, Guiding(Guidance(leader)))
    both.train()
    for child in both.modules():
        if isinstance(child, torch.nn.Dropout):
            child.p = 0.0
    x, y = torch.randn(8, 1, 8, 8), torch.arange(8) % 3
    counted = torch._dynamo.testing.CompileCounterWithBackend("aot_eager")
    compiled = torch.compile(both, fullgraph=True, backend=counted)
    for _ in range(3):
        eager, made = both(x, y)["losses"], compiled(x, y)["losses"]
        torch.testing.assert_close(made, eager, atol=1e-5, rtol=1e-5)
        made["guidance"].backward()
    assert counted.frame_count == 1


# -- where a guide may be ---------------------------------------------------------------------
def spec_with(tiny_spec: Path, guidance: str) -> Path:
    tiny_spec.write_text(tiny_spec.read_text() + f"train: {{epochs: 1, batch: 16, guidance: {guidance}}}\n")
    return tiny_spec


def test_a_spec_names_its_guide(tiny_spec, tiny_data, tmp_path, leader):
    spec = spec_with(tiny_spec, "{guide: leader.yaml, params: {width: 3}, alpha: 0.5}")
    recipe = Recipe.from_settings(load(spec).train, {"guidance.alpha": "2", "guidance.until": "7"})
    assert (recipe.guidance.align.guide, recipe.guidance.alpha, recipe.guidance.until) == (leader, 2.0, 7)
    assert recipe.guidance.align.params == (("width", 3),)
    assert Recipe.from_settings(load(spec).train, {"guidance": "none"}).guidance is None
    train(load(spec), tiny_data, tmp_path / "run")
    assert Run(tmp_path / "run").guide().graph.name == "leader"


def test_a_library_model_is_a_guide(tmp_path):
    assert read_guiding("digits").align.opened.graph.name == "digits"


@pytest.mark.parametrize(("guidance", "message"), [
    ("../leader.yaml", "lies outside the spec's folder"),
    ("/etc/passwd", "lies outside the spec's folder"),
    ("nothing.yaml", r"nothing is called 'nothing\.yaml'"),
    ("{alpha: 1}", "guidance needs a guide"),
    ("{guide: digits, alpha: -1}", "alpha=-1 is no factor"),
    ("{guide: digits, weights: ../w.safetensors}", "lies outside the spec's folder"),
    ("{guide: digits, untli: 3}", "guidance has no key 'untli'"),
    ("{guide: digits, reduce: max}", "'reduce' cannot be 'max'"),
    ("{guide: digits, until: -3}", "until=-3 is below 0"),
])  # fmt: skip
def test_mistakes_in_a_spec(tiny_spec, tmp_path, guidance, message):
    (tmp_path.parent / "leader.yaml").write_text(GUIDE)
    spec = spec_with(tiny_spec, guidance)
    with pytest.raises(SpecError, match=message) as caught:
        Recipe.from_settings(load(spec).train)
    assert caught.value.problems[0].place.file == str(spec)


def test_all_mistakes_come_together():
    with pytest.raises(SpecError) as caught:
        read_guiding({"guide": "digits", "alpha": "x", "reduce": "max", "tap": 1})
    assert len(caught.value.problems) == 3


def test_loading_a_spec_does_not_read_its_guide(tiny_spec, tmp_path):
    """A spec is data: only training opens what it names."""
    (tmp_path / "broken.yaml").write_text("this is: [no spec")
    load(spec_with(tiny_spec, "broken.yaml"))


def test_a_guide_without_fitting_inputs_is_refused(tiny, tiny_data, tmp_path):
    with pytest.raises(SpecError, match=r"the guide cifar_resnet reads image: .*3, .* the target image"):
        train(tiny, tiny_data, tmp_path / "run", {"epochs": 1, "batch": 16, "guidance": "cifar_resnet"})
    assert not (tmp_path / "run").exists()


def test_checkpoints_have_nothing_of_the_guide(tiny, tiny_data, tmp_path, leader):
    train(tiny, tiny_data, tmp_path / "run", {"epochs": 1, "batch": 16, "guidance": leader})
    found, refused = checkpoint.newest(tmp_path / "run" / "checkpoints")
    assert not refused
    assert set(found.tensors["model"]) == set(lower(tiny).state_dict())
