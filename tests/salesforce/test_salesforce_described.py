"""What the org describes: asked once a day by whichever process, and said as soon as it changes."""

from __future__ import annotations

from itertools import islice

import orjson
import pytest

from refsync.connector import Batch
from refsync.errors import UnexpectedReply
from refsync.model import Stream
from refsync_salesforce.connector import SalesforceConnector
from refsync_salesforce.window import DESCRIBED, described_in, positions
from tests.salesforce.sandboxed import Hands

Cursors = dict[Stream, str]
GO_LIVE = {"object": "Account", "field": "Go_Live__c"}
WANTED = {Stream.ACCOUNTS: frozenset({"Go_Live__c"})}


def run(connector: SalesforceConnector, cursors: Cursors, *streams: Stream) -> dict[Stream, list[Batch]]:
    """Read streams from where they stand, as a tick does, and return their batches."""
    found = {stream: list(connector.read(stream, cursors.get(stream))) for stream in streams or tuple(Stream)}
    for stream, batches in found.items():
        for batch in batches:
            cursors[stream] = batch.cursor or cursors[stream]
    return found


def described(hands: Hands) -> int:
    """Return how many describes were asked since the last time."""
    return sum(times for endpoint, times in hands.calls().items() if endpoint.endswith("describe"))


@pytest.fixture
def cursors(hands: Hands) -> Cursors:
    """Where an earlier process has read to; an hour has gone by."""
    found: Cursors = {}
    run(hands.connect(), found)
    hands.later(hours=1)
    hands.calls()
    return found


def test_hidden_field_is_said_by_a_read_without_rows(hands: Hands) -> None:
    """What the CRM hides now is said although nothing has changed, and nothing is said while it stays hidden."""
    hands.org({"do": "add_field", **GO_LIVE})
    connector, cursors = hands.connect(WANTED), Cursors()
    run(connector, cursors, Stream.ACCOUNTS)
    hands.org({"do": "hide_field", **GO_LIVE})
    hands.later(hours=1)
    (batch, *_) = run(connector, cursors, Stream.ACCOUNTS)[Stream.ACCOUNTS]

    assert ((), frozenset({"Go_Live__c"})) == (batch.records, batch.lacking)


def test_field_that_is_hidden_amid_a_read_is_said(hands: Hands) -> None:
    """A field that an admin hides between two pages is said with the next page."""
    hands.org({"do": "add_field", **GO_LIVE})
    reading = hands.connect(WANTED, page_size=4).read(Stream.ACCOUNTS, None)
    (first,) = islice(reading, 1)
    hands.org({"do": "hide_field", **GO_LIVE})
    rest = [batch.lacking for batch in reading if batch.lacking is not None]

    assert (frozenset(), [frozenset({"Go_Live__c"})]) == (first.lacking, rest)


@pytest.mark.parametrize("anew", [False, True], ids=["same process", "another process"])
def test_shown_field_does_not_wait_for_a_day(hands: Hands, anew: bool) -> None:
    """Once an admin shows what was wanted and hidden, the next read knows it, and reads it of all records."""
    hands.org({"do": "add_field", **GO_LIVE}, {"do": "hide_field", **GO_LIVE})
    connector, cursors = hands.connect(WANTED), Cursors()
    run(connector, cursors, Stream.ACCOUNTS)
    hands.later(hours=1)
    hands.org({"do": "show_field", **GO_LIVE})
    batches = run(hands.connect(WANTED) if anew else connector, cursors, Stream.ACCOUNTS)[Stream.ACCOUNTS]

    assert frozenset() == batches[0].lacking
    assert len(hands.ids("accounts")) == sum(len(batch.records) for batch in batches)


def test_another_process_asks_for_no_description(hands: Hands, cursors: Cursors) -> None:
    """A run from cron costs a call a stream and one for the org's id: descriptions of the same day come with the cursors."""
    connector = hands.connect()
    run(connector, cursors)
    assert connector.org
    assert connector.tasks is not None

    counted = {endpoint: times for endpoint, times in hands.calls().items() if not endpoint.endswith("token")}
    assert {"GET queryAll": 8, "POST composite": 2} == counted


def test_description_is_good_for_a_day(hands: Hands, cursors: Cursors) -> None:
    """A day later all is described anew, once."""
    hands.later(hours=24)
    run(hands.connect(), cursors)
    first = described(hands)
    run(hands.connect(), cursors)

    assert (True, 0) == (first > 10, described(hands))


def test_other_fields_are_described_anew(hands: Hands, cursors: Cursors) -> None:
    """A rule that reads another field has its object described anew, and no other object."""
    hands.org({"do": "add_field", **GO_LIVE})
    run(hands.connect(WANTED), cursors)

    assert 1 == described(hands)
    assert "Go_Live__c" in positions(cursors[Stream.ACCOUNTS])["Account"].fields


def test_description_that_is_out_of_date_is_replaced(hands: Hands) -> None:
    """A field that was hidden since is refused; the read goes on without it, and the next process does not ask for it."""
    hands.org({"do": "add_field", **GO_LIVE})
    cursors = Cursors()
    run(hands.connect(WANTED), cursors, Stream.ACCOUNTS)
    hands.org({"do": "hide_field", **GO_LIVE})
    hands.later(hours=1)
    (batch, *_) = run(hands.connect(WANTED), cursors, Stream.ACCOUNTS)[Stream.ACCOUNTS]

    kept = described_in(cursors[Stream.ACCOUNTS])["objects"]["Account"]["fields"]
    assert (frozenset({"Go_Live__c"}), False) == (batch.lacking, "Go_Live__c" in kept)


def test_refusal_for_good_is_not_remembered(hands: Hands, cursors: Cursors) -> None:
    """A read that ends in a refusal leaves no description behind: the next process describes anew, where it stood."""
    hands.trouble({"kind": "status", "endpoint": "GET queryAll", "status": 400, "body": '[{"errorCode": "INVALID_FIELD"}]'})
    reading = hands.connect().read(Stream.ACCOUNTS, cursors[Stream.ACCOUNTS])
    batch = next(reading)
    with pytest.raises(UnexpectedReply):
        next(reading)

    assert positions(cursors[Stream.ACCOUNTS]) == positions(batch.cursor)
    assert {} == described_in(batch.cursor)


def test_new_key_field_is_used_at_once(hands: Hands) -> None:
    """An admin who has just made the key field gets tasks from the next run on, whatever was described before."""
    key = {"object": "Task", "field": "refsync_key__c"}
    hands.org({"do": "hide_field", **key})
    cursors = Cursors()
    run(hands.connect(), cursors, Stream.ACTIVITIES)
    hands.later(hours=1)
    hands.org({"do": "show_field", **key})
    connector = hands.connect()
    run(connector, cursors, Stream.ACTIVITIES)

    assert connector.tasks is not None


@pytest.mark.parametrize("broken", ['"text"', "[]", '{"wanted": 1}', '{"objects": {"Account": 7}}'])
def test_broken_memory_is_no_trouble(hands: Hands, cursors: Cursors, broken: str) -> None:
    """What cannot be understood of an earlier description is asked for again."""
    cursor = orjson.loads(cursors[Stream.ACCOUNTS])
    kept = cursor[DESCRIBED]
    cursor[DESCRIBED] = {**kept, **found} if isinstance(found := orjson.loads(broken), dict) else found
    list(hands.connect().read(Stream.ACCOUNTS, orjson.dumps(cursor).decode()))

    assert 1 == described(hands)
