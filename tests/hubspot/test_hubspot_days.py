"""Days of a portal under real ticks, with the store: what leaves no trace reaches the mirror, and nothing else is lost."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import select

from refsync.model import Stream
from refsync.store.engine import Store, open_store
from refsync.store.mirror import counts
from refsync.store.tables import TABLE_OF
from tests.hubspot.company import Company, cold
from tests.hubspot.small_book import Connect, Serve

DAY = 24 * 60 + 10


@pytest.fixture
def store() -> Iterator[Store]:
    """Return a store in memory."""
    with open_store("sqlite://") as opened:
        yield opened


@pytest.fixture
def company(serve: Serve, connect_to: Connect, store: Store) -> Company:
    """Return a company of six customers, read once."""
    found = Company(serve(cold(6)), connect_to, store)
    assert {} == found.tick().pulled.partial
    return found


def held(company: Company, stream: Stream) -> set[str]:
    """Return the ids that the mirror holds."""
    with company.store.read() as db:
        return set(db.execute(select(TABLE_OF[stream].c.id)).scalars())


def test_deleted_for_good_goes_with_the_second_walk(company: Company) -> None:
    """A GDPR delete leaves no trace: the record goes when two nights did not show it; everything else stays."""
    portal = company.portal
    contact = portal.ids("contacts")["C3"]
    with company.store.read() as db:
        before = counts(db, "acme")
    portal.do("erase", id=contact)
    reports = [company.tick(minutes=DAY)]
    still_there = contact in held(company, Stream.CONTACTS)
    reports.append(company.tick(minutes=DAY))
    with company.store.read() as db:
        after = counts(db, "acme")

    assert [{}, {}] == [report.pulled.partial for report in reports]
    assert still_there
    assert contact not in held(company, Stream.CONTACTS)
    assert before[Stream.CONTACTS] - 1 == after[Stream.CONTACTS]
    assert before[Stream.ACTIVITIES] <= after[Stream.ACTIVITIES]


def test_a_week_without_changes_loses_nothing(company: Company) -> None:
    """Night after night everything is listed again, and nothing goes, comes or changes."""
    company.tick(minutes=DAY)
    with company.store.read() as db:
        before = counts(db, "acme")
    reports: list[Any] = [company.tick(minutes=DAY) for _ in range(4)]
    with company.store.read() as db:
        after = counts(db, "acme")

    assert [0] * 4 == [report.pulled.gone for report in reports]
    assert before[Stream.CONTACTS] == after[Stream.CONTACTS]
    assert {0} == {report.pulled.changed[stream] for report in reports for stream in (Stream.CONTACTS, Stream.ACCOUNTS)}
