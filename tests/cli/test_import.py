"""`graphwright import` as a user meets it: what it writes and says, and every mistake with its place and a hint."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

import graphwright as gw
from graphwright.compiler.language.load import load
from tests.cli.test_commands import run
from tests.oracles import reference_module

MODELS = """
import torch
from torch import nn
from torch.nn import functional as F


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.head = nn.Conv2d(3, 4, 3, padding=1), nn.Linear(4, 2)

    def forward(self, x):
        return self.head(self.conv(x).relu().mean((2, 3)))


class Chooses(nn.Module):
    def __init__(self):
        super().__init__()
        self.inner = Inner()

    def forward(self, x):
        return self.inner(x)


class Inner(nn.Module):
    def forward(self, x):
        if x.sum() > 0:  # depends on data
            return x
        return -x


class Strange(nn.Module):
    def forward(self, x):
        return torch.fft.fft(x).real


class Odd(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.second = Strange(), Strange()

    def forward(self, x):
        return torch.linalg.qr(self.first(x) + self.second(x))[0]


def net(): return Net()
def chooses(): return Chooses()
def odd(): return Odd()
def broken(): raise RuntimeError("no such file: weights.bin")
def number(): return 3
def two(): return nn.Bilinear(3, 3, 2)
constant = 5
"""


@pytest.fixture
def cli(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Any:
    """The command in a folder of its own, with the user's module `mymodels` in it."""
    import sys

    (tmp_path / "mymodels.py").write_text(MODELS)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delitem(sys.modules, "mymodels", raising=False)
    return lambda *words: run(monkeypatch, capsys, "import", *words)


def files(folder: Path) -> set[str]:
    return {p.name for p in folder.iterdir()} - {"mymodels.py", "__pycache__"}


def test_a_function_of_the_user(cli: Any, tmp_path: Path) -> None:
    code, out, err = cli(
        "mymodels:net", "--input", "float32[1,3,16,16]", "-o", "net.yaml", "--weights", "net.safetensors"
    )
    assert (code, err) == (0, "")
    assert "net.yaml:" in out
    assert out.count("bit for bit") == 2
    assert files(tmp_path) == {"net.yaml", "net.parity.json", "net.safetensors"}
    import mymodels  # type: ignore[import-not-found]

    theirs = mymodels.Net().eval()
    theirs.load_state_dict(load_file("net.safetensors"))
    ours = gw.build(load("net.yaml"), weights="net.safetensors").eval()
    x = torch.randn(3, 3, 10, 12)
    assert torch.equal(ours(x), theirs(x))


def test_the_report_and_the_certificate(cli: Any) -> None:
    code, out, _ = cli("mymodels:net", "--input", "[N,3,H=16,W=16]", "-o", "net.yaml", "--json")
    report, certificate = json.loads(out), json.loads(Path("net.parity.json").read_text())
    assert code == 0
    assert report["parameters"] == 4 * 27 + 4 + 8 + 2
    assert report["lines"] == len(Path("net.yaml").read_text().splitlines())
    assert certificate["eval"] == {"absolute": 0.0, "relative": 0.0, "bitwise": True, "note": ""}
    assert certificate["train"]["bitwise"]
    assert certificate["structural_hash"] == gw.structural_hash(load("net.yaml"))
    assert [str(s) for s in load("net.yaml").inputs[0].type.shape] == ["N", "3", "H", "W"]


def test_a_model_of_timm(cli: Any) -> None:
    reference_module("timm")
    code, out, err = cli("timm:test_resnet", "-o", "r.yaml")
    assert (code, err) == (0, "")
    assert out.count("bit for bit") == 2
    assert Path("r.yaml").exists()


def test_a_pt2_file(cli: Any) -> None:
    gw.export(gw.load("lenet"), "lenet.pt2")
    code, _, err = cli("lenet.pt2", "-o", "again.yaml", "--weights", "again.safetensors")
    assert (code, err) == (0, "")
    assert gw.count(load("again.yaml")).parameters == gw.count(gw.load("lenet")).parameters


X = ("--input", "float32[2,3,4,4]")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("timm:resnet5O",), ("timm", "no model 'resnet5O'", "did you mean 'resnet50'")),
        (("torchvision:resnet51",), ("torchvision has no model 'resnet51'", "did you mean 'resnet50'")),
        (("hub:resnet50",), ("no function hub:resnet50",)),
        (("model.h5",), ("'model.h5' is nothing that can be imported", "timm:NAME", "x.pt2")),
        (("nowhere.pt2",), ("no file nowhere.pt2", "check the path")),
        (("nowhere.onnx",), ("no file nowhere.onnx",)),
        (("mymodels:nett", *X), ("no function mymodels:nett",)),
        (("yourmodels:net", *X), ("No module named 'yourmodels'",)),
        (("mymodels:constant", *X), ("mymodels:constant could not be made: TypeError",)),
        (("mymodels:broken", *X), ("could not be made: RuntimeError: no such file: weights.bin",)),
        (("mymodels:number", *X), ("gives int, not a torch module", "return the model")),
        (("mymodels:net",), ("needs example inputs", "--input")),
        (("mymodels:net", "--input", "float33[1,3]"), ("float33", "for example float32[1,3,224,224]")),
        (("mymodels:net", "--input", "float32"), ("'float32' is no type",)),
        (("mymodels:net", "--input", "[1,-3]"), ("'-3' is no size",)),
        (("mymodels:net", "--input", "[1,5,8,8]"), ("torch.export cannot read Net", "mymodels.py:13")),
        (("mymodels:two", "--input", "[2,3]"), ("missing a required argument: 'input2'", "input1, input2")),
        (("mymodels:chooses", *X), ("torch.export cannot read Chooses", "in inner (Inner)", "mymodels.py:27")),
    ],
    ids=lambda v: " ".join(v[:1]) if isinstance(v, tuple) else None,
)
def test_mistakes_are_exit_code_2_and_leave_nothing(cli: Any, tmp_path: Path, words: Any, said: Any) -> None:
    if words[0].startswith(("timm", "torchvision")):
        reference_module("timm")
        reference_module("torchvision.models")
    code, out, err = cli(*words, "-o", "x.yaml", "--weights", "x.safetensors")
    assert code == 2, out
    for text in said:
        assert text in err
    assert "Traceback" not in err
    assert files(tmp_path) == set()


def test_unsupported_operations_come_all_at_once(cli: Any, tmp_path: Path) -> None:
    code, _, err = cli("mymodels:odd", *X, "-o", "x.yaml")
    assert code == 2
    assert "fft_fft.default, used 2 times: first, second" in err
    assert "linalg_qr" in err
    assert "compiler/importing/torch/rules/" in err
    assert files(tmp_path) == set()


def test_where_the_spec_goes(cli: Any, tmp_path: Path) -> None:
    assert "-o model.yaml" in cli("mymodels:net", *X)[2]
    code, _, err = cli("mymodels:net", *X, "-o", "x.txt")
    assert code == 2
    assert ".yaml" in err
    code, _, err = cli("mymodels:net", *X, "-o", "x.yaml", "--weights", "x.bin")
    assert code == 2
    assert ".safetensors" in err
    (tmp_path / "x.yaml").write_text("mine")
    code, _, err = cli("mymodels:net", *X, "-o", "x.yaml")
    assert code == 2
    assert "x.yaml is there already" in err
    assert (tmp_path / "x.yaml").read_text() == "mine"
    assert cli("mymodels:net", *X, "-o", "x.yaml", "--force")[0] == 0
    assert (tmp_path / "x.yaml").read_text() != "mine"
