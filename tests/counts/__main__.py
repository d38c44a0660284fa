"""Writes the baseline of counts anew, and tells what moved: `python -m tests.counts`."""

from __future__ import annotations

import json

from tests.counts.counting import BASELINE, baseline, every


def main() -> None:
    """One line for every count that differs from the stored one."""
    before = baseline() if BASELINE.exists() else {}
    now = every()
    BASELINE.write_text(json.dumps(now, indent=1) + "\n")
    for name in sorted({*before, *now}):
        old, new = before.get(name, {}), now.get(name, {})
        moved = [f"{key} {old.get(key)} -> {new.get(key)}" for key in {**old, **new} if old.get(key) != new.get(key)]
        if moved:
            print(f"{name}: {', '.join(moved)}")


if __name__ == "__main__":
    main()
