"""A company lives with refsync: people work, rules are edited, requests and replies are lost, runs are killed, and the laws hold.

What must hold is worked out from what people did, not from refsync's own judgement. The CRM in memory is worse than real ones: it
has no unique key, so that every create that refsync repeats shows as a second task. Both stand-ins are spoken to over HTTP.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from functools import partial
from itertools import count
from typing import ClassVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test
from sqlalchemy import insert, literal, select, update

from refsync.errors import ConnectorError
from refsync.finding import Finding
from refsync.model import (
    Account,
    AccountStatus,
    Activity,
    ActivityKind,
    ActivityStatus,
    Contact,
    Deal,
    DealContact,
    DealStatus,
    Direction,
    Stream,
    TaskStatus,
    moment,
    parse_instant,
)
from refsync.rules.rule import Mode
from refsync.store import ledger
from refsync.store.decisions.plan_tables import metadata
from refsync.store.engine import Store, open_store
from refsync.store.tables import lease
from refsync.sync.retry import Patience
from refsync.sync.tick import Report, tick
from tests.faults.company import DAY, NAMES, SHIPPED, USERS, Company, edited
from tests.faults.mortal import Fate, Killed, MortalConnector, MortalStore
from tests.faults.worlds import MemoryWorld, ServedWorld, World

NOW = parse_instant("2026-11-20T09:00:00Z")
MINUTE = 60_000
HOUR = 60 * MINUTE
PATIENCE = Patience(attempts=2, first_pause=0.0001, longest_pause=0.0001, longest_retry_after=0)
numbers = st.integers(1, 4)
days = st.integers(0, 140)


class Life(RuleBasedStateMachine):
    """What may happen in and around a company of four customers and two reps; each life is a connection of its own."""

    store: ClassVar[Store]
    world_of: ClassVar[Callable[..., World]]
    lives: ClassVar[Iterator[int]] = count(1)

    def __init__(self) -> None:
        super().__init__()
        self.now = NOW
        self.connection = f"life {next(self.lives)}"
        self.world = type(self).world_of(SHIPPED, USERS, NOW)
        self.fate = Fate()
        self.mortal = MortalStore(self.store, self.fate)
        self.connector = MortalConnector(self.world.connector, self.fate)
        self.made = 0
        self.copy = ""
        self.anew = False
        """The database is not the last one; until a run without trouble it may know nothing of tasks that stand."""

    def teardown(self) -> None:
        """End every life that went well so far with a run without trouble."""
        try:
            if sys.exc_info()[0] is None:
                self.quiet_tick()
        finally:
            self.world.close()

    @initialize(silences=st.tuples(days, days, days, days), settle=st.sampled_from([0, 1]))
    def begin(self, silences: tuple[int, ...], settle: int) -> None:
        self.settle = settle
        self.company = Company(edited(settle))
        for number, silent in enumerate(silences, start=1):
            self._account(number)
            self.call(number, silent)

    # What people do

    @rule(number=numbers, tier=st.sampled_from("ABC"), status=st.sampled_from(AccountStatus))
    def customer(self, number: int, tier: str, status: AccountStatus) -> None:
        if self.company.customers[number].owner not in self.company.gone:
            self.company.customers[number].tier, self.company.customers[number].status = tier, status
            self._account(number)

    @rule(number=numbers, ago=days)
    def call(self, number: int, ago: int) -> None:
        """Log a call, perhaps late."""
        self.made += 1
        at = self.now - ago * DAY
        self.company.customers[number].calls.append(at)
        self.world.put(
            Activity(
                id=f"call{self.made}",
                kind=ActivityKind.CALL,
                direction=Direction.OUT,
                at=at,
                status=ActivityStatus.DONE,
                owner_id=self.company.at_work("rep"),
                account_id=f"a{number}",
                contact_ids=(f"p{number}",),
            )
        )

    @rule(number=numbers, ago=days)
    def win(self, number: int, ago: int) -> None:
        self.made += 1
        on = moment(self.now).date() - timedelta(days=ago)
        deal = Deal(
            id=f"d{self.made}",
            account_id=f"a{number}",
            name="Order",
            stage="closed_won",
            status=DealStatus.WON,
            closed_on=on,
            owner_id=self.company.at_work("rep"),
        )
        self.world.put(deal)
        self.world.put(DealContact(id=f"l{self.made}", deal_id=deal.id, contact_id=f"p{number}", is_primary=True))

    @precondition(lambda self: self.open_tasks())
    @rule(data=st.data(), what=st.sampled_from(["complete", "delete", "give", "reword", "put off"]), meanwhile=st.booleans())
    def decide(self, data: st.DataObject, what: str, *, meanwhile: bool) -> None:
        """Deal with a task, perhaps just before a call of the next run that changes tasks."""
        key = data.draw(st.sampled_from(self.open_tasks()))
        act = partial(self._act, key, what)
        self.connector.tasks.meanwhile.append(act) if meanwhile else act()

    def _act(self, key: str, what: str) -> None:
        if key not in self.open_tasks():
            return
        if what == "complete":
            self.world.edit(key, status="done")
            self.company.completed.add(key)
        elif what == "delete":
            self.world.delete(key)
            self.company.removed.add(key)
        else:
            day = moment(self.now + 20 * DAY).date()
            cells: dict[str, dict[str, object]] = {
                "give": {"owner_id": self.company.at_work("other")},
                "put off": {"due_on": day},
            }
            mine = cells.get(what, {"subject": "Mine", "text": "My notes"})
            self.world.edit(key, **mine)
            self.company.mine.setdefault(key, {}).update(mine)

    @rule(rep=st.sampled_from(["rep", "other"]), active=st.booleans())
    def leave(self, rep: str, *, active: bool) -> None:
        """Somebody leaves, or comes back."""
        (self.company.gone.discard if active else self.company.gone.add)(rep)
        (user,) = (user for user in USERS if user.id == rep)
        self.world.put(replace(user, active=active))

    @rule(number=numbers, rep=st.sampled_from(["rep", "other"]))
    def hand_over(self, number: int, rep: str) -> None:
        """The account gets another owner, and the person there, too."""
        if rep not in self.company.gone:
            self.company.customers[number].owner = rep
            self._account(number)

    @rule(hours=st.sampled_from([1, 7, 24, 24 * 7, 24 * 31, 24 * 95]))
    def wait(self, hours: int) -> None:
        self.now += hours * HOUR

    @rule(hours=st.sampled_from([1, 30]))
    def set_back(self, hours: int) -> None:
        """The clock of refsync's machine is set back."""
        self.now -= hours * HOUR

    # What admins do

    @rule(name=st.sampled_from(NAMES), mode=st.sampled_from(Mode))
    def switch(self, name: str, mode: Mode) -> None:
        self.company.switch(name, mode)

    @rule(length=st.sampled_from([10, 30, 75]))
    def reconnect_after(self, length: int) -> None:
        """Customers of tier A count as neglected after so many days."""
        self.company.reconnect_after(length)

    # What goes wrong

    @rule(replies=st.integers(0, 2), requests=st.integers(0, 2))
    def lose(self, replies: int, requests: int) -> None:
        self.world.lose(replies, requests)

    @rule(times=st.integers(0, 2))
    def refuse(self, times: int) -> None:
        self.world.refuse(times)

    @rule(stream=st.sampled_from(Stream), pages=st.integers(0, 2))
    def cut_off(self, stream: Stream, pages: int) -> None:
        self.world.cut_off(stream, pages)

    @rule(errors=st.lists(st.sampled_from(["reset", "busy", "html"]), max_size=4), nth=st.integers(1, 30))
    def fail(self, errors: list[str], nth: int) -> None:
        self.world.fail(errors, nth)

    @rule(steps=st.integers(0, 120))
    def kill(self, steps: int) -> None:
        """Kill the next run at a commit or call, whatever it is doing."""
        self.fate.die_in(steps)

    @rule(steps=st.integers(0, 12))
    def kill_while_writing(self, steps: int) -> None:
        """Kill the next run at a commit or call from its first call about tasks on."""
        self.fate.die_in(steps, once_writing=True)

    @rule()
    def keep_copy(self) -> None:
        """Somebody copies the database."""
        self.copy = self._copied(self.connection)

    @rule(older=st.booleans())
    def lose_database(self, *, older: bool) -> None:
        """The database is lost; refsync begins anew with an empty one, or with the copy that somebody kept."""
        self.connection = self._copied(self.copy if older else "")
        self.anew = True

    def _copied(self, connection: str) -> str:
        """Return the name of a new connection that knows what this one does."""
        name = f"life {next(self.lives)}"
        with self.store.write() as db:
            for table in metadata.sorted_tables:
                if connection and "connection" in table.c:
                    columns = [literal(name) if column.name == "connection" else column for column in table.c]
                    rows = select(*columns).where(table.c.connection == connection)
                    db.execute(insert(table).from_select([column.name for column in table.c], rows))
        return name

    # What refsync does

    @rule(later=st.sampled_from([1, 30, 90]))
    def noisy_tick(self, later: int) -> None:
        """Run with whatever is to go wrong; only what may come out does."""
        self.now += later * 1000
        try:
            self.tick()
        except ConnectorError:
            pass
        except Killed:
            self._start_again()
        self.fate.calm()
        self.company.look(self.world, self.findings(), anew=self.anew)

    def _start_again(self) -> None:
        """Open the database as the next process does, which finds every lease ended: its holder is dead."""
        with self.store.write() as db:
            db.execute(update(lease).where(lease.c.connection == self.connection).values(expires_at=0))

    @rule()
    def quiet_tick(self) -> None:
        """Run without trouble until unknown outcomes are known; then the laws hold, and there is nothing left to do.

        A database begun anew learns of a deleted task when it is about to write it, and then it is the next rule's turn.
        """
        self.world.calm()
        self.fate.calm()
        for _ in range(2 + len(NAMES) * self.anew):
            self.now += 2 * MINUTE + self.settle * HOUR + self.world.deletes_show_after
            self.tick()
        self.anew = False
        self.company.look(self.world, self.findings(), anew=self.anew)
        self.company.look_closely(self.world, self.findings(), self.now)
        before = self.findings()
        report = self.tick()
        assert report.pushed is not None
        assert (0, 0, 0, 0) == (report.pushed.created, report.pushed.adopted, report.pushed.closed, report.pushed.moved)
        assert before == self.findings()

    def tick(self) -> Report:
        """Run, and see that new tasks are of rules that are live, and told of where another rule calls for them."""
        self.world.wind(self.now)
        before = set(self.world.tasks())
        try:
            return self._tick()
        finally:
            known, new = self.findings(), self.world.tasks().keys() - before
            assert {known[key].rule for key in new if key in known} <= self.company.live

    def _tick(self) -> Report:
        given = {"now": self.now, "patience": PATIENCE, "clock": lambda: self.now, "approved": True}
        report = tick(self.mortal, self.connection, self.world.name, self.connector, self.company.rulebook, **given)  # type: ignore[arg-type]
        self._let_people_act()
        return report

    def _let_people_act(self) -> None:
        while self.connector.tasks.meanwhile:
            self.connector.tasks.meanwhile.pop()()

    def findings(self) -> dict[str, Finding]:
        with self.store.read() as db:
            return {found.key: found for found in ledger.everything(db, self.connection)}

    def open_tasks(self) -> list[str]:
        return [key for key, task in self.world.tasks().items() if task.status is TaskStatus.OPEN]

    def _account(self, number: int) -> None:
        name, known = f"Account {number}", self.company.customers[number]
        self.world.put(
            Account(
                id=f"a{number}",
                name=name,
                owner_id=known.owner,
                status=known.status,
                tier=known.tier,
                created_at=NOW - 900 * DAY,
            ),
            Contact(id=f"p{number}", account_id=f"a{number}", name=f"Person {number}", owner_id=known.owner),
        )


WORLDS: dict[str, Callable[..., World]] = {
    "memory": partial(MemoryWorld),
    "salesforce": partial(ServedWorld, "salesforce"),
    "hubspot": partial(ServedWorld, "hubspot"),
}


def live(world: str, lives: int, steps: int) -> None:
    """Live so many lives of so many steps in a world."""
    checks = [HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large]
    how = settings(max_examples=lives, stateful_step_count=steps, deadline=None, suppress_health_check=checks)

    class InWorld(Life):
        world_of = WORLDS[world]

    with open_store("sqlite://") as InWorld.store:
        run_state_machine_as_test(InWorld, settings=how)


@pytest.mark.timeout(900)
@pytest.mark.parametrize("part", range(2))
def test_laws_hold_through_short_lives(part: int) -> None:
    """Whatever people do and whatever breaks: one task a key, decisions stand, all is known, a second run writes nothing."""
    live("memory", lives=40, steps=6)


@pytest.mark.timeout(900)
@pytest.mark.parametrize(("world", "steps"), [("salesforce", 6), ("hubspot", 5)])
@pytest.mark.parametrize("part", range(2))
def test_laws_hold_in_the_stand_ins(world: str, steps: int, part: int) -> None:
    """The same in Salesforce and in HubSpot, over HTTP."""
    live(world, lives=10, steps=steps)


@pytest.mark.long
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("part", range(14))
def test_laws_hold_through_long_lives(part: int) -> None:
    """The same with longer lives: with those in the stand-ins 5,000 of them."""
    live("memory", lives=300, steps=30)


@pytest.mark.long
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("world", ["salesforce", "hubspot"])
@pytest.mark.parametrize("part", range(4))
def test_laws_hold_through_long_lives_in_the_stand_ins(world: str, part: int) -> None:
    """The same in Salesforce and in HubSpot, over HTTP."""
    live(world, lives=100, steps=15)
