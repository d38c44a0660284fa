"""Programs that write in place, against torch itself: who sees a write, what is dead, what is inlined."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from graphwright.compiler.importing.torch.read import read_module
from graphwright.compiler.places import SpecError
from tests.importing.torch.parity import Function, built, check, floats, same

X, Y = floats(2, 4, 6), floats(2, 4, 6, seed=1)
PROGRAMS: list[Callable[..., object]] = []


def program(function: Callable[..., object]) -> Callable[..., object]:
    PROGRAMS.append(function)
    return function


@program
def relu_in_place(x: torch.Tensor) -> object:
    y = x * 2
    y.relu_()
    return y + x


@program
def read_before_and_after(x: torch.Tensor) -> object:
    y = x * 2
    z = y + 1
    y += x
    return y, z


@program
def written_result_is_the_same_tensor(x: torch.Tensor) -> object:
    y = x + 1
    z = y.mul_(3)
    z.sub_(1)
    return y * z


@program
def an_input_is_written(x: torch.Tensor) -> object:
    x = x.clone()
    y = x.t() if x.ndim == 2 else x.transpose(1, 2)
    x.add_(1)
    return y


@program
def a_slice_is_written(x: torch.Tensor) -> object:
    y = x * 1.5
    y[:, 1:3] = 0.5
    y[:, :, -2:] *= 2
    return y


@program
def a_place_is_written(x: torch.Tensor) -> object:
    y = x * 1.5
    y[:, 2] = x[:, 0]
    y[:, -1].fill_(3)
    y[..., 0].zero_()
    return y


@program
def a_view_is_written(x: torch.Tensor) -> object:
    y = x * 1.5
    y.view(y.shape[0], -1).neg_()
    y.unsqueeze(1).mul_(2)
    return y


@program
def a_view_of_a_view_is_written(x: torch.Tensor) -> object:
    y = x * 1.5
    y[:, 1:][:, :2][:, 0] = 7
    y.flatten(1).unflatten(1, (4, 6))[:, 3].add_(1)
    return y


@program
def a_view_sees_the_write(x: torch.Tensor) -> object:
    y = x * 1.5
    view, place, turned = y.view(y.shape[0], 24), y[:, 1], y.transpose(1, 2)
    y.tanh_()
    return view + 0, place * 2, turned


@program
def views_see_each_other(x: torch.Tensor) -> object:
    y = x * 1.5
    left, right = y[:, :3], y[:, 1:]
    left.mul_(2)
    right.add_(1)
    return left + 0, right - left, y


@program
def views_are_read_again(x: torch.Tensor) -> object:
    y = x * 1.5
    part = y[:, 1]
    before = part + 0
    y.mul_(2)
    middle = part + 0
    part.add_(1)
    return before, middle, part, y


@program
def the_base_is_not_read_but_a_view_is(x: torch.Tensor) -> object:
    y = x * 1.5
    other = y[:, 0]
    y[:, :2].mul_(2)
    return other + 1


@program
def filled_from_zeros(x: torch.Tensor) -> object:
    out = torch.zeros(x.shape[0], 4, 12)
    out[:, :, :6] = x
    out[:, :, 6:] = x.flip(1)
    return out


@program
def filled_by_steps(x: torch.Tensor) -> object:
    out = torch.zeros_like(x)
    out[:, 0::2] = x[:, 1::2]
    out[:, 1::2, 1::3] = x[:, 0::2, 0::3]
    return out


@program
def masked_by_itself(x: torch.Tensor) -> object:
    y = x * 2
    y[y < 0] = 0
    return y.masked_fill_(x > 1, -1.0)


@program
def a_turned_view_is_written(x: torch.Tensor) -> object:
    y = x * 2
    y.transpose(1, 2)[:, 1:3].add_(1)
    y.permute(2, 0, 1)[0] = 3
    y[0].t().mul_(2)
    return y


@program
def a_copy_is_written(x: torch.Tensor) -> object:
    y = x * 2
    turned = y.transpose(1, 2)
    copies = turned.contiguous(), turned.reshape(y.shape[0], -1), y.to(torch.float64)
    for copy in copies:
        copy.add_(1)
    return y, *copies


@program
def the_same_is_written_by_another_name(x: torch.Tensor) -> object:
    y = x * 2
    names = y.contiguous(), y.reshape(y.shape[0], -1), y.to(torch.float32)
    for name in names:
        name.add_(1)
    return y, *names


@program
def parts_of_a_split_are_written(x: torch.Tensor) -> object:
    y = x * 2
    left, right = y.chunk(2, 1)
    left = left * 2
    right = right + left
    return torch.cat([left, right], 1)


@program
def dead_code(x: torch.Tensor) -> object:
    unused = (x @ x.transpose(1, 2)).softmax(-1)
    unused.add_(1)
    assert x.shape[1] == 4
    return x * 2


@program
def gradients_off_and_casting_off(x: torch.Tensor) -> object:
    with torch.no_grad():
        scale = x.abs().amax()
    with torch.autocast("cpu", enabled=False):
        return x.float() / scale


@program
def two_results_of_a_region(x: torch.Tensor) -> object:
    with torch.no_grad():
        mean, spread = x.mean(1, keepdim=True), x.std(1, keepdim=True)
    return (x - mean) / spread


@program
def turned_in_place(x: torch.Tensor) -> object:
    y = x * 2
    first = y[:, 0]
    y.unsqueeze_(1)
    return y, first


@pytest.mark.parametrize("function", PROGRAMS, ids=lambda f: f.__name__)
def test_a_program_computes_what_torch_does(function: Callable[..., object]) -> None:
    check(Function(function), X)


def test_dead_code_and_checks_leave_no_node() -> None:
    graph, _ = read_module(Function(dead_code), (X,), {})
    assert [n.op.name for n in graph.nodes] == ["scale"]


def test_a_region_without_gradients_is_inlined() -> None:
    graph, _ = read_module(Function(gradients_off_and_casting_off), (X,), {})
    assert [n.op.name for n in graph.nodes][:2] == ["abs", "amax"]


def test_a_write_through_a_view_that_reorders_is_refused() -> None:
    def write(x: torch.Tensor) -> torch.Tensor:
        y = x * 2
        y.expand(3, -1, -1, -1)[0].add_(1)
        return y

    with pytest.raises(SpecError, match="a write into a view"):
        read_module(Function(write), (X,), {})


class Counts(nn.Module):
    """Keeps something between its calls, which no graph can."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("steps", torch.zeros(()))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.steps.add_(1)
        return x * 2


def test_state_that_the_model_writes_is_refused() -> None:
    with pytest.raises(SpecError, match="steps"):
        read_module(Counts(), (X,), {})


# -- random programs ------------------------------------------------------------------------------
def random_program(seed: int, length: int) -> Callable[..., object]:
    """A function that makes tensors and views of [2, 4, 6], writes into them in place, and returns all of them."""

    def run(x: torch.Tensor, y: torch.Tensor) -> list[torch.Tensor]:
        rng = random.Random(seed)
        known = [x * 1.25, y * 0.75]
        for _ in range(length):
            value = rng.choice(known)
            match rng.randrange(7):
                case 0:
                    known.append(value * 0.5)
                case 1 if value.ndim > 1:
                    known.append(value.select(1, rng.randrange(value.shape[1])))
                case 2 if value.ndim > 1 and value.shape[1] > 1:
                    start = rng.randrange(value.shape[1] - 1)
                    known.append(value.narrow(1, start, rng.randint(1, value.shape[1] - start)))
                case 3 if value.is_contiguous():
                    known.append(value.view(value.shape[0], -1))
                case 4:
                    getattr(value, rng.choice(("relu_", "sigmoid_", "neg_", "zero_")))()
                case 5:
                    value.mul_(rng.choice((0.5, 1.5))).add_(1)
                case 6:
                    value.copy_(torch.tanh(value) + 0.25)
                case _:
                    known.append(value.unsqueeze(1))
        return known

    return run


@given(st.integers(0, 10**6), st.integers(3, 9))
@settings(max_examples=40, deadline=None, derandomize=True)
def test_random_programs_with_writes_and_views(seed: int, length: int) -> None:
    module = Function(random_program(seed, length))
    graph, weights = read_module(module, (X, Y), {}, free={})
    same(built(graph, weights)(X, Y), module(X, Y))
