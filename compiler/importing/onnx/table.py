"""The table: what becomes of each ONNX operator. An operator without a row is reported with the others of its file.

A rule gets a `Call` and returns the values of the node's outputs. Each row is checked against onnxruntime.
"""

from __future__ import annotations

from collections.abc import Mapping

from graphwright.compiler.importing.onnx import layers, norms, pointwise, sequences, shapes, windows
from graphwright.compiler.importing.onnx.call import Rule

_LAYERS: dict[str, Rule] = {
    "Conv": layers.conv,
    "ConvTranspose": layers.conv_transpose,
    "BatchNormalization": norms.batch_norm,
    "InstanceNormalization": norms.instance_norm,
    "LayerNormalization": norms.layer_norm,
    "RMSNormalization": norms.rms_norm,
    "GroupNormalization": norms.group_norm,
    "LRN": norms.local_response_norm,
    "LpNormalization": norms.lp_normalize,
    "PRelu": layers.prelu,
    "MatMul": layers.matmul,
    "Gemm": layers.gemm,
}

_WINDOWS: dict[str, Rule] = {
    "MaxPool": windows.max_pool,
    "AveragePool": windows.average_pool,
    "LpPool": windows.lp_pool,
    "GlobalAveragePool": windows.global_average_pool,
    "GlobalMaxPool": windows.global_max_pool,
    "GlobalLpPool": windows.global_lp_pool,
    "Pad": windows.pad,
    "Resize": windows.resize,
    "Upsample": windows.upsample,
    "DepthToSpace": windows.depth_to_space,
    "SpaceToDepth": windows.space_to_depth,
}

#: ONNX operator -> rule. What can be computed while reading (constants, sizes) needs no row.
TABLE: Mapping[str, Rule] = {**_LAYERS, **_WINDOWS, **pointwise.ROWS, **shapes.ROWS, **sequences.ROWS}
