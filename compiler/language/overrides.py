"""Values given outside a file, `classes=10 depths=[2,2,6,2]`: read as the same text would be in a spec."""

from __future__ import annotations

from typing import Any

from graphwright.compiler.language.reading import Map, Scalar, Seq, Tree, read_text
from graphwright.compiler.language.values import evaluate
from graphwright.compiler.places import Place, SpecError, fail


def read_override(name: str, value: Any) -> Any:
    """Text as a tree ready to be read by type; other values (from Python) as they are."""
    if not isinstance(value, str):
        return list(value) if isinstance(value, tuple) else value
    place = Place(f"<argument {name}>", 0, 0)
    try:
        tree = read_text(f"value: {value}\n").get("value")
    except SpecError:
        tree = None
    if tree is None or "\n" in value:
        raise fail(place, f"'{value}' is not a value", "a number, text, or a list [2, 2, 6, 2]")
    return evaluate(_placed(tree, place), {})


def _placed(tree: Tree, place: Place) -> Tree:
    """The tree with every place turned to `place`."""
    if isinstance(tree, Scalar):
        return Scalar(tree.text, place, tree.plain)
    if isinstance(tree, Seq):
        return Seq(tuple(_placed(i, place) for i in tree.items), place)
    return Map(tuple((Scalar(k.text, place, k.plain), _placed(v, place)) for k, v in tree), place)
