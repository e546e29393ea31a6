"""Waiting and repeating: only for what may pass, and never past the stop event."""

from __future__ import annotations

import threading

import pytest

from refsync.errors import AuthError, ConnectorError, RateLimited, TransientError
from refsync.sync.retry import Patience, Stopped, attempts

QUICK = Patience(attempts=3, first_pause=0.001, longest_pause=0.001)


def tries(*errors: ConnectorError, patience: Patience = QUICK, stop: threading.Event | None = None) -> int:
    """Return in how many attempts something succeeds that first fails with these errors."""
    left = list(errors)
    count = 0
    for attempt in attempts(patience, stop or threading.Event()):
        with attempt:
            count += 1
            if left:
                raise left.pop(0)
    return count


def test_transient_errors_are_tried_again() -> None:
    """Two failures that may pass, then success: three attempts."""
    assert 3 == tries(TransientError(), TransientError())


def test_last_error_comes_out() -> None:
    """When patience ends the error itself comes out."""
    with pytest.raises(TransientError, match="third"):
        tries(TransientError("first"), TransientError("second"), TransientError("third"))


def test_other_errors_are_not_repeated() -> None:
    """A refused sign-in is never hammered."""
    with pytest.raises(AuthError):
        tries(AuthError())


def test_a_long_retry_after_ends_the_run() -> None:
    """A CRM that asks for more than our patience is left alone until the next tick."""
    with pytest.raises(RateLimited):
        tries(RateLimited(retry_after=3600))


def test_a_short_retry_after_is_obeyed() -> None:
    """A short wait that the CRM asks for is waited."""
    assert 2 == tries(RateLimited(retry_after=0.001))


def test_waiting_ends_when_the_daemon_is_to_stop() -> None:
    """The stop event interrupts a pause at once."""
    stop = threading.Event()
    stop.set()
    with pytest.raises(Stopped):
        tries(TransientError(), patience=Patience(first_pause=60), stop=stop)
