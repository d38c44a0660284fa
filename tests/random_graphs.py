"""Random flat graphs, for laws that hold of every graph: names with dots, copies of motifs, sharing, torn scopes."""

from __future__ import annotations

import random
from dataclasses import replace

from graphwright.compiler.ir.dims import Dim
from graphwright.compiler.ir.graph import Entry, Graph, Marks, Node, Scope
from graphwright.compiler.ir.types import Type
from graphwright.compiler.ir.verify import verify
from graphwright.compiler.lowering.inference import infer
from graphwright.compiler.ops import OPS
from graphwright.compiler.ops.op import Op

_WORDS = ("a", "b", "conv", "layer1", "layer2", "layer3", "0", "1", "2", "3")
#: The values that nodes pass on all have this type, so that any op can read any value.
_IMAGE = Type((Dim.symbol("N"), 8, 4, 4))


def random_graph(seed: int, size: int) -> Graph:
    """A graph of about `size` pieces: nodes, and uses of motifs that differ by arguments and by what they leave out."""
    return _Growing(random.Random(seed)).grow(size)


def _random_op(rng: random.Random) -> Op:
    choice = rng.randrange(6)
    if choice == 0:
        return OPS["conv2d"](out=8, kernel=rng.choice((1, 3)), padding="same", bias=rng.random() < 0.5)  # type: ignore[call-arg]
    if choice == 1:
        return OPS["batch_norm"](eps=rng.choice((1e-5, 1e-3)))  # type: ignore[call-arg]
    if choice == 2:
        return OPS["dropout"](p=rng.choice((0.0, 0.1, 0.25)))  # type: ignore[call-arg]
    if choice == 3:
        return OPS["add"]()
    if choice == 4:
        return OPS["formula"](value="a * 2 + k", names=("a",), constants=(("k", rng.randrange(3)),))  # type: ignore[call-arg]
    return OPS["relu"]()


class _Growing:
    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.types: dict[str, Type] = {"x": _IMAGE, "y": _IMAGE}
        self.values = ["x", "y"]
        self.nodes: list[Node] = []
        self.scopes: dict[str, Scope] = {}
        self.names: set[str] = set()
        self.motifs = [self._motif() for _ in range(3)]

    def grow(self, size: int) -> Graph:
        for _ in range(size):
            if self.rng.random() < 0.5:
                self._node(self._name(self._path()), _random_op(self.rng), self._feeds())
            elif self.rng.random() < 0.5:
                self._use(self._path(), self.rng.randrange(3), self._feeds())
            else:
                self._chain()
        inputs = tuple(Entry(n, _IMAGE, {"N": 2} if n == "x" else {}) for n in ("x", "y"))
        picked = self.rng.sample(self.values[2:], min(len(self.values) - 2, self.rng.randint(1, 2)))
        outputs = tuple((f"out{k}", v) for k, v in enumerate(picked))
        graph = Graph("random", inputs, tuple(self.nodes), outputs, scopes=tuple(self.scopes.values()))
        return verify(graph)

    def _motif(self) -> list[tuple[str, Op, list[int], bool]]:
        """Nodes of a body: name, op, the earlier values read (below 0: the inputs), whether it may be left out."""
        body = []
        for k in range(self.rng.randint(1, 4)):
            reads = [self.rng.randint(-2, k - 1), self.rng.randint(-2, k - 1)]
            reads = [k - 1, reads[1]] if self.rng.random() < 0.6 else reads
            name = self.rng.choice(("norm", "act", "fc.w", "mlp.act")) + str(k)
            body.append((name, _random_op(self.rng), reads, k > 0 and self.rng.random() < 0.2))
        return body

    def _use(self, path: str, number: int, feeds: list[str]) -> str:
        """One use of a motif below a path; arguments may differ."""
        path = self._name(path)
        made: list[str] = []
        for name, op, reads, optional in self.motifs[number]:
            values = [made[r] if r >= 0 else feeds[r] for r in reads]
            if optional and self.rng.random() < 0.5:
                made.append(values[0])
                continue
            if self.rng.random() < 0.3:
                other = _random_op(self.rng)
                op = other if type(other) is type(op) else op
            if op.ports and op.ports[0].many and self.rng.random() < 0.4:  # more reads of one port
                values += self.rng.sample(self.values, min(len(self.values), self.rng.randint(1, 3)))
            made.append(self._node(f"{path}.{name}", op, values))
        if self.rng.random() < 0.7:
            self.scopes[path] = Scope(path, f"motif{number}")
        return made[-1]

    def _chain(self) -> None:
        """Uses of a motif one after the other, numbered."""
        path, number = self._name(self._path()), self.rng.randrange(3)
        feeds = self._feeds()
        for k in range(self.rng.randint(2, 4)):
            value = self._use(f"{path}.{k}", number, feeds)
            feeds = [feeds[0], value] if self.rng.random() < 0.9 else self._feeds()

    def _path(self) -> str:
        return ".".join(self.rng.choice(_WORDS) for _ in range(self.rng.randint(1, 3)))

    def _name(self, path: str) -> str:
        """The path, changed until no node's name is a scope's."""
        while any(n == path or path.startswith(n + ".") or n.startswith(path + ".") for n in self.names):
            path = self.rng.choice("abcd") + path
        return path

    def _feeds(self) -> list[str]:
        recent = self.values[-3:]
        return [self.rng.choice(self.values), self.rng.choice(recent)]

    def _node(self, name: str, op: Op, feeds: list[str]) -> str:
        self.names.add(name)
        ports = op.ports[0]
        inputs = tuple((ports.name, v) for v in feeds) if ports.many else ((ports.name, feeds[-1]),)
        if op.free_ports:
            inputs = (("a", feeds[-1]),)
        node = Node(name, op, inputs)
        signature = infer(op, node.arrange(self.types), {})
        node = replace(node, outputs=signature.outputs, parameters=signature.parameters, buffers=signature.buffers,
                       marks=self._marks(op, signature.parameters))  # fmt: skip
        self.nodes.append(node)
        self.types.update(zip(node.values, node.outputs, strict=True))
        self.values.append(name)
        return name

    def _marks(self, op: Op, parameters: tuple[tuple[str, Type], ...]) -> Marks:
        if parameters and self.rng.random() < 0.15:
            alike = [n for n in self.nodes if n.op == op and n.parameters == parameters and not n.marks.tie]
            if alike:
                return Marks(tie=self.rng.choice(alike).name)
        init = None
        if parameters and self.rng.random() < 0.3:
            init = self.rng.choice((0.5, 1, "ones", {"weight": {"normal": {"std": self.rng.choice((0.1, 0.2))}}}))
        tags = ("seen",) if self.rng.random() < 0.05 else ()
        return Marks(freeze=self.rng.random() < 0.1, init=init, tags=tags)


def differences(a: Graph, b: Graph) -> list[str]:
    """What two graphs do not share. Places may differ, and what scopes say about themselves for readers."""
    found = [f"{word}: {x} != {y}" for word in ("name", "inputs", "outputs", "targets", "losses", "doc", "source")
             if (x := getattr(a, word)) != (y := getattr(b, word))]  # fmt: skip
    for word in ("train", "expect"):
        x, y = ({k: s.value for k, s in getattr(g, word).items()} for g in (a, b))
        found += [f"{word}: {x} != {y}"] if x != y else []
    if [n.name for n in a.nodes] != [n.name for n in b.nodes]:
        return [*found, f"nodes: {[n.name for n in a.nodes]} != {[n.name for n in b.nodes]}"]
    for m, n in zip(a.nodes, b.nodes, strict=True):
        bodies = [getattr(k.op, "body", None) for k in (m, n)]
        if all(isinstance(body, Graph) for body in bodies):
            found += [f"{m.name}: {d}" for d in differences(*bodies)]  # type: ignore[arg-type]
            m, n = (replace(k, op=replace(k.op, body=None)) for k in (m, n))  # type: ignore[call-arg]
        if m != n or repr(m.op) != repr(n.op):
            found.append(f"{m} != {n}")
    if _said(a) != _said(b):
        found.append(f"scopes: {_said(a)} != {_said(b)}")
    return found


def _said(graph: Graph) -> dict[str, Marks]:
    """The marks of scopes that change how a graph runs; those that nodes inherit stand at the nodes."""
    plain = {s.name: replace(s.marks, tie=None, freeze=False, train_only=False, doc="") for s in graph.scopes}
    return {name: marks for name, marks in plain.items() if marks != Marks()}
