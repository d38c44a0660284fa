"""Laws of what rewrites a graph: transforms, analyses, other runtimes."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import fields
from typing import Any

import torch

from graphwright.analyses import ANALYSES
from graphwright.backends import onnxruntime, pt2
from graphwright.compiler.ir.graph import Graph
from graphwright.compiler.ir.text import dump, parse
from graphwright.compiler.ir.types import DTYPES
from graphwright.compiler.ir.verify import verify
from graphwright.compiler.lowering.lower import lower
from graphwright.compiler.places import SpecError
from graphwright.compiler.transforms.drop_noops import DropNoops
from graphwright.compiler.transforms.fix_sizes import FixSizes
from graphwright.compiler.transforms.fold_affine import FoldAffine
from graphwright.compiler.transforms.fold_batch_norm import FoldBatchNorm
from graphwright.compiler.transforms.fold_constants import FoldConstants
from graphwright.compiler.transforms.fuse_branches import FuseBranches
from graphwright.compiler.transforms.fuse_siblings import FuseSiblings
from graphwright.compiler.transforms.merge_equal import MergeEqual
from graphwright.compiler.transforms.optimise import Optimise, carried
from graphwright.compiler.transforms.remove_dead import RemoveDead
from tests.fuzz.batches import batch_is_samples
from tests.fuzz.case import Case, built, close, named, near, ordered, run, same
from tests.fuzz.laws import Law

Rewriting = Callable[[Graph], Graph]

#: Rewritings that keep every bit, and those that compute the same in another order.
EXACT: tuple[Rewriting, ...] = (RemoveDead(), DropNoops(), MergeEqual(), FixSizes())
FOLDING: tuple[Rewriting, ...] = (
    FoldConstants(), FoldBatchNorm(), FoldAffine(), FuseBranches(), FuseSiblings(), Optimise()
)  # fmt: skip
SWITCHES = [f.name for f in fields(Optimise) if isinstance(f.default, bool)]


def exact_transforms(case: Case) -> bool:
    """The same outputs, bit for bit, from the weights saved before."""
    for transform in EXACT:
        made = rewritten(case, transform)
        state = carried(case.deployed, made, dict(case.state))
        unchanged(case, built(made, state), case.inputs, made)
    neutral = Optimise(**dict.fromkeys(SWITCHES, False))  # type: ignore[arg-type]
    assert neutral(case.deployed).nodes == case.deployed.nodes
    return True


def folding(case: Case) -> bool:
    """The same outputs in double precision, or in single precision where the graph has no other."""
    found = False
    for transform in FOLDING:
        made = rewritten(case, transform)
        if made.nodes == case.deployed.nodes:
            continue
        found = True
        state = carried(case.deployed, made, dict(case.state))
        near(case, run(built(made, state), case.inputs, made), 1e-4)
        if case.wide is None:
            continue
        wide_state = carried(case.deployed, made, {k: _wide(v) for k, v in case.state.items()})
        ours = run(_double(made, wide_state), [_wide(x) for x in case.inputs], made)
        # what is stored has the precision that its node says: float32 is rounded once more
        stored = any(rewrite.rule == "evaluate" for rewrite in made.rewrites)
        within = 1e-6 if stored else 1e-8
        for port in sorted(case.sure & case.wide.keys()):
            close(ours[port], case.wide[port], within, case.wide[port], f"{transform}: {port}")
    return found


def _wide(x: torch.Tensor) -> torch.Tensor:
    return x.double() if x.dtype == torch.float32 else x


def _double(graph: Graph, state: dict[str, torch.Tensor]) -> torch.nn.Module:
    module = lower(graph).eval().double()
    module.load_state_dict(state, strict=True)
    return module


def rewritten(case: Case, transform: Rewriting) -> Graph:
    """The graph after a transform, which is a graph, has no more nodes, and does not change again."""
    made = verify(transform(case.deployed))
    assert len(made.nodes) <= len(case.deployed.nodes), transform
    assert parse(dump(made)) == made, transform
    assert transform(made).nodes == made.nodes, transform
    return made


def analyses(case: Case) -> bool:
    """An analysis leaves the model's own outputs as they are, bit for bit."""
    if [e.name for e in case.graph.inputs] != ["image"] or list(case.outputs) != ["logits"]:
        return False
    found = False
    for name, kind in ANALYSES.items():
        if name == "guidance":  # it has a second model, the guide
            continue
        try:
            made: Graph = kind()(case.deployed)
        except SpecError:
            continue  # it says that this model is none for it
        module = lower(made).eval()
        module.load_state_dict(dict(case.state), strict=False)  # a probe has weights of its own
        if "logits" in dict(made.outputs):
            unchanged(case, module, (*case.inputs, *(_extra(e, case) for e in made.inputs[1:])), made)
            found = True
    return found


def unchanged(case: Case, module: torch.nn.Module, inputs: tuple[torch.Tensor, ...], made: Graph) -> None:
    """The case's own outputs, bit for bit, or where views lie in memory in another way, bit for bit where none does."""
    found = run(module, inputs, made)
    try:
        same({port: found[port] for port in case.outputs}, case.outputs)
    except AssertionError:
        found = ordered(module, inputs, made)
        same({port: found[port] for port in case.outputs}, ordered(case.module, case.inputs, case.deployed))


def _extra(entry: Any, case: Case) -> torch.Tensor:
    """What an analysis asks beside the picture: every place seen, the first class, no change."""
    sizes = {**dict.fromkeys(entry.type.symbols, 2), **case.sizes}
    kind = entry.type.at(sizes)
    make = torch.ones if kind.dtype == "bool" else torch.zeros
    return make(tuple(map(int, kind.shape)), dtype=DTYPES[kind.dtype])


def in_onnxruntime(case: Case) -> bool:
    """onnxruntime computes what torch does, of what torch exports and it can run."""
    session = onnxruntime.compile(case.module, case.inputs, case.graph)  # type: ignore[arg-type]
    near(case, named(session(*case.inputs), case.deployed), 1e-4)
    return True


def exported(case: Case) -> bool:
    """An exported program computes what the model does."""
    with pt2.quiet(), torch.no_grad():
        program = pt2.program_at(case.graph, case.module, case.inputs)
        near(case, named(program.module()(*case.inputs), case.deployed), 1e-5)
    return True


def traced(case: Case) -> bool:
    """One full graph for torch's compiler, without code of its own."""
    return _compiled(case, "aot_eager", 1e-5)


def compiled(case: Case) -> bool:
    """Compiled by inductor."""
    return _compiled(case, "inductor", 1e-4)


def _compiled(case: Case, backend: str, within: float) -> bool:
    torch._dynamo.reset()
    with torch.no_grad():
        found = torch.compile(case.module, backend=backend, fullgraph=True, dynamic=False)(*case.inputs)
    near(case, named(found, case.deployed), within)
    return True


#: Laws that take milliseconds too, and those that take a second or more.
REWRITING: dict[str, Law] = {
    "exact transforms change no bit": exact_transforms,
    "folding changes rounding alone": folding,
    "analyses leave the model as it is": analyses,
    "a batch is its samples": batch_is_samples,
}
SLOW: dict[str, Law] = {
    "exported is eager": exported,
    "onnxruntime is eager": in_onnxruntime,
    "traced is eager": traced,
    "inductor is eager": compiled,
}

#: What a tool refuses by its own limits, by its message.
LIMITS = {
    r"a .py file cannot": "a file of Python has no gradient at a part of a node, and no other state than float32",
    r"Expected more than 1 value per channel": "batch_norm does not train on a batch of one",
    r"does not require grad and does not have a grad_fn": "a .py file takes no gradient of what has none",
    r"Failed to (convert|decompose) .* ONNX": "torch's exporter has no ONNX for an op",
    r"does not depend on": "a gradient with respect to what a value was not computed from is a mistake, and said",
    r"None .*for argument #\d+ 'workspace'": "torch differentiates no LSTM through vjp where gradients are off",
}


def limit(error: BaseException) -> str:
    """The reason for which a tool refuses a graph; nothing for a finding."""
    return next((why for pattern, why in LIMITS.items() if re.search(pattern, str(error))), "")
