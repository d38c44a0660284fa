"""Modules whose arguments choose what they are made of: the unit inside, as our blocks take it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from graphwright.compiler.importing.yolo.layers import Call
from graphwright.compiler.importing.yolo.modules import Module

if TYPE_CHECKING:
    from graphwright.compiler.importing.yolo.rows import File

#: What need not be written, since the block has it anyway.
_PLAIN = {"kernel": 1, "stride": 1, "groups": 1, "dilation": 1}
_DEFAULTS: dict[str, dict[str, Any]] = {
    "conv": _PLAIN,
    "dw_conv": _PLAIN,
    "ghost_conv": _PLAIN,
    "a2c2f": {"area": 1},
    "concat": {"dim": 1},
    "upsample": {"mode": "nearest"},
}


def settle(module: str, entry: Module, given: dict[str, Any], repeats: int, file: File) -> Call:
    """The block and arguments of a row of `module`, from the arguments `given` and the scaled `repeats`."""
    found = dict(given)
    if entry.depth and repeats != 1:
        found["depth"] = repeats
    elif module == "RepC3":
        found["depth"] = repeats  # its own default is not 1
    if module == "C3k2":
        found = _c3k2(found, file)
    elif module == "A2C2f":
        found = _a2c2f(found, file)
    elif module == "C2fCIB":
        found = _c2f_cib(found)
    elif module == "SPPF" and "times" in found:
        found["act"] = "identity"  # written with three arguments or more since YOLO26, whose first convolution has none
    elif module in ("Bottleneck", "BottleneckCSP") and file.family == "v5":
        found["kernels"] = [1, 3]
    known = _DEFAULTS.get(entry.op, {})
    return Call(entry.op, {k: v for k, v in (dict(entry.fixed) | found).items() if k not in known or known[k] != v})


def _c3k2(given: dict[str, Any], file: File) -> dict[str, Any]:
    inner: dict[str, Any] = {k: given.pop(k) for k in ("shortcut", "groups") if k in given}
    large = given.pop("c3k", False) or file.scale.letter in ("m", "l", "x")
    unit = "bottleneck_psa" if given.pop("attention", False) else "c3k" if large else "bottleneck"
    return given | {"unit": Call(unit, _changed(inner))}


def _a2c2f(given: dict[str, Any], file: File) -> dict[str, Any]:
    if file.scale.letter in ("l", "x"):
        given |= {"residual": True, "mlp": 1.2}
    inner: dict[str, Any] = {k: given.pop(k) for k in ("shortcut", "groups") if k in given}
    if given.pop("attention", True):
        return given
    for unused in ("area", "mlp", "residual"):
        given.pop(unused, None)
    return given | {"unit": Call("c3k", _changed(inner))}


def _c2f_cib(given: dict[str, Any]) -> dict[str, Any]:
    inner: dict[str, Any] = {"shortcut": given.pop("shortcut", False)}
    if given.pop("large", False):
        inner["middle"] = "rep_dw_conv"
    return given | {"unit": Call("cib", _changed(inner))}


def _changed(inner: dict[str, Any]) -> dict[str, Any]:
    """The arguments of a unit that are not its defaults: a shortcut, one group."""
    return {k: v for k, v in inner.items() if v != {"shortcut": True, "groups": 1}.get(k)}
