"""A graph as the text of a Python module."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from graphwright.backends.source import parts as parts_
from graphwright.backends.source.arguments import Copies, Tidy
from graphwright.backends.source.body import Body
from graphwright.backends.source.carry import carry, needs
from graphwright.backends.source.classes import Class, Classes, ordered
from graphwright.backends.source.constructors import runs, solve
from graphwright.backends.source.kinds import Chain, Layer, kind_of
from graphwright.backends.source.phrases import (
    INNER,
    comprehension,
    declared,
    file,
    head,
    loop,
    note_of,
    without_defaults,
    wrapped,
)
from graphwright.backends.source.program import Program, Reader, tapes
from graphwright.backends.source.syntax import (
    INDENT,
    attribute,
    call,
    comment,
    data,
    docstring,
    flat,
    identifier,
    is_name,
    item,
    name,
    statement,
    title,
)
from graphwright.compiler.ir.graph import Graph, Node
from graphwright.compiler.ops.activation import Identity
from graphwright.compiler.ops.attention import Attention, MultiHeadAttention
from graphwright.compiler.ops.loop import Loop
from graphwright.compiler.outline.scopes import scope_tree
from graphwright.compiler.places import Place

#: Names that the module has already.
TAKEN = ("Any", "F", "nn", "torch", "model", "main", *(n for n in vars(parts_) if not n.startswith("_")))


def source(graph: Graph) -> str:
    """The module of the deployed graph."""
    return _Module(_named_inputs(graph.deployed())).text()


def _named_inputs(graph: Graph) -> Graph:
    """The graph with a node for each input that a gradient is taken at: it is another tensor from there on."""
    entries = {e.name: e.type for e in graph.inputs if e.name in tapes(graph)}
    if not entries:
        return graph
    names = {name: f"{name}_taped" for name in entries}
    first = [Node(names[n], Identity(), (("x", n),), (kind,)) for n, kind in entries.items()]
    nodes = [replace(n, inputs=tuple((p, names.get(v, v)) for p, v in n.inputs)) for n in graph.nodes]
    return graph.with_(nodes=(*first, *nodes))


class _Module:
    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.classes = Classes([*TAKEN, root_name(graph)])
        self.needs: list[Any] = []
        self.root = Class(root_name(graph), None, [self._program(graph)])
        self.root.state, self.root.steps = list(self.root.members[0].state), list(self.root.members[0].steps)

    def _program(self, graph: Graph, prefix: str = "") -> Program:
        """The program of a whole graph, after its scopes and the bodies of its loops have found their classes.

        `prefix` is where the model keeps it; ties are made from there.
        """
        outputs = [v for _, v in graph.outputs]
        root, _ = scope_tree(graph, graph.nodes, outputs)
        placed: dict[str, tuple[Class, Program]] = {}
        for node in graph.nodes:
            if isinstance(node.op, Loop):
                body = self._program(node.op.body, f"{prefix}{node.name}.")
                placed[node.name] = (self.classes.place(body, f"{node.name.rpartition('.')[2]}_step"), body)
        reader, made = Reader(graph, placed), list[Program]()
        for part in root.walk():
            if part is not root and kind_of(part, graph) == "class":
                made.append(reader.program(part, part.feeds, part.outs))
                placed[part.path] = (self.classes.place(made[-1]), made[-1])
        made.append(reader.program(root, [e.name for e in graph.inputs], outputs))
        for program in made:
            program.ties = [(prefix + owner, prefix + other) for owner, other in program.ties]
        return made[-1]

    # -- text -----------------------------------------------------------------------------------
    def text(self) -> str:
        written = [self._class(kind) for kind in ordered([*self.classes.found, self.root])]
        self._collect()
        out = [*docstring(self._heading()), "", *self._imports(written)]
        for block in self._helpers():
            out += ["", "", *block]
        for block in written:
            out += ["", "", *block]
        says = docstring(["The model, with torch's initial values."], INDENT)
        out += ["", "", f"def model() -> {self.root.name}:", *says, f"{INDENT}return {self.root.name}()"]
        return "\n".join(out) + "\n"

    def _heading(self) -> list[str]:
        graph = self.graph
        lines = [*wrapped(f"{graph.name}: {graph.doc}" if graph.doc else graph.name), ""]
        if graph.source:
            lines += [f"Source: {graph.source}", ""]
        lines += [*(f"Input {e.name}: {e.type}" for e in graph.inputs), ""]
        outputs = ((n, graph.types[v]) for n, v in graph.outputs)
        lines += [*(f"Output {n}: {t}" for n, t in outputs), ""]
        lines += ["Weights: model().load_state_dict(safetensors.torch.load_file(path))"]
        return lines

    def _imports(self, written: Sequence[Sequence[str]]) -> list[str]:
        body = "\n".join(
            [*(line for block in written for line in block), *(line for b in self._helpers() for line in b)]
        )
        lines = ["import torch", "from torch import nn"]
        if re.search(r"\bF\.", body):
            lines.append("from torch.nn import functional as F")
        typing = ["from typing import Any", ""] if re.search(r"\bAny\b", body) else []
        return ["from __future__ import annotations", "", *typing, *lines]

    def _collect(self) -> None:
        for kind in (*self.classes.found, self.root):
            for member in kind.members:
                for made, _ in member.state.values():
                    self.needs += needs(made)
                for step in member.steps.values():
                    self.needs += step.needs

    def _helpers(self) -> list[list[str]]:
        found: dict[str, list[str]] = {}
        for need in self.needs:
            carry(need, found)
        return list(found.values())

    # -- classes --------------------------------------------------------------------------------
    def _class(self, kind: Class) -> list[str]:
        made = solve(kind)
        lines = [f"class {kind.name}(nn.Module):"]
        lines += [*docstring(wrapped(self._says(kind), 4), INDENT), ""]
        return [*lines, *self._constructor(made), "", *self._forward(made)]

    def _says(self, kind: Class) -> str:
        if kind is self.root:
            return comment(self.graph.doc) or f"The model {comment(self.graph.name)}."
        paths = [m.part.path for m in kind.members if m.part.path]
        if not paths:
            return "One step of a loop."
        scope = kind.members[0].part.scope
        doc = comment(scope.marks.doc) if scope and scope.marks.doc else ""
        paths = [comment(p) for p in paths]
        where = paths[0] if len(paths) == 1 else f"{paths[0]} to {paths[-1]}, {len(paths)} in all"
        return (
            f"{doc} ({where})"
            if doc
            else f"Block `{comment(scope.block)}`: {where}."
            if scope and scope.block
            else f"{where}."
        )

    def _constructor(self, made: Tidy) -> Iterator[str]:
        arguments = ["self", *(declared(a) for a in made.arguments)]
        yield from head("__init__", arguments, "None")
        yield f"{INNER}super().__init__()"
        for argument in made.arguments:
            if argument.stored:
                yield f"{INNER}self.{argument.name} = {argument.name}"
        containers = self._containers(made.kind)
        for key in made.kind.state:
            for container in [c for c in containers if key.startswith(f"{c}.")]:  # those around it come first
                yield from self._set(made.kind, container, call(f"nn.{containers.pop(container)}"))
            yield from self._attribute(made, key)
        if made.kind is self.root:
            yield from self._ties()

    def _containers(self, kind: Class) -> dict[str, str]:
        """Containers of dotted attributes: modules without a call, lists where all are numbered in order."""
        found: dict[str, dict[str, None]] = {}
        for key in kind.state:
            words = key.split(".")
            for k in range(1, len(words)):
                found.setdefault(".".join(words[:k]), {})[words[k]] = None
        return {c: "ModuleList" if self._numbered(kind, c, labels) else "Module" for c, labels in found.items()}

    def _numbered(self, kind: Class, container: str, labels: Iterable[str]) -> bool:
        inside = (made for m in kind.members for k, (made, _) in m.state.items() if k.rpartition(".")[0] == container)
        tensors = any(isinstance(made, Layer) and made.kind != "module" for made in inside)
        optional = any(k.startswith(f"{container}.") and k not in m.state for m in kind.members for k in kind.state)
        return not tensors and not optional and all(label == str(k) for k, label in enumerate(labels))

    def _access(self, kind: Class) -> Any:
        containers, constants = self._containers(kind), self._constants(kind)

        def access(key: str) -> ast.expr:
            tree: ast.expr = name("self")
            if key in constants:
                return attribute(tree, constants[key])
            words = key.split(".")
            for k, word in enumerate(words):
                inside = ".".join(words[:k])
                made = next((m.state[inside][0] for m in kind.members if inside in m.state), None)
                numbered = containers.get(inside) == "ModuleList" or isinstance(made, (Chain, Copies))
                tree = item(tree, int(word)) if numbered and word.isdigit() else attribute(tree, word)
            return tree

        return access

    def _constants(self, kind: Class) -> dict[str, str]:
        """The buffers that are not saved: the attribute of the class that holds each, by key."""
        found: dict[str, str] = {}
        for key in kind.state:
            made = next(m.state[key][0] for m in kind.members if key in m.state)
            if isinstance(made, Layer) and made.kind == "constant":
                taken = {k.partition(".")[0] for k in kind.state} | set(found.values())
                found[key] = identifier(key.replace(".", "_"), taken) if "." in key else key
        return found

    def _attribute(self, made: Tidy, key: str) -> Iterator[str]:
        kind = made.kind
        first, place = next(m.state[key] for m in kind.members if key in m.state)
        tree = self._tree(made.state[key])
        note = self._note([place] if place else [])
        stored = first.kind if isinstance(first, Layer) else "module"
        if stored in ("buffer", "constant"):
            owner, _, label = key.rpartition(".")
            label = label if stored == "buffer" else self._constants(kind)[key]
            where = self._access(kind)(owner) if owner and stored == "buffer" else name("self")
            options = {"persistent": False} if stored == "constant" else {}
            if key in made.present:
                tree = ast.IfExp(tree, made.present[key], data(None))
            yield from statement("", call(ast.Attribute(where, "register_buffer"), label, tree, **options), INNER, note)
            return
        if key in made.present:
            tree = ast.IfExp(made.present[key], tree, ast.Constant(None))
        yield from self._set(kind, key, tree, note)

    def _set(self, kind: Class, key: str, tree: ast.expr, note: str = "") -> list[str]:
        """`self.key = tree`, by other means where the key is no name."""
        owner, _, label = key.rpartition(".")
        where = self._access(kind)(owner) if owner else name("self")
        if self._containers(kind).get(owner) == "ModuleList":
            return statement("", call(ast.Attribute(where, "append"), tree), INNER, note)
        if is_name(label):
            return statement(f"{flat(where)}.{label} = ", tree, INNER, note)
        return statement("", call("setattr", where, label, tree), INNER, note)

    def _tree(self, made: Any) -> ast.expr:
        """What makes an attribute, without the arguments that are the defaults."""
        if isinstance(made, Copies):
            return call(f"nn.{made.container}", ast.Starred(comprehension(made)))
        if isinstance(made, tuple):
            container, elements = made
            trees = [self._tree(e) for e in elements]
            found: list[ast.expr] = []
            for start, length in runs([flat(t) for t in trees]):
                if length < 3:
                    found += trees[start : start + length]
                else:
                    found.append(ast.Starred(loop(trees[start], name("_"), call("range", length))))
            return call(f"nn.{container}", *found)
        tree: ast.expr = without_defaults(made)
        return tree

    # -- forward --------------------------------------------------------------------------------
    def _forward(self, made: Tidy) -> Iterator[str]:
        kind = made.kind
        inputs = self._inputs(kind)
        count = len(kind.members[0].outputs)
        several, whole = count > 1, kind is self.root
        result = "torch.Tensor" if count == 1 else f"tuple[{', '.join(['torch.Tensor'] * count)}]" if count else "None"
        result = "dict[str, torch.Tensor]" if several and whole else result
        if whole and tapes(self.graph):
            yield f"{INDENT}@torch.enable_grad()"
            if _attends(self.graph):  # torch differentiates its fused kernels only once
                yield f"{INDENT}@torch.nn.attention.sdpa_kernel(torch.nn.attention.SDPBackend.MATH)"
        yield from head("forward", ["self", *(f"{i}: torch.Tensor" for i in inputs)], result)

        def returned(trees: list[ast.expr]) -> ast.expr:
            if not several:
                return trees[0]
            if whole:
                return data(dict(zip((n for n, _ in self.graph.outputs), trees, strict=True)))
            return data(tuple(trees))

        yield from Body(made, self._access(kind), inputs, self._note).write(returned)

    def _inputs(self, kind: Class) -> list[str]:
        found: list[str] = []
        values = kind.members[0].inputs
        for place, value in enumerate(values):
            label = (
                value
                if not kind.members[0].part.path
                else "x"
                if place == 0
                else self.graph.producer(value).rpartition(".")[2]
            )
            found.append(identifier(label, [*found, "self", "torch", "nn", "F"]))
        return found

    def _note(self, places: list[Place]) -> str:
        """`resnet50.yaml:12`, or the range of lines that a statement comes from."""
        known = [p for p in places if p is not None and p.line]
        if not known:
            return ""
        files = {file(p) for p in known}
        lines = sorted({p.line for p in known})
        if len(files) > 1:
            return note_of([known[-1]])
        return note_of(known) if len(lines) < 2 else f"{files.pop()}:{lines[0]}-{lines[-1]}"

    def _ties(self) -> Iterator[str]:
        for kind in (*self.classes.found, self.root):
            for member in kind.members:
                for owner, other in member.ties:
                    yield f"{INNER}{flat(self._absolute(owner))} = {flat(self._absolute(other))}"

    def _absolute(self, path: str) -> ast.expr:
        tree: ast.expr = name("self")
        for word in path.split("."):
            tree = item(tree, int(word)) if word.isdigit() else attribute(tree, word)
        return tree


def _attends(graph: Graph) -> bool:
    """Whether there is attention in a graph or in the bodies of its loops."""
    return any(
        isinstance(n.op, Attention | MultiHeadAttention) or (isinstance(n.op, Loop) and _attends(n.op.body))
        for n in graph.nodes
    )


def root_name(graph: Graph) -> str:
    """The name of the model's class."""
    return title(graph.name, TAKEN)
