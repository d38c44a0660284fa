"""Make `.links/graphwright`, the package as one tree of links, for tools that do not follow the package mapping."""

import shutil
from pathlib import Path

import tomllib

root = Path(__file__).resolve().parent.parent
target = root / ".links"
shutil.rmtree(target, ignore_errors=True)
mapping = tomllib.loads((root / "pyproject.toml").read_text())["tool"]["setuptools"]["package-dir"]
for package, folder in sorted(mapping.items()):
    for file in (root / folder).rglob("*.py"):
        link = target / package.replace(".", "/") / file.relative_to(root / folder)
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(file)
