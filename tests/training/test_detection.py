"""Detection from training to drawn boxes, on a small detector and few shapes."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch
from PIL import Image

from graphwright.compiler.ir.graph import Graph
from graphwright.compiler.language.load import load
from graphwright.compiler.lowering.lower import lower
from graphwright.compiler.places import SpecError
from graphwright.training import loop
from graphwright.training.data import shapes
from graphwright.training.data.source import open_data
from graphwright.training.data.split import Want
from graphwright.training.drawing import Box, colour, draw_boxes
from graphwright.training.evaluate import evaluate
from graphwright.training.lean import without_outputs
from graphwright.training.metrics.average_precision import BoxTally
from graphwright.training.predict import predict
from graphwright.training.run import read_metrics
from graphwright.training.tasks import task_of
from graphwright.training.train import train
from tests.training.conftest import SPOTTER, spec
from tests.training.test_resume import Killed, kill_at

pytestmark = pytest.mark.usefixtures("few_shapes")
RECIPE = {
    "epochs": 2, "batch": 16, "accumulate": 2, "crop": 2, "flip": True, "ema": 0.9, "clip": 1.0, "checkpoint_every": 2,
    "log_every": 1, "lr": 1e-2,
}  # fmt: skip


def test_a_run_and_its_evaluation(spotter: Graph, tmp_path: Path) -> None:
    result = train(spotter, "shapes", tmp_path / "run", {**RECIPE, "epochs": 12})
    lines = [line for line in read_metrics(tmp_path / "run" / "metrics.jsonl") if line["kind"] == "epoch"]
    assert lines[-1]["loss"] < 0.8 * lines[0]["loss"]
    assert "accuracy" not in lines[0]
    assert (lines[-1]["test_map50"], lines[-1]["test_loss"]) == (result.figures["map50"], result.loss)
    found = evaluate(tmp_path / "run")
    assert found["map50"] == result.figures["map50"]
    assert set(found["classes"]) == set(shapes.KINDS)
    assert json.loads((tmp_path / "run" / "evaluation.json").read_text()) == found
    for name in ("predictions.png", "curves.png"):
        with Image.open(tmp_path / "run" / name) as image:
            assert image.width > 800

    parts = open_data("shapes", 0.2, "boxes")
    module = lower(spotter)
    weights = safetensors.torch.load_file(tmp_path / "run" / "model.safetensors")
    module.load_state_dict({k: v for k, v in weights.items() if k in module.state_dict()})
    assert parts.test is not None
    picture = tmp_path / "shape.png"
    pixels = parts.test.items[0].permute(1, 2, 0).numpy()
    Image.fromarray(pixels).save(picture)
    (told,) = predict(tmp_path / "run", [picture], out=tmp_path / "drawn")
    for entry in told["boxes"]:
        assert entry["score"] >= 0.3
        assert 0 <= entry["box"][0] < entry["box"][2] <= 200
    with Image.open(tmp_path / "drawn" / "shape.png") as image:
        assert image.size == (128, 128)
        assert np.array_equal(np.asarray(image), pixels) == (not told["boxes"])


def test_a_perfect_answer_is_told_and_counted_as_such(spotter: Graph) -> None:
    parts = open_data("shapes", 0.2, "boxes")
    task, tally = task_of(spotter), BoxTally()
    assert task.name == "detection"
    assert parts.test is not None
    objects = parts.test.labels.scaled(32, 32)
    scores = torch.where(objects.labels >= 0, 0.9, 0.0)
    rows = torch.cat([objects.boxes, scores[..., None], objects.labels[..., None].float()], -1)
    tally.add(rows, objects)
    assert tally.figures() == {"map50": 1.0, "map": 1.0}
    want = Want((3, 32, 32), torch.float32)
    answers, truths = task.answers(rows, want, parts.classes), task.truths(objects, want, parts.classes)
    for answer, truth, (_, _, drawn) in zip(answers, truths, map(shapes.draw, ["test"] * 12, range(12)), strict=True):
        told, true = (a.as_json((128, 128), 5)["boxes"] for a in (answer, truth))
        assert [b["box"] for b in told] == [b["box"] for b in true]
        assert np.allclose([b["box"] for b in told], [[128 * s for s in corners] for corners, _, _ in drawn], atol=1e-3)
        assert [b["class"] for b in told] == [shapes.KINDS[label] for _, label, _ in drawn]


def test_training_skips_the_outputs_and_shares_everything(spotter: Graph) -> None:
    module = lower(spotter, cone="train")
    lean = without_outputs(module)
    assert not [n for n in lean.graph.nodes if "nms" in n.name]
    assert {k: v.data_ptr() for k, v in lean.named_parameters()} == {
        k: v.data_ptr() for k, v in module.named_parameters()
    }
    x = torch.randn(4, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    objects, labels = torch.tensor([[[2.0, 2, 12, 12]]]).repeat(4, 1, 1), torch.zeros(4, 1, dtype=torch.int64)
    torch.manual_seed(1)
    whole = module(x, objects, labels)["losses"]["main"]
    mean = module.get_buffer("bn1.running_mean").clone()
    torch.manual_seed(1)
    alone = lean(x, objects, labels)
    assert alone["outputs"] == {}
    assert torch.equal(alone["losses"]["main"], whole)
    assert not torch.equal(module.get_buffer("bn1.running_mean"), mean)


def test_interrupted_runs_end_alike(spotter: Graph, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("graphwright.training.train.draw_curves", lambda *arguments: None)
    train(spotter, "shapes", tmp_path / "whole", RECIPE)
    for step in (0, 3, 5):
        run = tmp_path / f"killed{step}"
        with monkeypatch.context() as patch:
            kill_at(patch, loop, "advance", step)
            with pytest.raises(Killed):
                train(spotter, "shapes", run, RECIPE)
        train(spotter, "shapes", run, resume=True)
        assert (run / "model.safetensors").read_bytes() == (tmp_path / "whole" / "model.safetensors").read_bytes()


@pytest.mark.parametrize(
    ("old", "new", "recipe", "message"),
    [
        ("classes: 3", "classes: 5", {}, r"the data has 3 classes, but 'nms' gives 5 kinds of objects"),
        ("[N, M=100, 4]", "[N, 2, 4]", {}, r"a picture of the data has 4 objects; 'objects' has room for 2"),
        ("  objects: [N", "  extra: [N, 2]\n  objects: [N", {}, "gives boxes and labels; .*extra: float32"),
        ("  scores: scores\nt", "t", {}, "no output 'scores' says how many kinds of objects spotter knows"),
        ("", "", {"mixup": 0.2}, r"mixup=0\.2 mixes classes of whole pictures, not boxes"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused_before_training(
    tmp_path: Path, old: str, new: str, recipe: dict[str, float], message: str
) -> None:
    text = SPOTTER.replace(old, new, 1)
    if "room for 2" in message:
        text = text.replace("int64[N, M]", "int64[N, 2]")
    with pytest.raises(SpecError, match=message) as caught:
        train(spec(tmp_path, "net", text), "shapes", tmp_path / "run", recipe)
    assert caught.value.problems[0].place.line > 0
    assert not (tmp_path / "run").exists()


def test_a_detector_without_losses_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="gives boxes, and has no losses to learn them by"):
        train(spec(tmp_path, "net", SPOTTER[: SPOTTER.index("targets:")]), "shapes", tmp_path / "run")


def test_crowds_are_not_learnt_and_rows_are_filled(spotter: Graph) -> None:
    parts = open_data("shapes", 0.2, "boxes")
    objects = parts.train.labels[torch.arange(3)]
    objects.crowd[0, 0] = True
    boxes, labels = task_of(spotter).target(spotter, objects, None, 1.0)
    assert boxes.shape == (3, 4, 4)
    assert labels[0, 0] == -1
    assert torch.equal(labels[1:], objects.labels[1:])


def test_boxes_are_drawn_where_they_are() -> None:
    grey = Image.new("L", (120, 120), 100)
    drawn = np.asarray(draw_boxes(grey, [Box("square", 1, 0.5, (0.25, 0.5, 0.75, 0.9))]))
    assert drawn.shape == (120, 120, 3)
    for x, y in ((30, 80), (90, 80), (60, 60), (60, 108)):
        assert tuple(drawn[y, x]) == colour(1)
    assert (drawn[62:106, 32:88] == 100).all()
    assert (drawn[:40] == 100).all()
    assert len({colour(k) for k in range(80)}) == 80


@pytest.mark.parametrize("name", ["gelan_t", "ssd300_vgg16"])
def test_the_library_s_detectors_fit(name: str) -> None:
    assert task_of(load(name)).name == "detection"
