"""Exported to ONNX and run by onnxruntime, tensors in and tensors out without copies on the way."""

from __future__ import annotations

import importlib
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import fx
from torch.utils.dlpack import from_dlpack

from graphwright.backends.onnx import need_onnx, write
from graphwright.backends.pt2 import program_at, quiet
from graphwright.compiler.ir.graph import Graph
from graphwright.compiler.places import NOWHERE, fail

PROVIDERS = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider"}


def compile(module: fx.GraphModule, example_inputs: Sequence[torch.Tensor], graph: Graph) -> Callable[..., Any]:
    """The session as a function of tensors. Runs forward only, with the weights that the module has now."""
    need_onnx()
    runtime = importlib.import_module("onnxruntime")
    device = example_inputs[0].device.type
    provider = PROVIDERS.get(device, "")
    if provider not in runtime.get_available_providers():
        has = ", ".join(runtime.get_available_providers())
        raise fail(NOWHERE, f"this onnxruntime cannot run on '{device}': it has {has}", "install onnxruntime-gpu")
    options = runtime.SessionOptions()
    options.log_severity_level = 3  # it warns of constants it folds and of devices it does not find
    options.intra_op_num_threads = torch.get_num_threads()
    with quiet(), torch.no_grad(), tempfile.TemporaryDirectory(prefix="graphwright-") as folder:
        path = Path(folder) / "model.onnx"
        write(graph, program_at(graph, module, tuple(example_inputs)), path)
        session = runtime.InferenceSession(str(path), options, providers=[provider])
    return _Session(session, [name for name, _ in graph.deployed().outputs])


class _Session:
    """A session that takes and gives torch tensors by DLPack, so that a CUDA tensor stays where it is."""

    def __init__(self, session: Any, outputs: list[str]) -> None:
        self.session, self.outputs = session, outputs
        self.inputs = [value.name for value in session.get_inputs()]
        self.value = importlib.import_module("onnxruntime").OrtValue

    def __call__(self, *tensors: torch.Tensor) -> Any:
        given = {
            name: self.value.from_dlpack(tensor.detach().contiguous())
            for name, tensor in zip(self.inputs, tensors, strict=True)
        }
        found = [_tensor(v) for v in self.session.run_with_ort_values(None, given)]
        return found[0] if len(found) == 1 else dict(zip(self.outputs, found, strict=True))


def _tensor(value: Any) -> torch.Tensor:
    """The tensor of a result; DLPack hands on the bytes of a bool one as uint8."""
    found: torch.Tensor = from_dlpack(value)
    return found.view(torch.bool) if value.data_type() == "tensor(bool)" else found
