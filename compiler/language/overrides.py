"""Values given outside a file, `classes=10 depths=[2,2,6,2]`: read as the same text would be in a spec."""

from __future__ import annotations

from typing import Any

from graphwright.compiler.language.reading import read_text
from graphwright.compiler.language.values import evaluate
from graphwright.compiler.places import NOWHERE, SpecError, fail


def read_override(value: Any) -> Any:
    """Text as a tree ready to be read by type; other values (from Python) as they are."""
    if not isinstance(value, str):
        return list(value) if isinstance(value, tuple) else value
    try:
        tree = read_text(f"value: {value}\n", "<arguments>").get("value")
    except SpecError:
        tree = None
    if tree is None or "\n" in value:
        raise fail(NOWHERE, f"'{value}' is not a value", "a number, text, or a list [2, 2, 6, 2]")
    return evaluate(tree, {})
