"""What all tests share: one thread a process, as the suite runs in as many processes as there are cores."""

import functools
import os
from collections.abc import Iterator

os.environ.setdefault("OMP_NUM_THREADS", "1")

import pytest
import torch

torch.set_num_threads(1)


@pytest.fixture(scope="session", autouse=True)
def one_table_of_onnx_functions() -> Iterator[None]:
    """Torch's table of ONNX functions is built once a process. Each export builds it anew, in a third of the time that
    a small model takes; no export of ours changes it."""
    try:
        from torch.onnx._internal.exporter._registration import ONNXRegistry
    except ImportError:  # without onnxscript nothing is exported
        yield
        return
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ONNXRegistry, "from_torchlib", staticmethod(functools.cache(ONNXRegistry.from_torchlib)))
        yield
