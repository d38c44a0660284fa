"""The arguments of a module, from text to values. Nothing is evaluated: what is not in a table is a mistake."""

from __future__ import annotations

import math
import re
from typing import Any

from graphwright.compiler.importing.yolo.layers import Call
from graphwright.compiler.language.reading import Scalar, Seq, Tree
from graphwright.compiler.places import NOWHERE, fail, suggest

_INTEGER = re.compile(r"[-+]?\d+\Z")
_NUMBER = re.compile(r"[-+]?(\d+\.\d*|\.?\d+)([eE][-+]?\d+)?\Z")
_WORDS = {"none": None, "null": None, "~": None, "": None, "true": True, "false": False}

#: The activations that a file can name: class of torch.nn -> our op and the names of its arguments, in torch's order.
#: Arguments without a name of ours are flags that change no value.
ACTIVATIONS: dict[str, tuple[str, dict[str, str]]] = {
    "SiLU": ("silu", {"inplace": ""}),
    "ReLU": ("relu", {"inplace": ""}),
    "ReLU6": ("relu6", {"inplace": ""}),
    "LeakyReLU": ("leaky_relu", {"negative_slope": "slope", "inplace": ""}),
    "PReLU": ("prelu", {"num_parameters": "parameters"}),
    "ELU": ("elu", {"alpha": "alpha", "inplace": ""}),
    "SELU": ("selu", {"inplace": ""}),
    "CELU": ("celu", {"alpha": "alpha", "inplace": ""}),
    "GELU": ("gelu", {"approximate": "approximate"}),
    "Mish": ("mish", {"inplace": ""}),
    "Hardswish": ("hardswish", {"inplace": ""}),
    "Hardsigmoid": ("hardsigmoid", {"inplace": ""}),
    "Sigmoid": ("sigmoid", {}),
    "Tanh": ("tanh", {}),
    "Softplus": ("softplus", {"beta": "beta", "threshold": "threshold"}),
    "Identity": ("identity", {}),
}
_ACTIVATION = re.compile(r"(?:torch\.)?nn\.(\w+)\s*(?:\((.*)\))?\s*\Z")


def value(tree: Tree, names: dict[str, Any]) -> Any:
    """A number, a truth value, None, text, or a list of these; `names` are the words that stand for a value."""
    if isinstance(tree, Seq):
        return [value(item, names) for item in tree.items]
    if not isinstance(tree, Scalar):
        raise fail(tree.place, "an argument is a number, text or a list, not a mapping")
    return _scalar(tree.text.strip(), names)


def _scalar(text: str, names: dict[str, Any]) -> Any:
    if text in names:
        return names[text]
    if text.lower() in _WORDS:
        return _WORDS[text.lower()]
    if _INTEGER.match(text):
        return int(text)
    if _NUMBER.match(text) and math.isfinite(float(text)):
        return float(text)
    return text


def whole(tree: Tree | None, default: int, what: str) -> int:
    """The number under a key of the file: a whole one from 1, `default` where the key is missing."""
    found = default if tree is None else value(tree, {})
    if isinstance(found, int) and not isinstance(found, bool) and found > 0:
        return found
    raise fail(tree.place if tree else NOWHERE, f"{what} must be a whole number from 1, not {found!r}", str(default))


def activation(text: str, tree: Tree) -> Call:
    """The op of `nn.LeakyReLU(0.1)`: a class of the table, with numbers, words or `name=value` in brackets."""
    match = _ACTIVATION.match(text.strip())
    if match is None:
        raise fail(tree.place, f"'{text}' is no activation", "nn.ReLU(), nn.LeakyReLU(0.1), nn.SiLU() ...")
    name, inside = match.group(1), (match.group(2) or "").strip()
    if name not in ACTIVATIONS:
        raise fail(tree.place, f"the activation nn.{name} is not on the list", suggest(name, ACTIVATIONS))
    op, known = ACTIVATIONS[name]
    return Call(op, _given(name, inside, known, tree))


def _given(name: str, inside: str, known: dict[str, str], tree: Tree) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for position, part in enumerate(p.strip() for p in inside.split(",") if p.strip()):
        key, equals, text = part.rpartition("=")
        key = key.strip() if equals else dict(enumerate(known)).get(position, "")
        read = _scalar(text.strip().strip("'\""), {})
        if key not in known:
            raise fail(tree.place, f"nn.{name} has no argument '{part}'", suggest(key, known) or "it takes none")
        if isinstance(read, str) and read not in ("tanh", "none"):
            raise fail(tree.place, f"'{text.strip()}' is no number", f"nn.{name}(0.1)")
        if known[key]:
            found[known[key]] = read
    return found
