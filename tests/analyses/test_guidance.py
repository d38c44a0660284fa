"""Guidance: which layers are compared with which, the guide beside the target, and what the analysis tells."""

from __future__ import annotations

import json
import weakref
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

import graphwright as gw
from graphwright.analyses.alignment.taps import nearest, pairs, taps
from graphwright.analyses.guidance import Guidance
from graphwright.cli import app as command
from graphwright.compiler.language.load import load
from graphwright.compiler.lowering.lower import lower
from graphwright.compiler.places import SpecError
from graphwright.doors import instrumented
from tests.ops.test_similarity import in_features

SMALL = {"size": 32, "first": 24, "width": 16, "depth": 5, "classes": 10}


def target():
    return load("deep_fcn", SMALL)


def ready(analysis: Guidance, graph, cone="deploy"):
    """The instrumented graph as a module with the guide's weights, in inference mode."""
    module = lower(analysis(graph)).eval()
    module.load_state_dict({**module.state_dict(), **{k: v for k, v in analysis.brought(graph).items()
                                                      if k in module.state_dict()}})  # fmt: skip
    return module


# -- which with which -------------------------------------------------------------------------
@pytest.mark.parametrize(("name", "params", "official"), [
    ("resnet18", {}, 21), ("resnet50", {}, 54), ("deep_fcn", {}, 48), ("deep_fcn", {"depth": 3}, 3),
])  # fmt: skip
def test_taps_as_the_published_code_counts_them(name, params, official):
    assert len(taps(load(name, params), "official", "guide")) == official


def test_taps_are_in_the_order_of_calls():
    found = taps(load("resnet18"), "official", "guide")
    assert found[:3] == ("conv1", "layer1.0.conv1", "layer1.0.conv2")
    assert found[5:8] == ("layer2.0.conv1", "layer2.0.conv2", "layer2.0.downsample.0")
    assert found[-1] == "avgpool"
    assert taps(load("resnet18"), "default", "guide") == found[:-1]


@pytest.mark.parametrize(("guide", "target", "summed"), [(21, 48, 21), (21, 3, 3), (54, 50, 50), (1, 4, 1), (4, 1, 1)])
def test_the_mapping_of_the_published_code(guide, target, summed):
    leaders, followers = [f"g{k}" for k in range(guide)], [f"t{k}" for k in range(target)]
    every = pairs(leaders, followers, "all")
    assert [g for g, _ in every] == leaders
    assert len(pairs(leaders, followers, "official")) == summed
    last = {}  # as the published code does: a dictionary by target layer
    for k, name in enumerate(leaders):
        j = min(round(k * (target - 1) / (guide - 1)), target - 1) if guide > 1 else target - 1
        assert every[k] == (name, followers[j])
        last[followers[j]] = name
    assert {t: g for g, t in pairs(leaders, followers, "official")} == last


def test_the_mapping_in_numbers():
    """Pinned: of 21 guide layers at 3 target layers, layers 5, 14 and 20 survive."""
    assert [g for g, _ in pairs(range(21), range(3), "official")] == [5, 14, 20]
    assert [nearest(k, 21, 48) for k in (0, 1, 10, 19, 20)] == [0, 2, 24, 45, 47]
    assert nearest(1, 3, 2) == 0, "halves go to the even number"


def test_selectors_and_explicit_pairs():
    graph = target()
    assert taps(graph, "op:relu", "target") == tuple(f"hidden{k}.relu" for k in range(5))
    analysis = Guidance("digits", mapping=(("conv2", "hidden3.relu"), ("relu1", "hidden0.linear")))
    assert analysis.paired(load("digits"), graph) == analysis.mapping


@pytest.mark.parametrize(("options", "message"), [
    ({}, "guidance needs a guide"),
    ({"guide": "resnet180"}, "no spec 'resnet180'"),
    ({"guide": "cifar_resnet", "taps": "op:nothing"}, "no node of the guide"),
    ({"guide": "cifar_resnet", "target_taps": "nothing"}, r"no node of the target \(deep_fcn\)"),
    ({"guide": "cifar_resnet", "taps": "what:x"}, "taps of the guide: no selector"),
    ({"guide": "digits"}, r"the guide digits reads image: float32\[N, 1, H, W\], the target image"),
    ({"guide": "tests"}, "is no run folder"),
    ({"guide": "lstm_classifier"}, "the guide lstm_classifier reads"),
])  # fmt: skip
def test_mistakes(options, message):
    with pytest.raises(SpecError, match=message):
        Guidance(**options)(target())


def test_all_wrong_names_of_a_mapping_come_together():
    mapping = (("conv1", "hidden9.linear"), ("nothing", "hidden0.linear"))
    with pytest.raises(SpecError) as caught:
        Guidance("cifar_resnet", mapping=mapping)(target())
    assert [p.message for p in caught.value.problems] == [
        "mapping: 'nothing' of the guide is no tap: there is no such node",
        "mapping: 'hidden9.linear' of the target is no tap: there is no such node",
    ]


# -- the joined graph -------------------------------------------------------------------------
class Alive(TorchDispatchMode):
    """Counts the bytes of all tensors that are alive, and the most there were."""

    def __init__(self) -> None:
        super().__init__()
        self.now, self.most, self.known = 0, 0, {}

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        found = function(*args, **(kwargs or {}))
        for tensor in found if isinstance(found, (tuple, list)) else (found,):
            if isinstance(tensor, torch.Tensor):
                self._count(tensor.untyped_storage())
        return found

    def _count(self, storage) -> None:
        key = storage._cdata
        if key not in self.known:
            size = storage.nbytes()
            self.known[key] = weakref.finalize(storage, self._gone, key, size)
            self.now += size
            self.most = max(self.most, self.now)

    def _gone(self, key: int, size: int) -> None:
        del self.known[key]
        self.now -= size


def hooked(module: nn.Module, names, x: torch.Tensor) -> tuple[dict[str, torch.Tensor], torch.Tensor]:
    """The usual way: features are kept by hooks until all are there."""
    found: dict[str, torch.Tensor] = {}
    hooks = [module.get_submodule(n).register_forward_hook(lambda m, i, o, n=n: found.update({n: o})) for n in names]
    output = module(x)
    for hook in hooks:
        hook.remove()
    return found, output


@pytest.mark.parametrize("options", [{}, {"mapping": "official", "reduce": "mean"}, {"guide_mode": "batch_stats"}])
def test_streamed_equals_hooks_that_hold(options):
    """Against features kept by hooks of torch, compared in the other form of the formula."""
    graph, x = target(), torch.randn(16, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    analysis = Guidance("cifar_resnet", params=(("depth", 1), ("width", 4)), guide_seed=3, **options)
    module = ready(analysis, graph)
    with torch.no_grad():
        found = module(x)
        plain, guide = lower(graph).eval(), lower(load("cifar_resnet", {"depth": 1, "width": 4}), seed=3).eval()
        if "guide_mode" in options:
            for part in guide.modules():
                if isinstance(part, nn.BatchNorm2d):
                    part.train()
        paired = analysis.paired(analysis.opened.graph, graph)
        ours, logits = hooked(plain, {t for _, t in paired}, x)
        theirs, _ = hooked(guide, {g for g, _ in paired}, x)
    expected = [in_features(ours[t], theirs[g]) for g, t in paired]
    assert len(paired) == (5 if "mapping" in options else 9)
    np.testing.assert_allclose(found["alignment"].numpy(), expected, atol=2e-6)
    total = sum(1 - s for s in expected) / (len(paired) if "reduce" in options else 1)
    assert float(found["misalignment"]) == pytest.approx(total, abs=1e-5)
    assert torch.equal(found["logits"], logits), "the target computes what it did, bit for bit"


def test_the_guides_features_are_never_all_held():
    """With the guide the most bytes alive are little more than its two largest neighbours; hooks hold all of them."""
    graph, x = target(), torch.randn(32, 3, 32, 32)
    analysis = Guidance("cifar_resnet", params=(("depth", 2), ("width", 8)))
    module, leader = ready(analysis, graph), lower(load("cifar_resnet", {"depth": 2, "width": 8})).eval()
    names = analysis.chosen(analysis.opened.graph, graph)[0]
    with torch.no_grad():
        alone, joined, held = Alive(), Alive(), Alive()
        with alone:
            leader(x)
        with joined:
            module(x)
        with held:
            features, _ = hooked(leader, names, x)
    features_bytes = sum(f.nbytes for f in features.values())
    grams = len(names) * 32 * 32 * 4
    assert held.most > 0.9 * features_bytes > 4 * alone.most / 2
    assert joined.most <= alone.most + x.nbytes + 3 * grams
    assert joined.most < 0.5 * held.most


def test_pictures_are_brought_to_the_size_the_guide_insists_on():
    graph, x = target(), torch.randn(6, 3, 32, 32)
    analysis = Guidance("tiny_vgg", taps="op:relu", target_taps="op:relu")
    module = ready(analysis, graph)
    leader, follower = analysis.paired(analysis.opened.graph, graph)[0]
    with torch.no_grad():
        larger = nn.functional.interpolate(x, (64, 64), mode="bilinear", align_corners=False)
        there = rectified(lower(analysis.opened.graph).eval(), analysis.opened.graph, leader, larger)
        here = rectified(lower(graph).eval(), graph, follower, x)
        found = module(x)
    assert analysis.opened.graph.inputs[0].type.shape[1:] == (3, 64, 64)
    assert found["alignment"].shape == (len(analysis.paired(analysis.opened.graph, graph)),)
    assert found["alignment"][0].item() == pytest.approx(in_samples(there, here), rel=1e-4)


def rectified(model, graph, name, x):
    """What a relu of a model puts out."""
    (source,) = graph.by_name[name].reads
    return torch.relu(hooked(model, [source], x)[0][source])


def in_samples(x, y):
    """Linear CKA by the centred Gram matrices of samples."""
    first, second = ((m := v.flatten(1) - v.flatten(1).mean(0)) @ m.T for v in (x, y))
    return ((first * second).sum() / (first.norm() * second.norm())).item()


@pytest.mark.parametrize("name", ["resnet18", "mobilenetv2_050", "vit_tiny_patch16_224", "swin_tiny_patch4_window7_224",
                                  "convnext_tiny", "densenet121", "mixer_s16_224"])  # fmt: skip
def test_any_model_of_the_library_guides_and_is_guided(name):
    """Types alone, on the whole library's kinds: each guides a fully connected net, and is guided by a small one."""
    analysis = Guidance("cifar_resnet")
    made = analysis(load(name))
    assert made.types["alignment"].shape[0] == len(analysis.paired(analysis.opened.graph, load(name)))
    size = 224
    follower = load("deep_fcn", {**SMALL, "size": size})
    other = Guidance(name)
    chosen = taps(load(name), "default", "guide")
    assert len(chosen) >= 10
    assert other.paired(load(name), follower)[-1] == (chosen[-1], "hidden4.linear")


def test_a_target_that_has_a_node_called_guide():
    text = (Path(__file__).parents[2] / "specs/models/digits.yaml").read_text()
    graph = gw.load("digits")
    assert "guide" not in graph.by_name
    assert "conv3" in text
    renamed = graph.with_(
        nodes=tuple(n if n.name != "fc" else n.__class__("guide", *list(vars(n).values())[1:]) for n in graph.nodes),
        outputs=(("logits", "guide"),),
    )
    made = Guidance("digits")(renamed)
    assert "guide_2.conv1" in made.by_name
    assert made.outputs[0] == ("logits", "guide")


# -- the analysis -----------------------------------------------------------------------------
def test_the_analysis_and_its_laws():
    images = torch.randn(24, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    found = gw.analyze("guidance", load("cifar_resnet", {"depth": 1}), images, batch=24, guide="cifar_resnet",
                       params={"depth": 1})  # fmt: skip
    assert all(law.holds for law in found.laws), found.laws
    table = found.arrays["cka"][0]
    assert table.shape == (9, 9)
    np.testing.assert_allclose(table.diagonal(), 1, atol=1e-6)  # the same seed: the same model
    np.testing.assert_allclose(table, table.T, atol=1e-6)
    assert found.numbers["loss"] == pytest.approx([0], abs=1e-4)
    other = gw.analyze("guidance", load("cifar_resnet", {"depth": 1}), images, batch=24, guide="cifar_resnet",
                       params={"depth": 1}, guide_seed=1, feed="shuffled")  # fmt: skip
    assert all(law.holds for law in other.laws)
    assert other.arrays["unbiased_cka"].mean() < 0.1 < other.arrays["cka"].mean()
    assert other.settings["feed"] == "shuffled"


@pytest.mark.parametrize("similarity", ["cka", "unbiased_cka", "rsa"])
def test_it_compiles_in_one_graph_and_leaves_as_onnx(similarity, tmp_path):
    runtime = pytest.importorskip("onnxruntime")
    few = {"params": "{depth: 1, width: 4}", "taps": "layer1.0.conv*", "target_taps": "default"}
    analysis = instrumented("guidance", {"guide": "cifar_resnet", **few, "similarity": similarity})
    graph, x = load("deep_fcn", SMALL | {"depth": 3}), torch.randn(8, 3, 32, 32)
    module = ready(analysis, graph)
    with torch.no_grad():
        expected = module(x)
        torch._dynamo.reset()
        compiled = torch.compile(module, fullgraph=True, backend="aot_eager")(x)
    for port, value in expected.items():
        torch.testing.assert_close(compiled[port], value, atol=1e-5, rtol=1e-5)
    path = gw.doors.emit(analysis, graph, lower(graph).eval(), tmp_path / "x.onnx")
    session = runtime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    told = dict(zip([o.name for o in session.get_outputs()], session.run(None, {"image": x.numpy()}), strict=True))
    for port, value in expected.items():
        np.testing.assert_allclose(told[port], value.numpy(), atol=1e-4)


def test_it_leaves_as_a_spec_and_as_python(tmp_path):
    analysis, graph = Guidance("cifar_resnet", params=(("depth", 1), ("width", 4))), target()
    gw.doors.emit(analysis, graph, lower(graph).eval(), tmp_path / "x.yaml")
    again = load(tmp_path / "x.yaml")
    assert {n.name: n.op for n in again.nodes} == {n.name: n.op for n in analysis(graph).nodes}
    gw.doors.emit(analysis, graph, lower(graph).eval(), tmp_path / "x.py")
    space: dict = {"__name__": "written"}
    exec((tmp_path / "x.py").read_text(), space)
    model = next(v for k, v in space.items() if isinstance(v, type) and issubclass(v, nn.Module) and "Fcn" in k)()
    module, x = ready(analysis, graph), torch.randn(6, 3, 32, 32)
    model.load_state_dict(module.state_dict())
    with torch.no_grad():
        found = model.eval()(x)
    for port, value in module(x).items():
        torch.testing.assert_close(found[port], value.detach(), atol=1e-6, rtol=1e-5)


def test_the_command(tmp_path, monkeypatch):
    from PIL import Image
    from typer.testing import CliRunner

    for k in range(6):
        pixels = np.random.default_rng(k).integers(0, 255, (32, 32, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"{k}.png")
    done = CliRunner().invoke(command("analyze"), [
        "analyze", "guidance", "cifar_resnet", "guide=cifar_resnet", "params={depth: 1}", "--images", str(tmp_path),
        "--size", "32", "-o", str(tmp_path / "out"), "--json",
    ])  # fmt: skip
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout[done.stdout.index("{") :])
    assert all(law["holds"] for law in told["laws"])
    assert told["guide"] == "cifar_resnet"
    assert len(told["pairs"]) == 9
    with Image.open(tmp_path / "out" / "unbiased_cka.png") as picture:
        assert picture.width > 300
    assert np.load(tmp_path / "out" / "arrays.npz")["unbiased_cka"].shape == (1, 9, 21)
