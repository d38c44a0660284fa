"""The engine: Accelerate, which places the model and joins the processes that torchrun started."""

from __future__ import annotations

import os

import torch
from accelerate import Accelerator


def engine() -> Accelerator:
    """One process, or one of many; on processors where there is no accelerator, or ACCELERATE_USE_CPU says so.

    Precision is the step's own affair, so that runs of different precision can follow each other in a process.
    """
    forced = os.environ.get("ACCELERATE_USE_CPU", "").lower() in ("1", "true", "yes")
    return Accelerator(cpu=forced or not torch.accelerator.is_available(), mixed_precision="no")
