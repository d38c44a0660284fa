"""Every architecture family of timm, and torchvision's models: imported, written as YAML, read back, lowered, compared.

    python -m benchmarks.timm_import [--only convnext,swin] [--again] [--limit 900]

A family is one file of `timm/models`; its smallest model stands for it, at its default size, with random weights. The
output of the spec that was read back is compared with the model's own, in eval mode, on a batch of two, and in training
mode by the import's certificate. The table is written after each model, so a run can be stopped and taken up; `--again`
repeats those that were not equal.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import platform
import statistics
import tempfile
import time
import warnings
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any

import torch

RESULTS = Path(__file__).parent / "results" / "timm-import.json"


def timm_families() -> dict[str, list[str]]:
    """The names of timm's models by the file that defines them."""
    timm = _library("timm")
    found: dict[str, list[str]] = {}
    for name in timm.list_models():
        found.setdefault(timm.models.model_entrypoint(name).__module__.rpartition(".")[2], []).append(name)
    return dict(sorted(found.items()))


def smallest(names: list[str]) -> str:
    """The model with the fewest parameters, counted without allocating any where the model allows."""
    timm = _library("timm")
    counts = []
    for name in names:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                with torch.device("meta"):
                    model = timm.create_model(name)
            except (NotImplementedError, RuntimeError):  # some models compute with their weights when they are made
                model = timm.create_model(name)
        counts.append((sum(p.numel() for p in model.parameters()), name))
    return min(counts)[1]


def torchvision_families() -> dict[str, str]:
    """The smallest of torchvision's classification, segmentation and SSD models for each file that defines them."""
    models = _library("torchvision.models")
    names = [*models.list_models(models), *models.list_models(models.segmentation)]
    found: dict[str, tuple[int, str]] = {}
    for name in [*names, "ssd300_vgg16", "ssdlite320_mobilenet_v3_large"]:
        kinds = list(models.get_model_weights(name))
        size = kinds[-1].meta["num_params"] if kinds else 0
        family = models.get_model_builder(name).__module__.rpartition(".")[2]
        if size:
            found[family] = min(found.get(family, (size, name)), (size, name))
    return {family: name for family, (_, name) in sorted(found.items())}


def _library(name: str) -> Any:
    from graphwright.sources.libraries import optional

    return optional(name, name)


def measure(source: str) -> dict[str, Any]:
    """Import one model, round it through a YAML file, and compare the outputs."""
    from graphwright.compiler.language.load import load
    from graphwright.compiler.language.writing import LEVELS, proved
    from graphwright.compiler.places import SpecError
    from graphwright.doors import build
    from graphwright.sources import find
    from graphwright.sources.found import Wish

    torch.set_num_threads(1)
    start = time.perf_counter()
    try:
        found = find(source, Wish())
    except SpecError as error:
        return {"result": "not imported", "reasons": [str(p.message)[:300] for p in error.problems]}
    assert found.graph is not None
    assert found.certificate is not None
    imported = time.perf_counter() - start
    try:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "model.yaml"
            text, steps = proved(found.graph)
            path.write_text(text, encoding="utf-8")
            graph = load(path)
    except SpecError as error:
        return {"result": "not written", "reasons": [str(p.message)[:300] for p in error.problems[:5]]}
    same = graph.nodes == found.graph.nodes
    eval_, train = found.certificate.eval, found.certificate.train
    report = {
        "nodes": len(graph.nodes), "ops": len({n.op.name for n in graph.nodes}), "lines": text.count("\n"),
        "input": str(graph.inputs[0].type), "read back equal": same,
        "parameters": sum(v.numel() for k, v in found.weights.items() if _trained(graph, k)),
        "seconds": round(imported, 1),
    }  # fmt: skip
    if not same:
        build(graph, weights=found.weights)  # what differs is in the order alone, or the state would not fit
    assert eval_ is not None
    assert train is not None
    verdict = "equal bit for bit" if eval_.bitwise else f"largest relative difference {eval_.relative:.2g}"
    return {
        **report, "result": (eval_.note or verdict) if same else "another graph read back",
        "train": "equal bit for bit" if train.bitwise else train.note or f"relative difference {train.relative:.2g}",
        **({"written with": str(steps)} if steps != LEVELS[0] else {}),
        **({"note": found.certificate.torch_export} if found.certificate.torch_export else {}),
        **({"added": len(found.certificate.added)} if found.certificate.added else {}),
    }  # fmt: skip


def _trained(graph: Any, key: str) -> bool:
    owner, _, leaf = key.rpartition(".")
    node = graph.by_name.get(owner) or graph.by_name.get(key)
    return node is not None and (node.op.name == "parameter" or any(n == leaf for n, _ in node.parameters))


class Worker:
    """One process that measures models, replaced when a model takes too long or takes it down."""

    def __init__(self, limit: float) -> None:
        self.limit = limit
        self.pool: ProcessPoolExecutor | None = None

    def run(self, source: str) -> dict[str, Any]:
        self.pool = self.pool or ProcessPoolExecutor(1, multiprocessing.get_context("spawn"))
        try:
            return self.pool.submit(measure, source).result(timeout=self.limit)
        except TimeoutError:
            self.stop()
            return {"result": "not imported", "reasons": [f"not done after {self.limit:.0f} s"]}
        except BrokenProcessPool:
            self.stop()
            return {"result": "not imported", "reasons": ["the process ended; was memory short?"]}
        except Exception as error:  # a defect of ours: it belongs in the table
            return {"result": "defect", "reasons": [f"{type(error).__name__}: {error}"[:300]]}

    def stop(self) -> None:
        if self.pool is not None:
            for process in list(self.pool._processes.values()):
                process.kill()
            self.pool.shutdown(wait=False, cancel_futures=True)
            self.pool = None


def summary(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """How many families came out how, by library."""
    found: dict[str, Any] = {}
    for library in sorted({r["library"] for r in rows}):
        mine = [r for r in rows if r["library"] == library]
        found[library] = {
            "families": len(mine),
            "equal bit for bit": sum(r["result"] == "equal bit for bit" for r in mine),
            "train equal bit for bit": sum(r.get("train") == "equal bit for bit" for r in mine),
            "others": {r["family"]: r["result"] for r in mine if r["result"] != "equal bit for bit"},
            "median lines": statistics.median([r["lines"] for r in mine if "lines" in r] or [0]),
        }
    return found


def unequal(row: dict[str, Any]) -> bool:
    """Whether a model is another one, or not compared, in either mode."""
    return not row["result"] == row.get("train") == "equal bit for bit"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default="", help="families, with commas between")
    parser.add_argument("--again", action="store_true", help="repeat those that were not equal")
    parser.add_argument("--limit", type=float, default=900, help="seconds a model may take")
    args = parser.parse_args()
    table = json.loads(RESULTS.read_text()) if RESULTS.exists() else {"models": []}
    done = {(r["library"], r["family"]): r for r in table["models"]}
    known = {(r["library"], r["family"]): r["model"] for r in table["models"]}
    wanted: dict[tuple[str, str], Any] = {("timm", f): n for f, n in timm_families().items()}
    wanted |= {("torchvision", f): n for f, n in torchvision_families().items()}
    only = set(filter(None, args.only.split(",")))
    worker = Worker(args.limit)
    for key, names in wanted.items():
        if only and key[1] not in only:
            continue
        if not only and key in done and not (args.again and unequal(done[key])):
            continue
        model = known.get(key) or (names if isinstance(names, str) else smallest(names))
        done[key] = {"library": key[0], "family": key[1], "model": model, **worker.run(f"{key[0]}:{model}")}
        print(json.dumps(done[key]), flush=True)
        rows = [done[k] for k in sorted(done)]
        versions = {"torch": torch.__version__, "timm": _library("timm").__version__, "machine": platform.machine()}
        table = {"versions": versions, "summary": summary(rows), "models": rows}
        RESULTS.write_text(json.dumps(table, indent=1) + "\n")
    worker.stop()


if __name__ == "__main__":
    main()
