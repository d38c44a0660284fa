"""Near-valid specs in great number: what `graphwright check` makes of shipped specs with bytes, tokens, values or
branches changed.

    python benchmarks/mutants.py [--minutes 60] [--processes 1] [--keep DIR]

It goes on at the seed where it stopped. Counts and findings are added to results/trust.json under "mutants"; each new
run first judges the open findings again, and what has been mended since is listed as such. A finding is anything but
"accepted" or "refused with places": an exception, more than 5 s, more than 1 GiB, a file written, a planted call run.
"""

from __future__ import annotations

import argparse
import collections
import json
import multiprocessing
import os
import re
import sys
import tempfile
import time
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))

RESULTS = Path(__file__).parent / "results" / "trust.json"
KEY = "mutants"
#: A process that says nothing for so long hangs where no alarm reaches it; it is killed, and that is a finding.
SILENCE = 60.0
#: The file is written this often, in seconds.
EVERY = 30.0


def work(pipe: Connection) -> None:
    """Judge the seeds that come in, one after another."""
    import torch

    from tests.hostile.mutators import mutant
    from tests.hostile.runner import judge_mutant

    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        while (seed := pipe.recv()) is not None:
            found = mutant(seed)
            begun = time.perf_counter()
            verdict = judge_mutant(found, Path(folder))
            pipe.send(
                (seed, found.of, found.kind, found.data, verdict.outcome, verdict.detail, time.perf_counter() - begun)
            )


class Tally:
    """Counts and findings, with those of earlier runs."""

    def __init__(self, keep: Path | None) -> None:
        known = read().get(KEY, {})
        self.next = known.get("next_seed", 0)
        self.tried = known.get("tried", 0)
        self.outcomes: dict[str, dict[str, int]] = known.get("outcomes", {})
        self.findings: list[dict[str, Any]] = known.get("findings", [])
        self.mended: list[dict[str, Any]] = known.get("mended", [])
        self.seconds = known.get("seconds", 0.0)
        self.slowest = known.get("slowest", 0.0)
        self.keep = keep

    def add(self, seed: int, of: str, kind: str, data: bytes, outcome: str, detail: str, seconds: float) -> None:
        """One verdict."""
        self.seconds += seconds
        old = next((f for f in self.findings if f["seed"] == seed), None)
        sound = outcome in ("accepted", "refused")
        if old is not None:
            if sound:
                self.findings.remove(old)
                self.mended.append(old)
                self._count(kind, old["outcome"], -1)
                self._count(kind, outcome, 1)
            return
        self.tried += 1
        self._count(kind, outcome, 1)
        if sound:
            self.slowest = max(self.slowest, seconds)
            return
        detail = re.sub(r"/\S*/(?=[^/\s]+\.ya?ml)", "", detail)  # which folder a mutant lay in tells nothing
        self.findings.append({"seed": seed, "of": of, "kind": kind, "outcome": outcome, "detail": detail})
        print(f"{seed} {of} {kind}: {outcome} {detail}", file=sys.stderr, flush=True)
        if self.keep is not None:
            (self.keep / f"{seed}_{of}.yaml").write_bytes(data)

    def _count(self, kind: str, outcome: str, change: int) -> None:
        row = self.outcomes.setdefault(kind, {})
        row[outcome] = row.get(outcome, 0) + change
        if not row[outcome]:
            del row[outcome]

    def write(self) -> None:
        """Put the figures beside those of the other scripts."""
        totals: collections.Counter[str] = collections.Counter()
        for row in self.outcomes.values():
            totals.update(row)
        rows = {k: dict(sorted(v.items())) for k, v in sorted(self.outcomes.items())}
        merge(KEY, {
            "tried": self.tried, "totals": dict(sorted(totals.items())), "outcomes": rows,
            "open findings": len(self.findings), "findings": self.findings, "mended": self.mended,
            "next_seed": self.next, "seconds": round(self.seconds, 1),
            "slowest sound seconds": round(self.slowest, 2),
        })  # fmt: skip


def read() -> dict[str, Any]:
    """What is known so far."""
    return json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {}


def merge(key: str, value: Any) -> None:
    """Replace one key of the file; the others stay."""
    import fcntl

    RESULTS.parent.mkdir(exist_ok=True)
    with (Path(tempfile.gettempdir()) / f"graphwright-{RESULTS.stem}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        part = RESULTS.with_name(f".{RESULTS.name}.{os.getpid()}")
        part.write_text(json.dumps({**read(), key: value}, indent=1) + "\n", encoding="utf-8")
        part.replace(RESULTS)


class Worker:
    """A process that judges, and the seed it is at."""

    def __init__(self) -> None:
        context = multiprocessing.get_context("spawn")
        self.pipe, theirs = context.Pipe()
        self.process = context.Process(target=work, args=(theirs,), daemon=True)
        self.process.start()
        theirs.close()
        self.seed: int | None = None
        self.since = time.monotonic()

    def give(self, seed: int) -> None:
        """Let it judge the next one."""
        self.seed, self.since = seed, time.monotonic()
        self.pipe.send(seed)

    def stop(self) -> None:
        """End the process."""
        self.process.kill()
        self.process.join()
        self.pipe.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--keep", type=Path, help="a folder for the texts of findings")
    args = parser.parse_args()
    if args.keep is not None:
        args.keep.mkdir(parents=True, exist_ok=True)
    tally = Tally(args.keep)
    again = [f["seed"] for f in tally.findings]
    until, written = time.monotonic() + 60 * args.minutes, time.monotonic()

    def following() -> int | None:
        if again:
            return again.pop(0)
        if time.monotonic() > until:
            return None
        tally.next += 1
        return tally.next - 1

    workers = [Worker() for _ in range(args.processes)]
    for worker in workers:
        worker.give(following() or 0)
    while busy := [w for w in workers if w.seed is not None]:
        ready = wait([w.pipe for w in busy], timeout=1.0)
        for k, worker in enumerate(workers):
            if worker.seed is None:
                continue
            died = False
            if worker.pipe in ready:
                try:
                    tally.add(*worker.pipe.recv())
                except EOFError:
                    died = True
            elif time.monotonic() - worker.since < SILENCE:
                continue
            else:
                died = True
            if died:
                from tests.hostile.mutators import mutant

                found = mutant(worker.seed)
                what = "died" if not worker.process.is_alive() else "hung"
                tally.add(found.seed, found.of, found.kind, found.data, what, "", time.monotonic() - worker.since)
                worker.stop()
                workers[k] = worker = Worker()
            seed = following()
            worker.seed = None
            if seed is not None:
                worker.give(seed)
        if time.monotonic() - written > EVERY:
            tally.write()
            written = time.monotonic()
    for worker in workers:
        worker.stop()
    tally.write()
    print(f"{tally.tried:,} mutants, {len(tally.findings)} open findings, {len(tally.mended)} mended")


if __name__ == "__main__":
    main()
