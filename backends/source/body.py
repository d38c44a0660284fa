"""The `forward` of a class: names for its values, calls nested where a person would nest them."""

from __future__ import annotations

import ast
import builtins
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from graphwright.backends.source.arguments import Tidy
from graphwright.backends.source.kinds import Layer
from graphwright.backends.source.program import Step, substituted
from graphwright.backends.source.syntax import INDENT, flat, identifier, name, statement
from graphwright.compiler.places import Place

#: Names of values that stand for no thing of their own, on their way through the layers.
PASSING = ("x", "y", "z", "u", "w")
#: How long a nested call may get, and how deep.
LENGTH, DEPTH = 76, 3
#: How long the expression that is returned may get.
LAST = 84
#: How long a chain of methods may get before it is cut.
LONGEST = 76


@dataclass
class Written:
    """Lines of a `forward`, and the places in the spec that its statements come from."""

    inputs: list[str]
    lines: list[str] = field(default_factory=list)


@dataclass
class _Pending:
    """A value that its only reader may hold in its own expression."""

    tree: ast.expr
    depth: int
    places: list[Place]
    large: bool
    layer: bool


class Body:
    """Writes the steps of a class down, in order."""

    def __init__(
        self, made: Tidy, access: Callable[[str], ast.expr], inputs: list[str], note: Callable[[list[Place]], str]
    ) -> None:
        self.made, self.access, self.note = made, access, note
        self.kind = made.kind
        self.env: dict[str, ast.expr] = {}
        self.pending: dict[str, _Pending] = {}
        self.lines: list[str] = []
        self.inputs = inputs
        self.env = {f"<in {k}>": name(v) for k, v in enumerate(inputs)}
        steps = (s for m in self.kind.members for s in m.steps.values())
        self.functions = {need.__name__ for s in steps for need in s.needs}
        self.last = next(reversed(made.steps), "")
        self.outputs = self.kind.results
        self.left = Counter(self._reads())

    def _reads(self) -> Iterator[str]:
        for key, (tree, temporaries) in self.made.steps.items():
            for part in (tree, *(t for _, t in temporaries)):
                yield from _names(part)
            if key in self.made.present and (instead := self.kind.otherwise.get(f"<{self.kind.step(key).targets}>")):
                yield instead
        yield from self.outputs

    # -- steps ----------------------------------------------------------------------------------
    def write(self, result: Callable[[list[ast.expr]], ast.expr]) -> list[str]:
        """The lines of the body; `result` makes what is returned of the outputs."""
        for key in self.made.steps:
            self._step(key)
        if not self.outputs:
            self._flush(keep=set())
            return self.lines
        taken = [self._taken(v) for v in self.outputs]
        places = [p for _, ps in taken for p in ps]
        self.lines += statement("return ", result([t for t, _ in taken]), 2 * INDENT, self.note(places))
        return self.lines

    def _step(self, key: str) -> None:
        step = self.kind.step(key)
        tree, temporaries = self.made.steps[key]
        values = set(_names(tree)).union(*(_names(t) for _, t in temporaries))
        self._flush(keep=values if not temporaries and key not in self.made.present else set())
        self._flush(keep={v for v, p in self.pending.items() if self._suits(p, key, tree)})
        places = [step.place] if step.place is not None else []
        for label, part in temporaries:
            self._assign(label, self._filled(part, [])[0], places, key)
        if key in self.made.present:
            self._optional(key, tree, places)
            return
        filled, depth = self._filled(tree, places)
        if not step.targets:
            self.lines += statement("", filled, indent=2 * INDENT, note=self.note(places))
        elif not isinstance(step.targets, str):
            self._unpack(step, filled, places)
        elif isinstance(filled, (ast.Attribute, ast.Name)):
            self.env[f"<{step.targets}>"] = filled
        elif self.left[f"<{step.targets}>"] == 1 and self._nests(key, filled, depth):
            self.pending[f"<{step.targets}>"] = _Pending(
                filled, depth + 1, places, self._is_large(key), key in self.made.state
            )
        elif self.left[f"<{step.targets}>"] == 0:
            self.lines += statement("", filled, indent=2 * INDENT, note=self.note(places))
        else:
            self._assign(f"<{step.targets}>", filled, places, key)

    def _is_large(self, key: str) -> bool:
        """Whether a step calls many layers: a block, or a chain of layers."""
        made = self.made.state.get(key)
        return made is not None and not isinstance(self.kind.made(key), Layer)

    def _suits(self, pending: _Pending, key: str, tree: ast.expr) -> bool:
        """Whether a nested call reads well in a step: blocks take layers alone, and functions take no blocks."""
        layered = isinstance(pending.tree, ast.Call) and pending.layer
        if self._is_large(key):
            return layered and not pending.large
        return not (pending.large and key not in self.made.state and isinstance(tree, ast.Call))

    def _nests(self, key: str, tree: ast.expr, depth: int) -> bool:
        """Whether a value can stand inside its reader: it is short, and no activation that ends a chain of layers."""
        ends = depth > 0 and key not in self.made.state and not _is_view(tree) and key != self.last
        if key == self.last:
            return len(flat(tree)) <= LAST
        return depth < DEPTH and len(flat(tree)) <= LENGTH and not ends

    def _optional(self, key: str, tree: ast.expr, places: list[Place]) -> None:
        """A part that some objects lack: `shortcut = x if self.downsample is None else self.downsample(x)`."""
        value = f"<{self.kind.step(key).targets}>"
        instead, _ = self._taken(self.kind.otherwise[value])
        filled, _ = self._filled(tree, places)
        if key in self.made.state:
            attribute = self.access(key)
            tree = ast.IfExp(ast.Compare(attribute, [ast.Is()], [ast.Constant(None)]), instead, filled)
        else:
            tree = ast.IfExp(self.made.present[key], filled, instead)
        if key == self.last and len(flat(tree)) <= LAST and self.left[value] == 1:
            self.pending[value] = _Pending(tree, 1, places, False, False)
        else:
            self._assign(value, tree, places, key)

    def _filled(self, tree: ast.expr, places: list[Place]) -> tuple[ast.expr, int]:
        """A tree with expressions for its values."""
        known: dict[str, ast.expr] = {}
        depth = 0
        for value in dict.fromkeys(_names(tree)):
            count = sum(v == value for v in _names(tree))
            pending = self.pending.get(value)
            depth = max(depth, pending.depth if pending else 0)
            known[value], found = self._taken(value, count)
            places[:0] = found
        return _accessed(substituted(tree, known), self.access), depth

    def _taken(self, value: str, count: int = 1) -> tuple[ast.expr, list[Place]]:
        self.left[value] -= count
        if value in self.pending:
            pending = self.pending.pop(value)
            return pending.tree, pending.places
        tree = self.env[value]
        return tree, []

    def _flush(self, keep: set[str]) -> None:
        for value in [v for v in self.pending if v not in keep]:
            pending = self.pending.pop(value)
            self._assign(value, pending.tree, pending.places, value[1:-1])

    # -- names ----------------------------------------------------------------------------------
    def _assign(self, value: str, tree: ast.expr, places: list[Place], key: str) -> None:
        variable = self._variable(value, tree, key)
        self.env[value] = name(variable)
        while len(flat(tree)) > LONGEST and (halves := _halves(tree, variable)):
            first, tree = halves
            self.lines += statement(f"{variable} = ", first, indent=2 * INDENT, note=self.note(places))
        self.lines += statement(f"{variable} = ", tree, indent=2 * INDENT, note=self.note(places))

    def _unpack(self, step: Step, tree: ast.expr, places: list[Place]) -> None:
        labels = dict(zip(_leaves(step.targets), step.labels, strict=False))

        def named(target: Any) -> str:
            if not isinstance(target, str):
                return f"({', '.join(map(named, target))})"
            if not self.left[f"<{target}>"]:
                return "_"
            label = labels.get(target, target.replace(":", "_").rpartition(".")[2])
            variable = identifier(label, self._busy())
            self.env[f"<{target}>"] = name(variable)
            return variable

        text = ", ".join(map(named, step.targets)) + "," * (len(step.targets) == 1)
        self.lines += statement(f"{text} = ", tree, indent=2 * INDENT, note=self.note(places))

    def _busy(self) -> set[str]:
        held = {t.id for v, t in self.env.items() if isinstance(t, ast.Name) and self.left[v] > 0}
        for pending in self.pending.values():
            held |= {n.id for n in ast.walk(pending.tree) if isinstance(n, ast.Name)}
        return held | self.functions | {"self", "torch", "nn", "F", *dir(builtins)}

    def _variable(self, value: str, tree: ast.expr, key: str) -> str:
        """The name of a value that passes through, or one of its own where it is put aside."""
        busy = self._busy()
        read = [n.id for n in ast.walk(tree) if isinstance(n, ast.Name)]
        dying = [v for v in read if v in PASSING and v not in busy]
        if value.startswith("< temporary"):
            return identifier(f"{key.rpartition('.')[2]}_part", busy)
        if dying and not (key in self.made.present and key in self.made.state):
            return min(dying, key=PASSING.index)
        label = next((w for w in reversed(key.split(".")) if not w.isdigit()), "y")
        if self._passes(value) and key not in self.made.present:
            return next((p for p in PASSING if p not in busy), identifier(label, busy))
        return identifier(label, busy | set(PASSING[:0]))

    def _passes(self, value: str) -> bool:
        """Whether a value is the first that a later step reads, and no step sets beside another."""
        readers = [(k, list(_names(t))) for k, (t, _) in self.made.steps.items() if value in set(_names(t))]
        return (bool(readers) and all(names[0] == value for _, names in readers)) or value in self.outputs


def _is_view(tree: ast.expr) -> bool:
    """Whether a call is a method of a value, as those are that only move elements."""
    return (
        isinstance(tree, ast.Call)
        and isinstance(tree.func, ast.Attribute)
        and not isinstance(tree.func.value, ast.Name)
    )


def _halves(tree: ast.expr, variable: str) -> tuple[ast.expr, ast.expr] | None:
    """A chain of methods cut in two: what is computed first, and the rest as methods of `variable`."""
    links: list[ast.Call] = []
    while isinstance(tree, ast.Call) and isinstance(tree.func, ast.Attribute) and isinstance(tree.func.value, ast.Call):
        links.append(tree)
        tree = tree.func.value
        if variable in {
            n.id for k in links[-1:] for a in (*k.args, *k.keywords) for n in ast.walk(a) if isinstance(n, ast.Name)
        }:
            return None
        if len(flat(tree)) <= LONGEST:
            rest: ast.expr = name(variable)
            for link in reversed(links):
                rest = ast.Call(ast.Attribute(rest, link.func.attr), link.args, link.keywords)  # type: ignore[attr-defined]
            return tree, rest
    return None


def _leaves(targets: Any) -> Iterator[str]:
    if isinstance(targets, str):
        yield targets
    else:
        for target in targets:
            yield from _leaves(target)


def _names(tree: Any) -> list[str]:
    """The values that a tree reads, in order."""
    return [n.id for n in _walk(tree) if isinstance(n, ast.Name) and n.id.startswith("<") and n.id != "< self>"]


def _walk(tree: Any) -> Iterator[ast.AST]:
    if isinstance(tree, ast.AST):
        yield tree
        for one in tree._fields:
            yield from _walk(getattr(tree, one, None))
    elif isinstance(tree, list):
        for one in tree:
            yield from _walk(one)


def _accessed(tree: Any, access: Callable[[str], ast.expr]) -> Any:
    """Attributes of the object by their paths."""

    class Access(ast.NodeTransformer):
        def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
            if isinstance(node.value, ast.Name) and node.value.id == "< self>":
                return access(node.attr)
            return self.generic_visit(node)

    return Access().visit(tree)
