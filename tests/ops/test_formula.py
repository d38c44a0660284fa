"""`formula` against Python's own arithmetic, element by element, and what it refuses."""

from __future__ import annotations

import itertools
import math
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import fx
from torch.fx.proxy import GraphAppendingTracer

from graphwright.compiler.ir.dims import Dim
from graphwright.compiler.ir.types import Type
from graphwright.compiler.ops.expression import FormulaError, names_in, parse
from graphwright.compiler.ops.formula import Formula, evaluate_grid

LISTS = {"t": (3, -1, 4), "u": ((0.5, 2.0), (1.5, -1.0))}


@st.composite
def expressions(draw: Any, depth: int = 3) -> str:
    """Expressions in indices i, j, inputs a, b and constants n, t, u whose value is finite."""
    if depth == 0:
        return draw(st.sampled_from(["i", "j", "a", "b", "n", "2", "0.5", "7", "t[i]", "u[j][i % 2]", "pi"]))
    parts = expressions(depth - 1)
    x, y, z = draw(parts), draw(parts), draw(parts)
    return draw(st.sampled_from([
        f"({x} + {y})", f"({x} - {y})", f"({x} * {y})", f"-{x}", f"({x} / (2 + abs({y})))",
        f"({x} // 3)", f"({x} % 5)", f"({x} // (1 + abs({y})))", f"min({x}, {y}, {z})", f"max({x}, {y})",
        f"({x} if {y} < {z} else {y})", f"(({x} > {y}) + 2 * ({y} == {z}))", f"({x} <= 1 and {y} >= 0 or not {z})",
        f"floor({x})", f"ceil({x})", f"round({x})", f"abs({x})", f"relu({x})", f"tanh({x})", f"sigmoid({x})",
        f"exp(min({x}, 3))", f"log(1 + abs({x}))", f"sqrt(abs({x}))", f"sin({x})", f"erf({x})", f"int({x})",
        f"float({x})", f"softplus(min({x}, 9))", f"abs({x}) ** 2", f"(({x}) if {y} else {z})",
    ]))  # fmt: skip


def reference(text: str, values: dict[str, Any]) -> float:
    """Python's own value of the expression; this is the only place that evaluates text, and the text is ours."""
    functions = {
        "min": min, "max": max, "abs": abs, "floor": math.floor, "ceil": math.ceil, "round": round, "sqrt": math.sqrt,
        "exp": math.exp, "log": math.log, "sin": math.sin, "cos": math.cos, "tanh": math.tanh, "erf": math.erf,
        "int": int, "float": float, "pi": math.pi, "relu": lambda x: max(x, 0),
        "sigmoid": lambda x: 1 / (1 + math.exp(-x)), "softplus": lambda x: math.log1p(math.exp(x)),
    }  # fmt: skip
    return eval(text, functions | values)  # type: ignore[no-any-return]


A = torch.tensor([[1.25], [-2.5], [0.75]])
B = torch.tensor([2.0, -0.5])


def op_of(text: str) -> Formula:
    return Formula(text, (("i", 3), ("j", 2)), ("a", "b"), (("n", 4), *LISTS.items()))


@settings(max_examples=150, deadline=None)
@given(expressions())
def test_values_are_those_of_python(text: str) -> None:
    op = op_of(text)
    assert op.check((Type((3, 1)), Type((2,)))) is None
    try:
        wanted = [
            reference(text, {"i": i, "j": j, "a": A[i, 0].item(), "b": B[j].item(), "n": 4, **LISTS})
            for i, j in itertools.product(range(3), range(2))
        ]
    except OverflowError:
        return
    got = op.forward((A, B))
    assert got.shape == (3, 2)
    close = torch.isclose(got.double().flatten(), torch.tensor([float(w) for w in wanted], dtype=torch.float64),
                          rtol=1e-3, atol=1e-3)  # fmt: skip
    jumps = any(f in text for f in ("floor", "ceil", "round", "int", "//", "%", "<", ">", "=", "not", "if"))
    assert close.all() or jumps  # float32 may fall on the other side of a step ...
    assert close.sum() >= 3 or not jumps  # ... but not everywhere


@pytest.mark.parametrize(
    "text", ["x ** 2 - x // 3 + (x % 4 == 1)", "t[x] * 2 if x != 1 else 5", "min(x, n) - max(2, x)"]
)
def test_integers_stay_integers_and_are_exact(text: str) -> None:
    op = Formula(text, (("x", 3),), (), (("n", 4), ("t", (3, -1, 4))))
    got = op.forward(())
    assert got.dtype == torch.int64
    functions = {"n": 4, "t": (3, -1, 4), "min": min, "max": max}
    assert got.tolist() == [eval(text, functions | {"x": x}) for x in range(3)]


def test_dtypes() -> None:
    over = (("i", 3),)
    assert Formula("i / 2", over).forward(()).dtype == torch.float32
    assert Formula("i > 1", over).forward(()).dtype == torch.bool
    assert Formula("(i > 1) + 0", over).forward(()).dtype == torch.int64
    assert Formula("(i > 0) + (i > 1)", over).forward(()).tolist() == [0, 1, 2]
    assert Formula("2 ** -i", over).check(()) is None
    assert Formula("i ** -1", (("i", 1),)).forward(()).dtype == torch.float32
    assert Formula("-inf if i > 1 else 0", over).forward(()).tolist() == [0, 0, -math.inf]
    assert Formula("7").forward(()).item() == 7


def test_result_has_the_shape_of_inputs_and_ranges() -> None:
    assert Formula("1.0 * s", (("a", 4), ("one", 1)), (), (("s", 8),)).forward(()).tolist() == [[8.0]] * 4
    assert Formula("i", (("j", 2), ("i", 3))).forward(()).tolist() == [[0, 1, 2]] * 2
    assert Formula("x", (("i", 3),), ("x",)).forward((torch.zeros(5, 1),)).shape == (5, 3)
    assert Formula("3", (), ("x",)).forward((torch.zeros(5, 1),)).shape == (5, 1)
    assert Formula(("x", "y", "7"), (("y", 2), ("x", 3))).forward(()).shape == (2, 3, 3)


def test_swin_relative_position_index() -> None:
    """The table of arXiv:2103.14030: row and column offsets of two positions in a window, as one number."""
    w = 3
    value = "(i // win - j // win + win - 1) * (2 * win - 1) + i % win - j % win + win - 1"
    got = Formula(value, (("i", w * w), ("j", w * w)), (), (("win", w),)).forward(())
    places = list(itertools.product(range(w), range(w)))
    wanted = [[(a - c + w - 1) * (2 * w - 1) + (b - d + w - 1) for c, d in places] for a, b in places]
    assert got.tolist() == wanted


def test_sizes_left_free_are_read_when_the_model_runs() -> None:
    h, w = Dim.symbol("H"), Dim.symbol("W")
    op = Formula(("(x + 0.5) * s", "y + min(h, 9) + sqrt(h)", "t[x % 2]"), (("y", h), ("x", w + 1)), (),  # type: ignore[operator]
                 (("s", 8), ("h", h), ("t", (1, 2))))  # fmt: skip
    assert not op.is_constant
    graph = fx.Graph()
    image = fx.Proxy(graph.placeholder("image"), GraphAppendingTracer(graph))
    traced = op.resolved({"H": image.shape[0], "W": image.shape[1]})
    assert not traced.is_constant
    graph.output(traced.forward((), device=image.device).node)
    module = fx.GraphModule({}, graph)
    for size in ((2, 3), (16, 5)):
        numbers = op.resolved({"H": size[0], "W": size[1]})
        assert numbers.is_constant
        torch.testing.assert_close(module(torch.zeros(size)), numbers.forward(()))
        assert module(torch.zeros(size, device="meta")).is_meta


def test_captured_names() -> None:
    fields = Formula.captured(
        {"value": "a * n + i", "over": (("i", 3),)}, ("a",), {"n": [1, [2]], "i": 5, "other": "text"}
    )
    assert fields == {"names": ("a",), "constants": (("n", (1, (2,))),)}
    with pytest.raises(ValueError, match="'s' is 'text'"):
        Formula.captured({"value": "s + 1"}, (), {"s": "text"})


def test_names_in() -> None:
    assert names_in("min(a, b[i]) + exp(c) if d > pi else inf") == {"a", "b", "c", "d", "i"}


def test_evaluate_grid() -> None:
    assert evaluate_grid("c * 2", {"c": 3}).tolist() == [0, 2, 4]
    with pytest.raises(ValueError, match="reads 'q'"):
        evaluate_grid("q * 2", {"c": 3})


REFUSED = [
    ("__import__('os')", "there is no function '__import__'", 1),
    ("a.b", "Attribute is not allowed", 1),
    ("1 + lambda: 3", "no expression", 5),
    ("[x for x in a]", "ListComp is not allowed", 1),
    ("1 + 'text'", "'text' is no number", 5),
    ("1 < a < 3", "not chained", 1),
    ("a @ b", "this operator is not allowed", 1),
    ("a << 3", "this operator is not allowed", 1),
    ("~a", "use not", 1),
    ("a[1:2]", "an index is one position", 1),
    ("exp(a, b)", "exp needs one value, got 2", 1),
    ("min(a)", "min needs at least two values, got 1", 1),
    ("exp(*a)", "Starred is not allowed", 5),
    ("min(a, b, key=c)", "only plain calls", 1),
    ("(a)(b)", None, 1),
    ("a +", "no expression", 4),
    ("(x := 3)", "NamedExpr is not allowed", 2),
    ("a in b", "a comparison is one of", 1),
    ("1j", "is no number", 1),
    ("f'{a}'", "JoinedStr is not allowed", 1),
    ("+".join(["a"] * 600), "parts, more than 1000", 1),
    ("1" * 20000, "characters, more than", 1),
    ("(" * 300 + "a" + ")" * 300, None, None),
]


@pytest.mark.parametrize(("text", "message", "column"), REFUSED, ids=[t[:20] for t, _, _ in REFUSED])
def test_what_is_refused_is_named_with_its_place(text: str, message: str | None, column: int | None) -> None:
    with pytest.raises(FormulaError) as caught:
        parse(text)
    assert message is None or message in str(caught.value)
    assert column is None or caught.value.column == column
    assert "formula: " in (Formula(text, (), ("a", "b")).check((Type(()), Type(()))) or "")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("9 ** 9 ** 9", "too large"),
        ("2 ** 63", "no 64-bit number"),
        ("(9 ** 19) * (9 ** 19)", "no 64-bit number"),
        ("10.0 ** 1000", ""),
        ("1 / 0", "division by zero"),
        ("1 % 0", "zero"),
        ("[1, 2][5]", "out of range"),
        ("sqrt(-1)", ""),
        ("[1, 2]", "a list stands where a number is needed"),
        ("(-8) ** 0.5", "no 64-bit number"),
        ("i[0]", "only a list of constants has positions"),
    ],
)
def test_values_that_do_not_exist(text: str, message: str) -> None:
    with pytest.raises(FormulaError) as caught:
        Formula(text, (("i", 2),)).forward(())
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("op", "types", "message"),
    [
        (Formula("a + c", (), ("a",)), (Type(()),), "reads 'c'"),
        (Formula("a", (("a", 3),), ("a",)), (Type(()),), "stands for two things"),
        (Formula("a", (("i", 0),), ("a",)), (Type(()),), "runs over nothing"),
        (Formula("a - 1", (), ("a",)), (Type((), "bool"),), "counts with the bool input 'a'"),
        (Formula("a", (), ("a",)), (), "1 input names"),
    ],
)
def test_check(op: Formula, types: tuple[Type, ...], message: str) -> None:
    assert message in (op.check(types) or "")


def test_bool_inputs_may_be_conditions() -> None:
    op = Formula("1 if m and x > 0 else -x", (), ("m", "x"))
    assert op.check((Type((3,), "bool"), Type((3,)))) is None
    got = op.forward((torch.tensor([True, False, True]), torch.tensor([1.0, 2.0, -3.0])))
    assert got.tolist() == [1, -2, 3]
