"""People who are away: who gets their tasks meanwhile, and what becomes of those that stand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from refsync.calendar import Duration, Unit
from refsync.company import Company
from refsync.finding import Finding
from refsync.model import User
from refsync.plan import About, People, Plan, Standing, plan
from refsync.rules.rule import Escalation, Rule
from tests.unit.test_plan import COMPANY, DAY, NOW, RECONNECT, carried_out, match, rules

WAITS = replace(COMPANY, away="wait until back")
DUE = NOW - NOW % DAY + 5 * DAY + 17 * 3_600_000
"""When a task of this Friday is due: at the end of Wednesday's work."""
REP, BOSS, OTHER = User(id="rep", manager_id="boss"), User(id="boss"), User(id="other", manager_id="boss")


def team(rep: User = REP, *more: User) -> Mapping[str, User]:
    return {user.id: user for user in (BOSS, OTHER, rep, *more)}


def away(user: User = REP, start: int = NOW, end: int = DUE) -> User:
    return replace(user, away_from=start, away_until=end)


def decided(
    users: Mapping[str, User],
    ledger: list[Finding] | None = None,
    *,
    owner: str = "rep",
    company: Company = COMPANY,
    now: int = NOW,
    rule: Rule = RECONNECT,
) -> Plan:
    """Return the plan for one neglected customer, or for the task that stands."""
    return plan(
        [] if ledger else [match()],
        rules=replace(rules(company), rules=(rule,)),
        ledger=ledger or [],
        people=People(users=users),
        org="org",
        now=now,
        standing=Standing(about={one.key: About(owner_id=owner, is_account=True) for one in ledger or []}),
    )


def gave(done: Plan) -> list[str]:
    return [wish.owner_id for wish in done.write]


def moved(done: Plan) -> list[tuple[str, date | None]]:
    return [(one.owner_id, one.due_on) for one in done.move]


def test_the_next_in_the_list_stands_in() -> None:
    """Who is away until it is due gets no task; the next in the list does."""
    done = decided(team(away()))

    assert ["boss"] == gave(done)
    assert [REP.id] == [wish.absent.id for wish in done.write if wish.absent]
    assert [None] == [wish.absent for wish in decided(team()).write]


@pytest.mark.parametrize(("start", "end"), [(NOW, DUE - 1), (NOW + 1, NOW + 90 * DAY), (NOW - 9 * DAY, NOW)])
def test_who_can_still_do_it_gets_it(start: int, end: int) -> None:
    """Somebody who is back before it is due, leaves later, or has been away, gets the task."""
    assert ["rep"] == gave(decided(team(away(start=start, end=end))))
    assert ["rep"] == gave(decided(team(away(start=start, end=end)), company=WAITS))


def test_a_task_needs_somebody() -> None:
    """Where everybody in the list is away, the first of them gets it."""
    assert ["rep"] == gave(decided(team(away(), away(BOSS))))


def test_it_may_wait() -> None:
    """Where the company says so, the task waits, the report says for whom, and it is written once they are back."""
    users = team(away())
    done = decided(users, company=WAITS)

    assert [("assign.away", "rep")] == [(held.reason, held.owner_id) for held in done.held]
    assert [] == gave(done)
    assert ["rep"] == gave(decided(users, company=WAITS, now=NOW + 3 * DAY))


def test_what_stands_stays_with_its_owner() -> None:
    """An absence moves no task away from whom it was given to, whatever the company says."""
    ledger = carried_out(decided(team()))

    assert [] == moved(decided(team(away()), ledger)) == moved(decided(team(away()), ledger, company=WAITS))


def test_a_task_goes_to_the_owner_who_is_back() -> None:
    """Who stood in keeps the task as long as the owner is away; then it goes to them, due anew if its day has passed."""
    users = team(away(end=DUE + DAY))
    ledger = carried_out(decided(users))

    assert [] == moved(decided(users, ledger, now=DUE))
    assert [("rep", date(2026, 12, 1))] == moved(decided(users, ledger, now=DUE + DAY))


def test_a_new_owner_who_is_away() -> None:
    """When the account goes to somebody who is away, its task goes to the next, too; where it is to wait, to them."""
    users, ledger = team(REP, away(OTHER)), carried_out(decided(team()))

    assert ["boss"] == [to for to, _due in moved(decided(users, ledger, owner="other"))]
    assert ["other"] == [to for to, _due in moved(decided(users, ledger, owner="other", company=WAITS))]


def test_who_is_told_of_what_is_overdue() -> None:
    """A manager who is away is not told; whoever comes next is, or nobody until they are back."""
    days = Duration(5, Unit.BUSINESS_DAYS)
    told = replace(RECONNECT, task=replace(RECONNECT.task, escalate=Escalation(after=days, to=("manager", "user:head"))))
    ledger, later = carried_out(decided(team(), rule=told)), NOW + 20 * DAY
    users = team(REP, away(BOSS, later, later + 9 * DAY), User(id="head", name="head"))

    assert ["head"] == [one.owner_id for one in decided(users, ledger, now=later, rule=told).escalate]
    assert () == decided(users, ledger, now=later, rule=told, company=WAITS).escalate
    assert ["boss"] == [one.owner_id for one in decided(team(), ledger, now=later, rule=told).escalate]


instants = st.integers(0, 20)


@given(st.tuples(instants, instants), instants, instants)
def test_away_is_away_all_the_time(absence: tuple[int, int], start: int, end: int) -> None:
    """Somebody is away for a time when no instant of it, and not its beginning, lies outside the absence."""
    user = User(id="u", away_from=absence[0], away_until=absence[1])
    outside = [at for at in {start, *range(start, end)} if at not in range(*absence)]

    assert user.is_away(start, end) == (not outside)
    assert not User(id="u", away_from=0).is_away(start, end)
    assert not User(id="u", away_until=99).is_away(start, end)
