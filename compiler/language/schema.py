"""JSON Schema (draft-07) of the language, generated from the op classes, for editors and for `jsonschema`.

Chosen by `if`/`then` on `op`, so that a message is about the op meant. Any scalar may also be an
expression, `$name` or `$(...)`; what an expression yields is checked when the spec is loaded.
"""

from __future__ import annotations

import inspect
import types
import typing
from typing import Any, Literal

from graphwright.compiler.ir.dims import Dim
from graphwright.compiler.language.body import MODIFIERS, SPEC_KEYS, TYPE_WORDS
from graphwright.compiler.ops import OPS
from graphwright.compiler.ops.op import Field, Op

_EXPRESSION = {"type": "string", "pattern": r"\$"}
_DOCS = {
    "in": "What the node reads: a name, a list of names, or {port: name}. Default: the node above.",
    "repeat": "Copies in series: a count, or {index: count, name: list}.",
    "each": "Copies side by side: a count, or {index: count, name: list}.",
    "loop": "Run the body over slices with one set of weights: {over: port, dim: 2} or {times: n}.",
    "if": "Leave the node out unless this holds.",
    "else": "What readers get when the node is left out: a name, or none.",
    "tie": "Share the parameters of another node.",
    "train_only": "The node exists in the training graph only.",
    "freeze": "The parameters are not trained.",
    "init": "Initial values: a number, a name, {name: {argument: value}}, or {parameter: how}.",
    "tags": "Words for selectors, tag:word.",
    "doc": "What this is, for readers and drawings.",
    "checkpoint": "Recompute the inside in the backward pass: true, or a word that joins several.",
    "reversible": "Recompute inputs from outputs in the backward pass.",
    "backward": "A custom backward rule.",
    "weight": "In losses: the factor of this term.",
}


def schema() -> dict[str, Any]:
    """The schema of a spec file, plug-in ops included."""
    names = sorted(OPS)
    node = {
        "anyOf": [
            {"type": "string", "minLength": 1, "description": "An op without arguments, a block, or $param."},
            {"$ref": "#/definitions/node"},
        ]
    }
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "graphwright spec, version 1",
        "type": "object",
        "required": ["graphwright"],
        "properties": {
            "graphwright": {"enum": [1], "description": "The version of the language."},
            **{k: {} for k in SPEC_KEYS if k != "graphwright"},
            "name": {"type": "string"}, "doc": {"type": "string"}, "source": {"type": "string"},
            "params": {"type": "object", "additionalProperties": {"$ref": "#/definitions/param"}},
            "inputs": {"type": "object"}, "targets": {"type": "object"},
            "nodes": {"type": "object", "additionalProperties": node},
            "losses": {"type": "object", "additionalProperties": node},
            "blocks": {"type": "object", "additionalProperties": {"$ref": "#/definitions/block"}},
            "include": {"type": "array", "items": {"type": "string"}},
            "transforms": {"type": "array"}, "expect": {"type": "object"}, "train": {"type": "object"},
        },
        "additionalProperties": False,
        "definitions": {
            "param": _param(),
            "block": {"type": "object", "anyOf": [{"required": ["nodes"]}, {"required": ["op"]}]},
            "node": {
                "type": "object",
                "properties": {
                    "op": {"type": "string", "description": "A primitive, a block or a model.", "examples": names},
                    "nodes": {"type": "object", "additionalProperties": node},
                    "inputs": {"type": "object"}, "outputs": {},
                    **_modifiers(),
                },
                "anyOf": [{"required": ["op"]}, {"required": ["nodes"]}],
                "allOf": [_rule(OPS[name]) for name in names],
            },
        },
    }  # fmt: skip


def _modifiers() -> dict[str, Any]:
    return {name: {"description": _DOCS[name]} for name in MODIFIERS}


def _param() -> dict[str, Any]:
    long = {
        "type": "object",
        "properties": {
            "type": {"enum": list(TYPE_WORDS)}, "default": {}, "choices": {"type": "array"},
            "min": {}, "max": {}, "doc": {"type": "string"},
        },
    }  # fmt: skip
    return {"anyOf": [{"type": ["string", "number", "boolean", "array"]}, long]}


def _rule(op: type[Op]) -> dict[str, Any]:
    fields = [f for f in op.fields() if f.name not in op.filled]
    properties = {f.name: _field(f) for f in fields}
    return {
        "if": {"properties": {"op": {"const": op.name}}, "required": ["op"]},
        "then": {
            "description": inspect.getdoc(op) or "",
            "properties": {"op": {}, **_modifiers(), **properties},
            "required": [f.name for f in fields if f.required],
            "additionalProperties": False,
        },
    }


def _field(field: Field) -> dict[str, Any]:
    made: dict[str, Any] = {"anyOf": [*_types(field.type), _EXPRESSION]}
    if field.doc:
        made["description"] = field.doc
    if not field.required:
        made["default"] = list(field.default) if isinstance(field.default, tuple) else field.default
    return made


def _types(hint: Any) -> list[dict[str, Any]]:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if hint is Any:
        return [{}]
    if origin is Literal:
        return [{"enum": list(arguments)}]
    if origin in (typing.Union, types.UnionType):
        return [s for a in arguments if a is not Dim for s in _types(a)]
    if origin is tuple:
        pairs = arguments and typing.get_origin(arguments[0]) is tuple and arguments[-1] is ...
        return [{"type": "object"}] if pairs else [{"type": "array"}]
    return [_PLAIN[hint]]


_PLAIN: dict[Any, dict[str, Any]] = {
    int: {"type": "integer"}, float: {"type": "number"}, bool: {"type": "boolean"},
    str: {"type": ["string", "number", "boolean"]},  # a scalar is read by the field's type: `value: 0.0` is text
    type(None): {"enum": [None, "none"]}, Dim: _EXPRESSION,
}  # fmt: skip
