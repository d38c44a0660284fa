"""Keras files: an architecture as JSON, or an archive of it with weights in HDF5. Nothing in them is executed."""

from __future__ import annotations

import importlib
import io
import json
import re
import zipfile
import zlib
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from graphwright.compiler.places import NOWHERE, Place, fail

#: Numbers of each layer by the path of its name, in Keras' order.
Stored = dict[str, list[Any]]
MAX_BYTES = 2**26
#: Weights in an archive are read into memory.
MAX_WEIGHTS = 2**34


def load(path: Path) -> tuple[dict[str, Any], Stored | None]:
    """The model's configuration, and its weights where the file has them."""
    place = Place(str(path), 0, 0)
    if not path.is_file():
        raise fail(place, "there is no such file", "check the path")
    if not zipfile.is_zipfile(path):
        if path.stat().st_size > MAX_BYTES:
            raise fail(place, f"{path.stat().st_size:,} bytes are more than an architecture has", "is it a model?")
        return _parse(path.read_bytes(), place), None
    try:
        with zipfile.ZipFile(path) as archive:
            model = _parse(_member(archive, "config.json", MAX_BYTES, place), place)
            return model, _weights(_member(archive, "model.weights.h5", MAX_WEIGHTS, place), model, place)
    except (KeyError, zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, RuntimeError) as error:
        raise fail(place, f"this is not a whole Keras archive: {error}", "save it again, as model.keras") from None


def _member(archive: zipfile.ZipFile, name: str, most: int, place: Place) -> bytes:
    """A file of the archive, no larger than it says and than such a file is."""
    size = archive.getinfo(name).file_size
    if size > most:
        raise fail(place, f"{name} in it would have {size:,} bytes", f"the limit is {most:,}")
    with archive.open(name) as file:
        return file.read(size + 1)


def _parse(data: bytes, place: Place) -> dict[str, Any]:
    try:
        model = json.loads(data)
    except (ValueError, RecursionError):
        raise fail(place, "this is not a Keras model in JSON", "model.to_json() writes one") from None
    if not isinstance(model, dict) or not isinstance(model.get("config"), dict) or "layers" not in model["config"]:
        what = model.get("class_name") if isinstance(model, dict) else type(model).__name__
        message = f"this is no functional or sequential Keras model, but {what!r}"
        raise fail(place, message, "a model written as a class has no architecture to read")
    return model


def _weights(data: bytes, model: dict[str, Any], place: Place) -> Stored:
    try:
        h5py = importlib.import_module("h5py")
    except ImportError:
        raise fail(NOWHERE, "reading the weights of a .keras file needs the package 'h5py'",
                   "pip install 'graphwright[keras]', or import the JSON alone") from None  # fmt: skip
    found: Stored = {}
    try:
        with h5py.File(io.BytesIO(data), "r") as store:
            _collect(store, model["config"], "", found)
    except (OSError, RuntimeError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise fail(place, f"the weights in it are not whole: {error}", "save it again") from None
    return found


def _own(group: Any, name: str) -> Any:
    """A part of a group that lies in the file itself: HDF5 has links and data that lead into other files."""
    if type(group.get(name, getlink=True)).__name__ != "HardLink":
        raise ValueError(f"'{name}' leads elsewhere")
    part = group[name]
    if getattr(part, "external", None) or getattr(part, "is_virtual", False):
        raise ValueError(f"the numbers of '{name}' lie in another file")
    return part


def _collect(group: Any, config: dict[str, Any], prefix: str, found: Stored) -> None:
    """The numbers of all layers: groups are called by the layers' classes, with a count."""
    seen: Counter[str] = Counter()
    for layer in config["layers"]:
        kind = snake(layer["class_name"])
        name = kind if not seen[kind] else f"{kind}_{seen[kind]}"
        seen[kind] += 1
        path = prefix + layer["config"].get("name", name)
        layers = _own(group, "layers") if "layers" in group else {}
        if name not in layers:
            continue
        inner = _own(layers, name)
        if "layers" in layer["config"]:
            _collect(inner, layer["config"], f"{path}/", found)
        else:
            found[path] = _variables(inner)


def _variables(group: Any) -> list[Any]:
    """All variables of a layer, those of its parts in order: its own, a cell's, forward before backward."""
    own = _own(group, "vars") if "vars" in group else {}
    arrays = [np.asarray(_own(own, str(k))) for k in range(len(own))]
    inner = [k for k in ("cell", "forward_layer", "backward_layer", "layer") if k in group]
    return arrays + [a for k in inner for a in _variables(_own(group, k))]


def snake(name: str) -> str:
    """`batch_normalization` for `BatchNormalization`, as Keras names groups of weights."""
    name = re.sub(r"\W+", "", name)
    name = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", name).lower()
