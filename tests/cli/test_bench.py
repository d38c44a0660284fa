"""`graphwright bench`: every figure is there, what fails is a row, and mistakes are told at once."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from graphwright.backends import BACKENDS, roofline
from graphwright.backends.examples import example_inputs
from graphwright.backends.fresh import first_steps
from graphwright.backends.options import Options
from graphwright.backends.stepping import Step, interleaved
from graphwright.compiler.language.load import load
from graphwright.compiler.lowering.lower import lower
from tests.cli.test_commands import cli

__all__ = ["cli"]


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(roofline, "ROWS", {"cpu": 128})
    monkeypatch.setattr(roofline, "ELEMENTS", {"cpu": 1 << 18})


def test_report_and_files(cli: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> Any:
        raise RuntimeError("no kernel\nlong trace")

    monkeypatch.setitem(BACKENDS, "inductor", broken)
    words = ("--no-fresh", "--backend", "aot_eager,inductor", "--batch", "1,3", "--steps", 2, "-o", tmp_path / "out")
    code, out, _ = cli("bench", "lenet", *words, "--json")
    report = json.loads(out)
    assert code == 0
    assert report == json.loads((tmp_path / "out" / "bench.json").read_text())
    assert {p.name for p in (tmp_path / "out").iterdir()} == {"bench.json", "bench.png", "roofline.png"}
    (model,) = report["models"]
    rows = {(row["backend"], row["batch"]): row for row in model["rows"]}
    assert set(rows) == {(b, n) for b in ("eager", "aot_eager", "inductor") for n in (1, 3)}
    for (name, batch), row in rows.items():
        if name == "inductor":
            assert (row["error"], row["median"]) == ("no kernel", None)
            continue
        work, limit = model["work"][str(batch)], report["limit"]
        bound = min(limit["flops_per_second"], work["flops"] / work["bytes"] * limit["bytes_per_second"])
        assert row["p10"] <= row["median"] <= row["p90"]
        assert row["throughput"] == pytest.approx(batch / row["median"])
        assert row["share"] == pytest.approx(work["flops"] / row["median"] / bound)
        assert row["cost"] < 1e-6
    assert model["work"]["3"]["flops"] == 3 * model["work"]["1"]["flops"]


def test_table_of_a_backward_pass(cli: Any) -> None:
    code, out, _ = cli("bench", "digits", "--no-fresh", "--backend", "eager", "--batch", 2, "--steps", 2, "--backward")
    assert code == 0
    assert out.startswith("forward and backward, fp32, on cpu")
    assert "GFLOP/s (matrix product)" in out
    assert "digits" in out


def test_mistakes_come_together(cli: Any, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    code, out, err = cli("bench", "lenet", "--backend", "inducto,aot", "--batch", "0,x", "--backward", "--tf32",
                         "-o", tmp_path / "file")  # fmt: skip
    assert (code, out) == (2, "")
    for message in ("no backend 'inducto'", "'0' is no batch size", "'x' is no batch size", "'aot' runs forward only",
                    "TF32 is a format of CUDA devices", "is not a folder"):  # fmt: skip
        assert message in err
    code, _, err = cli("bench", "classes=3", "--no-fresh")
    assert (code, "bench needs a spec" in err) == (2, True)


def test_a_spec_without_a_batch_is_refused(cli: Any, tmp_path: Path) -> None:
    spec = tmp_path / "fixed.yaml"
    spec.write_text("graphwright: 1\nname: fixed\ninputs: {x: [2, 4]}\nnodes: {act: relu}\noutputs: {y: act}\n")
    code, _, err = cli("bench", spec, "--no-fresh", "--steps", 1)
    assert code == 2
    assert "'fixed' has no batch size to choose: its first input is float32[2, 4]" in err


def test_a_fresh_process_tells_time_and_memory(tmp_path: Path) -> None:
    graph = load("lenet")
    (small, large) = first_steps(graph, "eager", (1, 256), False, "cpu", 1, Options(), tmp_path)
    assert 0 < small["seconds"] < 60
    if large["memory"] is not None:  # of 256 pictures the first layer's maps alone are 256 x 6 x 28 x 28 floats
        assert large["memory"] > 2e6
        assert large["memory"] > small["memory"]
    (refused,) = first_steps(graph, "cudagraphs", (1,), False, "cpu", 1, Options(), tmp_path)
    assert torch.cuda.is_available() or "needs a CUDA device" in refused["error"]


def test_turns_are_interleaved() -> None:
    graph = load("lenet")
    module, order = lower(graph).eval(), []
    steps = {name: Step("eager", module, example_inputs(graph), graph, Options()) for name in ("a", "b", "c")}
    for name, step in steps.items():
        step.begin = lambda name=name: order.append(name)  # type: ignore[misc]
    found = interleaved(steps, 3)
    assert "".join(order) == "abcbcacab"
    assert [len(v) for v in found.values()] == [3, 3, 3]
