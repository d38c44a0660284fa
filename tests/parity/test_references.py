"""Models that timm or torchvision have too equal them: names, shapes, counts, outputs, gradients."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from graphwright.compiler.language.load import load
from graphwright.compiler.lowering.cost import count
from graphwright.compiler.lowering.lower import lower
from tests.oracles import distance, randomise, reference_model


@dataclass(frozen=True)
class Case:
    """A spec, the same model elsewhere, and the smallest picture that shows every part of it."""

    spec: str
    library: str
    size: int = 64
    name: str = ""
    options: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.spec

    def reference(self) -> nn.Module:
        return reference_model(self.library, self.name or self.spec, **self.options)

    def images(self, count: int) -> torch.Tensor:
        return torch.randn(count, 3, self.size, self.size, generator=torch.Generator().manual_seed(1))


CASES = (
    Case("resnet18", "torchvision"),
    Case("resnet50", "torchvision"),
    Case("densenet121", "torchvision"),
    Case("vit_tiny_patch16_224", "timm", 224),
    Case("vit_base_patch16_224", "timm", 224),
    Case("mixer_s16_224", "timm", 224),
    Case("mobilenetv2_100", "timm"),
    Case("convnext_tiny", "timm"),
    Case("swin_tiny_patch4_window7_224", "timm", 224),
)
#: Relatives of the above: only names, shapes and counts.
RELATIVES = (
    Case("resnet34", "torchvision"),
    Case("resnet101", "torchvision"),
    Case("resnet152", "torchvision"),
    Case("vit_small_patch16_224", "timm"),
    Case("mobilenetv2_050", "timm"),
    Case("mobilenetv2_140", "timm"),
    Case("convnext_small", "timm"),
    Case("convnext_base", "timm"),
)


@pytest.fixture(autouse=True)
def _two_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


def loaded(case: Case, reference: nn.Module) -> nn.Module:
    """Our model with the reference's own `state_dict`, every key of which must be there, and no other."""
    model = lower(load(case.spec))
    model.load_state_dict(reference.state_dict(), strict=True)
    return model.eval()


@pytest.mark.parametrize("case", CASES + RELATIVES, ids=str)
def test_names_shapes_and_counts(case: Case) -> None:
    with torch.device("meta"):
        theirs = case.reference()
    ours = lower(load(case.spec), device="meta")
    assert {k: v.shape for k, v in ours.state_dict().items()} == {k: v.shape for k, v in theirs.state_dict().items()}
    parameters = sum(p.numel() for p in theirs.parameters())
    assert sum(p.numel() for p in ours.parameters()) == parameters
    assert load(case.spec).expect["parameters"].value == parameters


@pytest.mark.parametrize("case", CASES, ids=str)
def test_multiply_accumulates(case: Case) -> None:
    """Exactly what torch counts while the reference runs; nothing is left out of the count."""
    with torch.device("meta"), FlopCounterMode(display=False) as counter:
        case.reference()(torch.empty(1, 3, 224, 224))
    report = count(load(case.spec).deployed())
    assert 2 * report.macs == counter.get_total_flops()
    assert not report.uncounted


@pytest.mark.parametrize("case", CASES, ids=str)
def test_outputs(case: Case) -> None:
    theirs = case.reference()
    randomise(theirs)
    ours = loaded(case, theirs)
    images = case.images(2 if case.size < 224 else 1)
    with torch.no_grad():
        expected, found = theirs(images), ours(images)
    assert expected.std() > 0.1, "the reference gives the same output for all classes: nothing would be compared"
    assert distance(found, expected) < 1e-5


@pytest.mark.parametrize(
    "case", [c for c in CASES if c.spec in ("resnet18", "vit_tiny_patch16_224", "convnext_tiny")], ids=str
)
def test_gradients(case: Case) -> None:
    """In training mode, so that batch norm's statistics are differentiated too."""
    theirs = case.reference()
    randomise(theirs)
    ours = loaded(case, theirs)
    images = case.images(2)
    grads = []
    for model in (ours.train(), theirs.train()):
        output = model(images)
        weights = torch.randn(output.shape, generator=torch.Generator().manual_seed(2))
        (output * weights).sum().backward()
        grads.append({name: p.grad for name, p in model.named_parameters()})
    found, expected = grads
    assert found.keys() == expected.keys()
    far = {name: d for name in expected if (d := distance(found[name], expected[name])) >= 1e-5}
    assert not far
