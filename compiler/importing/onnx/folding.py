"""What is known of a model before it runs: constants, and sizes with free symbols.

Exporters write shapes as arithmetic on tensors (`Shape`, `Gather`, `Concat`, `Reshape`). Nodes whose inputs are all
known are computed here: numbers by ONNX's own reference evaluator, sizes as `Dim`s in arrays of objects.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import prod
from typing import Any

import numpy as np
import torch

from graphwright.compiler.importing.onnx.file import need
from graphwright.compiler.ir.dims import Dim, FreeSize, Size

Array = np.ndarray[Any, Any]

#: How many elements a constant may have that is computed while reading.
MAX_ELEMENTS = 2**28


class NotKnown(Exception):
    """The result cannot be told now."""


@dataclass(frozen=True, eq=False)
class Known:
    """A tensor that no input changes. `source` is the initial value of the file that it was made from, if it is one.

    An array of objects holds sizes: integers and `Dim`s.
    """

    array: Array
    source: str = ""

    @property
    def symbolic(self) -> bool:
        return bool(self.array.dtype == object)

    def tensor(self) -> torch.Tensor:
        """The numbers as torch has them."""
        return torch.from_numpy(np.array(self.array, order="C"))  # a copy, which torch may own

    def sizes(self) -> tuple[Size, ...]:
        """The elements as sizes."""
        return tuple(v if isinstance(v, Dim) else int(v) for v in self.array.reshape(-1))


def plain(array: Any) -> Array:
    """An array in the types that graphs have: half precision as float32, sizes without symbols as integers."""
    found: Array = np.asarray(array)
    if found.dtype.name in ("float16", "bfloat16"):
        found = found.astype(np.float32)
    elif found.dtype == object and all(isinstance(v, (int, np.integer)) for v in found.reshape(-1)):
        kinds = {type(v) for v in found.reshape(-1)}
        found = found.astype(bool if kinds == {bool} else np.int64)
    return found


def sizes(values: Sequence[Size]) -> Known:
    """A list of sizes as a value."""
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return Known(plain(array))


@dataclass(frozen=True)
class Part:
    """A fraction of a size, `top / by`, on its way to being rounded."""

    top: Size
    by: int


#: Operators that only move elements, with the inputs that hold these; sizes go through them as numbered places.
MOVES = {
    "Concat": None, "Expand": (0,), "Flatten": (0,), "Gather": (0,), "GatherElements": (0,), "Identity": (0,),
    "Reshape": (0,), "Slice": (0,), "Split": (0,), "Squeeze": (0,), "Tile": (0,), "Transpose": (0,),
    "Unsqueeze": (0,), "Where": (1, 2), "Cast": (0,), "CastLike": (0,),
}  # fmt: skip
#: Operators that give other numbers at every call, or that hold graphs.
UNKNOWABLE = frozenset({
    "RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike", "Multinomial", "Bernoulli",
    "If", "Loop", "Scan", "SequenceMap", "Dropout",
})  # fmt: skip


def _times(a: Any, b: Any) -> Any:
    if isinstance(b, (Dim, Part)) and not isinstance(a, (Dim, Part)):
        a, b = b, a
    if isinstance(a, Part) or isinstance(b, float):
        part = a if isinstance(a, Part) else Part(a, 1)
        factor = Fraction(float(b)).limit_denominator(4096)
        return _part(part.top * factor.numerator, part.by * factor.denominator)
    return a * b


def _part(top: Size, by: int) -> Any:
    shared = top // by
    return shared if shared * by == top else Part(top, by)


def _over(a: Any, b: Any) -> Any:
    if isinstance(b, (Dim, Part)):
        if a == b:
            return 1
        raise FreeSize(f"{a} / {b}")
    return _times(a, 1 / b) if isinstance(b, float) else a // b


def _rounded(a: Any, up: bool = False) -> Any:
    if not isinstance(a, Part):
        return a
    return -(-a.top // a.by) if up else a.top // a.by


def _largest(a: Any, b: Any) -> Any:
    if isinstance(a, Dim) and not isinstance(b, Dim) and b <= 1:
        return a  # a size is at least 1
    if isinstance(b, Dim) and not isinstance(a, Dim) and a <= 1:
        return b
    return a if a >= b else b


#: Arithmetic on sizes, element by element.
ARITHMETIC: dict[str, Callable[..., Any]] = {
    "Add": operator.add, "Sub": operator.sub, "Mul": _times, "Div": _over, "Mod": operator.mod, "Neg": operator.neg,
    "Equal": operator.eq, "Greater": operator.gt, "Less": operator.lt, "GreaterOrEqual": operator.ge,
    "LessOrEqual": operator.le, "Max": _largest, "Min": lambda a, b: -_largest(-a, -b),
    "Floor": _rounded, "Ceil": lambda a: _rounded(a, up=True), "Not": operator.not_,
}  # fmt: skip


def fold(node: Any, inputs: Sequence[Known | None], opset: int) -> list[Known]:
    """The results of a node whose inputs are all known, or `NotKnown`."""
    if node.op_type in UNKNOWABLE or node.domain not in ("", "ai.onnx"):
        raise NotKnown
    if any(k is not None and k.symbolic for k in inputs):
        try:
            return _sizes(node, inputs, opset)
        except (FreeSize, TypeError):
            raise NotKnown from None
    _limit(node, inputs)
    found = _evaluate(node, [None if k is None else k.array for k in inputs], opset)
    sources = {k.source for k in inputs if k is not None and k.source}
    source = sources.pop() if len(sources) == 1 and node.op_type in MOVES else ""
    return [Known(plain(array), source) for array in found]


def _limit(node: Any, inputs: Sequence[Known | None]) -> None:
    """Refuses to compute tensors that no file of this size could need."""
    arrays = [k.array for k in inputs if k is not None]
    count = 1
    if node.op_type in ("ConstantOfShape", "Expand") and arrays:
        count = prod(int(v) for v in arrays[-1].reshape(-1))
    elif node.op_type == "Tile":
        count = arrays[0].size * prod(int(v) for v in arrays[1].reshape(-1))
    elif node.op_type == "Range":
        count = int((arrays[1] - arrays[0]) / (arrays[2] or 1))
    elif arrays:
        try:
            count = prod(np.broadcast_shapes(*(a.shape for a in arrays)))
        except ValueError:
            count = max(a.size for a in arrays)
    if node.op_type in ("Resize", "Pad", "OneHot", "EyeLike", "Upsample", "MatMul", "Einsum") or count > MAX_ELEMENTS:
        raise NotKnown


def _evaluate(node: Any, arrays: Sequence[Array | None], opset: int) -> list[Array]:
    """The results by ONNX's reference implementation."""
    evaluator = need("onnx.reference").ReferenceEvaluator
    fed = {name: array for name, array in zip(node.input, arrays, strict=True) if array is not None}
    try:
        with np.errstate(all="ignore"):
            found = evaluator(node, opsets={"": opset}).run(None, fed)
    except Exception as error:  # the evaluator raises whatever numpy does
        raise NotKnown from error
    if not all(isinstance(array, (np.ndarray, np.generic)) for array in found):
        raise NotKnown  # a sequence, or an optional value
    return list(found)


def _sizes(node: Any, inputs: Sequence[Known | None], opset: int) -> list[Known]:
    arrays = [None if k is None else k.array for k in inputs]
    if node.op_type in MOVES:
        return [Known(plain(a)) for a in _moved(node, arrays, opset)]
    given = [a for a in arrays if a is not None]
    if node.op_type == "ReduceProd":
        return [Known(plain(np.array([prod(given[0].reshape(-1))], dtype=object)))]
    if node.op_type not in ARITHMETIC:
        raise NotKnown
    function = ARITHMETIC[node.op_type]
    result: Any = given[0] if len(given) > 1 else np.frompyfunc(function, 1, 1)(given[0])
    for other in given[1:]:
        result = np.frompyfunc(function, 2, 1)(_python(result), _python(other))
    return [Known(plain(np.asarray(result, dtype=object)))]


def _python(array: Any) -> Array:
    """The array with Python's own numbers, which `Dim`s compute with."""
    return np.asarray(array).astype(object)


def _moved(node: Any, arrays: list[Array | None], opset: int) -> list[Array]:
    """Sizes through an operator that moves elements: it is run on their places in a list of all of them."""
    chosen = MOVES[node.op_type]
    pool: list[Any] = []
    coded = list(arrays)
    for k, array in enumerate(arrays):
        if array is None or (chosen is not None and k not in chosen):
            continue
        coded[k] = np.arange(len(pool), len(pool) + array.size).reshape(array.shape)
        pool += list(_python(array).reshape(-1))
    if any(array is not None and array.dtype == object for array in coded):
        raise NotKnown
    if node.op_type in ("Cast", "CastLike"):
        found = [np.asarray(coded[0])]
        pool = [_rounded(v) if _whole(node) else v for v in pool]
    else:
        found = list(_evaluate(node, coded, opset))
    values = np.empty(len(pool), dtype=object)
    values[:] = pool
    return [np.asarray(values[array], dtype=object).reshape(np.shape(array)) for array in found]


def _whole(node: Any) -> bool:
    """Whether a cast leads to integers."""
    return any(a.name == "to" and a.i in (6, 7) for a in node.attribute)
