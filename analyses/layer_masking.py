"""Layer masking: a model as if part of the picture were unknown, at every layer (arXiv:2211.14646).

A mask [N, 1, H, W] goes through the graph beside the picture. Where a convolution is about to read unknown cells, they
take the mean of their known neighbours; what is pooled is pooled over known cells; tokens that are not known are left
out of attention. So neither the colour nor, much, the shape of what is masked is seen, and the masked pixels have no
effect at all.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import torch
from torch.nn import functional as F

from graphwright.analyses.contract import Build, Result, named, settings
from graphwright.analyses.features import logits
from graphwright.analyses.grad_cam import MAP, GradCam
from graphwright.analyses.masking.laws import laws
from graphwright.analyses.masking.rules import masked_step
from graphwright.analyses.masking.sight import VISIBLE, Masker, Sight
from graphwright.analyses.masking.sources import Order, masks_for
from graphwright.compiler.ir.graph import Entry, Graph
from graphwright.compiler.ir.types import Type
from graphwright.compiler.ops.comparison import Where
from graphwright.compiler.places import NOWHERE, Problem, SpecError, fail

#: The input that says which pixels are visible.
MASK = "mask"


@dataclass(frozen=True)
class LayerMasking:
    """The model with a further input `mask: bool[N, 1, H, W]`, true where the picture is visible.

    An output that is still a map has a second one beside it, `visible_` and its name. `padding` says what convolutions
    read at unknown cells: their neighbours' mean, nothing (`partial`, with the sum over the known scaled up), or zeros
    (`none`). `compat: official` does as the published code where that differs: means are a little too small (1e-5 is
    added to the number of neighbours), one ring more is filled, concatenated masks vote, windows are averaged with
    zeros for what is unknown, masked zeros compete in max-pooling, and dense layers over places read zeros.
    """

    name: ClassVar[str] = "layer-masking"
    source: ClassVar[str] = "arXiv:2211.14646"
    padding: Literal["neighbor", "partial", "none"] = "neighbor"
    compat: Literal["clean", "official"] = "clean"
    #: What `run` masks: `patches:16`, `superpixels:250`, `quickshift`, `box:left,top,right,bottom`, or a mask's path.
    mask: str = "patches:16"
    #: How much of the segments it masks, and which of them first; saliency is Grad-CAM's.
    fraction: float = 0.5
    order: Order = "random"
    seed: int = 0

    def __call__(self, graph: Graph) -> Graph:
        return self.masked(graph)[0]

    def masked(self, graph: Graph) -> tuple[Graph, Masker]:
        """The instrumented graph, and what was found on the way: what is visible of each value.

        Raises `SpecError` with every node whose op has no rule.
        """
        base = graph.deployed()
        image = picture(base)
        made = Masker(base, self.name, self.padding, self.compat == "official")
        batch, _, *size = image.type.shape
        mask = made.enter(MASK, Type((batch, 1, *size), "bool"), "true where the picture is visible")
        made.sights[image.name] = Sight(mask)
        made.values[image.name] = made.add("", f"{VISIBLE}_{image.name}", Where(0.0),
                                           {"condition": mask, "x": image.name})  # fmt: skip
        problems: list[Problem] = []
        for node in base.nodes:
            try:
                masked_step(made, node)
            except SpecError as error:
                problems += error.problems
                made.keep(node)
            for value in node.values:
                made.end(node, value, batch)
        if problems:
            raise SpecError(problems)
        return made.finish(_outputs(made, base)), made

    def run(self, graph: Graph, build: Build, images: torch.Tensor, targets: torch.Tensor | None) -> Result:
        """Scores with and without part of the pictures, how much each layer sees, and the laws."""
        base = graph.deployed()
        instrumented, made = self.masked(graph)
        masks = self._masks(graph, build, images, targets)
        plain = named(build(base)(images), base)
        found = named(build(instrumented)(images, masks), instrumented)
        seen = visible(instrumented, made)
        at = {MASK: masks, **named(build(seen)(images, masks), seen)}
        shares = {value: float(at[seen_as(mask)].double().mean()) for value, mask in made.trail.items()}
        numbers, arrays = _classes(base, plain, found, targets)
        return Result(
            self.name, settings(self), laws(base, instrumented, seen, made, build, images, masks),
            {**numbers, "visible": shares}, {"mask": masks.cpu().numpy(), **arrays},
            {"mask": masks[:, 0].float().cpu().numpy()}, {"visible": shares},
        )  # fmt: skip

    def _masks(self, graph: Graph, build: Build, images: torch.Tensor, targets: torch.Tensor | None) -> torch.Tensor:
        saliency = None
        if self.order != "random":
            heat = torch.from_numpy(GradCam().run(graph, build, images, targets).arrays[MAP])[:, None]
            saliency = F.interpolate(heat, size=tuple(images.shape[2:]), mode="bilinear")[:, 0].numpy()
        shown = images.detach().float().cpu().numpy()
        masks = masks_for(self.mask, shown, self.fraction, self.order, saliency, self.seed)
        return torch.from_numpy(masks).to(images.device)


def _classes(
    base: Graph, plain: Mapping[str, torch.Tensor], found: Mapping[str, torch.Tensor], targets: torch.Tensor | None
) -> tuple[dict[str, Any], dict[str, Any]]:
    """What a classifier says with and without part of the picture: numbers and arrays; nothing of other models."""
    try:
        value = logits(base)
    except SpecError:
        return {}, {}
    port = next(p for p, v in base.outputs if v == value)
    before, after = (torch.softmax(s[port], 1) for s in (plain, found))
    classes = before.argmax(1) if targets is None else targets
    return {
        "classes": classes.tolist(), "predicted": before.argmax(1).tolist(), "masked": after.argmax(1).tolist(),
        "probabilities": before.gather(1, classes[:, None])[:, 0].tolist(),
        "masked_probabilities": after.gather(1, classes[:, None])[:, 0].tolist(),
    }, {"scores": plain[port].cpu().numpy(), "masked_scores": found[port].cpu().numpy()}  # fmt: skip


def visible(instrumented: Graph, made: Masker) -> Graph:
    """The part of an instrumented graph that computes masks: an output for each, under the mask's own name."""
    masks = dict.fromkeys(m for m in made.trail.values() if m != MASK)
    kept = instrumented.with_(nodes=tuple(made.nodes), outputs=tuple((seen_as(m), m) for m in masks))
    return kept.deployed()


def seen_as(mask: str) -> str:
    """The name under which a mask leaves."""
    return mask.replace(":", ".")


def picture(graph: Graph) -> Entry:
    """The input that is a picture [N, C, H, W]. Raises `SpecError` where there is none, or more than one."""
    found = [e for e in graph.inputs if e.type.rank == 4 and e.type.dtype.startswith(("float", "bfloat"))]
    if len(found) != 1:
        raise fail(NOWHERE, f"{graph.name} has {len(found)} inputs that are pictures [N, C, H, W]", "one can be masked")
    return found[0]


def _outputs(made: Masker, base: Graph) -> list[tuple[str, str]]:
    """The outputs, zero where nothing was visible, and what is visible of those that are maps."""
    outputs: list[tuple[str, str]] = []
    for port, value in base.outputs:
        sight = made.sights.get(value)
        if sight is None:
            outputs.append((port, made.now(value)))
        else:
            node = base.by_name[base.producer(value)]
            known = made.known(node, sight)
            outputs += [(port, made.fill(node, made.now(value), known, 0.0)), (f"{VISIBLE}_{port}", known)]
    return outputs
