"""A module through `torch.export` (non-strict), with as many sizes left free as the model allows."""

from __future__ import annotations

import inspect
import logging
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.export import Dim, ExportedProgram
from torch.utils._sympy.functions import FloorDiv

from graphwright.compiler.places import NOWHERE, fail


@dataclass(frozen=True)
class Example:
    """Inputs to export with. `free` are the dimensions that should stay free, by the number of the tensor input."""

    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    free: Mapping[int, tuple[int, ...]] | None = None


def spatial(value: torch.Tensor) -> tuple[int, ...]:
    """The dimensions that are free if nothing else is said: the batch, and height and width of pictures."""
    if value.ndim >= 4:
        return (0, *range(2, value.ndim))
    return (0,) if value.ndim else ()


def exports(module: nn.Module, example: Example) -> Iterator[ExportedProgram]:
    """The exported program, with all wished sizes free; then, if asked for more, with the batch alone, and with none.

    Raises `SpecError` with torch's reason, and the module it arose in, where the model cannot be exported at all.
    """
    reason: Exception | None = None
    found = False
    for shapes, args, kwargs in _attempts(module, example):
        try:
            with quiet(), _watched(module):
                program = torch.export.export(module, args, kwargs, dynamic_shapes=shapes, strict=False)
        except Exception as error:  # torch.export raises whatever the model's own code raises
            reason = error
        else:
            found = True
            yield program
    if not found:
        assert reason is not None
        raise fail(
            NOWHERE, f"torch.export cannot read {type(module).__name__}: {_first(reason)}", _hint(reason, module)
        ) from reason


def _attempts(module: nn.Module, example: Example) -> Iterator[tuple[Any, tuple[Any, ...], dict[str, Any]]]:
    """Which sizes to leave free, from most to none, with inputs whose batch is not 1, which torch takes for fixed."""
    tensors = _tensors((example.args, tuple(example.kwargs.values())))
    wished = example.free if example.free is not None else {k: spatial(v) for k, v in enumerate(tensors)}
    seen: list[Any] = []
    for keep in (lambda axis: True, lambda axis: axis == 0, lambda axis: False):
        free = {k: tuple(a for a in axes if keep(a)) for k, axes in wished.items()}
        if free in seen:
            continue
        seen.append(free)
        batched = example
        if tensors and all(v.ndim and v.shape[0] == 1 and 0 in free.get(k, ()) for k, v in enumerate(tensors)):
            twice = torch.utils._pytree.tree_map(_twice, (tuple(example.args), dict(example.kwargs)))
            batched = Example(*twice)
        yield _shapes(module, batched, free), batched.args, dict(batched.kwargs)


def _twice(value: Any) -> Any:
    return torch.cat([value, value]) if isinstance(value, torch.Tensor) else value


def _tensors(value: Any) -> list[torch.Tensor]:
    leaves, _ = torch.utils._pytree.tree_flatten(value)
    return [v for v in leaves if isinstance(v, torch.Tensor)]


def _shapes(module: nn.Module, example: Example, free: Mapping[int, Sequence[int]]) -> dict[str, Any]:
    """`dynamic_shapes` for torch: by argument, the tree of its inputs with `{axis: AUTO}` in place of each tensor."""
    count = iter(range(1_000_000))

    def one(value: Any) -> Any:
        if not isinstance(value, torch.Tensor):
            return None
        return dict.fromkeys(free.get(next(count), ()), Dim.AUTO)

    args = torch.utils._pytree.tree_map(one, tuple(example.args))
    kwargs = torch.utils._pytree.tree_map(one, dict(example.kwargs))
    return _called(module, args, kwargs)


def _called(module: nn.Module, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments by the names that the module's `forward` has for them."""
    signature = inspect.signature(module.forward)
    try:
        return dict(signature.bind(*args, **kwargs).arguments)
    except TypeError as error:
        wanted = ", ".join(signature.parameters) or "none"
        raise fail(
            NOWHERE, f"{type(module).__name__} cannot be called on {_counted(args, kwargs)}: {error}",
            f"its arguments are {wanted}",
        ) from None  # fmt: skip


def _counted(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> str:
    inputs = len(args) + len(kwargs)
    return f"{inputs} input{'' if inputs == 1 else 's'}"


@contextmanager
def quiet() -> Iterator[None]:
    """Without torch's notes to its own developers; what goes wrong is raised."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)


@contextmanager
def _watched(module: nn.Module) -> Iterator[None]:
    """Give up as soon as a size is divided by a free one: no graph can say that, and torch gets slow on it."""

    def look(part: nn.Module, inputs: tuple[Any, ...]) -> None:
        for value in inputs:
            for size in value.shape if isinstance(value, torch.Tensor) else ():
                if isinstance(size, torch.SymInt) and any(
                    quotient.args[1].free_symbols for quotient in size.node.expr.atoms(FloorDiv)
                ):
                    raise ValueError(f"the size {size} divides by a size left free")

    handles = [part.register_forward_pre_hook(look) for part in module.modules()]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _first(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__


def _hint(error: BaseException, module: nn.Module) -> str:
    """Where in the model's own code it happened: the last frame of a file that is not torch's."""
    place, trace = "", error.__traceback__
    own = torch.__path__[0]
    while trace is not None:
        code = trace.tb_frame.f_code
        here = trace.tb_frame.f_locals.get("self")
        if not code.co_filename.startswith(own) and isinstance(here, nn.Module):
            path = next((n for n, m in module.named_modules() if m is here), "")
            place = f"in {path or type(module).__name__} ({type(here).__name__}), {code.co_filename}:{trace.tb_lineno}"
        trace = trace.tb_next
    return place or "call the module on the same inputs to see whether it runs"
