"""A backend's first step in a process of its own: the time to compile with and without a cache, and the memory.

    python -m graphwright.backends.fresh ORDER.json     # prints a JSON object

Cold is a fresh process with empty caches of inductor and Triton, warm a second one with the caches of the first.
"""

from __future__ import annotations

import ctypes
import gc
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from graphwright.backends.examples import example_inputs
from graphwright.backends.options import Options
from graphwright.backends.stepping import Step, sizes_at
from graphwright.compiler.ir.graph import Graph
from graphwright.compiler.ir.text import dump, parse
from graphwright.compiler.lowering.lower import lower
from graphwright.compiler.places import SpecError

#: Variables that name the caches of compiled code.
CACHES = ("TORCHINDUCTOR_CACHE_DIR", "TRITON_CACHE_DIR")


def first_steps(
    graph: Graph, name: str, batches: Sequence[int], backward: bool, device: str, threads: int, options: Options,
    cache: Path,
) -> list[dict[str, Any]]:  # fmt: skip
    """For each batch {seconds, memory} of a fresh process, or {error}, with the caches kept in `cache`."""
    order = {
        "graph": dump(graph), "backend": name, "batches": list(batches), "backward": backward, "device": device,
        "threads": threads, "options": asdict(options),
    }  # fmt: skip
    environment = {**os.environ, **{key: str(cache / key.lower()) for key in CACHES}, "OMP_NUM_THREADS": str(threads)}
    with tempfile.TemporaryDirectory(prefix="graphwright-") as folder:
        path = Path(folder) / "order.json"
        path.write_text(json.dumps(order), encoding="utf-8")
        words = [sys.executable, "-W", "ignore", "-m", "graphwright.backends.fresh", str(path)]
        done = subprocess.run(words, env=environment, capture_output=True, text=True, check=False)
    lines = done.stdout.splitlines()
    if done.returncode or not lines:
        last = (done.stderr.strip().splitlines() or ["no word"])[-1]
        return [{"error": f"the process ended with {done.returncode}: {last}"} for _ in batches]
    found: list[dict[str, Any]] = json.loads(lines[-1])
    return found


def serve(order: dict[str, Any]) -> list[dict[str, Any]]:
    """What the fresh process does."""
    torch.set_num_threads(order["threads"])
    graph, options = parse(order["graph"]), Options(**order["options"])
    module = lower(graph, device=order["device"])
    found: list[dict[str, Any]] = []
    for batch in order["batches"]:
        torch._dynamo.reset()
        inputs = example_inputs(graph, sizes_at(graph, batch), device=order["device"])
        try:
            step = Step(order["backend"], *options.place(module, inputs), graph, options, order["backward"])
            found.append({"seconds": step.first, "memory": peak(step)})
        except Exception as error:  # whatever it is, it is this backend's answer
            found.append({"error": reason(error)})
    return found


def peak(step: Step) -> int | None:
    """Bytes: on CUDA the most that was allocated since the process began, weights and compiling included; on the CPU by
    how much the process grows in a step, which Linux alone tells.
    """
    if step.device.type == "cuda":
        return int(torch.cuda.max_memory_allocated(step.device))
    reset, status = Path("/proc/self/clear_refs"), Path("/proc/self/status")
    if not status.exists():
        return None
    step.module.zero_grad(set_to_none=True)
    gc.collect()
    try:
        ctypes.CDLL(None).malloc_trim(0)  # memory that was freed is given back, or a step would take it unseen
        reset.write_text("5")  # the high-water mark starts anew
    except (OSError, AttributeError):
        return None
    before = _kilobytes(status.read_text(), "VmRSS")
    step()
    return 1024 * max(0, _kilobytes(status.read_text(), "VmHWM") - before)


def _kilobytes(status: str, key: str) -> int:
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith(key + ":"))


def reason(error: Exception) -> str:
    """An error in one line."""
    if isinstance(error, SpecError):
        return error.problems[0].message
    lines = [line.strip() for line in str(error).splitlines() if line.strip() and not line.endswith("raised:")]
    return lines[0] if lines else type(error).__name__


if __name__ == "__main__":
    print(json.dumps(serve(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")))))
