"""Both modes of a module: what is random or kept in training, what only training returns, and the certificate."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from graphwright.compiler.importing.torch.module import from_torch, import_module
from graphwright.compiler.importing.torch.read import read_module
from graphwright.compiler.ir.graph import Graph
from graphwright.compiler.ops import random
from graphwright.compiler.ops.attention import Attention
from graphwright.compiler.ops.norm import BatchNorm
from graphwright.compiler.places import SpecError
from tests.importing.torch.parity import built, floats, same
from tests.oracles import reference_module

PICTURE = floats(2, 3, 16, 16)


def ops(graph: Graph, kind: type) -> list[Any]:
    return [n.op for n in graph.nodes if isinstance(n.op, kind)]


class Normed(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv, self.norm = nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4, momentum=0.3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.dropout(self.norm(self.conv(x)), 0.2, self.training)


def test_running_statistics_after_a_step_are_the_module_s() -> None:
    net = Normed().train()
    graph, weights = from_torch(net, PICTURE)
    assert net.training
    assert ops(graph, BatchNorm) == [BatchNorm(momentum=0.3)]
    assert ops(graph, random.Dropout) == [random.Dropout(0.2)]
    made = built(graph, weights).train()
    for batch in (PICTURE, PICTURE * 2 + 1):
        made(batch)
        net(batch)
    theirs = net.state_dict()
    for name, tensor in made.state_dict().items():
        if "running" in name:
            assert torch.equal(tensor, theirs[name]), name
    same(made.eval()(PICTURE), net.eval()(PICTURE))


def test_the_module_is_left_as_it_was() -> None:
    net = nn.Sequential(Normed(), nn.Dropout(0.3)).train()
    net[0].norm.eval()
    before = {k: v.clone() for k, v in net.state_dict().items()}
    import_module(net, PICTURE)
    assert net.training
    assert not net[0].norm.training
    assert all(torch.equal(v, before[k]) for k, v in net.state_dict().items())


def test_attention_drops_in_training_alone() -> None:
    class Attend(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return F.scaled_dot_product_attention(x, x, x, dropout_p=0.25 if self.training else 0.0)

    made = import_module(Attend(), floats(2, 2, 5, 4))
    assert ops(made.graph, Attention) == [Attention(None, False, 0.25)]
    assert made.certificate is not None
    assert made.certificate.eval is not None
    assert made.certificate.eval.bitwise


def test_drop_path_of_timm_keeps_its_rates() -> None:
    timm = reference_module("timm")
    net = timm.create_model("convnext_atto", depths=(1, 2, 1, 1), dims=(4, 8, 8, 8), drop_path_rate=0.3, num_classes=2)
    rates = [m.drop_prob for m in net.modules() if type(m).__name__ == "DropPath"]
    made = import_module(net, floats(2, 3, 32, 32))
    assert [op.p for op in ops(made.graph, random.DropPath)] == [r for r in rates if r]
    assert made.certificate.eval.bitwise
    assert made.certificate.train.bitwise


def test_stochastic_depth_of_torchvision_keeps_its_rate() -> None:
    ops_of = reference_module("torchvision.ops")
    graph, _ = from_torch(nn.Sequential(nn.Conv2d(3, 4, 1), ops_of.StochasticDepth(0.35, "row")), PICTURE)
    assert [op.p for op in ops(graph, random.DropPath)] == [0.35]
    with pytest.raises(SpecError, match="noise of shape"):
        read_module(nn.Sequential(ops_of.StochasticDepth(0.35, "batch")), (PICTURE,), {})


class Auxiliary(nn.Module):
    """A second head that only training has."""

    def __init__(self) -> None:
        super().__init__()
        self.body, self.head, self.second = nn.Linear(4, 4), nn.Linear(4, 2), nn.Linear(4, 2)

    def forward(self, x: torch.Tensor) -> Any:
        x = self.body(x).relu()
        return {"out": self.head(x), "aux": self.second(x)} if self.training else {"out": self.head(x)}


def test_what_only_training_returns_is_train_only() -> None:
    net = Auxiliary()
    made = import_module(net, floats(3, 4))
    assert {n.name for n in made.graph.nodes if n.marks.train_only} == {"second"}
    assert made.certificate.torch_export == ""
    assert made.certificate.eval.bitwise
    assert made.certificate.train.bitwise
    assert {"second.weight", "second.bias"} <= made.weights.keys()
    assert made.graph.deployed().outputs == (("out", "head"),)


class Mixed(nn.Module):
    """One convolution in place of the four branches of an inception block."""

    def __init__(self, channels: int, one: int, _: int, three: int, __: int, five: int, pooled: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, one + three + five + pooled, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.conv(x)


def test_googlenet_of_torchvision_has_its_two_heads_in_training() -> None:
    found = reference_module("torchvision.models.googlenet")
    blocks = [found.BasicConv2d, Mixed, found.InceptionAux]
    net = found.GoogLeNet(4, aux_logits=True, init_weights=False, blocks=blocks)
    made = import_module(net, floats(2, 3, 32, 32))
    marked = {n.name.partition(".")[0] for n in made.graph.nodes if n.marks.train_only}
    assert marked == {"aux1", "aux2"}
    assert made.certificate.eval.bitwise


class Decodes(nn.Module):
    """Inference is another computation, not a part of training."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(4, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.layer(x)
        return x if self.training else x.softmax(-1).cumsum(-1)


class Classic(nn.Module):
    """Normal noise in training, which no rule knows; nothing in inference."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return (x + torch.randn(x.shape[0], 1)) * 2 if self.training else x * 2


@pytest.mark.parametrize(("net", "said"), [(Decodes(), "exported in eval mode"), (Classic(), "no rule for aten.randn")])
def test_what_cannot_be_read_in_training_is_read_in_inference(net: nn.Module, said: str) -> None:
    made = import_module(net, floats(3, 4))
    assert said in made.certificate.torch_export
    assert made.certificate.eval.bitwise


def test_a_certificate_says_what_was_compared() -> None:
    found = import_module(Normed(), PICTURE, name="normed", seed=5).certificate
    assert found is not None
    assert found.inputs == {"x": "float32[2, 3, 16, 16]"}
    assert (found.model, found.seed, found.dtype, found.device, found.added) == ("normed", 5, "float32", "cpu", ())
    assert len(found.structural_hash) > 10
    assert found.versions["torch"] == torch.__version__


def test_a_certificate_finds_a_difference() -> None:
    from graphwright.compiler.importing.certificate import certify

    net = Normed()
    graph, weights = from_torch(net, PICTURE)
    weights = {**weights, "conv.bias": weights["conv.bias"] + 0.01}
    found = certify(graph, weights, net, (PICTURE,), {})
    assert found.eval is not None
    assert not found.eval.bitwise
    assert 1e-4 < found.eval.absolute < 1


@pytest.mark.parametrize(
    ("layer", "inputs"),
    [
        (nn.MultiheadAttention(8, 2, batch_first=True), (floats(2, 5, 8), floats(2, 5, 8), floats(2, 5, 8))),
        (nn.TransformerEncoderLayer(8, 2, 16, batch_first=True), (floats(2, 5, 8),)),
        (nn.TransformerEncoderLayer(8, 2, 16, norm_first=True, activation="gelu"), (floats(5, 2, 8),)),
        (nn.TransformerDecoderLayer(8, 2, 16, batch_first=True), (floats(2, 5, 8), floats(2, 4, 8))),
        (nn.CosineSimilarity(1), (floats(2, 5, 8), floats(2, 5, 8, seed=1))),
        (nn.PairwiseDistance(), (floats(2, 5, 8), floats(2, 5, 8, seed=1))),
        (nn.ChannelShuffle(2), (floats(2, 4, 5, 5),)),
        (nn.LocalResponseNorm(3), (floats(2, 4, 5, 5),)),
        (nn.Softmax2d(), (floats(2, 4, 5, 5),)),
        (nn.Upsample(scale_factor=2), (floats(2, 4, 5, 5),)),
        (nn.Hardshrink(), (floats(2, 5),)),
        (nn.Softshrink(), (floats(2, 5),)),
        (nn.Softsign(), (floats(2, 5),)),
        (nn.Tanhshrink(), (floats(2, 5),)),
        (nn.Softmin(1), (floats(2, 5),)),
        (nn.ZeroPad2d(1), (floats(2, 4, 5, 5),)),
        (nn.ReflectionPad2d(1), (floats(2, 4, 5, 5),)),
        (nn.MSELoss(), (floats(2, 5), floats(2, 5, seed=1))),
        (nn.L1Loss(), (floats(2, 5), floats(2, 5, seed=1))),
        (nn.Unfold(3), (floats(2, 4, 5, 5),)),
    ],
    ids=lambda v: type(v).__name__ if isinstance(v, nn.Module) else "",
)  # fmt: skip
def test_layers_of_torch(layer: nn.Module, inputs: tuple[torch.Tensor, ...]) -> None:
    made = import_module(nn.Sequential(layer) if len(inputs) == 1 else layer, inputs)
    assert made.certificate.eval.relative <= 1e-6  # torch has kernels of its own for whole transformer layers
