"""Activator's laws: no patch sees another, and a norm that is called twice is one norm."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import fx
from torch.nn import functional as F

from graphwright.compiler.language.load import load
from graphwright.compiler.lowering.lower import lower
from tests.library.counter import fill, integers, signed
from tests.library.descent import descent

SPECS = ("activator", "activator_geglu")
SMALL: dict[str, Any] = {"dim": 16, "hidden": 24, "depth": 2}


def net(spec: str, **params: Any) -> fx.GraphModule:
    made = lower(load(spec, {**SMALL, **params}))
    fill(made)
    return made


@pytest.mark.parametrize("spec", SPECS)
def test_patches_in_another_order_are_the_same_picture(spec: str) -> None:
    made = net(spec).eval()
    picture = signed("picture", (2, 3, 32, 32)).float()
    patches = picture.unflatten(3, (8, 4)).unflatten(2, (8, 4)).permute(0, 2, 4, 1, 3, 5).flatten(1, 2)
    order = torch.argsort(signed("order", (64,)))
    shuffled = patches[:, order].unflatten(1, (8, 8)).permute(0, 3, 1, 4, 2, 5).flatten(4).flatten(2, 3)
    assert not torch.equal(shuffled, picture)
    torch.testing.assert_close(made(shuffled), made(picture), rtol=1e-5, atol=1e-5)


def test_a_shared_norm_has_one_set_of_parameters_and_the_sum_of_its_gradients() -> None:
    """The block written out with two norms that start alike."""
    made = net("activator", depth=1, dropout=0)
    picture = signed("picture", (2, 3, 32, 32)).float()
    made(picture).sum().backward()
    state = {name.removeprefix("model.0."): p.detach().clone().requires_grad_() for name, p in made.named_parameters()}
    first, second = state["norm.weight"], state["norm.weight"].detach().clone().requires_grad_()

    def linear(name: str, x: torch.Tensor) -> torch.Tensor:
        return F.linear(x, state[f"{name}.weight"], state[f"{name}.bias"])

    def norm(x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
        return F.layer_norm(x, x.shape[-1:], weight, bias)

    inner = state["actgu.norm.weight"], state["actgu.norm.bias"]
    x = F.conv2d(picture, state["patcher.weight"], state["patcher.bias"], stride=4).flatten(2).mT
    seen = norm(x, first, state["norm.bias"])
    gate = norm(F.gelu(linear("actgu.proj_1", seen)), *inner) * norm(linear("actgu.proj_2", seen), *inner)
    x = x + linear("actgu.proj_3", gate)
    x = x + linear("ffn.net.3", F.gelu(linear("ffn.net.0", norm(x, second, state["norm.bias"]))))
    logits = linear("classifier", x.mean(1))
    torch.testing.assert_close(logits, made(picture), rtol=1e-5, atol=1e-5)
    logits.sum().backward()
    both = first.grad + second.grad if first.grad is not None and second.grad is not None else None
    torch.testing.assert_close(made.get_parameter("model.0.norm.weight").grad, both, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("spec", SPECS)
def test_two_steps_lower_the_loss(spec: str) -> None:
    batch = signed("picture", (4, 3, 32, 32)).float(), integers("label", (4,), 10)
    found = descent(load(spec, SMALL), *batch, rate=0.1)
    assert found[0] > found[1] > found[2]
