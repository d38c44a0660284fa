"""Functions and classes of ours that a written file needs, copied from their source with what they use in turn."""

from __future__ import annotations

import ast
import inspect
import re
import types
from typing import Any

from graphwright.backends.source.kinds import Chain


def needs(made: Any) -> tuple[Any, ...]:
    """What the file must hold for an attribute."""
    if not isinstance(made, Chain):
        return made.needs  # type: ignore[no-any-return]
    return tuple(n for e in made.elements for n in needs(e)) if isinstance(made, Chain) else ()


def carry(need: Any, found: dict[str, list[str]], alias: str = "") -> None:
    """The source of a function or class of ours, after those that it uses, under a name that it shadows nowhere."""
    alias = alias or need.__name__
    if alias in found:
        return
    text = re.sub(r"^(@\w+\n)+", "", inspect.getsource(need)).replace(f"def {need.__name__}(", f"def {alias}(", 1)
    text = re.sub(r"  # type: ignore\[[^\]]*\]", "", text).replace("[Size, ...]", "[int, ...]")
    space, tree = vars(inspect.getmodule(need)), ast.parse(text)
    local = {n.arg for n in ast.walk(tree) if isinstance(n, ast.arg)}
    for word in dict.fromkeys(n.id for n in ast.walk(tree) if isinstance(n, ast.Name)):
        value = inspect.unwrap(space[word]) if callable(space.get(word)) else space.get(word)
        if isinstance(value, types.ModuleType) and value.__name__.startswith("graphwright."):
            for label in dict.fromkeys(re.findall(rf"\b{word}\.(\w+)", text)):
                other = f"{word}_{label}" if label in local else label
                carry(getattr(value, label), found, other)
                text = re.sub(rf"\b{word}\.{label}\b", other, text)
        elif isinstance(value, (int, float)) and word not in local:
            found.setdefault(word, [f"{word} = {value!r}"])
        elif inspect.isroutine(value) and value.__module__.startswith("graphwright.") and value is not need:
            carry(value, found)
    found[alias] = text.rstrip().splitlines()
