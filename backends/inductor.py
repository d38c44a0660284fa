"""Compiled by torch's own compiler to C++ or Triton kernels: as a whole, or equal blocks once for all of them.

By regions, each distinct piece of the model is one function under `torch.compile(fullgraph=True)`, called with the
modules of one block or another: one compiled artefact for all copies, forward and backward. The other way, `nested`, is
one graph that calls torch's `nested_compile_region`: as quick to compile, and a step has no calls from Python (a
twelfth of a small ViT's step), but it cannot train batch norm, so it is not what `auto` takes.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Literal

import torch
from torch import fx

from graphwright.backends import cache, toolchain
from graphwright.compiler.ir.graph import Graph
from graphwright.compiler.lowering.gradient import differentiates
from graphwright.compiler.lowering.regional.choose import distinct, pieces, worth
from graphwright.compiler.lowering.regional.module import Regional

CONVOLUTION = torch.ops.aten.convolution_backward.default
Regions = Literal["auto", "whole", "regional", "nested"]


def compile(
    module: fx.GraphModule,
    example_inputs: Sequence[torch.Tensor],
    graph: Graph,
    *,
    regions: Regions = "auto",
    dynamic: bool | None = None,
    engine: str = "inductor",
) -> Callable[..., Any]:
    """The compiled module; a `Regional` where it is compiled by regions.

    `regions="auto"` goes by the rule of `compiler/lowering/regional/choose.py`. `dynamic` as in `torch.compile`: True
    compiles for sizes that vary from the first call on, None once a size has changed. `engine` is a backend of torch.
    A graph that computes gradients is compiled as a whole.
    """
    on_cpu = False
    for tensor in example_inputs[:1] if engine == "inductor" else ():
        cache.use(tensor.device)
        on_cpu = tensor.device.type == "cpu"
    if on_cpu:
        toolchain.trust_vectors()
    # torch's compiler looks at the gradient of every input, and warns itself that values inside a model have none.
    warnings.filterwarnings("ignore", message=r"The \.grad attribute of a Tensor", module=r"torch\.")
    if differentiates(graph):
        return torch.compile(module, backend=with_gradients if engine == "inductor" else engine, fullgraph=True,
                             dynamic=dynamic)  # fmt: skip
    cut = () if regions == "whole" else pieces(module)
    if regions == "auto" and not worth(cut):
        cut, regions = (), "whole"
    options = toolchain.options(distinct(cut) or len(module.graph.nodes)) if on_cpu else {}
    compiled = partial(torch.compile, backend=engine, fullgraph=True, dynamic=dynamic, options=options or None)
    if regions == "whole":
        return compiled(module)
    if regions == "nested":
        return compiled(Regional(module, torch.compiler.nested_compile_region, cut))
    return Regional(module, compiled, cut)


def with_gradients(module: fx.GraphModule, inputs: Sequence[torch.Tensor], **options: Any) -> Callable[..., Any]:
    """Inductor, with a convolution's gradient in its input as a convolution of the slope alone.

    torch's own asks for the input itself, of which it needs the shape: what is linear, such as the frozen lanes of the
    linear interpreter, would be run forward for nothing.
    """
    from torch._inductor.compile_fx import compile_fx  # these take seconds to import, which few runs need
    from torch._inductor.decomposition import select_decomp_table

    from graphwright.backends.differentiated import convolution_backward

    decompositions = {**select_decomp_table(), CONVOLUTION: convolution_backward}
    compiled: Any = compile_fx(module, list(inputs), decompositions=decompositions, **options)
    return compiled  # type: ignore[no-any-return]


#: The two ways by name, whatever the rule says.
whole: Callable[..., Any] = partial(compile, regions="whole")
regional: Callable[..., Any] = partial(compile, regions="regional")
