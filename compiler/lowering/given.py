"""A module some of whose parameters are inputs: `in: {x: h, weight: standardised}`."""

from __future__ import annotations

import torch
from torch import nn


class Given(nn.Module):
    """Calls `module` with the tensors named in `ports` taken from the last inputs; other names stay as they are."""

    def __init__(self, module: nn.Module, ports: tuple[str, ...]) -> None:
        super().__init__()
        self.ports = ports
        self.inner = [module]  # in a list, so that the names below are the only ones in `state_dict`
        for name, parameter in module.named_parameters(recurse=False):
            if name not in ports:
                self.register_parameter(name, parameter)
        for name, buffer in module.named_buffers(recurse=False):
            self.register_buffer(name, buffer)
        for port in ports:
            setattr(module, port, None)

    def forward(self, *inputs: torch.Tensor) -> torch.Tensor:
        count = len(inputs) - len(self.ports)
        tensors = dict(self.named_parameters(recurse=False)) | dict(self.named_buffers(recurse=False))
        tensors |= dict(zip(self.ports, inputs[count:], strict=True))
        result: torch.Tensor = torch.func.functional_call(self.inner[0], tensors, inputs[:count])
        return result
