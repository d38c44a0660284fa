"""Graph transforms: frozen dataclasses from `Graph` to `Graph`, listed in one table. Their fields are their options."""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Callable, Mapping
from typing import Any

from graphwright.compiler.ir.graph import Graph
from graphwright.compiler.language.library import Library
from graphwright.compiler.language.reading import Map, Scalar, Seq, Tree
from graphwright.compiler.language.values import Argument, evaluate, read_argument
from graphwright.compiler.places import Place, fail, suggest
from graphwright.compiler.transforms.drop_noops import DropNoops
from graphwright.compiler.transforms.edits import Insert, Remove, Replace, Set
from graphwright.compiler.transforms.evonorm import Evonorm
from graphwright.compiler.transforms.fix_sizes import FixSizes
from graphwright.compiler.transforms.fold_affine import FoldAffine
from graphwright.compiler.transforms.fold_batch_norm import FoldBatchNorm
from graphwright.compiler.transforms.fold_constants import FoldConstants
from graphwright.compiler.transforms.fuse_branches import FuseBranches
from graphwright.compiler.transforms.fuse_siblings import FuseSiblings
from graphwright.compiler.transforms.ibn import Ibn
from graphwright.compiler.transforms.merge_equal import MergeEqual
from graphwright.compiler.transforms.optimise import Optimise
from graphwright.compiler.transforms.prepbn import Prepbn
from graphwright.compiler.transforms.prepbn_fusion import FusePrepbn
from graphwright.compiler.transforms.remove_dead import RemoveDead

Transform = Callable[[Graph], Graph]

TRANSFORMS: dict[str, type[Any]] = {
    "replace": Replace,
    "replace_op": Replace,
    "insert": Insert,
    "remove": Remove,
    "set": Set,
    "fold_batch_norm": FoldBatchNorm,
    "fuse_branches": FuseBranches,
    "fix_sizes": FixSizes,
    "evonorm": Evonorm,
    "ibn": Ibn,
    "prepbn": Prepbn,
    "fuse_prepbn": FusePrepbn,
    "remove_dead": RemoveDead,
    "drop_noops": DropNoops,
    "merge_equal": MergeEqual,
    "fold_constants": FoldConstants,
    "fold_affine": FoldAffine,
    "fuse_siblings": FuseSiblings,
    "optimise": Optimise,
}


def read_transforms(tree: Tree | None, names: Mapping[str, Any], library: Library, file: str) -> list[Transform]:
    """The transforms that a spec's `transforms:` lists: names, or `{name: {option: value}}`."""
    if tree is None:
        return []
    if not isinstance(tree, Seq):
        raise fail(tree.place, "'transforms' is a list", "transforms: [{fold_batch_norm: {}}]")
    return [_read(item, names, file) for item in tree.items]


def _read(item: Tree, names: Mapping[str, Any], file: str) -> Transform:
    if isinstance(item, Scalar):
        key, options = item, Map((), item.place)
    elif isinstance(item, Map) and len(item.entries) == 1 and isinstance(item.entries[0][1], Map):
        key, options = item.entries[0][0], item.entries[0][1]
    else:
        raise fail(item.place, "a transform is a name, or {name: {option: value}}")
    if key.text not in TRANSFORMS:
        raise fail(key.place, f"no transform '{key.text}'", suggest(key.text, TRANSFORMS))
    cls = TRANSFORMS[key.text]
    hints = typing.get_type_hints(cls)
    known = {f.name.rstrip("_"): f for f in dataclasses.fields(cls) if f.name not in ("place", "file")}
    values: dict[str, Any] = {}
    for option, tree in options:
        if option.text not in known:
            raise fail(option.place, f"{key.text} has no option '{option.text}'", suggest(option.text, known))
        field = known[option.text]
        value = evaluate(tree, names)
        hint = hints[field.name]
        argument = Argument(value, option.place)
        values[field.name] = value if hint is Any else read_argument(argument, hint, f"'{option.text}'")
    for name, field in known.items():
        if field.default is dataclasses.MISSING and field.name not in values:
            raise fail(key.place, f"{key.text} needs the option '{name}'")
    where = options.get("where") or options.get("after") or options.get("sizes")
    known_here: dict[str, Place | str] = {"place": (where or key).place, "file": file}
    extra = {k: v for k, v in known_here.items() if k in hints}
    made: Transform = cls(**values, **extra)
    return made
