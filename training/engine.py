"""The engine: Accelerate, which places the model and joins the processes that torchrun started."""

from __future__ import annotations

import atexit
import os

import torch
from accelerate import Accelerator


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


def _part() -> None:
    """Leave the other processes: a group that is still there when the interpreter goes may abort the process."""
    if torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()
