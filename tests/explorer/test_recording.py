"""What a page holds of a run: every value as torch computed it, thumbnails of them, and no more than its budget."""

from __future__ import annotations

import base64
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

import graphwright as gw
from graphwright.backends.explorer import describe, page
from graphwright.backends.explorer.maps import STEPS, scale, thumbnails
from graphwright.backends.explorer.recording import Layout, activity, layout, layouts, probabilities, record
from graphwright.commands.exploring import explore
from graphwright.compiler.language.load import load
from graphwright.compiler.places import SpecError
from tests.explorer.nets import computed, pictures, small_vit, windows
from tests.explorer.test_command import told

CLOSE = {"rtol": 1e-4, "atol": 1e-5}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], list[dict[str, Tensor]]]:
    """The description of a run on two pictures, and the values that torch computes of them."""
    graph, state = windows(tmp_path_factory.mktemp("run"))
    given = pictures(2, 24)
    return describe(graph, state, pictures=given)["run"], [computed(state, p[None]) for p in given.inputs]


def numbers(entry: dict[str, Any], which: int) -> np.ndarray:
    found = np.frombuffer(base64.b64decode(entry["data"][which]), dtype="<f4")
    kept = entry["shape"][0] if entry["kept"] is None else len(entry["kept"])
    return found.reshape(kept, *entry["shape"][1:])


def test_values_are_those_of_every_node(tmp_path: Path) -> None:
    graph, state = windows(tmp_path)
    given = pictures(2, 24)
    for values, picture in zip(record(graph, state, given.inputs), given.inputs, strict=True):
        expected = computed(state, picture[None])
        assert set(values) == set(expected)
        for name, value in expected.items():
            torch.testing.assert_close(values[name], value, **CLOSE)


def test_without_weights_they_are_the_initial_ones() -> None:
    graph = load("lenet")
    picture = torch.rand(1, 1, 28, 28)
    (values,) = record(graph, {}, picture)
    torch.testing.assert_close(values["output"], gw.build(graph)(picture), rtol=0, atol=0)


def test_numbers_in_the_page_are_float32_as_computed(run: tuple[dict[str, Any], list[dict[str, Tensor]]]) -> None:
    told, expected = run
    assert set(expected[0]) - set(told["numbers"]) == set()
    for which in (0, 1):
        for name, values in expected[which].items():
            entry = told["numbers"][name]
            assert entry["kept"] is None
            found = numbers(entry, which)
            np.testing.assert_allclose(found.ravel(), values.ravel().numpy(), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("budget", [0, 3_000, 20_000, 60_000])
def test_numbers_stay_in_their_budget_and_every_view_has_its_own(tmp_path: Path, budget: int) -> None:
    graph, state = windows(tmp_path)
    told = describe(graph, state, pictures=pictures(2, 24), budget=budget)["run"]
    held = sum(len(base64.b64decode(text)) for entry in told["numbers"].values() for text in entry["data"])
    assert held <= budget
    for view in told["views"].values():
        assert {view[k] for k in ("x", "y", "weight", "bias") if view.get(k)} <= set(told["numbers"])
    left = {name for name, why in told["reasons"].items() if "do not fit" in why}
    assert left | set(told["views"]) == {n.name for n in graph.nodes} - {"flatten"}
    assert not left & set(told["views"])


def test_channels_of_a_view_go_together(tmp_path: Path) -> None:
    """Where only some channels are kept, a convolution has all that those read, in its own group."""
    graph, state = windows(tmp_path)
    told = describe(graph, state, pictures=pictures(1, 24), budget=20_000)["run"]
    view, kept = told["views"]["conv2"], {k: e["kept"] for k, e in told["numbers"].items()}
    rows = kept[view["weight"]]
    assert rows is not None
    assert set(rows) <= set(kept["conv2"] or range(12))
    assert {row // 4 * 2 + k for row in rows for k in (0, 1)} <= set(kept["silu"] or range(6))


def sheet(address: str) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(address.partition(",")[2]))), dtype=np.float32)


@pytest.mark.parametrize("budget", [3 * 2**20, 4_000, 10])
def test_thumbnails_are_the_maps(budget: int) -> None:
    generator = torch.Generator().manual_seed(0)
    values = [{"x": torch.randn(1, 70, 40, 30, generator=generator)} for _ in range(2)]
    found = thumbnails(values, {"x": Layout("maps")}, budget)["x"]
    (high, wide), kept = found["size"], found["kept"]
    channels, side = next((s for s in STEPS if 2 * min(s[0], 70) * min(s[1], 40) * min(s[1], 30) <= budget), STEPS[-1])
    assert (len(kept), high, wide) == (min(channels, 70), min(side, 40), min(side, 30))
    ranked = (values[0]["x"].abs().mean((0, 2, 3)) + values[1]["x"].abs().mean((0, 2, 3))).argsort(descending=True)
    assert kept == sorted(ranked[: len(kept)].tolist())
    for value, address in zip(values, found["sheets"], strict=True):
        small = F.adaptive_avg_pool2d(value["x"][0, kept], (high, wide))
        shown = (sheet(address).reshape(len(kept), high, wide) - 128) / 127 * found["limit"]
        expected = small.clamp(-found["limit"], found["limit"]).numpy()
        assert np.abs(shown - expected).max() <= 0.51 * found["limit"] / 127
    assert found["figures"][0][1] == pytest.approx(float(values[0]["x"].max()), rel=1e-3)


def test_the_scale_leaves_out_few() -> None:
    assert scale(torch.cat([torch.ones(99), torch.tensor([1000.0])])) == 1.0
    assert scale(torch.zeros(5)) == 1.0
    assert scale(torch.cat([torch.zeros(999), torch.tensor([7.0])])) == 7.0


def test_what_is_not_finite_is_left_out_of_pictures() -> None:
    value = torch.tensor([[float("nan"), float("inf"), -2.0, 1.0]]).view(1, 1, 2, 2)
    found = thumbnails([{"x": value}], {"x": Layout("maps")})["x"]
    assert found["figures"] == [[-2.0, 1.0, -0.5, 0.0]]
    assert sheet(found["sheets"][0]).ravel().tolist() == [128.0, 128.0, 1.0, 192.0]
    assert activity([torch.full((2, 1, 1), float("nan"))]) == [0, 1]


@pytest.mark.parametrize(
    ("shape", "form", "arranged"),
    [
        ((1, 7, 5, 5), "maps", (7, 5, 5)),
        ((1, 5, 5, 7), "maps", (7, 5, 5)),
        ((1, 5, 5, 5), "maps", (5, 5, 5)),
        ((1, 197, 12), "tokens", (12, 14, 14)),
        ((1, 196, 12), "tokens", (12, 14, 14)),
        ((1, 12, 40), "matrix", (1, 12, 40)),
        ((1, 9), "vector", (9, 1, 1)),
        ((4, 9, 8), None, None),
        ((), None, None),
    ],
)
def test_layouts(shape: tuple[int, ...], form: str | None, arranged: tuple[int, ...] | None) -> None:
    value = torch.rand(shape)
    found = layout(value)
    assert (found.form if found else None) == form
    if found is not None:
        assert tuple(found.arrange(value).shape) == arranged


def test_maps_of_tokens_lie_where_the_patches_are() -> None:
    value = torch.arange(5.0).view(1, 5, 1)
    found = layout(value)
    assert found is not None
    assert found.arrange(value)[0].tolist() == [[1.0, 2.0], [3.0, 4.0]]


def test_ops_settle_layouts_that_shapes_leave_open(tmp_path: Path) -> None:
    graph, state = windows(tmp_path)
    (values,) = record(graph, state, pictures(1, 24).inputs)
    assert tuple(values["conv2"].shape) == (1, 12, 12, 10)  # by its shape alone it would have ten channels
    assert layouts(graph, values)["conv2"] == Layout("maps")
    graph, state = small_vit()
    (values,) = record(graph, state, pictures(1, 32).inputs)
    found = layouts(graph, values)
    assert {n for n, way in found.items() if way.form == "heads"} == {
        "blocks.0.attn.attend", *(f"blocks.0.attn.head{k}" for k in ("", ":1", ":2")),
    }  # fmt: skip


def test_probabilities_are_the_softmax_unless_there_is_one(tmp_path: Path) -> None:
    graph, state = windows(tmp_path)
    (values,) = record(graph, state, pictures(1, 24).inputs)
    torch.testing.assert_close(probabilities(graph, values), values["odds"][0].double())
    bare = graph.with_(outputs=(("logits", "fc"),))
    torch.testing.assert_close(probabilities(bare, values), values["fc"][0].double().softmax(0))
    assert probabilities(graph.with_(outputs=(("maps", "conv1"),)), values) is None


def test_free_sizes_are_those_of_the_pictures() -> None:
    graph = load("unet", {"width": 4, "depth": 1})
    found = describe(graph, pictures=pictures(1, 32))
    assert found["sizes"]["H"] == 32
    head = next(n for n in found["nodes"] if n["name"] == "head")
    assert found["types"][head["out"][0][1]]["sizes"] == "N×2×32×32"
    assert found["run"]["maps"]["head"]["from"] == [32, 32]
    assert found["run"]["pictures"][0]["top"] == []


# -- the command -------------------------------------------------------------------------------
@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "photo.png"
    Image.fromarray((pictures(1, 24).pixels[0] * 255).astype(np.uint8)).save(path)
    return path


def test_pictures_of_a_spec(tmp_path: Path, photo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    graph, _ = windows(tmp_path)
    names = tmp_path / "names.txt"
    names.write_text("".join(f"kind {k}\n" for k in range(10)))
    explore(
        str(tmp_path / "windows.yaml"), output=tmp_path / "x.html", image=[photo, photo], classes=names, crop=1,
        mean="0.5,0.5,0.5", std="0.25,0.25,0.25", budget=0.02,
    )  # fmt: skip
    assert "initial values" in capsys.readouterr().err
    found = told(tmp_path / "x.html")["run"]
    assert found["classes"][3] == "kind 3"
    assert "24×24" in found["told"]
    assert not found["trained"]
    pixels = np.asarray(Image.open(photo), dtype=np.float32) / 255
    image = torch.from_numpy((pixels - 0.5) / 0.25).permute(2, 0, 1)[None]
    (values,) = record(graph, {}, image)
    expected = values["odds"][0].sort(descending=True)
    for shot in found["pictures"]:
        assert [k for k, _ in shot["top"]] == expected.indices.tolist()
        assert [p for _, p in shot["top"]] == pytest.approx(expected.values.tolist(), rel=1e-4)
    np.testing.assert_array_equal(sheet(found["pictures"][0]["picture"]), np.asarray(Image.open(photo)))
    gw.explore(graph, tmp_path / "y.html", images=[photo], mean=(0.5,) * 3, std=(0.25,) * 3)
    assert len(told(tmp_path / "y.html")["run"]["pictures"]) == 1


def test_pictures_of_a_run_are_read_as_predict_does(tmp_path: Path) -> None:
    gw.train(gw.load("digits"), "digits", tmp_path / "run", epochs=1)
    from sklearn.datasets import load_digits

    photo = tmp_path / "digit.png"
    Image.fromarray((load_digits().images[3] * 15.9).astype(np.uint8)).resize((32, 32), 0).save(photo)
    explore(str(tmp_path / "run"), output=tmp_path / "x.html", image=[photo])
    found = told(tmp_path / "x.html")["run"]
    (answer,) = gw.predict(tmp_path / "run", photo)
    number, probability = found["pictures"][0]["top"][0]
    assert found["classes"][number] == answer["class"]
    assert probability == pytest.approx(answer["probability"], abs=1e-4)
    assert found["trained"]


def test_refusals(tmp_path: Path, photo: Path) -> None:
    windows(tmp_path)
    spec, page_ = str(tmp_path / "windows.yaml"), tmp_path / "x.html"
    cases: list[tuple[str, dict[str, Any]]] = [
        (r"no picture .*gone\.png", {"image": [tmp_path / "gone.png"]}),
        ("names of classes", {"image": [photo], "classes": tmp_path / "gone.txt"}),
        ("--mean '1,x' is no list of numbers", {"image": [photo], "mean": "1,x"}),
        ("17 pictures do not fit", {"image": [photo] * 17}),
    ]
    for message, options in cases:
        with pytest.raises(SpecError, match=message):
            explore(spec, output=page_, **options)
    with pytest.raises(SpecError, match="takes no pictures"):
        explore("lstm_classifier", output=page_, image=[photo])
    assert not page_.exists()


def test_the_page_of_a_run_holds_its_data_safely(run: tuple[dict[str, Any], object]) -> None:
    text = page(describe(load("lenet")) | {"run": run[0]})
    assert text.count("<script") == 2
    assert len(json.dumps(run[0])) < 2**20
