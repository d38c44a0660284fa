"""Small graphs for the tests of drawings, built directly."""

from __future__ import annotations

from graphwright.compiler.ir.graph import Entry, Graph, Marks, Node, Scope, Term
from graphwright.compiler.ir.types import Type, parse_type
from graphwright.compiler.ops import OPS
from graphwright.compiler.places import Place


class Draft:
    """Collects nodes; a node's type is the type of its first input unless said."""

    def __init__(self, name: str, entry: str = "x", kind: str = "float32[N, 8, 4, 4]", doc: str = "") -> None:
        self.name, self.doc = name, doc
        self.entry = Entry(entry, parse_type(kind), {})
        self.types: dict[str, Type] = {entry: self.entry.type}
        self.nodes: list[Node] = []
        self.scopes: list[Scope] = []

    def __call__(self, name: str, op: str, *reads: str, kind: str = "", count: int = 1, train_only: bool = False,
                 **arguments: object) -> str:  # fmt: skip
        chosen = OPS[op](**arguments)
        ports = [chosen.ports[min(k, len(chosen.ports) - 1)].name for k in range(len(reads))]
        type_ = parse_type(kind) if kind else self.types[reads[0]]
        place = Place("test.yaml", len(self.nodes) + 1, 3)
        marks = Marks(train_only=train_only)
        node = Node(name, chosen, tuple(zip(ports, reads, strict=True)), (type_,) * count, marks=marks, place=place)
        self.nodes.append(node)
        self.types.update(dict.fromkeys(node.values, type_))
        return name

    def scope(self, name: str, block: str = "") -> None:
        self.scopes.append(Scope(name, block))

    def graph(self, **outputs: str) -> Graph:
        return Graph(
            self.name, (self.entry,), tuple(self.nodes), tuple(outputs.items()), scopes=tuple(self.scopes), doc=self.doc
        )


def residual(blocks: int = 4, name: str = "residual") -> Graph:
    """A stem, a chain of equal residual blocks, a head."""
    d = Draft(name, doc="A chain of residual blocks.")
    x = d("stem", "conv2d", "x", out=8, kernel=3, padding=1)
    d.scope("body")
    for i in range(blocks):
        d.scope(f"body.{i}", "residual_block")
        y = d(f"body.{i}.conv", "conv2d", x, out=8, kernel=3, padding=1)
        y = d(f"body.{i}.relu", "relu", y)
        x = d(f"body.{i}.sum", "add", y, x)
    return d.graph(out=d("head", "relu", x))


def with_losses() -> Graph:
    """A head, a training-only head, and two losses."""
    d = Draft("losses", kind="float32[N, 8]")
    x = d("body", "linear", "x", out=8)
    logits = d("fc", "linear", x, out=3, kind="float32[N, 3]")
    aux = d("aux.fc", "linear", x, out=3, kind="float32[N, 3]", train_only=True)
    d.types["label"] = parse_type("int64[N]")
    d("loss", "cross_entropy", logits, "label", kind="float32[]")
    d("aux_loss", "cross_entropy", aux, "label", kind="float32[]")
    graph = d.graph(logits=logits)
    terms = (Term("loss", "loss"), Term("aux_loss", "aux_loss", 0.3))
    return graph.with_(targets=(Entry("label", parse_type("int64[N]")),), losses=terms)
