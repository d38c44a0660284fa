"""Generated documentation: `python -m graphwright.docs` writes `docs/ops.md` and the table in `docs/training.md`."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

from graphwright.compiler.language.values import describe
from graphwright.compiler.ops import OPS
from graphwright.compiler.ops.op import Field, Op, Port, summary
from graphwright.training.recipe import FIELDS

_INTRO = """# Ops

The primitives of the language, by family. This page is generated from the op classes: `python -m graphwright.docs`.
A port `x*` takes any number of values, a port `y?` may be left out. A port `x: float` takes floating-point numbers,
`real` integers too, `ordered` also bool, `number` all but bool; without a word, any dtype. An argument without a
default must be given. `graphwright schema` holds the same for editors.
"""


def ops_page() -> str:
    """`docs/ops.md`: one table per family."""
    families: dict[str, list[type[Op]]] = {}
    for op in OPS.values():
        families.setdefault(op.family, []).append(op)
    tables = [_table(family, ops) for family, ops in families.items() if family != "loop"]
    return "\n".join([_INTRO, *tables])


def _table(family: str, ops: list[type[Op]]) -> str:
    head = f"## {family}\n\n| op | in | arguments | what it does |\n| --- | --- | --- | --- |\n"
    return head + "".join(_row(op) for op in ops)


def _row(op: type[Op]) -> str:
    ports = "any names" if op.free_ports else ", ".join(map(_port, op.ports))
    arguments = "<br>".join(_argument(f) for f in op.fields() if f.name not in op.filled)
    return f"| `{op.name}` | {_cell(ports)} | {arguments} | {_cell(summary(op))} |\n"


def _port(port: Port) -> str:
    return f"{port}: {port.kind}" if port.kind else str(port)


def _argument(field: Field) -> str:
    shown = f"{field.name}: {describe(field.type)}" if field.required else f"{field.name}={_value(field.default)}"
    return f"`{_cell(shown)}`" + (f" {_cell(field.doc)}" if field.doc else "")


def _value(value: Any) -> str:
    """A default as it is written in a spec."""
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(_value, value)) + "]"
    words = {True: "true", False: "false", None: "none"}
    return words[value] if value is None or isinstance(value, bool) else str(value)


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def training_page(page: str) -> str:
    """`docs/training.md` with the table of recipe keys between its marks written anew."""
    rows = "".join(f"| `{name}` | {_value(f.default)} | {f.metadata['doc']} |\n" for name, f in FIELDS.items())
    table = f"<!-- recipe -->\n| key | default | what |\n| --- | --- | --- |\n{rows}<!-- end -->"
    return re.sub(r"<!-- recipe -->.*?<!-- end -->", lambda _: table, page, flags=re.S)


def main(folder: Path) -> None:
    """Write the generated parts into `folder`."""
    (folder / "ops.md").write_text(ops_page(), encoding="utf-8")
    training = folder / "training.md"
    training.write_text(training_page(training.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path("docs"))
