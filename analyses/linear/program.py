"""The frozen linear program of a graph, as graphs: replay of probes, and the adjoint.

`frozen` finds which values depend on the probe, refuses what has no rule, all at once, and lays the two lanes node by
node. The homogeneous vector (probe, switches) makes the program linear: `A x + B s`, with `B s = b` for `s = 1`.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

from graphwright.analyses.linear.lanes import Freedom, Lanes, batch_of
from graphwright.analyses.linear.norms import running
from graphwright.analyses.linear.rules import RULES
from graphwright.compiler.ir.dims import Dim, Size, symbols
from graphwright.compiler.ir.graph import Graph, Marks, Node
from graphwright.compiler.ir.types import Type
from graphwright.compiler.ops.arithmetic import Mul, Scale
from graphwright.compiler.ops.gradient import Gradient
from graphwright.compiler.ops.join import Split
from graphwright.compiler.ops.norm import BatchNorm
from graphwright.compiler.ops.op import FLOATING
from graphwright.compiler.ops.reduce import Mean, Sum
from graphwright.compiler.ops.shape import Expand, Flatten, Unflatten, Unsqueeze
from graphwright.compiler.places import NOWHERE, Problem, SpecError, fail
from graphwright.compiler.transforms.instrument import Rewriter

#: The inputs and outputs that the instrumented graphs add.
PROBE, SOURCES, WEIGHT = "probe", "sources", "weight"
RESPONSE, ROW, ROW_SOURCES, VOTE, VALUE, START = "response", "row", "row_sources", "vote", "value", "start"


@dataclass(frozen=True)
class Span:
    """The part of a graph that is made linear: from a value to a value, over all paths between them."""

    start: str
    of: str


def unused_symbol(graph: Graph) -> str:
    """A name for the number of probes that no size of the graph has."""
    return next(s for s in ("P", "Q", "probes") if s not in graph.sizes)


def plan(lanes: Lanes, graph: Graph, span: Span) -> tuple[set[str], list[Problem]]:
    """Fills `live` and `carried`; the names of the nodes that the signal passes on its way, and what stops it."""
    lanes.live = {span.start}
    for node in graph.nodes:
        rule = RULES.get(type(node.op))
        through = node.reads if rule is None else rule.carries(lanes, node)
        lanes.carried[node.name] = through
        if any(v in lanes.live for v in through):
            lanes.live |= {v for v, t in zip(node.values, node.outputs, strict=True) if t.dtype in FLOATING}
    wanted, passed = {span.of}, set[str]()
    for node in reversed(graph.nodes):
        if any(v in wanted and v in lanes.live for v in node.values) and span.start not in node.values:
            passed.add(node.name)
            wanted |= {v for v in lanes.carried[node.name] if v in lanes.live}
    problems = [p for node in graph.nodes if node.name in passed and (p := _problem(lanes, graph, node)) is not None]
    return passed, problems


def _problem(lanes: Lanes, graph: Graph, node: Node) -> Problem | None:
    rule = RULES.get(type(node.op))
    if rule is None:
        text = f"'{node.name}': the op '{node.op.name}' has no linear rule"
        return Problem(node.place, text, "add one to analyses/linear/rules.py, or end the part before it")
    if reason := rule.fits(lanes, node):
        return Problem(node.place, f"'{node.name}': {node.op.name} has no linear rule here: {reason}", "")
    for value in node.values:
        if value in lanes.live and sum(lanes.batch in symbols(s) for s in graph.types[value].shape) != 1:
            text = f"'{node.name}' ({node.op.name}): {graph.types[value]} does not keep the samples of a batch apart"
            return Problem(node.place, text, f"the size '{lanes.batch}' must be in one dimension")
    return None


def lay(lanes: Lanes, graph: Graph, span: Span, probe: str) -> str:
    """Lays both lanes; `probe` is the value [P, ...] that enters. The response, [P, ...]."""
    passed, problems = plan(lanes, graph, span)
    if problems:
        raise SpecError(problems)
    if span.of not in lanes.live:
        raise fail(NOWHERE, f"'{span.of}' does not depend on '{span.start}' through anything linear",
                   "end before a softmax or another decision")  # fmt: skip
    entries = {e.name for e in graph.inputs}
    if span.start in entries:
        lanes.probe[span.start] = lanes.enter(span.start, probe)
    for node in graph.nodes:
        lanes.made.keep(node)
        if node.name in passed:
            made = RULES[type(node.op)].emit(lanes, node)
            lanes.probe.update(zip(node.values, (made,) if isinstance(made, str) else made, strict=True))
        if span.start in node.values:
            lanes.probe[span.start] = lanes.enter(span.start, probe)
    return lanes.leave(lanes.probe[span.of])


def begin(graph: Graph, span: Span, by: str, freedom: Freedom) -> Lanes:
    return Lanes(Rewriter(graph, by), batch_of(graph, span.start), unused_symbol(graph), freedom)


def sources(graph: Graph, span: Span, by: str, freedom: Freedom) -> tuple[str, ...]:
    """The names of the bias sources, in the order of their switches."""
    lanes = begin(graph, span, by, freedom)
    probe = lanes.made.enter(PROBE, _probes(lanes, span.start))
    _switches(lanes, 1 << 20)
    lay(lanes, graph, span, probe)
    return tuple(lanes.sources)


def replay(graph: Graph, span: Span, by: str, freedom: Freedom) -> Graph:
    """The graph with the inputs `probe` [P, ...] and `sources` [P, N, S], and the output `response` [P, ...].

    `response = A probe + sum_s sources_s b_s`. Where the part ends within the graph, its value in lane 0 is the output
    `value`, and `start` is the one it starts from.
    """
    count = len(sources(graph, span, by, freedom))
    lanes = begin(graph, span, by, freedom)
    probe = lanes.made.enter(PROBE, _probes(lanes, span.start), "inputs of the frozen program")
    if count:
        _switches(lanes, count)
    return _finish(lanes, graph, span, {RESPONSE: lay(lanes, graph, span, probe)})


def adjoint(graph: Graph, span: Span, by: str, freedom: Freedom) -> Graph:
    """The graph with the input `weight` [P, ...], and the outputs `row` [P, ...] and `row_sources` [P, N, S].

    `row = A^T weight` and `row_sources_s = <weight, b_s>`, by the op `gradient` at the (zero) vector of probe and
    switches that the linear lane starts from. For a picture, `vote` [P, N, H, W] is `row x0`, summed over channels.
    """
    count = len(sources(graph, span, by, freedom))
    lanes = begin(graph, span, by, freedom)
    made = lanes.made
    weight = made.enter(WEIGHT, _probes(lanes, span.of), "weights of the outputs")
    kind = graph.types[span.start]
    if lanes.axis(span.start) != 0:
        raise fail(NOWHERE, f"'{span.start}' is {kind}", "rows need the batch size in front")
    size = prod(kind.shape[1:]) * lanes.per_sample(kind.shape[0])
    vector = _nothing(lanes, weight, size + count)
    parts = made.add_many("", "part", Split((size, count), 2), (vector,)) if count else (vector,)
    lanes.switches = parts[-1]
    response = lay(lanes, graph, span, _shaped(lanes, PROBE, parts[0], kind))
    score = made.add("", "score", Mul(), (weight, response))
    slope = made.add("", "slope", Gradient(), {"of": score, "at": vector})
    parts = made.add_many("", "part", Split((size, count), 2), (slope,)) if count else (slope,)
    outputs = {ROW: _shaped(lanes, ROW, parts[0], kind), **({ROW_SOURCES: parts[1]} if count else {})}
    return _finish(lanes, graph, span, outputs | _vote(lanes, graph, span, outputs[ROW]))


def tangent(graph: Graph, span: Span, by: str, rows: bool) -> Graph:
    """The network's true Jacobian J: `row = J^T weight`, or `response = J probe`, which is the adjoint's adjoint."""
    lanes = begin(graph, span, by, Freedom())
    made = lanes.made
    given = made.enter(WEIGHT if rows else PROBE, _probes(lanes, span.of if rows else span.start))
    for node in graph.nodes:
        made.keep(node)
    tiled = _tiled(lanes, span.start)
    value = _rerun(lanes, graph, span, tiled)
    weight = given
    if not rows:
        zero = made.add("", "zero", Scale(0.0), (_tiled(lanes, span.of),))
        weight = zero
    score = made.add("", "score", Mul(), (weight, value))
    slope = made.add("", "slope", Gradient(), {"of": score, "at": tiled})
    if rows:
        return _finish(lanes, graph, span, {ROW: slope} | _vote(lanes, graph, span, slope))
    along = made.add("", "along", Mul(), (given, slope))
    return _finish(lanes, graph, span, {RESPONSE: made.add("", RESPONSE, Gradient(), {"of": along, "at": weight})})


def _rerun(lanes: Lanes, graph: Graph, span: Span, tiled: str) -> str:
    """The part once more, on a copy of the input a probe, under the same weights."""
    lanes.live = {span.start}
    lanes.probe[span.start] = lanes.enter(span.start, tiled)
    for node in graph.nodes:
        if not any(v in lanes.live for v in node.reads) or span.start in node.values:
            continue
        lanes.live |= set(node.values)
        if isinstance(node.op, BatchNorm):  # torch's batch norm has a wrong gradient for one sample
            lanes.probe[node.name] = running(lanes, node)
            continue
        reads = [lanes.probe[v] if v in lanes.live else lanes.spread(node, lanes.x(v)) for v in node.reads]
        state = bool(node.parameters or node.buffers)
        made = lanes.again(node, reads, marks=Marks(tie=lanes.owner(node)) if state else None)
        lanes.probe.update(zip(node.values, made, strict=True))
    if span.of not in lanes.probe:
        raise fail(NOWHERE, f"'{span.of}' does not depend on '{span.start}'", "")
    return lanes.leave(lanes.probe[span.of])


def _probes(lanes: Lanes, value: str) -> Type:
    kind = lanes.made.graph.types[value]
    return Type((lanes.probes, *kind.shape), kind.dtype)


def _switches(lanes: Lanes, count: int) -> None:
    doc = "the factor of each bias source: ones for the network's own, zeros for A alone"
    lanes.switches = lanes.made.enter(SOURCES, Type((lanes.probes, Dim.symbol(lanes.batch), count)), doc)


def _nothing(lanes: Lanes, weight: str, size: Size) -> str:
    """Zeros [P, N, size], of the dtype and on the device of the weights [P, ...]."""
    made = lanes.made
    mean = made.add("", "mean", Mean(1, True), (made.add("", "flat", Flatten(1), (weight,)),))
    zero = made.add("", "zero", Unsqueeze(2), (made.add("", "zero", Scale(0.0), (mean,)),))
    return made.add("", "zero", Expand((lanes.probes, Dim.symbol(lanes.batch), size)), (zero,))


def _shaped(lanes: Lanes, word: str, vector: str, kind: Type) -> str:
    """Vectors [P, N, D] as probes [P, ...] of a value."""
    flat = lanes.made.add("", "flat", Flatten(1), (vector,))
    return lanes.made.add("", word, Unflatten(1, kind.shape), (flat,))


def _tiled(lanes: Lanes, value: str) -> str:
    """P copies of a lane-0 value, [P, ...]."""
    one = lanes.made.add("", "one", Unsqueeze(0), (lanes.x(value),))
    return lanes.made.add("", "tiled", Expand(_probes(lanes, value).shape), (one,))


def _vote(lanes: Lanes, graph: Graph, span: Span, row: str) -> dict[str, str]:
    """`row x0` summed over channels, where the probe is a picture."""
    if graph.types[span.start].rank != 4:
        return {}
    product = lanes.made.add("", "votes", Mul(), (row, lanes.x(span.start)))
    return {VOTE: lanes.made.add("", VOTE, Sum(2), (product,))}


def _finish(lanes: Lanes, graph: Graph, span: Span, outputs: dict[str, str]) -> Graph:
    """The graph with these outputs too, and the values of lane 0 that the part lies between."""
    known = {e.name for e in graph.inputs} | {value for _, value in graph.outputs}
    ends = {port: value for port, value in ((VALUE, span.of), (START, span.start)) if value not in known}
    return lanes.made.finish([*graph.outputs, *ends.items(), *outputs.items()])
