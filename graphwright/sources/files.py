"""Files as sources: exported programs, ONNX, Keras, YOLO's rows."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import torch

from graphwright.backends.examples import example_inputs
from graphwright.compiler.importing.certificate import Certificate, difference, stated
from graphwright.compiler.ir.graph import Graph
from graphwright.doors import build
from graphwright.sources.found import Found, Weights, Wish


def pt2(path: Path, wish: Wish) -> Found:
    """An exported program, beside what it gives itself."""
    from graphwright.compiler.importing.torch.file import read_pt2
    from graphwright.compiler.importing.torch.running import run

    graph, weights, program = read_pt2(path)
    note = "compared with the program in the file, which has one mode"
    return Found(graph, weights, _against(lambda given: run(program, given), path, graph, weights, wish.seed, note))


def onnx(path: Path, wish: Wish) -> Found:
    """An ONNX model, beside what onnxruntime gives where it is installed."""
    from graphwright.compiler.importing.onnx import read

    graph, weights = read(path)
    return Found(graph, weights, _against_onnxruntime(path, graph, weights, wish.seed))


def _against_onnxruntime(path: Path, graph: Graph, weights: Weights, seed: int) -> Certificate:
    """The certificate of an ONNX import: onnxruntime runs the same file on the same inputs."""
    try:
        runtime = importlib.import_module("onnxruntime")
    except ImportError:
        return stated(graph, {}, None, None, model=path.name, note="not compared: onnxruntime is not installed")

    def run(given: Sequence[torch.Tensor]) -> list[torch.Tensor]:
        options = runtime.SessionOptions()
        options.log_severity_level = 3
        session = runtime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        fed = {v.name: x.numpy() for v, x in zip(session.get_inputs(), given, strict=True)}
        return [torch.from_numpy(y) for y in session.run(None, fed)]

    note = "compared with onnxruntime; a file has no training mode"
    return _against(run, path, graph, weights, seed, note, {"onnxruntime": runtime.__version__})


def _against(
    run: Callable[[Sequence[torch.Tensor]], list[torch.Tensor]], path: Path, graph: Graph, weights: Weights, seed: int,
    note: str, versions: Mapping[str, str] | None = None,
) -> Certificate:  # fmt: skip
    """The certificate of a graph beside what `run` gives for the same inputs."""
    given = example_inputs(graph, seed=seed)
    named = {e.name: x for e, x in zip(graph.inputs, given, strict=True)}
    try:
        theirs = run(given)
    except Exception as error:  # the file's own program runs in another library; what that raises is the answer
        line = (str(error).splitlines() or [""])[0]
        note = f"not compared: {type(error).__name__}: {line}"
        return stated(graph, named, None, None, model=path.name, seed=seed, note=note, versions=versions)
    with torch.no_grad():
        made = build(graph, weights=weights)(*given)
    ours = list(made.values()) if isinstance(made, Mapping) else [made]
    found = difference(list(zip(theirs, ours, strict=True)))
    return stated(graph, named, found, None, model=path.name, seed=seed, note=note, versions=versions)


def keras(path: Path, wish: Wish) -> Found:
    """A functional or sequential Keras model, beside what Keras gives where it is installed."""
    from graphwright.compiler.importing.keras import read

    graph, weights = read(path)
    try:
        library = importlib.import_module("keras") if path.suffix == ".keras" else None
    except ImportError:
        library = None
    if library is None:
        why = "Keras is not installed" if path.suffix == ".keras" else "JSON holds no weights"
        return Found(graph, weights, stated(graph, {}, None, None, model=path.name, note=f"not compared: {why}"))
    model = library.saving.load_model(path, compile=False, safe_mode=True)

    def run(given: Sequence[torch.Tensor]) -> list[torch.Tensor]:
        arrays = [(x.movedim(1, -1) if x.ndim > 3 else x).numpy() for x in given]
        found = model(arrays if len(arrays) > 1 else arrays[0], training=False)
        arrays = library.tree.flatten(library.tree.map_structure(library.ops.convert_to_numpy, found))
        tensors = [torch.from_numpy(y.copy()) for y in arrays]
        return [y.movedim(-1, 1) if y.ndim > 3 else y for y in tensors]

    note = f"compared with Keras on {library.backend.backend()}, in inference"
    versions = {"keras": library.__version__}
    return Found(graph, weights, _against(run, path, graph, weights, wish.seed, note, versions))


def yolo(path: str, wish: Wish) -> Found:
    """A file of rows or tags, rewritten: names for indices."""
    from graphwright.compiler.importing.yolo import rewrite

    return Found(None, text=rewrite(Path(path), wish.scale, wish.classes))
