"""The arguments of copies in series, as functions of the copy's number or as lists."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from graphwright.compiler.outline.arguments import ABSENT, Hole, Pieces, Word, constant, number, same

#: The values of one argument: for each member those of its copies, None where the series is left out.
Rows = list[list[Any] | None]


@dataclass(eq=False)
class Series:
    """One `repeat` in the making."""

    count: Hole
    index: Word
    #: It has series inside: a stage of blocks rather than a block.
    stage: bool = False
    lists: list[tuple[Word, Hole, Rows]] = field(default_factory=list)
    indexed: bool = False

    def fill(self, hole: Hole, rows: Rows) -> list[Hole]:
        """Give `hole`, which stands in the copies, its form; what that leaves open around the series is returned."""
        values = [[v for v in r or () if v is not ABSENT] for r in rows]
        if all(constant(v) for v in values):
            hole.values = [v[0] if v else ABSENT for v in values]
            return [hole]
        if self._listed_before(hole, rows):
            return []
        rows = _filled(rows, next(v[0] for v in values if v))
        for attempt in (self._by_parts, self._steps, self._ramp):
            found = attempt(hole, rows)
            if found is not None:
                return found
        return self._list(hole, rows)

    def _listed_before(self, hole: Hole, rows: Rows) -> bool:
        """Whether it is a list bound already, or a multiple of it."""
        for word, _, other in self.lists:
            pairs = [(v, o) for r, q in zip(rows, other, strict=True) for v, o in zip(r or (), q or (), strict=True)
                     if v is not ABSENT and o is not ABSENT]  # fmt: skip
            factor = _factor(pairs)
            if factor is not None:
                hole.form = word if factor == 1 else (f"{factor} * ", word)
                return True
        return False

    def _by_parts(self, hole: Hole, rows: Rows) -> list[Hole] | None:
        """One value in the first copy and another in the rest; or values that alternate."""
        known = [r for r in rows if r]
        flags = all(isinstance(v, bool) for r in known for v in r)
        if not flags and len(known) == 1 and (self.stage or len(known[0]) == 2):
            return None  # a short list says it better
        for modulo in (False, True):
            if all(same(r[k], r[k % 2 if modulo else 1]) for r in known for k in range(1, len(r))):
                return self._choice(hole, rows, modulo)
        return None

    def _choice(self, hole: Hole, rows: Rows, modulo: bool) -> list[Hole]:
        first = Hole([r[0] if r else ABSENT for r in rows], hole.name, hole.owner)
        rest = Hole([r[1] if r and len(r) > 1 else ABSENT for r in rows], hole.name, hole.owner)
        self.indexed = True
        flags = all(isinstance(v, bool) for v in (*first.known, *rest.known))
        if flags and constant(first.known) and constant(rest.known):
            test = (" % 2 == 0" if modulo else " == 0") if first.known[0] else (" % 2 == 1" if modulo else " > 0")
            hole.form = (self.index, test)
            return []
        if flags and constant(rest.known) and not rest.known[0]:
            hole.form = (first, " and ", self.index, " % 2 == 0" if modulo else " == 0")
            return [first]
        if flags and constant(first.known) and not first.known[0]:
            hole.form = (rest, " and ", self.index, " % 2 == 1" if modulo else " > 0")
            return [rest]
        hole.form = (
            (rest, " if ", self.index, " % 2 else ", first) if modulo
            else (first, " if ", self.index, " == 0 else ", rest)
        )  # fmt: skip
        return [first, rest]

    def _steps(self, hole: Hole, rows: Rows) -> list[Hole] | None:
        """Whole numbers at equal distance."""
        known = [r for r in rows if r]
        if max(map(len, known)) < 3 or not all(type(v) is int for r in known for v in r):
            return None
        step = next(r[1] - r[0] for r in known if len(r) > 1)
        if any(v != r[0] + step * k for r in known for k, v in enumerate(r)):
            return None
        start = Hole([r[0] if r else ABSENT for r in rows], hole.name, hole.owner)
        self.indexed = True
        product: Pieces = (self.index,) if step == 1 else (f"{step} * ", self.index)
        if constant(start.known) and start.known[0] == 0:
            hole.form = product
            return []
        hole.form = (start, " + ", *product)
        return [start]

    def _ramp(self, hole: Hole, rows: Rows) -> list[Hole] | None:
        """A rate that grows evenly through all copies, those of other stages included; the floats come out exactly."""
        known = [r for r in rows if r]
        total = sum(map(len, known)) - 1
        if total < 2 or not all(type(v) is float for r in known for v in r):
            return None
        rate, at = known[-1][-1], 0
        starts: list[Any] = []
        for row in rows:
            if any(v != rate * (at + k) / total for k, v in enumerate(row or ())):
                return None
            starts.append(at if row else ABSENT)
            at += len(row or ())
        self.indexed = True
        start = Hole(starts, "start", hole.owner)
        if len(known) == 1:
            hole.form = (f"{number(rate)} * ", self.index, f" / {total}")
            return []
        hole.form = (f"{number(rate)} * (", start, " + ", self.index, f") / {total}")
        return [start]

    def _list(self, hole: Hole, rows: Rows) -> list[Hole]:
        """A name bound to one value a copy."""
        word = Word(hole.owner if hole.name == "if" else hole.name)
        column = Hole([tuple(r) if r else ABSENT for r in rows], hole.name, hole.owner, listed=True)
        self.lists.append((word, column, rows))
        hole.form = word
        return [column]

    @property
    def holes(self) -> list[Hole]:
        """How many copies there are, unless a list says so."""
        return [] if self.lists and not self.indexed else [self.count]


def _filled(rows: Rows, value: Any) -> Rows:
    """The rows with values for copies that have none: the next copy's."""
    found: Rows = []
    for row in rows:
        new: list[Any] = []
        for item in reversed(row or []):
            value = item if item is not ABSENT else value
            new.insert(0, value)
        found.append(new if row is not None else None)
    return found


def _factor(pairs: list[tuple[Any, Any]]) -> int | None:
    """The whole number that every first value is of the second; 1 if they are equal."""
    if all(same(v, o) for v, o in pairs):
        return 1
    if not all(type(v) is int and type(o) is int for v, o in pairs) or not pairs[0][1]:
        return None
    factor: int = pairs[0][0] // pairs[0][1]
    return factor if factor > 1 and all(v == factor * o for v, o in pairs) else None
