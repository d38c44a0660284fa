"""`tie`, `freeze`, `init`, `train_only`, and initial values that depend on seed and name alone."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from graphwright.compiler.ir.graph import Graph
from graphwright.compiler.ir.hashing import structural_hash
from graphwright.compiler.lowering.cost import count
from graphwright.compiler.lowering.lower import lower
from graphwright.compiler.places import SpecError

Spec = Callable[..., Graph]

TIED = """
inputs: {x: [N, 6]}
nodes:
  a: {op: linear, out: 6}
  act: tanh
  b: {op: linear, out: 6, tie: a}
"""


def test_tied_parameters_are_one(spec: Spec) -> None:
    graph = spec(TIED)
    assert graph.by_name["b"].marks.tie == "a"
    assert count(graph).parameters == 42
    module = lower(graph)
    assert len(list(module.parameters())) == 2
    x = torch.randn(4, 6, generator=torch.Generator().manual_seed(0))
    weight, bias = module.get_parameter("a.weight"), module.get_parameter("a.bias")
    hidden = torch.tanh(x @ weight.T + bias)
    wanted = hidden @ weight.T + bias
    assert torch.allclose(module(x), wanted, atol=1e-6)
    found = torch.autograd.grad(module(x).sum(), [weight, bias])
    for a, b in zip(found, torch.autograd.grad(wanted.sum(), [weight, bias]), strict=True):
        assert torch.allclose(a, b, atol=1e-5)  # the gradients of both uses are added


def test_a_chain_of_ties_leads_to_its_first_node(spec: Spec) -> None:
    chain, star = (spec(TIED + f"  c: {{op: linear, out: 6, tie: {to}}}\n") for to in "ba")
    assert [node.marks.tie for node in chain.nodes] == [None, None, "a", "a"]
    assert structural_hash(chain) == structural_hash(star)
    assert list(lower(chain).state_dict()) == ["a.weight", "a.bias"]


def test_tied_blocks_share_every_parameter(spec: Spec) -> None:
    graph = spec("""
inputs: {x: [N, 4, 8, 8]}
nodes:
  a: unit
  b: {op: unit, tie: a}
  c: {tie: a, nodes: {conv: {op: conv2d, out: 4, kernel: 3, padding: 1}, norm: batch_norm}}
blocks:
  unit:
    nodes:
      conv: {op: conv2d, out: 4, kernel: 3, padding: 1}
      norm: batch_norm
      act: relu
""")
    assert graph.by_name["b.conv"].marks.tie == "a.conv"
    assert graph.by_name["b.act"].marks.tie is None
    module = lower(graph)
    assert count(graph).parameters == sum(p.numel() for p in module.parameters()) == 4 * 4 * 9 + 4 + 8


def test_copies_tied_to_the_first(spec: Spec) -> None:
    for key, first in (("a: {repeat: 3", "a.0"), ("a$i: {repeat: {i: 3}", "a0")):
        graph = spec(f"inputs: {{x: [N, 6]}}\nnodes:\n  {key}, op: linear, out: 6, tie: {first}}}\n")
        assert [n.marks.tie for n in graph.nodes] == [None, first, first]
        assert count(graph).parameters == sum(p.numel() for p in lower(graph).parameters()) == 42


def test_a_parameter_as_an_input(spec: Spec) -> None:
    graph = spec("""
inputs: {ids: "int64[N, L]"}
nodes:
  embed: {op: embedding, count: 11, dim: 6}
  head: {op: linear, in: {x: embed, weight: embed.weight}, out: 11, bias: false}
""")
    module = lower(graph)
    assert count(graph).parameters == 66
    ids = torch.randint(0, 11, (2, 5))
    weight = module.get_parameter("embed.weight")
    assert torch.allclose(module(ids), weight[ids] @ weight.T, atol=1e-6)


def test_frozen_parameters_get_no_gradient(spec: Spec) -> None:
    graph = spec("""
inputs: {x: [N, 4]}
nodes:
  stem: {freeze: true, nodes: {a: {op: linear, out: 4}, b: {op: linear, out: 4}}}
  head: {op: linear, out: 2}
""")
    assert count(graph).frozen == 40
    module = lower(graph)
    free = {name for name, p in module.named_parameters() if p.requires_grad}
    assert free == {"head.weight", "head.bias"}


def test_train_only_is_not_deployed(spec: Spec) -> None:
    graph = spec("""
inputs: {x: [N, 4]}
targets: {label: "int64[N]"}
nodes:
  body: {op: linear, out: 8}
  aux: {op: linear, in: body, out: 3, train_only: true}
  head: {op: linear, in: body, out: 3}
outputs: {logits: head, aux: aux}
losses:
  main: {op: cross_entropy, in: [logits, label]}
  side: {op: cross_entropy, in: [aux, label], weight: 0.4}
""")
    assert [n.name for n in graph.deployed().nodes] == ["body", "head"]
    assert {t.name: t.weight for t in graph.losses} == {"main": 1.0, "side": 0.4}
    assert {n.name for n in graph.training().nodes} == {n.name for n in graph.nodes}
    found = lower(graph, cone="train")(torch.randn(2, 4), torch.tensor([0, 2]))
    assert set(found["losses"]) == {"main", "side"}


INIT = """
inputs: {x: [N, 2, 5, 5]}
nodes:
  a: {op: conv2d, out: 4, kernel: 3, init: {weight: 0.5, bias: zeros}}
  b: {op: conv2d, out: 4, kernel: 1, init: {weight: {constant: {val: 0.25}}}}
  c: {op: conv2d, out: 4, kernel: 1, init: {weight: dirac}}
  d: {op: parameter, shape: [2, 3], init: {over: {i: 2, j: 3}, value: 10 * i + j}}
  e: {op: conv2d, in: c, out: 200, kernel: 1, init: {weight: {normal: {mean: 3, std: 0.1}}}}
  f: {op: conv2d, in: c, out: 4, kernel: 1, init: {weight: orthogonal}}
outputs: {e: e, f: f, d: d}
"""


def test_init_rules(spec: Spec) -> None:
    state = lower(spec(INIT)).state_dict()
    assert torch.equal(state["a.weight"], torch.full((4, 2, 3, 3), 0.5))
    assert torch.equal(state["a.bias"], torch.zeros(4))
    assert torch.equal(state["b.weight"], torch.full((4, 4, 1, 1), 0.25))
    assert torch.equal(state["c.weight"].squeeze(), torch.eye(4))
    assert torch.equal(state["d"], torch.tensor([[0.0, 1, 2], [10, 11, 12]]))
    assert abs(state["e.weight"].mean() - 3) < 0.02
    assert 0.08 < state["e.weight"].std() < 0.12
    q = state["f.weight"].squeeze()
    assert torch.allclose(q @ q.T, torch.eye(4), atol=1e-5)


@pytest.mark.parametrize(("init", "message"), [
    ("{wait: zeros}", "no parameter 'wait'"), ("{weight: kaming_normal}", "did you mean 'kaiming_normal'"),
    ("{weight: {normal: {sdt: 1}}}", "no argument 'sdt'"), ("{weight: [1, 2]}", "an init is a number"),
])  # fmt: skip
def test_mistakes_in_init_are_found_when_loading(spec: Spec, init: str, message: str) -> None:
    with pytest.raises(SpecError, match=message):
        spec(f"inputs: {{x: [N, 2, 5, 5]}}\nnodes:\n  a: {{op: conv2d, out: 4, kernel: 3, init: {init}}}\n")


BODY = """
inputs: {x: [N, 4]}
nodes:
  first: {op: linear, out: 8}
  second: {op: linear, out: 8}
"""


def test_initial_values_depend_on_seed_and_name_alone(spec: Spec) -> None:
    plain = lower(spec(BODY)).state_dict()
    more = lower(
        spec(
            "inputs: {x: [N, 4]}\nnodes:\n  new: {op: linear, in: x, out: 3}\n"
            + BODY.split("nodes:\n")[1].replace("first: {op: linear,", "first: {op: linear, in: x,")
            + "  head: {op: linear, out: 5}\noutputs: {a: head, b: new}\n"
        )
    ).state_dict()
    assert set(more) > set(plain)
    assert all(torch.equal(plain[k], more[k]) for k in plain)
    other = lower(spec(BODY), seed=1).state_dict()
    assert not any(torch.equal(plain[k], other[k]) for k in plain)
    again = lower(spec(BODY), seed=0).state_dict()
    assert all(torch.equal(plain[k], again[k]) for k in plain)
    assert not torch.equal(plain["first.bias"], plain["second.bias"])


def test_lowering_leaves_the_global_generator_alone(spec: Spec) -> None:
    graph = spec(BODY)
    torch.manual_seed(3)
    wanted = torch.rand(4)
    torch.manual_seed(3)
    lower(graph)
    assert torch.equal(torch.rand(4), wanted)
