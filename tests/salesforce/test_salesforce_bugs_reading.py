"""Bugs that other tools have shipped in reading Salesforce, by their numbers: each fails when its cure is removed."""

from __future__ import annotations

from itertools import islice

import pytest

from refsync.connector import Batch, Merge
from refsync.errors import ConnectorError, RateLimited
from refsync.model import Record, Stream
from refsync_salesforce.connector import SalesforceConnector
from tests.salesforce.sandboxed import Hands, mirror

MOST_BATCHES = 200
"""No read of the small book takes more; a read that runs in a circle does."""
LIMIT = '[{"errorCode": "REQUEST_LIMIT_EXCEEDED", "message": "TotalRequests Limit exceeded."}]'


def batches(connector: SalesforceConnector, stream: Stream, since: str | None = None) -> list[Batch]:
    found = list(islice(connector.read(stream, since), MOST_BATCHES))
    assert len(found) < MOST_BATCHES
    return found


def ids(found: list[Batch]) -> list[str]:
    return sorted(record.id for batch in found for record in batch.records)


def whole(hands: Hands, stream: Stream) -> dict[str, Record]:
    """Return what one undisturbed read brings."""
    return mirror(batches(hands.connect(), stream))


def last_cursor(found: list[Batch]) -> str | None:
    return next(batch.cursor for batch in reversed(found) if batch.cursor is not None)


@pytest.mark.bug("salesforce", 1)
def test_equal_stamps_at_the_edge_of_a_page(hands: Hands) -> None:
    """Rows of one stamp on both sides of a page's edge come exactly once each."""
    for number in range(7):
        hands.create("Contact", LastName=f"Same {number}")
    hands.later(hours=1)
    expected = sorted(whole(hands, Stream.CONTACTS))

    assert expected == ids(batches(hands.connect(page_size=3), Stream.CONTACTS))


@pytest.mark.bug("salesforce", 2)
def test_row_that_becomes_visible_late(hands: Hands) -> None:
    """A row whose stamp lies before what was read already is seen by the overlap of the next window."""
    connector = hands.connect()
    cursor = last_cursor(batches(connector, Stream.CONTACTS))
    hands.later(minutes=-5)
    late = hands.create("Contact", LastName="Late")
    hands.later(minutes=20)

    assert [late] == list(mirror(batches(connector, Stream.CONTACTS, cursor)))


@pytest.mark.bug("salesforce", 3)
def test_cursor_never_passes_rows_that_were_not_read(hands: Hands) -> None:
    """A page that fails ends the read, and from the cursor before it the next read brings exactly what was missed."""
    expected = whole(hands, Stream.CONTACTS)
    hands.trouble({"kind": "status", "endpoint": "GET queryAll", "nth": 3})
    begun: list[Batch] = []
    with pytest.raises(ConnectorError):
        begun.extend(hands.connect(page_size=3).read(Stream.CONTACTS, None))
    hands.calm()
    rest = batches(hands.connect(page_size=3), Stream.CONTACTS, last_cursor(begun))

    assert expected == mirror([*begun, *rest])


@pytest.mark.bug("salesforce", 4)
def test_used_up_limit_is_not_the_end_of_the_data(hands: Hands) -> None:
    """When the org's calls are used up in the middle of a read, it ends with an error that says so."""
    hands.trouble({"kind": "status", "endpoint": "GET queryAll", "nth": 2, "status": 403, "body": LIMIT})
    with pytest.raises(RateLimited, match="TotalRequests Limit exceeded"):
        batches(hands.connect(page_size=3), Stream.CONTACTS)


@pytest.mark.bug("salesforce", 6)
def test_more_rows_on_one_stamp_than_a_page_holds(hands: Hands) -> None:
    """Many rows that were written together are read once each, in pages that are much smaller."""
    made = [hands.create("Contact", LastName=f"Same {number}") for number in range(9)]
    hands.later(hours=1)
    found = ids(batches(hands.connect(page_size=2), Stream.CONTACTS))

    assert sorted(set(found)) == found
    assert set(made) <= set(found)


@pytest.mark.bug("salesforce", 13)
def test_deleted_row_is_told(hands: Hands) -> None:
    """A row that people delete comes as deleted."""
    connector = hands.connect()
    cursor = last_cursor(batches(connector, Stream.CONTACTS))
    book_id, crm_id = next(iter(hands.ids("contacts").items()))
    hands.later(hours=1)
    hands.change({"op": "delete", "table": "contacts", "id": book_id})
    hands.later(minutes=2)

    assert [crm_id] == [gone for batch in batches(connector, Stream.CONTACTS, cursor) for gone in batch.deleted]


@pytest.mark.bug("salesforce", 13)
def test_archived_task_is_read(hands: Hands) -> None:
    """A closed task that is so old that Salesforce has archived it is read like any other."""
    old = hands.create("Task", Subject="Long ago", TaskSubtype="Call", Status="Completed", ActivityDate="2024-03-01")
    hands.later(hours=1)

    assert old in whole(hands, Stream.ACTIVITIES)


@pytest.mark.bug("salesforce", 24)
def test_merged_row_names_the_survivor(hands: Hands) -> None:
    """A row that was merged away comes as a merge, so that what hung on it can follow."""
    connector = hands.connect()
    cursor = last_cursor(batches(connector, Stream.ACCOUNTS))
    (gone, gone_id), (survivor, survivor_id) = islice(hands.ids("accounts").items(), 2)
    hands.later(hours=1)
    hands.change({"op": "merge", "table": "accounts", "id": gone, "into": survivor})
    hands.later(minutes=2)
    found = batches(connector, Stream.ACCOUNTS, cursor)

    assert [Merge(gone=gone_id, survivor=survivor_id)] == [merge for batch in found for merge in batch.merged]
    assert [] == [gone for batch in found for gone in batch.deleted]
