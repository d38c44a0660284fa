"""Geometry of axis-parallel boxes [..., 4] given by their corners x1 y1 x2 y2. All functions broadcast."""

from __future__ import annotations

from math import pi

import torch

EPSILON = 1e-7


def corners(boxes: torch.Tensor) -> torch.Tensor:
    """Boxes given as centre, width and height, by their corners."""
    centre, half = boxes[..., :2], boxes[..., 2:] / 2
    return torch.cat([centre - half, centre + half], dim=-1)


def sides(boxes: torch.Tensor) -> torch.Tensor:
    """Width and height [..., 2], not negative."""
    return (boxes[..., 2:] - boxes[..., :2]).clamp(min=0)


def overlap(a: torch.Tensor, b: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Areas of the intersection and of the union."""
    low = torch.maximum(a[..., :2], b[..., :2])
    high = torch.minimum(a[..., 2:], b[..., 2:])
    shared = (high - low).clamp(min=0).prod(-1)
    return shared, sides(a).prod(-1) + sides(b).prod(-1) - shared


def iou(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """Intersection over union; 0 for boxes without area."""
    shared, union = overlap(a, b)
    return shared / union.clamp(min=torch.finfo(union.dtype).tiny)


def ciou(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """Complete IoU, arXiv:1911.08287: `IoU - d^2 / c^2 - alpha v`.

    d is the distance of the centres, c the diagonal of the smallest box around both,
    `v = (2/pi (atan(w_b/h_b) - atan(w_a/h_a)))^2` the difference of the aspect ratios, and
    `alpha = v / (1 - IoU + v)`, through which no gradient flows.
    """
    shared, union = overlap(a, b)
    score = shared / (union + EPSILON)
    around = torch.maximum(a[..., 2:], b[..., 2:]) - torch.minimum(a[..., :2], b[..., :2])
    diagonal = around.square().sum(-1) + EPSILON
    distance = (a[..., :2] + a[..., 2:] - b[..., :2] - b[..., 2:]).square().sum(-1) / 4
    v = (2 / pi * (slant(b) - slant(a))).square()
    alpha = (v / (1 - score + v + EPSILON)).detach()
    return score - distance / diagonal - alpha * v


def slant(boxes: torch.Tensor) -> torch.Tensor:
    """`atan(width / height)`."""
    size = boxes[..., 2:] - boxes[..., :2]
    return torch.atan(size[..., 0] / (size[..., 1] + EPSILON))
