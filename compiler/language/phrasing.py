"""How values and lines are phrased in YAML: scalars that are read back as they are, and lines that are not too long."""

from __future__ import annotations

import json
import re
import textwrap
import typing
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from graphwright.compiler.ir.dims import Dim
from graphwright.compiler.ir.graph import Marks
from graphwright.compiler.ir.types import Type
from graphwright.compiler.language.body import TYPE_WORDS
from graphwright.compiler.language.reading import Scalar
from graphwright.compiler.language.values import natural
from graphwright.compiler.ops.op import Op
from graphwright.compiler.outline.arguments import number, size_text
from graphwright.compiler.outline.form import Copies, Expression, Param
from graphwright.compiler.places import NOWHERE, fail

WIDTH = 120
#: A line of YAML: how deep it is indented, and its text.
Line = tuple[int, str]
_PLAIN = re.compile(r"[A-Za-z0-9_$(.+-][^\n:#,\[\]{}]*\Z")


def scalar(value: Any, *, flow: bool = True) -> str:
    """A value that is read without knowing its type."""
    if isinstance(value, Expression):
        text = f"${value.text}" if value.text.isidentifier() else f"$({value.text})"
        return text if _is_plain(text, flow) else json.dumps(text, ensure_ascii=False)
    if isinstance(value, Dim):
        return scalar(Expression(size_text(value)))
    if isinstance(value, bool):
        return str(value).lower()
    if value is None:
        return "none"
    if isinstance(value, float):
        return number(value)
    if isinstance(value, int):
        return str(value)
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{scalar(str(k))}: {scalar(v)}" for k, v in value.items()) + "}"
    if isinstance(value, (tuple, list)):
        return "[" + ", ".join(scalar(v) for v in value) + "]"
    return _text(str(value).replace("$", "$$"), flow)


def reference(text: str) -> str:
    """What a node reads; the number of a node needs no quotes."""
    return text if text.isdecimal() else scalar(text) if "$" not in text else text


def plain(text: str, *, flow: bool = False) -> str:
    """Text for readers, in which a dollar sign means itself."""
    return _text(text, flow)


def _text(text: str, flow: bool) -> str:
    read = natural(Scalar(text, NOWHERE)) if text and text not in ("~", "null") else None
    if isinstance(read, str) and _is_plain(text, flow):
        return text
    return json.dumps(text, ensure_ascii=False)


def _is_plain(text: str, flow: bool) -> bool:
    """Whether YAML reads the text as it is: no sign of its own in it."""
    if not text or text != text.strip() or not text.isprintable() or text.startswith(("- ", "? ", "...", "---")):
        return False
    if text in ("-", "?", "~", "null", "="):
        return False
    return (
        bool(_PLAIN.match(text))
        if flow
        else bool(re.match(r"[A-Za-z0-9_$(]", text)) and not re.search(r": | #|:\Z", text)
    )


def argument(value: Any, op: type[Op], name: str) -> str:
    """A value of an op's field."""
    hint = next(f.type for f in op.fields() if f.name == name)
    kinds = typing.get_args(hint)
    if isinstance(value, tuple) and len(kinds) == 2 and typing.get_origin(kinds[0]) is tuple:
        return "{" + ", ".join(f"{scalar(k)}: {scalar(v)}" for k, v in value) + "}"
    return scalar(value)


def type_text(kind: Type, defaults: Mapping[str, int], name: str) -> str:
    """The type of an input of the graph, sizes with their defaults."""
    sizes = []
    left = dict(defaults)
    for size in kind.shape:
        text = str(size)
        if not isinstance(size, int) and not text.isidentifier():
            raise fail(NOWHERE, f"the input '{name}' has the size {text}, and a spec names whole sizes only")
        sizes.append(f"{text}={left.pop(text)}" if text in left else text)
    shape = f"[{', '.join(sizes)}]"
    return shape if kind.dtype == "float32" else f"{kind.dtype}{shape}"


def references(texts: str | Sequence[str]) -> str:
    return reference(texts) if isinstance(texts, str) else "[" + ", ".join(map(reference, texts)) + "]"


def repeat(copies: Copies) -> str:
    names = {copies.index: copies.count} if copies.index else {}
    if not names and not copies.names:
        return scalar(copies.count)
    table = {**names, **copies.names}
    return "{" + ", ".join(f"{k}: {scalar(v)}" for k, v in table.items()) + "}"


def said_of(marks: Marks) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for word in ("tie", "freeze", "train_only", "checkpoint", "reversible", "backward", "init", "tags", "doc"):
        value = getattr(marks, word)
        if value not in (None, False, (), ""):
            found[word] = value
    if marks.init is not None:
        found["init"] = marks.init
    return found


def param(param: Param) -> str:
    if param.default is ...:
        return param.type
    value = param.default
    kind = {bool: "bool", int: "int", float: "float", str: "str"}.get(type(value), "any")
    if kind == param.type and not (isinstance(value, str) and value in TYPE_WORDS):
        return scalar(value)
    return f"{{type: {param.type}, default: {scalar(value)}}}"


def setting(value: Any) -> str:
    """A number as people write large ones."""
    return f"{value:_}" if type(value) is int and abs(value) >= 10_000 else scalar(value)


def said(word: str, text: str) -> list[Line]:
    """Text for readers, on several lines if it is long."""
    line = f"{word}: {plain(text)}"
    if len(line) <= WIDTH or " ".join(text.split()) != text:
        return [(0, line)]
    return [(0, f"{word}: >-"), *((1, t) for t in textwrap.wrap(text, WIDTH - 20, break_on_hyphens=False))]


def key(name: str) -> str:
    return name if _is_plain(name, False) else json.dumps(name)


def entry(name: str, flow: Sequence[tuple[str, str]], block: Sequence[tuple[str, str]]) -> list[Line]:
    """A node on one line if it fits, else one line a key."""
    line = f"{key(name)}: {{{', '.join(f'{k}: {v}' for k, v in flow)}}}"
    if len(line) <= WIDTH - 12:
        return [(0, line)]
    return [(0, f"{key(name)}:"), *deeper(line for k, v in block for line in pair(k, v))]


def wrapped(word: str, parts: Sequence[str]) -> list[Line]:
    """A mapping on one line if it fits, else one line a key."""
    line = f"{word}: {{{', '.join(parts)}}}"
    if len(line) <= WIDTH - 8:
        return [(0, line)]
    return [(0, f"{word}:"), *deeper(line for p in parts for line in pair(*p.split(": ", 1)))]


def pair(key: str, value: str) -> list[Line]:
    """A key and its flow value, broken at its commas if the line gets too long."""
    if len(key) + len(value) <= WIDTH - 14:
        return [(0, f"{key}: {value}")]
    if value[:1] not in "[{":
        text = json.loads(value) if value.startswith('"') else value
        simple = isinstance(text, str) and " ".join(text.split()) == text and " " in text
        lines = textwrap.wrap(text, WIDTH - 20, break_long_words=False, break_on_hyphens=False) if simple else []
        return [(0, f"{key}: >-"), *((1, t) for t in lines)] if simple else [(0, f"{key}: {value}")]
    parts = _split(value[1:-1])
    if value[0] == "{":
        return [(0, f"{key}:"), *deeper(line for p in parts for line in pair(*p.split(": ", 1)))]
    return [(0, f"{key}: ["), *deeper(_rows(parts)), (0, "]")]


def _rows(parts: Sequence[str]) -> list[Line]:
    """The items of a list, as many to a line as fit; a long list among them has lines of its own."""
    lines: list[Line] = []
    row = ""
    for part in parts:
        long = part.startswith("[") and len(part) > WIDTH - 20
        if row and (long or len(row) + len(part) > WIDTH - 20):
            lines.append((0, row.strip()))
            row = ""
        if long:
            lines += [(0, "["), *deeper(_rows(_split(part[1:-1]))), (0, "],")]
        else:
            row += f"{part}, "
    return [*lines, (0, row.strip())] if row else lines


def _split(text: str) -> list[str]:
    """The parts of a flow value, between the commas that are its own."""
    parts, depth, quoted, start, k = [], 0, False, 0, 0
    while k < len(text):
        char = text[k]
        if quoted:
            k += char == "\\"
            quoted = char != '"'
        elif char == '"' and (k == 0 or text[k - 1] in " [{"):
            quoted = True
        elif char in "[{":
            depth += 1
        elif char in "]}":
            depth -= 1
        elif char == "," and not depth:
            parts.append(text[start:k])
            start = k + 2
        k += 1
    return [*parts, text[start:]]


def deeper(lines: Iterable[Line]) -> list[Line]:
    return [(depth + 1, text) for depth, text in lines]


def joined(lines: Iterable[Line]) -> str:
    return "".join(f"{'  ' * depth}{text}".rstrip() + "\n" for depth, text in lines)
