"""Step time of lowered specs against the library's own module, with the same weights and the same compiler.

    python -m benchmarks.step_time MODEL [--backend inductor] [--device cpu] [--precision fp32] [--rounds 30]
    python -m benchmarks.step_time resnet50 --device cuda --backend cudagraphs --precision bf16 --batch 64

One model a call; what is measured is added to `results/step_ratios_DEVICE.json`, and a figure that is there already is
not measured again without `--again`. The peers are timm's modules, for `neck` a rewrite in plain torch (`neck.py`).
`efficientnet_b0` is no shipped spec: timm's module comes through our importer. Three figures, each ours ÷ theirs:
forward, forward and backward (train mode), and `deploy`, forward of the spec as `--optimise` deploys it. The two take
turns, so that whatever else the machine does meets both; what is reported is the median of the ratios of neighbouring
steps, and their quartiles. Run it from the repository's root on a quiet machine, with timm
installed.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from benchmarks.neck import Neck
from graphwright.backends import backend as named
from graphwright.backends.compare import tensors
from graphwright.backends.options import Options
from graphwright.commands.optimising import optimised
from graphwright.compiler.importing.torch.module import from_torch
from graphwright.compiler.ir.graph import Graph
from graphwright.compiler.language.load import load
from graphwright.compiler.lowering.lower import lower
from tests.oracles import randomise, reference_model

RESULTS = Path(__file__).parent / "results"
#: Those that claims are made of; any other name of both libraries works too.
MODELS = (
    "resnet50",
    "convnext_tiny",
    "vit_base_patch16_224",
    "swin_tiny_patch4_window7_224",
    "efficientnet_b0",
    "neck",
)
FIGURES = ("forward", "forward_backward", "deploy")
IMPORTED = ("efficientnet_b0",)
WARM_UP = 5


def pair(name: str, size: int) -> tuple[Graph, nn.Module, nn.Module, tuple[tuple[int, ...], ...]]:
    """Our graph, our module and theirs with the same weights, and the shapes of a sample."""
    if name == "neck":
        graph, theirs = load(Path(__file__).parent / "neck.yaml"), Neck()
        shapes: tuple[tuple[int, ...], ...] = ((64, 80, 80), (96, 40, 40), (128, 20, 20))
    else:
        theirs, shapes = reference_model("timm", name), ((3, size, size),)
        graph = from_torch(theirs, torch.randn(2, *shapes[0]), name=name)[0] if name in IMPORTED else load(name)
    randomise(theirs)
    ours = lower(graph)
    ours.load_state_dict(theirs.state_dict(), strict=True)
    return graph, ours, theirs, shapes


def compiled(module: nn.Module, graph: Graph, backend: str, inputs: Sequence[Tensor], ours: bool) -> Callable[..., Any]:
    """Ours by our backend, theirs by the compiler that it uses."""
    if ours:
        return named(backend)(module, inputs, graph)  # type: ignore[arg-type]
    if backend == "eager":
        return module
    mode = {"mode": "reduce-overhead"} if backend == "cudagraphs" else {"backend": backend}
    return torch.compile(module, fullgraph=True, **mode)  # type: ignore[call-overload, no-any-return]


class Timed:
    """A step of a model, forward or forward and backward."""

    def __init__(self, module: nn.Module, call: Callable[..., Any], inputs: Sequence[Tensor], train: bool,
                 options: Options, graphs: bool) -> None:  # fmt: skip
        self.module, self.call, self.inputs, self.train = module, call, inputs, train
        self.options, self.device, self.graphs = options, inputs[0].device, graphs

    def __call__(self) -> Any:
        if self.graphs:
            torch.compiler.cudagraph_mark_step_begin()
        if self.train:
            self.module.zero_grad(set_to_none=True)
        with self.options.running(self.device), torch.set_grad_enabled(self.train):
            result = self.call(*self.inputs)
        if self.train:
            torch.stack([value.float().sum() for value in tensors(result).values()]).sum().backward()
        return result

    def seconds(self) -> float:
        """The time of one step."""
        self._wait()
        start = time.perf_counter()
        self()
        self._wait()
        return time.perf_counter() - start

    def _wait(self) -> None:
        if self.device.type == "cuda":
            torch.cuda.synchronize()


def compare(ours: Timed, theirs: Timed, rounds: int) -> dict[str, float]:
    """Medians over interleaved steps; who comes first alternates. The two must agree before they are timed."""
    difference = agree(ours, theirs)
    for _ in range(WARM_UP):
        ours(), theirs()
    times: tuple[list[float], list[float]] = ([], [])
    for k in range(rounds):
        for which in (0, 1) if k % 2 else (1, 0):
            times[which].append((ours, theirs)[which].seconds())
    ratios = sorted(a / b for a, b in zip(*times, strict=True))
    low, _, high = statistics.quantiles(ratios, n=4)
    return {
        "ours_ms": 1e3 * statistics.median(times[0]), "theirs_ms": 1e3 * statistics.median(times[1]),
        "ratio": statistics.median(ratios), "ratio_low": low, "ratio_high": high, "difference": difference,
        "rounds": rounds,
    }  # fmt: skip


def agree(ours: Timed, theirs: Timed) -> float:
    """The largest relative difference of the two as they are timed; where the peer draws its drop paths, so that it
    differs from itself, in inference mode."""
    if theirs.train and apart(values(theirs()), values(theirs())) > 0:
        difference = apart(inferred(ours), inferred(theirs))
    else:
        difference = apart(values(ours()), values(theirs()))
    assert difference < (1e-2 if ours.options == Options() else 2e-1), f"the two differ by {difference}"
    return difference


def inferred(timed: Timed) -> list[Tensor]:
    """What the module gives in inference mode; it is left as it was."""
    with timed.options.running(timed.device), torch.no_grad():
        found = values(timed.module.eval()(*timed.inputs))
    timed.module.train(timed.train)
    return found


def values(result: Any) -> list[Tensor]:
    """The tensors of a result, as they are now."""
    return [value.detach().clone().float() for value in tensors(result).values()]


def apart(found: Sequence[Tensor], reference: Sequence[Tensor]) -> float:
    return max(float((a - b).abs().max() / b.abs().max()) for a, b in zip(found, reference, strict=True))


def measure(name: str, figure: str, args: argparse.Namespace) -> dict[str, float]:
    """One figure of a model."""
    torch.manual_seed(0)
    torch._dynamo.reset()
    graph, ours, theirs, shapes = pair(name, args.size)
    train = figure == "forward_backward"
    if figure == "deploy":
        graph, ours, _ = optimised(graph, ours.eval())  # type: ignore[arg-type]
    inputs = [torch.randn(args.batch, *shape).to(args.device) for shape in shapes]
    timed = []
    for module, mine in ((ours, True), (theirs, False)):
        placed = module.to(args.device).train(train)
        call = compiled(placed, graph, args.backend, inputs, mine)
        timed.append(Timed(placed, call, inputs, train, Options(args.precision), args.backend == "cudagraphs"))
    return compare(timed[0], timed[1], args.rounds)


def key_of(args: argparse.Namespace) -> str:
    """What was measured, besides the model."""
    return f"{args.backend} {args.precision} batch {args.batch}"


def stored(path: Path) -> dict[str, Any]:
    """What earlier calls found."""
    found: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
    return found if "figures" in found else {"figures": {}}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("model", help=", ".join(MODELS))
    parser.add_argument("--figures", nargs="*", default=FIGURES, choices=FIGURES)
    parser.add_argument("--backend", default="inductor", help="eager, inductor or cudagraphs")
    parser.add_argument("--precision", default="fp32", choices=("fp32", "bf16"))
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--size", type=int, default=224)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--again", action="store_true", help="measure what is there already")
    parser.add_argument("--results", type=Path, default=RESULTS)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    cuda = args.device.startswith("cuda")
    path = args.results / f"step_ratios_{args.device.partition(':')[0]}.json"
    machine = {
        "torch": torch.__version__, "threads": args.threads,
        "device": torch.cuda.get_device_name() if cuda else platform.processor() or platform.machine(),
    }  # fmt: skip
    for figure in args.figures:
        rows = stored(path)["figures"].get(key_of(args), {}).get(args.model, {})
        if figure in rows and not args.again:
            continue
        row: Mapping[str, Any] = {**measure(args.model, figure, args), **machine, "size": args.size}
        found = stored(path)
        found["figures"].setdefault(key_of(args), {}).setdefault(args.model, {})[figure] = row
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(found, indent=1) + "\n")
        print(
            f"{args.model:30} {figure:17} {row['ours_ms']:9.2f} ms {row['theirs_ms']:9.2f} ms  x{row['ratio']:.3f} "
            f"[{row['ratio_low']:.3f}, {row['ratio_high']:.3f}]", flush=True,
        )  # fmt: skip


if __name__ == "__main__":
    main()
