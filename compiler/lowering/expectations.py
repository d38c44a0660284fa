"""What a spec's `expect` section claims, held against the graph."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from graphwright.compiler.ir.graph import Graph
from graphwright.compiler.lowering.cost import count
from graphwright.compiler.places import Place, Problem, suggest

_UNITS = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}
_NUMBER = re.compile(r"([\d_]+(?:\.\d+)?)\s*([KMGT]?)\Z")

#: Claims about one number.
FIGURES: dict[str, Callable[[Graph], int]] = {
    "parameters": lambda g: count(g.deployed()).parameters,
    "training_parameters": lambda g: count(g.training()).parameters,
    "frozen": lambda g: count(g.deployed()).frozen,
    "buffers": lambda g: count(g.deployed()).buffers,
    "macs": lambda g: count(g.deployed()).macs,
    "flops": lambda g: count(g.deployed()).flops,
}


def unmet(graph: Graph) -> list[Problem]:
    """A problem for every claim that does not hold."""
    found: list[Problem] = []
    for key, setting in graph.expect.items():
        if key in FIGURES:
            found += _figure(key, setting.value, FIGURES[key](graph), setting.place)
        elif key in ("nodes", "outputs"):
            found += _shapes(graph, key, setting.value, setting.place)
        elif key not in ("source", "doc"):
            known = (*FIGURES, "nodes", "outputs")
            found.append(Problem(setting.place, f"'expect' knows no '{key}'", suggest(key, known)))
    return found


def _figure(key: str, claim: Any, value: int, place: Place) -> list[Problem]:
    """A figure with a unit, `4.09G`, is held to the digits it gives; a plain number exactly."""
    match = _NUMBER.match(str(claim))
    if not match:
        return [Problem(place, f"'{key}' must be a number such as 25_557_032 or 4.09G, got '{claim}'")]
    digits, unit = match.group(1).replace("_", ""), match.group(2)
    try:
        stated = Decimal(digits) * _UNITS[unit]
    except InvalidOperation:
        return [Problem(place, f"'{key}' must be a number, got '{claim}'")]
    if not unit:
        holds = int(stated) == value
    else:
        last = Decimal(1).scaleb(-len(digits.partition(".")[2])) * _UNITS[unit]
        holds = abs(stated - value) <= last / 2
    return [] if holds else [Problem(place, f"expected {key} {claim}, got {value:,}", f"{value:_}")]


def _shapes(graph: Graph, section: str, claims: Any, place: Place) -> list[Problem]:
    if not isinstance(claims, Mapping):
        return [Problem(place, f"'{section}' must map names to shapes")]
    outputs = dict(graph.outputs)
    found: list[Problem] = []
    for name, claim in claims.items():
        value = outputs.get(name, "") if section == "outputs" else _value(graph, name)
        if value not in graph.types:
            known = outputs if section == "outputs" else graph.by_name
            found.append(Problem(place, f"no {section[:-1]} '{name}'", suggest(name, known)))
            continue
        shape = graph.types[value].shape
        wanted = [str(c) for c in claim] if isinstance(claim, list) else [str(claim)]
        if [str(s) for s in shape] != wanted:
            found.append(Problem(place, f"expected '{name}' to be [{', '.join(wanted)}], got {graph.types[value]}"))
    return found


def _value(graph: Graph, name: str) -> str:
    """A node by name; a scope by name is its last node."""
    if name in graph.types:
        return name
    inside = [n.name for n in graph.nodes if n.name.startswith(name + ".")]
    return inside[-1] if inside else name
