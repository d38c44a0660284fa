"""A node as written, taken apart: its op, arguments and modifiers; and the copies it asks for."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from graphwright.compiler.ir.dims import Dim
from graphwright.compiler.ir.graph import Marks
from graphwright.compiler.language import limits
from graphwright.compiler.language.body import MODIFIERS, SCOPE_KEYS, unknown_keys
from graphwright.compiler.language.bounds import ExpressionError
from graphwright.compiler.language.expressions import Names, Part, parse_template
from graphwright.compiler.language.reading import Map, Scalar, Seq, Tree
from graphwright.compiler.language.values import (
    Argument,
    Filled,
    convert,
    evaluate,
    evaluate_text,
    natural,
    read_argument,
)
from graphwright.compiler.places import Place, SpecError, fail, suggest

#: As torch names modules; `-` too, as in `block2-0`, but not in front.
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]*\Z")


@dataclass(frozen=True)
class Written:
    """One entry of `nodes`. `op` is None for an inline scope."""

    key: Scalar
    place: Place
    op: Scalar | None = None
    arguments: tuple[tuple[Scalar, Tree], ...] = ()
    modifiers: Mapping[str, Tree] = field(default_factory=dict)
    scope: Map | None = None

    def modifier(self, name: str) -> Tree | None:
        return self.modifiers.get(name)


def read_node(key: Scalar, tree: Tree, *, in_losses: bool) -> Written:
    """The parts of a node; unknown and clashing keys are reported."""
    if isinstance(tree, Scalar):
        if tree.empty:
            raise fail(key.place, f"node '{key.text}' is empty", "name an op, or remove the node")
        return Written(key, key.place, tree)
    if isinstance(tree, Seq):
        raise fail(tree.place, f"node '{key.text}' must be an op or a mapping", "{op: conv2d, out: 64, kernel: 3}")
    modifiers = {k.text: v for k, v in tree if k.text in MODIFIERS}
    for k, v in tree:
        if isinstance(v, Scalar) and v.empty:
            word, colon, rest = k.text.partition(":")
            hint = f"write a space after the colon: {word}: {rest}" if colon else "give a value, or remove the key"
            raise fail(k.place, f"'{k.text}' is empty", hint)
    if "weight" in modifiers and not in_losses:
        raise fail(tree.key("weight").place, "'weight' belongs to nodes of `losses`")  # type: ignore[union-attr]
    if "repeat" in modifiers and "each" in modifiers:
        raise fail(tree.place, "'repeat' and 'each' exclude each other", "nest one in a scope with `nodes:`")
    op = tree.get("op")
    if op is None:
        if tree.get("nodes") is None:
            raise fail(key.place, f"node '{key.text}' has neither op nor nodes", _typo(tree))
        if problems := unknown_keys(tree, (*MODIFIERS, *SCOPE_KEYS), f"scope '{key.text}'"):
            raise SpecError(problems)
        return Written(key, key.place, None, (), modifiers, tree)
    if not isinstance(op, Scalar):
        raise fail(op.place, "'op' is a name", "op: conv2d")
    if tree.get("nodes") is not None:
        raise fail(tree.place, f"node '{key.text}' has both op and nodes", "keep one")
    arguments = tuple((k, v) for k, v in tree if k.text != "op" and k.text not in MODIFIERS)
    return Written(key, key.place, op, arguments, modifiers)


def _typo(tree: Map) -> str:
    found = [suggest(k.text, ("op", "nodes")) for k, _ in tree if k.text not in MODIFIERS]
    return next((s for s in found if s.startswith("did")), "op: name, or nodes: below it")


def node_name(key: Scalar, names: Names) -> str:
    """The key with its expressions filled in, checked to be a name, or a path of names."""
    value = evaluate_text(key, names) if "$" in key.text else key.text
    text = str(value)
    dots = sum(p.count(".") for p in parse_template(key.text) if isinstance(p, str))
    words = text.split(".", dots)
    if not all(map(_NAME.match, words)) or isinstance(value, (list, bool, float)):
        raise fail(key.place, f"'{text}' cannot be the name of a node", "letters, digits, _ and -, or a path")
    if len(text) > limits.NAME_LENGTH:
        raise fail(key.place, f"a name of {len(text):,} characters", f"the limit is {limits.NAME_LENGTH}")
    return text


def uses(key: Scalar, bound: Mapping[str, Any]) -> bool:
    """Whether a key mentions one of the bound names."""
    try:
        sources = [p.source for p in parse_template(key.text) if isinstance(p, Part)]
    except ExpressionError:
        return True  # the mistake is reported where the name is made
    return any(re.search(rf"\b{re.escape(name)}\b", source) for name in bound for source in sources)


def bindings(tree: Tree, names: Names, word: str) -> list[dict[str, Any]]:
    """What each copy binds: `repeat: 3`, `repeat: {i: 3, width: [64, 128, 256]}`."""
    if not isinstance(tree, Map):
        return [{} for _ in range(_count(tree, names, word))]
    columns: dict[str, list[Any]] = {}
    for key, value in tree:
        found = evaluate(value, names)
        if isinstance(found, (list, tuple)):
            columns[key.text] = [v if isinstance(v, Filled) else natural(v) for v in found]
        else:
            columns[key.text] = list(range(_count(value, names, word)))
    lengths = {k: len(v) for k, v in columns.items()}
    if len(set(lengths.values())) > 1:
        text = ", ".join(f"{k} has {n}" for k, n in lengths.items())
        raise fail(tree.place, f"what '{word}' binds must be of one length: {text}")
    if not columns:
        raise fail(tree.place, f"'{word}' is empty", f"{word}: 3, or {word}: {{i: 3}}")
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def _count(tree: Tree, names: Names, word: str) -> int:
    value = evaluate(tree, names)
    if isinstance(value, Dim):
        raise fail(tree.place, f"'{word}' depends on the size {value}, which is left free", "give the size a number")
    count: int = read_argument(Argument(value, tree.place), int, f"'{word}'")
    if count < 0:
        raise fail(tree.place, f"'{word}' must not be negative, got {count}")
    if count > limits.NODES:
        raise fail(tree.place, f"'{word}' makes {count:,} copies", f"the limit is {limits.NODES:,} nodes")
    return count


def flag(written: Written, name: str, names: Names) -> bool:
    """A yes-or-no modifier."""
    tree = written.modifier(name)
    return tree is not None and bool(read_argument(Argument(evaluate(tree, names), tree.place), bool, f"'{name}'"))


def read_marks(written: Written, names: Names, outer: Marks) -> Marks:
    """The marks of a node or scope; freezing and training-only are inherited."""
    tags, doc = written.modifier("tags"), written.modifier("doc")
    plain = {name: natural(evaluate(tree, names)) for name in ("init", "backward")
             if (tree := written.modifier(name)) is not None}  # fmt: skip
    return replace(
        Marks(),
        freeze=outer.freeze or flag(written, "freeze", names),
        train_only=outer.train_only or flag(written, "train_only", names),
        checkpoint=_checkpoint(written, names),
        reversible=flag(written, "reversible", names),
        tags=() if tags is None else _tags(tags, names),
        doc=" ".join(doc.text.split()) if isinstance(doc, Scalar) else "",
        **plain,
    )


def _checkpoint(written: Written, names: Names) -> bool | str:
    """Whether the inside is recomputed, or the word of what is recomputed together."""
    tree = written.modifier("checkpoint")
    value = None if tree is None else natural(evaluate(tree, names))
    if isinstance(value, str) and _NAME.match(value) and value.lower() not in ("yes", "no", "on", "off"):
        return value
    return flag(written, "checkpoint", names)


def _tags(tree: Tree, names: Names) -> tuple[str, ...]:
    value = evaluate(tree, names)
    return tuple(convert(v, str) for v in (value if isinstance(value, list) else [value]))
