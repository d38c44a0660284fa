"""Names that a lowered graph cannot give to what it keeps in the module tree, or to its inputs.

A node that keeps a module or a tensor is an attribute of torch modules, along its dotted path; an input is an argument
of the generated `forward`. Both are written as Python, where words of Python and names already in use would be misread.
"""

from __future__ import annotations

import keyword

from torch import fx, nn

from graphwright.compiler.ir.graph import Graph
from graphwright.compiler.ops.op import Op
from graphwright.compiler.places import Problem, SpecError

#: What modules have already, public or not, and what the outermost one has besides.
_INNER = frozenset(keyword.kwlist) | frozenset(dir(nn.Module()))
_OUTER = _INNER | frozenset(dir(fx.GraphModule(nn.Module(), fx.Graph())))
#: Generated code speaks of these by their names.
_ARGUMENTS = frozenset(keyword.kwlist) | {"self", "torch", "device", "inf", "nan"}


def module_problem(path: str, op: Op, fed: bool) -> str | None:
    """Why a node of this path cannot be in the module tree, if it is there at all; `fed` if it reads anything."""
    kept = op.bare or type(op).module is not Op.module or (op.is_constant and not fed)
    first, *inner = path.split(".")
    taken = sorted((_OUTER & {first}) | (_INNER & set(inner))) if kept else []
    where = f" in '{path}'" if path not in taken else ""
    return f"'{taken[0]}'{where} cannot be the name of a module: torch or Python uses it" if taken else None


def argument_problem(name: str) -> str | None:
    """Why an input cannot be called so."""
    reason = ": torch or Python uses it" if name in _ARGUMENTS else ""
    plain = name.isidentifier() and name.isascii()  # Python takes other letters for one another
    return f"'{name}' cannot be the name of an input{reason}" if reason or not plain else None


def check_names(graph: Graph) -> None:
    """Raises `SpecError` with every name of a graph that cannot be kept."""
    found = [(e.place, argument_problem(e.name)) for e in (*graph.inputs, *graph.targets)]
    found += [(n.place, module_problem(n.name, n.op, bool(n.inputs))) for n in graph.nodes]
    if problems := [Problem(place, text, "choose another name") for place, text in found if text]:
        raise SpecError(problems)
