"""An exported program from a `.pt2` file: an archive of JSON, tensors, and possibly pickles.

torch's own reader would run two kinds of text in it: pickles, and sizes, which sympy evaluates as Python. Both are
looked at first: a size must be a plain expression of known functions, and a pickle may hold tensors alone.
"""

from __future__ import annotations

import ast
import json
import os
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch.export import ExportedProgram

from graphwright.compiler.importing.torch.export import quiet
from graphwright.compiler.importing.torch.read import Weights, read_program
from graphwright.compiler.ir.graph import Graph
from graphwright.compiler.places import NOWHERE, fail

#: What a size may be made of.
FUNCTIONS = frozenset(
    ("Symbol", "Integer", "Rational", "Add", "Mul", "Pow", "Max", "Min", "Mod", "PythonMod", "FloorDiv", "CleanDiv",
     "CeilToInt", "FloorToInt", "TruncToInt", "IntTrueDiv", "FloatTrueDiv", "ModularIndexing", "ToFloat", "Float",
     "Eq", "Ne", "Equality", "Unequality", "StrictLessThan", "LessThan", "StrictGreaterThan", "GreaterThan", "And",
     "Or", "Not", "Where", "PowByNatural", "FloatPow", "RoundToInt", "Identity")
)  # fmt: skip
_NODES = (ast.Expression, ast.Call, ast.Name, ast.Constant, ast.keyword, ast.expr_context, ast.UnaryOp, ast.USub)
#: Constants that are objects, not tensors: torch would unpickle them.
OBJECTS = ("custom_obj", "opaque_obj")


def read_pt2(path: Path) -> tuple[Graph, Weights, ExportedProgram]:
    """The graph and the weights of an exported program, and the program.

    Raises `SpecError` where the file is none, would run code, or was written by a torch that this one cannot read.
    """
    if not zipfile.is_zipfile(path):
        raise fail(NOWHERE, f"{path} is no exported program", "torch.export.save writes one")
    try:
        with zipfile.ZipFile(path) as archive:
            suspect = next(_suspects(archive), None)
    except (zipfile.BadZipFile, ValueError, OSError, RecursionError) as error:
        raise fail(NOWHERE, f"{path} is no whole archive: {error}", "write or fetch it again") from None
    if suspect is not None:
        raise fail(NOWHERE, f"{path} holds {suspect}, which reading would run", "a program of plain sizes and tensors")
    try:
        with quiet(), _tensors_only():
            program = torch.export.load(path)
    except Exception as error:  # the archive is foreign data: torch raises KeyError, RuntimeError, ... on it
        line = (str(error).splitlines() or [type(error).__name__])[0]
        raise fail(
            NOWHERE, f"{path} is no exported program that torch {torch.__version__} reads: {line}",
            "torch.export.save writes one",
        ) from None  # fmt: skip
    return *read_program(program, path.name.partition(".")[0]), program


def _suspects(archive: zipfile.ZipFile) -> Iterator[str]:
    """What of the archive is more than data."""
    for name in archive.namelist():
        leaf = name.rpartition("/")[2]
        if leaf.startswith(OBJECTS):
            yield f"the object {leaf}"
        if leaf.endswith(".json"):
            text = archive.read(name)
            for found in _strings(json.loads(text), "expr_str"):
                if not _plain(found):
                    yield f"the size {found[:80]!r}"
            for found in _strings(json.loads(text), "path_name"):
                if found.startswith(OBJECTS):
                    yield f"the object {found}"


def _strings(value: Any, key: str) -> Iterator[str]:
    """The values of a key anywhere in JSON."""
    pending = [value]
    while pending:
        item = pending.pop()
        if isinstance(item, dict):
            if key in item and item[key] is not None:
                yield str(item[key])
            pending += item.values()
        elif isinstance(item, list):
            pending += item


def _plain(text: str) -> bool:
    """Whether a size is nested calls of known functions on numbers and names of symbols."""
    try:
        tree = ast.parse(text, mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    called = {id(n.func) for n in ast.walk(tree) if isinstance(n, ast.Call)}
    for node in ast.walk(tree):
        if not isinstance(node, _NODES):
            return False
        if isinstance(node, ast.Name) and (node.id not in FUNCTIONS or id(node) not in called):
            return False
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and not node.value.isidentifier():
            return False
    return True


@contextmanager
def _tensors_only() -> Iterator[None]:
    """torch unpickles tensors and plain containers alone meanwhile, whatever its callers ask for."""
    name = "TORCH_FORCE_WEIGHTS_ONLY_LOAD"
    before = os.environ.get(name)
    os.environ[name] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before
