"""The generated JSON Schema: valid itself, true for every shipped spec, and precise about a mistake."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft7Validator

from graphwright.compiler.language.library import shipped
from graphwright.compiler.language.schema import schema
from graphwright.compiler.ops import OPS


class Reader(yaml.SafeLoader):
    """YAML 1.2 scalars, as editors' servers read them: `no` is text, `1e-6` a number."""


Reader.yaml_implicit_resolvers = {
    first: [(tag, regexp) for tag, regexp in found if tag != "tag:yaml.org,2002:bool" or first in "tTfF"]
    for first, found in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
Reader.add_implicit_resolver("tag:yaml.org,2002:float", re.compile(r"-?\d+(\.\d*)?[eE][-+]?\d+\Z"), list("-0123456789"))


def read(text: str) -> Any:
    return yaml.load(text, Loader=Reader)


@cache
def validator() -> Draft7Validator:
    return Draft7Validator(schema())


def messages(text: str) -> list[str]:
    return [e.message for e in validator().iter_errors(read(text))]


def leaves(text: str) -> list[str]:
    """The messages of the innermost errors."""
    found, pending = [], list(validator().iter_errors(read(text)))
    while pending:
        error = pending.pop()
        pending += error.context or ()
        if not error.context:
            found.append(error.message)
    return found


def test_schema_is_a_schema() -> None:
    Draft7Validator.check_schema(schema())
    assert len(schema()["definitions"]["node"]["allOf"]) == len(OPS)


@pytest.mark.parametrize("name", sorted(shipped()))
def test_shipped_specs_are_valid(name: str) -> None:
    assert messages(Path(shipped()[name]).read_text()) == []


HEAD = "graphwright: 1\ninputs: {x: [N, 3, H, W]}\nnodes:\n"


def test_misspelt_argument_is_named() -> None:
    found = leaves(HEAD + "  a: {op: conv2d, out: 8, kernal: 3}\n")
    assert any("'kernal' was unexpected" in m for m in found)
    assert any("'kernel' is a required property" in m for m in found)
    assert all("max_pool2d" not in m for m in found)  # only the op meant speaks


@pytest.mark.parametrize(
    ("line", "part"),
    [
        ("  a: {op: conv2d, out: many, kernel: 3}", "'many'"),
        ("  a: {op: dropout, p: [1]}", "[1]"),
        ("  a: {op: conv2d, out: 8, kernel: 3, padding_mode: none}", "'none'"),
        ("  a: {out: 8}", "'op' is a required property"),
    ],
)
def test_mistakes_are_rejected(line: str, part: str) -> None:
    assert any(part in m for m in leaves(HEAD + line + "\n"))


def test_unknown_section_is_rejected() -> None:
    assert any("'node' was unexpected" in m for m in messages("graphwright: 1\nnode: {}\n"))


def test_expressions_and_modifiers_are_accepted() -> None:
    assert messages(HEAD + "  a: {op: conv2d, out: $(2 * w), kernel: $k, repeat: 3, in: x, tags: [stem]}\n") == []
