"""What a person sees of a run, on stderr: a live bar at a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from typing import Protocol

import psutil
import torch
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

#: Seconds between two plain lines.
QUIET = 10.0
#: Figures that have a place in a line of 80 columns.
SHORT = {"loss": "loss", "accuracy": "acc"}


class View(Protocol):
    """How a run shows itself."""

    def advance(self, label: str, done: int, total: int, figures: Mapping[str, float] | None = None) -> None: ...
    def say(self, text: str) -> None: ...
    def close(self) -> None: ...


def view_of(rank: int) -> View:
    """A bar on a terminal for the first process; plain lines otherwise."""
    return Bar() if rank == 0 and sys.stderr.isatty() else Lines(rank)


def phrase(figures: Mapping[str, float]) -> str:
    """Figures as one short line: `loss 0.412  acc 0.871  1,204/s  612 MB`."""
    words = []
    for name, value in figures.items():
        if name == "items_per_second":
            words.append(f"{value:,.0f}/s")
        elif name == "memory":
            words.append(f"{value / 1e6:,.0f} MB")
        elif name in SHORT:
            words.append(f"{SHORT[name]} {value:.3f}")
    return "  ".join(words)


def memory(device: torch.device) -> float:
    """Bytes in use: of the accelerator at its peak, else of this process."""
    if device.type == "cuda":
        return float(torch.cuda.max_memory_allocated(device))
    return float(psutil.Process().memory_info().rss)


class Bar:
    """A live bar: what is done, the figures, the time left."""

    def __init__(self) -> None:
        columns = (
            TextColumn("{task.description}"), BarColumn(bar_width=10), TextColumn("{task.completed}/{task.total}"),
            TextColumn("{task.fields[figures]}"), TimeRemainingColumn(), TextColumn("left"),
        )  # fmt: skip
        self.progress = Progress(*columns, console=Console(stderr=True))
        self.tasks: dict[str, TaskID] = {}
        self.progress.start()

    def advance(self, label: str, done: int, total: int, figures: Mapping[str, float] | None = None) -> None:
        """Move the bar of this label, making it first where it is new (the speed counts from there)."""
        if label not in self.tasks:
            self.tasks[label] = self.progress.add_task(label, total=total, completed=done, figures="")
        task = self.tasks[label]
        self.progress.update(task, completed=done)
        if figures:
            self.progress.update(task, figures=phrase(figures))

    def say(self, text: str) -> None:
        """A line above the bar."""
        self.progress.console.print(text, markup=False, highlight=False)

    def close(self) -> None:
        """Leave the terminal as it was found."""
        self.progress.stop()


class Lines:
    """Plain lines, the live figures at most every few seconds; processes but the first say who they are."""

    def __init__(self, rank: int) -> None:
        self.head = f"[rank {rank}] " if rank else ""
        self.shown = time.monotonic()
        self.figures: Mapping[str, float] = {}

    def advance(self, label: str, done: int, total: int, figures: Mapping[str, float] | None = None) -> None:
        """A line, if the last is some time ago."""
        now = time.monotonic()
        self.figures = figures or self.figures
        if not self.head and now - self.shown > QUIET:
            self.shown = now
            self.say(f"{label} {done}/{total}  {phrase(self.figures)}".rstrip())

    def say(self, text: str) -> None:
        """A line at once."""
        print(self.head + text, file=sys.stderr, flush=True)

    def close(self) -> None:
        """Nothing to leave."""
