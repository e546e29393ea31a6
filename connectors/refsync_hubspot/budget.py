"""How many calls the day still allows: reading ends while there is a reserve for writing tasks.

HubSpot says with its replies how many calls the account has in a day and how many are left, for all apps together; an OAuth app
has no such limit. The connection may have a share of its own, which the store counts for all processes. Of either, reading stops
at 80 %, writing at 95 %. Reading stops as well when too many calls fail: HubSpot wants fewer than 5 % of a day's.
Sources: developers.hubspot.com, usage guidelines; changelog "increasing our API limits": the day ends at the account's midnight.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from refsync.errors import RateLimited
from refsync.meter import Meter
from refsync.model import Instant
from refsync_hubspot.limiter import number

DAY_MS = 86_400_000
PAUSE = 3_600.0
"""Seconds after which it may be worth asking again."""
READING, WRITING = 0.80, 0.95
"""The share of the day's calls at which each stops."""
MOST_FAILED = 0.05
FEW = 5_000
"""Of so few calls no share of failures means anything, nor can failures that other processes only hold ready make one."""
UNLIMITED = 1 << 31
_CALLS, _FAILED = "hubspot day", "hubspot failed"


class BudgetSpent(RateLimited):
    """The calls are used up as far as refsync may use them: the read ends as partial, and a later one goes on."""


class Budget:
    """The account's day, as one connection sees it."""

    def __init__(self, chosen: int, meter: Meter, *, now: Callable[[], Instant], watches_failures: bool) -> None:
        self._chosen = chosen
        self._meter = meter
        self._now = now
        self._watches_failures = watches_failures
        self._told: tuple[int, int] | None = None
        """The account's calls a day and those left, as HubSpot said last."""
        self._told_until: Instant = 0
        self._failing = ""

    def check(self, *, writing: bool) -> None:
        """Raise BudgetSpent when the next call must not go out."""
        most, now = WRITING if writing else READING, self._now()
        if self._told and now < self._told_until:
            daily, left = self._told
            _stop_at(most, daily - left, daily, "of the account's {:,} calls of today")
        if self._chosen:
            used = self._meter.spent(_CALLS, window_ms=DAY_MS, now=now)
            _stop_at(most, used, self._chosen, "of this connection's {:,} calls a day")
        if self._failing and not writing:
            raise BudgetSpent(self._failing, retry_after=PAUSE)

    def count(self) -> None:
        """Count a call that is about to be sent."""
        if self._chosen or self._watches_failures:
            self._take(_CALLS)

    def count_failure(self) -> None:
        """Count a call that HubSpot answered with an error."""
        if not self._watches_failures:
            return
        self._take(_FAILED)
        calls, failures = (self._meter.spent(name, window_ms=DAY_MS, now=self._now()) for name in (_CALLS, _FAILED))
        words = f"HubSpot: {failures:,} of {calls:,} calls of the day failed; it wants fewer than 5 %"
        self._failing = words if calls >= FEW and failures >= MOST_FAILED * calls else ""

    def _take(self, name: str) -> None:
        self._meter.take(name, 1, allowed=UNLIMITED, window_ms=DAY_MS, now=self._now())

    def learn(self, headers: Mapping[str, str], seconds_of_day_left: Callable[[], float]) -> None:
        """Take from a reply how many calls the account has left today."""
        daily = number(headers.get("x-hubspot-ratelimit-daily"))
        left = number(headers.get("x-hubspot-ratelimit-daily-remaining"))
        if daily and left is not None:
            self._told = daily, left
            self._told_until = self._now() + int(seconds_of_day_left() * 1000)


def _stop_at(most: float, used: int, of: int, words: str) -> None:
    if used >= most * of:
        raise BudgetSpent(
            f"HubSpot: {100 * used // of} % {words.format(of)} are used; reading goes on tomorrow, the rest is for tasks",
            retry_after=PAUSE,
        )
