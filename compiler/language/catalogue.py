"""What the shipped models say of themselves, read off their files without building them."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache

from graphwright.compiler.language.library import ROOT, shipped
from graphwright.compiler.language.reading import Map, Scalar, read_file


@dataclass(frozen=True)
class Facts:
    """A model of the library: its paper's folder, its paper, what it extends, and what it expects to hold."""

    family: str
    doc: str = ""
    source: str = ""
    extends: str = ""
    expect: dict[str, str] = field(default_factory=dict)
    file: str = ""

    @property
    def parameters(self) -> int | None:
        """The number of parameters that the file claims, if it claims one."""
        claim = self.expect.get("parameters")
        return int(claim.replace("_", "")) if claim and claim.replace("_", "").isdecimal() else None


@cache
def facts(name: str) -> Facts:
    """What the file of a shipped model says."""
    path = shipped()[name]
    tree = read_file(path)[1]
    said = {key: " ".join(value.text.split()) for key in ("doc", "source", "extends")
            if isinstance(value := tree.get(key), Scalar)}  # fmt: skip
    base = facts(said["extends"]) if said.get("extends") in shipped() else None
    if base is not None:
        said.setdefault("source", base.source)
    expect = tree.get("expect")
    entries = list(expect) if isinstance(expect, Map) else []
    claims = {key.text: value.text for key, value in entries if isinstance(value, Scalar)}
    if base is not None:
        claims = {key: text for key, text in {**base.expect, **claims}.items() if text != "none"}
    family = path.parent.name if path.parent.parent == ROOT / "models" else name
    return Facts(family, expect=claims, file=f"specs/{path.relative_to(ROOT).as_posix()}", **said)
