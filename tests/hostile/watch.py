"""What the interpreter does meanwhile, by its audit events: programs started, sockets, files written, planted calls."""

from __future__ import annotations

import builtins
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.hostile.mutators import CANARY

try:
    import resource
except ImportError:  # no such limits on this system
    resource = None  # type: ignore[assignment]

#: Events that no reading of a spec may cause.
FORBIDDEN = (
    "os.system", "os.exec", "os.posix_spawn", "os.fork", "os.spawn", "subprocess.Popen", "socket.connect",
    "socket.bind",
    "socket.getaddrinfo", "urllib.Request", "ctypes.dlopen", "pickle.find_class", "webbrowser.open",
)  # fmt: skip
#: Events that change the file system; the path is the first argument.
WRITING = (
    "os.remove", "os.rename", "os.mkdir", "os.rmdir", "os.symlink", "os.link", "os.truncate", "os.chmod", "os.chown",
)  # fmt: skip
MEMORY = 1 << 30
SECONDS = 5.0

_seen: list[str] | None = None
_allowed: tuple[str, ...] = ()
_installed = False


class TooSlowError(Exception):
    """The time is up."""


def _hook(event: str, args: tuple[Any, ...]) -> None:
    if _seen is None:
        return
    if event in FORBIDDEN:
        _seen.append(f"{event}{args!r}"[:300])
    elif _allowed and (event in WRITING or (event == "open" and _writes(args))):
        path = os.fspath(args[0]) if isinstance(args[0], (str, bytes, os.PathLike)) else str(args[0])
        path = os.path.abspath(os.fsdecode(path))
        if not path.startswith(_allowed):
            _seen.append(f"{event} {path}"[:300])


def _writes(args: tuple[Any, ...]) -> bool:
    mode, flags = args[1], args[2]
    if isinstance(mode, str):
        return any(c in mode for c in "wax+")
    return bool(flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)) if isinstance(flags, int) else False


@contextmanager
def watched(*folders: Path) -> Iterator[list[str]]:
    """A list that gets every forbidden thing done meanwhile; files are written below `folders` alone, if any."""
    global _seen, _allowed, _installed
    if not _installed:
        sys.addaudithook(_hook)
        _installed = True
    seen: list[str] = []
    setattr(builtins, CANARY, lambda *_: seen.append("the planted call was run"))
    _seen, _allowed = seen, tuple(["/dev/null", *(str(f.resolve()) + os.sep for f in folders)] if folders else ())
    try:
        yield seen
    finally:
        _seen = None
        delattr(builtins, CANARY)


@contextmanager
def bounded(seconds: float = SECONDS, memory: int = MEMORY) -> Iterator[None]:
    """Raises `TooSlowError` after so many seconds of the processor, or ten times as many by the clock (a machine may be
    busy with other things), and MemoryError above so many bytes more than there are now."""

    def stop(*_: object) -> None:
        raise TooSlowError(f"more than {seconds:g} s")

    before = [(s, signal.signal(s, stop)) for s in (signal.SIGPROF, signal.SIGALRM)]
    old = None
    if resource is not None and sys.platform == "linux":
        old = resource.getrlimit(resource.RLIMIT_AS)
        now = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (now + memory, old[1]))
    signal.setitimer(signal.ITIMER_PROF, seconds)
    signal.setitimer(signal.ITIMER_REAL, 10 * seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.setitimer(signal.ITIMER_REAL, 0)
        for number, handler in before:
            signal.signal(number, handler)
        if old is not None:
            resource.setrlimit(resource.RLIMIT_AS, old)
