"""What `show --memory` and `compile --memory` say of the bytes that a model needs."""

from __future__ import annotations

from typing import Annotated

import typer

from graphwright.compiler.memory.budget import Fitted
from graphwright.compiler.memory.estimate import Estimate
from graphwright.compiler.memory.size import told_bytes

BudgetOption = Annotated[
    str | None,
    typer.Option("--memory", help="Also fit a training step into so many bytes, 4GiB say, and tell what runs again."),
]
BatchOption = Annotated[int | None, typer.Option("--batch", min=1, help="Samples of a batch, for --memory.")]


def told_estimate(found: Estimate) -> list[str]:
    """An estimate in words."""
    parts = (
        ("parameters", found.parameters), ("gradients", found.gradients), ("optimizer (adamw)", found.optimizer),
        ("buffers", found.buffers), ("kept for backward", found.saved), ("peak of training", found.training),
        ("peak of inference", found.inference),
    )  # fmt: skip
    return ["memory", *(f"  {name:<18} {told_bytes(size):>10}  {size:,} bytes" for name, size in parts)]


def told_fitted(found: Fitted) -> str:
    """What runs again, in words: the regions by their first and last nodes."""
    lines = [f"  memory        {found}"]
    for names in found.regions:
        lines.append(f"    again       {names[0]}" + (f" … {names[-1]}" if len(names) > 1 else ""))
    return "\n".join(lines)
