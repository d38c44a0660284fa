"""`key=value` arguments after a spec."""

from __future__ import annotations

from collections.abc import Sequence

from graphwright.compiler.places import NOWHERE, Problem, SpecError


def parse_overrides(arguments: Sequence[str]) -> dict[str, str]:
    """The arguments as a mapping; every malformed or repeated one is reported."""
    found: dict[str, str] = {}
    problems = []
    for argument in arguments:
        key, equals, value = argument.partition("=")
        if not equals or not key.strip().replace(".", "_").isidentifier():
            problems.append(Problem(NOWHERE, f"'{argument}' is not key=value", "for example classes=10"))
        elif key.strip() in found:
            problems.append(Problem(NOWHERE, f"'{key.strip()}' is given twice", "give each key once"))
        else:
            found[key.strip()] = value
    if problems:
        raise SpecError(problems)
    return found
