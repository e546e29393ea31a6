"""What a tick costs in calls, as the org counts them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from refsync.book import Book, BookWriter
from refsync.model import Account, Activity, ActivityKind, ActivityStatus, Contact, Direction, Record, Stream, instant, iso
from refsync.store.engine import Store
from refsync.store.runs import RunOutcome
from refsync_salesforce.connector import SalesforceConnector
from refsync_sandbox.clock import Clock
from refsync_sandbox.salesforce import Salesforce
from refsync_sandbox.server import Sandbox
from tests.salesforce.company import Company
from tests.salesforce.sandboxed import NOW, Hands

CHANGED = 1_000
UNCHANGED = len(Stream) + 1
"""A call for each stream, and one for the org's id."""
DAY = 86_400_000


def counted(hands: Hands) -> int:
    """Return how many calls that the org counts there were since the last time."""
    return sum(times for endpoint, times in hands.calls().items() if not endpoint.endswith("oauth2/token"))


def test_unchanged_tick_costs_one_request_a_stream(hands: Hands) -> None:
    """With nothing new, each stream is asked once, whatever the number of its objects, and no row comes."""
    connector = hands.connect()
    cursors = read(connector, {})
    hands.later(minutes=15)
    list(connector.read(Stream.USERS, cursors[Stream.USERS]))  # the connector learns that it is later
    hands.calls()
    found = [batch for stream in Stream for batch in connector.read(stream, cursors[stream])]
    asked = hands.calls()

    assert {"GET queryAll": 7, "POST composite": 2} == asked
    assert not any(batch.records for batch in found)


def read(connector: SalesforceConnector, cursors: dict[Stream, str]) -> dict[Stream, str]:
    """Read all streams and return their cursors."""
    batches = {stream: list(connector.read(stream, cursors.get(stream))) for stream in Stream}
    return {stream: str(some[-1].cursor) for stream, some in batches.items()}


def test_unchanged_run_from_cron_costs_one_call_more(hands: Hands, store: Store) -> None:
    """Each run is a process of its own: what an earlier one was told of the org's objects is asked for once a day."""
    company = Company(hands, store)
    company.tick()
    company.tick(minutes=15)
    hands.calls()
    quiet = company.tick(minutes=15)

    assert 0 == sum(quiet.pulled.changed.values())
    assert UNCHANGED == counted(hands)


def many() -> Iterator[Record]:
    """Yield 1,000 people of one customer, and a call with each."""
    now = instant(NOW)
    yield Account(id="A", name="Acme", created_at=now - 900 * DAY)
    for number in range(CHANGED):
        yield Contact(id=f"C{number}", account_id="A", name=f"Ann {number}", created_at=now - 800 * DAY)
    for number in range(CHANGED):
        yield Activity(
            id=f"X{number}",
            kind=ActivityKind.CALL,
            direction=Direction.OUT,
            status=ActivityStatus.DONE,
            at=now - 30 * DAY,
            account_id="A",
            contact_ids=(f"C{number}",),
        )


@pytest.fixture
def crowd(tmp_path: Path) -> Iterator[Hands]:
    """A sandbox with 1,000 people and as many calls."""
    with BookWriter(tmp_path / "book") as writer:
        for record in many():
            writer.write(record)
    clock = Clock(NOW)
    crm = Salesforce.load(Book.open(tmp_path / "book"), clock)
    with Sandbox(crm, clock) as sandbox:
        yield Hands(sandbox, crm)


@pytest.mark.parametrize(
    ("name", "stream", "page_size", "pages"),
    [
        ("Contact", Stream.CONTACTS, 2000, 1),
        ("Contact", Stream.CONTACTS, 100, 10),
        ("Task", Stream.ACTIVITIES, 2000, 1),
        ("Task", Stream.ACTIVITIES, 250, 4),
    ],
)
def test_changes_cost_the_pages_they_fill(
    crowd: Hands, store: Store, name: str, stream: Stream, page_size: int, pages: int
) -> None:
    """A run in which 1,000 rows have changed costs the calls of a quiet one and at most the pages that they fill."""
    company = Company(crowd, store, page_size=page_size)
    company.tick()
    company.tick(minutes=15)
    crowd.org({"do": "stamp", "object": name, "at": iso(company.now + 60_000)})
    crowd.calls()
    report = company.tick(minutes=15)
    calls = counted(crowd)

    assert CHANGED == report.pulled.rows[stream]
    assert UNCHANGED <= calls <= UNCHANGED + pages


def test_org_without_calls_ends_the_run_as_partial(hands: Hands, store: Store) -> None:
    """An org that refuses calls makes the run partial with the reason after one call; the next one goes on where it stood."""
    company = Company(hands, store)
    company.tick()
    hands.org({"do": "limit", "most": 1000, "used": 1000})
    hands.calls()
    refused = company.tick(minutes=15)
    calls = counted(hands)
    hands.org({"do": "limit", "used": 0})
    later = company.tick(minutes=15)

    assert (RunOutcome.PARTIAL, 1) == (refused.outcome, calls)
    assert set(Stream) == set(refused.pulled.partial)
    assert all("API limit" in reason for reason in (*refused.pulled.partial.values(), refused.no_writer))
    assert {} == later.pulled.partial
