"""Weights survive the way through a file, and every misfit is told at once."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from torch import nn

from graphwright.backends import weights
from graphwright.compiler.lowering.lower import lower
from graphwright.compiler.places import SpecError
from tests.backends.specs import CONVNET, graph_of


class Tied(nn.Module):
    """Two layers with one weight under two names."""

    def __init__(self) -> None:
        super().__init__()
        self.embed, self.head = nn.Embedding(5, 3), nn.Linear(3, 5, bias=False)
        self.head.weight = self.embed.weight


def test_round_trip(tmp_path: Path) -> None:
    graph = graph_of(CONVNET, tmp_path)
    first, second = lower(graph, seed=1), lower(graph, seed=2)
    path = tmp_path / "w.safetensors"
    report = weights.export(graph, first, path)
    weights.load(second, path)
    assert report == {"tensors": len(first.state_dict())}
    assert all(torch.equal(v, second.state_dict()[k]) for k, v in first.state_dict().items())
    assert not torch.equal(lower(graph, seed=2).state_dict()["conv.weight"], first.state_dict()["conv.weight"])


def test_shared_parameters_are_stored_once_and_restored(tmp_path: Path) -> None:
    path, module, other = tmp_path / "w.safetensors", Tied(), Tied()
    weights.save(module, path)
    with safe_open(path, framework="pt") as file:
        assert list(file.keys()) == ["embed.weight"]
    assert weights.read(path).keys() == {"embed.weight", "head.weight"}
    weights.load(other, path)
    assert other.head.weight is other.embed.weight
    assert torch.equal(other.head.weight, module.embed.weight)


def test_one_name_of_a_tied_parameter_is_enough() -> None:
    module = Tied()
    weights.load(module, {"head.weight": torch.ones(5, 3)})
    assert torch.equal(module.embed.weight, torch.ones(5, 3))


def test_a_view_is_stored_alone(tmp_path: Path) -> None:
    module = nn.Linear(3, 4, bias=False)
    module.weight = nn.Parameter(torch.randn(8, 3)[2:6])
    weights.save(module, tmp_path / "w.safetensors")
    assert torch.equal(weights.read(tmp_path / "w.safetensors")["weight"], module.weight)
    assert (tmp_path / "w.safetensors").stat().st_size < 200


def test_all_misfits_at_once(tmp_path: Path) -> None:
    module = lower(graph_of(CONVNET, tmp_path))
    state = module.state_dict()
    state["head.fc.wieght"] = state.pop("head.fc.weight")
    state["conv.bias"] = torch.zeros(5)
    state["stray"] = torch.zeros(1)
    del state["bn.num_batches_tracked"]
    before = {k: v.clone() for k, v in module.state_dict().items()}
    with pytest.raises(SpecError) as error:
        weights.load(module, state)
    told = [(p.message, p.hint) for p in error.value.problems]
    assert told == [
        ("the weights lack 'head.fc.weight' [3, 4]", "did you mean 'head.fc.wieght'?"),
        ("the weights have 'head.fc.wieght', which the model has not", "did you mean 'head.fc.weight'?"),
        ("the weights have 'stray', which the model has not", ""),
        ("'conv.bias' is [4] in the model and [5] in the weights", "set the spec's params to the size of the weights"),
    ]
    assert all(torch.equal(v, before[k]) for k, v in module.state_dict().items())


@pytest.mark.parametrize("wrapped", [False, True])
def test_torch_files_are_read_as_tensors(wrapped: bool, tmp_path: Path) -> None:
    state = nn.Linear(2, 3).state_dict()
    torch.save({"state_dict": state, "epoch": 3} if wrapped else state, tmp_path / "w.pt")
    assert weights.read(tmp_path / "w.pt").keys() == {"weight", "bias"}


class Bomb:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return (open, ("pickle-was-run", "w"))


def test_pickles_that_need_more_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    torch.save({"weight": Bomb()}, "zip.pth")
    Path("raw.pth").write_bytes(pickle.dumps(Bomb()))
    Path("text.pt").write_text("not a pickle")
    for name in ("zip.pth", "raw.pth", "text.pt"):
        with pytest.raises(SpecError, match="not a file of tensors alone"):
            weights.read(name)
    assert not Path("pickle-was-run").exists()


def test_damaged_and_missing_files(tmp_path: Path) -> None:
    path = tmp_path / "w.safetensors"
    weights.save(nn.Linear(2, 3), path)
    path.write_bytes(path.read_bytes()[:-3])
    with pytest.raises(SpecError, match="not a whole safetensors file"):
        weights.read(path)
    with pytest.raises(SpecError, match="no weights file"):
        weights.read(tmp_path / "none.safetensors")
    with pytest.raises(SpecError, match=r"'.npz' is no format for weights"):
        weights.read(tmp_path / "w.npz")
