"""What each paper's specs are held against: one file a paper, with a table `CASES`."""

from __future__ import annotations

import importlib
import pkgutil

from tests.library.case import Case

CASES: list[Case] = [
    case
    for module in pkgutil.iter_modules(__path__)
    for case in importlib.import_module(f"{__name__}.{module.name}").CASES
]
