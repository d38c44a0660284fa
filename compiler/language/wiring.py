"""How the inputs of a node are found: `in`, the node above, the copy before; bound to ports by name.

One rule serves chains, copies and multi-output nodes: a source's outputs go to the ports of the same
name, and its first output goes to the first port when that name is missing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from graphwright.compiler.language.expressions import Names
from graphwright.compiler.language.reading import Map, Scalar, Seq, Tree
from graphwright.compiler.language.scopes import (
    Feed,
    Found,
    Level,
    Member,
    NoSuchName,
    first_value,
    resolve,
)
from graphwright.compiler.language.values import evaluate, natural
from graphwright.compiler.ops.op import Port
from graphwright.compiler.places import Place, Problem, SpecError, fail, suggest

Feeds = dict[str, Feed]


@dataclass
class Reads:
    """Who reads whom, for the rule that an unwritten `in` belongs to chains only."""

    written: dict[int, tuple[Member, list[tuple[str, Place]]]] = field(default_factory=dict)
    unwritten: list[tuple[Member, str, Place]] = field(default_factory=list)

    def note(self, member: Member, reader: str, place: Place) -> None:
        """A written reference; the member is kept, so that its identity stays its own."""
        self.written.setdefault(id(member), (member, []))[1].append((reader, place))

    def readers(self, member: Member) -> list[tuple[str, Place]]:
        """Who reads the member by a written reference."""
        return self.written.get(id(member), (member, []))[1]

    def problems(self) -> list[Problem]:
        """Nodes without `in` whose node above has another reader."""
        found = []
        for member, reader, place in self.unwritten:
            others = [(n, p) for n, p in self.readers(member) if n != reader and _short(n) != "outputs"]
            if member.kind != "entry" and others:
                name, where = others[0]
                found.append(Problem(
                    place, f"'{_short(reader)}' has no `in`, and '{_short(member.name)}' above it is also read by "
                    f"'{_short(name)}' on line {where.line}", f"write in: {_short(member.name)}",
                ))  # fmt: skip
        return found


def _short(name: str) -> str:
    return name.rpartition(".")[2]


class Broken(Exception):
    """The source of a node is a node with a reported mistake; the node itself has nothing to report."""


@dataclass
class Source:
    """What a node reads when its `in` says nothing, looked at only if it is needed."""

    member: Member | None
    reader: str
    place: Place
    reads: Reads
    train_only: bool = False

    def ports(self) -> Feeds:
        """The ports of the node above; an error where `in` must be written."""
        member = self.member
        if member is None:
            raise fail(self.place, f"'{_short(self.reader)}' has nothing to read", "write `in:`")
        if member.broken:
            raise Broken
        reasons = {
            "parameter": "is a parameter", "each": "stands for several copies", "nothing": "is left out here",
        }  # fmt: skip
        reason = "exists in training only" if member.train_only and not self.train_only else reasons.get(member.kind)
        if reason:
            rule = f"'{_short(self.reader)}' has no `in`, and '{_short(member.name)}' above it {reason}"
            raise fail(self.place, rule,
                       "write `in:`")  # fmt: skip
        self.reads.unwritten.append((member, self.reader, self.place))
        return member.ports


def look_up(level: Level, scalar: Scalar, names: Names, reads: Reads, reader: str) -> Found:
    """A written reference, resolved and noted."""
    value = evaluate(scalar, names)
    text = natural(value)
    if isinstance(text, float) and isinstance(value, Scalar):
        text = value.text  # `10.0`, the first output of a node called 10
    if not isinstance(text, (str, int)) or isinstance(text, bool):
        raise fail(scalar.place, "a reference is a name such as conv1, split.1 or boxes.*")
    try:
        found = resolve(level, str(text))
    except NoSuchName as error:
        raise _unknown(level, str(text), error, scalar.place, reader) from None
    if found.member.broken:
        raise Broken
    if found.feed not in found.member.parameters.values():  # a weight is not its node's output
        reads.note(found.member, reader, scalar.place)
    return found


def _unknown(level: Level, text: str, error: NoSuchName, place: Place, reader: str) -> SpecError:
    """The error for a reference that leads nowhere: an index, a node further down, or a misspelt name."""
    if text.lstrip("-").isdecimal():
        return fail(place, error.message, "nodes are read by name, not by index")
    first = text.partition(".")[0]
    later = level.later(first) if level.find(first) is None else None
    if later is None:
        return fail(place, error.message, suggest(text.rpartition(".")[2], error.known))
    if level.path(first) == reader:
        return fail(place, f"'{first}' reads itself", "a node reads nodes above it")
    return fail(place, f"'{first}' is defined further down, on line {later.line}", "a node is read after it is defined")


@dataclass
class Wiring:
    """The inputs of one node copy: its written `in`, what it reads otherwise, and the copy before it."""

    tree: Tree | None
    level: Level
    names: Names
    source: Source
    before: Member | None = None
    place: Place = field(default_factory=lambda: Place("", 0, 0))

    def bind(self, ports: Sequence[Port], op: str, free: bool = False, parameters: Sequence[str] = ()) -> Feeds:
        """Feeds for the ports. `free` ops name their ports by the keys of `in`."""
        if self.before is not None and self.before.broken:
            raise Broken
        feeds = self._written(ports, op, free, parameters)
        if self.before is not None:
            feeds.update(_carried(ports, self.before.ports))
        for port in ports:
            if port.name not in feeds and not port.optional and not free:
                kind = f"{port.name}*" if port.many else port.name
                raise fail(self.place, f"{op} needs the input '{kind}'",
                           "in: {" + ", ".join(f"{p.name}: ..." for p in ports if not p.optional) + "}")  # fmt: skip
        return feeds

    def _written(self, ports: Sequence[Port], op: str, free: bool, parameters: Sequence[str]) -> Feeds:
        if self.tree is None:
            if self.before is not None or free or not ports or ports[0].optional:
                return {}
            return by_name(ports, self.source.ports())
        if isinstance(self.tree, Map):
            return self._mapping(self.tree, ports, op, free, parameters)
        if isinstance(self.tree, Seq):
            return self._positional(self._every(self.tree.items), ports, op, free)
        found = self._found(self.tree)
        if found.feed is None and found.member.kind != "each":
            self._readable(found, self.tree)
            return by_name(ports, found.ports()) if not free else {"x": first_value(found.member)}
        values = found.feed if isinstance(found.feed, list) else [found.feed or ""]
        if found.feed is None:
            self._readable(found, self.tree)
        return self._positional(values, ports, op, free)

    def _found(self, item: Tree) -> Found:
        if not isinstance(item, Scalar) or item.empty:
            raise fail(item.place, "`in` takes names", "a name, a list of names, or {port: name}")
        return look_up(self.level, item, self.names, self.source.reads, self.source.reader)

    def _readable(self, found: Found, item: Tree) -> None:
        if found.member.kind == "each" and found.feed is None:
            count = len(found.member.copies)
            raise fail(item.place, f"'{_short(found.member.name)}' stands for {count} copies",
                       f"read {_short(found.member.name)}.* or {_short(found.member.name)}.0")  # fmt: skip

    def _every(self, items: Sequence[Tree]) -> list[str]:
        """The values of all items; a wrong name is reported even beside a broken node."""
        values: list[str] = []
        problems: list[Problem] = []
        broken = False
        for item in items:
            try:
                values += self._values(item)
            except Broken:
                broken = True
            except SpecError as error:
                problems += error.problems
        if problems:
            raise SpecError(problems)
        if broken:
            raise Broken
        return values

    def _values(self, item: Tree) -> list[str]:
        """The values of one item of a list: one, or those that `.*` splices."""
        found = self._found(item)
        if found.feed is None:
            if found.member.kind == "nothing":
                return []
            if found.member.kind == "absent":
                self._joined(found.member, item)
            self._readable(found, item)
            return [first_value(found.member)]
        return found.feed if isinstance(found.feed, list) else [found.feed]

    def _joined(self, member: Member, item: Tree) -> None:
        if not member.has_else:
            rule = f"'{_short(member.name)}' is left out here, and a join must know what stands in for it"
            raise fail(item.place, rule,
                       f"give '{_short(member.name)}' an `else:` (a name, or none)")  # fmt: skip

    def _mapping(self, tree: Map, ports: Sequence[Port], op: str, free: bool, parameters: Sequence[str]) -> Feeds:
        known = {p.name: p for p in ports}
        feeds: Feeds = {}
        for key, item in tree:
            name = str(natural(evaluate(key, self.names)))
            if name not in known and name not in parameters and not free:
                near = suggest(name, (*known, *parameters))
                raise fail(key.place, f"{op} has no input '{name}'",
                           near if near.startswith("did you mean") else suggest(name, known))  # fmt: skip
            many = name in known and known[name].many
            items = item.items if isinstance(item, Seq) else (item,)
            values = self._every(items)
            if not many and len(values) != 1:
                if not values and (name not in known or known[name].optional):
                    continue
                raise fail(item.place, f"the input '{name}' of {op} takes one value, got {len(values)}")
            feeds[name] = values if many else values[0]
        first = ports[0].name if ports else None
        if first and first not in feeds and not free and self.before is None and not ports[0].optional:
            feeds = {first: next(iter(by_name(ports[:1], self.source.ports()).values())), **feeds}
        return feeds

    def _positional(self, values: list[str], ports: Sequence[Port], op: str, free: bool) -> Feeds:
        if free:
            return {f"x{k}" if k else "x": v for k, v in enumerate(values)}
        feeds: Feeds = {}
        rest = list(values)
        for port in ports:
            if port.many:
                feeds[port.name], rest = rest, []
            elif rest:
                feeds[port.name] = rest.pop(0)
        if rest:
            count = f"{len(ports)} input{'s' if len(ports) != 1 else ''}"
            raise fail(self.tree.place if self.tree else self.place, f"{op} takes {count}, got {len(values)}")
        return feeds


def _carried(ports: Sequence[Port], before: Feeds) -> Feeds:
    """What a copy gets from the one before it: once any input has a namesake there, only such inputs are carried."""
    named = [port for port in ports if port.name in before]
    return by_name(named, before) if named else by_name(ports, before)


def by_name(ports: Sequence[Port], source: Feeds) -> Feeds:
    """A source's outputs to the ports of the same name; its first output to the first port otherwise."""
    feeds: Feeds = {}
    for position, port in enumerate(ports):
        if port.name in source and not (port.optional and position):
            feed = source[port.name]
        elif position == 0 and source:
            feed = next(iter(source.values()))
        else:
            continue
        if port.many:
            feeds[port.name] = feed if isinstance(feed, list) else [feed]
        else:
            feeds[port.name] = feed[0] if isinstance(feed, list) else feed
    return feeds
