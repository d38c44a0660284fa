"""Words in a drawing: shapes, arguments, and their widths. Whatever comes from a spec is cleaned and cut here."""

from __future__ import annotations

import textwrap
import unicodedata
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from graphwright.compiler.ir.dims import evaluate
from graphwright.compiler.ir.graph import Graph
from graphwright.compiler.ir.types import Type
from graphwright.compiler.ops.op import Op

#: Widths in em of a sans serif like Helvetica, by class of character; anything else is a digit's width.
_WIDTHS = {c: w for chars, w in (
    ("ijl'|.,:;!", 0.26), ("ftrI()[]{}/\\ -", 0.34), ("mMW@%", 0.87), ("w×…", 0.75), ("ABCDEGHKNOPQRSUVXYZ&", 0.70),
) for c in chars}  # fmt: skip


def width(text: str, size: float) -> float:
    """An estimate, on the safe side, of the width of `text` in a sans serif of `size`."""
    return 1.05 * size * sum(_WIDTHS.get(c, 1.0 if unicodedata.east_asian_width(c) in "WF" else 0.56) for c in text)


def clean(text: object, limit: int = 120) -> str:
    """One line of printable text: control characters and line ends become spaces, what is too long is cut."""
    line = " ".join("".join(c if _printable(c) else " " for c in str(text)).split())
    return line if len(line) <= limit else line[: limit - 1] + "…"


def _printable(char: str) -> bool:
    return unicodedata.category(char)[0] != "C" or char == "\u200d"


def xml(text: object, limit: int = 120) -> str:
    """Text for XML and for graphviz' HTML-like labels."""
    return escape(clean(text, limit), quote=True)


def shape(type_: Type | None, known: Mapping[str, Any]) -> str:
    """`N×64×56×56`, with numbers for the sizes that have a default; the dtype where it is not float32."""
    if type_ is None:
        return ""
    sizes = "×".join(str(evaluate(s, known)).replace(" ", "") for s in type_.shape) or "scalar"
    return sizes if type_.dtype == "float32" else f"{type_.dtype} {sizes}"


def argument(name: str, value: Any) -> str:
    """`kernel 7`, `pool 3×2`, `no bias`."""
    if isinstance(value, bool):
        return name if value else f"no {name}"
    if isinstance(value, tuple) and value and all(isinstance(v, int) for v in value):
        return f"{name} {'×'.join(map(str, value))}"
    if isinstance(value, Graph):  # the body of a loop
        return f"{name} of {len(value.nodes)} ops"
    return f"{name} {value:.3g}" if isinstance(value, float) else f"{name} {value}"


def arguments(op: Op, others: Sequence[Op] = ()) -> str:
    """The arguments that matter, with the range of those that differ between folded copies (`p 0…0.1`)."""
    copies = (op, *others)
    parts = []
    for f in op.fields():
        values = [getattr(o, f.name) for o in copies]
        if len(set(map(repr, values))) > 1 and all(isinstance(v, (int, float)) for v in values):
            parts.append(f"{f.name} {min(values):.3g}…{max(values):.3g}")
        elif f.required or values[0] != f.default:
            parts.append(argument(f.name, values[0]))
    return clean(", ".join(parts), 400)


def wrapped(text: str, columns: int = 30, lines: int = 2) -> tuple[str, ...]:
    """At most `lines` lines of about `columns` characters."""
    return tuple(textwrap.wrap(text, columns, max_lines=lines, placeholder=" …", break_on_hyphens=False))
