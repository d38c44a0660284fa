"""Whether the text of a written model does nothing but define it: checked before the file is imported to compare it.

What a spec says ends up in literals, comments and cleaned names only. This is the second lock on that door.
"""

from __future__ import annotations

import ast

#: Modules that a written file imports.
MODULES = frozenset(("__future__", "typing", "torch", "torch.nn"))
#: Names of Python that a written file calls or reads.
BUILTINS = frozenset((
    "bool", "dict", "enumerate", "float", "getattr", "int", "isinstance", "len", "list", "max", "min", "object",
    "range", "reversed", "setattr", "str", "sum", "super", "tuple", "zip",
))  # fmt: skip
#: What Python has besides these, which would be a way out.
FORBIDDEN = frozenset(dir(__builtins__) if not isinstance(__builtins__, dict) else __builtins__) - BUILTINS
SPECIAL = frozenset(("__init__", "__setattr__"))


def complaint(text: str) -> str | None:
    """What a written file does besides defining a model, if anything."""
    tree = ast.parse(text)
    for statement in tree.body:
        docstring = isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
        constant = isinstance(statement, ast.Assign) and isinstance(statement.value, ast.Constant)
        if (
            not docstring
            and not constant
            and not isinstance(statement, (ast.Import, ast.ImportFrom, ast.ClassDef, ast.FunctionDef))
        ):
            return f"line {statement.lineno} is neither an import, a class, a function nor a number"
        if isinstance(statement, (ast.ClassDef, ast.FunctionDef)) and statement.decorator_list:
            return f"line {statement.lineno} decorates '{statement.name}'"
    defined = {n.id for n in ast.walk(tree) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    defined |= {n.arg for n in ast.walk(tree) if isinstance(n, ast.arg)}
    for node in ast.walk(tree):
        if found := _problem(node, defined):
            return f"line {getattr(node, 'lineno', 0)} {found}"
    return None


def _problem(node: ast.AST, defined: set[str]) -> str | None:
    match node:
        case ast.Import(names=names) if any(n.name not in MODULES for n in names):
            return f"imports {names[0].name}"
        case ast.ImportFrom(module=module) if module not in MODULES:
            return f"imports {module}"
        case ast.Name(id=label) if label in FORBIDDEN - defined and label not in ("None", "True", "False"):
            return f"reads {label}"
        case ast.Attribute(attr=label) if label.startswith("__") and label not in SPECIAL:
            return f"reads .{label}"
        case ast.Call(func=ast.Name(id="getattr" | "setattr"), args=[_, ast.Constant(value=str(label)), *_]):
            return f"reads .{label}" if label.startswith("__") else None
        case ast.Lambda() | ast.AsyncFunctionDef() | ast.Global() | ast.Nonlocal() | ast.Delete() | ast.With():
            return f"has a {type(node).__name__.lower()}"
    return None
