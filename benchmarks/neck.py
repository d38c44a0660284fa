"""The neck of GELAN-T (arXiv:2402.13616) in plain torch, under the names of `neck.yaml`: its peer in `step_time`."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Conv(nn.Module):
    """Convolution, batch norm and SiLU, or nothing in its place."""

    def __init__(self, width: int, out: int, kernel: int = 1, stride: int = 1, act: bool = True) -> None:
        super().__init__()
        self.conv = nn.Conv2d(width, out, kernel, stride, kernel // 2, bias=False)
        self.bn = nn.BatchNorm2d(out, eps=1e-3, momentum=0.03)
        self.act = nn.SiLU() if act else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        return self.act(self.bn(self.conv(x)))  # type: ignore[no-any-return]


class RepConv(nn.Module):
    """A 3x3 and a 1x1 convolution side by side."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv1, self.conv2 = Conv(width, width, 3, act=False), Conv(width, width, act=False)
        self.act = nn.SiLU()

    def forward(self, x: Tensor) -> Tensor:
        return self.act(self.conv1(x) + self.conv2(x))  # type: ignore[no-any-return]


class Bottleneck(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.cv1, self.cv2 = RepConv(width), Conv(width, width, 3)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.cv2(self.cv1(x))  # type: ignore[no-any-return]


class Csp(nn.Module):
    """Bottlenecks in a row beside a shortcut."""

    def __init__(self, width: int, out: int, depth: int) -> None:
        super().__init__()
        self.cv1, self.cv2, self.cv3 = Conv(width, out // 2), Conv(width, out // 2), Conv(out, out)
        self.m = nn.Sequential(*(Bottleneck(out // 2) for _ in range(depth)))

    def forward(self, x: Tensor) -> Tensor:
        return self.cv3(torch.cat((self.m(self.cv1(x)), self.cv2(x)), 1))  # type: ignore[no-any-return]


class Elan(nn.Module):
    def __init__(self, width: int, out: int, depth: int = 3) -> None:
        super().__init__()
        half = out // 2
        self.cv1 = Conv(width, out)
        self.cv2 = nn.Sequential(Csp(half, half, depth), Conv(half, half, 3))
        self.cv3 = nn.Sequential(Csp(half, half, depth), Conv(half, half, 3))
        self.cv4 = Conv(2 * half + 2 * half, out)

    def forward(self, x: Tensor) -> Tensor:
        parts = list(self.cv1(x).chunk(2, 1))
        parts.append(self.cv2(parts[-1]))
        parts.append(self.cv3(parts[-1]))
        return self.cv4(torch.cat(parts, 1))  # type: ignore[no-any-return]


class Down(nn.Module):
    def __init__(self, width: int, out: int) -> None:
        super().__init__()
        self.cv1 = Conv(width, out, 3, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.cv1(nn.functional.avg_pool2d(x, 2, 1, 0))  # type: ignore[no-any-return]


class Neck(nn.Module):
    """Three maps to three maps, down and up again."""

    def __init__(self) -> None:
        super().__init__()
        for name, part in {
            "12": Elan(224, 96), "15": Elan(160, 64), "16": Down(64, 48), "18": Elan(144, 96), "19": Down(96, 64),
            "21": Elan(192, 128),
        }.items():  # fmt: skip
            self.add_module(name, part)
        self.up = nn.Upsample(scale_factor=2)

    def forward(self, p3: Tensor, p4: Tensor, p5: Tensor) -> dict[str, Tensor]:
        part = self._modules
        middle = part["12"](torch.cat((self.up(p5), p4), 1))  # type: ignore[misc]
        low = part["15"](torch.cat((self.up(middle), p3), 1))  # type: ignore[misc]
        mid = part["18"](torch.cat((part["16"](low), middle), 1))  # type: ignore[misc]
        return {"p3": low, "p4": mid, "p5": part["21"](torch.cat((part["19"](mid), p5), 1))}  # type: ignore[misc]
