"""Graphs in which neurons are scaled: what a path is worth, and what a model does without it.

Every value with neurons goes through `v' = s * (clean where held, else live)`, at the places where its neurons live.
`clean` is the value of the unperturbed model, which runs beside; `live` is what reaches the layer from what was changed
before it. The scale `s` is 1 except for the neurons in question.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from graphwright.analyses.features import logits
from graphwright.analyses.grad_cam import TARGET, chosen_score
from graphwright.analyses.paths.neurons import Layer
from graphwright.analyses.paths.places import clean_part, columns, mean_of, part_of, per_place, spliced, token_count
from graphwright.analyses.paths.quadrature import Rule
from graphwright.compiler.ir.graph import Graph
from graphwright.compiler.ir.types import Type
from graphwright.compiler.ops.activation import Softmax
from graphwright.compiler.ops.arithmetic import Add, Mul, Scale, WeightedSum
from graphwright.compiler.ops.comparison import Where
from graphwright.compiler.ops.formula import Formula
from graphwright.compiler.ops.gradient import Gradient
from graphwright.compiler.ops.join import Concat, Select, Unbind
from graphwright.compiler.ops.reduce import Sum
from graphwright.compiler.ops.shape import Expand, Flatten, Permute, RepeatInterleave, Unflatten, Unsqueeze
from graphwright.compiler.transforms.counterfactual import Counterfactual
from graphwright.compiler.transforms.instrument import Rewriter

#: Inputs: the units of a path, the candidates that are scaled with it, the layers held at their clean values; a scale.
PATH, OPEN, HELD, SCALE = "path", "open", "held", "scale"
#: Outputs: the score of each candidate, that of the path, the slopes and the clean values of all units.
CANDIDATES, JOINT, SLOPES, UNITS = "candidates", "joint", "slopes", "units"


def scored(graph: Graph, layers: Sequence[Layer], rule: Rule, official: bool, by: str) -> Graph:
    """The joint score of a path, and of the path with each candidate added.

    Inputs: those of the model, `target: int64[N]`, `path` and `open: float32[N, U]`, `held: bool[N, L]`, U units of L
    layers. The units of `path` and `open` are scaled by each point of the rule, all points as one batch. Outputs:
    `candidates: [N, U]`, `joint: [N]`, `slopes: [N, U]`, and `units: [N, U]`, the mean over a unit's places.
    """
    made, total = Rewriter(graph, by), sum(layer.width for layer in layers)
    changed = Counterfactual(made, len(rule), "scaled")
    batch = changed.batch
    target = made.enter(TARGET, Type((batch,), "int64"), "the class in question")
    path = made.enter(PATH, Type((batch, total)), "1 at the neurons of the path")
    candidates = made.enter(OPEN, Type((batch, total)), "1 at the neurons that are scaled with the path")
    held = made.enter(HELD, Type((batch, len(layers)), "bool"), "the layers that keep their clean values")
    scale = _ramp(made, made.add("", "scaled_units", Add(), (path, candidates)), rule)
    count = token_count(graph, layers) if official else 1
    knob = made.add("", "scale", Unsqueeze(1), (scale,))
    if official:
        shift = made.add("", "nothing", Scale(0.0), (knob,))
        at = made.add("", "shift", Expand((-1, count, -1)), (shift,)) if count != 1 else shift
    else:
        at = knob

    def change(layer: Layer, k: int, first: int) -> str:
        part = _held(made, changed, layer, k, _rows(made, held, changed.copies))
        part = made.add(layer.node, "scaled_unit", Mul(), (part, columns(made, layer, knob, first)))
        if official:
            part = made.add(layer.node, "shifted", Add(), (part, columns(made, layer, at, first)))
        return part

    _run(made, changed, layers, change)
    slope = _integral(made, _slope(made, changed, graph, target, at), rule)  # [N, T, U]
    clean = [clean_part(made, layer) for layer in layers]
    units = made.add(
        "", "clean_units", Concat(1), [mean_of(made, layer, v) for layer, v in zip(layers, clean, strict=True)]
    )
    if official:
        wide = made.add(
            "", "clean_places", Concat(-1), [per_place(made, layer, v) for layer, v in zip(layers, clean, strict=True)]
        )
        found, joint = _official(made, slope, wide, path)
    else:
        found, joint = _complete(made, slope, path)
    slopes = made.add("", "unit_slopes", Sum(1), (slope,))
    return made.finish([(CANDIDATES, found), (JOINT, joint), (SLOPES, slopes), (UNITS, units)])


def edited(graph: Graph, layers: Sequence[Layer], by: str) -> Graph:
    """The model with its neurons scaled: inputs `scale: float32[N, U]` and `held: bool[N, L]` besides its own.

    Outputs: the model's, changed, and `units`, the clean values, mean over places [N, U]."""
    made, total = Rewriter(graph, by), sum(layer.width for layer in layers)
    changed = Counterfactual(made, 1, "edited")
    scale = made.enter(SCALE, Type((changed.batch, total)), "what each neuron is multiplied by")
    held = made.enter(HELD, Type((changed.batch, len(layers)), "bool"), "the layers that keep their clean values")

    def change(layer: Layer, k: int, first: int) -> str:
        part = _held(made, changed, layer, k, held)
        return made.add(layer.node, "scaled_unit", Mul(), (part, columns(made, layer, scale, first)))

    _run(made, changed, layers, change)
    means = [mean_of(made, layer, clean_part(made, layer)) for layer in layers]
    units = made.add("", "clean_units", Concat(1), means)
    return made.finish([*((port, changed.now(value)) for port, value in graph.outputs), (UNITS, units)])


def influenced(graph: Graph, layers: Sequence[Layer], rule: Rule, by: str) -> Graph:
    """The mean slope of each unit while the whole picture is scaled: inputs of the model and `target`, output `slopes`.

    The influence patterns of Lu et al. as the published code of neuron paths has them."""
    made = Rewriter(graph, by)
    changed = Counterfactual(made, len(rule), "dimmed")
    target = made.enter(TARGET, Type((changed.batch,), "int64"), "the class in question")
    entry, total = graph.inputs[0], sum(layer.width for layer in layers)
    rows = changed.frozen(entry.name)
    flat = made.add("", "flat", Flatten(1), (entry.name,)) if entry.type.rank > 2 else entry.name
    some = made.add("", "some", Select(1, 0), (flat,))
    ones = made.add("", "per_sample", Formula("1 + 0 * x", (("u", total),), ("x",)), {"x": _column(made, some)})
    lift = made.add("", "shift", Unsqueeze(1), (made.add("", "no_shift", Scale(0.0), (_ramp(made, ones, rule),)),))
    dims = tuple(range(1, entry.type.rank))
    light = made.add("", "light", Select(1, 0), (_ramp(made, ones, rule),))
    for _ in dims:
        light = made.add("", "light", Unsqueeze(-1), (light,))
    changed.override(entry.name, made.add("", "dimmed", Mul(), (rows, light)))

    def change(layer: Layer, k: int, first: int) -> str:
        part = part_of(made, layer, changed.now(layer.value))
        return made.add(layer.node, "shifted", Add(), (part, columns(made, layer, lift, first)))

    _run(made, changed, layers, change)
    slope = _integral(made, _slope(made, changed, graph, target, lift), rule)
    return made.finish([(SLOPES, made.add("", "unit_slopes", Sum(1), (slope,)))])


# -- walking ----------------------------------------------------------------------------------
def _run(
    made: Rewriter, changed: Counterfactual, layers: Sequence[Layer], change: Callable[[Layer, int, int], str]
) -> None:
    """Both graphs; the places of each layer's value are replaced by what `change(layer, number, first)` makes."""
    first, at = 0, {}
    for k, layer in enumerate(layers):
        at[layer.value] = (layer, k, first)
        first += layer.width
    for node in made.graph.nodes:
        made.keep(node)
        changed.follow(node)
        if node.name in at:
            layer = at[node.name][0]
            changed.override(layer.value, spliced(made, changed, layer, change(*at[node.name])))


def _held(made: Rewriter, changed: Counterfactual, layer: Layer, k: int, held: str) -> str:
    """The layer's places: clean where it is held, else live."""
    live = changed.now(layer.value)
    part = part_of(made, layer, live)
    if live == changed.frozen(layer.value):
        return part  # nothing was changed before it
    flag = made.add(layer.node, "held", Select(1, k), (held,))
    for _ in range(layer.rank - 1):
        flag = made.add(layer.node, "held", Unsqueeze(-1), (flag,))
    clean = part_of(made, layer, changed.frozen(layer.value))
    return made.add(layer.node, "kept", Where(), {"condition": flag, "x": clean, "y": part})


def _rows(made: Rewriter, value: str, copies: int) -> str:
    return made.add("", f"rows_of_{value}", RepeatInterleave(copies, 0), (value,)) if copies > 1 else value


def _column(made: Rewriter, value: str) -> str:
    return made.add("", f"column_of_{value}", Unsqueeze(1), (value,))


# -- the integral -----------------------------------------------------------------------------
def _ramp(made: Rewriter, units: str, rule: Rule) -> str:
    """`1 + (a - 1) units` at each point a of the rule, the points of a sample next to each other: [N M, U]."""
    texts = tuple(f"1 + a{k:03} * u" for k in range(len(rule)))
    constants = tuple((f"a{k:03}", point - 1.0) for k, point in enumerate(rule.points))
    along = made.add("", "along", Formula(texts, (), ("u",), constants), {"u": units})
    rows = made.add("", "along", Permute((0, 2, 1)), (along,))
    return made.add("", "along", Flatten(0, 1), (rows,))


def _slope(made: Rewriter, changed: Counterfactual, graph: Graph, target: str, at: str) -> str:
    """The slope of the target's probability."""
    chance = made.add("", "chances", Softmax(-1), (changed.now(logits(graph)),))
    of = chosen_score(made, chance, _rows(made, target, changed.copies))
    return made.add("", "slope", Gradient(), {"of": of, "at": at})


def _integral(made: Rewriter, slope: str, rule: Rule) -> str:
    """The weighted sum over the points, [N, T, U]."""
    batch = made.graph.inputs[0].type.shape[0]
    split = made.add("", "slopes", Unflatten(0, (batch, len(rule))), (slope,))
    each = made.add_many("", "slope_at", Unbind(1), (split,))
    return made.add("", "mean_slope", WeightedSum(rule.weights), each)


def _complete(made: Rewriter, slope: str, path: str) -> tuple[str, str]:
    """`w_i ds_i` added to the path's own sum; the slope in the scale is the value times the slope in the value."""
    shares = made.add("", "shares", Select(1, 0), (slope,))
    own = made.add("", "path_shares", Mul(), (shares, path))
    found = made.add("", "candidates", Add(), (shares, made.add("", "path_sum", Sum(1, True), (own,))))
    return found, made.add("", "joint", Sum(1), (own,))


def _official(made: Rewriter, slope: str, units: str, path: str) -> tuple[str, str]:
    """`sum_t (g_ti + G_t)(w_ti + S_t)`: sums over the path of slopes and of values, multiplied token by token."""
    wide = made.add("", "path_units", Unsqueeze(1), (path,))
    sums = [
        made.add("", word, Sum(2, True), (made.add("", f"{word}_units", Mul(), (value, wide)),))
        for word, value in (("path_slope", slope), ("path_value", units))
    ]
    with_path = [made.add("", "with_path", Add(), pair) for pair in zip((slope, units), sums, strict=True)]
    found = made.add("", "candidates", Sum(1), (made.add("", "products", Mul(), with_path),))
    joint = made.add("", "joint", Sum((1, 2)), (made.add("", "joint_places", Mul(), sums),))
    return found, joint
