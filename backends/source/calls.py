"""A function of torch, as recorded by fx, to the expression that calls it: defaults left out, methods where they read
better, operators as signs."""

from __future__ import annotations

import ast
import inspect
import operator
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

import torch
from torch.nn import functional as F

from graphwright.backends.source.syntax import call, data, item

_BINARY: dict[Any, type[ast.operator]] = {
    operator.add: ast.Add, operator.sub: ast.Sub, operator.mul: ast.Mult, operator.truediv: ast.Div,
    operator.floordiv: ast.FloorDiv, operator.mod: ast.Mod, operator.pow: ast.Pow, operator.matmul: ast.MatMult,
    operator.and_: ast.BitAnd, operator.or_: ast.BitOr, operator.xor: ast.BitXor,
}  # fmt: skip
_COMPARED: dict[Any, type[ast.cmpop]] = {
    operator.lt: ast.Lt, operator.le: ast.LtE, operator.gt: ast.Gt, operator.ge: ast.GtE,
    operator.eq: ast.Eq, operator.ne: ast.NotEq,
}  # fmt: skip
_UNARY: dict[Any, type[ast.unaryop]] = {operator.neg: ast.USub, operator.invert: ast.Invert, operator.not_: ast.Not}
#: Functions of torch that read better as methods of their first argument.
METHODS = frozenset((
    "unflatten", "flatten", "permute", "transpose", "squeeze", "unsqueeze", "movedim", "unbind", "chunk", "roll",
    "flip", "mean", "sum", "amax", "amin", "prod", "var", "std", "argmax", "argmin", "topk", "cumsum", "clamp",
    "detach", "gather", "repeat_interleave", "exp", "log", "sqrt", "abs", "select",
))  # fmt: skip
#: Methods that take their sizes one by one.
_SPREAD = frozenset(("permute", "expand", "reshape", "repeat"))
#: Parameters of functions that hide them, with `...` where there is no default.
_BUILTIN: dict[str, dict[str, Any]] = {
    "avg_pool": {"input": ..., "kernel_size": ..., "stride": None, "padding": 0, "ceil_mode": False,
                 "count_include_pad": True, "divisor_override": None},
    "max_pool": {"input": ..., "kernel_size": ..., "stride": None, "padding": 0, "dilation": 1, "ceil_mode": False,
                 "return_indices": False},
    "gelu": {"input": ..., "approximate": "none"},
    "scaled_dot_product_attention": {"query": ..., "key": ..., "value": ..., "attn_mask": None, "dropout_p": 0.0,
                                     "is_causal": False, "scale": None, "enable_gqa": False},
    "mean": {"input": ..., "dim": None, "keepdim": False}, "sum": {"input": ..., "dim": None, "keepdim": False},
    "clamp": {"input": ..., "min": None, "max": None}, "cat": {"tensors": ..., "dim": 0},
    "stack": {"tensors": ..., "dim": 0}, "chunk": {"input": ..., "chunks": ..., "dim": 0},
    "unbind": {"input": ..., "dim": 0}, "roll": {"input": ..., "shifts": ..., "dims": ()},
    "flatten": {"input": ..., "start_dim": 0, "end_dim": -1}, "softplus": {"input": ..., "beta": 1, "threshold": 20},
}  # fmt: skip
#: Arguments that mean the same for every dimension as one number for all.
_UNIFORM = frozenset((
    "kernel_size", "stride", "padding", "dilation", "output_padding", "output_size", "kernel", "normalized_shape",
))  # fmt: skip
#: How many arguments stand without their names, where it is not those without a default.
_POSITIONAL = {"cat": 1, "stack": 1, "flatten": 3, "pad": 2, "clamp": 1, "mean": 1, "unflatten": 3, "chunk": 2}
_PRIVATE = frozenset(("_stacklevel", "inplace"))


@cache
def public_names() -> dict[Any, str]:
    """Every function of torch's public namespaces by identity, with its shortest path."""
    spaces = ((F, "F"), (torch, "torch"), (torch.special, "torch.special"), (torch.linalg, "torch.linalg"))
    found: dict[Any, str] = {}
    for space, prefix in spaces:
        for label in dir(space):
            value = getattr(space, label)
            if callable(value) and not isinstance(value, type) and not label.startswith("_"):
                found.setdefault(value, f"{prefix}.{label}")
    return found


def called(target: Any, args: Sequence[Any], kwargs: Mapping[str, Any], own: Callable[[Any], str]) -> ast.expr:
    """The expression for `target(*args, **kwargs)`; `own` names a function that is no part of torch."""
    if target in _BINARY:
        return ast.BinOp(data(args[0]), _BINARY[target](), data(args[1]))
    if target in _COMPARED:
        return ast.Compare(data(args[0]), [_COMPARED[target]()], [data(args[1])])
    if target in _UNARY:
        return ast.UnaryOp(_UNARY[target](), data(args[0]))
    if target is operator.getitem and args[1] == (slice(None),):
        return data(args[0])
    if target is operator.getitem:
        index = args[1]
        return item(data(args[0]), index[0] if isinstance(index, tuple) and len(index) == 1 else index)
    if target is getattr:
        return ast.Attribute(data(args[0]), args[1])
    if target is torch.sym_max:
        return call("max", *args)
    text = public_names().get(target) or own(target)
    label = text.rpartition(".")[2]
    if text == f"torch.{label}" and label in METHODS and args:
        return method(label, args, kwargs)
    positional, named = _tidied(label, _parameters(target, label), args, kwargs)
    return call(text, *positional, **named)


def method(label: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> ast.expr:
    """The expression for a method of the first argument."""
    owner, *rest = args
    if label == "size" and len(rest) == 1:
        return item(ast.Attribute(data(owner), "shape"), rest[0])
    if label in _SPREAD and len(rest) == 1 and isinstance(rest[0], (tuple, list)):
        rest = list(rest[0])
    elif label in _BUILTIN:
        (_, *rest), kwargs = _tidied(label, _BUILTIN[label], args, kwargs)
    return call(ast.Attribute(data(owner), label), *rest, **kwargs)


def _parameters(target: Any, label: str) -> dict[str, Any]:
    """Names and defaults of a function's parameters; empty where they are not known."""
    stem = label.rstrip("123d")
    if stem in _BUILTIN:
        return _BUILTIN[stem]
    if label in _BUILTIN:
        return _BUILTIN[label]
    try:
        found = inspect.signature(target).parameters
    except (TypeError, ValueError):
        return {}
    if any(p.kind in (p.VAR_POSITIONAL, p.VAR_KEYWORD) for p in found.values()):
        return {}
    return {n: ... if p.default is p.empty else p.default for n, p in found.items()}


def _tidied(
    label: str, parameters: Mapping[str, Any], args: Sequence[Any], kwargs: Mapping[str, Any]
) -> tuple[list[Any], dict[str, Any]]:
    """Positional and named arguments, without those that equal their defaults."""
    if not parameters:
        return list(args), dict(kwargs)
    given = {k: plain(k, v) for k, v in (dict(zip(parameters, args, strict=False)) | dict(kwargs)).items()}
    if "stride" in given and "pool" in label and _same(given["stride"], given["kernel_size"]):
        del given["stride"]
    required = _POSITIONAL.get(label, sum(d is ... for d in parameters.values()))
    positional: list[Any] = []
    named: dict[str, Any] = {}
    for place, (name, default) in enumerate(parameters.items()):
        if name in given and name not in _PRIVATE and not _same(given[name], default):
            if place < required and place == len(positional):
                positional.append(given[name])
            else:
                named[name] = given[name]
    return positional, named


def _same(value: Any, default: Any) -> bool:
    """Whether a literal equals another, types included."""
    return value is default or (type(value) is type(default) and not isinstance(value, ast.AST) and value == default)


def plain(name: str, value: Any) -> Any:
    """`3` for `(3, 3)`, in arguments where it is the same; of sizes that are normalised, `3` is `(3,)` alone."""
    if name == "normalized_shape" and isinstance(value, (tuple, list)) and len(value) > 1:
        return value
    if name in _UNIFORM and isinstance(value, (tuple, list)) and value and all(v == value[0] for v in value):
        return value[0]
    return value
