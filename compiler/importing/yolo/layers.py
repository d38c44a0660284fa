"""What both dialects are read into: layers with names, as they will stand in the spec."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Call:
    """An op with arguments: a node of the spec, or a unit inside one."""

    op: str
    arguments: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Layer:
    """A node of the spec. `reads` are names; those in `more` go to the port `port` of the op."""

    name: str
    call: Call
    reads: tuple[str, ...]
    port: str = ""
    more: tuple[str, ...] = ()
    repeat: int = 1
    section: str = ""
    train_only: bool = False


@dataclass(frozen=True)
class Model:
    """A model file: its layers in order, and the heads among them, by name. `blocks` replace those of the library."""

    name: str
    doc: str
    classes: int
    channels: int
    layers: tuple[Layer, ...]
    heads: dict[str, Head]
    blocks: dict[str, Call] = field(default_factory=dict)
    library: str = "yolo"


@dataclass(frozen=True)
class Head:
    """What a detector's head puts out: `kind` is sides (the distances to them) or boxes.

    `aux` are the prefixes of its training-only twins, `extra` are outputs beside boxes and scores, `bins` the values of
    a side's distribution. A head that is `train_only` as a whole learns beside the deployed one.
    """

    kind: str
    aux: tuple[str, ...] = ()
    extra: tuple[str, ...] = ()
    bins: int = 16
    train_only: bool = False
