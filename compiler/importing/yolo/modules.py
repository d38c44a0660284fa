"""The modules that rows can name: the block that each one is, its arguments in their order, and what it does to size.

An argument is written `name:kind`, with `?` where it may be left out; `_` takes a place in the row and means nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from graphwright.compiler.importing.yolo.arguments import ACTIVATIONS, activation
from graphwright.compiler.importing.yolo.layers import Call
from graphwright.compiler.language.reading import Tree
from graphwright.compiler.places import Place, fail


@dataclass(frozen=True)
class Argument:
    """One place of a row's arguments."""

    name: str
    kind: str
    optional: bool


@dataclass(frozen=True)
class Module:
    """A module of the vocabulary. `unit` and `fixed` are arguments of the block that the row does not give.

    `scaled` says that the first argument is a width, `depth` that repeats are an argument of the block, and `stride`
    by how much the map shrinks, from the arguments.
    """

    name: str
    op: str
    arguments: tuple[Argument, ...]
    scaled: bool = True
    depth: bool = False
    stride: Callable[[Mapping[str, Any]], Fraction] = lambda _: Fraction(1)
    fixed: tuple[tuple[str, Any], ...] = ()

    def check(self, count: int, place: Place, shown: str) -> None:
        """Complain about a row with `count` arguments where that cannot be."""
        least = sum(not a.optional for a in self.arguments)
        if not least <= count <= len(self.arguments):
            several = str(least) if least == len(self.arguments) else f"{least} to {len(self.arguments)}"
            names = ", ".join(a.name for a in self.arguments if a.name != "_")
            raise fail(place, f"{shown} takes {several} arguments, not {count}", f"in order: {names}")


def _arguments(text: str) -> tuple[Argument, ...]:
    found = []
    for word in text.split():
        name, _, kind = word.rstrip("?").partition(":")
        found.append(Argument(name, kind or _KINDS.get(name, "int"), word.endswith("?")))
    return tuple(found)


_KINDS = {
    "act": "act",
    "expansion": "number",
    "mlp": "number",
    "shortcut": "flag",
    "residual": "flag",
    "bias": "flag",
    "outs": "ints",
    "kernels": "ints",
    "size": "ints",
    "_": "any",
}


def _module(name: str, op: str, arguments: str, **more: Any) -> Module:
    return Module(name, op, _arguments(arguments), **more)


def _by_stride(given: Mapping[str, Any]) -> Fraction:
    return Fraction(given.get("stride", 1))


def _by_window(given: Mapping[str, Any]) -> Fraction:
    return Fraction(given.get("stride", given.get("kernel", 2)))


def _by_twice(given: Mapping[str, Any]) -> Fraction:
    return 2 * _by_stride(given)


def _enlarged(given: Mapping[str, Any]) -> Fraction:
    return 1 / Fraction(given.get("scale", given.get("stride", 1)))


def _by_two(_: Mapping[str, Any]) -> Fraction:
    return Fraction(2)


_C3 = "out shortcut? groups? expansion?"
_GHOST = (("unit", Call("ghost_bottleneck")),)

# fmt: off
MODULES: dict[str, Module] = {
    "Conv": _module("conv", "conv", "out kernel? stride? padding? groups? dilation? act?", stride=_by_stride),
    "DWConv": _module("dw_conv", "dw_conv", "out kernel? stride? dilation? act?", stride=_by_stride),
    "ConvTranspose": _module("up", "conv_transpose", "out kernel? stride? padding?", stride=_enlarged,
        fixed=(("stride", 2),)),
    "nn.ConvTranspose2d": _module("up", "conv_transpose2d",
        "out kernel stride? padding? output_padding? groups? bias? dilation?", stride=_enlarged),
    "GhostConv": _module("ghost_conv", "ghost_conv", "out kernel? stride? groups? act?", stride=_by_stride),
    "Focus": _module("focus", "focus", "out kernel? stride? _? groups?", stride=_by_twice),
    "RepConv": _module("rep_conv", "rep_conv", "out kernel? stride? _? groups? _? act?", stride=_by_stride),
    "Bottleneck": _module("bottleneck", "bottleneck", "out shortcut? groups? kernels? expansion?"),
    "BottleneckCSP": _module("csp", "bottleneck_csp", _C3, depth=True),
    "C1": _module("c1", "c1", "out", depth=True),
    "C2": _module("c2", "c2", _C3, depth=True),
    "C2f": _module("c2f", "c2f", _C3, depth=True),
    "C3": _module("c3", "c3", _C3, depth=True),
    "C3Ghost": _module("c3_ghost", "c3", _C3, depth=True, fixed=_GHOST),
    "C3k2": _module("c3k2", "c2f", "out c3k:flag? expansion? attention:flag? groups? shortcut?", depth=True),
    "RepC3": _module("rep_c3", "rep_c3", "out expansion?", depth=True),
    "C2fCIB": _module("c2f_cib", "c2f", "out shortcut? large:flag? _? expansion?", depth=True),
    "C2PSA": _module("c2_psa", "c2_psa", "out expansion?", depth=True),
    "C2fPSA": _module("c2f_psa", "c2f", "out expansion?", depth=True, fixed=(("unit", Call("psa_block")),)),
    "PSA": _module("psa", "psa", "out expansion?"),
    "A2C2f": _module("a2c2f", "a2c2f",
        "out attention:flag? area? residual? mlp? expansion? groups? shortcut?", depth=True),
    "SPP": _module("spp", "spp", "out kernels?"),
    "SPPF": _module("sppf", "sppf", "out kernel? times? shortcut?"),
    "SPPELAN": _module("spp_elan", "spp_elan", "out hidden kernel?"),
    "SPPCSPC": _module("spp_csp", "spp_csp", "out _? _? expansion? kernels?"),
    "RepNCSPELAN4": _module("rep_elan", "rep_elan", "out hidden width depth?"),
    "ELAN1": _module("elan", "elan1", "out hidden width"),
    "AConv": _module("down", "aconv", "out", stride=_by_two),
    "ADown": _module("down", "adown", "out", stride=_by_two),
    "SCDown": _module("down", "sc_down", "out kernel stride", stride=_by_stride),
    "CBLinear": _module("cb_linear", "cb_linear", "outs kernel? stride?", scaled=False, stride=_by_stride),
    "CBFuse": _module("cb_fuse", "cb_fuse", "index:ints", scaled=False),
    "Concat": _module("concat", "concat", "dim?", scaled=False),
    "Shortcut": _module("add", "add", "_?", scaled=False),
    "Silence": _module("", "identity", "", scaled=False),
    "nn.Identity": _module("", "identity", "", scaled=False),
    "nn.Upsample": _module("up", "upsample", "size:any scale:number? mode:word? align_corners:flag?", scaled=False,
        stride=_enlarged),
    "nn.MaxPool2d": _module("pool", "max_pool2d", "kernel stride:int? padding? dilation? _? ceil:flag?", scaled=False,
        stride=_by_window),
    "nn.AvgPool2d": _module("pool", "avg_pool2d", "kernel stride:int? padding? ceil:flag?", scaled=False,
        stride=_by_window),
    "MP": _module("pool", "max_pool2d", "kernel?", scaled=False, stride=_by_window, fixed=(("kernel", 2),)),
    "SP": _module("pool", "max_pool2d", "kernel? stride?", scaled=False, stride=_by_stride,
        fixed=(("kernel", 3), ("stride", 1))),
    "nn.ZeroPad2d": _module("pad", "pad", "size", scaled=False),
    "nn.BatchNorm2d": _module("norm", "bn", "", scaled=False),
    "nn.Dropout": _module("dropout", "dropout", "p:number?", scaled=False),
    "ReOrg": _module("reorg", "rearrange", "", scaled=False, stride=_by_two, fixed=(
        ("pattern", "n c (h a) (w b) -> n (b a c) h w"), ("sizes", {"a": 2, "b": 2}))),
    "Classify": _module("classify", "classify", "classes:classes kernel? stride?", scaled=False),
}
# fmt: on
_LAYERS = {f"nn.{name}": op for name, (op, _) in ACTIVATIONS.items() if op != "identity"}
MODULES |= {name: Module("act", op, (), scaled=False) for name, op in _LAYERS.items()}


def checked(found: Any, kind: str, tree: Tree, module: str, name: str) -> Any:
    """A value of a row as the argument wants it. Width is not yet scaled here."""
    what = f"{module}'s {name}"
    if found is None or kind == "any":
        return found
    if kind == "act":
        if isinstance(found, str):
            return activation(found, tree)
        return {True: None, False: Call("identity")}.get(found)
    wants = {"flag": (bool, int), "number": (int, float), "word": (str,), "ints": (list, int)}.get(kind, (int,))
    if not isinstance(found, wants) or (isinstance(found, bool) and kind != "flag"):
        words = {"flag": "True or False", "number": "a number", "word": "a word", "ints": "whole numbers"}
        raise fail(tree.place, f"{what} must be {words.get(kind, 'a whole number')}, not {found!r}")
    if isinstance(found, (int, float)) and found < _LEAST.get(name, 1) and kind in ("int", "number"):
        raise fail(tree.place, f"{what} cannot be {found}")
    if kind == "ints":
        return _whole(found, tree, what)
    return bool(found) if kind == "flag" else found


#: The bounds of numbers that can be less than 1.
_LEAST = {"padding": 0, "output_padding": 0, "dim": 0, "expansion": 0, "mlp": 0, "p": 0, "area": -1}


def _whole(found: Any, tree: Tree, what: str) -> list[int]:
    items: Sequence[Any] = found if isinstance(found, list) else [found]
    if not all(isinstance(i, int) and not isinstance(i, bool) for i in items):
        raise fail(tree.place, f"{what} must be a list of whole numbers, not {found!r}")
    return list(items)
