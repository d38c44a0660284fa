"""A scope of a graph as the program of one object: the attributes it makes, and the steps of its `forward`.

Programs hold the numbers of their own scope as literals. Values are named `<in 0>` where they come from outside, and
`<conv1>` or `<split:1>`, relative to the scope, where they are computed inside.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from graphwright.backends.source import ops, parts
from graphwright.backends.source.kinds import Chain, Layer, Made, Use, element, frozen, kind_of
from graphwright.backends.source.layers import constructed
from graphwright.backends.source.syntax import call, data, item, name
from graphwright.backends.source.tracing import Rendered
from graphwright.compiler.ir.dims import Dim, Floor
from graphwright.compiler.ir.graph import Graph, Node
from graphwright.compiler.ops.gradient import Gradient
from graphwright.compiler.ops.loop import Loop, _origin
from graphwright.compiler.outline.scopes import Part
from graphwright.compiler.places import Place, fail


@dataclass(frozen=True)
class Step:
    """Values computed at once. `targets` are nested as the result is unpacked."""

    key: str
    targets: Any
    tree: ast.expr
    temporaries: tuple[tuple[str, ast.expr], ...] = ()
    needs: tuple[Any, ...] = ()
    place: Place | None = None
    #: What the values are to their readers, where that tells them apart.
    labels: tuple[str, ...] = ()


@dataclass(eq=False)
class Program:
    """One scope. `state` and `steps` are by their names relative to it, in order."""

    part: Part
    inputs: list[str]
    outputs: list[str]
    state: dict[str, tuple[Made, Place | None]] = field(default_factory=dict)
    steps: dict[str, Step] = field(default_factory=dict)
    #: What the outputs are called inside.
    results: list[str] = field(default_factory=list)
    #: Parameters that are others' too: pairs of dotted names from the root of the graph.
    ties: list[tuple[str, str]] = field(default_factory=list)
    #: Numbers that the arguments of its class take for it.
    arguments: dict[str, Any] = field(default_factory=dict)


def tapes(graph: Graph) -> set[str]:
    """The values that gradients are taken at."""
    return {v for n in graph.nodes if isinstance(n.op, Gradient) for p, v in n.inputs if p == "at"}


class Reader:
    """Makes the programs of a graph's scopes. `classes` says what class the scopes inside have."""

    def __init__(self, graph: Graph, classes: Mapping[str, Any]) -> None:
        self.graph, self.classes = graph, classes
        self.taped = tapes(graph)
        self.state_values = {
            f"{n.name}.{s}" for n in graph.nodes for s, _ in (*n.parameters, *n.buffers) if not n.op.bare
        }

    def program(self, part: Part, inputs: list[str], outputs: list[str]) -> Program:
        """The program of one scope."""
        self.part, self.prefix = part, f"{part.path}." if part.path else ""
        self.made = Program(part, list(inputs), [v for v in outputs if v not in self.state_values])
        self.seen: list[str] = list(inputs)
        self.names: dict[str, str] = {}
        for child in part.parts:
            self._child(child)
        self._drop_unread_inputs()
        self.made.results = [self._value(v).id for v in self.made.outputs]  # type: ignore[attr-defined]
        return self.made

    def _drop_unread_inputs(self) -> None:
        """Leaves out inputs that are tied parameters, which no step reads."""
        trees = [t for s in self.made.steps.values() for t in (s.tree, *(t for _, t in s.temporaries))]
        read = {n.id for t in trees for n in ast.walk(t) if isinstance(n, ast.Name)}
        kept = [
            k for k in range(len(self.made.inputs)) if f"<in {k}>" in read or self.made.inputs[k] in self.made.outputs
        ]
        if len(kept) == len(self.made.inputs) or not self.made.part.path:
            return
        names: dict[str, ast.expr] = {f"<in {old}>": name(f"<in {new}>") for new, old in enumerate(kept)}
        for key, step in self.made.steps.items():
            temporaries = tuple((n, substituted(t, names)) for n, t in step.temporaries)
            self.made.steps[key] = replace(step, tree=substituted(step.tree, names), temporaries=temporaries)
        self.made.inputs = [self.made.inputs[k] for k in kept]

    # -- parts ----------------------------------------------------------------------------------
    def _child(self, child: Part) -> None:
        if child.node is not None:
            self._node(child.node)
        elif (kind := kind_of(child, self.graph)) == "class":
            self._use(child)
        elif kind == "chain":
            self._chain(child)
        else:
            for inner in child.parts:
                self._child(inner)

    def _use(self, child: Part) -> None:
        klass, program = self.classes[child.path]
        key = self._relative(child.path)
        self.made.state[key] = (Use(klass, program), _place(child))
        tree = call(self._access(key), *(self._value(v) for v in program.inputs))
        targets = tuple(key if k == 0 else f"{key}:{k}" for k in range(len(program.outputs)))
        self.names.update(zip(program.outputs, targets, strict=True))
        self._step(Step(key, targets[0] if len(targets) == 1 else targets, tree, place=_place(child)), program.outputs)

    def _chain(self, child: Part) -> None:
        key = self._relative(child.path)
        self.made.state[key] = (self._elements(child), _place(child))
        value = next(v for v in child.outs if v not in self.state_values)
        tree = call(self._access(key), self._value(child.feeds[0]))
        self.names[value] = key
        self._step(Step(key, key, tree, place=_place(child)), [value])

    def _elements(self, part: Part) -> Chain:
        elements: list[Any] = []
        for child in part.parts:
            if child.node is not None:
                elements.append(element(self.graph, child.node))
            elif kind_of(child, self.graph) == "chain":
                elements.append(self._elements(child))
            else:
                elements.append(Use(*self.classes[child.path]))
        return Chain("Sequential", tuple(elements))

    def _step(self, step: Step, values: Any) -> None:
        self.made.steps[step.key] = step
        self.seen += values

    # -- nodes ----------------------------------------------------------------------------------
    def _node(self, node: Node) -> None:
        key = self._relative(node.name)
        if node.op.bare:
            self._bare(node, key)
            return
        if isinstance(node.op, Loop):
            self._loop(node, node.op, key)
            return
        given = {p: v for p, v in node.inputs if p in node.op.tensors and not node.op.free_ports
                 and p not in {q.name for q in node.op.ports}}  # fmt: skip
        trees = {v: self._value(v) for v in node.reads if v not in given.values()}
        plain = Node(node.name, node.op, tuple((p, v) for p, v in node.inputs if p not in given), node.outputs)
        inputs = list(plain.arrange(trees))
        found = ops.render(self.graph, node, inputs, lambda size: self._size(size, node), self._device(node))
        value = found.value
        if found.layer is not None:
            value = self._layered(node, key, found, given)
        elif node.op.is_constant and not node.reads:
            self.made.state[key] = (Layer(_inlined(found), "constant", found.needs), node.place)
            value, found = self._access(key), Rendered(value)
        values = [self._relative(v) for v in node.values]
        targets = _nested(found.unpack, values) if found.unpack else values[0]
        needs = found.needs if found.layer is None else ()
        if not self.taped.isdisjoint(node.values):
            if found.unpack:
                raise fail(node.place, f"a gradient is taken at a part of '{node.name}'", "a .py file cannot; .pt2 can")
            value, needs = call("taped", value), (*needs, parts.taped)
        labels = self._labels(node) if found.unpack else ()
        self._step(Step(key, targets, value, found.temporaries, needs, node.place, labels), node.values)

    def _loop(self, node: Node, op: Loop, key: str) -> None:
        """A loop: the class of its body, run by `Loop`."""
        kind, program = self.classes[node.name]
        (types,) = self.graph.input_types(node)
        entries = {e.name: e.type for e in op.body.inputs}
        start = {n: tuple(_origin(s, types) for s in t.shape) for n, t in entries.items() if n not in op.names}
        if any(entries[n].dtype != "float32" for n in start):
            raise fail(node.place, f"the loop '{node.name}' carries a value that is not float32", "a .py file cannot")
        loop = constructed(
            "Loop", {"inputs": tuple(entries), "given": op.names, "outputs": op.results_, "start": start},
            {"over": (op.over, ""), "dim": (op.dim, 0), "reverse": (op.reverse, False), "times": (op.times, None),
             "until": (op.until, "")},
        )  # fmt: skip
        self.made.state[key] = (Use(kind, program, loop), node.place)
        targets = tuple(map(self._relative, node.values))
        tree = call(self._access(key), *map(self._value, node.reads))
        self._step(Step(key, targets[0] if len(targets) == 1 else targets, tree, place=node.place), node.values)

    def _labels(self, node: Node) -> tuple[str, ...]:
        """The ports that the outputs go to, such as `q k v`, where each goes to one of its own."""
        ports = [
            {p for r in self.graph.readers.get(node.name, ()) for p, v in self.graph.by_name[r].inputs if v == value}
            for value in node.values
        ]
        found = tuple(p.pop() if len(p) == 1 else "" for p in ports)
        return found if len(set(found)) == len(found) and "" not in found else ()

    def _layered(self, node: Node, key: str, found: Rendered, given: Mapping[str, str]) -> ast.expr:
        """The call of a module, whose own parameters may be tied to others', or given by values."""
        tie, arguments = node.marks.tie, list(found.value.args)  # type: ignore[attr-defined]
        if tie is not None and self.graph.by_name[tie].op == node.op and not given:
            return ast.Call(self._access(self._relative(tie)), arguments, [])
        if tie is not None:
            self.made.ties += [(f"{node.name}.{p}", f"{tie}.{p}") for p, _ in node.parameters]
        assert found.layer is not None
        tree, needs = frozen(found.layer, node), found.needs
        computed = {p: v for p, v in given.items() if not self._is_parameter(v)}
        self.made.ties += [(f"{node.name}.{p}", v) for p, v in given.items() if p not in computed]
        if computed:
            tree, needs = call("Given", tree, *computed), (*needs, parts.Given)
            arguments += [self._value(v) for v in computed.values()]
        self.made.state[key] = (Layer(tree, "module", needs), node.place)
        return ast.Call(self._access(key), arguments, [])

    def _is_parameter(self, value: str) -> bool:
        """Whether a value is another node's own parameter, which is shared; all else is passed when called."""
        return value in self.state_values

    def _bare(self, node: Node, key: str) -> None:
        if node.marks.tie:
            self._step(Step(key, key, self._access(self._relative(node.marks.tie)), place=node.place), node.values)
            return
        (kind,) = node.outputs
        options = {} if kind.dtype == "float32" else {"dtype": ast.Attribute(name("torch"), kind.dtype)}
        tree: ast.expr = (
            call("torch.zeros", *kind.shape, **options) if kind.shape else call("torch.zeros", (), **options)
        )
        trainable = getattr(node.op, "trainable", None)
        if trainable is not None:
            tree = call(
                "nn.Parameter", tree, **({} if trainable and not node.marks.freeze else {"requires_grad": False})
            )
        stored = "parameter" if trainable is not None else "buffer" if node.op.persistent else "constant"  # type: ignore[attr-defined]
        self.made.state[key] = (Layer(tree, stored), node.place)
        self._step(Step(key, key, self._access(key), place=node.place), node.values)

    # -- names ----------------------------------------------------------------------------------
    def _relative(self, value: str) -> str:
        if self.prefix and not value.startswith(self.prefix):
            raise AssertionError(f"{value} is out of sight of {self.prefix}")
        return value[len(self.prefix) :]

    def _value(self, value: str) -> ast.expr:
        """A value as it is known in this scope."""
        if value in self.made.inputs:
            return name(f"<in {self.made.inputs.index(value)}>")
        if value in self.state_values:
            return self._access(self._relative(value))
        return name(f"<{self.names.get(value) or self._relative(value)}>")

    def _access(self, key: str) -> ast.expr:
        return ast.Attribute(name("< self>"), key)

    def _device(self, node: Node) -> ast.expr | None:
        """Where a tensor that no input feeds is made; a constant moves with the module."""
        first = None if node.op.is_constant else next(iter(self.made.inputs), None)
        return None if first is None else ast.Attribute(self._value(first), "device")

    def _size(self, size: Dim, node: Node) -> ast.expr:
        """A free size, read from the shape of a value at hand."""
        for value in dict.fromkeys((*node.reads, *self.seen)):
            kind = self.graph.types.get(value)
            if kind is not None and size in kind.shape:
                return item(ast.Attribute(self._value(value), "shape"), kind.shape.index(size))
        total: ast.expr | None = None
        for monomial, factor in size.terms.items():
            term: ast.expr | None = data(factor) if not monomial or factor != 1 else None
            for atom in monomial:
                one = Dim({(atom,): 1})
                if one == size and not isinstance(atom, Floor):
                    raise fail(node.place, f"the size {size} of '{node.name}' can be read from no value near it",
                               "give the block an input that has it")  # fmt: skip
                part = (
                    ast.BinOp(self._sized(atom.top, node), ast.FloorDiv(), data(atom.by))
                    if isinstance(atom, Floor)
                    else self._size(one, node)
                )
                term = part if term is None else ast.BinOp(term, ast.Mult(), part)
            assert term is not None
            total = term if total is None else ast.BinOp(total, ast.Add(), term)
        assert total is not None
        return total

    def _sized(self, size: Any, node: Node) -> ast.expr:
        return self._size(size, node) if isinstance(size, Dim) else data(size)


def _place(part: Part) -> Place | None:
    """Where a scope stands in the spec; a scope that only counts copies stands where its first copy does."""
    if part.scope is not None:
        return part.scope.place
    first = part.parts[0]
    return first.node.place if first.node is not None else _place(first)


def _nested(unpack: Any, values: list[str]) -> Any:
    """The pattern of an unpacking with the names of values for their numbers."""
    return tuple(_nested(u, values) for u in unpack) if isinstance(unpack, tuple) else values[int(unpack)]


def _inlined(found: Rendered) -> ast.expr:
    """An expression with its temporaries written out."""
    known: dict[str, ast.expr] = {}
    for label, tree in found.temporaries:
        known[label] = substituted(tree, known)
    value: ast.expr = substituted(found.value, known)
    return value


def substituted(tree: Any, known: Mapping[str, ast.expr]) -> Any:
    """A tree with expressions in place of names."""

    class Substitution(ast.NodeTransformer):
        def visit_Name(self, node: ast.Name) -> ast.AST:
            return known.get(node.id, node)

    return Substitution().visit(copy.deepcopy(tree))
