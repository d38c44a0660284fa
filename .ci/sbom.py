"""The packages that graphwright needs, with versions and licences, from what is installed: CycloneDX 1.5 as JSON.

python .ci/sbom.py [sbom.json]
"""

from __future__ import annotations

import json
import re
import sys
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_EXTRA = re.compile(r"extra\s*==")


def needed(root: str = "graphwright") -> dict[str, Distribution]:
    """All that `root` requires, directly or not, without extras; what a platform does without is not installed."""
    found: dict[str, Distribution] = {}
    pending = [root]
    while pending:
        name = pending.pop()
        key = re.sub(r"[-_.]+", "-", name).lower()
        if key in found:
            continue
        try:
            found[key] = distribution(name)
        except PackageNotFoundError:
            continue
        for line in found[key].requires or ():
            match = _NAME.match(line)
            if match and not _EXTRA.search(line):
                pending.append(match[0])
    return dict(sorted(found.items()))


def licence(package: Distribution) -> str:
    """The licence a package states: its SPDX expression, else its classifiers, else the first line of its text."""
    data = package.metadata
    if expression := data.get("License-Expression"):
        return str(expression)
    classes = [c.rpartition(" :: ")[2] for c in data.get_all("Classifier") or () if c.startswith("License :: ")]
    text = (data.get("License") or "").strip().splitlines()
    return " AND ".join(c for c in classes if c != "OSI Approved") or (text[0] if text else "")


def bundled() -> list[dict[str, Any]]:
    """What the explorer's front end was built from: the parts of its lock file that are not tools of development."""
    lock = json.loads((Path(__file__).parents[1] / "explorer" / "package-lock.json").read_text())
    parts = {name.removeprefix("node_modules/"): part for name, part in lock["packages"].items() if name}
    return [
        {"type": "library", "name": name, "version": part["version"], "purl": f"pkg:npm/{name}@{part['version']}",
         "licenses": [{"license": {"name": part.get("license", "")}}]}
        for name, part in parts.items() if not part.get("dev") and not name.startswith("@types/")
    ]  # fmt: skip


def bill() -> dict[str, Any]:
    """The bill of materials."""
    packages = needed()
    parts = [
        {"type": "library", "name": name, "version": p.version, "purl": f"pkg:pypi/{name}@{p.version}",
         "licenses": [{"license": {"name": licence(p)}}]}
        for name, p in packages.items() if name != "graphwright"
    ]  # fmt: skip
    own = {"type": "application", "name": "graphwright", "version": packages["graphwright"].version}
    return {"bomFormat": "CycloneDX", "specVersion": "1.5", "version": 1, "metadata": {"component": own},
            "components": [*parts, *bundled()]}  # fmt: skip


if __name__ == "__main__":
    Path(sys.argv[1] if len(sys.argv) > 1 else "sbom.json").write_text(json.dumps(bill(), indent=1) + "\n")
