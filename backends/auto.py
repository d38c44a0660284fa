"""`auto`: the backend that a device is best at. This is the one place that says which."""

from __future__ import annotations

import importlib.util

import torch

from graphwright.backends.aoti import has_compiler


def best(device: str | torch.device, fixed: bool) -> tuple[str, str]:
    """The name of the backend, and why; `fixed` is whether the model will be called with one set of shapes alone."""
    if torch.device(device).type == "cuda":
        if fixed:
            return "cudagraphs", "one launch a step, since the shapes are fixed"
        return "inductor", "shapes are free, and a CUDA graph is captured anew for each"
    if has_compiler():
        return "inductor", "there is a C++ compiler"
    if importlib.util.find_spec("onnxruntime"):
        return "onnxruntime", "there is no C++ compiler, but onnxruntime"
    return "eager", "there is neither a C++ compiler nor onnxruntime"
