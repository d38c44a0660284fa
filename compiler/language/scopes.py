"""Names while a spec is expanded: what each scope holds, and how a reference is resolved."""

from __future__ import annotations

from dataclasses import dataclass, field

from graphwright.compiler.language.expressions import Names
from graphwright.compiler.places import Place

#: A value, or a list of values.
Feed = str | list[str]


@dataclass
class Member:
    """Something that can be read by name: a node, a scope, a copy, an input."""

    name: str
    place: Place
    #: Output ports in order; the first is what a bare name means.
    ports: dict[str, Feed] = field(default_factory=dict)
    inner: dict[str, Member] = field(default_factory=dict)
    copies: list[Member] = field(default_factory=list)
    #: The op's parameters, readable as `node.weight`, and the values that they are.
    parameters: dict[str, str] = field(default_factory=dict)
    kind: str = "node"  # node, scope, entry, parameter, each, absent, nothing
    train_only: bool = False
    has_else: bool = False
    #: A scope that no node opened: it was made by the path of a key, `head.fc`.
    implied: bool = False
    #: The ports are those that the scope says it has, not just those of its last node.
    declared: bool = True
    #: A mistake was reported here; whatever reads it stays quiet.
    broken: bool = False


@dataclass
class Level:
    """A scope in the making. `outer` is None at the edge of a block: blocks see their own inputs only."""

    name: str
    names: Names
    file: str
    members: dict[str, Member] = field(default_factory=dict)
    outer: Level | None = None
    block: str = ""
    #: Where each name is written, those that are not expanded yet included.
    written: dict[str, Place] = field(default_factory=dict)

    def path(self, key: str) -> str:
        """The full name of something defined here."""
        return f"{self.name}.{key}" if self.name else key

    def find(self, name: str) -> Member | None:
        """The member of that name in the nearest scope outward."""
        level: Level | None = self
        while level is not None:
            if name in level.members:
                return level.members[name]
            level = level.outer
        return None

    def later(self, name: str) -> Place | None:
        """Where a name that cannot be read yet is written."""
        return self.written.get(name) or (self.outer.later(name) if self.outer else None)

    def visible(self) -> list[str]:
        """All names that can be read here."""
        return [*self.members, *(self.outer.visible() if self.outer else [])]


@dataclass(frozen=True)
class Found:
    """What a reference leads to: a member (all of its ports), or one feed."""

    member: Member
    feed: Feed | None = None

    def ports(self) -> dict[str, Feed]:
        """The ports, for binding by name."""
        return self.member.ports if self.feed is None else {"out": self.feed}


def node_at(level: Level, text: str) -> Member | None:
    """The node or scope that a path of names leads to, whatever its outputs are called."""
    first, *rest = text.split(".")
    member = level.find(first)
    for word in rest:
        if member is None:
            return None
        inside = member.copies[int(word)] if word.isdecimal() and int(word) < len(member.copies) else None
        member = member.inner.get(word, inside)
    return member


class NoSuchName(LookupError):
    """A reference that leads nowhere; `known` are the names it could have been."""

    def __init__(self, message: str, known: list[str]) -> None:
        super().__init__(message)
        self.message, self.known = message, known


def resolve(level: Level, text: str) -> Found:
    """`name`, then any of: a port, an inner node, a number, a parameter; `.*` at the end takes all."""
    first, *rest = text.split(".")
    member = level.find(first)
    if member is None:
        raise NoSuchName(f"no node or input '{first}' here", level.visible())
    found = Found(member)
    for position, segment in enumerate(rest):
        if found.member.broken:
            return Found(found.member)
        found = _step(found, segment, ".".join([first, *rest[:position]]))
    return found


def _step(found: Found, segment: str, path: str) -> Found:
    if found.feed is not None:
        return Found(found.member, _from_feed(found.feed, segment, path))
    member = found.member
    if segment == "*":
        return Found(member, _all(member, path))
    if member.kind == "entry" and len(member.ports) == 1 and isinstance(next(iter(member.ports.values())), list):
        return Found(member, _from_feed(next(iter(member.ports.values())), segment, path))
    if segment in member.ports and member.declared and not member.copies:
        return Found(member, member.ports[segment])
    if segment in member.inner:
        return Found(member.inner[segment])
    if segment.isdecimal() and int(segment) < len(member.copies):
        return Found(member.copies[int(segment)])
    if segment in member.parameters:
        return Found(member, member.parameters[segment])
    if segment in member.ports:
        return Found(member, member.ports[segment])
    known = [*member.ports, *member.inner, *member.parameters, *(str(k) for k in range(len(member.copies)))]
    raise NoSuchName(f"'{path}' has no '{segment}'", known)


def _from_feed(feed: Feed, segment: str, path: str) -> Feed:
    if isinstance(feed, list):
        if segment == "*":
            return feed
        if segment.isdecimal() and int(segment) < len(feed):
            return feed[int(segment)]
        raise NoSuchName(f"'{path}' has {len(feed)} values, and no '{segment}'", [str(k) for k in range(len(feed))])
    raise NoSuchName(f"'{path}' is one value and has no '{segment}'", [])


def _all(member: Member, path: str) -> list[str]:
    """The values that `.*` splices: every copy's first output, a list port's items, or every output."""
    if member.copies:
        return [first_value(c) for c in member.copies if c.kind != "nothing"]
    feeds = list(member.ports.values())
    if len(feeds) == 1 and isinstance(feeds[0], list):
        return feeds[0]
    if member.kind == "each":
        return []
    return [v for feed in feeds for v in (feed if isinstance(feed, list) else [feed])]


def first_value(member: Member) -> str:
    """What a bare name means."""
    feed = next(iter(member.ports.values()), member.name)
    return feed if isinstance(feed, str) else feed[0] if feed else member.name
