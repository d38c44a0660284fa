"""Written models need torch alone, take the same weights, and compute the same bits as the graphs they come from."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

import graphwright as gw
from graphwright.backends import weights
from graphwright.backends.examples import example_inputs
from graphwright.backends.exporting import export
from graphwright.backends.source import imported, source
from graphwright.backends.source.inert import complaint
from graphwright.compiler.ir.graph import Entry, Graph, Marks, Node, Scope
from graphwright.compiler.ir.types import parse_type
from graphwright.compiler.language.library import shipped_families
from graphwright.compiler.lowering.inference import infer
from graphwright.compiler.lowering.lower import lower
from graphwright.compiler.ops import OPS
from graphwright.compiler.places import Place, SpecError
from tests.backends.specs import AUXILIARY, CONVNET, TIED, graph_of
from tests.ops.samples import SAMPLES, Sample
from tests.oracles import randomise
from tests.random_graphs import random_graph
from tests.shallow import SHALLOW

#: One of each structure, a small one in the place of a large one; and the block that small residual networks have.
LARGE = {"vit_base_patch16_224": "vit_tiny_patch16_224"}
SPECS = [*(LARGE.get(name, name) for name in shipped_families()), "resnet18", "resnet18_ibn_a"]


#: Models of fixed, large inputs.
HEAVY = {"scnn_vgg16", "ssd300_vgg16", "fit", "fit_ar", "fit_denoiser", "byteformer_tiny"}


def twin(graph: Graph, folder: Path) -> tuple[nn.Module, nn.Module]:
    """The lowered graph and the written one, with the same weights."""
    text = source(graph)
    assert complaint(text) is None
    path = folder / "written.py"
    path.write_text(text, encoding="utf-8")
    lowered, written = lower(graph), imported(path)
    randomise(lowered)
    assert set(written.state_dict()) == set(lowered.state_dict())
    written.load_state_dict(lowered.state_dict(), strict=True)
    return lowered, written


def same(first: Any, second: Any) -> bool:
    """Whether two results are equal bit for bit."""
    first, second = (r if isinstance(r, dict) else {"out": r} for r in (first, second))
    return list(first) == list(second) and all(
        torch.equal(torch.nan_to_num(first[k]), torch.nan_to_num(second[k])) for k in second
    )


def agree(graph: Graph, folder: Path, *inputs: torch.Tensor, training: bool = True) -> str:
    """Asserts equal results, in training with the same random numbers too; the text that was written."""
    lowered, written = twin(graph, folder)
    with torch.no_grad():
        assert same(written.eval()(*inputs), lowered.eval()(*inputs))
        if training:
            results = []
            for model in (written, lowered):
                torch.manual_seed(0)
                results.append(model.train()(*inputs))
            assert same(*results)
    return (folder / "written.py").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", SPECS)
def test_library(name: str, tmp_path: Path) -> None:
    """The same results, and text as a formatter and a linter would have it."""
    graph = gw.load(name, SHALLOW.get(name, {}))
    side = 107 if name.startswith("inception") else 64  # its first layers have no padding
    small = {"H": side, "W": side} if {"H", "W"} <= graph.sizes.keys() else {"N": 1} if name in HEAVY else {}
    text = agree(graph, tmp_path, *example_inputs(graph, small), training=name not in HEAVY)
    assert "graphwright" not in text
    assert max(map(len, text.splitlines())) <= 120
    formatted = subprocess.run(
        [sys.executable, "-m", "ruff", "format", "--line-length", "120", "-"],
        input=text, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert formatted.stdout == text
    subprocess.run(
        [sys.executable, "-m", "ruff", "check", "--isolated", "--select", "F,E9", "--quiet", "-"],
        input=text, capture_output=True, text=True, check=True,
    )  # fmt: skip


@pytest.mark.parametrize("sample", SAMPLES, ids=str)
def test_every_op(sample: Sample, tmp_path: Path) -> None:
    """Each op alone, in a block of its own."""
    entries: list[Entry] = []
    inputs: list[tuple[str, str]] = []
    given: list[torch.Tensor] = []
    names = sample.op.names if sample.op.free_ports else [p.name for p in sample.op.ports]  # type: ignore[attr-defined]
    values = sample.inputs[0] if sample.op.free_ports else sample.inputs
    for port, value in zip(names, values, strict=True):
        for k, tensor in enumerate(value if isinstance(value, tuple) else () if value is None else (value,)):
            name = f"{port}{k}" if isinstance(value, tuple) else port
            entries.append(Entry(name, Sample(sample.op, (tensor,)).types[0]))
            inputs.append((port, name))
            given.append(tensor)
    found = infer(sample.op, sample.types)
    node = Node("block.layer", sample.op, tuple(inputs), found.outputs, found.parameters, found.buffers)
    outputs = tuple((f"out{k}", v) for k, v in enumerate(node.values))
    graph = Graph("alone", tuple(entries), (node,), outputs, scopes=(Scope("block"),))
    agree(graph, tmp_path, *given, training=sample.op.family != "loss")


@pytest.mark.parametrize("seed", range(40))
def test_random_graphs(seed: int, tmp_path: Path) -> None:
    graph = random_graph(seed, 12)
    agree(graph, tmp_path, *example_inputs(graph))


@pytest.mark.parametrize("spec", [CONVNET, TIED, AUXILIARY], ids=["convnet", "tied", "auxiliary"])
def test_export(spec: str, tmp_path: Path) -> None:
    """The file runs where there is no graphwright, with weights from a file."""
    graph = graph_of(spec, tmp_path)
    module = lower(graph, seed=3).eval()
    report = export(graph, module, tmp_path / "x.py")
    assert report["lines"] == (tmp_path / "x.py").read_text().count("\n")
    weights.save(module, tmp_path / "x.safetensors")
    inputs = example_inputs(graph)
    torch.save((inputs, module(*inputs)), tmp_path / "x.pt")
    script = """
import sys
sys.modules["graphwright"] = None
sys.path.insert(0, sys.argv[1])
import torch, x
from safetensors.torch import load_file
model = x.model().eval()
model.load_state_dict(load_file("x.safetensors"), strict=True)
inputs, expected = torch.load("x.pt")
found = model(*inputs)
pairs = zip(found.values(), expected.values()) if isinstance(expected, dict) else [(found, expected)]
assert all(torch.equal(a, b) for a, b in pairs)
"""
    subprocess.run([sys.executable, "-I", "-c", script, str(tmp_path)], cwd=tmp_path, check=True)


def test_a_wrong_model_is_not_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    graph = graph_of(CONVNET, tmp_path)
    wrong = source(graph).replace("F.relu(", "F.relu6(")
    monkeypatch.setattr(
        "graphwright.backends.source.source",
        lambda graph: wrong.replace("padding=1", "padding=1, padding_mode='circular'"),
    )
    with pytest.raises(SpecError, match="the written model differs by"):
        export(graph, lower(graph), tmp_path / "x.py")
    assert [p.name for p in tmp_path.iterdir()] == ["spec.yaml"]


GIVEN = """
graphwright: 1
name: given
inputs: {x: [N, 4], boxes: [N, 6, 4], scores: [N, 6, 3]}
nodes:
  a: {op: linear, in: x, out: 4}
  w: {op: parameter, shape: [4, 4]}
  deep:
    nodes:
      b: {op: linear, in: {x: a, weight: a.weight}, out: 4}
      c: {op: linear, in: {x: b, weight: w}, out: 4}
      d: {op: relu, in: w}
      e: {op: linear, in: {x: c, weight: d}, out: 4}
  nms: {op: nms, in: [boxes, scores]}
  once: {op: scale, in: nms, factor: 2}
  twice: {op: add, in: [nms, once]}
outputs: {y: deep.e, z: twice}
"""


def test_parameters_that_are_given(tmp_path: Path) -> None:
    """By another layer, which shares them, or by a value; and names of functions stay free."""
    graph = graph_of(GIVEN, tmp_path)
    agree(graph, tmp_path, *example_inputs(graph))


# -- text of a spec never becomes code -----------------------------------------------------------------
EVIL = '"""\nimport os\nos.system("touch owned")\n"""\\'
NAMES = ("0", "self", "F", "print", "x-y", "1a", "naïve", "model", "max")


def hostile(names: tuple[str, ...]) -> Graph:
    """A graph whose every text is an attack or a word of Python."""
    image = parse_type("float32[N, 4, 6, 6]")
    entries = (Entry("F", image, doc=EVIL), Entry("nn", image))
    place = Place(f"a{EVIL}.yaml", 3, 1)
    nodes, scopes, last = [], [], "F"
    for label in names:
        op = OPS["conv2d"](out=4, kernel=1)  # type: ignore[call-arg]
        found = infer(op, (image,))
        name = f"{label}.{label}"
        nodes.append(
            Node(name, op, (("x", last),), found.outputs, found.parameters, found.buffers, Marks(doc=EVIL), place)
        )
        scopes.append(Scope(label, f"{label}{EVIL}", Marks(doc=EVIL), place))
        last = name
    add = Node("import", OPS["add"](), (("x", last), ("x", "nn")), (image,), place=place)
    return Graph(
        EVIL, entries, (*nodes, add), (("return", "import"), (EVIL, last)), scopes=tuple(scopes), doc=EVIL, source=EVIL
    )


def test_hostile_texts_are_inert(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    graph = hostile(NAMES)
    agree(graph, tmp_path, *example_inputs(graph))
    assert not (tmp_path / "owned").exists()


def test_words_of_python_are_names(tmp_path: Path) -> None:
    graph = hostile(("class", "for", "None"))
    text = source(graph)
    assert complaint(text) is None
    (tmp_path / "x.py").write_text(text)
    written = imported(tmp_path / "x.py")
    assert set(written.state_dict()) == {f"{n}.{n}.{p}" for n in ("class", "for", "None") for p in ("weight", "bias")}
    x, y = example_inputs(graph)
    kernels = [m for m in written.modules() if isinstance(m, nn.Conv2d)]
    last = kernels[2](kernels[1](kernels[0](x)))
    assert same(written(x, y), {"return": last + y, EVIL: last})


@pytest.mark.parametrize(
    "text",
    ["import os", "x = f()", "print(1)", "def f():\n    return open('x')", "class A:\n    x = ().__class__",
     "def f():\n    return getattr(f, '__globals__')", "@f\nclass A: ...", "def f(): return eval('1')"],
)  # fmt: skip
def test_what_is_not_plain_is_found(text: str) -> None:
    assert complaint(text) is not None
