"""train, evaluate and predict as they are called from a shell, on a small model and real files."""

from __future__ import annotations

import json

import numpy as np
import pytest
import typer
from PIL import Image
from typer.testing import CliRunner

from graphwright.commands import training as commands
from graphwright.compiler.places import SpecError
from graphwright.training.run import Run
from tests.oracles import reference_module

app = typer.Typer()
app.command()(commands.train)
app.command()(commands.evaluate)
app.command()(commands.predict)


def call(*words: str):
    result = CliRunner().invoke(app, [str(w) for w in words])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.stdout


def width(path):
    with Image.open(path) as image:
        return image.width


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Class folders of grey pictures: dark ones and bright ones."""
    root = tmp_path_factory.mktemp("pictures")
    random = np.random.default_rng(0)
    for part, count in (("train", 40), ("test", 10)):
        for label, low in (("bright", 150), ("dark", 20)):
            (root / part / label).mkdir(parents=True)
            for k in range(count):
                pixels = random.integers(low, low + 60, (10, 10), dtype=np.uint8)
                Image.fromarray(pixels).save(root / part / label / f"{k}.png")
    return root


@pytest.fixture
def run(tiny_spec, folder, tmp_path):
    words = ["epochs=3", "batch=16", "classes=2", "log_every=1"]
    told = call("train", tiny_spec, *words, "--data", f"folder:{folder}", "-o", tmp_path / "run", "--json")
    return json.loads(told.splitlines()[-1])


def test_train_leaves_everything_in_the_run_folder(run, tmp_path, tiny_spec):
    path = tmp_path / "run"
    assert run["run"] == str(path)
    assert run["accuracy"] == 1.0
    assert (run["epochs"], run["steps"]) == (3, 15)
    names = {p.name for p in path.iterdir() if not p.name.startswith("events.out.tfevents")}
    data = {"spec.gw", "spec.yaml", "run.json", "metrics.jsonl", "model.safetensors"}
    assert names == data | {"curves.png", "checkpoints"}
    assert any(p.name.startswith("events.out.tfevents") for p in path.iterdir())
    assert (path / "spec.yaml").read_bytes() == tiny_spec.read_bytes()
    assert width(path / "curves.png") > 800
    record = Run(path).record()
    assert record.classes == ("bright", "dark")
    assert record.samples == (80, 20)
    assert 0.3 < record.scaling.mean[0] < 0.5
    lines = [json.loads(line) for line in (path / "metrics.jsonl").read_text().splitlines()]
    assert [m["step"] for m in lines if m["kind"] == "steps"] == list(range(1, 16))
    assert [m["epoch"] for m in lines if m["kind"] == "epoch"] == [1, 2, 3]
    assert Run(path).graph().name == "tiny"


def test_evaluate_and_predict(run, tmp_path, folder):
    told = json.loads(call("evaluate", tmp_path / "run", "--json"))
    assert (told["accuracy"], told["samples"]) == (run["accuracy"], 20)
    assert told["loss"] == pytest.approx(run["loss"], rel=1e-6)
    assert told["confusion"] == [[10, 0], [0, 10]]
    assert told["classes"]["dark"] == {"accuracy": 1.0, "samples": 10}
    assert width(tmp_path / "run" / "confusion.png") > 300
    assert "accuracy 1.0000" in call("evaluate", tmp_path / "run", "--data", f"folder:{folder}")
    files = [folder / "test" / "dark" / "0.png", folder / "test" / "bright" / "3.png"]
    guesses = json.loads(call("predict", tmp_path / "run", *files, "--json"))
    assert [g["class"] for g in guesses] == ["dark", "bright"]
    assert [g["file"] for g in guesses] == [str(f) for f in files]
    assert sum(t["probability"] for t in guesses[0]["top"]) == pytest.approx(1, abs=1e-5)
    assert guesses[0]["probability"] > 0.5
    assert call("predict", tmp_path / "run", files[0]).startswith(f"{files[0]}: dark ")


def test_confusion_and_accuracy_agree_with_torchmetrics(run, tmp_path):
    metrics = reference_module("torchmetrics.functional.classification")
    import torch

    table = torch.tensor(json.loads(call("evaluate", tmp_path / "run", "--json"))["confusion"])
    true = torch.repeat_interleave(torch.arange(2), table.sum(1))
    given = torch.cat([torch.repeat_interleave(torch.arange(2), row) for row in table])
    assert torch.equal(metrics.multiclass_confusion_matrix(given, true, 2), table)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["epohcs=3"], "no key 'epohcs'"),
        (["epochs"], "'epochs' is not"),
        (["--data", "digits"], "the data has 10 classes, but 'fc' gives 3 logits"),
        (["--data", "shapes"], "data source 'shapes' has no classes, which the model learns"),
    ],
)
def test_mistakes_of_train(tiny_spec, tiny_data, tmp_path, words, message):
    data = [] if "--data" in words else ["--data", tiny_data]
    with pytest.raises(SpecError, match=message):
        call("train", tiny_spec, *words, *data, "-o", tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(("name", "figures", "by_class"), [
    ("spotter", ("map50", "map"), "ap50 "), ("painter", ("mean iou", "accuracy"), "iou "),
])  # fmt: skip
def test_boxes_and_masks_are_told(request, few_shapes, tmp_path, folder, name, figures, by_class):
    request.getfixturevalue(name)
    words = ["epochs=2", "batch=16", "lr=0.01", "--data", "shapes", "-o", tmp_path / "run"]
    told = call("train", tmp_path / f"{name}.yaml", *words)
    assert all(f"test {figure} 0." in told for figure in figures)
    told = call("evaluate", tmp_path / "run").splitlines()
    assert all(f"{figure} 0." in told[0] for figure in figures)
    assert "samples 12" in told[0]
    assert [line.split()[0] for line in told[-3:]] == ["disc", "square", "triangle"]
    assert by_class in told[-1]
    picture = folder / "test" / "dark" / "0.png"
    told = call("predict", tmp_path / "run", picture, "-o", tmp_path / "drawn")
    assert told.startswith(f"{picture}: ")
    assert len(told) > len(str(picture)) + 3
    assert width(tmp_path / "drawn" / "0.png") == 10


def test_classes_are_not_drawn(run, tmp_path, folder):
    with pytest.raises(SpecError, match="classes are not drawn on pictures"):
        call("predict", tmp_path / "run", folder / "test" / "dark" / "0.png", "-o", tmp_path / "drawn")
    assert not (tmp_path / "drawn").exists()


def test_mistakes_of_evaluate_and_predict(run, tmp_path, tiny_data):
    with pytest.raises(SpecError, match="is no run folder"):
        call("evaluate", tmp_path)
    with pytest.raises(SpecError, match=r"the run knows the classes bright, dark; .* has 0, 1, 2"):
        call("evaluate", tmp_path / "run", "--data", tiny_data)
    with pytest.raises(SpecError, match=r"no file 'nothing\.png'"):
        call("predict", tmp_path / "run", "nothing.png")
    (tmp_path / "text.png").write_text("no picture")
    with pytest.raises(SpecError, match=r"text\.png cannot be read as a picture"):
        call("predict", tmp_path / "run", tmp_path / "text.png")


@pytest.mark.parametrize("keys", ["precision=bf16", "compile=no optimizer=sgd schedule=step step_size=1"])
def test_other_recipes_train_too(tiny_spec, folder, tmp_path, keys):
    words = ["epochs=4", "batch=16", "classes=2", *keys.split()]
    told = call("train", tiny_spec, *words, "--data", f"folder:{folder}", "-o", tmp_path / "run", "--json")
    assert json.loads(told.splitlines()[-1])["accuracy"] >= 0.95
