"""An interruption waits for the end of a call that must not be cut in two."""

from __future__ import annotations

import signal
from threading import Thread

import pytest

from graphwright.training.undisturbed import undisturbed


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_is_answered_at_the_end(number):
    def raises(*_):
        raise InterruptedError

    def call():
        with undisturbed():
            signal.raise_signal(number)
            done.append("all of it")
            signal.raise_signal(number)

    done, before = [], signal.signal(number, raises)
    try:
        with pytest.raises(InterruptedError):
            call()
        assert done == ["all of it"]
        assert signal.getsignal(number) is raises
    finally:
        signal.signal(number, before)


def test_an_error_within_stays_the_error():
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(ValueError, match="within"), undisturbed():
        raise ValueError("within")
    assert signal.getsignal(signal.SIGTERM) is before


def test_other_threads_have_no_signals_to_wait_with():
    passed = []

    def within():
        with undisturbed():
            passed.append(True)

    thread = Thread(target=within)
    thread.start()
    thread.join()
    assert passed == [True]
