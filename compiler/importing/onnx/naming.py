"""Names for the nodes of an ONNX graph: module paths where the exporter left them, and never its running numbers.

A node that owns initial values `layer1.0.conv1.weight` is `layer1.0.conv1`. Others take the path of the module they
come from, which torch's exporters keep in metadata or in the node's name; what has no path is called by its op.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import nn

from graphwright.compiler.importing.building import Builder
from graphwright.compiler.ir.graph import Node

_OWNED = re.compile(
    r"(.+)(?:[./](?:weight|bias|running_mean|running_var|kernel|gamma|beta|scale)|_(?:weight|bias|gamma|beta|kernel))"
)


def cleaned(text: str) -> str:
    """Text as a dotted path of names: letters, digits and `_`, and no word that torch modules use themselves."""
    parts = re.split(r"[./]+", text.partition(":0")[0])
    words = [re.sub(r"\W+", "_", part).strip("_") or "_" for part in parts if part]
    return ".".join(f"{w}_" if hasattr(nn.Module, w) or w == "_" else w for w in words)


def owner(source: str) -> str:
    """The module that an initial value belongs to: `layer1.0.conv1` for `layer1.0.conv1.weight`; else nothing."""
    found = _OWNED.fullmatch(source)
    return cleaned(found[1]) if found and "::" not in source else ""


#: What exporters call a tensor that has no name of its own.
_ANONYMOUS = re.compile(r"onnx::.*|(?:onnx::)?[A-Za-z]*_?\d+|(?:view|unsqueeze|reshape|expand|buffer)(?:_\d+)?")


def constant(source: str, path: str) -> str:
    """The name of a stored tensor: its own if it has one, else `constant` in the module that reads it."""
    if source and not _ANONYMOUS.fullmatch(source):
        return cleaned(source)
    return f"{path}.constant" if path else "constant"


def path_of(node: Any) -> str:
    """The path that the exporter gives for a node, or nothing."""
    facts = {item.key: item.value for item in node.metadata_props}
    if "graphwright.place" in facts:
        return cleaned(node.name.partition("#")[0])
    if (scopes := _listed(facts.get("pkg.torch.onnx.name_scopes", ""))) is not None:
        inner = [s for s in scopes[:-1] if not s.startswith("_empty_nn")]
        return cleaned(inner[-1]) if inner else ""
    if "/" in node.name:
        return cleaned(_joined(node.name.strip("/").split("/")[:-1]))
    name = re.sub(r"[_-]?\d+$", "", node.name.removeprefix("node_")).lower()
    return "" if name in ("", "n", "node", node.op_type.lower()) else cleaned(node.name.removeprefix("node_"))


def kinds_of(nodes: Iterable[Any]) -> dict[str, str]:
    """The class of the module at each path, where the exporter kept it: `layer1.0` is a `BasicBlock`."""
    found: dict[str, str] = {}
    for node in nodes:
        facts = {item.key: item.value for item in node.metadata_props}
        scopes = _listed(facts.get("pkg.torch.onnx.name_scopes", ""))
        classes = _listed(facts.get("pkg.torch.onnx.class_hierarchy", ""))
        if scopes and classes and "graphwright.place" not in facts:
            pairs = zip(scopes[:-1], classes[:-1], strict=False)
            found.update({cleaned(s): c.rpartition(".")[2] for s, c in pairs if s and s not in found})
    return found


def _listed(text: str) -> list[str] | None:
    """A list of texts from its Python form, or nothing."""
    try:
        found = ast.literal_eval(text) if text else None
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return None
    return [str(item) for item in found] if isinstance(found, list) else None


def _joined(words: list[str]) -> str:
    """`layer1.0.conv1` from `layer1, layer1.0, conv1`: a word that repeats the one before it goes deeper."""
    found: list[str] = []
    for word in words:
        if found and word.startswith(found[-1] + "."):
            found.pop()
        found.append(word)
    return ".".join(found)


def settle(
    builder: Builder, weights: Mapping[str, torch.Tensor], fixed: Mapping[str, str], paths: Mapping[str, str],
    outputs: Iterable[tuple[str, str]],
) -> tuple[dict[str, torch.Tensor], list[tuple[str, str]]]:  # fmt: skip
    """Gives the builder's nodes their final names; returns weights and outputs under them.

    `fixed` are names that owned weights prescribe, `paths` are modules that nodes belong to. A module that became one
    op gives it its name; the nodes of one that became several stand inside it, named by their ops.
    """
    needed = _needed(builder, outputs)
    builder.nodes = [n for n in builder.nodes if n.name in needed]
    new = _names(builder, fixed, paths)

    def value(name: str) -> str:
        node, colon, index = name.partition(":")
        if node in new:
            return new[node] + colon + index
        owner, _, leaf = name.rpartition(".")
        return f"{new[owner]}.{leaf}" if owner in new else name

    builder.nodes = [_renamed(node, new, value) for node in builder.nodes]
    return {value(k): w for k, w in weights.items() if _alive(k, needed)}, [(port, value(v)) for port, v in outputs]


def _alive(name: str, needed: Collection[str]) -> bool:
    return name in needed or name.rpartition(".")[0] in needed


def _needed(builder: Builder, outputs: Iterable[tuple[str, str]]) -> set[str]:
    """The nodes that the outputs depend on; the others are half of a pattern that became one op."""
    names = {n.name for n in builder.nodes}

    def producer(value: str) -> str:
        name = value.partition(":")[0]
        return name if name in names else name.rpartition(".")[0]

    needed = {producer(value) for _, value in outputs}
    for node in reversed(builder.nodes):
        if node.name in needed:
            needed |= {producer(v) for v in node.reads} | ({node.marks.tie} if node.marks.tie else set())
    return needed


def _renamed(node: Node, new: Mapping[str, str], value: Any) -> Node:
    marks = replace(node.marks, tie=new[node.marks.tie]) if node.marks.tie else node.marks
    return replace(node, name=new[node.name], inputs=tuple((p, value(v)) for p, v in node.inputs), marks=marks)


def _names(builder: Builder, fixed: Mapping[str, str], paths: Mapping[str, str]) -> dict[str, str]:
    wanted = {n.name: fixed[n.name] for n in builder.nodes if fixed.get(n.name)}
    wanted |= _layers(builder, wanted, paths)
    free = [n for n in builder.nodes if n.name not in wanted]
    groups: dict[str, list[str]] = {}
    for node in free:
        if path := paths.get(node.name):
            groups.setdefault(path, []).append(node.op.name)
    levels = {p for name in (*wanted.values(), *groups) for p in _above(name)}
    owned = set(wanted.values())
    taken = {e.name for e in builder.inputs}
    levels |= {p for p, kinds in groups.items() if len(set(kinds)) > 1 and p not in owned}
    for node in free:
        path, kind = paths.get(node.name, ""), node.op.name
        if path in levels:
            wanted[node.name] = f"{path}.{kind}"
        elif path in owned:
            wanted[node.name] = f"{path}_{kind}"
        else:
            wanted[node.name] = path or kind
    found: dict[str, str] = {}
    for node in sorted(builder.nodes, key=lambda n: n.name not in fixed):  # prescribed names come first
        found[node.name] = _first_free(wanted[node.name], taken, levels)
        taken.add(found[node.name])
    return found


def _layers(builder: Builder, wanted: Mapping[str, str], paths: Mapping[str, str]) -> dict[str, str]:
    """The one node with parameters of each module, under the module's name."""
    found: dict[str, list[str]] = {}
    for node in builder.nodes:
        path = paths.get(node.name)
        if path and node.parameters and not node.op.bare and node.name not in wanted and path not in wanted.values():
            found.setdefault(path, []).append(node.name)
    return {names[0]: path for path, names in found.items() if len(names) == 1}


def _above(name: str) -> list[str]:
    words = name.split(".")
    return [".".join(words[:k]) for k in range(1, len(words))]


def _first_free(name: str, taken: Collection[str], levels: Collection[str]) -> str:
    count, candidate = 1, name
    while candidate in taken or candidate in levels:
        count += 1
        candidate = f"{name}_{count}"
    return candidate
