"""Time to the first step of a compiled model, ours against timm's, each in a fresh process with empty caches.

    python -m benchmarks.compile_time MODEL [--train] [--batch 2] [--size 224] [--runs 5] [--threads 2] [--device cpu]

One model at a time. `timm` is the hand-written module under `torch.compile`; `whole` and `regional` are the spec's
lowered model, as one graph and by regions; all have the same initial weights' shapes and see the same images. A run is
two processes with one cache folder, which is their folder for temporary files too, since torch keeps compiled headers
there: the first finds it empty (cold), the second full (warm); the first also times the steady step. The time to the
first step is that of making the model, from its file or its class, and of the step. What is measured is kept in
benchmarks/results/compile_time.json after every process, and a second call goes on from there. Ratios are of medians,
ours over timm.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import torch

from graphwright.backends import inductor
from graphwright.compiler.language.load import load
from graphwright.compiler.lowering.lower import lower
from graphwright.compiler.lowering.regional.module import Regional
from tests.oracles import reference_model

RESULTS = Path(__file__).parent / "results" / "compile_time.json"
FORMS = ("timm", "whole", "regional")
#: What makes up the time to the first step.
FIRST = ("build_s", "first_s")
#: What a spec is set to to be a model of timm that has no spec of its own.
PARAMS: dict[str, tuple[str, dict[str, str]]] = {
    "vit_large_patch16_224": ("vit_base_patch16_224", {"dim": "1024", "depth": "24", "heads": "16"}),
}
WARM_UP, STEPS = 3, 20


def measure(name: str, form: str, args: argparse.Namespace) -> dict[str, Any]:
    """In this process: seconds to build and to the first step, and the median of later steps."""
    torch.set_num_threads(args.threads)
    torch.manual_seed(0)
    images = torch.randn(args.batch, 3, args.size, args.size, device=args.device)
    extra = {"img_size": args.size} if "vit" in name else {}
    start = time.perf_counter()
    if form == "timm":
        model: Any = torch.compile(reference_model("timm", name, **extra).to(args.device), fullgraph=True)
    else:
        spec, params = PARAMS.get(name, (name, {}))
        graph = load(spec, params | ({"size": str(args.size)} if extra else {}))
        module = lower(graph, device=args.device)
        model = inductor.compile(module, (images,), graph, regions=form)  # type: ignore[arg-type]
    model.train(args.train)
    built = time.perf_counter() - start
    times = []
    for _ in range(1 + WARM_UP + STEPS):
        start = time.perf_counter()
        _step(model, images, args.train)
        times.append(time.perf_counter() - start)
    steady = times[1 + WARM_UP :]
    return {
        "build_s": built, "first_s": times[0], "step_ms": 1e3 * statistics.median(steady),
        "step_quartiles_ms": [1e3 * q for q in statistics.quantiles(steady, n=4)],
        "graphs": int(torch._dynamo.utils.counters["stats"]["unique_graphs"]),
        "regions": [region.told() for region in model.regions] if isinstance(model, Regional) else [],
    }  # fmt: skip


def _step(model: Any, images: torch.Tensor, train: bool) -> None:
    with torch.set_grad_enabled(train):
        result = model(images)
        if train:
            model.zero_grad(set_to_none=True)
            result.sum().backward()
    if images.is_cuda:
        torch.cuda.synchronize()


def in_fresh_process(name: str, form: str, cache: str, args: argparse.Namespace) -> dict[str, Any]:
    """`measure` in a process of its own that keeps what it compiles in `cache`."""
    keys = {"TORCHINDUCTOR_CACHE_DIR": cache, "TRITON_CACHE_DIR": str(Path(cache) / "triton"), "TMPDIR": cache}
    environment = {**os.environ, **keys, "OMP_NUM_THREADS": str(args.threads)}
    words = [sys.executable, "-W", "ignore", "-m", "benchmarks.compile_time", *sys.argv[1:], "--form", form]
    done = subprocess.run(words, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{name} {form}: {done.stderr.strip().splitlines()[-1]}")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def summary(runs: dict[str, list[dict[str, Any]]]) -> dict[str, float]:
    """The ratios, from medians over runs."""

    def median(form: str, when: str, *parts: str) -> float:
        return statistics.median(sum(run[when][part] for part in parts) for run in runs[form])

    found = {}
    for form in FORMS[1:]:
        for when in ("cold", "warm"):
            found[f"{when}_{form}_over_timm"] = median(form, when, *FIRST) / median("timm", when, *FIRST)
        found[f"step_{form}_over_timm"] = median(form, "cold", "step_ms") / median("timm", "cold", "step_ms")
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("model")
    parser.add_argument("--train", action="store_true")
    parser.add_argument("--batch", type=int, default=2)
    parser.add_argument("--size", type=int, default=224)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--form", choices=FORMS, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.form:
        print(json.dumps(measure(args.model, args.form, args)))
        return
    key = f"{args.model} {'train' if args.train else 'infer'} {args.device} {args.batch}x{args.size}"
    found = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    entry = found.setdefault(key, {
        "torch": torch.__version__, "processor": platform.processor() or platform.machine(), "threads": args.threads,
        "runs": {form: [] for form in FORMS},
    })  # fmt: skip
    for index in range(args.runs):
        for form in FORMS if index % 2 == 0 else reversed(FORMS):  # what else the machine does meets all of them
            if len(entry["runs"][form]) > index:
                continue
            with tempfile.TemporaryDirectory(prefix="compile-time-") as cache:
                pair = {when: in_fresh_process(args.model, form, cache, args) for when in ("cold", "warm")}
            entry["runs"][form].append(pair)
            cold, warm = (sum(pair[when][part] for part in FIRST) for when in ("cold", "warm"))
            print(f"{key:48} {form:9} cold {cold:7.1f} s  warm {warm:6.1f} s  step {pair['cold']['step_ms']:8.1f} ms",
                  flush=True)  # fmt: skip
            RESULTS.parent.mkdir(exist_ok=True)
            RESULTS.write_text(json.dumps(found, indent=1) + "\n")
    entry["ratios"] = summary(entry["runs"])
    RESULTS.write_text(json.dumps(found, indent=1) + "\n")
    print("\n".join(f"  {name:28} {ratio:.2f}" for name, ratio in entry["ratios"].items()))


if __name__ == "__main__":
    main()
