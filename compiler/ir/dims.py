"""Symbolic sizes: integers with free symbols, such as `N`, `ceil(H/32)` or `H*W`.

A `Dim` is a polynomial with integer coefficients over atoms; an atom is a symbol or a floor
division of a `Dim` by a positive integer. The form is canonical enough that equal sizes compare
equal: nested floor divisions are merged, `((H+1)//2 + 1)//2 == (H+3)//4`.
Arithmetic between `Dim` and `int` stays exact; whatever would need the value of a free symbol
(a comparison, a branch) raises `FreeSize`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from math import gcd
from typing import Union

Size = Union[int, "Dim"]
Atom = Union[str, "Floor"]
Monomial = tuple[Atom, ...]


#: A product multiplies at most so many pairs of terms; the sizes of real models have a handful.
MAX_PRODUCTS = 4096


class FreeSize(ValueError):
    """A value was asked for that depends on a size left free."""


class Floor:
    """The atom `top // by`."""

    __slots__ = ("by", "key", "top")

    def __init__(self, top: Dim, by: int) -> None:
        self.top, self.by = top, by
        self.key = ("//", top.key, by)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Floor) and self.key == other.key

    def __hash__(self) -> int:
        return hash(self.key)

    def __str__(self) -> str:
        constant = self.top.terms.get((), 0)
        if constant == self.by - 1:
            return f"ceil({_operand(self.top - constant)}/{self.by})"
        return f"{_operand(self.top)}//{self.by}"


def _operand(size: Size) -> str:
    text = str(size)
    return text if text.isidentifier() else f"({text})"


def _atom_key(atom: Atom) -> tuple[int, str]:
    return (0, atom) if isinstance(atom, str) else (1, str(atom))


class Dim:
    """An integer expression over free sizes; immutable and hashable."""

    __slots__ = ("_hash", "key", "terms")

    def __init__(self, terms: Mapping[Monomial, int]) -> None:
        self.terms: dict[Monomial, int] = {m: c for m, c in terms.items() if c}
        self.key = frozenset(self.terms.items())
        self._hash = hash(self.key)

    @staticmethod
    def symbol(name: str) -> Dim:
        """The free size called `name`."""
        return Dim({(name,): 1})

    # -- arithmetic ---------------------------------------------------------------------------
    def __add__(self, other: Size) -> Size:
        if not isinstance(other, (int, Dim)):
            return NotImplemented
        terms = dict(self.terms)
        for monomial, factor in _terms(other).items():
            terms[monomial] = terms.get(monomial, 0) + factor
        return _settle(terms)

    __radd__ = __add__

    def __neg__(self) -> Size:
        return _settle({m: -c for m, c in self.terms.items()})

    def __sub__(self, other: Size) -> Size:
        return self + (-other)

    def __rsub__(self, other: Size) -> Size:
        return (-self) + other

    def __mul__(self, other: Size) -> Size:
        if not isinstance(other, (int, Dim)):
            return NotImplemented
        if len(self.terms) * len(_terms(other)) > MAX_PRODUCTS:
            raise FreeSize(f"a product of sizes of {len(self.terms):,} and {len(_terms(other)):,} terms is too long")
        terms: dict[Monomial, int] = {}
        for a, x in self.terms.items():
            for b, y in _terms(other).items():
                monomial = tuple(sorted(a + b, key=_atom_key))
                terms[monomial] = terms.get(monomial, 0) + x * y
        return _settle(terms)

    __rmul__ = __mul__

    def __pow__(self, power: int) -> Size:
        result: Size = 1
        for _ in range(power):
            result = result * self
        return result

    def __floordiv__(self, by: Size) -> Size:
        if isinstance(by, Dim):
            if by == self:
                return 1
            raise FreeSize(f"{self} // {by} divides by a size left free")
        if by <= 0:
            raise ZeroDivisionError(f"{self} // {by}")
        whole = {m: c // by for m, c in self.terms.items() if m and c % by == 0}
        rest = {m: c for m, c in self.terms.items() if not m or c % by}
        if set(rest) <= {()}:
            whole[()] = rest.get((), 0) // by
            return _settle(whole)
        constant = rest.pop((), 0)
        if all(c < 0 for c in rest.values()):  # (k - t) // c == -((t - k + c - 1) // c): one form for both
            return _settle(whole) - Dim({m: -c for m, c in rest.items()} | {(): by - 1 - constant}) // by
        common = gcd(by, *rest.values())
        rest = {m: c // common for m, c in rest.items()}
        constant, by = constant // common, by // common
        whole[()], rest[()] = constant // by, constant % by
        return Dim(whole) + Dim({(_floor(Dim(rest), by),): 1})

    def __mod__(self, by: Size) -> Size:
        return self - by * (self // by)

    def __truediv__(self, by: object) -> Size:
        raise FreeSize(f"{self} / {by} is not an integer; sizes divide with //")

    # -- what a free size cannot answer -------------------------------------------------------
    def __lt__(self, other: Size) -> bool:
        return _decide(self, other, "<", lambda d: d < 0)

    def __le__(self, other: Size) -> bool:
        return _decide(self, other, "<=", lambda d: d <= 0)

    def __gt__(self, other: Size) -> bool:
        return _decide(self, other, ">", lambda d: d > 0)

    def __ge__(self, other: Size) -> bool:
        return _decide(self, other, ">=", lambda d: d >= 0)

    def __bool__(self) -> bool:
        raise FreeSize(f"whether {self} is zero depends on a size left free")

    def __index__(self) -> int:
        raise FreeSize(f"{self} is a size left free where a number is needed")

    __int__ = __index__
    __float__ = __index__

    # -- identity and text --------------------------------------------------------------------
    def __eq__(self, other: object) -> bool:
        return isinstance(other, Dim) and self.key == other.key

    def __hash__(self) -> int:
        return self._hash

    def __str__(self) -> str:
        return _text(self)

    def __repr__(self) -> str:
        return f"Dim({self})"


@lru_cache(maxsize=65536)
def _floor(top: Dim, by: int) -> Floor:
    """`top // by` as an atom, with a lone inner floor division merged: (x//a + k)//b = (x + k*a)//(a*b)."""
    monomials = [m for m in top.terms if m]
    if len(monomials) == 1 and len(monomials[0]) == 1 and isinstance(monomials[0][0], Floor):
        inner, factor = monomials[0][0], top.terms[monomials[0]]
        if factor == 1:
            shifted = inner.top + top.terms.get((), 0) * inner.by
            if isinstance(shifted, Dim):
                return Floor(shifted, inner.by * by)
    return Floor(top, by)


def _terms(value: Size) -> Mapping[Monomial, int]:
    return value.terms if isinstance(value, Dim) else {(): value}


def _settle(terms: Mapping[Monomial, int]) -> Size:
    """The `Dim` of these terms, or the plain integer when no symbol is left."""
    live = {m: c for m, c in terms.items() if c}
    return live.get((), 0) if set(live) <= {()} else Dim(live)


def _decide(left: Dim, right: Size, sign: str, test: Callable[[int], bool]) -> bool:
    difference = left - right
    if isinstance(difference, Dim):
        raise FreeSize(f"{left} {sign} {right} depends on a size left free")
    return test(difference)


@lru_cache(maxsize=65536)
def _text(dim: Dim) -> str:
    parts: list[tuple[str, str]] = []
    for monomial in sorted(dim.terms, key=lambda m: (not m, [_atom_key(a) for a in m])):
        factor = dim.terms[monomial]
        body = "*".join(
            str(a) if isinstance(a, str) or len(monomial) == 1 or str(a).startswith("ceil(") else f"({a})"
            for a in monomial
        )
        if not monomial:
            body = str(abs(factor))
        elif abs(factor) != 1:
            simple = len(monomial) > 1 or isinstance(monomial[0], str) or body.startswith("ceil(")
            body = f"{abs(factor)}*{body}" if simple else f"{abs(factor)}*({body})"
        elif factor < 0 and not parts and "//" in body and len(monomial) == 1:  # -(H//2) is not -H//2
            body = f"({body})"
        parts.append(("-" if factor < 0 else "+", body))
    text = " ".join(f"{sign} {body}" for sign, body in parts)
    return text[2:] if text.startswith("+ ") else "-" + text[2:]


@lru_cache(maxsize=65536)
def _symbols(dim: Dim) -> frozenset[str]:
    found: set[str] = set()
    for monomial in dim.terms:
        for atom in monomial:
            found |= {atom} if isinstance(atom, str) else _symbols(atom.top)
    return frozenset(found)


def symbols(size: Size) -> frozenset[str]:
    """The free symbols of a size."""
    return _symbols(size) if isinstance(size, Dim) else frozenset()


def evaluate(size: object, values: Mapping[str, object]) -> object:
    """`size` with numbers (or anything with integer arithmetic) in place of its symbols."""
    if not isinstance(size, Dim):
        return size
    total: object = None
    for monomial, factor in size.terms.items():
        term: object = factor
        for atom in monomial:
            value = values[atom] if isinstance(atom, str) else evaluate(atom.top, values) // atom.by  # type: ignore[operator]
            term = value if isinstance(term, int) and term == 1 else term * value  # type: ignore[operator]
        total = term if total is None else total + term  # type: ignore[operator]
    return total
