"""One node of a graph as Python: the layer to construct, if it has one, and the expression that computes its value.

Torch's own modules are printed from their class and fields. An op without a module is traced through its own `forward`,
the same that lowering traces, so the printed calls are the calls that the compiled model makes. `LAYERS` and `CALLS`
hold the rest: modules and functions of ours, by what stands for them in an exported file.
"""

from __future__ import annotations

import ast
import dataclasses
import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import fx, nn
from torch.fx.proxy import GraphAppendingTracer

from graphwright.backends.source import parts
from graphwright.backends.source.calls import called, method, plain
from graphwright.backends.source.syntax import call, data, item, name
from graphwright.compiler.ir.dims import Dim
from graphwright.compiler.ir.graph import Graph, Node
from graphwright.compiler.ops import (
    attention,
    convolution,
    linear,
    norm,
    pooling,
    random,
    recurrent,
    schedule,
    similarity,
)
from graphwright.compiler.ops.formula import Formula
from graphwright.compiler.ops.gradient import Gradient
from graphwright.compiler.ops.loop import Loop
from graphwright.compiler.ops.op import Op, spread
from graphwright.compiler.ops.rearrange import Rearrange, Repeat
from graphwright.compiler.places import fail


@dataclass(frozen=True)
class Rendered:
    """A node: `layer` constructs its module; `value` computes it; `temporaries` are computed before.

    `unpack` says how several outputs are named at once: `(out, (hidden, cell))` for `("0", ("1", "2"))`.
    `needs` are functions and classes that the file must hold.
    """

    value: ast.expr
    layer: ast.expr | None = None
    temporaries: tuple[tuple[str, ast.expr], ...] = ()
    unpack: Any = None
    needs: tuple[Any, ...] = ()


# -- layers -----------------------------------------------------------------------------------------
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
    if label == "eps" and isinstance(module, nn.RMSNorm):
        return module.eps
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
    hint = f"add a row for {type(module).__name__} to LAYERS in graphwright/backends/source/ops.py"
    raise fail(node.place, f"the op '{node.op.name}' of '{node.name}' has no form in a .py file", hint)


# -- calls ------------------------------------------------------------------------------------------
def _max_pool_same(op: Any, x: ast.expr) -> tuple[ast.expr, tuple[Any, ...]] | None:
    dilation = spread(op.dilation, op.rank)
    if op.padding != "same" or (op.even() is not None and all(d == 1 for d in dilation)):
        return None
    padded = call("pad_same", x, op.window, op.step, dilation, float("-inf"))
    options = {"stride": op.step, "dilation": dilation if any(d != 1 for d in dilation) else 1, "ceil_mode": op.ceil}
    changed = {k: plain(k, v) for k, v in options.items() if v not in (1, False)}
    return call(f"F.max_pool{op.rank}d", padded, plain("kernel", op.window), **changed), (parts.pad_same,)


def _average_pool_same(op: Any, x: ast.expr) -> tuple[ast.expr, tuple[Any, ...]] | None:
    if op.even() is not None:
        return None
    ones = (1,) * op.rank
    pool = f"F.avg_pool{op.rank}d"

    if not op.count_include_pad:
        return call("avg_pool_same", x, op.window, op.step), (parts.avg_pool_same,)
    padded = call("pad_same", x, op.window, op.step, ones)
    return call(pool, padded, plain("kernel", op.window), stride=plain("stride", op.step)), (parts.pad_same,)


#: What letters of patterns stand for, by custom.
AXES = {"h": "heads", "d": "head_dim", "c": "channels", "g": "groups"}


def _gradient(op: Any, of: ast.expr, at: ast.expr) -> tuple[ast.expr, tuple[Any, ...]]:
    """By autograd's tape, which `forward` keeps on; gradients of gradients need theirs kept too."""
    return item(call("torch.autograd.grad", call(ast.Attribute(of, "sum")), at, create_graph=True), 0), ()


def _gram(op: Any, x: ast.expr) -> tuple[ast.expr, tuple[Any, ...]]:
    """Of the process's own samples: a written model knows no others."""
    return call("gram", x, op.centred), (inspect.unwrap(similarity.gram),)


#: Ops whose trace would spell out what a function says better; `None` is "trace it".
CALLS: dict[type[Op], Callable[..., tuple[ast.expr, tuple[Any, ...]] | None]] = {
    pooling._MaxPool: _max_pool_same,
    pooling._AveragePool: _average_pool_same,
    Gradient: _gradient,
    similarity.Gram: _gram,
}


def render(
    graph: Graph, node: Node, inputs: Sequence[Any], size: Callable[[Dim], ast.expr], device: ast.expr | None
) -> Rendered:
    """A node as Python. `inputs` are expressions in the order of the op's ports; `size` reads a free size."""
    op = node.op
    if isinstance(op, Loop):
        raise AssertionError("loops are rendered as classes")
    types = graph.input_types(node)
    module = None if op.bare else op.module(*types)
    if module is not None:
        made, needs = layer(node, module)
        while inputs and inputs[-1] is None:
            inputs = inputs[:-1]
        return Rendered(call("< layer>", *inputs), made, (), UNPACK.get(op.name), needs)
    for cls, row in CALLS.items():
        if isinstance(op, cls) and (found := row(op, *inputs)) is not None:
            return Rendered(found[0], needs=found[1])
    return _Trace(node, size, device).run(inputs)


@dataclass
class _Trace:
    """Records an op's own `forward` and writes the record down."""

    node: Node
    size: Callable[[Dim], ast.expr]
    device: ast.expr | None
    known: dict[fx.Node, ast.expr] = field(default_factory=dict)
    needs: list[Any] = field(default_factory=list)
    temporaries: list[tuple[str, ast.expr]] = field(default_factory=list)

    def run(self, inputs: Sequence[Any]) -> Rendered:
        self.graph = fx.Graph()
        self.tracer = GraphAppendingTracer(self.graph)
        arguments = fx.node.map_aggregate(tuple(inputs), self._entered)
        op, context = self._resolved(self.node.op), {}
        if isinstance(op, Formula) and not op.names:
            context = {"device": self._proxy(self.device or name("< device>"))}
        result = op.forward(*arguments, **context)
        single = not isinstance(result, tuple)
        outputs = self.graph.output(result.node if single else tuple(r.node for r in result))
        self.graph.eliminate_dead_code()
        for record in self.graph.nodes:
            if record.op in ("call_function", "call_method"):
                self._record(record, outputs)
        value = data(fx.node.map_aggregate(outputs.args[0], self._read))
        base = self._unpacked(outputs.args[0])
        several = len(self.node.outputs) > 1 or base is not None or op.listed
        unpack = tuple(map(str, range(len(self.node.outputs)))) if several else None
        if base is not None:
            value = self.known[base]
        self._name_numbers(value, *(t for _, t in self.temporaries))
        return Rendered(value, None, tuple(self.temporaries), unpack, tuple(self.needs))

    def _name_numbers(self, *trees: ast.expr) -> None:
        """Marks literals with the spec's name for them, where one name alone has that value."""
        op = self.node.op
        named = [
            *getattr(op, "constants", ()),
            *(getattr(op, "sizes", ()) if isinstance(op, Rearrange | Repeat) else ()),
        ]
        terms: dict[Any, set[str]] = {}
        for label, value in named:
            terms.setdefault(value, set()).add(AXES.get(label, label))
        for leaf in (n for tree in trees for n in ast.walk(tree) if isinstance(n, ast.Constant)):
            labels = terms.get(leaf.value, set()) if type(leaf.value) is int else set()
            if len(labels) == 1 and len(label := next(iter(labels))) > 1:
                leaf.term = label  # type: ignore[attr-defined]

    def _unpacked(self, results: Any) -> fx.Node | None:
        """The call whose items, all of them and in order, are the results."""
        if not isinstance(results, tuple) or not results or any(len(r.args) != 2 for r in results):
            return None
        bases = {r.args[0] for r in results}
        whole = [r.args[1] for r in results] == list(range(len(results))) == list(range(len(self.node.outputs)))
        return bases.pop() if whole and len(bases) == 1 and all("getitem" in str(r.target) for r in results) else None

    def _entered(self, tree: Any) -> Any:
        return None if tree is None else self._proxy(tree)

    def _read(self, record: Any) -> Any:
        return self.known[record]

    def _proxy(self, tree: ast.expr) -> fx.Proxy:
        made = self.graph.placeholder(f"value{len(self.known)}")
        self.known[made] = tree
        return fx.Proxy(made, self.tracer)

    def _resolved(self, op: Op) -> Op:
        """The op with proxies for its free sizes."""
        changed = {}
        for f in op.fields():
            value = getattr(op, f.name)
            if f.symbolic and (new := self._sized(value)) is not value:
                changed[f.name] = new
        return dataclasses.replace(op, **changed) if changed else op

    def _sized(self, value: Any) -> Any:
        if isinstance(value, Dim):
            return self._proxy(self.size(value))
        if isinstance(value, tuple):
            new = tuple(map(self._sized, value))
            return value if all(a is b for a, b in zip(new, value, strict=True)) else new
        return value

    def _record(self, record: fx.Node, outputs: fx.Node) -> None:
        args = fx.node.map_arg(record.args, self._read)
        kwargs = fx.node.map_arg(record.kwargs, self._read)
        args, kwargs = _spelt(args), {k: _spelt(v) for k, v in kwargs.items() if not _is_device(v)}
        if record.target == "new_tensor" and self.node.op.is_constant:
            self.known[record] = call("torch.tensor", *args[1:], **kwargs)
            return
        if record.op == "call_method":
            tree = method(str(record.target), args, kwargs)
        else:
            tree = called(record.target, args, kwargs, self._own)
        users = [u for u in record.users if u is not outputs]
        if (
            len(users) > 1
            and not isinstance(tree, (ast.Attribute, ast.Name, ast.Subscript))
            and not self._only_items(users)
        ):
            label = f"< temporary {len(self.temporaries)}>"
            self.temporaries.append((label, tree))
            tree = name(label)
        self.known[record] = tree

    def _only_items(self, users: list[fx.Node]) -> bool:
        return all("getitem" in str(u.target) for u in users) and len(self.node.outputs) == len(users)

    def _own(self, function: Any) -> str:
        """The name of a function of ours, which is copied into the file."""
        if not (inspect.isfunction(function) and function.__module__.startswith("graphwright.")):
            hint = "add a row for it to CALLS in graphwright/backends/source/ops.py"
            raise fail(self.node.place, f"the op '{self.node.op.name}' calls {function}, which has no name", hint)
        self.needs.append(inspect.unwrap(function))
        return function.__name__


def _is_device(value: Any) -> bool:
    return isinstance(value, ast.Name) and value.id == "< device>"


def _spelt(value: Any) -> Any:
    """Dtypes as `torch.int64`, in nested arguments."""
    if isinstance(value, torch.dtype):
        return ast.Attribute(name("torch"), str(value).rpartition(".")[2])
    if isinstance(value, slice):
        return slice(_spelt(value.start), _spelt(value.stop), _spelt(value.step))
    if isinstance(value, (tuple, list)):
        return type(value)(map(_spelt, value))
    return value
