"""The last row of a file: heads, and what of them the spec puts out."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from graphwright.compiler.importing.yolo.arguments import value
from graphwright.compiler.importing.yolo.layers import Call, Head
from graphwright.compiler.language.reading import Scalar, Seq
from graphwright.compiler.places import fail

if TYPE_CHECKING:
    from graphwright.compiler.importing.yolo.rows import File


@dataclass(frozen=True)
class Kind:
    """A head of the vocabulary. Its levels are those of `parts` sets of branches, the last of which is deployed.

    `groups` are those of the box branches, `most` is how many arguments a row can give.
    """

    name: str
    op: str
    parts: int = 1
    groups: int = 1
    most: int = 1


# fmt: off
HEADS: dict[str, Kind] = {
    "Detect": Kind("detect", "detect", most=2),
    "DDetect": Kind("detect", "detect", groups=4),
    "DualDetect": Kind("detect", "dual_detect", parts=2),
    "DualDDetect": Kind("detect", "dual_detect", parts=2, groups=4),
    "TripleDetect": Kind("detect", "triple_detect", parts=3),
    "TripleDDetect": Kind("detect", "triple_detect", parts=3, groups=4),
    "v10Detect": Kind("detect", "end_to_end_detect"),
    "Segment": Kind("segment", "segment", most=3),
}
# fmt: on
#: With one of these in a file, the heads' class branches are depthwise.
_LEAN = frozenset({"C3k2", "A2C2f", "C2fCIB"})


def read_head(module: Scalar, args: Seq, strides: list[Fraction], file: File) -> tuple[Call, Head]:
    """The block of a head with its arguments, and what it puts out."""
    kind = HEADS[module.text]
    given = [value(a, file.names) for a in args.items]
    if file.family == "v5" and module.text != "Detect":
        raise fail(module.place, f"{module.text} with anchors is not supported", "Detect, or a head without anchors")
    if not 1 <= len(given) <= kind.most:
        raise fail(args.place, f"{module.text} takes 1 to {kind.most} arguments, not {len(given)}", "[nc]")
    if not all(isinstance(g, int) and g > 0 for g in given[:1]):
        raise fail(args.place, f"{module.text} needs the number of classes first, not {given[0]!r}", "[nc]")
    if len(strides) % kind.parts:
        raise fail(module.place, f"{module.text} reads {kind.parts} times as many rows as levels, not {len(strides)}")
    levels = strides[-(len(strides) // kind.parts) :]
    if bad := [s for s in levels if s.denominator != 1]:
        raise fail(module.place, f"{module.text} reads a map of {1 / bad[0]} values a pixel", "a stride from 1")
    counted = isinstance(args.items[0], Scalar) and args.items[0].text == "nc"
    found: dict[str, Any] = {"classes": "$classes" if counted else given[0], "strides": [int(s) for s in levels]}
    if file.family == "v5":
        return _anchored(args, given, found, len(levels))
    if kind.groups > 1:
        found["groups"] = kind.groups
    if file.family == "v9":
        found["least"] = f"$(min(2 * {'classes' if counted else given[0]}, 128))"
    if file.bins != 16:
        found["bins"] = file.bins
    if kind.op in ("detect", "segment") and file.modules & _LEAN:
        found["branch"] = "lean_class_branch"
    if kind.op == "segment":
        found |= _masks(given[1:], file)
        return Call("segment", found), Head("sides", extra=("masks", "prototypes"), bins=file.bins)
    op = "end_to_end_detect" if file.end_to_end else kind.op
    aux = {"dual_detect": ("aux",), "triple_detect": ("aux", "aux2"), "end_to_end_detect": ("aux",)}.get(op, ())
    if op == "end_to_end_detect":
        found.pop("branch", None)
    return Call(op, found), Head("sides", aux, bins=file.bins)


def _masks(given: list[Any], file: File) -> dict[str, Any]:
    masks = given[0] if given else 32
    width = given[1] if len(given) > 1 else 256
    found: dict[str, Any] = {"masks": masks, "prototypes": file.scale.channels(width)}
    return found if file.family == "ultralytics" else found | {"up": Call("upsample", {"scale": 2})}


def _anchored(args: Seq, given: list[Any], found: dict[str, Any], levels: int) -> tuple[Call, Head]:
    anchors = given[1] if len(given) > 1 else None
    if isinstance(anchors, int):  # so many a level, to be fitted to data; until then, what the original puts there
        anchors = [list(range(2 * anchors))] * levels
    if not (isinstance(anchors, list) and len(anchors) == levels and all(isinstance(a, list) for a in anchors)):
        raise fail(args.place, f"anchors must be {levels} lists of widths and heights", "one list for each level")
    return Call("anchor_detect", found | {"anchors": anchors}), Head("boxes")
