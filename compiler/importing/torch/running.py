"""An exported program run as it stands, node by node: the reference of what was imported from it.

No text of the program becomes code on the way, and its operations are those that the import has just found rules for.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import fx
from torch.export import ExportedProgram
from torch.export.graph_signature import InputKind, OutputKind, TensorArgument


def run(program: ExportedProgram, inputs: Sequence[torch.Tensor]) -> list[torch.Tensor]:
    """What the program returns for these tensors, in the mode it was exported in; its own state stays as it was."""
    given = iter(inputs)
    arguments = [_argument(program, spec, given) for spec in program.graph_signature.input_specs]
    with torch.no_grad():
        found = fx.Interpreter(program.graph_module).run(*arguments)
    outputs = zip(program.graph_signature.output_specs, found, strict=True)
    return [v for spec, v in outputs if spec.kind == OutputKind.USER_OUTPUT and isinstance(spec.arg, TensorArgument)]


def _argument(program: ExportedProgram, spec: Any, given: Any) -> Any:
    if spec.kind == InputKind.USER_INPUT:
        return next(given) if isinstance(spec.arg, TensorArgument) else getattr(spec.arg, "value", None)
    state = program.state_dict if spec.target in program.state_dict else program.constants
    return state[spec.target].detach().clone()
