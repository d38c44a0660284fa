"""RevCol under the names of its repository, arXiv:2212.11696: as deployed, and with the heads of its training."""

from __future__ import annotations

from tests.library.case import Case, Input, picture

SIZES = ("tiny", "small", "base", "large", "xlarge")
LABELLED = (*picture(64, 2), Input((2,), below=1000))
#: Eight narrow columns, whose drop path is off.
NARROW = {
    "columns": 8, "channels": [8, 16, 24, 32], "depths": [1, 1, 3, 2], "classes": 10, "drop_path": 0,
}  # fmt: skip
#: Every width of the widest, in half its columns.
SHALLOW = {"columns": 4, "depths": [1, 1, 2, 1]}


def deployed(name: str) -> str:
    """The reference calls its classifier otherwise when it has but one."""
    return "cls_blocks.3." + name.removeprefix("cls.") if name.startswith("cls.") else name


CASES = [
    *(Case(f"revcol_{size}", None, picture(64), rename=deployed, run=size == "tiny") for size in SIZES),
    *(
        Case(
            f"revcol_{size}", None, LABELLED, recording=f"revcol_{size} supervised", cone="train", run=size == "tiny",
        )
        for size in SIZES
    ),
    Case(
        "revcol_xlarge", None, picture(64), params=SHALLOW, rename=deployed, run=False,
        recording="revcol_xlarge 4 columns",
    ),
    Case(
        "revcol_base", None, (*picture(64, 2), Input((2,), below=10)), params=NARROW, cone="train", train=True,
        recording="revcol_base narrow",
    ),
]  # fmt: skip
