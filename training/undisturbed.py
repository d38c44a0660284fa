"""Calls that an interruption must not cut in two."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def undisturbed() -> Iterator[None]:
    """SIGINT and SIGTERM that come meanwhile are answered at the end.

    Their handlers raise wherever the program is, also between two lines that belong together: in a library's queue,
    whose thread is then waited for without end, or in the removal of a folder, which closes a file twice.
    """
    if threading.current_thread() is not threading.main_thread():  # handlers run in the main thread alone
        yield
        return
    came: list[tuple[int, FrameType | None]] = []
    ours = [number for number in SIGNALS if signal.getsignal(number) is not None]  # another language's stays
    before = {number: signal.signal(number, lambda *call: came.append(call)) for number in ours}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        for signalled, frame in came:
            handler = before[signal.Signals(signalled)]
            if callable(handler):
                handler(signalled, frame)
            elif handler is signal.SIG_DFL:
                signal.raise_signal(signalled)
