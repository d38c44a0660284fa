"""Where specs and blocks are found: files, the shipped library, `extends` and `include`."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from functools import lru_cache
from importlib import resources
from pathlib import Path

from graphwright.compiler.language import limits
from graphwright.compiler.language.body import Body, read_body, unknown_keys
from graphwright.compiler.language.reading import Map, Scalar, Seq, Tree, read_file
from graphwright.compiler.ops import OPS
from graphwright.compiler.ops.op import Op
from graphwright.compiler.places import NOWHERE, Place, Problem, SpecError, fail, suggest

ROOT = Path(str(resources.files("graphwright.specs")))


@lru_cache(maxsize=1)
def shipped() -> dict[str, Path]:
    """The specs and blocks that come with the package, by name. The models of one paper share a folder."""
    return {name: path for kind in ("models", "blocks") for name, path in shipped_of(kind).items()}


def shipped_of(kind: str) -> dict[str, Path]:
    """The shipped `models` or `blocks`, by name."""
    return {path.stem: path for path in sorted((ROOT / kind).rglob("*.yaml"), key=lambda path: path.stem)}


def shipped_models() -> list[str]:
    """Names of the shipped models."""
    return sorted(shipped_of("models"))


def shipped_families() -> list[str]:
    """The shipped models that extend no other one: each structure once, without its variants."""
    return [name for name, path in shipped_of("models").items() if read_file(path)[1].get("extends") is None]


def _shown(path: Path) -> str:
    """A file as places name it: one of the library by its place there, wherever the package is installed."""
    return f"specs/{path.relative_to(ROOT).as_posix()}" if shipped().get(path.stem) == path else str(path)


def resolved(path: Path, place: Place | None = None) -> Path:
    """The file that a path leads to, there or not; an error for a text that is no path, and for links in a circle."""
    try:
        found = path.resolve()
        os.stat(found)
    except (FileNotFoundError, NotADirectoryError):
        return found
    except (OSError, RuntimeError, ValueError) as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or str(error).partition(" from ")[0]
        shown = str(path) if len(str(path)) <= 80 else f"{str(path)[:77]}..."
        raise fail(place or Place(shown, 0, 0), f"{shown!r} names no file: {reason}", "check the path") from None
    return found


@dataclass
class Library:
    """The files read for one spec, and the namespace of each. Sources are kept for error excerpts."""

    root: Path | None = None
    sources: dict[str, str] = field(default_factory=dict)
    trees: dict[Path, Map] = field(default_factory=dict)
    bodies: dict[tuple[str, str], Body] = field(default_factory=dict)
    blocks: dict[str, dict[str, tuple[Scalar, Map]]] = field(default_factory=dict)

    def find(self, spec: str | Path, place: Place = NOWHERE) -> Path:
        """The file of a spec given by path or by library name."""
        path = Path(spec)
        if path.suffix in (".yaml", ".yml") or os.path.exists(path):  # unlike Path's, it answers for any text
            return path
        if str(spec) in shipped():
            return shipped()[str(spec)]
        raise fail(place, f"no spec '{spec}': neither a file nor a name in the library", suggest(str(spec), shipped()))

    def read(self, path: Path) -> Map:
        """The tree of a file, read once."""
        key = resolved(path)
        if key not in self.trees:
            if len(self.trees) >= limits.FILES:
                raise fail(NOWHERE, f"a spec pulls in more than {limits.FILES} files")
            shown = _shown(path)
            try:
                text, tree = read_file(path, shown)
            except SpecError as error:
                self.sources.update(error.sources)
                raise
            self.sources[shown], self.trees[key] = text, tree
        return self.trees[key]

    def spec(self, path: Path, chain: tuple[Path, ...] = ()) -> Body:
        """The body of a spec file, with what it extends and includes merged in."""
        key = resolved(path)
        if key in chain:
            names = " -> ".join(p.name for p in (*chain[chain.index(key) :], key))
            raise fail(Place(str(path), 1, 1), f"a spec cannot contain itself: {names}")
        self.root = self.root or key.parent
        return self._body(self._merged(path, (*chain, key)), path)

    def _body(self, tree: Map, path: Path) -> Body:
        version = tree.get("graphwright")
        if not (isinstance(version, Scalar) and version.text == "1"):
            if version is not None:
                raise fail(version.place, "this is version 1 of the language", "graphwright: 1")
            raise fail(
                tree.place, "a spec states the version of its language", "add `graphwright: 1` as the first line"
            )
        name = tree.get("name")
        body = read_body(tree, name.text if isinstance(name, Scalar) else path.stem, spec=True)
        self._define(str(path), tree)
        return Body(**{**body.__dict__, "file": str(path)})

    def _define(self, file: str, tree: Map) -> None:
        """Put the blocks of a file into its namespace."""
        names = self.blocks.setdefault(file, {})
        problems = []
        blocks = tree.get("blocks")
        for key, value in blocks if isinstance(blocks, Map) else ():
            if key.text in OPS:
                problems.append(Problem(key.place, f"block '{key.text}' has the name of a primitive op", "rename it"))
            elif not isinstance(value, Map):
                problems.append(Problem(value.place, f"block '{key.text}' must be a mapping"))
            else:
                names[key.text] = (key, value)
        if problems:
            raise SpecError(problems)

    def _merged(self, path: Path, chain: tuple[Path, ...]) -> Map:
        tree = self.read(path)
        base = tree.get("extends")
        for included in _files(tree.get("include")):
            tree = self._include(tree, included, path)
        if base is None:
            return tree
        if not isinstance(base, Scalar):
            raise fail(base.place, "'extends' names one spec")
        parent = self._named(base, path)
        if resolved(parent, base.place) in chain:
            names = " -> ".join(p.name for p in (*chain, parent))
            raise fail(base.place, f"a spec cannot extend itself: {names}")
        return extend(self._merged(parent, (*chain, resolved(parent))), tree)

    def _include(self, tree: Map, included: Scalar, path: Path) -> Map:
        other = self.read(self._named(included, path))
        if problems := unknown_keys(other, ("graphwright", "doc", "blocks"), "an included file"):
            raise SpecError(problems)
        return extend(Map(tuple(e for e in other if e[0].text == "blocks"), other.place), tree)

    def _named(self, name: Scalar, path: Path) -> Path:
        """What `extends` and `include` name: a file beside the spec, or something of the library."""
        if name.text.endswith((".yaml", ".yml")):
            return self._beside(name, path)
        return shipped().get(name.text) or self.find(name.text, name.place)

    def _beside(self, name: Scalar, path: Path) -> Path:
        """A file named in a spec: relative to it, and never outside the main spec's folder."""
        target = path.parent / name.text
        found, here = resolved(target, name.place), resolved(path).parent
        root = self.root or here
        inside = [root, *(p.parent for p in shipped().values() if p.resolve().parent == here)]
        if not any(found.is_relative_to(r) for r in inside):
            raise fail(name.place, f"'{name.text}' lies outside the spec's folder", f"move it below {root.name}/")
        if not target.is_file():
            raise fail(name.place, f"no file '{name.text}' beside {path.name}")
        return target

    def lookup(self, name: str, file: str, place: Place) -> type[Op] | Body:
        """What `op: name` means in a file: a primitive, a block of the file, or something from the library."""
        if name == "loop":
            raise fail(
                place,
                "'loop' is a modifier of a block or scope, not an op",
                "{op: my_block, loop: {over: row, dim: 2}}",
            )
        if name in OPS:
            return OPS[name]
        if name in self.blocks.get(file, {}):
            key = (file, name)
            if key not in self.bodies:
                tree = self.blocks[file][name][1]
                body = read_body(tree, name, spec=False)
                self.bodies[key] = Body(**{**body.__dict__, "file": file})
            return self.bodies[key]
        if name in shipped():
            key = ("", name)
            if key not in self.bodies:
                self.bodies[key] = self.spec(shipped()[name])
            return self.bodies[key]
        known = (*OPS, *self.blocks.get(file, {}), *shipped())
        raise fail(place, f"no op, block or model '{name}'", suggest(name, known))


def _files(tree: Tree | None) -> list[Scalar]:
    if tree is None:
        return []
    if isinstance(tree, Seq) and all(isinstance(i, Scalar) for i in tree.items):
        return list(tree.items)  # type: ignore[arg-type]
    raise fail(tree.place, "'include' is a list of files", "include: [./my_blocks.yaml]")


#: Sections that a derived spec merges name by name; any other section replaces the base's.
_BY_NAME = ("params", "nodes", "blocks", "inputs", "targets", "losses", "expect", "train")


def extend(base: Map, derived: Map) -> Map:
    """The derived spec: names are replaced, `name: none` removes, new names come last."""
    entries = {k.text: (k, v) for k, v in base if k.text != "extends"}
    for key, value in derived:
        old = entries.get(key.text)
        if key.text in _BY_NAME and old and isinstance(old[1], Map) and isinstance(value, Map):
            value = _override(old[1], value, key.text)
        if key.text != "extends":
            entries[key.text] = (key, value)
    return Map(tuple(entries.values()), derived.place)


def _override(base: Map, derived: Map, section: str) -> Map:
    entries = {k.text: (k, v) for k, v in base}
    for key, value in derived:
        if isinstance(value, Scalar) and value.plain and value.text == "none" and section != "params":
            if key.text not in entries:
                raise fail(key.place, f"'{section}' of the base has no '{key.text}' to remove",
                           suggest(key.text, entries))  # fmt: skip
            del entries[key.text]
        elif section == "params" and key.text in entries:
            entries[key.text] = (key, _new_default(entries[key.text][1], value))
        else:
            entries[key.text] = (key, value)
    return Map(tuple(entries.values()), derived.place)


def _new_default(base: Tree, value: Tree) -> Tree:
    """Another default for a param; the type, bounds and documentation of the base stay."""
    if not isinstance(base, Map) or isinstance(value, Map) or base.get("op") is not None:
        return value
    kept = tuple((k, v) for k, v in base if k.text != "default")
    return Map((*kept, (Scalar("default", value.place), value)), base.place)
