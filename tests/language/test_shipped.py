"""Every shipped spec loads, keeps its claims, lowers without allocating anything, and survives as text."""

from __future__ import annotations

import pytest

from graphwright.compiler.ir.text import dump, parse
from graphwright.compiler.ir.verify import verify
from graphwright.compiler.language.catalogue import facts
from graphwright.compiler.language.library import ROOT, shipped, shipped_families, shipped_models
from graphwright.compiler.lowering.expectations import unmet
from graphwright.compiler.lowering.lower import lower
from graphwright.compiler.places import NOWHERE
from tests.language.conftest import shipped_graph


def _chosen() -> list[str]:
    """Each structure, the smallest variant of each paper, all of the small papers; `tests/parity` holds every claim."""
    families = set(shipped_families())
    papers: dict[str, list[str]] = {}
    for name in sorted(set(shipped_models()) - families):
        papers.setdefault(facts(name).family, []).append(name)
    variants = [sorted(names, key=lambda n: facts(n).parameters or 0) for names in papers.values()]
    return sorted(families.union(*(names if len(names) <= 6 else names[:1] for names in variants)))


MODELS = _chosen()


@pytest.mark.parametrize("name", MODELS)
def test_claims_hold(name: str) -> None:
    assert unmet(shipped_graph(name)) == []


@pytest.mark.parametrize("name", MODELS)
def test_text_is_read_back_exactly(name: str) -> None:
    graph = shipped_graph(name)
    again = parse(dump(graph))
    assert again == graph
    assert dump(again) == dump(graph)  # places too, which equality leaves out
    assert [n.place for n in again.nodes] == [n.place for n in graph.nodes]
    assert verify(again) is again


@pytest.mark.parametrize("name", MODELS)
def test_every_node_has_a_place_in_a_shipped_file(name: str) -> None:
    files = {f"specs/{p.relative_to(ROOT).as_posix()}" for p in shipped().values()}  # wherever the package is installed
    for node in shipped_graph(name).nodes:
        assert node.place != NOWHERE
        assert node.place.file in files


@pytest.mark.parametrize("name", MODELS)
def test_lowers_on_meta_with_the_counted_parameters(name: str) -> None:
    graph = shipped_graph(name).deployed()
    module = lower(graph, device="meta")
    wanted = {f"{n.name}.{p}": t.shape for n in graph.nodes if not n.op.bare for p, t in n.parameters}
    found = {k: tuple(p.shape) for k, p in module.named_parameters()}
    bare = {n.name: n.outputs[0].shape for n in graph.nodes if n.op.bare and n.name in found}
    loops = tuple(f"{n.name}." for n in graph.nodes if n.op.name == "loop")
    assert {k: v for k, v in found.items() if not (loops and k.startswith(loops))} == {
        k: v for k, v in (wanted | bare).items() if k in found and not (loops and k.startswith(loops))
    }
    assert all(p.device.type == "meta" for p in module.parameters())


@pytest.mark.parametrize("name", MODELS)
def test_training_graph_lowers_on_meta(name: str) -> None:
    graph = shipped_graph(name)
    if graph.losses:
        module = lower(graph, cone="train", device="meta")
        names = [n.target for n in module.graph.nodes if n.op == "placeholder"]
        assert names == [e.name for e in (*graph.inputs, *graph.targets)]
    else:
        assert graph.targets == ()


def test_blocks_of_the_library_are_listed_with_the_models() -> None:
    assert set(shipped_models()) < set(shipped())
