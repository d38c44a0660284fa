"""Record what a paper's own repository computes: `python -m tests.library.record RECIPE --repository FOLDER`.

A recipe (`tests/library/recipes/RECIPE.py`) names the repository, the commit and the licence, and has a table
`VARIANTS` from the name of a case to a function that builds the model from the repository's code, which lies on the
import path. The model is filled by the counter, run on the case's inputs, and leaves counts, a hash of its names and
shapes, and 32 values of each output in `tests/library/recorded/RECIPE.json`. A recipe may have a table `NUMBERS` too,
of functions whose results are kept in the same way. None of the repository's code comes along.
"""

from __future__ import annotations

import argparse
import importlib
import json
import sys
from pathlib import Path
from typing import Any

import torch
from torch import nn

from tests.library.case import RECORDED, Case, counts, digest, shapes, summary
from tests.library.counter import fill
from tests.library.papers import CASES
from tests.oracles import reference_module


def recorded(case: Case, model: nn.Module) -> dict[str, Any]:
    """One variant's entry. Names are ours already: the file says nothing of how the reference calls them."""
    names = shapes(model, case.rename)
    found: dict[str, Any] = {**counts(model), "names": digest(names), "entries": len(names)}
    if case.compared:
        _fill_as_ours(case, model)
        for mode in case.modes:
            model.train(mode == "train").to(case.dtype(mode))
            with torch.no_grad():
                found[mode] = summary(case.outputs(model(*case.given(mode))))
    return found


def _fill_as_ours(case: Case, model: nn.Module) -> None:
    """By our names, so that equal names get equal numbers; what we have no name for keeps its value."""
    if all(case.rename(name) == name for name in model.state_dict()):
        fill(model, case.keep, case.gain)
        return
    ours = case.ours().state_dict()
    state = {name: ours.get(case.rename(name) or "", tensor) for name, tensor in model.state_dict().items()}
    model.load_state_dict(state)


def main() -> None:
    """Read the arguments, record each variant of the recipe, write the file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipe")
    parser.add_argument("--repository", type=Path, help="a checkout of the repository")
    parser.add_argument("--only", nargs="*", help="these variants; the others stay as they were recorded")
    given = parser.parse_args()
    reference_module("timm")
    if given.repository:
        sys.path.insert(0, str(given.repository))
    recipe = importlib.import_module(f"tests.library.recipes.{given.recipe}")
    cases = {str(case): case for case in CASES}
    path = RECORDED / f"{given.recipe}.json"
    variants = json.loads(path.read_text(encoding="utf-8"))["variants"] if given.only and path.exists() else {}
    for name, build in recipe.VARIANTS.items():
        if not given.only or name in given.only:
            print(name, flush=True)
            variants[name] = recorded(cases[name], build())
    for name, compute in getattr(recipe, "NUMBERS", {}).items():
        if not given.only or name in given.only:
            variants[name] = {"values": summary(compute())}
    source = {"repository": recipe.REPOSITORY, "commit": recipe.COMMIT, "licence": recipe.LICENCE}
    found = {**source, "torch": torch.__version__, "variants": variants}
    path.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
