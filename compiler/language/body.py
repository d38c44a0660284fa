"""The sections of a spec or block, taken apart and checked for unknown keys; nothing is evaluated yet."""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from graphwright.compiler.language.reading import Map, Scalar, Seq, Tree
from graphwright.compiler.places import Place, Problem, SpecError, fail, suggest

SPEC_KEYS = (
    "graphwright", "name", "doc", "source", "extends", "include", "params", "inputs", "nodes", "outputs", "targets",
    "losses", "train", "transforms", "expect", "blocks",
)  # fmt: skip
BLOCK_KEYS = ("doc", "source", "params", "inputs", "nodes", "op", "outputs")
MODIFIERS = (
    "in", "repeat", "each", "loop", "if", "else", "tie", "train_only", "freeze", "init", "tags", "doc",
    "checkpoint", "reversible", "backward", "weight",
)  # fmt: skip
#: What an inline scope may hold beside its modifiers.
SCOPE_KEYS = ("nodes", "inputs", "outputs")
TYPE_WORDS = ("int", "float", "bool", "str", "list", "op", "any")
_RESERVED = {
    *MODIFIERS,
    *SCOPE_KEYS,
    "op",
    "params",
    "true",
    "false",
    "none",
    "and",
    "or",
    "not",
    "if",
    "else",
    "for",
    "in",
}
_PARAM = re.compile(r"[a-z_][a-z0-9_]*\Z")


@dataclass(frozen=True)
class Parameter:
    """A param of a block: its type word, default (a tree, evaluated at each use) and bounds."""

    name: str
    place: Place
    type: str | None = None
    default: Tree | None = None
    choices: Tree | None = None
    min: Tree | None = None
    max: Tree | None = None
    doc: str = ""


@dataclass(frozen=True)
class Body:
    """A spec or a block: what `op:` can name besides a primitive."""

    name: str
    place: Place
    params: tuple[Parameter, ...] = ()
    inputs: Map | None = None
    nodes: Map | None = None
    preset: Map | None = None
    outputs: Tree | None = None
    doc: str = ""
    source: str = ""
    sections: dict[str, Tree] = field(default_factory=dict)
    file: str = ""


def read_body(tree: Map, name: str, *, spec: bool) -> Body:
    """A body from its tree; all mistakes of its outline are reported together."""
    problems: list[Problem] = []
    preset = tree.get("op") is not None
    known = SPEC_KEYS if spec else BLOCK_KEYS
    if not (preset and not spec):  # the other keys of a preset are arguments of its op
        problems += unknown_keys(tree, known, "a spec" if spec else f"block '{name}'")
    for key, value in tree:
        if isinstance(value, Scalar) and value.empty and key.text in known:
            problems.append(Problem(key.place, f"'{key.text}' is empty", "fill it, or remove the key"))
    params: list[Parameter] = []
    for key, value in _mapping(tree, "params", problems) or ():
        try:
            params.append(_parameter(key, value))
        except SpecError as error:
            problems += error.problems
    nodes = _mapping(tree, "nodes", problems)
    meant = any("'nodes'" in p.hint for p in problems)  # a misspelt `nodes` is one mistake
    if nodes is None and not meant and not preset and not (spec and tree.get("extends")) and tree.get("nodes") is None:
        problems.append(Problem(tree.place, f"{name or 'the spec'} has no nodes", "add `nodes:`"))
    if problems:
        raise SpecError(problems)
    inputs = _mapping(tree, "inputs", problems)
    body_keys = {"params", "inputs", "outputs", "doc", "source"}
    rest = Map(tuple((k, v) for k, v in tree if k.text not in body_keys), tree.place)
    return Body(
        name, tree.place, tuple(params), inputs, nodes, rest if preset and not spec else None, tree.get("outputs"),
        _text(tree, "doc"), _text(tree, "source"),
        {k.text: v for k, v in tree} if spec else {}, tree.place.file,
    )  # fmt: skip


def unknown_keys(tree: Map, known: Iterable[str], what: str) -> list[Problem]:
    """A problem for every key that is not one of `known`."""
    names = tuple(known)
    return [
        Problem(k.place, f"{what} has no key '{k.text}'", suggest(k.text, names))
        for k, _ in tree
        if k.text not in names
    ]


def suggest_key(word: str, arguments: Iterable[str]) -> str:
    """The hint for a key beside `op` that is no argument: the nearest argument or modifier."""
    known = tuple(arguments)
    near = suggest(word, (*known, *MODIFIERS))
    return near if near.startswith("did you mean") else suggest(word, known)


def _text(tree: Map, key: str) -> str:
    value = tree.get(key)
    return " ".join(value.text.split()) if isinstance(value, Scalar) else ""


def _mapping(tree: Map, key: str, problems: list[Problem]) -> Map | None:
    value = tree.get(key)
    if value is None or isinstance(value, Map):
        return value
    if not (isinstance(value, Scalar) and value.empty):
        problems.append(Problem(value.place, f"'{key}' must be a mapping", "write `name: value` lines below it"))
    return None


def _parameter(key: Scalar, value: Tree) -> Parameter:
    name = key.text
    if not _PARAM.match(name):
        hint = "capitals are sizes; params are small" if name[:1].isupper() else "use small letters, digits and _"
        raise fail(key.place, f"'{name}' cannot be the name of a param", hint)
    if name in _RESERVED or keyword.iskeyword(name):
        raise fail(key.place, f"'{name}' is a word of the language and cannot be a param", "choose another name")
    if isinstance(value, Scalar):
        if value.empty:
            raise fail(value.place, f"param '{name}' is empty", "give a default, or a type: " + " ".join(TYPE_WORDS))
        if value.plain and value.text in TYPE_WORDS:
            return Parameter(name, key.place, value.text)
        return Parameter(name, key.place, default=value)
    if isinstance(value, Seq):
        return Parameter(name, key.place, "list", value)
    if not value.get("default") and not value.get("type") and value.get("op") is not None:
        return Parameter(name, key.place, "op", value)
    if problems := unknown_keys(value, ("type", "default", "choices", "min", "max", "doc"), f"param '{name}'"):
        raise SpecError(problems)
    word = value.get("type")
    if word is not None and not (isinstance(word, Scalar) and word.text in TYPE_WORDS):
        raise fail(word.place, "the type of a param is one word", "one of: " + " ".join(TYPE_WORDS))
    if word is None and value.get("default") is None:
        raise fail(key.place, f"param '{name}' has neither a type nor a default")
    kind = word.text if isinstance(word, Scalar) else ("list" if isinstance(value.get("default"), Seq) else None)
    return Parameter(
        name, key.place, kind, value.get("default"), value.get("choices"), value.get("min"), value.get("max"),
        _text(value, "doc"),
    )  # fmt: skip
