"""Random graphs against every law, for as long as is wanted.

    python -m benchmarks.soak --minutes 60 [--start SEED] [--every 100]

Each seed is a random spec (`tests/fuzz`), held to the laws of `tests/fuzz/laws.py` and `rewriting.py`; those that take
seconds (export, onnxruntime, inductor) look at one graph of `--every`. Counts and findings go to `results/trust.json`
under "random graphs": a finding has its seed, law, message and the smallest spec that breaks the law in the same way.
A run goes on where the last one ended. What was found and mended stands under "fixed", written by hand.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import time
import traceback
import warnings
from collections import Counter
from pathlib import Path
from typing import Any

import torch

from graphwright.backends.files import replacing
from graphwright.compiler.places import SpecError
from tests.fuzz.case import Case
from tests.fuzz.composing import draft
from tests.fuzz.draft import Draft, shrunk
from tests.fuzz.laws import LAWS, Law
from tests.fuzz.rewriting import REWRITING, SLOW, limit

RESULTS = Path(__file__).parent / "results" / "trust.json"
KEY = "random graphs"
#: Findings kept, and how long one is made smaller.
KEPT, SECONDS = 100, 30


def runs(case: Case) -> bool:
    """The spec loads, and the model runs."""
    assert case.outputs
    return True


def broken(law: Law, case: Case) -> BaseException | None:
    """What a law raises; nothing where it holds or has nothing to look at."""
    try:
        law(case)
    except Exception as error:  # whatever it is, it is a finding
        return error
    return None


def signature(error: BaseException) -> tuple[str, str, int]:
    """Where and how an error was raised: equal for the same defect in a smaller spec."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    return type(error).__name__, last.filename, last.lineno or 0


def finding(seed: int, name: str, law: Law, error: BaseException) -> dict[str, Any]:
    """A broken law, with the smallest spec that breaks it in the same way."""
    wanted = signature(error)

    def fails(candidate: Draft) -> bool:
        found = broken(law, Case(candidate))
        return found is not None and signature(found) == wanted and not limit(found)

    small = shrunk(draft(seed), fails, SECONDS)
    found = broken(law, Case(small)) or error
    message = "\n".join(str(found).strip().splitlines()[:6])
    return {"seed": seed, "law": name, "error": type(found).__name__, "message": message[:600], "spec": small.text()}


class Soak:
    """Counts and findings, written as they come."""

    def __init__(self, start: int | None) -> None:
        self.all: dict[str, Any] = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
        kept = self.all.get(KEY, {})
        self.graphs: int = kept.get("graphs", 0)
        self.checked = Counter[str](kept.get("laws checked", {}))
        self.nothing = Counter[str](kept.get("laws without anything to look at", {}))
        self.limits = Counter[str](kept.get("refused by a tool's own limits", {}))
        self.ops = Counter[str](kept.get("ops", {}))
        self.findings: list[dict[str, Any]] = kept.get("open findings", [])
        self.fixed: list[dict[str, Any]] = kept.get("fixed", [])
        self.seconds: float = kept.get("seconds", 0)
        self.next: int = kept.get("next seed", 0) if start is None else start
        self.known = {(f["law"], f["error"], f["message"][:60]) for f in self.findings}

    def judge_again(self) -> None:
        """Open findings that are none any more, or are refused now, are dropped; what was mended is written by hand."""
        laws: dict[str, Law] = {"the model runs": runs, **LAWS, **REWRITING, **SLOW}
        self.findings = [
            f for f in self.findings
            if (error := broken(laws[f["law"]], Case(f["spec"]))) is not None and not isinstance(error, SpecError)
        ]  # fmt: skip
        self.known = {(f["law"], f["error"], f["message"][:60]) for f in self.findings}

    def run(self, minutes: float, every: int) -> None:
        self.judge_again()
        begin = last = time.monotonic()
        while time.monotonic() < begin + 60 * minutes:
            self.graph(self.next, slow=self.next % every == 0)
            self.next += 1
            if time.monotonic() > last + 30:
                self.seconds += time.monotonic() - last
                last = time.monotonic()
                self.write()
        self.seconds += time.monotonic() - last
        self.write()

    def graph(self, seed: int, *, slow: bool) -> None:
        """One graph under every law."""
        case = Case(draft(seed))
        self.graphs += 1
        if error := broken(runs, case):
            self.note(seed, "the model runs", runs, error)
            return
        self.ops.update(case.ops())
        for name, law in {**LAWS, **REWRITING, **(SLOW if slow else {})}.items():
            try:
                (self.checked if law(case) else self.nothing)[name] += 1
            except Exception as error:
                self.note(seed, name, law, error)

    def note(self, seed: int, name: str, law: Law, error: BaseException) -> None:
        if why := limit(error):
            self.limits[why] += 1
            return
        brief = (name, type(error).__name__, str(error).strip()[:60])
        if brief in self.known or len(self.findings) >= KEPT:
            return
        found = finding(seed, name, law, error)
        self.known |= {brief, (name, found["error"], found["message"][:60])}
        self.findings.append(found)
        self.write()

    def write(self) -> None:
        """Into the file, beside what others keep there."""
        self.all = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
        self.fixed = self.all.get(KEY, {}).get("fixed", self.fixed)
        self.all[KEY] = {
            "graphs": self.graphs,
            "laws checked": dict(sorted(self.checked.items())),
            "laws without anything to look at": dict(sorted(self.nothing.items())),
            "refused by a tool's own limits": dict(sorted(self.limits.items())),
            "ops": dict(sorted(self.ops.items())),
            "seconds": round(self.seconds),
            "next seed": self.next,
            "open findings": self.findings,
            "fixed": self.fixed,
        }
        with replacing(RESULTS) as temporary:
            Path(temporary).write_text(json.dumps(self.all, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--start", type=int, help="the first seed; by default where the last run ended")
    parser.add_argument("--every", type=int, default=100, help="one graph of so many is exported and compiled too")
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    soak = Soak(chosen.start)
    with warnings.catch_warnings(), contextlib.redirect_stderr(io.StringIO()):  # fx prints the code that failed
        warnings.simplefilter("ignore")
        soak.run(chosen.minutes, chosen.every)
    print(f"{soak.graphs} graphs, {soak.checked.total()} laws, {len(soak.findings)} open findings, next {soak.next}")


if __name__ == "__main__":
    main()
