"""The life of tasks in both stand-in CRMs, over HTTP: what reps do there, and what becomes of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import requests

from refsync.calendar import Duration, Unit
from refsync.finding import Finding, State
from refsync.model import User, iso, moment
from refsync.rules.rule import Escalation, Rule
from refsync.store import ledger
from refsync.store.engine import open_store
from refsync.store.records import directory
from refsync.sync.tick import Report, ticked
from tests.system.served import NOW
from tests.system.test_round_trip import CRMS, HOUR, Desk, desk

DAY = 24 * HOUR
RECONNECT = "reconnect-neglected-customer"


class Reps:
    """People at work in a CRM beside which refsync runs."""

    def __init__(self, here: Desk) -> None:
        self.here = here

    def tick(self, after: int = HOUR, *, approved: bool = True) -> Report:
        """Let time pass here and there, and run refsync."""
        self._post("clock", {"now": iso(self.here.now + after)})
        return ticked(self.here.turn(after), approved=approved)

    def change(self, table: str, id: str, **cells: str) -> None:  # noqa: A002 - the stand-in's own word
        self._records({"op": "change", "table": table, "id": id, "set": cells})

    def call(self, account_id: str) -> None:
        """Log a call with somebody at an account."""
        talked = {"kind": "call", "direction": "in", "status": "done", "at": iso(self.here.now), "account_id": account_id}
        self._records({"op": "add", "table": "activities", "row": talked})

    def delete(self, key: str) -> None:
        self._records({"op": "delete", "table": "tasks", "key": key})

    def findings(self) -> dict[str, Finding]:
        with self.here.store.read() as db:
            return {found.key: found for found in ledger.in_state(db, self.here.crm, *State)}

    def colleague(self, of: str) -> str:
        """Return another active user than this one."""
        return next(user.id for user in self.users() if user.active and user.id != of)

    def users(self) -> list[User]:
        """Return everybody refsync knows, by id."""
        with self.here.store.read() as db:
            return sorted(directory.users(db, self.here.crm).values(), key=lambda user: user.id)

    def _records(self, change: dict[str, Any]) -> None:
        self._post("records", {"changes": [change]})

    def _post(self, what: str, body: dict[str, Any]) -> None:
        reply = requests.post(f"{self.here.url}/_sandbox/{what}", json=body, timeout=10)
        assert reply.ok, reply.text


@pytest.fixture(params=CRMS)
def reps(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Reps]:
    with desk(request.param, tmp_path, accounts=60) as here:
        escalate = Escalation(after=Duration(5, Unit.BUSINESS_DAYS), to=("manager",))
        here.rules = replace(here.rules, rules=tuple(_escalating(rule, escalate) for rule in here.rules.rules))
        yield Reps(here)


def _escalating(rule: Rule, escalate: Escalation) -> Rule:
    return replace(rule, task=replace(rule.task, escalate=escalate)) if rule.name == RECONNECT else rule


def neglected(reps: Reps, count: int) -> list[Finding]:
    """Return open tasks about customers whom nobody called."""
    found = [one for one in reps.findings().values() if one.rule == RECONNECT and one.state is State.OPEN]
    assert len(found) >= count
    return sorted(found, key=lambda one: one.key)[:count]


def test_what_reps_do_is_taken_in(reps: Reps) -> None:
    """Done, deleted, put off, given away and reworded are told apart; none of it is undone by later runs."""
    reps.tick()
    done, deleted, put_off, given, reworded, called = neglected(reps, 6)
    other = reps.colleague(given.owner_id)
    later = moment(NOW + 60 * DAY).date()
    reps.here.change(done.key, status="done")
    reps.delete(deleted.key)
    reps.here.change(put_off.key, due_on=later.isoformat())
    reps.here.change(given.key, owner_id=other)
    reps.here.change(reworded.key, subject="Mine: I know them")
    reps.call(called.account_id or "")
    reps.tick(7 * HOUR)  # HubSpot is asked for deleted records every six hours
    found, shown = reps.findings(), reps.here.live_tasks()

    assert [State.DONE, State.DISMISSED, State.SNOOZED] == [found[one.key].state for one in (done, deleted, put_off)]
    assert [State.OPEN, State.OPEN, State.CLEARED] == [found[one.key].state for one in (given, reworded, called)]
    assert (later, other, "subject") == (found[put_off.key].moved_to, found[given.key].holder_id, found[reworded.key].edited)
    assert "in touch again: call" in shown[called.key]["text"]
    assert deleted.key not in shown
    reps.tick(DAY)
    again = reps.here.live_tasks()
    left = (put_off, given, reworded, done)
    assert [shown[one.key] for one in left] == [again[one.key] for one in left]


def test_account_changes_hands(reps: Reps) -> None:
    """An untouched task goes to the new owner of the account and says so; one that a rep reworded stays where it is."""
    reps.tick()
    moved, kept = neglected(reps, 2)
    reps.here.change(kept.key, subject="Mine: I know them")
    owners = {one.key: reps.colleague(one.owner_id) for one in (moved, kept)}
    for one in (moved, kept):
        reps.change("accounts", one.account_id or "", owner_id=owners[one.key])
        if one.contact_id:
            reps.change("contacts", one.contact_id, owner_id=owners[one.key])
    report = reps.tick()
    again = reps.tick()
    found, shown = reps.findings(), reps.here.live_tasks()

    assert (owners[moved.key], "") == (found[moved.key].owner_id, found[moved.key].edited)
    assert (kept.owner_id, "subject") == (found[kept.key].owner_id, found[kept.key].edited)
    assert "Passed on by refsync from" in shown[moved.key]["text"]
    assert report.pushed is not None
    assert report.pushed.moved >= 1
    assert 0 == (again.pushed and again.pushed.moved)
    assert {moved.key, kept.key} <= set(shown)


def test_lost_database_writes_nothing_twice(reps: Reps) -> None:
    """With the database gone every open task is taken over, none is created, and a call still closes its task."""
    reps.tick()
    before = reps.here.live_tasks()
    called, *_ = neglected(reps, 1)
    with open_store("sqlite://") as empty:
        reps.here.store = empty
        report = reps.tick()
        reps.tick()
        kept = reps.here.live_tasks()
        reps.call(called.account_id or "")
        reps.tick()
        state = reps.findings()[called.key].state

    assert (0, len(before)) == (report.as_json()["created"], report.as_json()["adopted"])
    assert before == kept
    assert State.CLEARED is state


def test_overdue_task_is_told_of_once(reps: Reps) -> None:
    """Five working days after its day the manager of whoever has the task gets one about it."""
    reps.tick()
    neglected(reps, 1)
    reps.tick(14 * DAY)
    reps.tick(HOUR)
    told = [found for found in reps.findings().values() if found.kind == "escalation"]
    overdue = {found.subject_id for found in told}

    assert told
    assert len(overdue) == len(told)
    assert overdue <= set(reps.findings())
    assert all(found.owner_id != reps.findings()[found.subject_id].owner_id for found in told)
    assert {found.key for found in told} <= set(reps.here.live_tasks())


def test_who_is_away_in_the_crm_gets_no_task(reps: Reps) -> None:
    """An absence entered in the CRM sends tasks to the manager, who reads why; they go to the owner who is back."""
    reps.tick(approved=False)  # the first matches wait for a person, and the team is known
    managers = Counter(user.manager_id for user in reps.users() if user.active and user.manager_id)
    manager = managers.most_common(1)[0][0]
    away = {user.id for user in reps.users() if user.manager_id == manager}
    back = reps.here.now + 40 * DAY
    for rep in away:
        reps.change("users", rep, away_from=iso(reps.here.now), away_until=iso(back))
    reps.tick()
    found, shown = reps.findings(), reps.here.live_tasks()
    instead = [one for one in found.values() if f"is away until {moment(back - 1):%d %b %Y}" in one.text]

    assert {manager} == {one.owner_id for one in instead}
    assert all("left open, this goes back then" in shown[one.key]["text"] for one in instead)
    assert not away & {one.owner_id for one in found.values()}
    for rep in away:
        reps.change("users", rep, away_from="", away_until="")
    reps.tick()
    assert {reps.findings()[one.key].owner_id for one in instead} <= away
