"""Names in an outline: of entries, outputs and inputs, where the graph has none that fit all uses."""

from __future__ import annotations

import keyword
import re
from collections.abc import Sequence

from graphwright.compiler.ops import ROWS
from graphwright.compiler.outline.scopes import Many, Part
from graphwright.compiler.outline.shapes import Entry

#: What ops call their outputs: an input of that name would be fed from copy to copy.
_RESULTS = frozenset(word for op in ROWS for word in op.results)


def results(entry: Entry) -> tuple[str, ...]:
    """The names of an op's outputs."""
    node = next(c[0] for c in entry.copies if c).node
    if node is None:
        return ()
    words = node.op.outputs()
    return words if len(words) == len(node.outputs) else tuple(map(str, range(len(node.outputs))))


def entry_names(entry: Entry) -> list[str]:
    """The names that an entry defines where it stands, those of all copies."""
    longest = max(len(c) for c in entry.copies)
    names = [entry.name] if entry.number is None else [f"{entry.prefix}{entry.number + k}" for k in range(longest)]
    return [n.partition(".")[0] for n in names]


def last_word(value: str) -> str:
    """The name of the node that a value comes from, without its scopes."""
    return value.partition(":")[0].rpartition(".")[2]


def value_words(values: Sequence[str]) -> list[str]:
    """The names of values as words that inputs can have."""
    words = [re.sub(r"\W", "_", last_word(v)) for v in values]
    return [w if w.isidentifier() else "x" for w in words]


def agreed(members: Sequence[Part], ports: int) -> list[str]:
    """What all uses of a block call its inputs, where they stand; else x, y, z."""
    found: list[str] = []
    for port in range(ports):
        if isinstance(members[0].feeds[port], Many):
            found.append("xs")
            continue
        words = {_seen_from(m.path, m.feeds[port]) for m in members}
        found.append(words.pop() if len(words) == 1 else "")
    return [w if w and found.count(w) == 1 else "xyzuvw"[k] if k < 6 else f"x{k}" for k, w in enumerate(found)]


def _seen_from(path: str, value: str) -> str:
    """The first word of a value's path that is not part of the other path; no word if it cannot name an input."""
    here, there = path.split("."), value.partition(":")[0].split(".")
    word = next((b for k, b in enumerate(there) if k >= len(here) or here[k] != b), "")
    return word if word.isidentifier() and word not in _RESULTS else ""


def distinct(words: Sequence[str], taken: set[str]) -> list[str]:
    """The words made different from each other and from those taken."""
    found: dict[str, None] = {}
    last: dict[str, int] = {}
    for word in words:
        name = word
        while name in taken or name in found or keyword.iskeyword(name):
            last[word] = last.get(word, 0) + 1
            name = f"{word}{last[word]}"
        found[name] = None
    return list(found)


def numbered(index: str, start: int) -> str:
    """The number of a copy, for its name."""
    return f"$({index} + {start})" if start else f"${index}"
