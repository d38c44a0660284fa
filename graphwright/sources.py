"""What `graphwright import` can read: where a model comes from, as a table, and what each source makes of it.

A source is named by the user, never by a spec: `package.module:function` runs that function, as running Python would.
"""

from __future__ import annotations

import importlib
import sys
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import nn

from graphwright.backends.examples import example_inputs
from graphwright.compiler.importing.certificate import Certificate, difference, stated
from graphwright.compiler.importing.torch.module import import_module
from graphwright.compiler.ir.graph import Graph
from graphwright.compiler.ir.types import DTYPES, parse_type
from graphwright.compiler.places import NOWHERE, SpecError, fail, suggest
from graphwright.doors import build

#: Free sizes of an input type without a default.
FREE = 2


@dataclass(frozen=True)
class Found:
    """What a source gave: a graph with its weights, or the text of a spec."""

    graph: Graph | None
    weights: Mapping[str, torch.Tensor] = field(default_factory=dict)
    certificate: Certificate | None = None
    text: str = ""


@dataclass(frozen=True)
class Wish:
    """What the user asked for beside the source."""

    inputs: Sequence[str] = ()
    pretrained: bool = False
    seed: int = 0
    scale: str | None = None
    classes: int | None = None


def find(source: str, wish: Wish) -> Found:
    """The model that a source names.

    Raises `SpecError` where there is no such model, it cannot be exported, or an operation has no rule.
    """
    head, colon, rest = source.partition(":")
    suffix = Path(source).suffix.lower()
    if colon and head in NAMED:
        return NAMED[head](rest, wish)
    if suffix in FILES:
        if not Path(source).is_file():
            raise fail(NOWHERE, f"no file {source}", "check the path")
        return FILES[suffix](Path(source), wish)
    if colon and all(part.isidentifier() for part in head.split(".")) and rest.isidentifier():
        return _function(head, rest, wish)
    known = ", ".join([*(f"{n}:NAME" for n in NAMED), "package.module:function", *(f"x{s}" for s in FILES)])
    raise fail(NOWHERE, f"'{source}' is nothing that can be imported", f"one of {known}")


# -- modules --------------------------------------------------------------------------------------
def _module(module: nn.Module, wish: Wish, name: str, default: Sequence[str]) -> Found:
    inputs, free = example(wish.inputs or default, wish.seed)
    made = import_module(module, inputs, name=name, free=free, seed=wish.seed)
    return Found(made.graph, made.weights, made.certificate)


def example(types: Sequence[str], seed: int) -> tuple[tuple[torch.Tensor, ...], dict[int, tuple[int, ...]] | None]:
    """Example tensors of these types, and the sizes that their symbols leave free (`None`: what is usual).

    A type is written as in a spec: `float32[1, 3, 224, 224]`, or with symbols, `[N, 3, H=224, W=224]`.
    """
    generator = torch.Generator().manual_seed(seed)
    tensors, free = [], {}
    for index, text in enumerate(types):
        sizes: list[int] = []
        symbols: list[int] = []
        try:
            kind = parse_type(_plain(text, sizes, symbols))
        except ValueError as error:
            raise fail(NOWHERE, f"--input '{text}' is no type: {error}", "for example float32[1,3,224,224]") from None
        dtype, shape = DTYPES[kind.dtype], [int(s) for s in kind.shape]
        made = torch.randn(shape, generator=generator) if dtype.is_floating_point else torch.randint(
            0, 2, shape, generator=generator)  # fmt: skip
        tensors.append(made.to(dtype))
        if symbols:
            free[index] = tuple(symbols)
    return tuple(tensors), free or None


def _plain(text: str, sizes: list[int], symbols: list[int]) -> str:
    """The type with a number for each symbol; `symbols` gets the dimensions that had one."""
    head, bracket, rest = text.strip().partition("[")
    if not bracket or not rest.endswith("]"):
        raise ValueError("sizes stand in [ ]")
    if head.strip() and head.strip() not in DTYPES:
        raise ValueError(f"no dtype '{head.strip()}'; there are {', '.join(DTYPES)}")
    for position, word in enumerate(filter(None, (w.strip() for w in rest[:-1].split(",")))):
        symbol, equals, number = word.partition("=")
        if not word.lstrip("-").isdecimal():
            symbols.append(position)
        if not symbol.strip().isdecimal() and not symbol.strip().isidentifier():
            raise ValueError(f"'{word}' is no size")
        value = number if equals else symbol if symbol.isdecimal() else str(FREE)
        if not value.strip().isdecimal() or int(value) < 1:
            raise ValueError(f"'{word}' is no size")
        sizes.append(int(value))
    return f"{head.strip() or 'float32'}[{', '.join(map(str, sizes))}]"


def _timm(name: str, wish: Wish) -> Found:
    timm = optional("timm", "timm")
    if not timm.is_model(name.partition(".")[0]):
        raise fail(NOWHERE, f"timm {timm.__version__} has no model '{name}'", suggest(name, timm.list_models()))
    torch.manual_seed(wish.seed)
    module = _made(lambda: timm.create_model(name, pretrained=wish.pretrained), f"timm:{name}")
    size = module.pretrained_cfg.get("input_size", (3, 224, 224))
    return _module(module, wish, name.replace(".", "_"), [f"float32[1, {', '.join(map(str, size))}]"])


def _torchvision(name: str, wish: Wish) -> Found:
    models = optional("torchvision.models", "torchvision")
    if name not in models.list_models():
        raise fail(NOWHERE, f"torchvision has no model '{name}'", suggest(name, models.list_models()))
    torch.manual_seed(wish.seed)
    weights = models.get_model_weights(name).DEFAULT
    options = _no_backbone(models, name, wish)
    module = _made(
        lambda: models.get_model(name, weights=weights if wish.pretrained else None, **options), f"torchvision:{name}"
    )
    if hasattr(module, "anchor_generator") and hasattr(module, "head"):
        module = Heads(module)
    size = _picture(weights, module)
    return _module(module, wish, name, [f"float32[1, 3, {size}, {size}]"])


def _no_backbone(models: Any, name: str, wish: Wish) -> dict[str, Any]:
    """Detectors and segmenters fetch weights of their backbone unless told not to."""
    composed = name in {*models.list_models(module=models.detection), *models.list_models(module=models.segmentation)}
    return {"weights_backbone": None} if composed and not wish.pretrained else {}


def _picture(weights: Any, module: nn.Module) -> int:
    size = getattr(weights.transforms(), "crop_size", None)
    if size:
        return int(size[0])
    sizes = getattr(module, "size", None)
    return int(sizes[0]) if sizes else 224


class Heads(nn.Module):
    """The network of a torchvision detector: pictures to class scores and box offsets of every default box.

    Resizing before it and decoding and suppression after it have sizes that depend on data.
    """

    def __init__(self, detector: Any) -> None:
        super().__init__()
        self.backbone, self.head = detector.backbone, detector.head
        self.size = detector.transform.fixed_size or detector.transform.min_size * 2

    def forward(self, images: torch.Tensor) -> Any:
        features = self.backbone(images)
        return self.head([features] if isinstance(features, torch.Tensor) else list(features.values()))


def _function(module: str, function: str, wish: Wish) -> Found:
    sys.path.insert(0, "")  # the user's own folder, as for `python -m`
    try:
        found = getattr(importlib.import_module(module), function)
    except (ImportError, AttributeError) as error:
        raise fail(NOWHERE, f"no function {module}:{function}: {error}", "it is imported as Python would") from None
    finally:
        sys.path.pop(0)
    torch.manual_seed(wish.seed)
    made = _made(found, f"{module}:{function}")
    if not isinstance(made, nn.Module):
        raise fail(NOWHERE, f"{module}:{function} gives {type(made).__name__}, not a torch module", "return the model")
    if not wish.inputs:
        raise fail(NOWHERE, f"{module}:{function} needs example inputs", "--input 'float32[1,3,224,224]', one for each")
    return _module(made, wish, function, ())


def _made(make: Callable[[], Any], what: str) -> Any:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return make()
    except SpecError:
        raise
    except Exception as error:  # the model's own code may raise anything
        line = (str(error).splitlines() or [""])[0]
        raise fail(NOWHERE, f"{what} could not be made: {type(error).__name__}: {line}", "try it in Python") from error


def optional(module: str, extra: str) -> Any:
    """A library that is not required, imported; torchvision's models work without its compiled ops too."""
    _describe_torchvision_ops()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return importlib.import_module(module)
    except ImportError as error:
        raise fail(NOWHERE, f"{module} cannot be imported: {error}", f"pip install '{extra}'") from None


_LIBRARY: list[torch.library.Library] = []


def _describe_torchvision_ops() -> None:
    """Schemas of ops that torchvision expects torch to know, for where its extension did not load."""
    if _LIBRARY:
        return
    library: Any = torch.library.Library("torchvision", "FRAGMENT")  # type: ignore[no-untyped-call]
    for name in ("nms", "qnms"):
        if not hasattr(torch.ops.torchvision, name):
            library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    _LIBRARY.append(library)


# -- files ----------------------------------------------------------------------------------------
def _pt2(path: Path, wish: Wish) -> Found:
    from graphwright.compiler.importing.torch.file import read_pt2

    graph, weights = read_pt2(path)
    note = "not compared: a program from a file is read, not run"
    return Found(graph, weights, stated(graph, {}, None, None, model=path.name, note=note))


def _onnx(path: Path, wish: Wish) -> Found:
    from graphwright.compiler.importing.onnx import read

    graph, weights = read(path)
    return Found(graph, weights, _against_onnxruntime(path, graph, weights, wish.seed))


def _against_onnxruntime(
    path: Path, graph: Graph, weights: Mapping[str, torch.Tensor], seed: int
) -> Certificate:  # fmt: skip
    """The certificate of an ONNX import: onnxruntime runs the same file on the same inputs."""
    try:
        runtime = importlib.import_module("onnxruntime")
    except ImportError:
        return stated(graph, {}, None, None, model=path.name, note="not compared: onnxruntime is not installed")
    given = example_inputs(graph, seed=seed)
    named = {e.name: x for e, x in zip(graph.inputs, given, strict=True)}
    options = runtime.SessionOptions()
    options.log_severity_level = 3
    session = runtime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    fed = {v.name: x.numpy() for v, x in zip(session.get_inputs(), given, strict=True)}
    theirs = [torch.from_numpy(y) for y in session.run(None, fed)]
    with torch.no_grad():
        made = build(graph, weights=weights)(*given)
    ours = list(made.values()) if isinstance(made, Mapping) else [made]
    found = difference(list(zip(theirs, ours, strict=True)))
    note = "compared with onnxruntime; a file has no training mode"
    return stated(graph, named, found, None, model=path.name, seed=seed, note=note,
                  versions={"onnxruntime": runtime.__version__})  # fmt: skip


def _keras(path: Path, wish: Wish) -> Found:
    from graphwright.compiler.importing.keras import read

    graph, weights = read(path)
    return Found(graph, weights, stated(graph, {}, None, None, model=path.name, note="not compared: Keras is not run"))


def _yolo(path: str, wish: Wish) -> Found:
    from graphwright.compiler.importing.yolo import rewrite

    return Found(None, text=rewrite(Path(path), wish.scale, wish.classes))


#: `prefix:rest`.
NAMED: dict[str, Callable[[str, Wish], Found]] = {"timm": _timm, "torchvision": _torchvision, "yolo": _yolo}
#: Files by suffix.
FILES: dict[str, Callable[[Path, Wish], Found]] = {".pt2": _pt2, ".onnx": _onnx, ".json": _keras, ".keras": _keras}
