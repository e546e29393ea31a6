"""Reading what no well-behaved CRM sends: parts of answers, short pages, fields that vanish, rows that cannot be read."""

from __future__ import annotations

from typing import Any

import pytest

from refsync.connector import ConnectionSettings
from refsync.errors import RateLimited, TransientError, UnexpectedReply
from refsync.model import (
    Activity,
    Stream,
    moment,
    parse_instant,
)
from refsync_salesforce import connect
from refsync_salesforce.connector import SalesforceConnector
from tests.salesforce.prepared import Org
from tests.salesforce.sandboxed import mirror

FURTHER = "/services/data/v62.0/query/01g-1"

STAMP = "2024-03-01T09:00:00.000+0000"

SHOWN = [{"name": name, "type": "string", "filterable": True} for name in ("Id", "SystemModstamp", "Name", "IsDeleted", "X__c")]


def account(number: int, **more: Any) -> dict[str, Any]:
    return {"Id": f"001{number:012d}AAA", "SystemModstamp": STAMP, "Name": "Acme", "IsDeleted": False, **more}


@pytest.fixture
def connector(org: Org, settings: Any) -> SalesforceConnector:
    """A connector of the prepared org, which shows accounts only."""
    org.says("GET", "sobjects/Account/describe", {"fields": SHOWN})
    given: ConnectionSettings = settings(page_size=2, custom_fields={Stream.ACCOUNTS: frozenset({"X__c"})})
    return connect(given)


def statements(org: Org) -> list[str]:
    return [call.request.params["q"] for call in org.mock.calls if "queryAll" in str(call.request.url)]  # type: ignore[attr-defined]


def test_failure_keeps_the_last_cursor(org: Org, connector: SalesforceConnector) -> None:
    """A failed page ends the read with an error; from the cursor before it the next read asks for exactly what was missed."""
    org.says("GET", "queryAll/", org.answer(account(1), account(2)))
    org.says("GET", "queryAll/", "", status=503)
    org.says("GET", "queryAll/", org.answer(account(3)))
    reading = connector.read(Stream.ACCOUNTS, None)
    first = next(reading)
    with pytest.raises(TransientError):
        next(reading)
    rest = list(connector.read(Stream.ACCOUNTS, first.cursor))

    assert [f"001{3:012d}AAA"] == [record.id for record in rest[0].records]
    failed, repeated = statements(org)[1:3]
    assert failed == repeated
    assert f"Id > '001{2:012d}AAA'" in repeated


def test_limit_in_the_middle_is_no_end(org: Org, connector: SalesforceConnector) -> None:
    """A limit that is met between pages is an error, not the end of the data."""
    org.says("GET", "queryAll/", org.answer(account(1), account(2)))
    limit = [{"errorCode": "REQUEST_LIMIT_EXCEEDED", "message": "ConcurrentRequests (Concurrent API Requests) Limit exceeded."}]
    org.says("GET", "queryAll/", limit, status=403)
    with pytest.raises(RateLimited):
        list(connector.read(Stream.ACCOUNTS, None))


def test_split_answer_is_followed(org: Org, connector: SalesforceConnector) -> None:
    """An answer that comes in parts is read to its end, each part with its own cursor."""
    org.says("GET", "queryAll/", org.answer(account(1), done=False, totalSize=2, nextRecordsUrl=FURTHER))
    org.says("GET", "query/01g-1", org.answer(account(2), totalSize=2))
    org.says("GET", "queryAll/", org.answer())
    batches = list(connector.read(Stream.ACCOUNTS, None))

    assert [1, 1, 0] == [len(batch.records) for batch in batches]
    assert 3 == len({batch.cursor for batch in batches})


def test_forgotten_locator_is_asked_for_by_key(org: Org, connector: SalesforceConnector) -> None:
    """When the CRM no longer knows where an answer went on, the statement is asked again behind the last row."""
    org.says("GET", "queryAll/", org.answer(account(1), done=False, totalSize=2, nextRecordsUrl=FURTHER))
    org.says("GET", "query/01g-1", [{"errorCode": "INVALID_QUERY_LOCATOR", "message": "invalid"}], status=400)
    org.says("GET", "queryAll/", org.answer(account(2)))
    batches = list(connector.read(Stream.ACCOUNTS, None))

    assert [f"001{number:012d}AAA" for number in (1, 2)] == [record.id for batch in batches for record in batch.records]


def test_short_page_is_the_end_only_by_the_crm_s_count(org: Org, connector: SalesforceConnector) -> None:
    """A page that says it is done with fewer rows than it counts is followed by another statement."""
    org.says("GET", "queryAll/", org.answer(account(1), totalSize=2))
    org.says("GET", "queryAll/", org.answer(account(2)))
    batches = list(connector.read(Stream.ACCOUNTS, None))

    assert 2 == sum(len(batch.records) for batch in batches)


def test_count_without_rows_is_refused(org: Org, connector: SalesforceConnector) -> None:
    """An empty page that counts rows is an error: it is not the end, and there is no way on."""
    org.says("GET", "queryAll/", org.answer(totalSize=5))
    with pytest.raises(UnexpectedReply):
        list(connector.read(Stream.ACCOUNTS, None))


def test_field_that_vanishes_in_the_middle(org: Org, connector: SalesforceConnector) -> None:
    """When a field is refused that was described before, the org is described again and the read goes on without it."""
    org.says("GET", "sobjects/Account/describe", {"fields": SHOWN[:-1]})
    org.says("GET", "queryAll/", org.answer(account(1, X__c="a"), account(2, X__c="b")))
    org.says("GET", "queryAll/", [{"errorCode": "INVALID_FIELD", "message": "No such column 'X__c' on Account"}], status=400)
    org.says("GET", "queryAll/", org.answer(account(3)))
    batches = list(connector.read(Stream.ACCOUNTS, None))

    assert 3 == sum(len(batch.records) for batch in batches)
    assert [True, True, False] == ["X__c" in statement for statement in statements(org)]
    assert f"Id > '001{2:012d}AAA'" in statements(org)[2]


def test_field_that_is_refused_for_good_ends_the_read(org: Org, connector: SalesforceConnector) -> None:
    """A refusal that a new description does not explain is an error, not an endless circle."""
    org.says("GET", "queryAll/", [{"errorCode": "INVALID_FIELD", "message": "No such column"}], status=400)
    with pytest.raises(UnexpectedReply):
        list(connector.read(Stream.ACCOUNTS, None))

    assert 1 == len(statements(org))


def test_bad_row_is_set_aside(org: Org, connector: SalesforceConnector) -> None:
    """A row that cannot be read is kept with its reason, wherever it stands; the others go on."""
    org.says("GET", "queryAll/", org.answer(account(1, Name=["x"]), account(2)))
    org.says("GET", "queryAll/", org.answer(account(3, Name=7)))
    batches = list(connector.read(Stream.ACCOUNTS, None))

    assert [f"001{2:012d}AAA"] == [record.id for batch in batches for record in batch.records]
    assert [
        (f"001{1:012d}AAA", "Name is of the type list and not a text"),
        (f"001{3:012d}AAA", "Name is of the type int and not a text"),
    ] == [(aside.id, aside.reason) for batch in batches for aside in batch.set_aside]
    assert '"Name":["x"]' in batches[0].set_aside[0].raw


def test_ids_that_differ_by_case_are_two(org: Org, connector: SalesforceConnector) -> None:
    """Two ids that differ only by case are two customers."""
    first, second = "001000000000AAaAAA", "001000000000AaAAAA"
    org.says("GET", "queryAll/", org.answer(account(1, Id=first), account(2, Id=second)))
    org.says("GET", "queryAll/", org.answer())

    assert {first, second} == set(mirror(list(connector.read(Stream.ACCOUNTS, None))))


def test_object_that_is_not_shown_is_partial(org: Org, connector: SalesforceConnector) -> None:
    """A stream whose object we may not see is partial, never empty: no data is not no case."""
    org.says("GET", "sobjects/Case/describe", [{"errorCode": "NOT_FOUND", "message": ""}], status=404)
    (batch,) = connector.read(Stream.CASES, None)

    assert ("Salesforce does not show Case to the user that refsync signs in as", None) == (batch.partial, batch.cursor)


def test_long_list_of_people_comes_in_parts(org: Org, settings: Any) -> None:
    """The people of a meeting with many guests are asked for to the end."""
    names = ("Id", "SystemModstamp", "StartDateTime", "WhoId")
    fields = [{"name": name, "type": "string", "filterable": True} for name in names]
    children = [{"childSObject": "EventRelation", "relationshipName": "EventRelations", "field": "EventId"}]
    missing = [{"errorCode": "NOT_FOUND", "message": ""}]
    for name in ("Task", "EmailMessage"):
        org.says("GET", f"sobjects/{name}/describe", missing, status=404)
    org.says("GET", "sobjects/Event/describe", {"fields": fields, "childRelationships": children})
    org.says("GET", "sobjects/EventRelation/describe", {"fields": [{"name": "RelationId", "type": "reference"}]})
    first = org.answer({"RelationId": "003000000000001AAA"}, done=False, totalSize=2, nextRecordsUrl=FURTHER)
    event = {"Id": "00U000000000001AAA", "SystemModstamp": STAMP, "StartDateTime": STAMP, "WhoId": None, "EventRelations": first}
    org.says("GET", "queryAll/", org.answer(event))
    org.says("GET", "query/01g-1", org.answer({"RelationId": "003000000000002AAA"}))
    (partial, batch) = connect(settings()).read(Stream.ACTIVITIES, None)
    (found,) = batch.records

    assert isinstance(found, Activity)
    assert "Salesforce does not show Task to the user that refsync signs in as" == partial.partial
    assert ("003000000000001AAA", "003000000000002AAA") == found.contact_ids
    assert "(SELECT RelationId FROM EventRelations)" in statements(org)[0]
    assert parse_instant("2024-03-01T09:00:00Z") == found.at
    assert 9 == moment(found.at or 0).hour
