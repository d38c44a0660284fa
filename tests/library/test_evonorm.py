"""The six EvoNorm layers are timm's, in training and after it; the transform puts them where batch norm and ReLU were."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from graphwright.compiler.ir.graph import Graph
from graphwright.compiler.language.load import load
from graphwright.compiler.lowering.lower import lower
from graphwright.compiler.places import SpecError
from graphwright.compiler.transforms.evonorm import Evonorm
from tests.language.conftest import *  # noqa: F403
from tests.library.counter import fill, signed
from tests.oracles import reference_module

KINDS = ("b0", "b1", "b2", "s0", "s1", "s2")
