"""A run folder: the resolved spec, what was run with which versions, metrics, checkpoints and the trained weights.

spec.gw  spec.yaml  run.json  metrics.jsonl  events.out.tfevents.*  curves.png  checkpoints/  model.safetensors
and of a run with a guide  guide.gw  guide.safetensors
"""

from __future__ import annotations

import dataclasses
import importlib.metadata
import json
import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from graphwright.analyses.alignment.guide import Guide
from graphwright.backends.weights import read
from graphwright.compiler.ir.graph import Graph
from graphwright.compiler.ir.text import dump, parse
from graphwright.compiler.ir.verify import BrokenGraph, verify
from graphwright.compiler.places import NOWHERE, fail
from graphwright.training.checkpoint import pack, write_file
from graphwright.training.data.split import Scaling, Want
from graphwright.training.recipe import Recipe

VERSIONS = ("graphwright", "torch", "accelerate", "numpy", "safetensors", "pillow")


@dataclass(frozen=True)
class Record:
    """What `run.json` says. `structure` is the structural hash of the training graph."""

    spec: str
    structure: str
    task: str
    recipe: Recipe
    data: str
    classes: tuple[str, ...]
    samples: tuple[int, int]
    scaling: Scaling
    want: Want

    def as_json(self) -> dict[str, Any]:
        """Plain data, with the versions and the machine that made it."""
        return {
            "spec": self.spec,
            "structure": self.structure,
            "task": self.task,
            "recipe": self.recipe.as_dict(),
            "data": {"source": self.data, "train": self.samples[0], "test": self.samples[1], "classes": self.classes},
            "scaling": dataclasses.asdict(self.scaling),
            "input": {"shape": self.want.shape, "dtype": str(self.want.dtype).removeprefix("torch.")},
            "versions": {"python": platform.python_version()} | {n: _version(n) for n in VERSIONS},
            "threads": torch.get_num_threads(),
        }

    @staticmethod
    def from_json(record: dict[str, Any]) -> Record:
        """The inverse of `as_json`."""
        data, scaling, entry = record["data"], record["scaling"], record["input"]
        return Record(
            spec=record["spec"],
            structure=record["structure"],
            task=record["task"],
            recipe=Recipe.from_dict(record["recipe"]),
            data=data["source"],
            classes=tuple(data["classes"]),
            samples=(data["train"], data["test"]),
            scaling=Scaling(tuple(scaling["mean"]), tuple(scaling["deviation"])),
            want=Want(tuple(entry["shape"]), getattr(torch, entry["dtype"])),
        )


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"


@dataclass(frozen=True)
class Run:
    """Where the files of a run lie."""

    path: Path

    @property
    def checkpoints(self) -> Path:
        return self.path / "checkpoints"

    @property
    def metrics(self) -> Path:
        return self.path / "metrics.jsonl"

    @property
    def weights(self) -> Path:
        return self.path / "model.safetensors"

    @property
    def exists(self) -> bool:
        """Whether a run was begun here. `run.json` is written last, so all else is there with it."""
        return (self.path / "run.json").is_file()

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keeps other processes from training in this folder. The system lets go of it however this process ends."""
        try:
            self.checkpoints.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise fail(NOWHERE, f"{self.path} cannot be made: {error.strerror}", "choose another -o") from None
        if os.name != "posix":
            yield
            return
        import fcntl

        handle = os.open(self.path, os.O_RDONLY)
        try:
            with suppress(OSError):  # some network folders have no locks
                try:
                    fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    raise fail(NOWHERE, f"another process is training in '{self.path}'",
                               "wait until it has ended, or choose another -o") from None  # fmt: skip
            yield
        finally:
            os.close(handle)

    def create(
        self, record: Record, graph: Graph, guide: Guide | None, spec: Path | None, keep_metrics: bool = False
    ) -> None:
        """Begin a run, or write down that it goes on with another spec or recipe."""
        write_file(self.path / "spec.gw", dump(graph).encode())
        if guide is not None:
            write_file(self.path / "guide.gw", dump(guide.graph).encode())
            write_file(self.path / "guide.safetensors", pack(guide.weights))
        if spec is not None:
            write_file(self.path / "spec.yaml", spec.read_bytes())
        if not keep_metrics:
            self.metrics.unlink(missing_ok=True)
        write_file(self.path / "run.json", json.dumps(record.as_json(), indent=1).encode())

    def record(self) -> Record:
        """What was run."""
        if not self.exists:
            raise fail(NOWHERE, f"'{self.path}' is no run folder: it has no run.json", "train with -o makes one")
        try:
            return Record.from_json(json.loads((self.path / "run.json").read_bytes()))
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise fail(NOWHERE, f"{self.path / 'run.json'} is damaged: {error}", "train again") from None

    def graph(self) -> Graph:
        """The resolved spec, as it was loaded for training."""
        try:
            return verify(parse((self.path / "spec.gw").read_text()))
        except OSError as error:
            raise fail(NOWHERE, f"{self.path / 'spec.gw'} cannot be read: {error.strerror}", "train again") from None
        except (ValueError, BrokenGraph) as error:
            raise fail(NOWHERE, f"{self.path / 'spec.gw'} is damaged: {error}", "train again") from None

    def guide(self) -> Guide:
        """The guide that the run began with."""
        graph, weights = self.path / "guide.gw", self.path / "guide.safetensors"
        try:
            return Guide(parse(graph.read_text()), read(weights), True)
        except OSError as error:
            raise fail(NOWHERE, f"{graph} cannot be read: {error.strerror}", "train again") from None
        except ValueError as error:
            raise fail(NOWHERE, f"{graph} is damaged: {error}", "train again") from None


# -- metrics ----------------------------------------------------------------------------------
def read_metrics(path: Path) -> list[dict[str, Any]]:
    """The lines of `metrics.jsonl`; a last line that was cut off is left out."""
    found = []
    for line in path.read_text().splitlines() if path.exists() else []:
        try:
            found.append(json.loads(line))
        except ValueError:
            break
    return found


def truncate_metrics(path: Path, step: int) -> None:
    """Forget the lines after a step: a resumed run writes them again."""
    kept = [line for line in read_metrics(path) if line["step"] <= step]
    write_file(path, "".join(json.dumps(line) + "\n" for line in kept).encode())
