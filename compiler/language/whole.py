"""A whole spec: inputs, nodes, outputs, losses and settings, to one graph."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from graphwright.compiler.ir.dims import Dim
from graphwright.compiler.ir.graph import Entry, Graph, Marks, Setting, Term
from graphwright.compiler.language.body import Body
from graphwright.compiler.language.expand import Expander
from graphwright.compiler.language.library import Library
from graphwright.compiler.language.nodes import bindings, node_name, uses
from graphwright.compiler.language.overrides import read_override
from graphwright.compiler.language.params import bind_params
from graphwright.compiler.language.patterns import entry_of, read_patterns
from graphwright.compiler.language.ports import declared
from graphwright.compiler.language.reading import Map, Scalar, Tree
from graphwright.compiler.language.scopes import Level, Member, first_value
from graphwright.compiler.language.values import Argument, evaluate, natural
from graphwright.compiler.language.wiring import Feeds
from graphwright.compiler.places import Exhausted, Place, Problem, SpecError, fail


def expand(body: Body, library: Library, overrides: Mapping[str, Any]) -> tuple[Graph, dict[str, Any]]:
    """The graph of a spec, with params set from outside; and the names its expressions see."""
    arguments = {k: Argument(read_override(k, v), Place(f"<argument {k}>", 0, 0)) for k, v in overrides.items()}
    names = bind_params(body, arguments, {}, body.place)
    inputs = _entries(body.inputs, names)
    targets = _entries(body.sections.get("targets"), names) if body.sections.get("targets") else ()
    expander = Expander(library)
    entries = {e.name: e for e in (*inputs, *targets)}
    expander.primitives.enter(entries.values())
    names |= {s: Dim.symbol(s) for e in inputs for s in e.type.symbols}
    level = Level("", names, body.file)
    for entry in inputs:
        level.members[entry.name] = Member(entry.name, entry.place, ports={entry.name: entry.name}, kind="entry")
    first = Member("inputs", body.place, ports={e.name: e.name for e in inputs}, kind="entry") if inputs else None
    assert body.nodes is not None
    try:
        last = expander.nodes(level, body.nodes, first, Marks())
        outputs = _top_outputs(expander, level, body, last)
        terms = _losses(expander, level, body, outputs, targets)
    except Exhausted as error:
        raise SpecError(_distinct([*expander.problems, *expander.primitives.problems, *error.problems])) from None
    problems = [*expander.problems, *expander.primitives.problems, *expander.reads.problems()]
    if problems:
        raise SpecError(_distinct(problems))
    graph = Graph(
        body.name, inputs, tuple(expander.primitives.nodes), tuple(_flat(outputs)), targets, terms,
        tuple(expander.scopes), body.doc, body.source,
        _settings(body, "train", names), _settings(body, "expect", names),
    )  # fmt: skip
    return graph, names


def _entries(tree: Tree | None, names: Mapping[str, Any]) -> tuple[Entry, ...]:
    if tree is None:
        return ()
    if not isinstance(tree, Map):
        raise fail(tree.place, "inputs and targets are mappings")
    return tuple(entry_of(p) for p in read_patterns(tree, names))


def _top_outputs(expander: Expander, level: Level, body: Body, last: Member | None) -> Feeds:
    try:
        if body.outputs is not None:
            return declared(level, body.outputs, expander.reads)
    except SpecError as error:
        expander.problems += error.problems
        return {}
    return dict(last.ports) if last else {}


def _flat(outputs: Feeds) -> list[tuple[str, str]]:
    flat: list[tuple[str, str]] = []
    for port, feed in outputs.items():
        flat += [(f"{port}.{k}", v) for k, v in enumerate(feed)] if isinstance(feed, list) else [(port, feed)]
    return flat


def _losses(expander: Expander, top: Level, body: Body, outputs: Feeds, targets: tuple[Entry, ...]) -> tuple[Term, ...]:
    """Losses are nodes below `losses`; they also read outputs and targets by name. The unread ones are the terms."""
    tree = body.sections.get("losses")
    if not isinstance(tree, Map):
        return ()
    between = Level("", top.names, top.file, outer=top)
    for name, feed in {**outputs, **{t.name: t.name for t in targets}}.items():
        between.members[name] = Member(name, body.place, ports={name: feed}, kind="entry")
    for name in body.outputs.keys() if isinstance(body.outputs, Map) else ():
        between.members.setdefault(name, Member(name, body.place, broken=True))
    level = Level("losses", top.names, top.file, outer=between)
    expander.losses = True
    expander.nodes(level, tree, None, Marks())
    return tuple(_terms(expander, level, tree))


def _terms(expander: Expander, level: Level, tree: Map) -> list[Term]:
    weights = {k.text: _weights(k, v, level.names) for k, v in tree}
    read = {
        key for key, (_, readers) in expander.reads.written.items() if any(n.startswith("losses.") for n, _ in readers)
    }
    read |= {id(m) for m, reader, _ in expander.reads.unwritten if reader.startswith("losses.")}
    terms: list[Term] = []
    for name, member in _named(level.members):
        copies = member.copies or [member]
        if id(member) in read or member.broken:
            continue
        for copy in copies:
            if id(copy) not in read and copy.ports:
                short = copy.name.removeprefix("losses.")
                if len(copy.ports) > 1:
                    rule = f"the loss '{short}' puts out {', '.join(copy.ports)}, and a term is one value"
                    first = next(iter(copy.ports))
                    raise fail(copy.place, rule, f"give each a node: {{op: identity, in: {short}.{first}}}")
                terms.append(Term(short, first_value(copy), _weight_of(weights, name, short)))
    return terms


def _named(members: Mapping[str, Member], path: str = "") -> Iterator[tuple[str, Member]]:
    """The members by their keys, those whose keys are paths included."""
    for word, member in members.items():
        if member.implied:
            yield from _named(member.inner, f"{path}{word}.")
        else:
            yield path + word, member


def _weights(key: Scalar, tree: Tree, names: Mapping[str, Any]) -> dict[str, Any]:
    """The weight of a loss node, or of each of its copies, by name."""
    if not isinstance(tree, Map) or tree.get("weight") is None:
        return {}
    weight = tree.get("weight")
    assert weight is not None
    copies = tree.get("repeat") or tree.get("each")
    if copies is None:
        return {key.text: natural(evaluate(weight, names))}
    found = {}
    for index, bound in enumerate(bindings(copies, names, "each")):
        scope = {**names, **bound}
        name = node_name(key, scope)
        found[name if uses(key, bound) else f"{name}.{index}"] = natural(evaluate(weight, scope))
    return found


def _weight_of(weights: Mapping[str, Mapping[str, Any]], name: str, short: str) -> Any:
    for table in weights.values():
        for key in (short, name):
            if key in table:
                return table[key]
    return 1.0


def _settings(body: Body, section: str, names: Mapping[str, Any]) -> dict[str, Setting]:
    tree = body.sections.get(section)
    if tree is None:
        return {}
    if not isinstance(tree, Map):
        raise fail(tree.place, f"'{section}' must be a mapping")
    return {k.text: Setting(natural(evaluate(v, names)), k.place) for k, v in tree}


def _distinct(problems: list[Problem]) -> list[Problem]:
    """One problem per place, in the order of the file: copies of a block repeat its mistake."""
    first: dict[tuple[str, int, int], Problem] = {}
    for problem in sorted(problems, key=lambda p: (p.place.file, p.place.line, p.place.column)):
        first.setdefault((problem.place.file, problem.place.line, problem.place.column), problem)
    return list(first.values())
