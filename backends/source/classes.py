"""Programs of equal structure as one class: what differs between its objects becomes arguments of the constructor.

Objects of a class agree in names, layers, calls and wiring, not in numbers. Scopes of one block, or of one place in the
spec, may also differ in parts that some of them leave out: such a part is `None` there, and its readers read what it
would have read.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from graphwright.backends.source.kinds import Chain, Layer, Made, Use
from graphwright.backends.source.merging import fullest
from graphwright.backends.source.program import Program, Step
from graphwright.backends.source.syntax import title


@dataclass(eq=False)
class Class:
    """A class: its objects, and the names of its parts in an order that suits all of them."""

    name: str
    origin: Any
    members: list[Program] = field(default_factory=list)
    state: list[str] = field(default_factory=list)
    steps: list[str] = field(default_factory=list)
    #: Parts that some objects lack, and what their readers read instead.
    otherwise: dict[str, str] = field(default_factory=dict)
    #: The arguments of its constructor, once they are known.
    arguments: list[Any] = field(default_factory=list)

    @property
    def results(self) -> list[str]:
        """What the outputs are called."""
        rows = zip(*(m.results for m in self.members), strict=True)
        return [fullest(row, self.otherwise) for row in rows]

    def step(self, key: str) -> Step:
        """A step, as the first object that has it takes it."""
        return next(m.steps[key] for m in self.members if key in m.steps)

    def made(self, key: str) -> Made:
        """What makes an attribute, in the first object that has it."""
        return next(m.state[key][0] for m in self.members if key in m.state)


class Differ(Exception):
    """Two programs cannot be objects of one class."""


class Classes:
    """All classes of a file, the inner ones first."""

    def __init__(self, taken: Sequence[str]) -> None:
        self.taken = set(taken)
        self.found: list[Class] = []

    def place(self, program: Program, wanted: str = "") -> Class:
        """The class of a program: one that it fits, or its own, called `wanted` or after its scope."""
        scope = program.part.scope
        block = scope.block if scope else ""
        origin = block or (scope.place if scope and scope.place.line else None)
        label = wanted or re.sub(r"\W*\d+$", "", program.part.path.rpartition(".")[2]) or _parent(program.part.path)
        for known in self.found:
            same = origin is not None and known.origin == origin
            if (
                same or ((known.origin is None or origin is None or not block) and known.name == title(label))
            ) and self._join(known, program, same):
                return known
        name = title(block.rpartition("/")[2] or label, self.taken)
        self.taken.add(name)
        made = Class(name, origin, [program], list(program.state), list(program.steps))
        self.found.append(made)
        return made

    def _join(self, known: Class, program: Program, same: bool) -> bool:
        try:
            otherwise = _aligned(known, program, same)
        except Differ:
            return False
        known.otherwise = otherwise
        known.state = _union(known.state, list(program.state))
        known.steps = _union(known.steps, list(program.steps))
        known.members.append(program)
        return True


def _parent(path: str) -> str:
    words = [w for w in path.split(".") if not w.isdigit()]
    return words[-1].rstrip("s") if words else "block"


def _union(first: list[str], second: list[str]) -> list[str]:
    """The keys of both, in an order that keeps that of each."""
    found = list(first)
    for place, key in enumerate(second):
        if key not in found:
            before = next((k for k in reversed(second[:place]) if k in found), None)
            found.insert(found.index(before) + 1 if before is not None else 0, key)
    return found


# -- comparison -------------------------------------------------------------------------------------
def _aligned(known: Class, program: Program, same: bool) -> dict[str, str]:
    """What readers of left-out parts read, if the program fits the class."""
    first = known.members[0]
    if len(first.inputs) != len(program.inputs) or len(first.outputs) != len(program.outputs):
        raise Differ
    gone = set(known.steps) ^ program.steps.keys()
    held = set(known.state) ^ program.state.keys()
    if ((gone or held) and not same) or held - gone:
        raise Differ
    if [k for k in known.steps if k in program.steps] != [k for k in program.steps if k in known.steps]:
        raise Differ
    for key in known.state:
        if key in program.state:
            _match_made(known.made(key), program.state[key][0])
    otherwise = dict(known.otherwise)
    left_out = [program.steps.get(key) or known.step(key) for key in gone]
    if any(not isinstance(step.targets, str) or step.temporaries for step in left_out):
        raise Differ
    optional = {f"<{step.targets}>" for step in left_out} | otherwise.keys()
    for key in known.steps:
        if key in program.steps:
            _match_steps(known.step(key), program.steps[key], optional, otherwise)
    for a, b in zip(known.results, program.results, strict=True):
        _match(ast.Name(a), ast.Name(b), optional, otherwise)
    if any(f"<{step.targets}>" not in otherwise for step in left_out):
        raise Differ
    place = {key: k for k, key in enumerate(_union(known.steps, list(program.steps)))}

    def at(value: str) -> int:
        return place.get(value[1:-1].partition(":")[0], -1)

    if any(at(instead) > at(whole) for whole, instead in otherwise.items()):
        raise Differ  # what readers would read instead is not there yet
    return otherwise


def _match_steps(mine: Step, theirs: Step, optional: set[str], otherwise: dict[str, str]) -> None:
    """Raises `Differ` unless two steps do the same with other numbers."""
    if mine.targets != theirs.targets or [n for n, _ in mine.temporaries] != [n for n, _ in theirs.temporaries]:
        raise Differ
    _match(mine.tree, theirs.tree, optional, otherwise)
    for (_, a), (_, b) in zip(mine.temporaries, theirs.temporaries, strict=True):
        _match(a, b, optional, otherwise)


def _match_made(a: Made, b: Made) -> None:
    if type(a) is not type(b):
        raise Differ
    if isinstance(a, Layer) and isinstance(b, Layer):
        if a.kind != b.kind:
            raise Differ
        _match(a.tree, b.tree, set(), {})
    elif isinstance(a, Use) and isinstance(b, Use):
        if a.kind is not b.kind:
            raise Differ
    elif isinstance(a, Chain) and isinstance(b, Chain):
        if copies(a) is not None and copies(a) is copies(b):
            return
        if len(a.elements) != len(b.elements):
            raise Differ
        for x, y in zip(a.elements, b.elements, strict=True):
            _match_made(x, y)


def copies(chain: Chain) -> Class | None:
    """The class of all elements of a chain, if it is one."""
    kinds = {id(e.kind): e.kind for e in chain.elements if isinstance(e, Use)}
    whole = len(kinds) == 1 and all(isinstance(e, Use) for e in chain.elements)
    return next(iter(kinds.values())) if whole else None


def _match(a: Any, b: Any, optional: set[str], otherwise: dict[str, str]) -> None:
    """Whether two trees are alike but for numbers, and but for reading past optional parts."""
    if isinstance(a, ast.Name) and isinstance(b, ast.Name):
        if a.id != b.id and not _skips(a.id, b.id, optional, otherwise):
            raise Differ
    elif type(a) is not type(b):
        raise Differ
    elif isinstance(a, ast.Constant):
        if isinstance(a.value, str) != isinstance(b.value, str):
            raise Differ
    elif isinstance(a, ast.AST):
        for one in a._fields:
            _match(getattr(a, one, None), getattr(b, one, None), optional, otherwise)
    elif isinstance(a, list):
        if len(a) != len(b):
            raise Differ
        for x, y in zip(a, b, strict=True):
            _match(x, y, optional, otherwise)
    elif a != b:
        raise Differ


def _skips(a: str, b: str, optional: set[str], otherwise: dict[str, str]) -> bool:
    """Whether one of two values is what the other's readers read where it is left out; then it is noted."""

    def last(value: str) -> str:
        seen = set()
        while value in otherwise and value not in seen:
            seen.add(value)
            value = otherwise[value]
        return value

    if last(a) == last(b):
        return True
    for whole, instead in ((last(a), last(b)), (last(b), last(a))):
        if whole in optional and whole not in otherwise:
            otherwise[whole] = instead
            return True
    return False


def ordered(classes: Sequence[Class]) -> list[Class]:
    """Classes with those they use before them."""
    found: list[Class] = []

    def visit(one: Class) -> None:
        if one in found:
            return
        for member in one.members:
            for made, _ in member.state.values():
                for used in uses(made):
                    visit(used.kind)
        found.append(one)

    for one in classes:
        visit(one)
    return found


def uses(made: Made) -> Iterator[Use]:
    """The objects of the file's classes in what makes an attribute."""
    if isinstance(made, Use):
        yield made
    elif isinstance(made, Chain):
        for element in made.elements:
            yield from uses(element)
