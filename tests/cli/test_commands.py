"""The command line as a user meets it: data on stdout, talk on stderr, exit codes 0, 1 and 2, never a traceback."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from graphwright.cli import COMMANDS, main
from graphwright.compiler.language.library import shipped_models

SPEC = """\
graphwright: 1
name: tiny
params: {classes: 3}
inputs:
  image: [N, 3, H=8, W=8]
nodes:
  conv: {op: conv2d, out: 4, kernel: 3, padding: 1}
  relu: relu
  pool: {op: adaptive_avg_pool2d, size: 1}
  flatten: flatten
  head: {op: linear, out: $classes}
outputs: {logits: head}
expect: {parameters: 127}
"""


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    path = tmp_path / "tiny.yaml"
    path.write_text(SPEC)
    return path


def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *words: Any) -> tuple[int, str, str]:
    monkeypatch.setattr(sys, "argv", ["graphwright", *map(str, words)])
    code = 0
    try:
        main()
    except SystemExit as stop:
        code = int(stop.code or 0)
    out, err = capsys.readouterr()
    return code, out, err


@pytest.fixture
def cli(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    return lambda *words: run(monkeypatch, capsys, *words)


def test_show_gives_the_promised_fields(cli: Any, spec: Path) -> None:
    code, out, _ = cli("show", spec, "classes=5", "--json")
    found = json.loads(out)
    assert code == 0
    assert found["name"] == "tiny"
    assert found["parameters"] == 4 * 27 + 4 + 4 * 5 + 5
    assert found["macs"] == 8 * 8 * 4 * 27 + 4 * 5
    assert found["buffers"] == 0
    assert found["inputs"]["image"] == {"dtype": "float32", "shape": ["N", 3, "H", "W"], "defaults": {"H": 8, "W": 8}}
    assert found["outputs"]["logits"] == {"dtype": "float32", "shape": ["N", 5]}
    conv = found["nodes"][0]
    assert (conv["name"], conv["op"], conv["inputs"], conv["line"]) == ("conv", "conv2d", ["image"], 7)
    assert conv["output"] == ["float32[N, 4, H, W]"]


def test_show_folds_by_depth(cli: Any) -> None:
    _, whole, _ = cli("show", "resnet18")
    _, folded, _ = cli("show", "resnet18", "--depth", "1")
    assert len(folded.splitlines()) < len(whole.splitlines()) / 3
    assert "11,689,512" in whole
    assert "11,689,512" in folded


def test_check_passes_a_sound_spec_and_lists_problems_of_others(cli: Any, spec: Path, tmp_path: Path) -> None:
    assert cli("check", spec, "--json") == (0, "[]\n", "")
    bad = tmp_path / "bad.yaml"
    bad.write_text(
        SPEC.replace("out: 4", "ou: 4").replace("pool: {op: adaptive_avg_pool2d", "pool: {op: adaptive_pool")
    )
    code, out, _ = cli("check", spec, bad, "--json")
    problems = json.loads(out)
    assert code == 2
    assert {p["line"] for p in problems} == {7, 9}
    assert set(problems[0]) == {"file", "line", "column", "severity", "message", "hint"}
    assert problems[0]["column"] == SPEC.splitlines()[6].index("out: 4") + 1


def test_an_expectation_that_fails_is_exit_code_1(cli: Any, tmp_path: Path) -> None:
    path = tmp_path / "wrong.yaml"
    path.write_text(SPEC.replace("127", "128"))
    code, _, err = cli("check", path)
    assert code == 1
    assert "expected parameters 128, got 127" in err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["show", "resnet5"], "did you mean 'resnet50'"),
        (["show", "lenet", "clases=4"], "did you mean 'classes'"),
        (["show", "lenet", "classes=many"], "an integer"),
        (["show", "lenet", "classes"], "key=value"),
        (["shw", "lenet"], "No such command"),
        (["show"], "Missing argument"),
        (["list", "ops", "conv2"], "conv2d"),
        (["check", "no/such/file.yaml"], "cannot read"),
        (["init", "2fast"], "name of a model"),
        (["compile", "lenet", "--backend", "inductr"], "inductor"),
        (["export", "lenet", "-o", "x.xyz"], ".onnx"),
    ],
)
def test_mistakes_are_exit_code_2_with_a_hint(cli: Any, words: list[str], said: str) -> None:
    code, _, err = cli(*words)
    assert code == 2
    assert said in err
    assert "Traceback" not in err


def test_diff_names_what_changed(cli: Any, spec: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.yaml"
    other.write_text(SPEC.replace("relu: relu", "act: gelu"))
    assert cli("diff", spec, spec)[0] == 0
    code, out, _ = cli("diff", spec, other)
    assert code == 1
    assert {line[:6] for line in out.splitlines()} >= {"- relu", "+ act "}
    found = json.loads(cli("diff", spec, other, "--json")[1])
    assert not found["equal"]


def test_init_writes_a_spec_that_checks(cli: Any, tmp_path: Path) -> None:
    assert cli("init", "mine", "-o", tmp_path)[0] == 0
    assert cli("check", tmp_path / "mine.yaml")[0] == 0
    assert json.loads((tmp_path / "graphwright.schema.json").read_text())["$schema"].endswith("draft-07/schema#")
    assert cli("init", "mine", "-o", tmp_path)[0] == 2


def test_models_are_listed_with_their_papers_and_published_figures(cli: Any) -> None:
    rows = json.loads(cli("list", "models", "--json")[1])
    assert set(rows) == set(shipped_models())
    assert rows["convnext_base"]["extends"] == "convnext_tiny"
    assert rows["convnext_base"]["source"] == rows["convnext_tiny"]["source"] == "arXiv:2201.03545"
    assert {rows[name]["family"] for name in ("convnext_base", "convnext_tiny")} == {"convnext"}
    assert rows["resnet50"]["expect"]["parameters"].replace("_", "") == "25557032"
    (line,) = [line for line in cli("list", "models")[1].splitlines() if line.startswith("resnet50 ")]
    assert line.split()[1:3] == ["25.56M", "4.09G"]


def test_lists_and_schema_and_doctor(cli: Any) -> None:
    assert "resnet50" in cli("list")[1]
    assert "conv2d" in json.loads(cli("list", "ops", "--json")[1])
    assert "kernel" in cli("list", "ops", "conv2d")[1]
    assert "fold_batch_norm" in cli("list", "transforms")[1]
    assert json.loads(cli("schema")[1])["title"].startswith("graphwright")
    names = {f["name"] for f in json.loads(cli("doctor", "--json")[1])}
    assert {"torch", "dot", "cuda"} <= names


def test_graph_and_export_write_whole_files(cli: Any, spec: Path, tmp_path: Path) -> None:
    for suffix in ("svg", "dot", "mmd", "json"):
        assert cli("graph", spec, "-o", tmp_path / f"x.{suffix}")[0] == 0
        assert (tmp_path / f"x.{suffix}").stat().st_size > 200
    assert cli("export", spec, "-o", tmp_path / "x.safetensors")[0] == 0
    assert cli("graph", spec, "-o", tmp_path / "new" / "x.svg")[0] == 0
    (tmp_path / "file").write_text("in the way")
    assert cli("graph", spec, "-o", tmp_path / "file" / "x.svg")[0] == 2


def test_every_command_has_help_and_the_module_runs() -> None:
    done = subprocess.run([sys.executable, "-m", "graphwright", "--help"], capture_output=True, text=True, check=True)
    assert all(command in done.stdout for command in COMMANDS)


def test_transforms_are_on_the_command_line_too(cli: Any) -> None:
    ops = [n["op"] for n in json.loads(cli("show", "resnet18", "--json")[1])["nodes"]]
    folded = [
        n["op"] for n in json.loads(cli("show", "resnet18", "--transform", "fold_batch_norm", "--json")[1])["nodes"]
    ]
    assert ops.count("batch_norm") == 20
    assert folded == [op for op in ops if op != "batch_norm"]
    words = ("--transform", "{replace_op: {where: 'op:relu', with: {op: gelu}, count: 17}}")
    assert "gelu" in cli("show", "resnet18", *words)[1]
    assert "silu" in cli("show", "resnet18", "--transform", "{replace: {where: op:relu, with: silu}}")[1]
    code, _, err = cli("show", "resnet18", "--transform", "fold_batch_nrm")
    assert (code, "did you mean 'fold_batch_norm'" in err) == (2, True)


@pytest.mark.skipif(torch.cuda.is_available(), reason="a machine without CUDA is meant")
@pytest.mark.parametrize("device", ["cuda", "tpu"])
def test_a_device_that_is_not_there_is_the_users_mistake(cli: Any, spec: Path, device: str) -> None:
    code, _, err = cli("compile", spec, "--backend", "eager", "--device", device)
    assert (code, "device" in err) == (2, True)


def test_python_twins_take_params_both_ways(spec: Path) -> None:
    import graphwright as gw

    one, two = gw.load(spec, {"classes": 5}), gw.load(spec, classes=5)
    assert one == two
    assert str(one).startswith('graphwright-graph 1\nname "tiny"')
    with pytest.raises(gw.SpecError, match="no cone"):
        gw.build(one, cone="both")
