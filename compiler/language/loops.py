"""The modifier `loop`: a block or scope expanded once, as the body that one node runs many times."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from graphwright.compiler.ir.graph import Entry, Graph, Marks
from graphwright.compiler.ir.types import Type
from graphwright.compiler.language.body import Body
from graphwright.compiler.language.nodes import Written
from graphwright.compiler.language.patterns import read_patterns
from graphwright.compiler.language.reading import Map
from graphwright.compiler.language.scopes import Level, Member
from graphwright.compiler.language.values import Argument, evaluate, natural, read_argument
from graphwright.compiler.language.wiring import Broken, Feeds, Reads, Source, Wiring
from graphwright.compiler.ops.loop import Loop
from graphwright.compiler.ops.op import Port
from graphwright.compiler.places import SpecError, fail, suggest

if TYPE_CHECKING:
    from graphwright.compiler.language.expand import Expander

_OPTIONS: dict[str, Any] = {"over": str, "dim": int, "reverse": bool, "times": int, "until": str}


def expand_loop(
    expander: Expander,
    level: Level,
    path: str,
    written: Written,
    names: Mapping[str, Any],
    wiring: Wiring,
    marks: Marks,
) -> Member:
    """One node whose op is the loop; what the body puts out under an input's name is carried, from its value or 0."""
    options = _options(written, names)
    ports = _ports(expander, level, written, names)
    over = options.get("over", "")
    if over and over not in ports:
        raise fail(written.place, f"'over' names no input of the body: '{over}'", suggest(over, ports))
    first = over or ports[0]
    feeds = wiring.bind(
        [Port(p, optional=p != first) for p in sorted(ports, key=lambda p: p != first)], "the loop's body"
    )
    kinds = {p: expander.primitives.type_of(str(feed)) for p, feed in feeds.items()}
    if any(k is None for k in kinds.values()):
        raise Broken
    body = _settle(
        expander, level, written, names, {p: k for p, k in kinds.items() if k is not None}, ports, options, marks
    )
    loop = Loop(body, names=tuple(feeds), **options)
    values: Feeds = {p: str(feed) for p, feed in feeds.items()}
    return expander.primitives.add(loop, values, path, marks, written.place)


def _options(written: Written, names: Mapping[str, Any]) -> dict[str, Any]:
    tree = written.modifier("loop")
    if not isinstance(tree, Map):
        raise fail(written.place, "'loop' is {over: input, dim: 2} or {times: n}")
    found: dict[str, Any] = {}
    for key, value in tree:
        if key.text not in _OPTIONS:
            raise fail(key.place, f"'loop' has no '{key.text}'", suggest(key.text, _OPTIONS))
        found[key.text] = read_argument(
            Argument(evaluate(value, names), key.place), _OPTIONS[key.text], f"'{key.text}'"
        )
    if ("over" in found) == ("times" in found):
        raise fail(tree.place, "'loop' runs over an input's slices, or a number of times", "give `over` or `times`")
    return found


def _ports(expander: Expander, level: Level, written: Written, names: Mapping[str, Any]) -> list[str]:
    inputs: Any = None
    if written.scope is not None:
        inputs = written.scope.get("inputs")
    elif written.op is not None:
        name = natural(evaluate(written.op, names))
        target = expander.library.lookup(str(name), level.file, written.op.place)
        inputs = target.inputs if isinstance(target, Body) else None
    if not isinstance(inputs, Map):
        raise fail(
            written.place, "the body of a loop is a block or scope with `inputs:`", "inputs: {row: any, state: any}"
        )
    return [p.name for p in read_patterns(inputs, None)]


def _settle(
    expander: Expander, level: Level, written: Written, names: Mapping[str, Any], kinds: dict[str, Type],
    ports: list[str], options: dict[str, Any], marks: Marks,
) -> Graph:  # fmt: skip
    """The body, with carried inputs typed as what the body itself puts out under their names."""
    given = dict(kinds)
    if over := options.get("over"):
        shape, dim = kinds[over].shape, options.get("dim", 0)
        if not 0 <= dim < len(shape):
            raise fail(written.place, f"'{over}' is {kinds[over]} and has no dimension {dim}")
        given[over] = Type((*shape[:dim], *shape[dim + 1 :]), kinds[over].dtype)
    types = {p: given.get(p, given[over] if over else next(iter(given.values()))) for p in ports}
    for _ in range(2):
        body = _body(expander, level, written, names, types, marks)
        out = {port: body.types[value] for port, value in body.outputs}
        lost = [p for p in ports if p not in given and p not in out]
        if lost:
            raise fail(written.place, f"the input '{lost[0]}' of the loop's body is neither given nor put out by it",
                       f"in: {{{lost[0]}: ...}}, or outputs: {{{lost[0]}: ...}}")  # fmt: skip
        changed = [p for p in ports if p in out and p != over and types[p] != out[p]]
        if not changed:
            return body
        before, types = types, types | {p: out[p] for p in changed if p not in given}
    first, then = before[changed[0]], out[changed[0]]
    raise fail(written.place, f"'{changed[0]}' changes its type from step to step: {first}, then {then}")


def _body(
    expander: Expander, level: Level, written: Written, names: Mapping[str, Any], types: dict[str, Type], marks: Marks
) -> Graph:
    inner = type(expander)(expander.library, losses=expander.losses, chain=expander.chain)
    entries = tuple(Entry(p, kind, place=written.place) for p, kind in types.items())
    inner.primitives.enter(entries)
    inner.primitives.sizes |= expander.primitives.sizes
    before = Member("inputs", written.place, ports={p: p for p in types}, kind="entry")
    inside = Level("", names, level.file)
    wiring = Wiring(None, inside, names, Source(before, "", written.place, Reads()), before, written.place)
    modifiers = {k: v for k, v in written.modifiers.items() if k not in ("loop", "in", "repeat", "each", "if", "else")}
    step = replace(written, modifiers=modifiers)
    if step.op is None:
        member = inner.scope(inside, "", step, names, wiring, marks)
    else:
        op, arguments = inner.op_of(step, names)
        member = inner.apply(op, arguments, inside, "", step, wiring, marks)
    if problems := [*inner.problems, *inner.primitives.problems, *inner.reads.problems()]:
        raise SpecError(problems)
    outputs = tuple((port, str(feed)) for port, feed in member.ports.items())
    scopes = tuple(s for s in inner.scopes if s.name)
    return Graph("step", entries, tuple(inner.primitives.nodes), outputs, scopes=scopes).deployed()
