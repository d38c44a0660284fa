"""One variant of a paper, and what it is held against: a library at hand, or numbers recorded from a repository."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from graphwright.compiler.ir.graph import Graph
from graphwright.compiler.language.load import load
from graphwright.compiler.lowering.lower import Cone, lower
from tests.library.counter import fill, integers, signed, uniform

RECORDED = Path(__file__).parent / "recorded"
#: Values that a recording keeps of each output.
SAMPLES = 32
#: Of models with more parameters than this, names, shapes and counts alone are compared; others take less than 3 GB.
LARGEST = 400_000_000


@dataclass(frozen=True)
class Input:
    """An input by its shape; integers below `below`, where that is given."""

    shape: tuple[int, ...]
    below: int = 0

    def tensor(self, name: str) -> Tensor:
        """Its numbers: a function of its name."""
        return integers(name, self.shape, self.below) if self.below else signed(name, self.shape).float()


@dataclass(frozen=True)
class Boxes(Input):
    """Boxes [..., 4] by their corners x1 y1 x2 y2, in a picture of `below` pixels."""

    def tensor(self, name: str) -> Tensor:
        """Corners in the upper left half, sides from a tenth to half of the picture."""
        shape = (*self.shape[:-1], 2)
        low = uniform(f"{name}.low", shape) / 2
        return (self.below * torch.cat([low, low + 0.1 + 0.4 * uniform(f"{name}.side", shape)], -1)).float()


def picture(size: int, batch: int = 1, channels: int = 3) -> tuple[Input, ...]:
    """The inputs of most models."""
    return (Input((batch, channels, size, size)),)


@dataclass(frozen=True)
class Case:
    """One variant, at the smallest size that shows every part of it."""

    #: The spec; params of it for the comparison of outputs alone (a small model in place of a huge one).
    spec: str
    #: Builds the reference, with whatever weights; or None, for the recording of this name.
    reference: Callable[[], nn.Module] | None = None
    inputs: tuple[Input, ...] = ()
    params: Mapping[str, Any] = field(default_factory=dict)
    #: Where the reference's name of a parameter or buffer is not ours: theirs -> ours (or None, where we have none).
    rename: Callable[[str], str | None] = lambda name: name
    #: Patterns of names that no counter fills, in our names: constants that are held as parameters.
    keep: tuple[str, ...] = ()
    #: Or too large for the tests: there names, shapes and counts are compared, outputs in `benchmarks/library.py`.
    run: bool = True
    #: Nothing in it is random in training mode: outputs are compared there too.
    train: bool = False
    #: The arithmetic in training mode: deep in a net, statistics of few values ask for more than float32.
    precise: torch.dtype = torch.float32
    #: The net enlarges what float32 rounds: float64 in both modes.
    chaotic: bool = False
    #: A factor of all kernels, where many branches would add up to values that saturate every sigmoid.
    gain: float = 1.0
    #: Which of the reference's outputs are compared, in our order; and which of ours, where not all.
    outputs: Callable[[Any], Any] = lambda outputs: outputs
    answers: Callable[[Any], Any] = lambda outputs: outputs
    #: The recording, where its name is not the spec's.
    recording: str = ""
    cone: Cone = "deploy"
    #: The largest relative difference, with the reason where it is not 1e-5.
    within: float = 1e-5

    def __str__(self) -> str:
        return self.recording or self.spec

    @cached_property
    def graph(self) -> Graph:
        """The spec, loaded."""
        return load(self.spec, dict(self.params))

    @cached_property
    def compared(self) -> bool:
        """Whether outputs are compared at all."""
        return bool(self.inputs) and counts(self.ours("meta"))["parameters"] < LARGEST

    @property
    def modes(self) -> tuple[str, ...]:
        """The modes in which outputs are compared."""
        return ("eval", "train") if self.train else ("eval",)

    def ours(self, device: str = "cpu") -> nn.Module:
        """The lowered spec; on the processor, filled by the counter."""
        model = lower(self.graph, cone=self.cone, device=device)
        return model if device == "meta" else fill(model, self.keep, self.gain)

    def given(self, mode: str = "eval") -> tuple[Tensor, ...]:
        """The inputs' numbers."""
        found = [entry.tensor(f"input{k}") for k, entry in enumerate(self.inputs)]
        return tuple(x.to(self.dtype(mode)) if x.is_floating_point() else x for x in found)

    def dtype(self, mode: str) -> torch.dtype:
        """The arithmetic of a mode, eval or train."""
        if self.chaotic:
            return torch.float64
        return self.precise if mode == "train" else torch.float32


def flat(outputs: Any) -> list[Tensor]:
    """The tensors of nested outputs, in order."""
    if isinstance(outputs, Tensor):
        return [outputs]
    values: Iterable[Any] = outputs.values() if isinstance(outputs, Mapping) else outputs
    return [tensor for value in values for tensor in flat(value)]


def shapes(model: nn.Module, rename: Callable[[str], str | None] = lambda name: name) -> dict[str, list[int]]:
    """Every entry of the `state_dict`, by name."""
    found = {rename(name): list(tensor.shape) for name, tensor in model.state_dict().items()}
    return {name: shape for name, shape in found.items() if name is not None}


def counts(model: nn.Module) -> dict[str, int]:
    """Numbers of parameters: all, trainable, frozen. A shared one counts once."""
    trainable = sum(p.numel() for p in model.parameters() if p.requires_grad)
    total = sum(p.numel() for p in model.parameters())
    return {"parameters": total, "trainable": trainable, "frozen": total - trainable}


def digest(found: Mapping[str, list[int]]) -> str:
    """A hash of names and shapes, whatever their order."""
    text = "\n".join(f"{name} {shape}" for name, shape in sorted(found.items()))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def recording(name: str) -> dict[str, Any]:
    """What was recorded of a variant."""
    if name not in _recordings():
        raise KeyError(f"no recording of {name}: see record.py")
    return _recordings()[name]


@cache
def _recordings() -> dict[str, dict[str, Any]]:
    files = (json.loads(path.read_text(encoding="utf-8")) for path in sorted(RECORDED.glob("*.json")))
    return {name: variant for file in files for name, variant in file["variants"].items()}


def summary(outputs: Any) -> list[dict[str, Any]]:
    """What a recording keeps of outputs: shape, norm, largest value, and `SAMPLES` values evenly spread."""
    kept = []
    for tensor in flat(outputs):
        values = tensor.detach().double().flatten()
        at = torch.linspace(0, values.numel() - 1, min(SAMPLES, values.numel())).long()
        norm, largest = values.norm().item(), values.abs().max().item()
        shape = list(tensor.shape)
        kept.append(
            {"shape": shape, "norm": norm, "largest": largest, "at": at.tolist(), "values": values[at].tolist()}
        )
    return kept


def apart(found: Any, expected: list[dict[str, Any]]) -> float:
    """The largest difference of outputs to what `summary` kept, as a share of each output's largest value."""
    ours = flat(found)
    assert [list(t.shape) for t in ours] == [kept["shape"] for kept in expected]
    worst = 0.0
    for tensor, kept in zip(ours, expected, strict=True):
        values = tensor.detach().double().flatten()
        assert torch.isfinite(values).all()
        scale = kept["largest"]
        assert scale > 0, "the reference gives zeros: nothing would be compared"
        sampled = (values[torch.tensor(kept["at"])] - torch.tensor(kept["values"], dtype=torch.double)).abs().max()
        norms = abs(values.norm().item() - kept["norm"]) / kept["norm"]
        worst = max(worst, sampled.item() / scale, norms)
    return worst


def reference(case: Case, ours: Mapping[str, Tensor]) -> nn.Module | None:
    """The reference with our weights, if it is at hand."""
    if case.reference is None:
        return None
    theirs = case.reference()
    state = theirs.state_dict()
    theirs.load_state_dict({name: ours.get(case.rename(name) or "", tensor) for name, tensor in state.items()})
    return theirs


def differences(case: Case, modes: Sequence[str] = ()) -> dict[str, float]:
    """By mode, how far our outputs are from the reference's, as a share of each largest value."""
    model = case.ours()
    theirs = reference(case, model.state_dict())
    found = {}
    for mode in modes or case.modes:  # eval is the first: training changes the running statistics
        with torch.no_grad():
            ours = case.answers(model.train(mode == "train").to(case.dtype(mode))(*case.given(mode)))
            if theirs is None:
                found[mode] = apart(ours, recording(str(case))[mode])
                continue
            wanted = case.outputs(theirs.train(mode == "train").to(case.dtype(mode))(*case.given(mode)))
        found[mode] = max(_distance(a, b) for a, b in zip(flat(ours), flat(wanted), strict=True))
    return found


def _distance(ours: Tensor, theirs: Tensor) -> float:
    assert ours.shape == theirs.shape
    assert torch.isfinite(ours).all()
    scale = theirs.abs().max().item()
    assert scale > 0, "the reference gives zeros: nothing would be compared"
    return (ours.double() - theirs.double()).abs().max().item() / scale
