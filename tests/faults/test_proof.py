"""Deletes need proof: whatever is lost on the way, nothing that is there goes, and everything that is gone goes in the end."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from refsync.bundled import bundled
from refsync.errors import ConnectorError, TransientError, UnexpectedReply
from refsync.model import Account, Activity, ActivityKind, Contact, Record, Stream, parse_instant
from refsync.rules.files.folder import load
from refsync.rules.rule import RuleSet
from refsync.store.engine import Store, open_store
from refsync.store.tables import TABLE_OF
from refsync.sync.retry import Patience
from refsync.sync.tick import tick
from refsync.testing.memory import MemoryConnector, MemoryCrm

NOW = parse_instant("2026-11-20T09:00:00Z")
HOUR = 3_600_000
STREAMS = (Stream.ACCOUNTS, Stream.CONTACTS, Stream.ACTIVITIES)
PATIENCE = Patience(attempts=2, first_pause=0.0001, longest_pause=0.0001)
names = count(1)


@pytest.fixture(scope="module")
def store() -> Iterator[Store]:
    with open_store("sqlite://") as opened:
        yield opened


@pytest.fixture(scope="module")
def rules() -> RuleSet:
    return load(bundled("rules"))


def made(stream: Stream, number: int) -> Record:
    match stream:
        case Stream.ACCOUNTS:
            return Account(id=f"a{number}")
        case Stream.CONTACTS:
            return Contact(id=f"c{number}", account_id=f"a{number}")
        case _:
            return Activity(id=f"x{number}", kind=ActivityKind.NOTE)


@dataclass
class Company:
    """A connection to a CRM that lists what it has, loses answers, and forgets deletes."""

    store: Store
    rules: RuleSet
    lists: frozenset[Stream]
    crm: MemoryCrm = field(default_factory=MemoryCrm)
    name: str = field(default_factory=lambda: f"proof {next(names)}")
    now: int = NOW

    def there(self) -> set[tuple[Stream, str]]:
        return {(stream, record.id) for stream in STREAMS for _, record in self.crm.read(stream, 0)}

    def mirrored(self) -> set[tuple[Stream, str]]:
        with self.store.read() as db:
            return {
                (stream, one)
                for stream in STREAMS
                for one in db.execute(select(TABLE_OF[stream].c.id).where(TABLE_OF[stream].c.connection == self.name)).scalars()
            }

    def tick(self, **options: object) -> None:
        self.now += HOUR
        connector = MemoryConnector(self.crm, page=2, lists=self.lists)
        given = {"now": self.now, "patience": PATIENCE, "clock": lambda: self.now, "approved": True, **options}
        tick(self.store, self.name, "memory", connector, self.rules, **given)  # type: ignore[arg-type]


steps = st.one_of(
    st.tuples(st.just("put"), st.sampled_from(STREAMS), st.integers(0, 9)),
    st.tuples(st.sampled_from(["remove", "purge"]), st.sampled_from(STREAMS), st.integers(0, 9)),
    st.tuples(st.just("cut off"), st.sampled_from(STREAMS), st.integers(0, 2)),
    st.tuples(st.just("fail"), st.just(Stream.ACCOUNTS), st.integers(1, 40)),
    st.tuples(st.just("tick"), st.just(Stream.ACCOUNTS), st.integers(0, 0)),
)


def happens(company: Company, what: str, stream: Stream, number: int) -> None:
    record = made(stream, number)
    match what:
        case "put":
            company.crm.put(record)
        case "remove" | "purge" if (stream, record.id) in company.there():
            (company.crm.remove if what == "remove" else company.crm.purge)(stream, record.id)
        case "cut off":
            company.crm.faults.partial[stream] = number
        case "fail":
            quiet: list[ConnectorError | None] = [None] * number
            company.crm.faults.calls = [*quiet, TransientError("reset"), None, UnexpectedReply("HTML")]
        case "tick":
            before = company.mirrored()
            with suppress(ConnectorError):
                company.tick()
            assert before & company.there() <= company.mirrored()


@settings(max_examples=15, deadline=None)
@given(
    lists=st.frozensets(st.sampled_from(STREAMS)),
    first=st.sets(st.tuples(st.sampled_from(STREAMS), st.integers(0, 9))),
    life=st.lists(steps, max_size=25),
)
def test_what_is_there_stays_and_what_is_gone_goes(
    store: Store,
    rules: RuleSet,
    lists: frozenset[Stream],
    first: set[tuple[Stream, int]],
    life: list[tuple[str, Stream, int]],
) -> None:
    """No tick deletes what the CRM holds; after a few quiet ticks the mirror holds exactly that, purged records too if listed."""
    company = Company(store, rules, lists)
    for stream, number in sorted(first):
        company.crm.put(made(stream, number))
    for what, stream, number in life:
        if what != "purge" or stream in lists:
            happens(company, what, stream, number)
    company.crm.faults.partial, company.crm.faults.calls = {}, []
    for _ in range(3):
        company.tick(confirmed_deletes=STREAMS)

    assert company.there() == company.mirrored()
