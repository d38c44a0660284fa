"""The layers of a model file as the YAML text of a spec."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

from graphwright.compiler.importing.yolo.layers import Call, Head, Layer, Model

_WIDTH = 120


def write(model: Model) -> str:
    """The spec's text: includes, input, one line a layer under its section's name, outputs, losses."""
    lines = [
        "graphwright: 1",
        f"name: {_name(model.name)}",
        f"doc: {_text(model.doc)}",
        f"include: [{model.library}]",
    ]
    if any("$classes" in str(layer.call) or "classes)" in str(layer.call) for layer in model.layers):
        lines += ["params:", f"  classes: {model.classes}"]
    lines += ["inputs:", f"  image: [N, {model.channels}, H=640, W=640]", "nodes:"]
    lines += _nodes(model) + _decoding(model)
    lines += _outputs(model) + _objective(model)
    if model.blocks:
        lines += ["blocks:", *(f"  {k}: {_flow({'op': c.op, **c.arguments})}" for k, c in model.blocks.items())]
    return "\n".join(lines) + "\n"


def _nodes(model: Model) -> list[str]:
    readers = Counter(r.partition(".")[0] for layer in model.layers for r in (*layer.reads, *layer.more))
    readers.update(name for name, head in model.heads.items() for _ in range(2))
    lines: list[str] = []
    above, section = "image", ""
    for layer in model.layers:
        if layer.section != section:
            section = layer.section
            lines.append(f"  # {section}")
        chained = layer.reads == (above,) and readers[above] == 1
        lines += _entry(layer, chained)
        above = layer.name
    return lines


def _entry(layer: Layer, chained: bool) -> list[str]:
    read: dict[str, Any] = {}
    if layer.more:
        read = {} if chained else {"x": layer.reads[0]}
        read = {"in": read | {layer.port: list(layer.more)}}
    elif not chained:
        read = {"in": layer.reads[0] if len(layer.reads) == 1 else list(layer.reads)}
    keys = {"op": layer.call.op, **read, **layer.call.arguments}
    if layer.repeat > 1:
        keys["repeat"] = layer.repeat
    if layer.train_only:
        keys["train_only"] = True
    if len(keys) == 1:
        return [f"  {layer.name}: {layer.call.op}"]
    line = f"  {layer.name}: {_flow(keys)}"
    if len(line) <= _WIDTH:
        return [line]
    return [f"  {layer.name}:", *(f"    {k}: {_flow(v)}" for k, v in keys.items())]


def _decoding(model: Model) -> list[str]:
    found = []
    for name, head in _deployed(model):
        if head.kind == "sides":
            found += [f"  boxes: {{op: ltrb_boxes, in: {name}}}", f"  scores: {{op: sigmoid, in: {name}.cls}}"]
    return found


def _deployed(model: Model) -> list[tuple[str, Head]]:
    """The head that the spec puts out; a file has one."""
    return [(n, h) for n, h in model.heads.items() if not h.train_only][-1:]


def _outputs(model: Model) -> list[str]:
    if not (deployed := _deployed(model)):
        last = model.layers[-1]
        return ["outputs:", f"  {'logits' if last.call.op.startswith('classif') else 'out'}: {last.name}"]
    name, head = deployed[0]
    boxes, scores = ("boxes", "scores") if head.kind == "sides" else (f"{name}.boxes", f"{name}.scores")
    lines = ["outputs:", f"  boxes: {boxes:<29}# x1 y1 x2 y2 in pixels, of every cell", f"  scores: {scores}"]
    lines += [f"  {extra}: {name}.{extra}" for extra in head.extra]
    if not _has_losses(head):  # what learns in training only must be read there
        lines += [f"  {aux}_{part}: {name}.{aux}_{part}" for aux in head.aux for part in ("cls", "side")]
    for other, aside in model.heads.items():
        if aside.train_only and not _has_losses(aside):
            parts = ("cls", "side") if aside.kind == "sides" else ("boxes", "scores")
            lines += [f"  aux_{part}: {other}.{part}" for part in (*parts, *aside.extra)]
    return lines


def _has_losses(head: Head) -> bool:
    """The objective is known for heads that predict sides as distributions; others are for the user to complete."""
    return head.kind == "sides" and head.bins > 1 and not head.extra


def _objective(model: Model) -> list[str]:
    terms: list[tuple[str, dict[str, Any]]] = []
    for name, head in model.heads.items():
        if not _has_losses(head):
            continue
        ports = {p: f"{name}.{p}" for p in ("cls", "box", "side", "points", "strides")}
        once = any(layer.name == name and layer.call.op == "end_to_end_detect" for layer in model.layers)
        more = ({"topk": 1} if once else {}) | ({"weight": _AUXILIARY} if head.train_only else {})
        terms.append(("auxiliary" if head.train_only else "main", _term(ports, more)))
        for aux in head.aux:
            twins = {p: f"{name}.{aux}_{p}" for p in ("cls", "box", "side")}
            terms.append((aux, _term(ports | twins, {} if once else {"weight": _AUXILIARY})))
    if not terms:
        return []
    lines = ["targets:", "  objects: [N, M=100, 4]              # x1 y1 x2 y2 in pixels"]
    lines += ["  labels: int64[N, M]                 # -1 fills the rows after the last object", "losses:"]
    counts = Counter(key for key, _ in terms)
    for number, (key, keys) in enumerate(terms):
        lines += [f"  {key}:" if counts[key] == 1 else f"  {key}_{number}:"]
        for name, given in keys.items():
            lines += (
                [f"    {name}:", *(f"      {k}: {v}" for k, v in given.items())]
                if name == "in"
                else [f"    {name}: {_flow(given)}"]
            )
    return lines


#: Weight of the losses of auxiliary heads, arXiv:2402.13616.
_AUXILIARY = 0.25


def _term(ports: dict[str, str], more: dict[str, Any]) -> dict[str, Any]:
    return {"op": "detection_loss", "in": ports | {"objects": "objects", "labels": "labels"}} | more


def _name(text: str) -> str:
    return "".join(c if c.isalnum() or c == "_" else "_" for c in text)


def _flow(value: Any) -> str:
    if isinstance(value, Call):
        return value.op if not value.arguments else _flow({"op": value.op, **value.arguments})
    if isinstance(value, dict):
        return "{" + ", ".join(f"{k}: {_flow(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_flow(v) for v in value) + "]"
    if isinstance(value, bool):
        return "true" if value else "false"
    return _text(value) if isinstance(value, str) else str(value)


def _text(text: str) -> str:
    return json.dumps(text, ensure_ascii=False) if any(c in text for c in ",:#[]{}'\"\\") else text
