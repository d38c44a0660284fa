"""The two ends of a scope: the sizes that its inputs bring along, and the ports that it declares."""

from __future__ import annotations

import re
from typing import Any

from graphwright.compiler.ir.dims import Dim
from graphwright.compiler.language.patterns import Misfit, Pattern, match
from graphwright.compiler.language.primitives import Primitives
from graphwright.compiler.language.reading import Map, Scalar, Seq, Tree
from graphwright.compiler.language.scopes import Level
from graphwright.compiler.language.wiring import Broken, Feeds, Reads, look_up
from graphwright.compiler.places import Place, fail

#: An output is read as `node.port`.
_PORT = re.compile(r"[A-Za-z0-9_.]+\Z")


def sizes(
    patterns: tuple[Pattern, ...], feeds: Feeds, title: str, place: Place, primitives: Primitives
) -> dict[str, Any]:
    """The symbols of a block's inputs; those of a port `p*` become lists."""
    found: dict[str, Any] = {}
    for pattern in patterns:
        feed = feeds[pattern.name]
        values = feed if isinstance(feed, list) else [feed]
        kinds = [primitives.type_of(v) for v in values]
        if any(k is None for k in kinds):
            raise Broken
        try:
            if not pattern.many:
                match(pattern, kinds[0], found)  # type: ignore[arg-type]
                continue
            rows: list[dict[str, Any]] = [{} for _ in kinds]
            for row, kind in zip(rows, kinds, strict=True):
                match(pattern, kind, row)  # type: ignore[arg-type]
        except Misfit as error:
            raise fail(place, f"{title}: {error}", primitives.whence(values)) from None
        for symbol in {str(s): None for s in pattern.slots or () if isinstance(s, Dim)}:
            found[symbol] = [row[symbol] for row in rows]
    return found


def declared(level: Level, tree: Tree, reads: Reads) -> Feeds:
    """The ports that a written `outputs` section declares."""
    if isinstance(tree, Scalar):
        found = _output(level, tree, reads)
        return dict(found) if len(found) > 1 else {"out": next(iter(found.values()))} if found else {}
    if not isinstance(tree, Map):
        raise fail(tree.place, "'outputs' is a name, or {port: name}")
    ports: Feeds = {}
    for key, item in tree:
        if not _PORT.match(key.text):
            raise fail(key.place, f"'{key.text}' cannot be the name of an output", "letters, digits, _ and dots")
        if isinstance(item, Seq):
            listed = [_output(level, i, reads) for i in item.items if isinstance(i, Scalar)]
            first = [next(iter(feeds.values())) for feeds in listed if feeds]
            ports[key.text] = [v for feed in first for v in (feed if isinstance(feed, list) else [feed])]
        elif isinstance(item, Scalar) and (named := _output(level, item, reads)):
            ports[key.text] = next(iter(named.values()))
    return ports


def _output(level: Level, item: Scalar, reads: Reads) -> Feeds:
    try:
        found = look_up(level, item, level.names, reads, level.path("outputs"))
    except Broken:
        return {"out": "?"}  # a value without a type: whatever reads it stays quiet
    member = found.member
    if found.feed is None and member.kind == "absent" and not member.has_else:
        raise fail(item.place, f"the output '{item.text}' is left out here", "give it an `else:`")
    return found.ports()
