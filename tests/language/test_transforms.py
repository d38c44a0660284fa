"""The edits and the folding of batch norm: what they change, what they leave, and that values are kept."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from graphwright.compiler.ir.graph import Graph
from graphwright.compiler.ir.text import dump, parse
from graphwright.compiler.ir.verify import verify
from graphwright.compiler.language.load import load
from graphwright.compiler.lowering.lower import lower
from graphwright.compiler.places import SpecError
from graphwright.compiler.transforms.edits import Insert, Remove, Replace, Set
from graphwright.compiler.transforms.fix_sizes import FixSizes
from graphwright.compiler.transforms.fold_batch_norm import FoldBatchNorm
from graphwright.compiler.transforms.weights import rewrite_weights
from tests.language.conftest import shipped_graph
from tests.oracles import randomise

Spec = Callable[..., Graph]
NET = """
inputs: {image: [N, 4, H=8, W=8]}
nodes:
  conv1: {op: conv2d, out: 6, kernel: 3, padding: 1, bias: false}
  bn1: batch_norm
  relu1: relu
  grouped: {op: conv2d, out: 6, kernel: 3, padding: 1, groups: 3}
  bn2: {op: batch_norm, eps: 1e-3}
  up: {op: conv_transpose2d, out: 4, kernel: 2, stride: 2, groups: 2}
  bn3: {op: batch_norm, affine: false}
  kept: {op: conv2d, out: 4, kernel: 1}
  bn4: {op: batch_norm, in: kept}
  sum: {op: add, in: [bn4, kept]}
  pool: {op: adaptive_avg_pool2d, size: 1}
  flat: flatten
  fc: {op: linear, out: 5}
  bn5: batch_norm
"""


def outputs(graph: Graph, state: dict[str, torch.Tensor], x: torch.Tensor) -> torch.Tensor:
    module = lower(graph).eval()
    module.load_state_dict(state)
    with torch.no_grad():
        result: torch.Tensor = module(x)
    return result


def folded_equals(graph: Graph, x: torch.Tensor) -> Graph:
    module = lower(graph)
    with torch.no_grad():
        randomise(module)
    state = dict(module.state_dict())
    folded = verify(FoldBatchNorm()(graph))
    rewritten = rewrite_weights(folded, state)
    wanted, found = outputs(graph, state, x), outputs(folded, rewritten, x)
    assert wanted.std() > 0
    assert (found - wanted).abs().max() <= 1e-5 * max(1.0, float(wanted.abs().max()))
    assert {k: v.shape for k, v in rewrite_weights(folded, rewritten).items()} == {
        k: v.shape for k, v in rewritten.items()
    }
    return folded


def test_fold_keeps_values_and_removes_nodes(spec: Spec) -> None:
    graph = spec(NET)
    folded = folded_equals(graph, torch.randn(3, 4, 8, 8, generator=torch.Generator().manual_seed(0)))
    gone = {n.name for n in graph.nodes} - {n.name for n in folded.nodes}
    assert gone == {"bn1", "bn2", "bn3", "bn5"}  # bn4's convolution is read elsewhere too
    assert "bias" in dict(folded.by_name["conv1"].parameters)
    assert parse(dump(folded)) == folded


def test_fold_resnet18(spec: Spec) -> None:
    graph = shipped_graph("resnet18")
    folded = folded_equals(graph, torch.randn(1, 3, 32, 32, generator=torch.Generator().manual_seed(0)))
    assert len(folded.nodes) == len(graph.nodes) - 20
    assert not [n for n in folded.nodes if n.op.name == "batch_norm"]


def test_fold_is_idempotent(spec: Spec) -> None:
    once = FoldBatchNorm()(spec(NET))
    assert FoldBatchNorm()(once) == once


def test_replace_gives_readers_the_new_node(spec: Spec) -> None:
    graph = verify(Replace("bn[12]", {"op": "group_norm", "groups": 2}, count=2)(spec(NET)))
    assert graph.by_name["bn1"].op.name == "group_norm"
    assert graph.by_name["relu1"].reads == ("bn1",)
    assert graph.by_name["bn2"].marks == spec(NET).by_name["bn2"].marks
    lower(graph, device="meta")


def test_replace_by_a_block_puts_its_nodes_below_the_name(spec: Spec) -> None:
    graph = verify(spec(NET + """
transforms:
  - replace: {where: relu1, with: {op: gate, slope: 0.2}}
blocks:
  gate:
    params: {slope: 0.1}
    inputs: {x: [N, C, H, W]}
    nodes:
      act: {op: leaky_relu, slope: $slope}
      mix: {op: conv2d, out: $C, kernel: 1}
      out: {op: mul, in: [act, mix]}
"""))  # fmt: skip
    assert [n.name for n in graph.nodes if n.name.startswith("relu1")] == ["relu1.act", "relu1.mix", "relu1.out"]
    assert graph.by_name["grouped"].reads == ("relu1.out",)
    assert graph.by_name["relu1.act"].op.arguments() == {"slope": 0.2}


def test_insert_stands_between_a_node_and_its_readers(spec: Spec) -> None:
    graph = verify(Insert("conv1", "drop", {"op": "dropout", "p": 0.3})(spec(NET)))
    assert graph.by_name["drop_conv1"].reads == ("conv1",)
    assert graph.by_name["bn1"].reads == ("drop_conv1",)
    last = verify(Insert("bn5", "soft", {"op": "softmax"})(spec(NET)))
    assert last.outputs[0][1] == "soft_bn5"


def test_remove_gives_readers_what_was_read(spec: Spec) -> None:
    graph = verify(Remove("op:batch_norm", count=5)(spec(NET)))
    assert graph.by_name["relu1"].reads == ("conv1",)
    assert graph.by_name["sum"].reads == ("kept", "kept")
    assert graph.outputs[0][1] == "fc"


def test_set_changes_arguments_and_types(spec: Spec) -> None:
    graph = verify(Set("fc", {"out": 9})(spec(NET)))
    assert str(graph.outputs[0][1]) == "bn5"
    assert [str(t) for t in graph.by_name["bn5"].outputs] == ["float32[N, 9]"]
    assert dict(graph.by_name["bn5"].parameters)["weight"].shape == (9,)


def test_an_edit_changes_nothing_else(spec: Spec) -> None:
    before, after = spec(NET), Set("bn1", {"eps": 1e-3})(spec(NET))
    assert [n for n in after.nodes if n.name != "bn1"] == [n for n in before.nodes if n.name != "bn1"]


@pytest.mark.parametrize(("edit", "message"), [
    (Replace("nothing", {"op": "relu"}), "no node matches 'nothing'"),
    (Replace("op:batch_norm", {"op": "relu"}, count=2), "matches 5 nodes, not 2"),
    (Replace("bn1", {"op": "rellu"}), "no op, block or model 'rellu'"),
    (Set("bn1", {"epz": 1}), "batch_norm has no argument 'epz'"),
    (Set("bn1", {"eps": "much"}), "must be a number"),
    (Set("conv1", {"out": 7}), "not divisible by groups=3"),
    (Insert("conv1", "relu1", {"op": "relu", "p": 3}), "relu has no argument 'p'"),
    (Remove("kind:relu"), "no selector 'kind:'"),
])  # fmt: skip
def test_mistakes_in_edits(spec: Spec, edit: Callable[[Graph], Graph], message: str) -> None:
    with pytest.raises(SpecError, match=message.replace("(", r"\(")):
        edit(spec(NET))


def test_transforms_given_to_load_follow_those_of_the_spec() -> None:
    graph = load("resnet18", {}, [FoldBatchNorm(), Remove("op:relu", count=17)])
    assert {n.op.name for n in graph.nodes} == {
        "conv2d",
        "max_pool2d",
        "add",
        "adaptive_avg_pool2d",
        "flatten",
        "linear",
    }


def test_sizes_are_fixed_at_their_defaults_or_as_asked() -> None:
    graph = load("resnet18")
    assert graph.sizes.keys() == {"N", "H", "W"}
    fixed = FixSizes()(graph)
    assert [str(e.type) for e in fixed.inputs] == ["float32[N, 3, 224, 224]"]
    assert str(fixed.by_name["layer4.1.conv2"].outputs[0]) == "float32[N, 512, 7, 7]"
    small = FixSizes({"N": 2, "H": 64, "W": 32})(graph)
    assert not small.sizes
    x = torch.randn(2, 3, 64, 32)
    assert torch.equal(lower(small).eval()(x), lower(graph).eval()(x))


@pytest.mark.parametrize(
    ("sizes", "said"),
    [({"Q": 3}, "no free size 'Q'"), ({"H": 0}, "H is 0, not a size"), ({"H": "a"}, "not a size"), (3, "by symbol")],
)
def test_sizes_that_cannot_be_fixed(sizes: object, said: str) -> None:
    with pytest.raises(SpecError, match=said):
        FixSizes(sizes)(load("resnet18"))
