"""Models written a second time in plain torch, for specs that no installed library has. Names are the specs' own."""

from __future__ import annotations

from collections import OrderedDict

import torch
from torch import Tensor, nn
from torch.nn import functional as F


def named(**modules: nn.Module) -> nn.Sequential:
    """A chain of named modules."""
    return nn.Sequential(OrderedDict(modules))


# -- LeNet-5 ----------------------------------------------------------------------------------
def lenet() -> nn.Module:
    return named(
        c1=nn.Conv2d(1, 6, 5, padding=2), act1=nn.Tanh(), s2=nn.AvgPool2d(2),
        c3=nn.Conv2d(6, 16, 5), act3=nn.Tanh(), s4=nn.AvgPool2d(2),
        c5=nn.Conv2d(16, 120, 5), act5=nn.Tanh(), flatten=nn.Flatten(),
        f6=nn.Linear(120, 84), act6=nn.Tanh(), output=nn.Linear(84, 10),
    )  # fmt: skip


# -- the digits' network ----------------------------------------------------------------------
def digits() -> nn.Module:
    def layer(k: int, before: int, after: int) -> dict[str, nn.Module]:
        conv = nn.Conv2d(before, after, 3, padding=1, bias=False)
        return {f"conv{k}": conv, f"bn{k}": nn.BatchNorm2d(after), f"relu{k}": nn.ReLU()}

    return named(
        **layer(1, 1, 32), **layer(2, 32, 64), pool=nn.MaxPool2d(2), **layer(3, 64, 64),
        average=nn.AdaptiveAvgPool2d(1), flatten=nn.Flatten(), dropout=nn.Dropout(0.2), fc=nn.Linear(64, 10),
    )  # fmt: skip


# -- U-Net ------------------------------------------------------------------------------------
def double_conv(before: int, after: int) -> nn.Sequential:
    return named(
        conv1=nn.Conv2d(before, after, 3, padding=1, bias=False), bn1=nn.BatchNorm2d(after), relu1=nn.ReLU(),
        conv2=nn.Conv2d(after, after, 3, padding=1, bias=False), bn2=nn.BatchNorm2d(after), relu2=nn.ReLU(),
    )  # fmt: skip


class UNet(nn.Module):
    def __init__(self, channels: int = 3, classes: int = 2, width: int = 64, depth: int = 4) -> None:
        super().__init__()
        self.depth = depth
        widths = [channels, *(width * 2**d for d in range(depth + 1))]
        for d in range(depth + 1):
            setattr(self, f"down{d}", named(conv=double_conv(widths[d], widths[d + 1])))
        for d in range(depth):
            wide, narrow = widths[d + 2], widths[d + 1]
            up = named(up=nn.ConvTranspose2d(wide, narrow, 2, 2), conv=double_conv(wide, narrow))
            setattr(self, f"up{d}", up)
        self.head = nn.Conv2d(width, classes, 1)

    def forward(self, x: Tensor) -> Tensor:
        skips = []
        for d in range(self.depth + 1):
            x = getattr(self, f"down{d}")(F.max_pool2d(x, 2) if d else x)
            skips.append(x)
        for d in reversed(range(self.depth)):
            level = getattr(self, f"up{d}")
            x = level.conv(torch.cat([skips[d], level.up(x)], 1))
        return self.head(x)


# -- a sequence classifier --------------------------------------------------------------------
class LstmClassifier(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(10_000, 128)
        self.lstm = nn.LSTM(128, 128, batch_first=True, bidirectional=True)
        self.fc = nn.Linear(256, 2)

    def forward(self, tokens: Tensor) -> Tensor:
        return self.fc(self.lstm(self.embed(tokens))[0].mean(1))
