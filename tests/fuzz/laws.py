"""Laws that hold of every graph. A law raises where it is broken, and says whether it had anything to look at."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from torch import nn

from graphwright.backends.source import imported, source
from graphwright.backends.source.inert import complaint
from graphwright.compiler.ir.graph import Graph, Marks, Node
from graphwright.compiler.ir.hashing import structural_hash
from graphwright.compiler.ir.text import dump, parse
from graphwright.compiler.ir.types import DTYPES
from graphwright.compiler.ir.verify import verify
from graphwright.compiler.language.writing import write
from graphwright.compiler.lowering.cost import count
from graphwright.compiler.lowering.lower import lower
from tests.fuzz.case import Case, built, close, named, near, reloaded, run, same
from tests.random_graphs import differences

Law = Callable[[Case], bool]


def static_shapes(case: Case) -> bool:
    """Every value has the shape and dtype that were inferred: at the sizes of the samples, and at each one more."""
    values = [v for n in case.deployed.nodes for v in n.values]
    whole = case.deployed.with_(outputs=tuple((f"value{k}", v) for k, v in enumerate(values)))
    module = built(whole, case.state)
    larger = {symbol: size + 1 for symbol, size in case.sizes.items()}
    for sizes in (case.sizes, larger):
        try:
            found = run(module, [_stretched(x, e.type.shape, sizes) for e, x in
                                 zip(case.graph.inputs, case.inputs, strict=True)], whole)  # fmt: skip
        except (RuntimeError, IndexError, ValueError):
            if sizes is case.sizes:
                raise
            return True  # another size may not fit: two that happened to be one number
        for value, tensor in zip(values, found.values(), strict=True):
            type_ = case.deployed.types[value].at(sizes)
            assert (tuple(tensor.shape), tensor.dtype) == (type_.shape, DTYPES[type_.dtype]), f"{value} at {sizes}"
    return True


def _stretched(x: torch.Tensor, shape: Any, sizes: Mapping[str, int]) -> torch.Tensor:
    """The tensor with its first rows once more where a size has grown."""
    for axis, size in enumerate(shape):
        if not isinstance(size, int):
            x = x.index_select(axis, torch.arange(sizes[str(size)]) % x.shape[axis])
    return x


def op_by_op(case: Case) -> bool:
    """The lowered graph computes what the ops do one after the other."""
    values: dict[str, Any] = {e.name: x for e, x in zip(case.graph.inputs, case.inputs, strict=True)}
    for node in case.deployed.nodes:
        ports = {p.name for p in node.op.ports}
        if node.op.name == "gradient" or (not node.op.free_ports and any(p not in ports for p, _ in node.inputs)):
            return False  # it is made of other nodes, or has another's parameter
        with torch.no_grad():
            result = _applied(node, node.arrange(values), case)
        values.update(zip(node.values, result if isinstance(result, (tuple, list)) else (result,), strict=True))
    same({port: values[value] for port, value in case.deployed.outputs}, case.outputs)
    return True


def _applied(node: Node, inputs: tuple[Any, ...], case: Case) -> Any:
    if node.op.bare:
        while node.marks.tie:
            node = case.deployed.by_name[node.marks.tie]
        return case.state[node.name] if node.name in case.state else dict(case.module.named_buffers())[node.name]
    modules = dict(case.module.named_modules())
    while node.name not in modules and node.marks.tie:
        node = case.deployed.by_name[node.marks.tie]
    if node.name in modules:
        return modules[node.name](*inputs)
    return node.op.resolved(case.sizes).forward(*inputs)


def text_round_trip(case: Case) -> bool:
    """The text form of a graph is the graph."""
    text = dump(case.graph)
    assert parse(text) == case.graph
    assert dump(parse(text)) == text
    return True


def yaml_round_trip(case: Case) -> bool:
    """The spec that is written for a graph loads as the graph."""
    written = write(case.graph)
    assert differences(case.graph, reloaded(written)) == []
    return True


def generated_python(case: Case) -> bool:
    """The model written as Python has the same weights, outputs and gradients."""
    twin = twin_of(case.graph)
    assert list(twin.state_dict()) == list(case.state)
    twin.load_state_dict(dict(case.state), strict=True)
    found = run(twin.eval(), case.inputs, case.deployed)
    near(case, found, 1e-6) if "gradient" in case.ops() else same(found, case.outputs)
    ours, theirs = gradients(case, case.module), gradients(case, twin)
    assert theirs.keys() == ours.keys()
    exact = wide_gradients(case)
    for name, slope in ours.items():  # sums of several paths may be added in another order
        close(theirs[name], slope, 1e-5, exact.get(name, slope), f"the gradient of {name}")
    return True


def twin_of(graph: Graph) -> nn.Module:
    text = source(graph)
    assert complaint(text) is None
    with TemporaryDirectory(prefix="graphwright-fuzz-") as folder:
        path = Path(folder) / "written.py"
        path.write_text(text, encoding="utf-8")
        return imported(path)


def wide_gradients(case: Case) -> dict[str, torch.Tensor]:
    """The gradients in double precision, where the graph does not mix precisions of its own."""
    try:
        inputs = [x.double() if x.dtype == torch.float32 else x for x in case.inputs]
        return gradients(case, built(case.deployed, case.state).double(), inputs)
    except RuntimeError:
        return {}


def gradients(case: Case, module: nn.Module, given: Sequence[torch.Tensor] = ()) -> dict[str, torch.Tensor]:
    """Of a sum of all outputs' elements, each with a weight of its own (equal ones cancel where an output is centred),
    in the parameters and the inputs."""
    inputs = [x.clone().requires_grad_() if x.is_floating_point() else x for x in given or case.inputs]
    leaves = {name: p for name, p in module.named_parameters() if p.requires_grad}
    leaves |= {f"input {k}": x for k, x in enumerate(inputs) if x.requires_grad}
    outputs = named(module(*inputs), case.deployed)
    total = sum((t.double() * (1 + k / 7 + torch.arange(t.numel()).cos().view(t.shape))).sum()
                for k, t in enumerate(outputs.values()) if t.is_floating_point() and t.requires_grad)  # fmt: skip
    if not isinstance(total, torch.Tensor) or not leaves:
        return {}
    found = torch.autograd.grad(total, list(leaves.values()), allow_unused=True)
    return {name: g for name, g in zip(leaves, found, strict=True) if g is not None}


def deployed_is_trained(case: Case) -> bool:
    """The training graph gives the deployed graph's outputs when it is not training."""
    module = lower(case.graph, cone="train").eval()
    missing = module.load_state_dict(dict(case.state), strict=False)
    assert not missing.unexpected_keys
    with torch.no_grad():
        found = module(*case.inputs, *case.targets)["outputs"]
    same({port: found[port] for port in case.outputs}, case.outputs)
    return True


def marks_change_nothing(case: Case) -> bool:
    """What is computed again in the backward pass has the gradients of what is kept."""
    marked = any(x.marks.checkpoint or x.marks.reversible for x in (*case.graph.nodes, *case.graph.scopes))
    if not marked:
        return False
    plain = case.graph.with_(nodes=tuple(_unmarked(n) for n in case.graph.nodes),
                             scopes=tuple(_unmarked(s) for s in case.graph.scopes))  # fmt: skip
    same(*(_trained(case, graph) for graph in (case.graph, plain)))
    return True


def _unmarked(x: Any) -> Any:
    return replace(x, marks=replace(x.marks, checkpoint=False, reversible=False))


def _trained(case: Case, graph: Graph) -> dict[str, torch.Tensor]:
    """Outputs, gradients and statistics of one step of training."""
    module = lower(graph, cone="train").train()
    module.load_state_dict(dict(case.state), strict=False)
    torch.manual_seed(0)
    found = module(*case.inputs, *case.targets)
    wanted = {**found["outputs"], **found["losses"]}
    floats = [t.double().nan_to_num().sum() for t in wanted.values() if t.requires_grad]
    if floats:
        torch.autograd.backward(sum(floats))  # type: ignore[arg-type]
    slopes = {f"d {n}": p.grad for n, p in module.named_parameters() if p.grad is not None}
    return {n: t.detach() for n, t in (wanted | slopes | dict(module.named_buffers())).items()}


def counted(case: Case) -> bool:
    """The parameters that are counted are those that the module has."""
    assert count(case.deployed).parameters == sum(p.numel() for p in case.module.parameters())
    return True


def hash_of_structure(case: Case) -> bool:
    """Names, the order of independent nodes and comments are not in the hash, and the order changes no value."""
    wanted = structural_hash(case.graph)
    assert structural_hash(verify(renamed(case.graph))) == wanted
    assert structural_hash(parse(dump(case.graph))) == wanted
    commented = "".join(f"{line}  # said: {{x}}\n" for line in case.text.splitlines())
    assert structural_hash(reloaded("# a comment\n" + commented)) == wanted
    shuffled = verify(reordered(case.graph, random.Random(case.seed)))
    assert structural_hash(shuffled) == wanted
    same(run(built(shuffled, case.state), case.inputs, shuffled), case.outputs)
    return True


def renamed(graph: Graph) -> Graph:
    """Every node, scope and input by another name."""

    def dotted(name: str) -> str:
        return ".".join(f"other_{part}" for part in name.split("."))

    def value(text: str) -> str:
        owner = graph.producer(text)
        return dotted(owner) + text[len(owner) :]

    def of(node: Node) -> Node:
        marks: Marks = replace(node.marks, tie=node.marks.tie and dotted(node.marks.tie))
        return replace(node, name=dotted(node.name), inputs=tuple((p, value(v)) for p, v in node.inputs), marks=marks)

    return graph.with_(
        inputs=tuple(replace(e, name=dotted(e.name)) for e in graph.inputs),
        targets=tuple(replace(e, name=dotted(e.name)) for e in graph.targets),
        nodes=tuple(map(of, graph.nodes)),
        outputs=tuple((port, value(v)) for port, v in graph.outputs),
        losses=tuple(replace(t, value=value(t.value)) for t in graph.losses),
        scopes=tuple(replace(s, name=dotted(s.name)) for s in graph.scopes),
    )


def reordered(graph: Graph, rng: random.Random) -> Graph:
    """The nodes in another order in which each comes after what it reads."""
    left, done, found = list(graph.nodes), {e.name for e in (*graph.inputs, *graph.targets)}, list[Node]()
    while left:
        needs = {n.name: {graph.producer(v) for v in n.reads} | ({n.marks.tie} if n.marks.tie else set()) for n in left}
        node = rng.choice([n for n in left if needs[n.name] <= done])
        left.remove(node)
        done.add(node.name)
        found.append(node)
    return graph.with_(nodes=tuple(found))


#: Laws that take milliseconds, by name.
LAWS: dict[str, Law] = {
    "static shapes are run-time shapes": static_shapes,
    "lowered is op by op": op_by_op,
    "the text form is the graph": text_round_trip,
    "the YAML form is the graph": yaml_round_trip,
    "generated Python is the model": generated_python,
    "deployed is the training graph in inference": deployed_is_trained,
    "marks change no value and no gradient": marks_change_nothing,
    "parameters are counted": counted,
    "names, order and comments are not in the hash": hash_of_structure,
}
