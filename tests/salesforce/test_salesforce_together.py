"""Several queries in one call: the tick of the activities, statements that are too long for an address, and many ids."""

from __future__ import annotations

from typing import Any

import pytest

from refsync.errors import TransientError, UnexpectedReply
from refsync.model import Account, Activity, Stream
from refsync_salesforce.client import LONGEST_ADDRESS, Client
from tests.salesforce.prepared import Org
from tests.salesforce.sandboxed import Hands, mirror

ROW = {"Id": "00T000000000001AAA"}


def together(*parts: dict[str, Any]) -> dict[str, Any]:
    return {
        "compositeResponse": [
            {"httpHeaders": {}, "httpStatusCode": 200, "referenceId": f"r{number}"} | part for number, part in enumerate(parts)
        ]
    }


def test_each_part_is_an_answer_of_its_own(org: Org, client: Client) -> None:
    """One part may fail with its own error, and the others are answers."""
    refused = {"httpStatusCode": 503, "body": [{"errorCode": "SERVER_UNAVAILABLE", "message": "later"}]}
    org.says("POST", "composite", together({"body": org.answer(ROW)}, refused, {"body": {"records": None}}))
    first, second, third = client.queries(["SELECT Id FROM Task", "SELECT Id FROM Event", "SELECT Id FROM EmailMessage"])

    assert [ROW] == getattr(first, "rows", None)
    assert (TransientError, UnexpectedReply) == (type(second), type(third))


@pytest.mark.parametrize(
    "reply",
    [
        {},
        [],
        {"compositeResponse": None},
        {"compositeResponse": []},
        {"compositeResponse": [{"referenceId": "other", "httpStatusCode": 200, "body": {}}]},
        {"compositeResponse": [1]},
    ],
)
def test_reply_that_does_not_tell_of_each_part_is_refused(org: Org, client: Client, reply: Any) -> None:
    """A reply with parts missing, or with others, is never taken for answers."""
    org.says("POST", "composite", reply)
    with pytest.raises(UnexpectedReply):
        client.queries(["SELECT Id FROM Task"])


@pytest.mark.parametrize("status", [400, 500])
def test_part_that_fails_is_asked_for_in_the_ordinary_way(hands: Hands, status: int) -> None:
    """When the one call for three objects fails as a whole for a reason of its own, each object is asked by itself."""
    connector = hands.connect()
    cursor = list(connector.read(Stream.ACTIVITIES, None))[-1].cursor
    task = hands.create("Task", Subject="New", TaskSubtype="Call")
    hands.later(hours=1)
    list(connector.read(Stream.USERS, None))
    hands.trouble({"kind": "status", "endpoint": "POST composite", "status": status, "body": '[{"errorCode": "X"}]'})
    hands.calls()
    if status == 500:
        with pytest.raises(TransientError):
            list(connector.read(Stream.ACTIVITIES, cursor))
        return
    assert [task] == list(mirror(list(connector.read(Stream.ACTIVITIES, cursor))))
    assert 3 == hands.calls()["GET queryAll"]


def test_busy_tick_goes_on_with_pages(hands: Hands) -> None:
    """More changes than a page holds: the first page comes with the one call, the others follow, none is lost."""
    connector = hands.connect(page_size=3)
    cursor = list(connector.read(Stream.ACTIVITIES, None))[-1].cursor
    made = {hands.create("Task", Subject=str(number), TaskSubtype="Call") for number in range(8)}
    hands.later(hours=1)
    list(connector.read(Stream.USERS, None))
    hands.calls()
    found = mirror(list(connector.read(Stream.ACTIVITIES, cursor)))

    assert made == set(found)
    assert {"POST composite": 1, "GET queryAll": 2} == hands.calls()


def test_statement_too_long_for_an_address_brings_every_row(hands: Hands) -> None:
    """With more fields than an address can hold, rows come whole and in one piece, also those that change meanwhile."""
    names = [f"A_{'long_' * 7}name_{number}__c" for number in range(330)]
    hands.org(*({"do": "add_field", "object": "Account", "field": name} for name in names))
    assert LONGEST_ADDRESS < sum(len(name) + 3 for name in names)
    account = next(iter(hands.ids("accounts").values()))
    hands.org({"do": "set", "id": account, "fields": {names[0]: "first", names[-1]: "last"}})
    connector = hands.connect({Stream.ACCOUNTS: frozenset(names)}, page_size=5, bulk_from=0)
    hands.calls()
    found, moved = [], False
    for batch in connector.read(Stream.ACCOUNTS, None):
        found.append(batch)
        if not moved:
            hands.update("Account", account, Name="Moved meanwhile")
            hands.later(minutes=5)
            moved = True
    held = mirror(found)

    assert set(hands.ids("accounts").values()) == set(held)
    kept = held[account]
    assert isinstance(kept, Account)
    assert {names[0]: "first", names[-1]: "last"} == {name: value for name, value in kept.custom.items() if name in names}
    assert "GET queryAll" not in hands.calls()


def test_people_come_in_the_one_call_too(hands: Hands) -> None:
    """Sub-queries work inside the one call as they do alone."""
    connector = hands.connect()
    cursor = list(connector.read(Stream.ACTIVITIES, None))[-1].cursor
    one, two = list(hands.ids("contacts").values())[:2]
    task = hands.create("Task", Subject="Both", TaskSubtype="Call", WhoId=one)
    hands.create("TaskRelation", TaskId=task, RelationId=two)
    hands.later(hours=1)
    found = mirror(list(connector.read(Stream.ACTIVITIES, cursor)))[task]

    assert isinstance(found, Activity)
    assert {one, two} == set(found.contact_ids)
