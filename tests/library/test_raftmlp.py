"""RaftMLP's laws: what a mixing layer sees, and pictures of other sizes."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, fx, nn
from torch.nn import functional as F

from graphwright.compiler.language.load import load
from graphwright.compiler.lowering.lower import lower
from tests.library.counter import fill, integers, signed
from tests.library.descent import descent

SMALL: dict[str, Any] = {
    "dims": [8, 12, 16, 16], "depths": [1, 1, 1, 1], "trained": 64, "height": 64, "drop_path": 0, "classes": 5,
}  # fmt: skip


def net(**params: Any) -> fx.GraphModule:
    made = lower(load("raftmlp_s", {**SMALL, **params}))
    fill(made)
    return made.eval()


def values(made: fx.GraphModule, picture: Tensor) -> dict[str, Tensor]:
    """What each node of the spec computes."""
    found: dict[str, Tensor] = {}

    class Recorder(fx.Interpreter):
        def run_node(self, n: fx.Node) -> Any:
            result = super().run_node(n)
            found[n.meta.get("spec_node", n.name)] = result
            return result

    with torch.no_grad():
        Recorder(made).run(picture)
    return found


def mixed(block: nn.Module, x: Tensor, raft: int) -> Tensor:
    """Vertical mixing of maps [N, H, W, C], column by column, raft by raft."""
    count, height, width, channels = x.shape
    norm, fn = block.get_submodule("norm.1"), block.get_submodule("fn")
    out = x.clone()
    order = [k * (channels // raft) + c for c in range(channels // raft) for k in range(raft)]
    for n in range(count):
        for w in range(width):
            column = norm(x[n, :, w][:, order])  # the norm's own parameters are in the order of the rafts
            for c in range(channels // raft):
                own = [k * (channels // raft) + c for k in range(raft)]
                vector = column[:, c * raft : (c + 1) * raft].T.flatten()
                hidden = F.gelu(fn.get_submodule("0")(vector))
                out[n, :, w, own] += fn.get_submodule("3")(hidden).unflatten(0, (raft, height)).T
    return out


def test_a_raft_block_mixes_columns_of_channels_that_are_lashed_together() -> None:
    made = net()
    found = values(made, signed("picture", (2, 3, 64, 64)).float())
    before, after = found["levels.0.fn.maps"], found["levels.0.fn.2.1.sum"]
    expected = mixed(made.get_submodule("levels.0.fn.2.1"), before, raft=2)
    ours = after.unflatten(1, (4, 16)).unflatten(3, (2, 16)).permute(0, 4, 2, 3, 1).flatten(3)
    torch.testing.assert_close(ours, expected, rtol=1e-5, atol=1e-5)


def test_a_picture_of_another_size_is_resampled_before_it_is_mixed_and_back() -> None:
    """The mixing layers stay as they are, so that weights of one size run at any other."""
    fits, odd = net(), net(height=75, width=94)
    assert {k: v.shape for k, v in fits.state_dict().items()} == {k: v.shape for k, v in odd.state_dict().items()}
    found = values(odd, signed("picture", (1, 3, 75, 94)).float())
    assert found["levels.0.fn.maps"].shape == (1, 19, 24, 8)
    wanted = F.interpolate(found["levels.0.fn.maps"].permute(0, 3, 1, 2), (16, 16), mode="bicubic")
    torch.testing.assert_close(found["levels.0.fn.2.shrink.bicubic"], wanted)
    assert found["levels.0.fn.2.5.sum"].shape == (1, 19, 24, 8)
    assert odd(signed("picture", (1, 3, 75, 94)).float()).shape == (1, 5)


@pytest.mark.parametrize(
    ("spec", "changes"),
    [("raftmlp_s", {}), ("raftmlp_b16_mixer", {"dims": [16], "depths": [2]})],
)
def test_two_steps_lower_the_loss(spec: str, changes: dict[str, Any]) -> None:
    batch = signed("picture", (4, 3, 64, 64)).float(), integers("label", (4,), 5)
    found = descent(load(spec, {**SMALL, **changes}), *batch, rate=0.1)
    assert found[0] > found[1] > found[2]
