"""What a flat graph is folded into."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from graphwright.compiler.language.library import shipped_families
from graphwright.compiler.language.load import load
from graphwright.compiler.outline.fold import outline
from graphwright.compiler.outline.form import Block, Expression, Item, Param
from tests.language.conftest import shipped_graph


def items(block: Block) -> Iterator[Item]:
    for item in block.items:
        yield item
        if item.body is not None and item.loop is None:
            yield from items(item.body)


@pytest.mark.parametrize("name", shipped_families())
def test_primitives_stand_for_every_node_once(name: str) -> None:
    graph = shipped_graph(name)
    made = outline(graph)
    bodies = [b for b in (made.body, *made.blocks, made.losses) if b is not None]
    named = [n for b in bodies for i in items(b) if i.op is not None for n in i.nodes]
    loops = {n.name for n in graph.nodes if hasattr(n.op, "body")}
    inside = {n for n in named if n not in graph.by_name}
    assert sorted(n for n in named if n not in inside) == sorted(graph.by_name)
    assert not inside or loops


def test_a_residual_network_is_one_block() -> None:
    made = outline(shipped_graph("resnet50"))
    (block,) = made.blocks
    assert block.name == "bottleneck"
    assert block.params == {"width": Param("int"), "stride": Param("int", 1)}
    shortcut = next(i for i in block.items if i.name == "downsample")
    assert shortcut.condition == Expression("C != 4 * width")
    stage = next(i for i in made.body.items if i.copies)
    assert stage.name == "layer$(s + 1)"
    assert stage.copies is not None
    assert stage.copies.names["depth" if "depth" in stage.copies.names else "width"]
    assert (stage.copies.prefix, stage.copies.start) == ("layer", 1)
    assert stage.copies.carried == (("x", "out"),)


def test_numbered_copies_alone_in_a_scope_are_the_scope() -> None:
    blocks = next(i for i in outline(shipped_graph("vit_base_patch16_224")).body.items if i.name == "blocks")
    assert blocks.block == "transformer_block"
    assert blocks.copies is not None
    assert (blocks.copies.count, blocks.copies.prefix, blocks.copies.index) == (12, None, "")


def test_rates_that_grow_evenly_are_an_expression() -> None:
    made = outline(load("vit_base_patch16_224", {"drop_path": 0.1}))
    blocks = next(i for i in made.body.items if i.name == "blocks")
    assert blocks.arguments == {"p": Expression("0.1 * i / 11")}


def test_folding_is_deterministic() -> None:
    graph = shipped_graph("nasnet_a_mobile")
    assert outline(graph) == outline(graph)
