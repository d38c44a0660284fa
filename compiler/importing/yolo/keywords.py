"""The modules of the dialect with tags: the block that each one is, and its arguments by their keywords."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from graphwright.compiler.importing.yolo.arguments import ACTIVATIONS, value
from graphwright.compiler.importing.yolo.layers import Call
from graphwright.compiler.language.reading import Map, Scalar, Tree
from graphwright.compiler.places import Problem, SpecError, fail, suggest


@dataclass(frozen=True)
class Keywords:
    """A module of this dialect: our block, and its arguments by their keyword; `needs` must be given."""

    op: str
    keywords: dict[str, str] = field(default_factory=dict)
    needs: tuple[str, ...] = ()
    stride: int = 1


_OUT = {"out_channels": "out"}
_CONV = _OUT | {
    "kernel_size": "kernel",
    "stride": "stride",
    "padding": "padding",
    "groups": "groups",
    "dilation": "dilation",
    "activation": "act",
}
_ELAN = _OUT | {"part_channels": "hidden", "process_channels": "width"}
_NEEDS_OUT = ("out_channels",)

# fmt: off
MODULES: dict[str, Keywords] = {
    "Conv": Keywords("conv", _CONV, ("out_channels", "kernel_size")),
    "RepConv": Keywords("rep_conv", {k: v for k, v in _CONV.items() if k not in ("padding", "dilation")}, _NEEDS_OUT),
    "ELAN": Keywords("elan", _ELAN, ("out_channels", "part_channels")),
    "RepNCSPELAN": Keywords("rep_elan", _ELAN | {"csp_args": "csp"}, ("out_channels", "part_channels")),
    "RepNCSPELAND": Keywords("rep_elan_d", _ELAN | {"csp_args": "csp", "atoms": "atoms", "rd_args": "rd"},
        ("out_channels", "part_channels")),
    "AConv": Keywords("aconv", _OUT, _NEEDS_OUT, 2),
    "ADown": Keywords("adown", _OUT, _NEEDS_OUT, 2),
    "SPPELAN": Keywords("spp_elan", _OUT | {"neck_channels": "hidden"}, _NEEDS_OUT),
    "SPPCSPConv": Keywords("spp_csp", _OUT | {"expand": "expansion", "kernel_sizes": "kernels"}, _NEEDS_OUT),
    "CBLinear": Keywords("cb_linear", {"out_channels": "outs", "kernel_size": "kernel", "stride": "stride"},
        _NEEDS_OUT),
    "CBFuse": Keywords("cb_fuse", {"index": "index", "mode": ""}, ("index",)),
    "Concat": Keywords("concat", {"dim": "dim"}),
    "Pool": Keywords("max_pool2d",
        {"method": "method", "kernel_size": "kernel", "stride": "stride", "padding": "padding"}),
    "UpSample": Keywords("upsample", {"scale_factor": "scale", "mode": "mode"}, ("scale_factor",)),
    "MultiheadDetection": Keywords("multihead_detection", {"use_group": "grouped", "version": "version"}),
    "MultiheadSegmentation": Keywords("multihead_segmentation", {"num_maskes": "masks", "use_group": "grouped"},
        ("num_maskes",)),
    "Classification": Keywords("classification", {"neck_channels": "width"}),
}
# fmt: on
HEADS = ("MultiheadDetection", "MultiheadSegmentation")
JOINS = ("Concat", "CBFuse", *HEADS)
NAMES = {"aconv": "down", "adown": "down", "upsample": "up", "max_pool2d": "pool", "avg_pool2d": "pool"}
NAMES |= {"multihead_detection": "detect", "multihead_segmentation": "segment", "classification": "classify"}
#: Arguments that are mappings themselves, and what can be in them.
_INNER = {
    "csp": {"repeat_num": "depth", "csp_expand": "expansion"},
    "rd": {"alpha": "alpha", "in_channels": ""},
}


def arguments(name: Scalar, args: Map, module: Keywords, shown: str) -> dict[str, Any]:
    """The keywords of a module as arguments of our block. Raises `SpecError` with all mistakes among them."""
    given: dict[str, Any] = {}
    problems = []
    for key, tree in args:
        if key.text not in module.keywords:
            hint = suggest(key.text, module.keywords) or "it takes none"
            problems.append(Problem(key.place, f"{shown} has no argument '{key.text}'", hint))
        elif module.keywords[key.text] in _INNER:
            given |= _inner(key.text, tree, _INNER[module.keywords[key.text]], shown)
        elif ours := module.keywords[key.text]:
            given[ours] = _keyword(ours, tree, shown)
    missing = [n for n in module.needs if args.get(n) is None]
    if missing:
        problems.append(Problem(name.place, f"{shown} needs {', '.join(missing)}"))
    if problems:
        raise SpecError(problems)
    return given


def _inner(key: str, tree: Tree, known: dict[str, str], shown: str) -> dict[str, Any]:
    if not isinstance(tree, Map) or any(k.text not in known for k, _ in tree):
        raise fail(tree.place, f"{key} of {shown} can hold " + " and ".join(known))
    return {known[k.text]: _keyword(known[k.text], v, shown) for k, v in tree if known[k.text]}


def _keyword(name: str, tree: Tree, shown: str) -> Any:
    found = value(tree, {})
    if name == "act":
        return _act(found, tree)
    lists, words, flags = ("outs", "index", "kernels"), ("method", "mode", "version"), ("grouped",)
    wants: tuple[type, ...] = (int,)
    if name in lists:
        wants = (list,)
    elif name in words:
        wants = (str,)
    elif name in ("expansion", "scale", "alpha"):
        wants = (int, float)
    if not isinstance(found, wants) or (isinstance(found, bool) and name not in flags):
        kind = "a list" if name in lists else "a word" if name in words else "a number"
        raise fail(tree.place, f"an argument of {shown} must be {kind}, not {found!r}")
    if (
        wants != (list,)
        and isinstance(found, (int, float))
        and found < (0 if name in ("padding", "dim") else 1)
        and (name not in ("expansion", "alpha", "grouped"))
    ):
        raise fail(tree.place, f"an argument of {shown} cannot be {found}")
    return found


def _act(found: Any, tree: Tree) -> Call:
    """An activation by the name of its class, in any case; false and none for no activation."""
    table = {name.lower(): op for name, (op, _) in ACTIVATIONS.items()}
    if not found or str(found).lower() in ("false", "none"):
        return Call("identity")
    if str(found).lower() not in table:
        raise fail(tree.place, f"the activation '{found}' is not on the list", suggest(str(found), ACTIVATIONS))
    return Call(table[str(found).lower()])


def block(module: Keywords, given: dict[str, Any], args: Map) -> Call:
    """The block of a module with its arguments, where those two differ from what the keywords say."""
    found = dict(given)
    op = module.op
    if op == "classification":
        found = {"classes": "$classes"} | found
    if op == "max_pool2d":
        method = found.pop("method", "max").lower()
        if method not in ("max", "avg"):
            raise fail(args.place, f"no pooling '{method}'", "max or avg")
        op, kernel = f"{method}_pool2d", found.setdefault("kernel", 2)
        found.setdefault("padding", (kernel - 1) // 2)
        found.setdefault("stride", kernel)
        if found["padding"] == 0:
            del found["padding"]
    elif found.get("stride") == 1:
        del found["stride"]
    if found.get("mode") == "nearest":
        del found["mode"]
    if op == "conv" and found.get("kernel", 1) % 2 == 0 and "padding" not in found:
        found["padding"] = (found["kernel"] - 1) * found.get("dilation", 1) // 2  # this dialect rounds down
    return Call(op, {k: v for k, v in found.items() if not (k == "dim" and v == 1)})
