"""Small ONNX graphs, one operator each, with attributes in usual and unusual values; onnxruntime is the oracle."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper


@dataclass(frozen=True)
class Const:
    """An input that the file holds."""

    array: Any


@dataclass(frozen=True)
class Case:
    """One node: what it reads (arrays are inputs of the model, `Const`s are in the file, None is left out)."""

    op: str
    inputs: tuple[Any, ...]
    attributes: dict[str, Any] = field(default_factory=dict)
    opset: int = 21
    outputs: int = 1

    def __str__(self) -> str:
        words = "-".join(f"{k}={v}".replace(" ", "") for k, v in self.attributes.items())
        return f"{self.op}-{self.opset}-{words}"[:90]

    @property
    def fed(self) -> dict[str, np.ndarray]:
        return {f"in{k}": a for k, a in enumerate(self.inputs) if isinstance(a, np.ndarray)}

    def model(self) -> onnx.ModelProto:
        names = ["" if a is None else f"in{k}" for k, a in enumerate(self.inputs)]
        outputs = [f"out{k}" for k in range(self.outputs)]
        node = helper.make_node(self.op, names, outputs, name="", **self.attributes)
        inputs = [value(name, a) for name, a in self.fed.items()]
        held = [
            numpy_helper.from_array(np.asarray(a.array), f"in{k}")
            for k, a in enumerate(self.inputs) if isinstance(a, Const)
        ]  # fmt: skip
        graph = helper.make_graph([node], "case", inputs, [onnx.ValueInfoProto(name=o) for o in outputs], held)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", self.opset)], ir_version=9)
        typed = onnx.shape_inference.infer_shapes(model)  # gives the outputs their types
        for output in typed.graph.output:  # what is not inferred is like the first input
            if not output.type.HasField("tensor_type"):
                output.CopyFrom(value(output.name, self.inputs[0]))
        return typed


def value(name: str, array: np.ndarray) -> onnx.ValueInfoProto:
    """The declaration of an input like this array."""
    return helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(array.dtype), list(array.shape))


def real(*shape: int) -> np.ndarray:
    """Normal numbers, the same for the same shape."""
    return np.random.default_rng(sum(shape) + len(shape)).standard_normal(shape).astype(np.float32)


def above(*shape: int) -> np.ndarray:
    """Numbers from 0.5 to 1.5."""
    return (0.5 + np.random.default_rng(sum(shape)).random(shape)).astype(np.float32)


def whole(high: int, *shape: int, low: int = 0) -> np.ndarray:
    """Integers below `high`."""
    return np.random.default_rng(high).integers(low, high, shape)


def c(*numbers: float, dtype: Any = np.int64) -> Const:
    """A list of numbers that the file holds."""
    return Const(np.array(numbers, dtype=dtype))


def s(number: float, dtype: Any = np.float32) -> Const:
    """One number that the file holds."""
    return Const(np.array(number, dtype=dtype))


X, L, V = real(2, 4, 9, 8), real(2, 4, 11), real(2, 4, 5, 6, 7)
FLAT, YES = real(3, 5), real(3, 5) > 0
SEQUENCE = real(6, 2, 5)


def k(*shape: int) -> Const:
    """Weights."""
    return Const(0.3 * real(*shape))


def cell(op: str, gates: int, ways: int = 1, **attributes: Any) -> Case:
    """A recurrent layer of size 3 over [6, 2, 5]."""
    inputs = (SEQUENCE, k(ways, 3 * gates, 5), k(ways, 3 * gates, 3), k(ways, 6 * gates))
    return Case(op, inputs, {"hidden_size": 3, **attributes}, outputs=3 if op == "LSTM" else 2)


CONVOLUTION = [
    Case("Conv", (X, k(6, 4, 3, 3))),
    Case("Conv", (X, k(6, 4, 3, 3), k(6)), {"pads": [1, 1, 1, 1], "strides": [2, 1]}),
    Case("Conv", (X, k(6, 2, 3, 2), k(6)), {"group": 2, "pads": [0, 1, 2, 0], "dilations": [2, 1]}),
    Case("Conv", (X, k(4, 1, 5, 5)), {"group": 4, "auto_pad": "SAME_UPPER", "strides": [2, 3]}),
    Case("Conv", (X, k(4, 4, 4, 4)), {"auto_pad": "SAME_LOWER"}),
    Case("Conv", (X, k(4, 4, 4, 4)), {"auto_pad": "SAME_LOWER", "strides": [2, 2]}),
    Case("Conv", (X, k(4, 4, 3, 3)), {"auto_pad": "VALID"}),
    Case("Conv", (X, real(6, 4, 3, 3))),
    Case("Conv", (L, k(6, 4, 3)), {"pads": [1, 1]}),
    Case("Conv", (V, k(3, 4, 2, 3, 3), k(3)), {"strides": [1, 2, 2]}),
    Case(
        "ConvTranspose", (X, k(4, 3, 3, 3), k(3)), {"strides": [2, 2], "pads": [1, 1, 1, 1], "output_padding": [1, 1]}
    ),
    Case("ConvTranspose", (X, k(4, 3, 3, 3)), {"strides": [2, 2], "pads": [1, 0, 0, 1]}),
    Case("ConvTranspose", (X, k(4, 2, 2, 2), k(4)), {"strides": [2, 2], "group": 2}),
    Case("ConvTranspose", (X, k(4, 3, 4, 4)), {"strides": [2, 2], "auto_pad": "SAME_UPPER"}),
    Case("ConvTranspose", (X, k(4, 3, 3, 3)), {"strides": [2, 2], "output_shape": [18, 16]}),
    Case("ConvTranspose", (X, k(4, 3, 3, 3)), {"dilations": [2, 1]}),
    Case("ConvTranspose", (L, k(4, 3, 3)), {"strides": [3]}),
    Case("ConvTranspose", (V, k(4, 3, 2, 2, 2)), {"strides": [2, 2, 2]}),
]  # fmt: skip
NORMS = [
    *(Case("BatchNormalization", (x, k(4), k(4), k(4), Const(above(4))), {"epsilon": 1e-3}) for x in (X, L, V)),
    Case("BatchNormalization", (real(3, 4), k(4), k(4), k(4), Const(above(4))), {"momentum": 0.8}),
    *(Case("InstanceNormalization", (x, k(4), k(4)), {"epsilon": 1e-3}) for x in (X, L, V)),
    Case("LayerNormalization", (X, k(8), k(8))),
    Case("LayerNormalization", (X, k(9, 8), k(9, 8)), {"axis": 2, "epsilon": 1e-3}),
    Case("LayerNormalization", (X, k(8)), {"axis": -1}),
    Case("RMSNormalization", (X, k(8)), {"axis": -1}, 23),
    Case("GroupNormalization", (X, k(4), k(4)), {"num_groups": 2, "epsilon": 1e-3}, 21),
    Case("GroupNormalization", (X, k(2), k(2)), {"num_groups": 2}, 18),
    Case("LRN", (X,), {"size": 3, "alpha": 0.02, "beta": 0.6, "bias": 2.0}),
    Case("LpNormalization", (X,), {"axis": 1, "p": 2}),
    Case("LpNormalization", (X,), {"p": 1}),
]
LINEAR = [
    Case("MatMul", (FLAT, k(5, 7))),
    Case("MatMul", (X, k(8, 3))),
    Case("MatMul", (k(3, 5), real(5, 7))),
    Case("MatMul", (real(2, 3, 4, 5), real(3, 5, 6))),
    Case("MatMul", (real(5), real(5, 6))),
    Case("Gemm", (FLAT, k(5, 7), k(7))),
    Case("Gemm", (FLAT, k(7, 5), k(1, 7)), {"transB": 1, "alpha": 0.5, "beta": 2.0}),
    Case("Gemm", (real(5, 3), k(5, 7), k(3, 7)), {"transA": 1, "beta": 0.5}),
    Case("Gemm", (FLAT, real(7, 5), real(3, 7)), {"transB": 1, "alpha": 1.5}),
    Case("Gemm", (FLAT, k(5, 7))),
    Case("Einsum", (real(2, 3, 4), real(2, 4, 5)), {"equation": "bij, bjk -> bik"}),
]
POOLS = [
    Case("MaxPool", (X,), {"kernel_shape": [2, 2], "strides": [2, 2]}),
    Case("MaxPool", (X,), {"kernel_shape": [3, 2], "pads": [1, 1, 1, 0], "strides": [2, 2]}),
    Case("MaxPool", (X,), {"kernel_shape": [3, 3], "ceil_mode": 1, "strides": [2, 2]}),
    Case("MaxPool", (X,), {"kernel_shape": [3, 3], "dilations": [2, 2], "pads": [1, 1, 1, 1]}),
    Case("MaxPool", (X,), {"kernel_shape": [3, 3], "auto_pad": "SAME_UPPER", "strides": [2, 2]}),
    Case("MaxPool", (X,), {"kernel_shape": [2, 2], "auto_pad": "SAME_LOWER"}),
    Case("MaxPool", (L,), {"kernel_shape": [3], "strides": [2]}),
    Case("MaxPool", (V,), {"kernel_shape": [2, 2, 2], "strides": [2, 2, 2]}),
    Case("AveragePool", (X,), {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1], "strides": [2, 2]}),
    Case("AveragePool", (X,), {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1], "count_include_pad": 1}),
    Case("AveragePool", (X,), {"kernel_shape": [3, 3], "pads": [0, 1, 2, 0], "count_include_pad": 1}),
    Case("AveragePool", (X,), {"kernel_shape": [3, 3], "pads": [0, 1, 1, 0], "strides": [2, 1]}),
    Case("AveragePool", (X,), {"kernel_shape": [2, 2], "strides": [2, 2], "ceil_mode": 1}),
    Case("AveragePool", (X,), {"kernel_shape": [3, 3], "auto_pad": "SAME_UPPER", "strides": [2, 2]}),
    Case("AveragePool", (L,), {"kernel_shape": [3], "strides": [2]}),
    Case("AveragePool", (V,), {"kernel_shape": [2, 2, 2], "strides": [2, 2, 2]}),
    Case("LpPool", (X,), {"kernel_shape": [3, 3], "strides": [2, 2]}, 17),
    Case("LpPool", (X,), {"kernel_shape": [3, 3], "p": 3}, 17),
    *(Case(op, (x,)) for op in ("GlobalAveragePool", "GlobalMaxPool", "GlobalLpPool") for x in (X, L, V)),
]
RESIZING = [
    Case("Pad", (X, c(0, 0, 1, 2, 0, 0, 3, 0), s(0.5)), {"mode": "constant"}),
    Case("Pad", (X, c(1, 2, 3, 0), None, c(-1, 2)), {"mode": "reflect"}),
    Case("Pad", (X, c(0, 0, 1, 2, 0, 0, 3, 0)), {"mode": "edge"}),
    Case("Pad", (X, c(0, 0, 1, 2, 0, 0, 3, 0)), {"mode": "wrap"}),
    Case("Pad", (X, c(0, 1, -1, 0, 0, 0, 0, -2))),
    Case("Pad", (X,), {"pads": [0, 0, 1, 2, 0, 0, 3, 0], "value": 1.5}, 10),
    Case("Resize", (X, None, c(1, 1, 2, 2, dtype=np.float32))),
    Case("Resize", (X, None, c(1, 1, 2, 3, dtype=np.float32)),
         {"coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}),
    Case("Resize", (X, None, None, c(2, 4, 13, 5)), {"coordinate_transformation_mode": "asymmetric",
                                                     "nearest_mode": "floor"}),
    Case("Resize", (X, None, None, c(2, 4, 13, 5)), {"mode": "linear"}),
    Case("Resize", (X, None, None, c(2, 4, 13, 5)), {"mode": "linear",
                                                     "coordinate_transformation_mode": "align_corners"}),
    Case("Resize", (X, None, None, c(2, 4, 13, 12)), {"mode": "cubic", "cubic_coeff_a": -0.75}),
    Case("Resize", (X, None, c(1.5, 2.5, dtype=np.float32)), {"mode": "linear", "axes": [2, 3]}),
    Case("Resize", (L, None, c(1, 1, 2, dtype=np.float32)), {"mode": "linear"}),
    Case("Resize", (X, c(1, 1, 2, 2, dtype=np.float32)), {"mode": "nearest"}, 10),
    Case("Upsample", (X, c(1, 1, 2, 3, dtype=np.float32)), {"mode": "nearest"}, 9),
    Case("DepthToSpace", (real(2, 8, 3, 5),), {"blocksize": 2}),
    Case("DepthToSpace", (real(2, 8, 3, 5),), {"blocksize": 2, "mode": "CRD"}),
    Case("SpaceToDepth", (real(2, 3, 6, 4),), {"blocksize": 2}),
]  # fmt: skip
UNARY = (
    "Relu", "Sigmoid", "Tanh", "Softsign", "Softplus", "Mish", "HardSwish", "LeakyRelu", "Elu", "Celu", "Selu",
    "ThresholdedRelu", "HardSigmoid", "Softmax", "LogSoftmax", "Neg", "Abs", "Sign", "Exp", "Sin", "Cos", "Tan",
    "Sinh", "Cosh", "Erf", "Floor", "Ceil", "Round", "Identity", "Gelu", "Shrink", "Dropout",
)  # fmt: skip
ACTIVATIONS = [
    *(Case(op, (2 * X,)) for op in UNARY),
    Case("LeakyRelu", (X,), {"alpha": 0.2}), Case("Elu", (X,), {"alpha": 0.7}), Case("Celu", (X,), {"alpha": 0.7}),
    Case("ThresholdedRelu", (X,), {"alpha": 0.3}), Case("HardSigmoid", (X,), {"alpha": 1 / 6, "beta": 0.5}),
    Case("HardSigmoid", (X,), {"alpha": 0.3, "beta": 0.4}), Case("Gelu", (X,), {"approximate": "tanh"}),
    Case("Shrink", (X,), {"bias": 0.3, "lambd": 0.7}), Case("Softmax", (X,), {"axis": 1}),
    Case("Softmax", (X,), {"axis": 2}, 11), Case("LogSoftmax", (X,), {}, 11), Case("Swish", (X,), {}, 24),
    Case("Dropout", (X, s(0.3))), Case("Dropout", (X,), {"ratio": 0.3}, 11),
    Case("Clip", (X, s(0.0))), Case("Clip", (X, s(0.0), s(6.0))), Case("Clip", (X, s(-0.5), s(0.25))),
    Case("Clip", (X, None, s(0.25))), Case("Clip", (X,), {"min": -0.3, "max": 0.3}, 10),
    Case("Clip", (whole(9, 3, 4), s(2, np.int64), s(5, np.int64))),
    Case("PRelu", (X, k(4, 1, 1))), Case("PRelu", (X, k(1))), Case("PRelu", (X, k(4, 9, 8))),
    *(Case(op, (above(3, 4),)) for op in ("Sqrt", "Log", "Reciprocal")),
]  # fmt: skip
NUMBERS = [
    *(Case(op, pair) for op in ("Add", "Sub", "Mul", "Div") for pair in (
        (FLAT, real(5)), (FLAT, s(2.5)), (s(2.5), FLAT), (FLAT, k(5)), (k(3, 5), FLAT), (FLAT, s(-2.0)))),
    *(Case(op, pair) for op in ("Add", "Sub", "Mul", "Div", "Mod") for pair in (
        (whole(20, 3, 5, low=-20), whole(7, 3, 5, low=1)), (whole(20, 3, 5), s(3, np.int64)))),
    Case("Div", (whole(20, 3, 5, low=-20), s(3, np.int64))),
    Case("Pow", (above(3, 5), real(5))), Case("Pow", (above(3, 5), s(1.7))), Case("Pow", (FLAT, s(2.0))),
    Case("Pow", (above(3, 5), s(0.5))), Case("Pow", (s(2.0), FLAT)), Case("Pow", (FLAT, s(3, np.int64))),
    *(Case(op, xs) for op in ("Max", "Min") for xs in (
        (FLAT, real(5)), (FLAT, s(0.2)), (FLAT, real(5), s(0.1)), (whole(9, 3, 4), s(4, np.int64)))),
    *(Case(op, (FLAT, real(5), real(3, 1))) for op in ("Sum", "Mean")),
    *(Case("Cast", (4 * FLAT,), {"to": to}) for to in (1, 6, 7, 9, 11)), Case("Cast", (YES,), {"to": 1}),
    Case("CastLike", (4 * FLAT, whole(3, 1))),
    *(Case(op, pair) for op in ("Greater", "Less", "Equal", "GreaterOrEqual", "LessOrEqual") for pair in (
        (whole(5, 3, 5), whole(4, 3, 5)), (FLAT, s(0.1)), (s(0.1), FLAT))),
    *(Case(op, (YES, real(3, 5) > 0.5)) for op in ("And", "Or", "Xor")), Case("Not", (YES,)),
    Case("Where", (YES, FLAT, real(5))), Case("Where", (YES, FLAT, s(-1.0))), Case("Where", (YES, s(-1.0), FLAT)),
    Case("Where", (YES, whole(9, 3, 5), s(3, np.int64))), Case("Where", (YES, s(1.0), s(2.0))),
]  # fmt: skip
SHAPES = [
    Case("Reshape", (X, c(2, -1))), Case("Reshape", (X, c(0, 8, 0, -1))), Case("Reshape", (X, c(-1,))),
    *(Case("Flatten", (X,), {"axis": axis}) for axis in (0, 1, 2, 3, -1)), Case("Flatten", (FLAT,)),
    Case("Transpose", (X,), {"perm": [0, 2, 3, 1]}), Case("Transpose", (X,)),
    Case("Squeeze", (real(2, 1, 3, 1), c(1, -1))), Case("Squeeze", (real(2, 1, 3, 1),)),
    Case("Squeeze", (real(2, 1, 3, 1),), {"axes": [1]}, 11),
    Case("Unsqueeze", (FLAT, c(0, -1))), Case("Unsqueeze", (FLAT,), {"axes": [1]}, 11),
    Case("Expand", (real(3, 1), c(2, 1, 4))), Case("Expand", (real(3, 1), c(3, 4))),
    Case("Concat", (FLAT, real(3, 2), k(3, 4)), {"axis": 1}), Case("Concat", (FLAT, real(2, 5)), {"axis": -2}),
    Case("Split", (real(2, 6), c(1, 2, 3)), {"axis": 1}, outputs=3), Case("Split", (real(2, 6),), {"axis": 1}, 13, 3),
    Case("Split", (real(2, 7),), {"axis": 1, "num_outputs": 3}, outputs=3),
    Case("Split", (real(2, 6),), {"axis": 1, "split": [2, 4]}, 11, 2),
    Case("Slice", (X, c(1, 0), c(2**31 - 1, -2), c(2, 3))), Case("Slice", (X, c(0, 1), c(9, 7), c(2, 3), c(2, 3))),
    Case("Slice", (X, c(-1,), c(-(2**31)), c(3,), c(-1,))), Case("Slice", (X, c(6,), c(1,), c(2,), c(-2,))),
    Case("Slice", (X,), {"starts": [1], "ends": [3], "axes": [2]}, 9), Case("Slice", (X, c(1,), c(2,))),
    Case("Gather", (X, s(2, np.int64)), {"axis": 2}), Case("Gather", (X, c(1, 2, 3)), {"axis": 2}),
    Case("Gather", (X, c(3, -1, 0)), {"axis": 1}), Case("Gather", (k(7, 5), whole(7, 2, 3))),
    Case("Gather", (X, whole(8, 2, 3)), {"axis": 3}), Case("Gather", (real(7), whole(7, 2, 3))),
    Case("GatherElements", (FLAT, whole(3, 2, 5))), Case("GatherElements", (FLAT, whole(5, 3, 2)), {"axis": 1}),
    Case("Tile", (FLAT, c(2, 3))), Case("OneHot", (whole(4, 3, 2), s(4, np.int64), c(0, 1, dtype=np.float32))),
    Case("Trilu", (real(4, 5),)), Case("Trilu", (real(2, 4, 5), s(-1, np.int64)), {"upper": 0}),
    Case("Shape", (X,)), Case("Shape", (X,), {"start": 1, "end": -1}), Case("Size", (X,)),
    Case("ConstantOfShape", (c(2, 3),)), Case("Range", (s(1, np.int64), s(9, np.int64), s(3, np.int64))),
]  # fmt: skip
REDUCTIONS = [
    *(Case(f"Reduce{how}", (above(2, 3, 4), c(1)), {"keepdims": keep}, 18) for keep in (0, 1)
      for how in ("Mean", "Sum", "Max", "Min", "Prod", "L1", "L2", "SumSquare", "LogSum", "LogSumExp")),
    Case("ReduceMean", (X,), {"axes": [2, 3]}, 13), Case("ReduceSum", (X, c(-1, -2)), {"keepdims": 0}),
    Case("ReduceMax", (X,), {"keepdims": 0}, 13), Case("ReduceMean", (X,)),
    Case("ArgMax", (X,), {"axis": 1}), Case("ArgMin", (X,), {"axis": -1, "keepdims": 0}),
    Case("TopK", (X, c(3)), {"axis": 2}, outputs=2), Case("TopK", (X, c(2)), {"largest": 0}, outputs=2),
    *(Case("CumSum", (FLAT, s(1, np.int64)), {"exclusive": e, "reverse": r}) for e in (0, 1) for r in (0, 1)),
]  # fmt: skip
SEQUENCES = [
    *(cell("LSTM", 4, ways, direction=d) for d, ways in (("forward", 1), ("reverse", 1), ("bidirectional", 2))),
    *(cell("GRU", 3, ways, direction=d, linear_before_reset=1) for d, ways in (("forward", 1), ("bidirectional", 2))),
    cell("RNN", 1), cell("RNN", 1, 2, direction="bidirectional", activations=["Relu", "Relu"]),
    Case("Attention", (real(2, 3, 4, 5), real(2, 3, 6, 5), real(2, 3, 6, 7)), {}, 23),
    Case("Attention", (real(2, 4, 6), real(2, 5, 6), real(2, 5, 6), real(4, 5)),
         {"q_num_heads": 2, "kv_num_heads": 2, "scale": 0.3}, 23),
    Case("Attention", (real(2, 4, 3, 5), real(2, 2, 3, 5), real(2, 2, 3, 5)), {"is_causal": 1}, 23),
]  # fmt: skip

CASES = [
    *CONVOLUTION, *NORMS, *LINEAR, *POOLS, *RESIZING, *ACTIVATIONS, *NUMBERS, *SHAPES, *REDUCTIONS, *SEQUENCES,
]  # fmt: skip
