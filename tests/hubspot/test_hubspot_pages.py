"""What no proper HubSpot would answer: a stub plays it, and no record is lost or taken for gone."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest

from refsync.errors import ConnectorError, TransientError, UnexpectedReply
from refsync.model import Account, Stream
from refsync_hubspot import HubSpot
from refsync_hubspot.cursor import Place
from refsync_hubspot.replies import Answer, records
from tests.hubspot.conftest import seen
from tests.hubspot.raw import row
from tests.hubspot.small_book import Connect

SEEN = seen(Stream.ACCOUNTS, "2024-09-30T11:00:00Z")


def changed(connector: HubSpot) -> tuple[list[str], list[str]]:
    """Read changed companies and return the ids that came and those that are gone."""
    batches = list(connector.read(Stream.ACCOUNTS, SEEN))
    return [record.id for batch in batches for record in batch.records], [gone for batch in batches for gone in batch.deleted]


def test_short_and_empty_pages_do_not_end_a_window(connect_to: Connect, stub: Any) -> None:
    """Only a page without `after` ends it; after an empty page the given place is used, as it came."""
    stub.will({"portalId": 1})
    stub.will({"total": 3, "results": [], "paging": {"next": {"after": 200}}})
    stub.will({"total": 3, "results": [row("5")], "paging": {"next": {"after": "400"}}})
    stub.will({"total": 2, "results": [row("7"), row("11")]})
    stub.will({"results": [row("5"), row("7"), row("11")]})

    assert (["5", "7", "11"], []) == changed(connect_to(stub.url))
    searches = [seen.body for seen in stub.seen if seen.path.endswith("/search")]
    assert [None, 200, None] == [body.get("after") for body in searches]
    assert {"propertyName": "hs_object_id", "operator": "GT", "value": "5"} in searches[2]["filterGroups"][0]["filters"]


def test_count_without_records_is_no_end(connect_to: Connect, stub: Any) -> None:
    """A search that counts records and shows none, with no place to go on, is an error."""
    stub.will({"portalId": 1})
    stub.will({"total": 8000, "results": []})

    with pytest.raises(UnexpectedReply):
        changed(connect_to(stub.url))


def test_ids_left_out_of_a_batch_read_are_asked_for(connect_to: Connect, stub: Any) -> None:
    """What a batch read leaves out without a word is looked at one by one: gone, or merged into another record."""
    stub.will({"portalId": 1})
    stub.will({"total": 3, "results": [row("5"), row("7"), row("9")]})
    stub.will({"results": [row("5")]})
    stub.will({"category": "OBJECT_NOT_FOUND"}, 404)
    stub.will(row("12"))
    stub.will({"results": [row("12", hs_merged_object_ids="9;8")]})

    assert (["5", "12"], ["7"]) == changed(connect_to(stub.url))


def test_living_record_that_cannot_be_read_stops_the_read(connect_to: Connect, stub: Any) -> None:
    """A record that is there but never comes is not skipped."""
    stub.will({"portalId": 1})
    stub.will({"total": 1, "results": [row("5")]})
    stub.will({"results": []})
    stub.will(row("5"))
    stub.will({"results": []})

    with pytest.raises(UnexpectedReply):
        changed(connect_to(stub.url))


def test_associations_left_out_without_a_word_stop_the_read(connect_to: Connect, stub: Any) -> None:
    """A record without associations is named by an error; one that is just missing is not taken for it."""
    stub.opens(Stream.CONTACTS)
    stub.will({"results": [row("5", lastname="A"), row("6", lastname="B")]})
    stub.will({"results": [{"from": {"id": "5"}, "to": []}]})

    with pytest.raises(UnexpectedReply):
        list(connect_to(stub.url).read(Stream.CONTACTS, None))


def test_fault_on_any_page_repeats_it_from_the_stored_place(connect_to: Connect, stub: Any) -> None:
    """A broken page in the middle raises; the next read starts where the last stored batch ended."""
    pages = [row(str(n)) for n in range(1000, 2000)]
    stub.opens(Stream.ACCOUNTS)
    for n in range(10):
        stub.will({"results": pages[n * 100 : n * 100 + 100], "paging": {"next": {"after": f"a{n}"}}})
    stub.will(b"<html>", 502)
    read = connect_to(stub.url).read(Stream.ACCOUNTS, None)
    _lacking, first = next(read), next(read)
    with pytest.raises(TransientError):
        next(read)
    stub.will({"portalId": 1})
    stub.will({"results": [row("9999")]})
    stub.will({"total": 0, "results": []})
    again = list(connect_to(stub.url).read(Stream.ACCOUNTS, first.cursor))

    assert 1000 == len(first.records)
    assert "after=a9" in next(seen.path for seen in stub.seen[13:] if "/objects/" in seen.path)
    assert ["9999"] == [record.id for batch in again for record in batch.records]


def test_record_that_cannot_be_read_is_set_aside(connect_to: Connect, stub: Any) -> None:
    """One bad record never stops the rest, also when its text breaks strict JSON."""
    body = json.dumps(
        {"results": [row("1", name="\ud83d"), row("2", annualrevenue="much"), row("3", name="Good"), row("4", name="\0")]}
    )
    stub.opens(Stream.ACCOUNTS)
    stub.will(body.encode())
    _lacking, batch = itertools.islice(connect_to(stub.url).read(Stream.ACCOUNTS, None), 2)

    assert (["3"], ["1", "2", "4"]) == ([record.id for record in batch.records], [each.id for each in batch.set_aside])


def test_missing_scope_makes_a_type_partial_and_leaves_the_others(connect_to: Connect, stub: Any) -> None:
    """Activities that the token may not see are reported; those that it may see come."""
    denied = {"category": "MISSING_SCOPES", "context": {"requiredGranularScopes": ["crm.objects.calls.read"]}}
    stub.opens(Stream.ACTIVITIES)
    stub.will(denied, 403)
    for _ in range(5):
        stub.will({"results": []})
    batches = list(connect_to(stub.url).read(Stream.ACTIVITIES, None))

    assert 1 == sum("crm.objects.calls.read" in batch.partial for batch in batches)
    assert {"emails", "meetings", "notes", "communications", "tasks"} == set(Place.loaded(batches[-1].cursor).states)


def test_many_property_names_are_read_by_id(connect_to: Connect, stub: Any) -> None:
    """More names than a URL can take go into the body of a batch read."""
    names = frozenset(f"a_rather_long_property_name_{n:04}" for n in range(300))
    stub.opens(Stream.ACCOUNTS)
    stub.will({"results": [row("1")]})
    stub.will({"results": [row("1", name="Acme")]})
    _lacking, batch = itertools.islice(connect_to(stub.url, custom={Stream.ACCOUNTS: names}).read(Stream.ACCOUNTS, None), 2)

    assert ["Acme"] == [record.name for record in batch.records if isinstance(record, Account)]
    assert max(len(seen.path) for seen in stub.seen) < 200


def test_record_without_id_or_properties_is_no_record() -> None:
    """A result that is no CRM record is an unexpected reply, never an empty record."""
    for broken in ({}, {"id": "1"}, {"id": 1, "properties": {}}, {"id": "1", "properties": None}):
        with pytest.raises(ConnectorError):
            records(Answer(body={"results": [broken]}))
