"""The brakes of a run: more new tasks than the company allows, or many more than usual, wait for a person. Pure.

The usual is counted by days, not by runs: most runs of a day write nothing, since the caps of the day are full.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import date
from statistics import median

from refsync.finding import State
from refsync.plan.approval import Approval
from refsync.plan.situation import Situation
from refsync.plan.values import Wish

FEWEST = 20
"""So few tasks in a day are never too many."""
DAYS = 10
"""So many of the latest days on which tasks were written say what is usual."""
FEWEST_DAYS = 3
UNSENT = frozenset({State.PENDING, State.WAITING, State.REJECTED})


def stopped(wishes: Sequence[Wish], situation: Situation, approval: Approval) -> tuple[tuple[Wish, ...], str]:
    """Return those wishes that have to wait for an approval, all or none of what was not approved, and the limit that says so."""
    fresh = tuple(wish for wish in wishes if not approval.covers(wish))
    limits = situation.company.limits
    if len(fresh) > limits.new_tasks_per_run:
        return fresh, "limits.new_tasks_per_run"
    if not fresh or not limits.times_the_usual:
        return (), ""
    today, usual = tasks_of_days(situation)
    most = max(FEWEST, limits.times_the_usual * usual)
    if usual and today + len(fresh) > most:
        return fresh, "limits.times_the_usual"
    return (), ""


def tasks_of_days(situation: Situation) -> tuple[int, float]:
    """Return how many tasks were given today, and how many in a usual day; 0 while too few days are known."""
    calendar = situation.company.calendar
    given = Counter(found.opened_at for of in situation.past.given_to.values() for found in of if found.state not in UNSENT)
    days: Counter[date] = Counter()
    for at, tasks in given.items():  # those of one run have one time
        days[calendar.day(at)] += tasks
    today = days.pop(calendar.day(situation.now), 0)
    latest = [days[day] for day in sorted(days)[-DAYS:]]
    return today, float(median(latest)) if len(latest) >= FEWEST_DAYS else 0.0
