"""The engine: Accelerate, which places the model and joins the processes that torchrun started."""

from __future__ import annotations

import atexit
import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from accelerate import Accelerator

from graphwright.compiler.places import NOWHERE, fail

#: What the libraries that join processes say when one of them is gone; of these errors few have a class of their own.
GONE = ("gloo/transport", "Connection closed by peer", "Connection reset by peer", "Broken pipe", "NCCL", "TCPStore")


def engine() -> Accelerator:
    """One process, or one of many; on processors where there is no accelerator, or ACCELERATE_USE_CPU says so.

    Precision is the step's own affair, so that runs of different precision can follow each other in a process.
    """
    forced = os.environ.get("ACCELERATE_USE_CPU", "").lower() in ("1", "true", "yes")
    accelerator = Accelerator(cpu=forced or not torch.accelerator.is_available(), mixed_precision="no")
    if accelerator.num_processes > 1:
        atexit.unregister(_part)
        atexit.register(_part)
    return accelerator


@contextmanager
def together(accelerator: Accelerator) -> Iterator[None]:
    """Says so where another process is gone, which every exchange with it fails of."""
    try:
        yield
    except RuntimeError as error:  # torch.distributed.DistError is one
        if accelerator.num_processes == 1 or not any(words in str(error) for words in GONE):
            raise
        rule = f"process {accelerator.process_index} of {accelerator.num_processes} has lost another one"
        raise fail(NOWHERE, rule, "its own messages may say why; go on with --resume") from None


def _part() -> None:
    """Leave the other processes: a group that is still there when the interpreter goes may abort the process."""
    if torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()
