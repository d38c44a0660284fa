"""Tables of numbers: a formula where there is one, which gives the table exactly, and the table itself elsewhere."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from graphwright.compiler.importing.torch.constants import closed_form
from graphwright.compiler.importing.torch.read import read_module
from graphwright.compiler.ops.constant import Buffer
from tests.importing.torch.parity import Function, built, check, floats, same
from tests.oracles import reference_module


def window_index(h: int) -> torch.Tensor:
    """Swin's relative positions, as its authors compute them."""
    places = torch.stack(torch.meshgrid(torch.arange(h), torch.arange(h), indexing="ij")).flatten(1)
    apart = (places[:, :, None] - places[:, None, :]).permute(1, 2, 0) + h - 1
    return apart[:, :, 0] * (2 * h - 1) + apart[:, :, 1]


def shifted_mask(size: int, window: int) -> torch.Tensor:
    """Swin's attention mask: regions of the shifted picture that must not see each other."""
    picture, region, shift = torch.zeros(size, size), 0, window // 2
    cuts = (slice(0, -window), slice(-window, -shift), slice(-shift, None))
    for h in cuts:
        for w in cuts:
            picture[h, w] = region
            region += 1
    n = size // window
    parts = picture.view(n, window, n, window).permute(0, 2, 1, 3).reshape(n * n, window * window)
    return torch.where(parts[:, None] == parts[:, :, None], 0.0, -100.0)


def distances(size: int, step: int) -> torch.Tensor:
    """LeViT's index of distances, with queries at every `step`-th place."""
    every = [(y, x) for y in range(size) for x in range(size)]
    some = [(y, x) for y in range(0, size, step) for x in range(0, size, step)]
    return torch.tensor([[size * abs(a - c) + abs(b - d) for c, d in every] for a, b in some])


TABLES = {
    "zeros": torch.zeros(3, 4), "number": torch.full((2, 3), 0.1), "true": torch.ones(2, 2, dtype=torch.bool),
    "minus_infinity": torch.full((2, 2), float("-inf")), "arange": torch.arange(7), "steps": torch.arange(3, 30, 4),
    "down": torch.arange(9, -1, -1), "grid": torch.arange(12).view(3, 4), "real_grid": (torch.arange(8) + 0.5) / 8,
    "one_number": torch.tensor(5), "one_real": torch.tensor(0.3), "causal": torch.ones(5, 5).tril() == 1,
    "strict": torch.ones(5, 5).triu(1) == 1, "diagonal": torch.eye(4) == 1, "int32": torch.arange(6, dtype=torch.int32),
    "swin_7": window_index(7), "swin_4": window_index(4), "levit": distances(4, 1), "levit_2": distances(4, 2),
    "mask_14": shifted_mask(14, 7), "mask_8": shifted_mask(8, 4)[None, :, None],
}  # fmt: skip


@pytest.mark.parametrize("name", TABLES)
def test_a_formula_gives_the_table_exactly(name: str) -> None:
    table = TABLES[name]
    formula = closed_form(table)
    assert formula is not None
    assert torch.equal(formula.forward(()).to(table.dtype), table)
    assert len(formula.value) < 150


@pytest.mark.parametrize("table", [floats(6), torch.tensor([1, 5, 2, 9]), torch.tensor([True, False, True, True]),
                                   torch.zeros(0), torch.tensor([1 + 2j])])  # fmt: skip
def test_other_tables_have_no_formula(table: torch.Tensor) -> None:
    assert closed_form(table) is None


@given(st.integers(0, 10**6), st.sampled_from([(5,), (2, 3), (4, 4), (2, 4, 4)]), st.integers(2, 4))
@settings(max_examples=60, deadline=None, derandomize=True)
def test_a_formula_is_never_wrong(seed: int, shape: tuple[int, ...], below: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    for table in (
        torch.randint(0, below, shape, generator=generator),
        torch.randint(0, 2, shape, generator=generator) > 0,
    ):
        formula = closed_form(table)
        assert formula is None or torch.equal(formula.forward(()).to(table.dtype), table)


class Masked(nn.Module):
    """A causal mask, positions and a table of no pattern, all built when the model is."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mask", torch.ones(5, 5).tril() == 0, persistent=False)
        self.register_buffer("order", torch.tensor([3, 0, 4, 1, 2]), persistent=False)
        self.register_buffer("kept", torch.arange(5))
        self.table = nn.Parameter(floats(5, 3))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = x.masked_fill(self.mask, float("-inf")).softmax(-1)
        return (x @ self.table[self.order] + self.table[self.kept]) * torch.linspace(0, 1, 3)


def test_in_a_model() -> None:
    net, x = Masked(), floats(2, 5, 5)
    graph = check(net, x)
    _, weights = read_module(net, (x,), {})
    assert {"order", "kept"} <= weights.keys()
    assert "mask" not in weights
    assert {n.name for n in graph.nodes if isinstance(n.op, Buffer)} == {"order", "kept"} | {
        n.name for n in graph.nodes if isinstance(n.op, Buffer) and "linspace" in n.name
    }


def test_a_table_made_in_forward_is_one_node_however_often_it_is_read() -> None:
    graph = check(Function(lambda x: (x + torch.arange(4.0)) * torch.arange(4.0).exp()), floats(2, 3, 4))
    assert len([n for n in graph.nodes if n.op.name == "formula"]) <= 2


def test_swin_keeps_no_table_of_positions() -> None:
    timm = reference_module("timm")
    net = timm.create_model("swin_tiny_patch4_window7_224", depths=(2, 2), num_heads=(2, 4), embed_dim=16, img_size=56,
                            num_classes=3)  # fmt: skip
    x = floats(2, 3, 56, 56)
    graph, weights = read_module(net, (x,), {})
    assert not [n.name for n in graph.nodes if isinstance(n.op, Buffer)]
    same(built(graph, weights).eval()(x), net.eval()(x))
