"""The analyses, by name. Adding one is a file here and a row below."""

from __future__ import annotations

from typing import Any

from graphwright.analyses.eigen_cam import EigenCam
from graphwright.analyses.grad_cam import GradCam
from graphwright.analyses.guidance import Guidance
from graphwright.analyses.integrated_gradients import IntegratedGradients
from graphwright.analyses.layer_masking import LayerMasking
from graphwright.analyses.linear_interpreter import LinearInterpreter
from graphwright.analyses.neuron_path import NeuronPath

ANALYSES: dict[str, type[Any]] = {
    cls.name: cls
    for cls in (LinearInterpreter, NeuronPath, LayerMasking, Guidance, GradCam, EigenCam, IntegratedGradients)
}
