"""Tables that a formula gives exactly: position indices, grids, shifted-window masks.

A found formula is compared with the table, element by element, before it is used.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

import torch

from graphwright.compiler.ops.formula import Formula

#: Names of index ranges, in the order of the dimensions.
INDICES = "ijklmn"
#: The longest list of plain numbers that is written out.
MOST_NUMBERS = 16


def closed_form(tensor: torch.Tensor) -> Formula | None:
    """A formula whose value is exactly this tensor (up to its dtype), or `None`."""
    if not tensor.numel() or tensor.is_complex() or tensor.ndim > len(INDICES):
        return None
    plain = tensor.detach().cpu()
    over = tuple((INDICES[k], size) for k, size in enumerate(plain.shape))
    for text, constants in _candidates(plain):
        formula = Formula(text, over, constants=constants)
        if formula.check(()) is None and torch.equal(formula.forward(()).to(plain.dtype), plain):
            return formula
    return None


#: An expression, and the names and values of constants in it: numbers that differ between like modules.
Candidate = tuple[str, tuple[tuple[str, int], ...]]


def _candidates(table: torch.Tensor) -> Iterator[Candidate]:
    if (table == table.flatten()[0]).all():
        yield _number(table.flatten()[0]), ()
        return
    plain = _orders(table) if table.dtype == torch.bool else _affine(table)
    yield from ((text, ()) for text in plain)
    if table.ndim == 2 and not table.is_floating_point() and table.dtype != torch.bool:
        yield from ((text, ()) for text in (*_window_index(table), *_distance_index(table)))
    if table.ndim >= 3 and table.is_floating_point():
        yield from _window_mask(table)


def _number(value: torch.Tensor) -> str:
    number = value.item()
    if isinstance(number, bool):
        return "1 > 0" if number else "1 < 0"
    if number in (float("inf"), float("-inf")):
        return "inf" if number > 0 else "-inf"
    return repr(number)


def _orders(table: torch.Tensor) -> Iterator[str]:
    """Causal masks and their like: one index against another."""
    for a, b in product(INDICES[: table.ndim], repeat=2):
        if a != b:
            yield from (f"{a} <= {b}", f"{a} < {b}", f"{a} == {b}", f"{a} != {b}")


def _affine(table: torch.Tensor) -> Iterator[str]:
    """`c + a i + b j + ...`, from the differences at the origin."""
    origin = table[(0,) * table.ndim]
    steps = []
    for axis, size in enumerate(table.shape):
        at = [0] * table.ndim
        at[axis] = 1
        steps.append((table[tuple(at)] - origin).item() if size > 1 else 0)
    yield _sum([(INDICES[k], step) for k, step in enumerate(steps)], origin.item())
    if table.is_floating_point() and table.ndim == 1 and len(table) > 1:  # (i + offset) / scale, as grids are built
        step = steps[0]
        if step:
            for scale in {round(1 / step), 1 / step}:
                offset = origin.item() * scale
                yield f"(i + {round(offset, 6)}) / {scale}"


def _sum(terms: list[tuple[str, float]], constant: float) -> str:
    text = ""
    for name, factor in [*((n, f) for n, f in terms if f), ("", constant)]:
        if not factor and name == "" and text:
            continue
        size = abs(factor)
        body = repr(size) if not name else name if size == 1 else f"{size!r} * {name}"
        sign = "-" if factor < 0 else "+"
        text = f"{text} {sign} {body}" if text else f"-{body}" if factor < 0 else body
    return text or "0"


def _window_index(table: torch.Tensor) -> Iterator[str]:
    """Relative positions in a window of h x w: `a (i // w - j // w) + b (i % w - j % w) + c` (Swin, BEiT, MaxViT)."""
    rows, columns = table.shape
    if rows != columns:
        return
    for w in range(1, rows + 1):
        if rows % w:
            continue
        constant = table[0, 0].item()
        down = (table[w, 0] - constant).item() if rows > w else 0
        right = (table[1, 0] - constant).item() if w > 1 else 0
        yield f"{_times(down)}(i // {w} - j // {w}) + {_times(right)}(i % {w} - j % {w}) + {constant}"


def _times(factor: float) -> str:
    return "" if factor == 1 else f"{factor!r} * "


def _distance_index(table: torch.Tensor) -> Iterator[str]:
    """Distances between places of a grid, `w |s y - y'| + |s x - x'|`, from each or from each s-th (LeViT)."""
    columns = table.shape[1]
    if table.min() < 0:
        return
    for w in (w for w in range(1, columns + 1) if columns % w == 0):
        for step in (1, 2):
            own = -(-w // step)
            y, x = ("i // {}", "i % {}") if step == 1 else (f"{step} * (i // {{}})", f"{step} * (i % {{}})")
            yield f"{w} * abs({y.format(own)} - j // {w}) + abs({x.format(own)} - j % {w})"


def _window_mask(table: torch.Tensor) -> Iterator[Candidate]:
    """0 where two places of a shifted window came from the same region, else one number (Swin's attention mask)."""
    wide = [(name, size) for name, size in zip(INDICES, table.shape, strict=False) if size > 1]
    if len(wide) != 3 or wide[1][1] != wide[2][1]:
        return
    (n, windows), (i, rows), (j, _) = wide
    flat, side = table.reshape(windows, rows, rows), round(rows**0.5)
    if side * side != rows:
        return
    hidden = table.min().item()
    blocked = [k for k in range(side) if flat[windows - 1, 0, k] != 0]
    if not blocked:
        return
    edge = blocked[0]
    y = f"{n} // across == down - 1 and ({i} // {side} < {edge}) != ({j} // {side} < {edge})"
    x = f"{n} % across == across - 1 and ({i} % {side} < {edge}) != ({j} % {side} < {edge})"
    for across in (d for d in range(1, windows + 1) if windows % d == 0):
        yield f"{hidden!r} if ({y}) or ({x}) else 0", (("across", across), ("down", windows // across))
