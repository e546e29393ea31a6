"""Which findings are over: their cause is gone, or their time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from refsync.calendar import Calendar, Duration, Unit
from refsync.finding import Finding, State
from refsync.model import Instant
from refsync.plan.values import Ending
from refsync.rules.rule import RuleSet

WAITING_LASTS = Duration(60, Unit.DAYS)


def endings(
    ledger: Iterable[Finding], rules: RuleSet, causes_gone: Mapping[str, str], frozen: frozenset[str], now: Instant
) -> Iterator[Ending]:
    """Yield the open and waiting findings that are over now; those of `frozen` rules never are."""
    for finding in ledger:
        if finding.rule in frozen:
            continue
        if finding.state in {State.OPEN, State.SNOOZED} and finding.key in causes_gone:
            yield Ending(finding=finding, state=State.CLEARED, reason=causes_gone[finding.key])
            continue
        lasts = _lasts(finding, rules)
        if lasts and _is_over(finding.opened_at, lasts, rules.company.calendar, now):
            yield Ending(finding=finding, state=State.EXPIRED, reason=f"not done within {lasts}")


def _lasts(finding: Finding, rules: RuleSet) -> Duration | None:
    if finding.state is State.WAITING:
        return WAITING_LASTS
    rule = rules.rule(finding.rule) if finding.state is State.OPEN else None
    return rule.task.expire if rule else None


def _is_over(opened_at: Instant, lasts: Duration, calendar: Calendar, now: Instant) -> bool:
    if lasts.unit is Unit.HOURS:
        return now >= calendar.until(opened_at, lasts)
    return calendar.day(now) > calendar.ahead(calendar.day(opened_at), lasts)
