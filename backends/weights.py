"""Weights as safetensors, under the spec's names, shared tensors stored once. Pickles are read without running them."""

from __future__ import annotations

import json
import os
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import nn

from graphwright.backends.files import replacing, suffix_of
from graphwright.compiler.ir.graph import Graph
from graphwright.compiler.places import NOWHERE, Problem, SpecError, fail, suggest

#: The key of the file's metadata that maps other names of a stored tensor to the name it is stored under.
SHARED = "graphwright.shared"


def save(module: nn.Module, path: str | Path, metadata: Mapping[str, str] | None = None) -> None:
    """Writes the module's `state_dict`; a tensor with several names is stored under the first."""
    stored: dict[str, torch.Tensor] = {}
    first: dict[tuple[Any, ...], str] = {}
    aliases: dict[str, str] = {}
    for name, tensor in module.state_dict().items():
        key = (tensor.device, tensor.data_ptr(), tuple(tensor.shape), tensor.stride(), tensor.dtype)
        if tensor.numel() and key in first:
            aliases[name] = first[key]
            continue
        first[key] = name
        alone = tensor.detach().cpu().contiguous()
        stored[name] = alone.clone() if _is_view(alone) else alone
    words = {"format": "pt", **(metadata or {})}
    if aliases:
        words[SHARED] = json.dumps(aliases)
    with replacing(path) as temporary:
        try:
            save_file(stored, temporary, words)
        except SafetensorError as error:
            raise fail(NOWHERE, f"cannot write {path}: {error}", "is there room on the disk?") from None


def _is_view(tensor: torch.Tensor) -> bool:
    """Whether the tensor is a part of a larger one, which safetensors takes for a shared one."""
    return tensor.untyped_storage().nbytes() != tensor.numel() * tensor.element_size()


def export(graph: Graph, module: nn.Module, path: str | Path) -> dict[str, Any]:
    """The weights of a graph's module, with its name; reads them back and compares bit for bit."""
    save(module, path, {"name": graph.name, "source": graph.source})
    expected, found = module.state_dict(), read(path)
    same = expected.keys() == found.keys() and all(torch.equal(v.cpu(), found[k]) for k, v in expected.items())
    if not same:
        raise fail(NOWHERE, f"{path} does not hold what was written to it", "is the disk sound?")
    return {"tensors": len(found)}


def read(path: str | Path) -> dict[str, torch.Tensor]:
    """All tensors of a weights file, under all their names."""
    suffix = suffix_of(path, READERS, "weights")
    if not os.path.isfile(path):  # unlike Path's, it answers for any text
        raise fail(NOWHERE, f"no weights file {path}", "check the path")
    return READERS[suffix](Path(path))


def _read_safetensors(path: Path) -> dict[str, torch.Tensor]:
    try:
        with safe_open(path, framework="pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a mapping
            aliases = json.loads((file.metadata() or {}).get(SHARED, "{}"))
        if not isinstance(aliases, dict) or not all(isinstance(stored, str) for stored in aliases.values()):
            raise ValueError("its list of shared tensors is none")
    except (SafetensorError, ValueError, RecursionError, OSError) as error:
        raise fail(NOWHERE, f"{path} is not a whole safetensors file: {error}", "write or fetch it again") from None
    return tensors | {name: tensors[stored] for name, stored in aliases.items() if stored in tensors}


def _read_pickle(path: Path) -> dict[str, torch.Tensor]:
    """A torch file, restricted to tensors and plain data: nothing in it is executed."""
    try:
        with warnings.catch_warnings():
            # Other protocols than torch's own are read or refused like any file; the reader needs no note of it.
            warnings.filterwarnings("ignore", message="Detected pickle protocol")
            found = torch.load(path, map_location="cpu", weights_only=True)
    except Exception:  # a file can be broken in any way
        message = f"{path} is not a file of tensors alone; a pickle that needs more than that can run code"
        raise fail(NOWHERE, message, "convert it to safetensors where it came from") from None
    for key in ("state_dict", "model", "model_state_dict"):
        found = found[key] if isinstance(found, Mapping) and isinstance(found.get(key), Mapping) else found
    if not isinstance(found, Mapping) or not all(isinstance(v, torch.Tensor) for v in found.values()):
        raise fail(NOWHERE, f"{path} holds no mapping from names to tensors", "save a model's state_dict()")
    return {str(k): v for k, v in found.items()}


#: Element types of complex numbers.
COMPLEX = (torch.complex32, torch.complex64, torch.complex128)
READERS = {".safetensors": _read_safetensors, ".pt": _read_pickle, ".pth": _read_pickle}


def load(module: nn.Module, weights: str | Path | Mapping[str, torch.Tensor], file: str | Path | None = None) -> None:
    """Copies weights into a module, or raises one error with every name that is missing, unexpected or misshapen.

    `file` is where a mapping comes from, for the error.
    """
    source = file if isinstance(weights, Mapping) else weights
    source = None if source is None else str(source)
    found = dict(weights) if isinstance(weights, Mapping) else read(weights)
    expected = module.state_dict(keep_vars=True)
    problems = _problems(expected, found, source)
    if problems:
        raise SpecError(problems)
    with torch.no_grad():
        for name, tensor in found.items():
            expected[name].copy_(tensor)


def _problems(
    expected: Mapping[str, torch.Tensor], found: Mapping[str, torch.Tensor], file: str | None
) -> list[Problem]:  # fmt: skip
    unexpected = [name for name in found if name not in expected]
    given = {id(expected[name]) for name in found if name in expected}
    source, lack, have = (file, "lacks", "has") if file else ("the weights", "lack", "have")
    problems: list[Problem] = []
    missing = [n for n in expected if n not in found]
    for name, tensor in expected.items():
        # Older files have no batch counters; a tied tensor may be stored under its other name.
        optional = name.rpartition(".")[2] == "num_batches_tracked" or id(tensor) in given
        if name not in found and not optional:
            hint = suggest(name, unexpected) if unexpected and len(problems) < SUGGESTED else ""
            problems.append(Problem(NOWHERE, f"{source} {lack} '{name}' {list(tensor.shape)}", _near(hint)))
    for name in unexpected:
        hint = suggest(name, missing) if missing and len(problems) < SUGGESTED else ""
        problems.append(Problem(NOWHERE, f"{source} {have} '{name}', which the model has not", _near(hint)))
    for name, tensor in found.items():
        if name in expected and tensor.shape != expected[name].shape:
            message = f"'{name}' is {list(expected[name].shape)} in the model and {list(tensor.shape)} in {source}"
            problems.append(Problem(NOWHERE, message, "set the spec's params to the size of the weights"))
        elif name in expected and not _fits(tensor, expected[name]):
            message = f"'{name}' is {_word(expected[name])} in the model and {_word(tensor)} in {source}"
            problems.append(Problem(NOWHERE, message, "numbers of another kind would be cut to fit"))
    return problems


def _fits(tensor: torch.Tensor, wanted: torch.Tensor) -> bool:
    """Whether numbers are of the wanted kind: floats, integers or others; counts may have been averaged as floats."""
    if tensor.layout != torch.strided or tensor.is_quantized or tensor.is_meta:
        return False
    if wanted.is_floating_point():
        return tensor.is_floating_point()
    if wanted.dtype in (torch.bool, *COMPLEX):
        return tensor.dtype == wanted.dtype
    if tensor.is_floating_point():
        return bool(torch.equal(tensor, tensor.nan_to_num().trunc()))
    return tensor.dtype not in (torch.bool, *COMPLEX)


def _word(tensor: torch.Tensor) -> str:
    layout = "" if tensor.layout == torch.strided else f"{str(tensor.layout).removeprefix('torch.')} "
    return f"{layout}{str(tensor.dtype).removeprefix('torch.')}{' without numbers' if tensor.is_meta else ''}"


#: Near names are looked for in so many problems: as many as are shown.
SUGGESTED = 20


def _near(hint: str) -> str:
    return hint if hint.startswith("did you mean") else ""
