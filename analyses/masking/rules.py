"""What layer masking does at each op: one row an op. An op without a row is refused where it reads a masked value."""

from __future__ import annotations

from collections.abc import Callable

from graphwright.analyses.masking import regroup, resampling, shapes, tokens, windows
from graphwright.analyses.masking.sight import Masker, refuse
from graphwright.analyses.spelled import spell, spellable
from graphwright.compiler.ir.graph import Node
from graphwright.compiler.ir.types import Type
from graphwright.compiler.ops.arithmetic import Scale
from graphwright.compiler.ops.op import Op
from graphwright.compiler.transforms.instrument import Reads

Rule = Callable[[Masker, Node], None]


def _each(rule: Rule, names: str) -> dict[str, Rule]:
    return dict.fromkeys(names.split(), rule)


class _Steps:
    """Where the plain nodes of composites go: each by its own rule."""

    def __init__(self, made: Masker) -> None:
        self.made = made

    def step(self, node: Node, word: str, op: Op, reads: Reads) -> tuple[str, ...]:
        plain = self.made.planned(node, word, op, reads)
        masked_step(self.made, plain)
        return plain.values

    def parameter(self, node: Node, leaf: str) -> str | None:
        return self.made.parameter(node, leaf)

    def nothing(self, node: Node, like: str) -> str:
        """Zeros of the model's own, which are known."""
        return self.made.add(node, "nothing", Scale(0.0), (self.made.now(like),))

    def type(self, value: str) -> Type:
        return self.made.types[self.made.now(value)]


def _composite(made: Masker, node: Node) -> None:
    """The plain ops that it consists of, each by its own rule."""
    kinds = {v: made.types[made.now(v)] for v in node.reads}
    if complaint := spellable(node, kinds):
        raise refuse(node, complaint)
    for value, plain in zip(node.values, spell(node, _Steps(made)), strict=True):
        made.values[value] = made.now(plain)
        if plain in made.sights:
            made.sights[value] = made.sights[plain]


def masked_step(made: Masker, node: Node) -> None:
    """One node of the masked graph, by its rule where it reads a masked value."""
    if not any(made.seeing(node)):
        made.keep(node)
    elif rule := RULES.get(node.op.name):
        rule(made, node)
    else:
        raise refuse(node, "it has no rule", "add a row to RULES in analyses/masking/rules.py")


RULES: dict[str, Rule] = {
    # element by element
    **_each(tokens.pointwise, "identity relu relu6 leaky_relu prelu elu selu celu silu mish gelu sigmoid tanh "
                              "hardsigmoid hardswish hardtanh softplus softsign log_sigmoid threshold add mul sub div "
                              "pow maximum minimum clamp scale weighted_sum neg abs sign exp log sqrt rsqrt square "
                              "reciprocal sin cos erf floor ceil round gt ge lt le eq ne logical_and logical_or "
                              "logical_not where cast detach dropout dropout1d dropout2d dropout3d alpha_dropout "
                              "drop_path"),
    **_each(tokens.formula, "formula"),
    **_each(tokens.batch_norm, "batch_norm"),
    # within a cell
    **_each(tokens.channels, "rms_norm local_response_norm normalize channel_shuffle glu"),
    **_each(tokens.layer_norm, "layer_norm"),
    **_each(tokens.linear, "linear"),
    # statistics of the map
    **_each(windows.moments, "group_norm"),
    **_each(tokens.instance_norm, "instance_norm"),
    # windows
    **_each(windows.convolution, "conv2d"),
    **_each(windows.transposed, "conv_transpose2d"),
    **_each(windows.maximum, "max_pool2d adaptive_max_pool2d"),
    **_each(windows.average, "avg_pool2d adaptive_avg_pool2d"),
    **_each(resampling.resized, "interpolate upsample"),
    **_each(resampling.shuffled, "pixel_shuffle"),
    **_each(resampling.unshuffled, "pixel_unshuffle"),
    **_each(resampling.unfolded, "unfold"),
    **_each(resampling.folded, "fold"),
    **_each(resampling.sampled, "grid_sample"),
    # reductions
    **_each(windows.reduction, "mean sum max min amax amin"),
    **_each(windows.variance, "var std"),
    **_each(windows.patterned, "reduce"),
    # tokens
    **_each(tokens.attention, "attention"),
    **_each(tokens.softmax, "softmax log_softmax"),
    **_each(tokens.matmul, "matmul"),
    **_each(tokens.contraction, "einsum"),
    **_each(tokens.suppressed, "nms"),
    # made of others
    **_each(_composite, "loop multi_head_attention lerp conv1d max_pool1d avg_pool1d adaptive_avg_pool1d"),
    # elements moved
    **_each(regroup.rearranged, "rearrange"),
    **_each(regroup.reshaped, "reshape flatten"),
    **_each(shapes.moved, "repeat permute transpose unsqueeze unflatten contiguous flip tile "
                          "window_partition window_reverse"),
    **_each(shapes.along, "slice select split chunk unbind index_select roll squeeze repeat_interleave"),
    **_each(shapes.expanded, "expand"),
    **_each(shapes.padding, "pad"),
    **_each(shapes.joined, "concat"),
    **_each(shapes.stacked, "stack"),
}  # fmt: skip
