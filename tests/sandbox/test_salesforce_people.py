"""What people do to an org through the control API, and what reps then see."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from refsync_sandbox.journal import Journal
from refsync_sandbox.server import Sandbox
from tests.sandbox.salesforce_org import Caller, org, served, write_book


@pytest.fixture
def caller(tmp_path: Path) -> Iterator[Caller]:
    with served(write_book(tmp_path)) as found:
        yield found


def done(reply: requests.Response) -> list[str]:
    assert reply.status_code == 200, reply.text
    return [result["id"] for result in reply.json()["results"]]


def one(caller: Caller, subject: str, record_id: str) -> dict[str, Any]:
    return caller.rows(f"SELECT FIELDS(ALL) FROM {subject} WHERE Id = '{record_id}' LIMIT 1", everything=True)[0]


def test_a_rep_logs_a_call(caller: Caller) -> None:
    """A call that is added in book words is a completed Task with its people, stamped now."""
    accounts, contacts = caller.ids("accounts"), caller.ids("contacts")
    row = {"id": "N1", "kind": "call", "direction": "out", "at": "2024-09-30T11:00:00Z", "status": "done", "owner_id": "U1"}
    (call,) = done(
        caller.people({"op": "add", "table": "activities", "row": {**row, "account_id": "A1", "contact_ids": "C1;C2"}})
    )

    task = one(caller, "Task", call)
    assert (task["TaskSubtype"], task["CallType"], task["IsClosed"]) == ("Call", "Outbound", True)
    assert (task["CompletedDateTime"], task["ActivityDate"]) == ("2024-09-30T11:00:00.000+0000", "2024-09-30")
    assert (task["AccountId"], task["WhoId"]) == (accounts["A1"], contacts["C1"])
    assert task["SystemModstamp"] >= "2024-09-30T12:00:00"
    people = caller.rows(f"SELECT RelationId FROM TaskRelation WHERE TaskId = '{call}' ORDER BY Id")
    assert [row["RelationId"] for row in people] == [contacts["C1"], contacts["C2"]]
    assert caller.ids("activities")["N1"] == call


@pytest.mark.parametrize(
    ("row", "subject", "expected"),
    [
        (
            {"kind": "email", "direction": "in", "status": "done"},
            "EmailMessage",
            {"Incoming": True, "Status": "3", "IsBounced": False},
        ),
        ({"kind": "email", "status": "planned"}, "EmailMessage", {"Status": "5"}),
        (
            {"kind": "email", "status": "bounced", "automated": True},
            "EmailMessage",
            {"IsBounced": True, "AutomationType": "AiAutomated"},
        ),
        ({"kind": "meeting", "status": "no_show"}, "Event", {"Outcome__c": "No show", "ActivityDate": "2024-09-30"}),
        ({"kind": "message", "direction": "in", "status": "done"}, "Task", {"TaskSubtype": "LinkedIn", "CallType": "Inbound"}),
        ({"kind": "task", "status": "cancelled"}, "Task", {"Status": "Cancelled", "IsClosed": True}),
    ],
)
def test_kinds_of_activities(caller: Caller, row: dict[str, Any], subject: str, expected: dict[str, Any]) -> None:
    """Each kind and status of the book is what the agreed map says."""
    added = {"op": "add", "table": "activities", "row": {"at": "2024-09-30T10:00:00Z", "contact_ids": "C1", **row}}
    (record_id,) = done(caller.people(added))

    found = one(caller, subject, record_id)
    assert expected == {name: found[name] for name in expected}


def test_one_column_of_an_activity(caller: Caller) -> None:
    """Changing the status or the time alone keeps what the other says; what is done ahead of its time was done now."""
    done(
        caller.people(
            {"op": "change", "table": "activities", "id": "X3", "set": {"status": "done"}},
            {"op": "change", "table": "activities", "id": "X6", "set": {"at": "2024-09-01T10:00:00Z"}},
            {"op": "change", "table": "activities", "id": "X1", "set": {"contact_ids": "C3"}},
        )
    )

    ids = caller.ids("activities")
    assert one(caller, "Task", ids["X3"])["CompletedDateTime"].startswith("2024-09-30T12:00")
    assert one(caller, "Event", ids["X6"])["Outcome__c"] == "Completed"
    people = caller.rows(f"SELECT RelationId FROM TaskRelation WHERE TaskId = '{ids['X1']}'")
    assert [row["RelationId"] for row in people] == [caller.ids("contacts")["C3"]]


def test_companies_records(caller: Caller) -> None:
    """Records are added and changed column by column; winning a deal sets its stage and day."""
    added = {"id": "A9", "name": "New Co", "owner_id": "U1", "status": "customer", "go_live_on": "2024-09-01"}
    done(
        caller.people(
            {"op": "add", "table": "accounts", "row": added},
            {
                "op": "add",
                "table": "contacts",
                "row": {"id": "C9", "name": "Ivy Van Example", "account_id": "A9", "email": "I@X.COM"},
            },
            {"op": "add", "table": "deals", "row": {"id": "D9", "name": "First", "account_id": "A9", "status": "open"}},
            {"op": "add", "table": "deal_contacts", "row": {"deal_id": "D9", "contact_id": "C9", "role": "champion"}},
            {"op": "change", "table": "deals", "id": "D9", "set": {"status": "won"}},
            {"op": "change", "table": "accounts", "id": "A2", "set": {"status": "customer", "do_not_contact": False}},
            {"op": "change", "table": "users", "id": "U2", "set": {"active": False}},
        )
    )

    account = one(caller, "Account", caller.ids("accounts")["A9"])
    assert (account["Type"], account["Go_Live_On__c"]) == ("Customer - Direct", "2024-09-01")
    contact = one(caller, "Contact", caller.ids("contacts")["C9"])
    assert (contact["FirstName"], contact["LastName"], contact["Email"]) == ("Ivy Van", "Example", "i@x.com")
    deal = one(caller, "Opportunity", caller.ids("deals")["D9"])
    assert (deal["IsWon"], deal["StageName"], deal["CloseDate"]) == (True, "Closed Won", "2024-09-30")
    bolt = one(caller, "Account", caller.ids("accounts")["A2"])
    assert (bolt["Type"], bolt["Do_Not_Contact__c"]) == ("Customer - Direct", False)
    assert one(caller, "User", caller.ids("users")["U2"])["IsActive"] is False


def test_a_merge_moves_the_children(caller: Caller) -> None:
    """The one that goes stays behind deleted and says who lives on; contacts, deals and activities are the survivor's."""
    accounts = caller.ids("accounts")
    done(caller.people({"op": "merge", "table": "accounts", "id": "A1", "into": "A2"}))

    gone = one(caller, "Account", accounts["A1"])
    assert (gone["IsDeleted"], gone["MasterRecordId"]) == (True, accounts["A2"])
    assert [] == caller.rows(f"SELECT Id FROM Account WHERE Id = '{accounts['A1']}'")
    for subject in ("Contact", "Opportunity", "Task", "Event", "Case"):
        assert [] == caller.rows(f"SELECT Id FROM {subject} WHERE AccountId = '{accounts['A1']}'", everything=True)
    assert caller.rows("SELECT AccountId FROM Contact WHERE Name = 'Eve'") == [{"AccountId": accounts["A2"]}]


def test_a_deleted_account_takes_its_contacts_along(caller: Caller) -> None:
    """Deleting is soft and goes down to contacts, deals and their roles."""
    done(caller.people({"op": "delete", "table": "accounts", "id": "A1"}))

    for subject in ("Contact WHERE Name = 'Eve'", "Opportunity WHERE Name = 'Acme one'", "OpportunityContactRole"):
        assert [] == caller.rows(f"SELECT Id FROM {subject}")
        assert {True} == {row["IsDeleted"] for row in caller.rows(f"SELECT IsDeleted FROM {subject}", everything=True)}


def test_reps_and_our_tasks(caller: Caller) -> None:
    """The list of tasks shows who wrote what and how often, through a rep's closing, moving and deleting."""
    accounts, users = caller.ids("accounts"), caller.ids("users")
    fields = {"Subject": "Call Acme", "WhatId": accounts["A1"], "OwnerId": users["U1"], "ActivityDate": "2024-10-02"}
    ours = [
        caller.call("POST", "sobjects/Task", json={**fields, "refsync_key__c": key}).json()["id"] for key in ("k1", "k2", "k3")
    ]
    done(
        caller.people(
            {"op": "change", "table": "tasks", "key": "k1", "set": {"status": "done"}},
            {
                "op": "change",
                "table": "tasks",
                "key": "k2",
                "set": {"status": "deferred", "due_on": "2024-12-01", "owner_id": "U2"},
            },
            {"op": "delete", "table": "tasks", "key": "k3"},
            {"op": "change", "table": "tasks", "id": "X10", "set": {"subject": "Renamed"}},
        )
    )

    tasks = caller.tasks()
    closed, moved, gone = (tasks[task] for task in ours)
    assert (closed["status"], closed["writers"], closed["writes"]) == ("done", ["integration", "person"], 2)
    assert (moved["status"], moved["due"], moved["owner"]["name"]) == ("deferred", "2024-12-01", "Ben")
    assert (gone["deleted"], gone["key"], gone["account"]["name"]) == (True, "k3", "Acme")
    theirs = tasks[caller.ids("activities")["X10"]]
    assert (theirs["subject"], theirs["key"], theirs["writers"], theirs["contact"]["name"]) == (
        "Renamed",
        "",
        ["person"],
        "Dan Demo",
    )
    assert caller.ids("activities")["X1"] not in tasks


@pytest.mark.parametrize(
    ("change", "field", "words"),
    [
        (
            {"op": "change", "table": "accounts", "id": "A77", "set": {"name": "x"}},
            "id",
            "accounts has no record with the id 'A77'",
        ),
        ({"op": "change", "table": "tasks", "key": "none", "set": {"status": "done"}}, "key", "no record with the key 'none'"),
        ({"op": "change", "table": "accounts", "id": "A1", "set": {"owner_id": "U9"}}, "set.owner_id", "users has no record"),
        ({"op": "change", "table": "accounts", "id": "A1", "set": {"colour": "red"}}, "set.colour", "no column of this name"),
        ({"op": "change", "table": "accounts", "id": "A1", "set": {"seats": "many"}}, "set.seats", "'many' is no double"),
        ({"op": "change", "table": "activities", "id": "X1", "set": {"kind": "email"}}, "set.kind", "cannot be changed"),
        ({"op": "add", "table": "accounts", "row": {"id": "A1", "name": "x"}}, "row.id", "already has a record"),
        ({"op": "add", "table": "activities", "row": {"kind": "note"}}, "row.kind", "notes"),
        ({"op": "add", "table": "deal_contacts", "row": {"deal_id": "D1"}}, "row", "needs ContactId"),
        ({"op": "delete", "table": "users", "id": "U1"}, "table", "users cannot be deleted"),
        ({"op": "merge", "table": "accounts", "id": "A1", "into": "A1"}, "into", "into itself"),
        ({"op": "merge", "table": "contacts", "id": "C1", "into": "C77"}, "into", "contacts has no record"),
    ],
)
def test_what_cannot_be_done_is_said_and_nothing_is_done(caller: Caller, change: dict[str, Any], field: str, words: str) -> None:
    """The first change that cannot be made names its index and field, and the good one before it is undone."""
    good = {"op": "change", "table": "accounts", "id": "A2", "set": {"name": "Renamed"}}
    reply = caller.people(good, change)

    assert (400, 1, field) == (reply.status_code, reply.json()["index"], reply.json()["field"])
    assert words in reply.json()["message"]
    assert [] == caller.rows("SELECT Id FROM Account WHERE Name = 'Renamed'")


def test_an_org_goes_on_where_it_stopped(tmp_path: Path) -> None:
    """With a journal, what was written before a restart is there after it, under the same ids and stamps."""
    folder, journal = write_book(tmp_path), Journal(tmp_path / "journal.jsonl")
    crm, clock = org(folder)
    with Sandbox(crm, clock, journal=journal) as running:
        caller = Caller(running)
        caller.call("POST", "sobjects/Task", json={"Subject": "Kept", "refsync_key__c": "k1"})
        caller.call("POST", "sobjects/Task", json={"Subject": "Refused", "refsync_key__c": "k1"})
        caller.call("POST", "composite/sobjects", json={"records": [{"attributes": {"type": "Task"}, "refsync_key__c": "k2"}]})
        done(caller.people({"op": "delete", "table": "tasks", "key": "k2"}))
        before = caller.tasks()
    crm, clock = org(folder)
    with Sandbox(crm, clock, journal=journal) as running:
        after = Caller(running).tasks()

    assert before == after
    assert {"k1", "k2"} <= {task["key"] for task in after.values()}
