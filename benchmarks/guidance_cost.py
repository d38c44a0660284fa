"""What a guided step costs, in time and memory, beside its parts and beside hooks: writes results/guidance-cost.json.

    python benchmarks/guidance_cost.py [--guide resnet18] [--size 112] [--batch 64] [--depth 48] [--rounds 5]

Time is the processor's own, of one thread, the parts taken in turns: a guided step against a plain step and a forward
pass of the guide. Memory is counted tensor by tensor: the most bytes alive in a step, and up to its loss, against the
usual way, where hooks keep all features until both models are done.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import time
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from graphwright.analyses.guidance import Guidance
from graphwright.compiler.language.load import load
from graphwright.compiler.lowering.lower import lower
from graphwright.training.guidance import Guiding, guided
from graphwright.training.recipe import Recipe
from graphwright.training.tasks import task_of

RESULTS = Path(__file__).parent / "results" / "guidance-cost.json"


class Alive(TorchDispatchMode):
    """The bytes of all tensors that are alive, and the most there were."""

    def __init__(self) -> None:
        super().__init__()
        self.now, self.most = 0, 0
        self.known: set[int] = set()

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        found = function(*args, **(kwargs or {}))
        for tensor in found if isinstance(found, (tuple, list)) else (found,):
            if isinstance(tensor, torch.Tensor):
                self._count(tensor.untyped_storage())
        return found

    def _count(self, storage: torch.UntypedStorage) -> None:
        key, size = storage._cdata, storage.nbytes()
        if key not in self.known:
            self.known.add(key)
            weakref.finalize(storage, self._gone, key, size)
            self.now += size
            self.most = max(self.most, self.now)

    def _gone(self, key: int, size: int) -> None:
        self.known.discard(key)
        self.now -= size


def hook_and_hold(
    target: nn.Module, guide: nn.Module, pairs: tuple[tuple[str, str], ...], x: torch.Tensor, y: torch.Tensor
) -> torch.Tensor:
    """The objective as it is usually computed: features of both models are kept, then compared pair by pair."""
    kept: dict[tuple[int, str], torch.Tensor] = {}
    hooks = []
    for k, module in enumerate((guide, target)):
        for name in dict.fromkeys(pair[k] for pair in pairs):

            def keep(module: nn.Module, given: Any, output: torch.Tensor, at: tuple[int, str] = (k, name)) -> None:
                kept[at] = output.flatten(1).float()

            hooks.append(module.get_submodule(name).register_forward_hook(keep))  # fmt: skip
    with torch.no_grad():
        guide(x)
    loss = sum(target(x, y)["losses"].values(), torch.zeros(()))
    for hook in hooks:
        hook.remove()
    for g, t in pairs:
        a, b = kept[0, g], kept[1, t]
        a, b = a - a.mean(0), b - b.mean(0)
        k, other = a @ a.T, b @ b.T
        loss = loss + 1 - (k * other).sum() / (k.norm() * other.norm())
    return loss


def cpu_seconds(call: Callable[[], Any]) -> float:
    begin = time.process_time()
    call()
    return time.process_time() - begin


def most_alive(call: Callable[[], Any]) -> int:
    """The most bytes of tensors made by a call that are alive at one time."""
    with Alive() as counted:
        call()
    return counted.most


def measured(options: argparse.Namespace) -> dict[str, Any]:
    torch.manual_seed(0)
    params = {"size": options.size, "depth": options.depth, "first": 2048, "width": 1024, "classes": 1000}
    graph = load("deep_fcn", params)
    trained = task_of(graph).with_losses(graph, Recipe())
    guiding = Guiding(Guidance(options.guide))
    made = guided(trained, guiding, guiding.align.opened)
    target = lower(trained, cone="train")
    both = made.beside(target, torch.device("cpu"))
    guide = lower(guiding.align.opened.graph).eval()
    guide.load_state_dict(guiding.align.opened.weights)
    target.train()
    pairs = guiding.align.paired(guiding.align.opened.graph, graph)
    x, y = torch.randn(options.batch, 3, options.size, options.size), torch.arange(options.batch)

    def step(loss: Callable[[], torch.Tensor]) -> Callable[[], None]:
        def run() -> None:
            loss().backward()
            target.zero_grad(set_to_none=True)

        return run  # fmt: skip

    def forward() -> None:
        with torch.no_grad():
            guide(x)

    def joint() -> torch.Tensor:
        return sum(both(x, y)["losses"].values(), torch.zeros(()))

    losses: dict[str, Callable[[], torch.Tensor]] = {
        "target": lambda: target(x, y)["losses"]["main"], "guided": joint,
        "hook_and_hold": lambda: hook_and_hold(target, guide, pairs, x, y),
    }  # fmt: skip
    ways = {"guide_forward": forward, **{f"{name}_step": step(loss) for name, loss in losses.items()}}
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for turn in range(options.rounds + 1):
        for name, call in ways.items():
            spent = cpu_seconds(call)
            if turn:
                seconds[name].append(round(spent, 4))
    turns = zip(seconds["guided_step"], seconds["target_step"], seconds["guide_forward"], strict=True)
    ratios = [whole / (plain + forwarded) for whole, plain, forwarded in turns]
    memory = {name: most_alive(call) for name, call in {**ways, **{f"{n}_loss": c for n, c in losses.items()}}.items()}
    return {
        "guide": options.guide, "target": {"spec": "deep_fcn", **params}, "batch": options.batch, "pairs": len(pairs),
        "cpu_seconds": seconds, "guided_over_parts": round(statistics.median(ratios), 4),
        "hooks_over_parts": round(statistics.median(seconds["hook_and_hold_step"]) / (
            statistics.median(seconds["target_step"]) + statistics.median(seconds["guide_forward"])), 4),
        "peak_bytes": memory, "device": "cpu", "machine": platform.machine(), "threads": torch.get_num_threads(),
        "torch": torch.__version__, "seed": 0,
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--guide", default="resnet18")
    for name, value in (("size", 112), ("batch", 64), ("depth", 48), ("rounds", 5)):
        parser.add_argument(f"--{name}", type=int, default=value)
    options = parser.parse_args()
    torch.set_num_threads(1)
    held = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    found = measured(options)
    held[f"{options.guide} at {options.size}, batch {options.batch}, depth {options.depth}"] = found
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(held, indent=1) + "\n")
    print(json.dumps({k: v for k, v in found.items() if k != "cpu_seconds"}))


if __name__ == "__main__":
    main()
