"""`docs/library.md` and its pictures, from the specs and from what `benchmarks.library` measured."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from graphwright.backends.drawing import picture
from graphwright.compiler.language.catalogue import Facts, facts
from graphwright.compiler.language.library import shipped_models
from graphwright.compiler.language.load import load

_INTRO = """# The library

The models that ship, by paper. This page is generated: `python -m benchmarks.library`, then `--page`. Parameters are
those of the deployed model, and MACs multiply-accumulates of convolutions and matrix products at the size that the spec
names: both are what the spec expects, and tests hold it to that. Parity is the largest difference of outputs to the
reference's, as a share of the largest output, with the same weights (running statistics too) and inputs; in float32, or
in float64 where a net enlarges what float32 rounds. Of all that a row is compared in, the worst is shown; where it says
"names", names, shapes and counts alone were compared; where it is empty, `tests/parity` compares what has a reference.
ONNX is the difference between onnxruntime and torch; a net that enlarges what float32 rounds has beside it how far
its own float32 is from float64.
The raw numbers are in [library.json](../benchmarks/results/library.json); what is compared with what is in
`tests/library/papers`.
"""


RESULTS = Path(__file__).parent / "results"


def write(docs: Path, rows: Mapping[str, Any]) -> None:
    """The page, and a picture of each family."""
    families: dict[str, list[str]] = {}
    for name in shipped_models():
        families.setdefault(facts(name).family, []).append(name)
    (docs / "library").mkdir(exist_ok=True)
    parts = [_INTRO]
    for family, names in families.items():
        first = max(names, key=lambda name: sum(facts(other).extends == name for other in names))
        (docs / "library" / f"{family}.svg").write_text(picture(load(first)), encoding="utf-8")
        parts.append(_family(family, first, names, rows))
    parts.append(_runs())
    (docs / "library.md").write_text("\n".join(parts), encoding="utf-8")


def _runs() -> str:
    """What small trainings reached, from their own results; each is a script that says what it does."""
    found = {
        name: json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))
        for name in (
            "detection",
            "latch",
            "byteformer",
            "prototypes",
            "appearance-shift",
            "evonorm-search",
            "occluded-lines",
        )
    }
    latch = max(row["all_right_after_epochs"] for row in found["latch"].values())
    tiff, digits, shift = found["byteformer"]["TIFF"], found["prototypes"]["digits"], found["appearance-shift"]["means"]
    contrast = {name: means["contrast 0.3"] for name, means in shift.items()}
    evolved = {name: sum(runs) / len(runs) for name, runs in found["evonorm-search"]["accuracy"].items()}
    rows = (
        *(("detection", f"{name} on drawn shapes", f"mAP at 0.5: {found['detection'][name]['map50']:.3f}")
          for name in ("ssd300_vgg16", "gelan_t")),
        ("latch", "five Hopfield nets, the latch task", f"all sequences right after {latch} epoch of training"),
        ("byteformer", "a small ByteFormer, digits as TIFF files",
         f"{tiff['accuracy']:.3f} right; from histograms of bytes {tiff['accuracy of byte histograms']:.3f}"),
        ("prototypes", "prototypes, 8 x 8 digits",
         f"{digits['accuracy']:.3f} right; of {digits['prototypes']} prototypes, decoded, "
         f"{digits['prototypes_whose_nearest_share_a_class']} have {digits['nearest']} nearest digits of one class"),
        ("appearance_shift", "a small residual net, digits of a third of the contrast, three seeds",
         f"IBN-a {contrast['IBN-a']:.3f} right, batch norm {contrast['batch norm']:.3f}"),
        ("occluded_lines", "SCNN's passes, lines behind a band of noise, three seeds; as many convolutions beside",
         ", ".join(f"{name}: IoU {means['hidden iou']:.3f} where they are hidden"
                   for name, means in found["occluded-lines"]["means"].items())),
        ("evonorm_search", "a search among random layers, three seeds of what it found",
         ", ".join(f"{name} {value:.3f}" for name, value in evolved.items())),
    )  # fmt: skip
    table = "| script in `benchmarks/` | what learns | what came of it |\n| --- | --- | --- |\n"
    return (
        "## Small runs\n\n" + table + "".join(f"| `{script}.py` | {what} | {came} |\n" for script, what, came in rows)
    )


def _family(family: str, first: str, names: list[str], rows: Mapping[str, Any]) -> str:
    about = facts(first)
    drawing = f"<details><summary>{first}, drawn</summary>\n\n![{first}](library/{family}.svg)\n\n</details>"
    head = f"## {family}\n\n{about.doc} {_paper(about)}\n\n{drawing}\n\n"
    table = "| spec | parameters | MACs | parity | ONNX |\n| --- | ---: | ---: | --- | --- |\n"
    return head + table + "".join(_row(name, facts(name), rows.get(name, {})) for name in names)


def _paper(about: Facts) -> str:
    found = re.fullmatch(r"arXiv:([\d.]+)", about.source)
    return f"[{about.source}](https://arxiv.org/abs/{found[1]})" if found else about.source


def _row(name: str, about: Facts, row: Mapping[str, Any]) -> str:
    parameters = f"{about.parameters:,}" if about.parameters is not None else ""
    figures = f"{parameters} | {about.expect.get('macs', '').replace('_', '')}"
    return f"| [`{name}`](../{about.file}) | {figures} | {_parity(row)} | {_number(row.get('onnx'))} |\n"


def _parity(row: Mapping[str, Any]) -> str:
    found = list(row.get("parity", {}).values())
    if not found:
        return ""
    modes = {mode: [p[mode] for p in found if isinstance(p.get(mode), float)] for mode in ("eval", "train")}
    shown = [f"{_number(max(values))} ({mode})" for mode, values in modes.items() if values]
    return ", ".join(shown) if shown else "names"


def _number(value: Any) -> str:
    if isinstance(value, dict):
        return f"{value['onnx']:.0e} (float32 itself {value['own float32']:.0e})"
    if not isinstance(value, float):
        return ""
    return "exact" if value == 0 else f"{value:.0e}"
