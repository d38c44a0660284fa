"""Names and wiring that modules give to what they share: aliases, growing lists, names that are no identifiers."""

from __future__ import annotations

from collections import OrderedDict

import torch
from torch import nn

from graphwright.compiler.importing.torch.module import import_module
from graphwright.compiler.language.writing import write

X = torch.randn(2, 4, 8, 8, generator=torch.Generator().manual_seed(0))


class Layer(nn.Module):
    """Reads a list of values, joined."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(width, 4, 3, padding=1)

    def forward(self, found: list[torch.Tensor]) -> torch.Tensor:
        return self.conv(torch.cat(found, 1)).relu()


class Dense(nn.Module):
    """Each layer reads all that came before."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList(Layer(4 * (k + 1)) for k in range(5))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        found = [x]
        for layer in self.layers:
            found.append(layer(found))
        return torch.cat(found, 1)


class Twice(nn.Module):
    """One convolution under two names, of which the second is called first."""

    def __init__(self) -> None:
        super().__init__()
        self.late = nn.Conv2d(4, 4, 1)
        self.early = self.late

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.late(self.early(x).relu())


def test_growing_concatenations_are_a_chain_of_two() -> None:
    made = import_module(Dense(), X, name="dense")
    joined = [n for n in made.graph.nodes if n.op.name == "concat"]
    assert [len(n.inputs) for n in joined if len(n.inputs) > 1] == [2] * 5
    assert made.certificate.eval is not None
    assert made.certificate.eval.bitwise
    assert "repeat" in write(made.graph)


def test_a_shared_module_has_one_set_of_weights() -> None:
    made = import_module(Twice(), X, name="twice")
    assert made.certificate.eval is not None
    assert made.certificate.eval.bitwise
    owner, other = (n for n in made.graph.nodes if n.op.name == "conv2d")
    assert other.marks.tie == owner.name
    assert made.weights.keys() == {f"{owner.name}.weight", f"{owner.name}.bias"}
    assert made.weights.keys() <= Twice().state_dict().keys()


def test_a_dash_in_a_module_name_stays() -> None:
    net = nn.Sequential(OrderedDict((f"block-{k}", nn.Conv2d(4, 4, 1)) for k in range(3)))
    made = import_module(net, X, name="dashed")
    assert made.weights.keys() == net.state_dict().keys()
    assert "block-$i" in write(made.graph)
