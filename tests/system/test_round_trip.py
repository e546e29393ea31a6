"""plan, apply and undo against both stand-in CRMs, over HTTP: afterwards the CRM is as it was, but for what somebody touched."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import requests

from refsync.company import custom_fields
from refsync.connector import ConnectionSettings, Connector
from refsync.finding import State
from refsync.model import moment
from refsync.registry import connect
from refsync.rules.rule import RuleSet
from refsync.store import ledger
from refsync.store.decisions import approvals, plans
from refsync.store.decisions.plans import Action, StoredPlan
from refsync.store.engine import Store, open_store
from refsync.sync.pull import Pulled
from refsync.sync.review.apply import Applied, apply
from refsync.sync.review.propose import propose
from refsync.sync.review.undo import undo
from refsync.sync.run import Run
from refsync.sync.tick import ticked
from refsync.sync.turn import Turn
from refsync_sandbox.generator import write_book
from tests.system.served import NOW, _running, rules

HOUR = 3_600_000
CRMS = ("salesforce", "hubspot")


@dataclass
class Desk:
    """An admin's desk: a store, a connection, and the CRM that others work in."""

    store: Store
    connector: Connector
    crm: str
    url: str
    rules: RuleSet
    tasks: Callable[[], list[Mapping[str, Any]]]
    now: int = NOW

    def turn(self, after: int = 0) -> Turn:
        self.now += after
        return Turn(
            store=self.store,
            connection=self.crm,
            connector_name=self.crm,
            connector=self.connector,
            rules=self.rules,
            now=self.now,
            clock=lambda: self.now,
        )

    def live_tasks(self) -> dict[str, Mapping[str, Any]]:
        """Return our tasks that reps see, by key."""
        return {task["key"]: task for task in self.tasks() if task["key"] and not task["deleted"]}

    def others(self) -> list[Mapping[str, Any]]:
        """Return the tasks that are not ours."""
        return [task for task in self.tasks() if not task["key"]]

    def change(self, key: str, **cells: str) -> None:
        """Change a task, as a rep does."""
        change = {"op": "change", "table": "tasks", "key": key, "set": cells}
        reply = requests.post(f"{self.url}/_sandbox/records", json={"changes": [change]}, timeout=10)
        assert reply.ok, reply.text

    def plan(self, after: int = 0) -> StoredPlan:
        """Make a plan after letting every first match pass."""
        made = propose(self.turn(after)).plan
        with self.store.write() as db:
            for rule in approvals.waiting(db, self.crm):
                approvals.decide(db, self.crm, rule, approvals.First.PASSED)
        return propose(self.turn(), fresh=False).plan if made else made

    def states(self) -> dict[str, State]:
        with self.store.read() as db:
            return {found.key: found.state for found in ledger.everything(db, self.crm)}


@contextmanager
def desk(crm: str, folder: Path, accounts: int = 25) -> Iterator[Desk]:
    """Give a desk beside a CRM that holds a small book."""
    write_book(folder, accounts=accounts, seed=4, now=moment(NOW))
    ruleset = rules()
    with _running(crm, folder) as (options, _, tasks), open_store("sqlite://") as store:
        fields = custom_fields(ruleset.company, crm)
        connector = connect(crm, ConnectionSettings(id=crm, options=options, custom_fields=fields))
        try:
            yield Desk(store, connector, crm, options["url"], ruleset, tasks)
        finally:
            connector.close()


def created(plan: StoredPlan) -> dict[str, str]:
    """Return the subjects of what a plan creates, by key."""
    return {item.key: item.finding.subject for item in plan.of(Action.CREATE) if item.finding}


@pytest.mark.parametrize("crm", CRMS)
def test_plan_apply_undo(crm: str, tmp_path: Path) -> None:
    """Nothing is written by the plan; apply writes just that; undo leaves of it only what a rep rewrote."""
    with desk(crm, tmp_path) as here:
        before = here.others()
        plan = here.plan()
        planned = created(plan)
        assert {} == here.live_tasks()
        done = apply(here.turn(), plan)
        written = {key: task["subject"] for key, task in here.live_tasks().items()}
        kept = sorted(planned)[0]
        here.change(kept, subject="Mine: I know them")
        undone = undo(here.turn(), done.run)
        left, after = here.live_tasks(), here.others()
        ticked(here.turn(HOUR))
        replaced = set(here.live_tasks()) & set(planned)

    assert len(planned) > 5
    assert (len(planned), {}) == (done.pushed.created, dict(done.left))
    assert planned == written
    assert (len(planned) - 1, [kept]) == (len(undone.removed), [found.key for found, _ in undone.left])
    assert {kept: "Mine: I know them"} == {key: task["subject"] for key, task in left.items()}
    assert before == after
    assert {kept} == replaced


class Killed(BaseException):
    """The process ended."""


@pytest.mark.parametrize("crm", CRMS)
def test_killed_apply_can_be_repeated(crm: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A plan whose carrying out was killed, even between a create and its record, is applied again without doubling."""
    with desk(crm, tmp_path) as here:
        plan = here.plan()
        planned = created(plan)
        with monkeypatch.context() as patched:
            patched.setattr("refsync.sync.write_back.push.ledger.settle", _kill)
            with pytest.raises(Killed):
                apply(here.turn(), plan)
        there = here.live_tasks()
        again = _again(here, plan)

        assert 5 < len(planned) == len(there)
        assert State.SENDING not in set(here.states().values())
        assert set(planned) == set(here.live_tasks())
        assert len(planned) == len([task for task in here.tasks() if task["key"]])
        assert (0, {}) == (again.pushed.created, dict(again.left))


def _kill(*_: object, **__: object) -> None:
    raise Killed


def _again(here: Desk, plan: StoredPlan) -> Applied:
    with here.store.read() as db:
        (head,) = [one for one in plans.heads(db, here.crm) if one.id == plan.id]
        whole = plans.whole(db, head)
    return apply(here.turn(10 * 60_000), whole, fresh=False)


@pytest.mark.parametrize("crm", CRMS)
def test_pause_between_two_calls_ends_the_writing(crm: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is paused while a tick runs is honoured before the next call that writes."""
    from refsync.store.decisions import pauses

    with desk(crm, tmp_path) as here:
        here.plan()

        def paused_meanwhile(run: Run) -> Pulled:
            with run.store.write() as db:
                pauses.begin(db, run.connection, "", run.now, "stop it")
            return Pulled()

        with monkeypatch.context() as patched:
            patched.setattr("refsync.sync.tick.pull", paused_meanwhile)
            report = ticked(here.turn(), approved=True)
        stopped = here.live_tasks()
        with here.store.write() as db:
            pauses.end(db, here.crm, "")
        ticked(here.turn(HOUR), approved=True)

        assert ("the connection is paused: stop it: refsync resume lets it go on", {}) == (report.no_writer, stopped)
        assert len(here.live_tasks()) > 5


def test_far_more_than_usual_waits() -> None:
    """After days of two tasks each, a day of more than twenty and five times the usual waits for a person."""
    from refsync.plan import Approval
    from tests.unit.test_plan import COMPANY, DAY, RECONNECT, carried_out, match, planned
    from tests.unit.test_plan import NOW as FRIDAY
    from tests.unit.test_plan import rules as few_rules

    company = replace(COMPANY, limits=replace(COMPANY.limits, per_rep_per_day=100, per_rep_per_week=100))
    before = [
        found
        for day in range(1, 5)
        for found in carried_out(planned(match(account=f"old{day}"), match(account=f"older{day}")), now=FRIDAY - day * DAY)
    ]
    ended = [found._replace(state=State.DONE, closed_at=found.opened_at + 1) for found in before]
    many = [match(account=f"a{number}") for number in range(21)]
    options: dict[str, Any] = {"ledger": ended, "rule_set": few_rules(company)}
    stopped = planned(*many, **options)

    assert ("limits.times_the_usual", 21, ()) == (stopped.stopped_by, len(stopped.stopped), stopped.write)
    assert 20 == len(planned(*many[:20], **options).write)
    keys = frozenset(wish.key for wish in stopped.stopped)
    assert 21 == len(planned(*many, approval=Approval(keys=keys), **options).write)
    assert RECONNECT.name in {wish.rule.name for wish in stopped.stopped}
