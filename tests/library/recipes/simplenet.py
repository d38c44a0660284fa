"""Coderx7/SimpleNet_Pytorch: the authors' file of SimpleNet, eight nets for ImageNet and three for CIFAR."""

from __future__ import annotations

from importlib import import_module

REPOSITORY = "https://github.com/Coderx7/SimpleNet_Pytorch"
COMMIT = "4334c57535bc0e8425a2c3b018fdc0fec548b954"
LICENCE = "MIT"

_FILE = import_module("imagenet.simplenet")

VARIANTS = {
    **{name: getattr(_FILE, name) for name in _FILE.__all__ if name.startswith("simplenetv1")},
    **{name: lambda name=name: getattr(_FILE, name)(num_classes=10) for name in
       ("simplenet_cifar_310k", "simplenet_cifar_460k", "simplenet_cifar_5m")},
    "simplenet_cifar_310k 100 classes": lambda: _FILE.simplenet_cifar_310k(num_classes=100),
}  # fmt: skip
