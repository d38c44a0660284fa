"""`graphwright doctor --determinism MODEL`: what on this machine, and in this model, would make two equal runs differ.

One training step is computed several times from the same seed: twice as the machine is, once with one thread, and on
CUDA once more while torch is asked to warn of every kernel that adds up in no fixed order.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from graphwright.backends.compare import tensors
from graphwright.backends.examples import example_inputs
from graphwright.commands.doctoring import Finding
from graphwright.compiler.ir.graph import Graph
from graphwright.compiler.lowering.lower import lower

Step = dict[str, torch.Tensor]


def findings(graph: Graph) -> list[Finding]:
    """The report; `ok` is false where a run of this model here would not repeat itself."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    first, second = step(graph, device), step(graph, device)
    differing = [name for name in first if not _equal(first[name], second[name])]
    said = f"{len(differing)} differ" if differing else "the same, bit for bit"
    cost = f"another run of it ends elsewhere: {', '.join(differing[:3])}" if differing else ""
    twice = f"a step of {graph.name} on {device}, {len(first)} tensors: {said}"
    found = [Finding("twice", twice, not differing, cost)]
    found.append(_threads(graph, first) if device == "cpu" else _workspace())
    return found if device == "cpu" else [*found, _kernels(graph)]


def step(graph: Graph, device: str) -> Step:
    """Outputs, statistics and gradients of one step in training mode, from one seed."""
    torch.manual_seed(0)
    module = lower(graph.deployed(), device=device).train()
    result = tensors(module(*example_inputs(graph, device=device)))
    floating = [value.float().square().mean() for value in result.values() if value.requires_grad]
    if floating:
        torch.autograd.backward(torch.stack(floating).sum())
    gradients = {f"{name}.grad": p.grad for name, p in module.named_parameters() if p.grad is not None}
    return {name: value.detach() for name, value in {**result, **dict(module.named_buffers()), **gradients}.items()}


def _equal(a: torch.Tensor, b: torch.Tensor) -> bool:
    return torch.equal(a.nan_to_num(), b.nan_to_num()) if a.is_floating_point() else torch.equal(a, b)


def _threads(graph: Graph, wide: Step) -> Finding:
    """Whether the number of threads is part of the result."""
    count = torch.get_num_threads()
    with _one_thread():
        narrow = step(graph, "cpu")
    differing = sum(not _equal(wide[name], narrow[name]) for name in wide)
    said = f"{count} threads" + (", set by OMP_NUM_THREADS" if "OMP_NUM_THREADS" in os.environ else ", one a core")
    if not differing:
        return Finding("threads", f"{said}; the same with one")
    return Finding("threads", f"{said}; with one, {differing} of {len(wide)} tensors differ in rounding", True,
                   "a run is repeated with as many threads as run.json names: OMP_NUM_THREADS")  # fmt: skip


def _workspace() -> Finding:
    value = os.environ.get("CUBLAS_WORKSPACE_CONFIG", "")
    ok = value in (":4096:8", ":16:8")
    return Finding("cublas", value or "CUBLAS_WORKSPACE_CONFIG is not set", ok,
                   "" if ok else "matrix products may differ from run to run; set it to :4096:8")  # fmt: skip


def _kernels(graph: Graph) -> Finding:
    """The kernels of a step that torch warns of."""
    before = torch.are_deterministic_algorithms_enabled()
    torch.use_deterministic_algorithms(True, warn_only=True)
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            step(graph, "cuda")
    finally:
        torch.use_deterministic_algorithms(before)
    names = sorted({str(w.message).split(" does not")[0] for w in caught if "deterministic" in str(w.message)})
    return Finding("kernels", ", ".join(names) or "all add up in a fixed order", not names,
                   "they add up in any order" if names else "")  # fmt: skip


@contextmanager
def _one_thread() -> Iterator[None]:
    count = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(count)
