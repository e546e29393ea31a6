"""The one place that waits and repeats: `TransientError` only, with growing pauses, ended by the stop event.

Connectors and their libraries never retry by themselves; so every request is counted once and waits can be interrupted.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass

import structlog
import tenacity

from refsync.errors import RateLimited, TransientError

log = structlog.get_logger()


class Stopped(Exception):
    """The daemon is to end; what was committed stays, the rest is repeated next time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How often and how long to try."""

    attempts: int = 5
    first_pause: float = 1.0
    """Seconds; doubled each time, with jitter."""
    longest_pause: float = 60.0
    longest_retry_after: float = 120.0
    """A CRM that asks to wait longer than this ends the run instead: the next tick goes on."""


def attempts(patience: Patience, stop: threading.Event) -> Iterator[tenacity.AttemptManager]:
    """Yield attempts for a `with` block until one raises no TransientError; the last error comes out.

    Raises Stopped as soon as the stop event is set while waiting.
    """

    def pause(seconds: float) -> None:
        if stop.wait(seconds):
            raise Stopped

    yield from tenacity.Retrying(
        retry=tenacity.retry_if_exception(lambda error: _is_worth_another(error, patience)),
        stop=tenacity.stop_after_attempt(patience.attempts),
        wait=_Wait(patience),
        sleep=pause,
        before_sleep=_note,
        reraise=True,
    )


class _Wait(tenacity.wait.wait_base):
    def __init__(self, patience: Patience) -> None:
        self._backoff = tenacity.wait_random_exponential(multiplier=patience.first_pause, max=patience.longest_pause)

    def __call__(self, retry_state: tenacity.RetryCallState) -> float:
        error = retry_state.outcome.exception() if retry_state.outcome else None
        if isinstance(error, RateLimited):
            return error.retry_after
        return float(self._backoff(retry_state))


def _is_worth_another(error: BaseException, patience: Patience) -> bool:
    if isinstance(error, RateLimited):
        return error.retry_after <= patience.longest_retry_after
    return isinstance(error, TransientError)


def _note(state: tenacity.RetryCallState) -> None:
    error = state.outcome.exception() if state.outcome else None
    log.warning("call_repeated", attempt=state.attempt_number, pause_s=round(state.upcoming_sleep, 1), error=str(error))
