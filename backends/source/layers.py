"""The layer of a node as Python: `nn.Conv2d(64, 128, 3, stride=2, bias=False)`.

Torch's own modules are printed from their class and fields; `LAYERS` holds the modules of ours, by what stands for them
in an exported file.
"""

from __future__ import annotations

import ast
import inspect
from collections.abc import Callable
from typing import Any

from torch import nn

from graphwright.backends.source import parts
from graphwright.backends.source.calls import plain
from graphwright.backends.source.syntax import call
from graphwright.compiler.ir.graph import Node
from graphwright.compiler.ops import attention, convolution, linear, norm, random, recurrent, schedule
from graphwright.compiler.places import fail


def _part(cls: Any, *arguments: Any, **options: tuple[Any, Any]) -> tuple[ast.expr, tuple[Any, ...]]:
    """The construction of a part of ours; `options` are pairs of value and default."""
    labels = list(inspect.signature(cls).parameters)
    return constructed(cls.__name__, dict(zip(labels, arguments, strict=False)), options), (cls,)


def constructed(function: str, required: dict[str, Any], options: dict[str, tuple[Any, Any]]) -> ast.Call:
    """A call that knows the names of its positional arguments, and the defaults of the others."""
    tree = call(function, *required.values(), **{k: value for k, (value, _) in options.items()})
    tree.names = tuple(required)  # type: ignore[attr-defined]
    for word in tree.keywords:
        word.default = options[word.arg or ""][1]  # type: ignore[attr-defined]
    return tree


def _torch_layer(module: nn.Module, cls: type | None = None) -> ast.Call:
    """`nn.Conv2d(64, 128, 3, stride=2, bias=False)`, from the class and the fields of a module."""
    cls = cls or type(module)
    required: dict[str, Any] = {}
    options: dict[str, tuple[Any, Any]] = {}
    for parameter in inspect.signature(cls).parameters.values():
        label = parameter.name
        if label not in _SILENT:
            value = plain(label, _field(module, label))
            if parameter.default is parameter.empty:
                required[label] = value
            else:
                options[label] = (value, parameter.default)
    prefix = "nn." if cls.__module__.startswith("torch.nn") else ""
    return constructed(f"{prefix}{cls.__name__}", required, options)


#: Parameters of constructors that no op sets.
_SILENT = frozenset((
    "device", "dtype", "inplace", "_freeze", "_weight", "args", "kwargs", "norm_type", "max_norm", "scale_grad_by_freq",
    "sparse", "padding_idx",
))  # fmt: skip


def _field(module: nn.Module, label: str) -> Any:
    if label == "bias" and not isinstance(getattr(module, "bias", None), bool):
        held = module.in_proj_bias if isinstance(module, nn.MultiheadAttention) else getattr(module, "bias", None)
        return held is not None
    if label in ("affine", "elementwise_affine") and not hasattr(module, label):
        return getattr(module, "weight", None) is not None
    return getattr(module, label)


def _same_conv(module: Any) -> tuple[ast.expr, tuple[Any, ...]]:
    cls = {1: parts.Conv1dSame, 2: parts.Conv2dSame, 3: parts.Conv3dSame}[len(module.kernel_size)]
    tree = _torch_layer(module, cls)
    return tree, (cls,)


def _layer_norm_at(module: Any) -> tuple[ast.expr, tuple[Any, ...]]:
    affine = module.elementwise_affine
    biased = not affine or module.bias is not None
    return _part(
        parts.LayerNormAt, module.normalized_shape[0], module.dim,
        eps=(module.eps, 1e-5), affine=(affine, True), bias=(biased, True),
    )  # fmt: skip


def _attention(module: Any) -> tuple[ast.expr, tuple[Any, ...]]:
    return _part(parts.Attention, module.p, scale=(module.scale, None), causal=(module.causal, False))


def _joint_attention(module: Any) -> tuple[ast.expr, tuple[Any, ...]]:
    width = module.embed_dim
    tree = constructed(
        "MultiheadAttention", {"embed_dim": width, "num_heads": module.num_heads},
        {
            "dropout": (module.dropout, 0.0), "bias": (module.in_proj_bias is not None, True),
            "kdim": (None if module.kdim == width else module.kdim, None),
            "vdim": (None if module.vdim == width else module.vdim, None),
        },
    )  # fmt: skip
    return tree, (parts.MultiheadAttention,)


def _recurrent(module: Any) -> tuple[ast.expr, tuple[Any, ...]]:
    label = {"lstm": "LSTM", "gru": "GRU"}.get(module.cell, "RNN")
    options: dict[str, tuple[Any, Any]] = {
        "num_layers": (module.layers, 1), "bias": (module.bias, True), "batch_first": (True, False),
        "dropout": (module.dropout, 0.0), "bidirectional": (module.both, False),
    }  # fmt: skip
    if module.cell == "relu":
        options["nonlinearity"] = ("relu", "tanh")
    width = next(iter(module.parameters())).shape[1]
    return constructed(f"nn.{label}", {"input_size": width, "hidden_size": module.hidden}, options), ()


#: Modules of ours: what constructs their twin, and the parts that it needs.
LAYERS: dict[type[nn.Module], Callable[[Any], tuple[ast.expr, tuple[Any, ...]]]] = {
    convolution._SameConv1d: _same_conv,
    convolution._SameConv2d: _same_conv,
    convolution._SameConv3d: _same_conv,
    norm._LayerNormAt: _layer_norm_at,
    norm.RunningVariance: lambda m: _part(parts.RunningVariance, momentum=(m.momentum, 0.1)),
    attention.DroppedAttention: _attention,
    attention.JointAttention: _joint_attention,
    random.StochasticDepth: lambda m: _part(parts.DropPath, m.rate),
    schedule.StepCount: lambda m: _part(parts.StepCount, m.steps),
    linear.Rows: lambda m: (_torch_layer(m, nn.Embedding), ()),
    recurrent.Recurrent: _recurrent,
}
#: How the results of modules with several are unpacked.
UNPACK: dict[str, Any] = {"lstm": ("0", ("1", "2")), "gru": ("0", "1"), "rnn": ("0", "1")}


def layer(node: Node, module: nn.Module) -> tuple[ast.expr, tuple[Any, ...]]:
    """What constructs a twin of the module, and the parts of ours that it needs."""
    if type(module) in LAYERS:
        return LAYERS[type(module)](module)
    if type(module).__module__.startswith("torch.nn.modules"):
        return _torch_layer(module), ()
    hint = f"add a row for {type(module).__name__} to LAYERS in graphwright/backends/source/layers.py"
    raise fail(node.place, f"the op '{node.op.name}' of '{node.name}' has no form in a .py file", hint)
