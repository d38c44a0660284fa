"""Guidance in training: the `guidance` key of a recipe, and the module of a model with its guide.

While a guide is on, a step calls one graph that holds both: one forward pass of the model, one of the guide. The
guide's weights are fixed, and so are its buffers: it stays in inference mode whatever the rest does.
"""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import fx, nn

from graphwright.analyses.alignment.guide import Guide
from graphwright.analyses.alignment.joining import scope_beside
from graphwright.analyses.guidance import Guidance
from graphwright.compiler.ir.graph import Graph, Term
from graphwright.compiler.language.library import shipped
from graphwright.compiler.language.overrides import read_override
from graphwright.compiler.language.values import Mismatch, convert, natural
from graphwright.compiler.lowering.lower import lower
from graphwright.compiler.places import NOWHERE, Place, Problem, SpecError, fail, suggest

#: The name of the term that guidance adds to the objective.
TERM = "guidance"
#: Fields of the analysis that are keys here.
_PASS = {f.name: f for f in dataclasses.fields(Guidance)}


@dataclass(frozen=True)
class Guiding:
    """What the key `guidance` holds: a guide and how it is compared (`align`), its weight, and when it lets go."""

    align: Guidance
    #: The factor of the term, or a schedule {step: factor}.
    alpha: Any = 1.0
    #: So many steps the guide is on; 0 is to the end.
    until: int = 0

    def on(self, step: int) -> bool:
        """Whether the guide takes part in a step."""
        return not self.until or step < self.until

    def as_dict(self) -> dict[str, Any]:
        """Plain data that `read_guiding` reads."""
        align = {k: v for k, v in dataclasses.asdict(self.align).items() if v != _PASS[k].default}
        pairs = {k: dict(v) for k, v in align.items() if k in ("params", "mapping") and not isinstance(v, str)}
        return {**align, **pairs, "alpha": self.alpha, "until": self.until}


def read_guiding(value: Any, place: Place = NOWHERE) -> Guiding | None:
    """The key's value: a mapping, a guide alone, or none. All mistakes come together.

    A path in a spec is relative to that spec, and stays within its folder; elsewhere it is as the user gave it.
    """
    if isinstance(value, str) and value.lstrip().startswith("{"):
        value = natural(read_override("guidance", value))
    if value is None or value in ("none", False):
        return None
    given = dict(value) if isinstance(value, Mapping) else {"guide": value}
    hints = typing.get_type_hints(Guidance)
    found: dict[str, Any] = {}
    problems: list[Problem] = []
    for key, item in given.items():
        try:
            found[key] = _read(key, item, hints, place)
        except SpecError as error:
            problems += error.problems
    if not problems and not found.get("guide"):
        problems.append(Problem(place, "guidance needs a guide", "guide: a library name, a spec, or a run"))
    if problems:
        raise SpecError(problems)
    rest = {k: found.pop(k) for k in ("alpha", "until") if k in found}
    return Guiding(Guidance(**found), **rest)


def _read(key: str, value: Any, hints: Mapping[str, Any], place: Place) -> Any:
    if isinstance(value, str):
        value = natural(read_override(key, value)) if key not in ("guide", "weights") else value
    if key == "alpha":
        return _alpha(value, place)
    if key not in (*_PASS, "until"):
        raise fail(place, f"guidance has no key '{key}'", suggest(key, (*_PASS, "alpha", "until")))
    if key in ("guide", "weights"):
        return _located(key, str(value), place)
    pairs = tuple(value.items()) if isinstance(value, Mapping) else value
    try:
        read = convert(pairs, int if key == "until" else hints[key])
    except Mismatch as error:
        raise fail(place, f"guidance: '{key}' cannot be {value!r}", str(error)) from None
    if key in ("until", "guide_seed") and read < 0:
        raise fail(place, f"guidance: {key}={read} is below 0", "")
    return read


def _alpha(value: Any, place: Place) -> Any:
    numbers = [*map(_number, value.values())] if isinstance(value, Mapping) else [_number(value)]
    steps = [_number(k) for k in value] if isinstance(value, Mapping) else [0.0]
    if not numbers or not all(n is not None and n >= 0 for n in (*numbers, *steps)):
        raise fail(place, f"guidance: alpha={value!r} is no factor", "a number from 0, or a schedule {step: number}")
    return {str(k): float(v) for k, v in value.items()} if isinstance(value, Mapping) else float(value)


def _number(value: Any) -> float | None:
    try:
        number = None if isinstance(value, bool) else float(value)
    except (TypeError, ValueError):
        return None
    return number if number is not None and abs(number) < float("inf") else None


def _located(key: str, text: str, place: Place) -> str:
    """A guide or its weights as they are found from here. A spec reaches nothing outside its own folder."""
    if text in shipped() or (key == "weights" and text in ("", "initial")) or not place.line:
        return text
    folder = Path(place.file).parent
    target = folder / text
    if not target.resolve().is_relative_to(folder.resolve()):
        hint = f"move it below, or give guidance.{key}= on the command line"
        raise fail(place, f"guidance: '{text}' lies outside the spec's folder", hint)
    if not target.exists():
        rule = f"guidance: nothing is called '{text}', neither in the library nor beside {Path(place.file).name}"
        raise fail(place, rule, suggest(text, shipped()))
    return str(target)


# -- the model with its guide -----------------------------------------------------------------
class Asleep(nn.Module):
    """A part of a model that stays in inference mode, whatever mode the model is put in."""

    def __init__(self, part: nn.Module) -> None:
        super().__init__()
        for name, child in part.named_children():
            self.add_module(name, child)
        for name, buffer in part.named_buffers(recurse=False):
            self.register_buffer(name, buffer)
        for name, parameter in part.named_parameters(recurse=False):
            self.register_parameter(name, parameter)
        self.train(False)

    def train(self, mode: bool = True) -> Asleep:
        return super().train(False)


@dataclass(frozen=True)
class Guided:
    """The training graph with the guide in it, whose last term is the guidance."""

    graph: Graph
    guide: Guide
    scope: str

    def beside(self, module: fx.GraphModule, device: torch.device) -> fx.GraphModule:
        """The joined graph as a module that shares the parameters, buffers and submodules of `module`."""
        made = lower(self.graph, cone="train", device=device)
        for name, child in module.named_children():
            made.add_module(name, child)
        for name, parameter in module.named_parameters(recurse=False):
            setattr(made, name, parameter)
        for name, buffer in module.named_buffers(recurse=False):
            setattr(made, name, buffer)
        if (part := made._modules.get(self.scope)) is not None:
            part.load_state_dict({k: self.guide.weights[k] for k in part.state_dict()})
            made.add_module(self.scope, Asleep(part))
        return made


def guided(graph: Graph, guiding: Guiding, guide: Guide) -> Guided:
    """A training graph and its guide; the samples of all processes are compared together."""
    scope = scope_beside(graph)
    joined = guiding.align.joined(graph, guide, gather=True)
    term = Term(TERM, joined.loss, guiding.alpha)
    return Guided(joined.graph.with_(losses=(*graph.losses, term)).training(), guide, scope)
