"""Files written whole or not at all, and suffixes that choose a format."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

from graphwright.compiler.places import NOWHERE, fail


def suffix_of(path: str | Path, known: Collection[str], what: str) -> str:
    """The longest known suffix of a path, `.aoti.pt2` before `.pt2`; an error that lists them where it has none."""
    file = Path(path).name.lower()
    if found := [suffix for suffix in known if file.endswith(suffix) and file != suffix]:
        return max(found, key=len)
    name = f"'{Path(file).suffix}'" if Path(file).suffix else "a file without a suffix"
    raise fail(NOWHERE, f"{name} is no format for {what}: {Path(path).name}", "known: " + ", ".join(known))


@contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """A temporary path beside `path` that takes its place at the end, unless something failed."""
    target = Path(path)
    try:
        if target.is_dir():
            raise fail(NOWHERE, f"{target} is a directory", "name a file in it")
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.stem}.", suffix=target.suffix)
    except (OSError, ValueError) as error:  # no path may hold a zero byte
        reason = error.strerror if isinstance(error, OSError) else error
        raise fail(NOWHERE, f"cannot write {target}: {reason}", "choose another place with -o") from None
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        umask = os.umask(0)
        os.umask(umask)
        temporary.chmod(0o666 & ~umask)
        temporary.replace(target)
    except OSError as error:
        raise fail(NOWHERE, f"cannot write {target}: {error.strerror}", "is there room on the disk?") from error
    finally:
        temporary.unlink(missing_ok=True)
