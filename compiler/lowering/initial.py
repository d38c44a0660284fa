"""Initial values: of the seed and the parameter's own name alone, so that adding a head changes nothing else."""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import nn

from graphwright.compiler.ops.formula import evaluate_grid
from graphwright.compiler.places import Place, fail, suggest


def seed_of(seed: int, name: str) -> int:
    """A generator seed for one name: 63 bits of BLAKE2b over `seed:name`."""
    digest = hashlib.blake2b(f"{seed}:{name}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little") >> 1


def _begin(seed: int, name: str, device: torch.device) -> None:
    """Seed the random numbers that a tensor is filled with.

    `torch.manual_seed` seeds every device, and for each that is not in use it keeps the call and its stack for later,
    which is up to a third of the time that a large model takes to lower.
    """
    (torch.default_generator.manual_seed if device.type == "cpu" else torch.manual_seed)(seed_of(seed, name))


def materialise(module: nn.Module, name: str, seed: int, device: torch.device) -> None:
    """Allocate a module built on the meta device and give it torch's own default values."""
    if not any(True for _ in (*module.parameters(), *module.buffers())):
        return
    module.to_empty(device=device)
    _begin(seed, name, device)
    for part in reversed(list(module.modules())):  # inner modules first, as their constructors would have run
        reset = getattr(part, "reset_parameters", None) or getattr(part, "_reset_parameters", None)
        if reset is not None:
            reset()


def apply_init(module: nn.Module, init: Any, name: str, seed: int, place: Place) -> None:
    """The spec's `init`: `{part: how}`, or `how` alone for a module with one tensor.

    `how` is a number, a name (`zeros`), `{name: {argument: value}}` or a formula `{over: {...}, value: ...}`.
    """
    parts = dict(module.named_parameters()) | dict(module.named_buffers())
    for part, how in init_table(init, name, list(parts), place).items():
        _begin(seed, f"{name}.{part}", parts[part].device)
        with torch.no_grad():
            _fill(parts[part], how, place)


def init_table(init: Any, name: str, parts: Sequence[str], place: Place) -> dict[str, Any]:
    """`init` as `{part: how}`; parts, initialisers and arguments that do not exist are mistakes."""
    if isinstance(init, dict) and set(init) <= set(parts):
        table = init
    elif isinstance(init, dict) and not _is_how(init) and not (len(parts) == 1 and len(init) == 1):
        wrong = next(k for k in init if k not in parts)
        raise fail(place, f"'{name}' has no parameter '{wrong}' to initialise", suggest(wrong, parts))
    else:
        table = {k: init for k in parts if len(parts) == 1 or k == "weight"}
    if not table:
        raise fail(place, f"'{name}' has nothing to initialise", "remove `init`")
    for how in table.values():
        _check_how(how, place)
    return table


def _check_how(how: Any, place: Place) -> None:
    if isinstance(how, (int, float)) or (isinstance(how, dict) and "value" in how):
        return
    if not isinstance(how, str) and not (isinstance(how, dict) and len(how) == 1):
        raise fail(place, f"an init is a number, a name, {{name: {{argument: value}}}} or a formula, got {how}")
    name, arguments = (how, None) if isinstance(how, str) else next(iter(how.items()))
    if name not in INITIALISERS:
        raise fail(place, f"no initialiser '{name}'", suggest(name, INITIALISERS))
    known = list(inspect.signature(INITIALISERS[name]).parameters)[1:]
    if not isinstance(arguments, (dict, type(None))):
        hint = f"{{{name}: {{{known[0]}: ...}}}}" if known else name
        raise fail(place, f"the arguments of init '{name}' are a mapping, got {arguments}", hint)
    for argument in arguments or {}:
        if argument not in known:
            raise fail(place, f"init '{name}' has no argument '{argument}'", suggest(argument, known))


def _is_how(init: dict[str, Any]) -> bool:
    return "value" in init or (len(init) == 1 and next(iter(init)) in INITIALISERS)


def _fill(tensor: torch.Tensor, how: Any, place: Place) -> None:
    if isinstance(how, (int, float)):
        tensor.fill_(how)
        return
    if isinstance(how, dict) and "value" in how:
        grid = evaluate_grid(str(how["value"]), {k: int(v) for k, v in how.get("over", {}).items()})
        if grid.numel() != tensor.numel():
            raise fail(place, f"the init formula has {grid.numel()} elements, the parameter {tensor.numel()}")
        tensor.copy_(grid.reshape(tensor.shape))
        return
    name, arguments = (how, {}) if isinstance(how, str) else next(iter(how.items()))
    try:
        INITIALISERS[name](tensor, **(arguments or {}))
    except (TypeError, ValueError) as error:
        raise fail(place, f"init '{name}': {error}") from None


def _stochastic(tensor: torch.Tensor) -> torch.Tensor:
    """Random rows that sum to one: the softmax of numbers uniform in [0, 1)."""
    return tensor.copy_(torch.rand(tensor.shape).softmax(-1))


#: torch.nn.init by its own names, and one more.
INITIALISERS: dict[str, Callable[..., Any]] = {
    "zeros": nn.init.zeros_, "ones": nn.init.ones_, "constant": nn.init.constant_, "eye": nn.init.eye_,
    "dirac": nn.init.dirac_, "uniform": nn.init.uniform_, "normal": nn.init.normal_,
    "trunc_normal": nn.init.trunc_normal_, "xavier_uniform": nn.init.xavier_uniform_,
    "xavier_normal": nn.init.xavier_normal_, "kaiming_uniform": nn.init.kaiming_uniform_,
    "kaiming_normal": nn.init.kaiming_normal_, "orthogonal": nn.init.orthogonal_, "sparse": nn.init.sparse_,
    "stochastic": _stochastic,
}  # fmt: skip
