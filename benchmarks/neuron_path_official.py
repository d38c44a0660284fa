"""The published code of neuron paths beside ours, on the same weights and pictures.

    python -m benchmarks.neuron_path_official RUN --data cifar10.zip --official NeuronPath [--rounds 3]

NeuronPath is github.com/foundation-model-research/NeuronPath (MIT), which needs ml_collections and jsonlines. Its
`main` runs as it is, fed with our weights, in turns with ours: the same neurons? how often does the model run, and how
long does a batch take? Times are the wall clock's and the processor's, which other work on the machine disturbs less.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import json
import re
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import torch

from benchmarks.imagenet import RESULTS, machine
from benchmarks.neuron_path import Trained, once, options
from graphwright.analyses.neuron_path import NeuronPath
from graphwright.analyses.paths import experiments
from graphwright.analyses.paths.quadrature import rule
from tests.oracles import reference_module

QUADRATURES = ("left:20", "left:20/8", "left:20/6")


class Official:
    """The published script with our weights: its `main` runs unchanged, on pictures that are handed to it."""

    def __init__(self, folder: Path, trained: Trained) -> None:
        sys.path[:0] = [str(folder), str(folder / "path")]
        reference_module("torchvision")
        self.script = importlib.import_module("joint_attr")
        modeling, ml = importlib.import_module("models.modeling"), importlib.import_module("ml_collections")
        state, width = trained.state, trained.state["cls_token"].shape[-1]
        depth = 1 + max(int(k.split(".")[1]) for k in state if k.startswith("blocks."))
        config = ml.ConfigDict({
            "patches": {"size": tuple(state["patch_embed.proj.weight"].shape[2:])}, "hidden_size": width,
            "classifier": "token", "transformer": {
                "mlp_dim": state["blocks.0.mlp.fc1.weight"].shape[0], "num_heads": 4, "num_layers": depth,
                "attention_dropout_rate": 0.0, "dropout_rate": 0.1},
        })  # fmt: skip
        self.model = modeling.VisionTransformer(config, 32, num_classes=len(trained.classes))
        self.model.load_state_dict({theirs: state[ours] if part is None else state[ours].chunk(3)[part]
                                    for theirs, ours, part in _names(depth)})  # fmt: skip
        self.model.eval()

    def run(self, images: torch.Tensor, target: int) -> tuple[list[Any], tuple[float, float]]:
        """What it writes for each picture; the seconds that it says it took, and those of the processor."""
        said = io.StringIO()
        with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
            arguments = ["x", "--no_cuda", "--output_dir", folder, "--batch_size", str(len(images))]
            samples = [(image, target) for image in images]
            for patch in (
                mock.patch.object(sys, "argv", arguments),
                mock.patch.object(self.script, "VisionTransformer", return_value=self.model),
                mock.patch.object(self.model, "load_from"),
                mock.patch.object(self.script.np, "load"),
                mock.patch.object(self.script.datasets, "ImageFolder", return_value=samples),
                mock.patch.object(self.script, "DataLoader", _loader),
                mock.patch.object(self.script, "tqdm", lambda items, **_: items),
                contextlib.redirect_stdout(said),
            ):
                stack.enter_context(patch)  # type: ignore[arg-type]
            start = time.process_time()
            self.script.main()
            busy = time.process_time() - start
            written = next(Path(folder).glob("*.jsonl")).read_text()
        return json.loads(written), (float(re.findall(r"Costing time: ([\d.]+)", said.getvalue())[-1]), busy)

    def counted(self, images: torch.Tensor, target: int) -> dict[str, int]:
        """How often it runs the model forward and backward."""
        counts = {"forward": 0, "backward": 0}
        forward, grad = type(self.model).forward, torch.autograd.grad

        def counting(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
            def call(*args: Any, **options: Any) -> Any:
                counts[name] += 1
                return function(*args, **options)

            return call

        with mock.patch.object(type(self.model), "forward", counting("forward", forward)), \
                mock.patch.object(torch.autograd, "grad", counting("backward", grad)):  # fmt: skip
            self.run(images, target)
        return counts


def _loader(samples: Any, batch_size: int, **_: Any) -> Iterator[Any]:
    for start in range(0, len(samples), batch_size):
        some = samples[start : start + batch_size]
        yield torch.stack([x for x, _ in some]), torch.tensor([y for _, y in some])


def _names(depth: int) -> Iterator[tuple[str, str, int | None]]:
    """Their parameters' names, ours, and which third of ours."""
    yield from (("transformer.embeddings.cls_token", "cls_token", None),
                ("transformer.embeddings.position_embeddings", "pos_embed", None))  # fmt: skip
    for leaf in ("weight", "bias"):
        yield f"transformer.embeddings.patch_embeddings.{leaf}", f"patch_embed.proj.{leaf}", None
        yield f"transformer.encoder.encoder_norm.{leaf}", f"norm.{leaf}", None
        yield f"head.{leaf}", f"head.{leaf}", None
        for k in range(depth):
            theirs, ours = f"transformer.encoder.layer.{k}", f"blocks.{k}"
            for part, name in enumerate(("query", "key", "value")):
                yield f"{theirs}.attn.{name}.{leaf}", f"{ours}.attn.qkv.{leaf}", part
            for name, own in (("attn.out", "attn.proj"), ("ffn.fc1", "mlp.fc1"), ("ffn.fc2", "mlp.fc2"),
                              ("attention_norm", "norm1"), ("ffn_norm", "norm2")):  # fmt: skip
                yield f"{theirs}.{name}.{leaf}", f"{ours}.{own}.{leaf}", None


def beside(trained: Trained, folder: Path, rounds: int, batch: int) -> dict[str, Any]:
    """The same neurons? Seconds of a batch in turns; how often the model runs."""
    official = Official(folder, trained)
    variants = {q: NeuronPath(score="official", quadrature=q) for q in QUADRATURES}
    built: dict[Any, Any] = {}
    same = dict.fromkeys(variants, 0)
    seconds: dict[str, list[tuple[float, float]]] = {name: [] for name in ("official", *variants)}
    worst = dict.fromkeys(variants, 0.0)
    runs: dict[str, dict[str, int]] = {}
    pictures = neurons = 0
    for turn in range(-1, rounds):  # the first turn, with one picture, warms up
        number, count = max(turn, 0) % len(trained.classes), batch if turn >= 0 else 1
        images = trained.pictures(number, count, 100 + batch * max(turn, 0))
        targets = torch.full((count,), number)
        theirs, took = official.run(images, number)
        expected = [row["ja"][0] for row in theirs]
        scores = torch.tensor([row["ja_score"][0][0] for row in theirs])
        times = {"official": took}
        for name, analysis in variants.items():
            model = analysis.model(trained.graph, once(trained.build, built), images, targets)
            with torch.no_grad():
                start = time.perf_counter(), time.process_time()
                found = analysis.find(model)
                joint = model.joint(found.paths)
                model.joint(experiments.strongest(model.clean(), model.widths))  # they score this path too
                times[name] = time.perf_counter() - start[0], time.process_time() - start[1]
            runs[name] = dict(model.runs)
            if turn >= 0:
                same[name] += int((found.paths == torch.tensor(expected)).sum())
                worst[name] = max(worst[name], float(((joint - scores) / scores).abs().max()))
        if turn >= 0:
            pictures, neurons = pictures + batch, neurons + batch * len(model.widths)
            for name, value in times.items():
                seconds[name].append(value)
            print(times, flush=True)
    runs["official"] = official.counted(images, number)
    return {
        "batch": batch, "pictures": pictures, "neurons": neurons, "same_neurons": same, "runs_of_the_model": runs,
        "points_a_run": {"official": 20, **{q: len(rule(q)) for q in QUADRATURES}}, "largest_score_difference": worst,
        **{f"{clock}_seconds_a_batch": {n: statistics.median(t[k] for t in v) for n, v in seconds.items()}
           for k, clock in enumerate(("wall", "processor"))},
        **{f"times_faster_by_{clock}_time": {
            n: statistics.median(a[k] / b[k] for a, b in zip(seconds["official"], seconds[n], strict=True))
            for n in variants
        } for k, clock in enumerate(("wall", "processor"))},
        "rounds": rounds, "raw_seconds": seconds,
    }  # fmt: skip


def main() -> None:
    parser = options(__doc__)
    parser.add_argument("--official", type=Path, required=True)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--batch", type=int, default=10, choices=(1, 2, 5, 10, 25, 50))
    parser.add_argument("--out", type=Path, default=RESULTS / "neuron-path-official.json")
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    trained = Trained(given.run, given.data, given.weights)
    found = beside(trained, given.official, given.rounds, given.batch)
    about = {**machine(), "threads": given.threads, **trained.described()}
    given.out.write_text(json.dumps({**about, **found}, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
