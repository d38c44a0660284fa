"""Places in spec files, and the problems that are reported there.

Every user mistake becomes a `Problem`: a place, the rule broken with its values, and one hint.
Problems are collected, so that a file shows all its mistakes at once, and raised as one `SpecError`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A position in a spec file. `line` and `column` count from 1; `width` is what the carets underline."""

    file: str
    line: int
    column: int
    width: int = 1

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}" if self.line else self.file


#: The place of what no file holds: a command-line override, a graph built in Python.
NOWHERE = Place("<arguments>", 0, 0)


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake: where, what rule with which values, and what to do about it."""

    place: Place
    message: str
    hint: str = ""
    severity: str = "error"

    def as_dict(self) -> dict[str, str | int]:
        """The machine-readable twin that `--json` prints."""
        return {
            "file": self.place.file,
            "line": self.place.line,
            "column": self.place.column,
            "severity": self.severity,
            "message": self.message,
            "hint": self.hint,
        }

    def render(self, source: str | None = None) -> str:
        """The problem as text, with the line it stands on and carets under the place."""
        head = f"{self.place}: {self.severity}: {self.message}"
        lines = source.splitlines() if source else []
        if not 0 < self.place.line <= len(lines):
            return head + (f"\n  hint: {self.hint}" if self.hint else "")
        number = f"{self.place.line:5d}"
        line = lines[self.place.line - 1].expandtabs(1)
        carets = "^" * max(1, min(self.place.width, len(line) - self.place.column + 1))
        under = " " * (self.place.column - 1) + carets + (f" {self.hint}" if self.hint else "")
        return f"{head}\n{number} | {line}\n{' ' * 5} | {under}"


class SpecError(Exception):
    """All problems found in a spec. `sources` maps file names to their text, for the excerpts."""

    def __init__(self, problems: Iterable[Problem], sources: Mapping[str, str] | None = None) -> None:
        self.problems = tuple(dict.fromkeys(problems))
        self.sources = dict(sources or {})
        super().__init__(self.render())

    def render(self, limit: int = 20) -> str:
        """All problems as text, at most `limit` of them."""
        shown = [p.render(self.sources.get(p.place.file)) for p in self.problems[:limit]]
        more = len(self.problems) - limit
        return "\n".join(shown + ([f"and {more} more"] if more > 0 else []))


class Exhausted(SpecError):
    """A limit is reached: what comes after is not looked at."""


def fail(place: Place, message: str, hint: str = "") -> SpecError:
    """The error for a single problem, to be raised by the caller."""
    return SpecError([Problem(place, message, hint)])


def suggest(word: str, known: Iterable[str]) -> str:
    """The hint for a misspelt `word`: the nearest known one, or the list when it is short."""
    names = sorted({str(k) for k in known})
    if near := get_close_matches(word, names, n=1, cutoff=0.6):
        return f"did you mean '{near[0]}'?"
    if names and len(", ".join(names)) <= 100:
        return "known: " + ", ".join(names)
    return ""
