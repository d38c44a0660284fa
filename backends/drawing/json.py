"""A drawing as plain data: nodes, clusters and edges, for programs that draw themselves."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

from graphwright.backends.drawing.drawing import Drawing


def as_dict(drawing: Drawing) -> dict[str, Any]:
    """The drawing as lists and mappings."""
    return {
        "name": drawing.name,
        "doc": drawing.doc,
        "depth": drawing.depth,
        "levels": drawing.levels,
        "nodes": [dataclasses.asdict(b) for b in drawing.boxes],
        "clusters": [dataclasses.asdict(c) for c in drawing.clusters],
        "edges": [dataclasses.asdict(e) for e in drawing.edges],
    }


def text(drawing: Drawing) -> str:
    """The drawing as JSON."""
    return json.dumps(as_dict(drawing), indent=1, ensure_ascii=False) + "\n"
