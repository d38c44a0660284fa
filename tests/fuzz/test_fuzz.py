"""A fixed slice of the random graphs under every law, and what the generator must be able to do.

`benchmarks/soak.py` runs the same laws for hours. What it found stands beside the part that was mended.
"""

from __future__ import annotations

import random
from functools import cache

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from graphwright.compiler.ops import ROWS
from tests.fuzz.case import Case, every_node
from tests.fuzz.composing import draft, grown
from tests.fuzz.draft import Draft, shrunk
from tests.fuzz.laws import LAWS, static_shapes, text_round_trip
from tests.fuzz.rewriting import REWRITING, SLOW, limit

SEEDS = range(48)
#: The seeds among which every op occurs.
COVERING = range(450)
#: Laws that take seconds, on one graph each.
SLOW_SEEDS = {"exported is eager": 3, "onnxruntime is eager": 5, "traced is eager": 8}

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.mark.parametrize("seed", SEEDS)
def test_laws(seed: int) -> None:
    case = Case(draft(seed))
    try:
        assert case.outputs
    except Exception as error:
        if limit(error):
            return
        raise
    for name, law in {**LAWS, **REWRITING}.items():
        try:
            law(case)
        except Exception as error:
            if not limit(error):
                raise AssertionError(f"{name}: {error}\n{case.text}") from error


@pytest.mark.parametrize("name", SLOW_SEEDS)
def test_slow_laws(name: str) -> None:
    assert SLOW[name](Case(draft(SLOW_SEEDS[name])))


def mentioned(tree: object) -> set[str]:
    """The ops that a draft names, wherever it does."""
    if isinstance(tree, dict):
        found = {tree["op"]} if isinstance(tree.get("op"), str) else set()
        found |= {"loop"} if "loop" in tree else set()
        return found.union(*map(mentioned, tree.values()))
    return set()


@cache
def drafts() -> tuple[Draft, ...]:
    return tuple(map(draft, COVERING))


def test_every_op_occurs() -> None:
    found = set[str]().union(*(mentioned({"nodes": d.nodes, "losses": d.losses, "blocks": d.blocks}) for d in drafts()))
    assert {op.name for op in ROWS} - found == set()


def test_every_form_occurs() -> None:
    """Blocks, copies, loops, sharing, marks, params, training, and more outputs than one."""
    texts = [d.text() for d in drafts()]
    for word in ('"repeat"', '"each"', '"loop"', '"tie"', ".weight", '"checkpoint"', '"freeze"', '"init"', "blocks:",
                 '"nodes"', "$p0", '"train_only"', "losses:", "out1", '"reverse"', '"times"', '"params"'):  # fmt: skip
        assert any(word in text for text in texts), word


def test_a_seed_is_one_spec() -> None:
    assert [draft(seed).text() for seed in (1, 2, 3)] == [d.text() for d in drafts()[1:4]]


@given(st.randoms(use_true_random=False), st.integers(1, 4))
@settings(max_examples=15, deadline=None, derandomize=True, database=None,
          suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])  # fmt: skip
def test_hypothesis_draws_them_too(rng: random.Random, size: int) -> None:
    case = Case(grown(rng, size))
    assert text_round_trip(case)
    assert case.graph.outputs


def test_what_fails_is_made_small() -> None:
    """A law that no loop keeps: the smallest spec that breaks it is the loop alone."""
    seed = next(k for k, d in enumerate(drafts()) if '"loop"' in d.text() and len(d.nodes) > 5)

    def fails(candidate: Draft) -> bool:
        try:
            return any(node.op.name == "loop" for node in every_node(Case(candidate).graph))
        except Exception:
            return False

    small = shrunk(draft(seed), fails)
    assert fails(small)
    assert len(small.nodes) <= 2 < len(draft(seed).nodes)


def test_a_wrong_shape_is_noticed() -> None:
    """The law of shapes sees a type that is not what runs."""
    from dataclasses import replace

    case = Case(draft(next(k for k, d in enumerate(drafts()) if len(d.nodes) == 1)))
    assert static_shapes(case)
    first = case.deployed.nodes[-1]
    wrong = replace(first, outputs=tuple(replace(t, dtype="complex64") for t in first.outputs))
    case.deployed = case.deployed.with_(nodes=(*case.deployed.nodes[:-1], wrong))
    with pytest.raises(AssertionError):
        static_shapes(case)
