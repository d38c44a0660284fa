"""The law of every spec, however hostile: `graphwright check` accepts it or refuses it with places, in bounded time and
memory, running and writing nothing. What it accepts can be written, printed, drawn and turned into Python."""

from __future__ import annotations

import ast
import contextlib
import functools
import io
import re
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

import typer

from graphwright.backends.drawing import write as draw
from graphwright.backends.source.write import source
from graphwright.commands.checking import check
from graphwright.compiler.ir.text import dump, parse
from graphwright.compiler.language import library
from graphwright.compiler.language.load import load
from graphwright.compiler.language.writing import faithful
from graphwright.compiler.places import SpecError
from tests.hostile.mutators import Mutant, written
from tests.hostile.watch import SECONDS, bounded, watched

#: What becomes of a spec, but for a finding.
OUTCOMES = ("accepted", "refused")
HEAD = re.compile(r"^(?P<file>.+?)(:(?P<line>\d+):(?P<column>\d+))?: error: .", re.MULTILINE)
#: Specs of at most so many nodes are also written, drawn, and so on.
SMALL = 150


@dataclass(frozen=True)
class Verdict:
    """`accepted` or `refused`, or else what was found, with the place in the code."""

    outcome: str
    detail: str = ""

    @property
    def sound(self) -> bool:
        return self.outcome in OUTCOMES


def judge(path: Path, folder: Path, *, host: str = "", seconds: float = SECONDS, further: bool = True) -> Verdict:
    """The verdict on the spec in `path`, or on the model `host` with this file in place of the library's block."""
    err = io.StringIO()
    try:
        with watched(folder) as seen, bounded(seconds), contextlib.redirect_stderr(err), _in_place(path, host):
            code = _checked(host or str(path))
        problem = _mistold(code, err.getvalue(), path) if code == 2 else ""
        if code == 0 and further and not host:
            with watched() as more, bounded(4 * seconds):
                _further(path, folder)
            seen += more
    except Exception as error:
        return Verdict(type(error).__name__, _where(error))
    if seen:
        return Verdict("did something", "; ".join(seen[:3]))
    return Verdict("mistold", problem) if problem else Verdict("refused" if code == 2 else "accepted")


@functools.cache
def warm() -> None:
    """What torch imports at its first use is no part of a spec's time."""
    check(["lenet"])
    check(["swin_tiny_patch4_window7_224"])


def judge_mutant(found: Mutant, folder: Path) -> Verdict:
    """The verdict on a mutant."""
    warm()
    return judge(written(found, folder), folder, host=found.host)


def _checked(spec: str) -> int:
    """The exit code of `graphwright check`."""
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            check([spec])
    except typer.Exit as stop:
        return stop.exit_code
    except SpecError as error:
        print(error.render())
        return 2
    return 0


def _mistold(code: int, told: str, path: Path) -> str:
    """What is wrong with a refusal: it must name a file, and a line and column that the file has."""
    heads = list(HEAD.finditer(told))
    if not heads:
        return f"exit {code} without a place: {told[:200]!r}"
    lines = len(path.read_bytes().decode("utf-8", "replace").splitlines()) + 1
    for head in heads:
        if head["file"] == str(path) and head["line"] and not 1 <= int(head["line"]) <= lines:
            return f"line {head['line']} of {lines}: {head[0]!r}"
        if head["file"].startswith("<"):
            return f"no file is named: {told[head.start() : head.start() + 300]!r}"
    return ""


@contextlib.contextmanager
def _in_place(path: Path, host: str) -> Iterator[None]:
    """The library with this file in place of its own of the same name."""
    if not host:
        yield
        return
    with mock.patch.dict(library.shipped(), {path.stem: path}), mock.patch.object(library, "_shown", str):
        yield


def _further(path: Path, folder: Path) -> None:
    """What else can be made of an accepted spec; all of it within the folder."""
    graph = load(path)
    if len(graph.nodes) > SMALL:
        return
    assert parse(dump(graph)) == graph, "the print reads back as another graph"
    with contextlib.suppress(SpecError):
        faithful(graph)
    with contextlib.suppress(SpecError):
        draw(graph, folder / "out.svg")
    with contextlib.suppress(SpecError):
        ast.parse(source(graph))


def _where(error: BaseException) -> str:
    """The innermost frames, without paths of this machine."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [f for f in frames if f"{Path(f.filename).parent.name}" not in ("hostile",)][-6:]
    trail = " < ".join(f"{'/'.join(Path(f.filename).parts[-2:])}:{f.lineno} {f.name}" for f in reversed(ours))
    return f"{error!s:.300} @ {trail}"
