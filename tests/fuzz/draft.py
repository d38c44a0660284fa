"""A random spec as plain data: its text, the tensors that its inputs take, and smaller specs made of it."""

from __future__ import annotations

import copy
import json
import re
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch

from graphwright.compiler.ir.types import Type
from tests.fuzz.values import DEFAULTS

Nodes = dict[str, dict[str, Any]]


@dataclass
class Draft:
    """The sections of a spec. Inputs and targets have a tensor beside their type."""

    inputs: dict[str, tuple[Type, torch.Tensor]] = field(default_factory=dict)
    targets: dict[str, tuple[Type, torch.Tensor]] = field(default_factory=dict)
    params: dict[str, Any] = field(default_factory=dict)
    nodes: Nodes = field(default_factory=dict)
    outputs: dict[str, Any] = field(default_factory=dict)
    losses: Nodes = field(default_factory=dict)
    blocks: dict[str, dict[str, Any]] = field(default_factory=dict)

    def text(self) -> str:
        """The spec as YAML."""
        parts: dict[str, Mapping[str, Any]] = {
            "params": self.params,
            "inputs": {name: typed(kind) for name, (kind, _) in self.inputs.items()},
            "targets": {name: typed(kind) for name, (kind, _) in self.targets.items()},
            "nodes": self.nodes,
            "outputs": self.outputs,
            "losses": self.losses,
            "blocks": self.blocks,
        }
        lines = ["graphwright: 1", "name: fuzz"]
        for section, entries in parts.items():
            if entries:
                lines += [f"{section}:", *(f"  {name}: {json.dumps(value)}" for name, value in entries.items())]
        return "\n".join(lines) + "\n"


def typed(kind: Type) -> str:
    """A type as an input declares it, free sizes with their defaults."""
    sizes = [str(s) if isinstance(s, int) else f"{s}={DEFAULTS[str(s)]}" for s in kind.shape]
    return f"{kind.dtype}[{', '.join(sizes)}]"


def shrunk(draft: Draft, fails: Callable[[Draft], bool], seconds: float = 30) -> Draft:
    """The smallest draft that one change at a time leads to, of those that still fail."""
    end = time.monotonic() + seconds
    smaller = True
    while smaller and time.monotonic() < end:
        smaller = False
        for candidate in _smaller(draft):
            if time.monotonic() > end:
                break
            if fails(candidate):
                draft, smaller = candidate, True
                break
    return draft


def _smaller(draft: Draft) -> Iterator[Draft]:
    """Drafts with something left out: a loss, an output, a node, a modifier, a block or an input that nobody reads."""
    for section in ("losses", "outputs"):
        for name in list(getattr(draft, section)):
            if section == "losses" or len(draft.outputs) > 1:
                yield _without(draft, section, name)
    for path in list(_bodies(draft)):
        for name, node in reversed(list(_at(draft, path).items())):
            yield _cut(draft, path, name, keep=False)
            if node.get("in"):
                yield _cut(draft, path, name, keep=True)
            for word in ("repeat", "each", "tie", "freeze", "init", "checkpoint", "doc", "tags", "train_only"):
                if word in node:
                    made = copy.deepcopy(draft)
                    del _at(made, path)[name][word]
                    yield made
    said = draft.text()
    for section in ("blocks", "inputs", "targets", "params"):
        for name in list(getattr(draft, section)):
            if len(re.findall(rf"\b{name}\b", said)) == 1:
                yield _without(draft, section, name)


def _without(draft: Draft, section: str, name: str) -> Draft:
    made = copy.deepcopy(draft)
    del getattr(made, section)[name]
    return made


def _bodies(draft: Draft) -> Iterator[tuple[str, ...]]:
    """Where nodes stand: the model, blocks, and the scopes inside."""
    pending: list[tuple[str, ...]] = [("nodes",), *(("blocks", b, "nodes") for b in draft.blocks)]
    while pending:
        path = pending.pop()
        yield path
        pending += [(*path, name, "nodes") for name, node in _at(draft, path).items() if "nodes" in node]


def _at(draft: Draft, path: tuple[str, ...]) -> Nodes:
    found = getattr(draft, path[0])
    for key in path[1:]:
        found = found[key]
    return found  # type: ignore[no-any-return]


def _cut(draft: Draft, path: tuple[str, ...], name: str, *, keep: bool) -> Draft:
    """Without a node. With `keep`, what read it reads what it read first; else outputs of it are left out."""
    made = copy.deepcopy(draft)
    node = _at(made, path).pop(name)
    reads = list(_references(node["in"])) if node.get("in") else []
    if keep:
        found = _renamed(json.loads(json.dumps([made.nodes, made.outputs, made.losses, made.blocks])), name, reads[0])
        made.nodes, made.outputs, made.losses, made.blocks = found
    else:
        full = ".".join(p for p in path[1:] if p != "nodes")
        gone = f"{full}.{name}" if full else name
        made.outputs = {k: v for k, v in made.outputs.items() if v != gone and not str(v).startswith(gone + ".")}
        if not made.outputs and reads:
            made.outputs = {"out": reads[0]}
    return made


def _references(found: Any) -> Iterator[str]:
    if isinstance(found, str):
        yield found
    else:
        for part in found.values() if isinstance(found, dict) else found:
            yield from _references(part)


def _renamed(tree: Any, old: str, new: str) -> Any:
    """The tree with each reference to `old`, or to an output of it, made one to `new`."""
    if isinstance(tree, dict):
        return {k: _renamed(v, old, new) for k, v in tree.items()}
    if isinstance(tree, list):
        return [_renamed(v, old, new) for v in tree]
    return new if tree == old or (isinstance(tree, str) and tree.startswith(old + ".")) else tree
