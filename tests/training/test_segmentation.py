"""Segmentation from training to drawn masks, on a small model and few shapes."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch
import torch.nn.functional as F
from PIL import Image

from graphwright.compiler.ir.graph import Graph
from graphwright.compiler.ir.verify import verify
from graphwright.compiler.language.load import load
from graphwright.compiler.lowering.lower import lower
from graphwright.compiler.places import SpecError
from graphwright.training import loop
from graphwright.training.data.labels import IGNORED
from graphwright.training.drawing import colour, overlay
from graphwright.training.evaluate import evaluate
from graphwright.training.predict import predict
from graphwright.training.recipe import Recipe
from graphwright.training.run import read_metrics
from graphwright.training.tasks import task_of
from graphwright.training.train import train
from tests.training.conftest import PAINTER, spec
from tests.training.test_resume import Killed, kill_at

pytestmark = pytest.mark.usefixtures("few_shapes")
RECIPE = {
    "epochs": 2, "batch": 16, "accumulate": 2, "crop": 2, "flip": True, "ema": 0.9, "clip": 1.0, "checkpoint_every": 2,
    "log_every": 1, "lr": 1e-2,
}  # fmt: skip


def test_a_run_its_evaluation_and_predictions(painter: Graph, tmp_path: Path) -> None:
    result = train(painter, "shapes", tmp_path / "run", {**RECIPE, "epochs": 10})
    lines = [line for line in read_metrics(tmp_path / "run" / "metrics.jsonl") if line["kind"] == "epoch"]
    assert lines[-1]["loss"] < 0.7 * lines[0]["loss"]
    assert lines[-1]["test_mean_iou"] == result.figures["mean_iou"]
    assert 0.5 < lines[-1]["accuracy"] <= 1
    found = evaluate(tmp_path / "run")
    assert found["mean_iou"] == result.figures["mean_iou"]
    assert found["accuracy"] == result.accuracy
    assert sum(map(sum, found["confusion"])) == 12 * 32 * 32
    assert json.loads((tmp_path / "run" / "evaluation.json").read_text()) == found
    for name in ("predictions.png", "confusion.png"):
        with Image.open(tmp_path / "run" / name) as image:
            assert image.width > 300

    picture = tmp_path / "grey.png"
    Image.new("RGB", (50, 40), (90, 120, 200)).save(picture)
    (told,) = predict(tmp_path / "run", [picture], out=tmp_path / "drawn")
    assert sum(told["shares"].values()) == pytest.approx(1)
    with Image.open(tmp_path / "drawn" / "grey.png") as image:
        assert image.size == (50, 40)
    module = lower(painter).eval()
    module.load_state_dict(safetensors.torch.load_file(tmp_path / "run" / "model.safetensors"), strict=False)
    record = json.loads((tmp_path / "run" / "run.json").read_text())
    mean, deviation = (torch.tensor(record["scaling"][k]).view(1, 3, 1, 1) for k in ("mean", "deviation"))
    flat = (torch.tensor([90, 120, 200]).view(1, 3, 1, 1).expand(1, 3, 32, 32) / 255 - mean) / deviation
    counts = module(flat).argmax(1).flatten().bincount(minlength=4) / 1024
    names = ("background", "disc", "square", "triangle")
    assert told["shares"] == pytest.approx({n: c for n, c in zip(names, counts.tolist(), strict=True) if c})
    Image.new("RGB", (50, 40)).save(tmp_path / "run" / "grey.jpg")
    with pytest.raises(SpecError, match="two of the files are called 'grey'"):
        predict(tmp_path / "run", [picture, tmp_path / "run" / "grey.jpg"], out=tmp_path / "drawn")


def test_interrupted_runs_end_alike(painter: Graph, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("graphwright.training.train.draw_curves", lambda *arguments: None)
    train(painter, "shapes", tmp_path / "whole", RECIPE)
    for step in (0, 3, 5):
        run = tmp_path / f"killed{step}"
        with monkeypatch.context() as patch:
            kill_at(patch, loop, "advance", step)
            with pytest.raises(Killed):
                train(painter, "shapes", run, RECIPE)
        train(painter, "shapes", run, resume=True)
        assert (run / "model.safetensors").read_bytes() == (tmp_path / "whole" / "model.safetensors").read_bytes()


def test_the_default_loss_is_cross_entropy_of_known_pixels(painter: Graph) -> None:
    task = task_of(painter)
    graph = verify(task.with_losses(painter, Recipe(smoothing=0.1)))
    assert task.name == "segmentation"
    assert [str(t.type) for t in graph.targets] == ["int64[N, 2*ceil(H/2), 2*ceil(W/2)]"]
    module = lower(graph, cone="train").eval()
    x, mask = torch.rand(2, 3, 32, 32), torch.randint(0, 4, (2, 32, 32))
    mask[:, :5] = IGNORED
    (target,) = task.target(graph, mask, None, 1.0)
    result = module(x, target)
    known = result["outputs"]["logits"][:, :, 5:]
    expected = F.cross_entropy(known, mask[:, 5:], label_smoothing=0.1)
    torch.testing.assert_close(result["losses"]["main"], expected)
    right = (known.argmax(1) == mask[:, 5:]).float().mean((1, 2)).sum()
    torch.testing.assert_close(task.score(result["outputs"]["logits"], mask), right)


def test_a_spec_may_ask_which_classes_are_present() -> None:
    graph = load("scnn_vgg16")
    task = task_of(graph)
    masks = torch.zeros(2, 4, 6, dtype=torch.int64)
    masks[0, 1, 1], masks[1, 2] = 3, IGNORED
    values = dict(zip((t.name for t in graph.targets), task.target(graph, masks, None, 1.0), strict=True))
    assert torch.equal(values["pixels"], masks)
    assert values["present"].tolist() == [[0, 0, 1, 0], [0, 0, 0, 0]]


@pytest.mark.parametrize(
    ("text", "recipe", "message"),
    [
        (PAINTER.replace("classes: 4", "classes: 7"), {}, "the data has 4 classes, but 'head' gives 7 logits"),
        (PAINTER.replace("scale: 2", "scale: 1"), {}, r"a mask has the size of its picture: 'head' is 16x16, .* 32x32"),
        (PAINTER, {"mixup": 0.3}, r"mixup=0\.3 mixes classes of whole pictures, not masks"),
        (PAINTER + "targets: {depth: [N, 7]}\nlosses: {main: {op: mean, in: head}}\n", {},
         r"segmentation data has no target like 'depth', float32\[N, 7\]"),
        (PAINTER + "losses: {main: {op: mean, in: head}}\n", {}, "the losses compare nothing with a mask"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused_before_training(
    tmp_path: Path, text: str, recipe: dict[str, float], message: str
) -> None:
    with pytest.raises(SpecError, match=message) as caught:
        train(spec(tmp_path, "net", text), "shapes", tmp_path / "run", recipe)
    assert caught.value.problems[0].place.line > 0
    assert not (tmp_path / "run").exists()


def test_masks_are_drawn_where_they_are() -> None:
    mask = torch.zeros(4, 6, dtype=torch.int64)
    mask[2:, 3:], mask[3, 5] = 2, IGNORED
    drawn = np.asarray(overlay(Image.new("RGB", (60, 40), (80, 80, 80)), mask, ("a", "b", "c"))).astype(int)
    assert drawn.shape == (40, 60, 3)
    assert np.abs(drawn[25, 35] - (0.45 * 80 + 0.55 * np.array(colour(2)))).max() <= 1
    assert (drawn[35, 55] == 80).all()
    assert (drawn[30, 5] == 80).all()
