"""Numbers of bytes, as people write them."""

from __future__ import annotations

import re

from graphwright.compiler.places import NOWHERE, Place, fail

#: Bytes of each unit: those of memory count by 1024, those of disks by 1000.
UNITS = {"": 1, "B": 1, **{f"{c}iB": 1024**k for k, c in enumerate("KMGT", 1)}}
UNITS |= {f"{c}B": 1000**k for k, c in enumerate("KMGT", 1)}
_FORM = re.compile(r"(\d+(?:\.\d+)?)\s*([A-Za-z]*)")
_WORDS = {unit.lower(): number for unit, number in UNITS.items()}


def read_bytes(value: int | float | str, place: Place = NOWHERE) -> int:
    """`4GiB`, `512 MiB`, `1.5GB` or a plain number, in bytes."""
    found = _FORM.fullmatch(str(value).strip())
    if found is None or found[2].lower() not in _WORDS or isinstance(value, bool):
        raise fail(place, f"'{value}' is not a number of bytes", "4GiB, 512MiB, 1.5GB or 100000000")
    size = int(float(found[1]) * _WORDS[found[2].lower()])
    if size <= 0:
        raise fail(place, f"'{value}' leaves no memory", "4GiB, 512MiB, 1.5GB or 100000000")
    return size


def told_bytes(size: int) -> str:
    """Bytes in words, by three digits: `1.37 GiB`."""
    unit = next((u for u in ("TiB", "GiB", "MiB", "KiB") if size >= UNITS[u]), "B")
    return f"{size / UNITS[unit]:.3g} {unit}" if size < 999.5 * UNITS[unit] else f"{size / UNITS[unit]:.0f} {unit}"
