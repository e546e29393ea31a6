"""Writes over the REST API: what is worked out, what is refused, and collections."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from refsync_sandbox.salesforce.people import INTEGRATION_ID
from tests.sandbox.salesforce_org import Caller, served, write_book


@pytest.fixture(scope="module")
def org(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Caller]:
    with served(write_book(tmp_path_factory.mktemp("book"))) as caller:
        yield caller


def create(org: Caller, subject: str, **fields: Any) -> str:
    reply = org.call("POST", f"sobjects/{subject}", json=fields)
    assert reply.status_code == 201, reply.text
    return str(reply.json()["id"])


def one(org: Caller, subject: str, record_id: str) -> dict[str, Any]:
    return org.rows(f"SELECT FIELDS(ALL) FROM {subject} WHERE Id = '{record_id}' LIMIT 1", everything=True)[0]


def refused(org: Caller, method: str, path: str, **fields: Any) -> tuple[int, str, str, list[str]]:
    reply = org.call(method, path, json=fields)
    (error,) = reply.json()
    return reply.status_code, error["errorCode"], error["message"], error.get("fields", [])


def test_what_salesforce_works_out(org: Caller) -> None:
    """Names, closed flags, the account of an activity and the times of an event follow from what is written."""
    accounts, deals, contacts = org.ids("accounts"), org.ids("deals"), org.ids("contacts")
    task = create(org, "Task", Subject="x", WhatId=deals["D2"], WhoId=contacts["C1"], Status="Completed", Priority="High")
    event = create(org, "Event", StartDateTime="2024-10-01T10:00:00+02:00", DurationInMinutes=45, WhoId=contacts["C3"][:15])
    contact = create(org, "Contact", FirstName="Gil", LastName="Example", Email="Gil@Example.com")
    deal = create(org, "Opportunity", Name="New", StageName="Closed Won", CloseDate="2024-10-01", AccountId=accounts["A1"])

    done = one(org, "Task", task)
    assert (done["AccountId"], done["IsClosed"], done["IsHighPriority"]) == (accounts["A2"], True, True)
    assert done["CompletedDateTime"] == done["SystemModstamp"] == done["CreatedDate"]
    assert done["OwnerId"] == done["CreatedById"] == INTEGRATION_ID
    meeting = one(org, "Event", event)
    assert (meeting["StartDateTime"], meeting["EndDateTime"]) == ("2024-10-01T08:00:00.000+0000", "2024-10-01T08:45:00.000+0000")
    assert (meeting["ActivityDate"], meeting["AccountId"]) == ("2024-10-01", accounts["A2"])
    assert (one(org, "Contact", contact)["Name"], one(org, "Contact", contact)["Email"]) == ("Gil Example", "gil@example.com")
    assert (one(org, "Opportunity", deal)["IsClosed"], one(org, "Opportunity", deal)["IsWon"]) == (True, True)


def test_stamps_move_with_each_write_and_only_then(org: Caller) -> None:
    """SystemModstamp is the time of the last write; CreatedDate stays."""
    task = create(org, "Task", Subject="Stamped")
    before = one(org, "Task", task)
    org.sandbox.clock.move_to(org.sandbox.clock.now() + timedelta(minutes=5))
    assert one(org, "Task", task)["SystemModstamp"] == before["SystemModstamp"]

    org.call("PATCH", f"sobjects/Task/{task}", json={"Status": "Completed"})
    closed = one(org, "Task", task)
    org.call("PATCH", f"sobjects/Task/{task}", json={"Status": "Not Started"})

    assert closed["CreatedDate"] == before["CreatedDate"] < closed["SystemModstamp"] == closed["LastModifiedDate"]
    assert closed["CompletedDateTime"] == closed["SystemModstamp"]
    assert one(org, "Task", task)["CompletedDateTime"] is None


def test_fresh_records_are_not_stamped_after_the_clock(org: Caller) -> None:
    """Everything of the book lies at least an hour before the CRM's clock, also what is planned or has no time."""
    for subject in ("User", "Account", "Contact", "Opportunity", "Case", "EmailMessage", "Event"):
        stamps = [row["SystemModstamp"] for row in org.rows(f"SELECT SystemModstamp FROM {subject}", everything=True)]
        assert min(stamps) < "2024-09-30T11:00:01"
    planned = org.rows("SELECT SystemModstamp, ActivityDate FROM Task WHERE Subject = 'Call later'")
    assert planned == [{"SystemModstamp": "2024-09-29T12:00:00.000+0000", "ActivityDate": "2024-12-01"}]


@pytest.mark.parametrize(
    ("subject", "fields", "code", "words", "at_fault"),
    [
        ("Task", {"Foo": 1}, "INVALID_FIELD", "No such column 'Foo' on sobject of type Task", []),
        (
            "Task",
            {"AccountId": None},
            "INVALID_FIELD_FOR_INSERT_UPDATE",
            "Unable to create/update fields: AccountId.",
            ["AccountId"],
        ),
        ("Contact", {"FirstName": "x"}, "REQUIRED_FIELD_MISSING", "Required fields are missing: [LastName]", ["LastName"]),
        ("Task", {"Subject": "x" * 256}, "STRING_TOO_LONG", "(max length=255)", ["Subject"]),
        ("Task", {"OwnerId": "nonsense"}, "MALFORMED_ID", "OwnerId: id value of incorrect type: nonsense", ["OwnerId"]),
        ("Task", {"ActivityDate": "soon"}, "JSON_PARSER_ERROR", "Cannot deserialize instance of date", []),
        ("Task", {"IsReminderSet": "maybe"}, "JSON_PARSER_ERROR", "Cannot deserialize instance of boolean", []),
        ("Task", {"TaskSubtype": "Dance"}, "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", "bad value", ["TaskSubtype"]),
        ("Contact", {"LastName": "x", "Email": "nobody"}, "INVALID_EMAIL_ADDRESS", "Email: invalid email address", ["Email"]),
        ("User", {"LastName": "x"}, "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", "cannot be inserted: User", []),
    ],
)
def test_refused_bodies(org: Caller, subject: str, fields: dict[str, Any], code: str, words: str, at_fault: list[str]) -> None:
    """A body that does not suit the object is refused with Salesforce's code, words and fields."""
    status, found, message, named = refused(org, "POST", f"sobjects/{subject}", **fields)

    assert (400, code, at_fault) == (status, found, named)
    assert words in message


def test_refused_references_and_owners(org: Caller) -> None:
    """A reference must be of the right object and lead somewhere; a task needs an active owner, an account does not."""
    users, accounts, contacts = org.ids("users"), org.ids("accounts"), org.ids("contacts")
    nowhere = accounts["A1"][:12] + "zza"

    assert refused(org, "POST", "sobjects/Task", WhoId=accounts["A1"])[1] == "MALFORMED_ID"
    assert refused(org, "POST", "sobjects/Task", WhatId=nowhere)[1] == "INVALID_CROSS_REFERENCE_KEY"
    _, code, message, _ = refused(org, "POST", "sobjects/Task", OwnerId=users["U3"], WhoId=contacts["C1"])
    assert (code, message) == (
        "INACTIVE_OWNER_OR_USER",
        f"operation performed with inactive user [{users['U3'][:15]}] as owner of task",
    )
    assert create(org, "Account", Name="Kept by one who left", OwnerId=users["U3"])


def test_deleted_records_are_refused(org: Caller) -> None:
    """A deleted record can be neither changed nor deleted again: 404 with ENTITY_IS_DELETED."""
    task = create(org, "Task", Subject="Gone")
    assert org.call("DELETE", f"sobjects/Task/{task}").status_code == 204

    assert refused(org, "PATCH", f"sobjects/Task/{task}", Status="Completed")[:2] == (404, "ENTITY_IS_DELETED")
    assert refused(org, "DELETE", f"sobjects/Task/{task}")[:2] == (404, "ENTITY_IS_DELETED")
    assert refused(org, "PATCH", "sobjects/Task/00T000000000001AAA", Status="Completed")[:2] == (404, "NOT_FOUND")


def collected(org: Caller, *records: dict[str, Any], method: str = "POST", all_or_none: bool = False) -> list[dict[str, Any]]:
    rows = [{"attributes": {"type": "Task"}, **record} for record in records]
    reply = org.call(method, "composite/sobjects", json={"allOrNone": all_or_none, "records": rows})
    assert reply.status_code == 200
    results: list[dict[str, Any]] = reply.json()
    return results


def test_collections_answer_row_by_row_in_order(org: Caller) -> None:
    """Good rows are kept, bad ones say why by `statusCode` and carry no id; a key given twice is taken once."""
    good, long, twice = collected(
        org,
        {"Subject": "Good", "refsync_key__c": "row-1"},
        {"Subject": "x" * 300, "refsync_key__c": "row-2"},
        {"Subject": "Twice", "refsync_key__c": "row-1"},
    )

    assert good == {"id": good["id"], "success": True, "errors": []}
    assert [error["statusCode"] for error in long["errors"]] == ["STRING_TOO_LONG"]
    assert "id" not in long
    assert twice["errors"][0]["statusCode"] == "DUPLICATE_VALUE"
    assert good["id"] in twice["errors"][0]["message"]
    changed, nameless = collected(org, {"id": good["id"], "Status": "Completed"}, {"Status": "Completed"}, method="PATCH")
    assert changed["success"] is True
    assert nameless["errors"][0]["statusCode"] == "MISSING_ARGUMENT"
    (gone,) = org.call("DELETE", "composite/sobjects", params={"ids": good["id"], "allOrNone": "false"}).json()
    assert gone["success"] is True
    (again,) = collected(org, {"id": good["id"], "Status": "Completed"}, method="PATCH")
    assert again["errors"][0]["statusCode"] == "ENTITY_IS_DELETED"


def test_all_or_none_keeps_none(org: Caller) -> None:
    """With allOrNone one bad row undoes the others, and they say so."""
    results = collected(org, {"Subject": "Good", "refsync_key__c": "none-1"}, {"Subject": "x" * 300}, all_or_none=True)

    codes = [error["statusCode"] for result in results for error in result["errors"]]
    assert ["ALL_OR_NONE_OPERATION_ROLLED_BACK", "STRING_TOO_LONG"] == codes
    assert [] == org.rows("SELECT Id FROM Task WHERE refsync_key__c = 'none-1'", everything=True)


def test_collections_have_bounds(org: Caller) -> None:
    """None and more than 200 records are refused as a whole."""
    for number, code in ((0, "REQUIRED_FIELD_MISSING"), (201, "EXCEEDED_MAX_SIZE_REQUEST")):
        reply = org.call("POST", "composite/sobjects", json={"records": [{}] * number})
        assert (400, code) == (reply.status_code, reply.json()[0]["errorCode"])


def test_collections_upsert_by_key(org: Caller) -> None:
    """Rows carry their key; `created` says what became of each."""
    rows = [{"attributes": {"type": "Task"}, "refsync_key__c": key, "Subject": key} for key in ("up-1", "up-2")]
    first = org.call("PATCH", "composite/sobjects/Task/refsync_key__c", json={"records": rows[:1]}).json()
    both = org.call("PATCH", "composite/sobjects/Task/refsync_key__c", json={"records": rows}).json()

    assert [True] == [row["created"] for row in first]
    assert [False, True] == [row["created"] for row in both]


def test_paths_that_are_not_there(org: Caller) -> None:
    """Unknown paths and objects are 404, wrong methods 405, retired versions 410, calls without a token 401."""
    assert refused(org, "GET", "nonsense")[:2] == (404, "NOT_FOUND")
    assert refused(org, "GET", "sobjects/Foo/describe")[:2] == (404, "NOT_FOUND")
    assert refused(org, "DELETE", "limits")[:2] == (405, "METHOD_NOT_ALLOWED")
    assert org.session.get(f"{org.sandbox.url}/services/data/v25.0/limits", timeout=5).status_code == 410
    anonymous = org.session.get(f"{org.sandbox.url}/services/data/v62.0/limits", headers={"Authorization": ""}, timeout=5)
    assert (401, "INVALID_SESSION_ID") == (anonymous.status_code, anonymous.json()[0]["errorCode"])
    assert anonymous.headers["Sforce-Limit-Info"].startswith("api-usage=")


def test_deleted_and_updated_lists(org: Caller) -> None:
    """getDeleted names what was deleted in a span, getUpdated what was written."""
    start = org.sandbox.clock.now()
    gone, kept = create(org, "Task", Subject="Gone"), create(org, "Task", Subject="Kept")
    org.call("DELETE", f"sobjects/Task/{gone}")
    span = {"start": start.replace(microsecond=0).isoformat(), "end": (start + timedelta(minutes=1)).isoformat()}

    deleted = org.call("GET", "sobjects/Task/deleted/", params=span).json()
    updated = org.call("GET", "sobjects/Task/updated/", params=span).json()

    assert gone in [row["id"] for row in deleted["deletedRecords"]]
    assert kept in updated["ids"]
    assert gone not in updated["ids"]
