"""A run that was interrupted anywhere ends at the same weights, bit for bit, as one that was not."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import safetensors.torch
import torch

from graphwright.compiler.language.load import load
from graphwright.compiler.places import SpecError
from graphwright.training import checkpoint, loop
from graphwright.training.train import train

#: Everything that could make a difference: dropout and batch norm are in the model.
RECIPE = {
    "epochs": 2, "batch": 16, "accumulate": 2, "mixup": 0.3, "crop": 1, "flip": True, "ema": 0.9, "clip": 1.0,
    "smoothing": 0.1, "checkpoint_every": 2, "log_every": 1, "seed": 5,
}  # fmt: skip
STEPS = 6


@pytest.fixture(autouse=True)
def no_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Learning curves take half of a tiny run's time, and `test_commands.py` looks at them."""
    monkeypatch.setattr("graphwright.training.train.draw_curves", lambda *arguments: None)


class Killed(BaseException):
    """Nothing catches it, as nothing catches SIGKILL."""


def weights(run: Path) -> bytes:
    return (run / "model.safetensors").read_bytes()


def kill_at(monkeypatch: pytest.MonkeyPatch, module: object, name: str, call: int) -> None:
    """The `call`-th call of `module.name` (from 0) does its work half: it dies just before."""
    real, count = getattr(module, name), iter(range(1_000_000))

    def counted(*arguments, **options):
        if next(count) == call:
            raise Killed
        return real(*arguments, **options)

    monkeypatch.setattr(module, name, counted)


@pytest.mark.parametrize("optimizer", ["adamw", "sgd"])
def test_interrupted_at_every_step(tiny, tiny_data, tmp_path, monkeypatch, optimizer):
    recipe = {**RECIPE, "optimizer": optimizer}
    train(tiny, tiny_data, tmp_path / "whole", recipe)
    for step in range(STEPS):
        run = tmp_path / f"killed{step}"
        with monkeypatch.context() as patch:
            kill_at(patch, loop, "advance", step)
            with pytest.raises(Killed):
                train(tiny, tiny_data, run, recipe)
        assert not (run / "model.safetensors").exists()
        torch.rand(step + 1)  # the global generators are elsewhere by now
        train(tiny, tiny_data, run, resume=True)
        assert weights(run) == weights(tmp_path / "whole"), f"killed at step {step}"


def test_interrupted_while_writing_checkpoints(tiny, tiny_data, tmp_path, monkeypatch):
    train(tiny, tiny_data, tmp_path / "whole", RECIPE)
    before = len(list((tmp_path / "whole" / "checkpoints").iterdir()))
    for write in (1, 4, 6, 7, 9):  # files of checkpoints: four each, the first of step 0
        run = tmp_path / f"killed{write}"
        with monkeypatch.context() as patch:
            kill_at(patch, checkpoint, "_write", 2 + write)  # after spec.gw and run.json
            with pytest.raises(Killed):
                train(tiny, tiny_data, run, RECIPE)
        train(tiny, tiny_data, run, resume=True)
        assert weights(run) == weights(tmp_path / "whole")
        assert len(list((run / "checkpoints").iterdir())) == before, "nothing half written is left"


def test_metrics_go_on_without_gaps_or_repetitions(tiny, tiny_data, tmp_path, monkeypatch):
    train(tiny, tiny_data, tmp_path / "whole", RECIPE)
    with monkeypatch.context() as patch:
        kill_at(patch, loop, "advance", 5)
        with pytest.raises(Killed):
            train(tiny, tiny_data, tmp_path / "killed", RECIPE)
    metrics = tmp_path / "killed" / "metrics.jsonl"
    with metrics.open("a") as file:
        file.write('{"kind": "steps", "st')  # cut off by the kill
    train(tiny, tiny_data, tmp_path / "killed", resume=True)

    def told(path: Path) -> list[dict[str, object]]:
        lines = [json.loads(line) for line in (path / "metrics.jsonl").read_text().splitlines()]
        return [{k: v for k, v in line.items() if k != "items_per_second"} for line in lines]

    assert told(tmp_path / "killed") == told(tmp_path / "whole")
    assert [line["step"] for line in told(tmp_path / "whole")] == [1, 2, 3, 3, 4, 5, 6, 6]


def test_accumulation_does_not_change_what_is_learnt(tiny_data, tmp_path):
    spec = tmp_path / "linear.yaml"
    spec.write_text(
        "graphwright: 1\nname: linear\ninputs: {x: [N, 1, 8, 8]}\n"
        "nodes: {flatten: flatten, fc: {op: linear, out: 3}}\noutputs: {logits: fc}\n"
    )
    for parts in (1, 4):
        train(load(spec), tiny_data, tmp_path / str(parts), {"epochs": 2, "batch": 16, "accumulate": parts})
    one, four = (safetensors.torch.load(weights(tmp_path / n)) for n in ("1", "4"))
    torch.testing.assert_close(one, four, atol=1e-6, rtol=1e-5)


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL")
def test_a_real_kill(tiny_spec, tiny_data, tmp_path):
    long = {**RECIPE, "epochs": 25, "checkpoint_every": 0, "log_every": 50}
    train(load(tiny_spec), tiny_data, tmp_path / "whole", long)
    code = (
        "import sys, json, torch; torch.set_num_threads(1)\n"
        "from graphwright.compiler.language.load import load\n"
        "from graphwright.training.train import train\n"
        "train(load(sys.argv[1]), sys.argv[2], sys.argv[3], json.loads(sys.argv[4]), resume=True)\n"
    )
    run = tmp_path / "killed"
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(tiny_spec), tiny_data, str(run), json.dumps(long)],
        stderr=subprocess.DEVNULL, env={**os.environ, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    try:
        end = time.monotonic() + 60
        while len(checkpoint.steps(run / "checkpoints")) < 2 and time.monotonic() < end:
            time.sleep(0.01)
        assert process.poll() is None
    finally:
        process.kill()
        process.wait()
    assert not (run / "model.safetensors").exists()
    train(load(tiny_spec), tiny_data, run, resume=True)
    assert weights(run) == weights(tmp_path / "whole")


@pytest.mark.skipif(os.name != "posix", reason="needs signals and locks of files")
def test_a_run_has_one_process_at_a_time_and_ends_tidily_by_sigterm(tiny_spec, tiny_data, tmp_path):
    run, said = tmp_path / "run", tmp_path / "said"
    command = [sys.executable, "-m", "graphwright", "train", str(tiny_spec), "--data", tiny_data, "-o", str(run)]
    with said.open("w") as file:
        process = subprocess.Popen([*command, "epochs=10000", "checkpoint_every=1"], stdout=file, stderr=file,
                                   env={**os.environ, "OMP_NUM_THREADS": "1"})  # fmt: skip
    try:
        end = time.monotonic() + 60
        while len(checkpoint.steps(run / "checkpoints")) < 2 and time.monotonic() < end:
            time.sleep(0.01)
        with pytest.raises(SpecError, match="another process is training in"):
            train(load(tiny_spec), tiny_data, run, resume=True)
        process.send_signal(signal.SIGTERM)
        process.wait(60)
    finally:
        process.kill()
        process.wait()
    told = said.read_text()
    assert process.returncode == 128 + signal.SIGTERM
    assert "stopped; a training run goes on with --resume" in told
    assert "Traceback" not in told
    checkpoint.prune(run / "checkpoints", 2, [])  # as the next checkpoint does: what was being removed goes
    assert not list(run.rglob(".*"))
    assert checkpoint.newest(run / "checkpoints")[0] is not None


# -- what is refused --------------------------------------------------------------------------
def test_damaged_checkpoints_are_passed_over(tiny, tiny_data, tmp_path, monkeypatch, capfd):
    train(tiny, tiny_data, tmp_path / "whole", RECIPE)
    for name, damage in (
        ("model.safetensors", lambda data: data[:-7]),
        ("optimizer.safetensors", lambda data: data[:-1] + bytes([data[-1] ^ 1])),
        ("state.json", lambda data: data.replace(b'"position": 1', b'"position": 2')),
        ("state.json", lambda data: b""),
        ("average.safetensors", None),
    ):
        run = tmp_path / f"{name}{damage and len(damage(b'x' * 20))}"
        with monkeypatch.context() as patch:
            kill_at(patch, loop, "advance", 5)
            with pytest.raises(Killed):
                train(tiny, tiny_data, run, RECIPE)
        path = run / "checkpoints" / "step-000000004" / name
        assert path.exists()
        path.write_bytes(damage(path.read_bytes())) if damage else path.unlink()
        capfd.readouterr()
        train(tiny, tiny_data, run, resume=True)
        said = capfd.readouterr().err
        assert "step-000000004 is refused" in said
        assert "going on after step 3 of 6" in said
        assert weights(run) == weights(tmp_path / "whole")


def test_a_full_disk_keeps_the_last_good_checkpoint(tiny, tiny_data, tmp_path, monkeypatch):
    run = tmp_path / "run"
    with monkeypatch.context() as patch:
        real = checkpoint._write

        def full(path: Path, data: bytes) -> None:
            if "step-000000003" in str(path) and path.name.startswith("opt"):
                path.write_bytes(data[: len(data) // 2])
                raise OSError(28, "No space left on device")
            real(path, data)

        patch.setattr(checkpoint, "_write", full)
        with pytest.raises(SpecError) as caught:
            train(tiny, tiny_data, run, RECIPE)
    (problem,) = caught.value.problems
    assert "step 3 cannot be written: No space left on device" in problem.message
    assert "step-000000002" in problem.message
    assert problem.hint == "make room on the disk, then go on with --resume"
    assert [p.name for p in (run / "checkpoints").iterdir()] == ["step-000000000", "step-000000002"]
    train(tiny, tiny_data, tmp_path / "whole", RECIPE)
    train(tiny, tiny_data, run, resume=True)
    assert weights(run) == weights(tmp_path / "whole")


def test_changed_specs_recipes_and_data_are_refused(tiny, tiny_spec, tiny_data, tmp_path):
    run = tmp_path / "run"
    train(tiny, tiny_data, run, {"epochs": 1, "batch": 16})
    text = tiny_spec.read_text()
    with pytest.raises(SpecError, match="already holds a run"):
        train(tiny, tiny_data, run)
    with pytest.raises(SpecError, match=r"the recipe of this run was another: lr=0.1 \(was None\)"):
        train(tiny, tiny_data, run, {"lr": 0.1}, resume=True)
    tiny_spec.write_text(text.replace("classes: 3", "classes: 4"))
    with pytest.raises(SpecError, match="3 classes"):
        train(load(tiny_spec), tiny_data, run, resume=True)
    tiny_spec.write_text(text.replace("out: 4", "out: 6"))
    with pytest.raises(SpecError, match="the spec changed since this run began"):
        train(load(tiny_spec), tiny_data, run, resume=True)
    tiny_spec.write_text(text.replace("fc:", "head:").replace("logits: fc", "logits: head"))
    with pytest.raises(SpecError, match=r"parameters changed.*fc\.bias"):
        train(load(tiny_spec), tiny_data, run, resume=True)


def test_force_goes_on_with_what_fits(tiny, tiny_spec, tiny_data, tmp_path, capfd):
    run = tmp_path / "run"
    train(tiny, tiny_data, run, {"epochs": 2, "batch": 16})
    tiny_spec.write_text(tiny_spec.read_text().replace("fc:", "head:").replace("logits: fc", "logits: head"))
    result = train(load(tiny_spec), tiny_data, run, {"epochs": 3, "ema": 0.5}, resume=True, force=True)
    assert result.steps == 9
    assert "4 tensors changed with the spec" in capfd.readouterr().err
    assert "head.weight" in safetensors.torch.load(weights(run))


def test_resuming_a_finished_run_changes_nothing(tiny, tiny_data, tmp_path):
    first = train(tiny, tiny_data, tmp_path / "run", {"epochs": 1, "batch": 16})
    before = weights(tmp_path / "run")
    second = train(tiny, tiny_data, tmp_path / "run", resume=True)
    assert (second.accuracy, second.loss) == (first.accuracy, first.loss)
    assert weights(tmp_path / "run") == before
