"""SimpleNet under the names of the authors' file, arXiv:1608.06037. Nothing is dropped by default."""

from __future__ import annotations

from tests.library.case import Case, picture

#: Pictures of 64 leave 2 x 2 before the last pool.
IMAGENET = [
    Case(f"simplenetv1_{size}", inputs=picture(64, 2), train=True)
    for size in ("small_m1_05", "small_m2_05", "small_m1_075", "small_m2_075", "5m_m1", "5m_m2", "9m_m1", "9m_m2")
]
CIFAR = [Case(f"simplenet_cifar_{size}", inputs=picture(32, 2), train=True) for size in ("310k", "460k", "5m")]
CASES = [*IMAGENET, *CIFAR,
         Case("simplenet_cifar_310k", inputs=picture(32, 2), params={"classes": 100},
              recording="simplenet_cifar_310k 100 classes", run=False)]  # fmt: skip
