"""What admins and the platform do to the org: hidden fields, rules, locks, quiet values, late rows, the recycle bin, limits."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from refsync_sandbox.journal import Journal
from refsync_sandbox.salesforce.steps import STEPS
from refsync_sandbox.server import Sandbox
from tests.sandbox.salesforce_org import NOW, Caller, org, served, write_book


@pytest.fixture
def crm(tmp_path: Path) -> Iterator[Caller]:
    with served(write_book(tmp_path)) as caller:
        yield caller


def create(crm: Caller, subject: str, **fields: Any) -> str:
    reply = crm.call("POST", f"sobjects/{subject}", json=fields)
    assert reply.status_code == 201, reply.text
    return str(reply.json()["id"])


def refused(crm: Caller, method: str, path: str, **fields: Any) -> tuple[int, str, list[str]]:
    reply = crm.call(method, path, json=fields)
    (error,) = reply.json()
    return reply.status_code, error["errorCode"], error.get("fields", [])


def described(crm: Caller, subject: str) -> dict[str, dict[str, Any]]:
    return {one["name"]: one for one in crm.call("GET", f"sobjects/{subject}/describe").json()["fields"]}


def stamps(crm: Caller, subject: str) -> dict[str, str]:
    rows = crm.rows(f"SELECT Id, SystemModstamp FROM {subject}", everything=True)
    return {row["Id"]: row["SystemModstamp"] for row in rows}


def test_a_hidden_field(crm: Caller) -> None:
    """A field that permissions hide is in no describe, query or write; shown again it holds what it held, stamps unmoved."""
    before = stamps(crm, "Account")
    crm.org({"do": "hide_field", "object": "Account", "field": "Tier__c"})

    assert "Tier__c" not in described(crm, "Account")
    code, message = crm.refusal("SELECT Tier__c FROM Account")
    assert "INVALID_FIELD" == code
    assert "No such column 'Tier__c'" in message
    assert (400, "INVALID_FIELD", []) == refused(crm, "POST", "sobjects/Account", Name="x", Tier__c="gold")
    assert "Tier__c" not in crm.call("GET", f"sobjects/Account/{crm.ids('accounts')['A1']}").json()
    crm.org({"do": "show_field", "object": "Account", "field": "Tier__c"})
    assert [{"Tier__c": "gold"}] == crm.rows("SELECT Tier__c FROM Account WHERE Name = 'Acme'")
    assert before == stamps(crm, "Account")


def test_a_hidden_key_field(crm: Caller) -> None:
    """A key that permissions hide cannot name records: 404, as for a field that does not exist."""
    crm.org({"do": "hide_field", "object": "Task", "field": "refsync_key__c"})

    assert (404, "NOT_FOUND", []) == refused(crm, "PATCH", "sobjects/Task/refsync_key__c/k", Subject="x")


def test_a_hidden_object(crm: Caller) -> None:
    """An object that is off is in no list, query or sub-query, though its rows are kept."""
    crm.org({"do": "hide_object", "object": "TaskRelation"})

    assert "TaskRelation" not in [one["name"] for one in crm.call("GET", "sobjects").json()["sobjects"]]
    assert "INVALID_TYPE" == crm.refusal("SELECT Id FROM TaskRelation")[0]
    assert "INVALID_TYPE" == crm.refusal("SELECT Id, (SELECT Id FROM TaskRelations) FROM Task")[0]
    assert 404 == crm.call("GET", "sobjects/TaskRelation/describe").status_code
    assert 201 == crm.call("POST", "sobjects/Task", json={"Subject": "x", "WhoId": crm.ids("contacts")["C1"]}).status_code
    crm.org({"do": "show_object", "object": "TaskRelation"})
    assert crm.rows("SELECT Id FROM TaskRelation")


def test_a_new_field_and_describe_that_tells(crm: Caller) -> None:
    """A new field is described, empty in every row and writable; describe says that it has changed."""
    since = crm.call("GET", "sobjects/Account/describe").headers["Last-Modified"]
    crm.org({"do": "add_field", "object": "Account", "field": "Region__c", "type": "picklist", "values": ["North"]})

    assert 200 == crm.call("GET", "sobjects/Account/describe", headers={"If-Modified-Since": since}).status_code
    assert {None} == {row["Region__c"] for row in crm.rows("SELECT Region__c FROM Account")}
    account = crm.ids("accounts")["A1"]
    assert 204 == crm.call("PATCH", f"sobjects/Account/{account}", json={"Region__c": "North"}).status_code
    assert 1 == len(crm.rows("SELECT Id FROM Account WHERE Region__c = 'North'"))


def test_an_object_with_very_many_fields(crm: Caller) -> None:
    """A record of more than a hundred fields is shown with all of them."""
    names = [f"Field_{n}__c" for n in range(130)]
    crm.org(*({"do": "add_field", "object": "Case", "field": name} for name in names))
    case = crm.ids("cases")["K1"]
    crm.org({"do": "set", "id": case, "fields": {"Field_0__c": "first", "Field_129__c": "last"}})

    row = crm.call("GET", f"sobjects/Case/{case}").json()

    assert set(names) <= row.keys()
    assert ("first", None, "last") == tuple(row[name] for name in ("Field_0__c", "Field_64__c", "Field_129__c"))


def test_a_formula_changes_without_a_stamp(crm: Caller) -> None:
    """A calculated field cannot be written, changes by itself, and moves no stamp."""
    account = crm.ids("accounts")["A1"]
    before = stamps(crm, "Account")
    crm.org(
        {"do": "add_field", "object": "Account", "field": "Health__c", "calculated": True},
        {"do": "set", "table": "accounts", "id": "A1", "fields": {"Health__c": "red"}},
    )

    assert (True, False) == tuple(described(crm, "Account")["Health__c"][name] for name in ("calculated", "updateable"))
    assert [{"Health__c": "red"}] == crm.rows(f"SELECT Health__c FROM Account WHERE Id = '{account}'")
    assert (400, "INVALID_FIELD_FOR_INSERT_UPDATE", ["Health__c"]) == refused(
        crm, "PATCH", f"sobjects/Account/{account}", Health__c="green"
    )
    assert before == stamps(crm, "Account")


def test_a_field_that_is_demanded_or_restricted(crm: Caller) -> None:
    """A required field and a pick list's values are judged for each write."""
    crm.org(
        {"do": "alter_field", "object": "Task", "field": "CallObject", "required": True},
        {"do": "alter_field", "object": "Task", "field": "Priority", "values": ["Normal"]},
    )

    assert (400, "REQUIRED_FIELD_MISSING", ["CallObject"]) == refused(crm, "POST", "sobjects/Task", Subject="x")
    assert (400, "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", ["Priority"]) == refused(
        crm, "POST", "sobjects/Task", Subject="x", CallObject="c", Priority="High"
    )


def test_a_field_that_cannot_be_filtered(crm: Caller) -> None:
    """A stamp that is not filterable says so in describe, and a query by it is refused."""
    crm.org({"do": "alter_field", "object": "Case", "field": "SystemModstamp", "filterable": False})

    assert not described(crm, "Case")["SystemModstamp"]["filterable"]
    code, message = crm.refusal("SELECT Id FROM Case WHERE SystemModstamp > 2024-01-01T00:00:00Z")
    assert ("INVALID_FIELD", True) == (code, "can not be filtered in a query call" in message)


def test_a_validation_rule(crm: Caller) -> None:
    """A record that meets a rule's condition is refused with its message and field; nothing of the write stays."""
    rule = {"object": "Task", "when": "Priority = 'High' AND WhatId = null", "message": "Say what.", "field": "WhatId"}
    crm.org({"do": "add_rule", **rule})

    before = stamps(crm, "Task")
    assert (400, "FIELD_CUSTOM_VALIDATION_EXCEPTION", ["WhatId"]) == refused(
        crm, "POST", "sobjects/Task", Subject="x", Priority="High"
    )
    assert before == stamps(crm, "Task")
    low = create(crm, "Task", Subject="x")
    assert 400 == refused(crm, "PATCH", f"sobjects/Task/{low}", Priority="High")[0]
    assert 204 == crm.call("DELETE", f"sobjects/Task/{low}").status_code
    crm.org({"do": "drop_rules", "object": "Task"})
    create(crm, "Task", Subject="x", Priority="High")


def test_a_locked_row(crm: Caller) -> None:
    """Writes to a locked record or to one that points at it are refused so many times, alone or in a collection."""
    crm.org({"do": "lock", "table": "accounts", "id": "A1", "times": 2})
    account = crm.ids("accounts")["A1"]

    row = {"attributes": {"type": "Task"}, "Subject": "x", "WhatId": account}
    (first,) = crm.call("POST", "composite/sobjects", json={"records": [row]}).json()
    assert (False, "UNABLE_TO_LOCK_ROW") == (first["success"], first["errors"][0]["statusCode"])
    assert (400, "UNABLE_TO_LOCK_ROW", []) == refused(crm, "PATCH", f"sobjects/Account/{account}", Phone="1")
    assert 204 == crm.call("PATCH", f"sobjects/Account/{account}", json={"Phone": "1"}).status_code
    crm.org({"do": "lock", "id": account}, {"do": "unlock", "id": account})
    create(crm, "Task", Subject="x", WhatId=account)


def test_rows_that_appear_late(crm: Caller) -> None:
    """A record written now carries an earlier stamp: always so much, or by chance up to so much."""
    crm.org({"do": "lateness", "seconds": 300})

    def written() -> str:
        made = create(crm, "Task", Subject="late")
        return stamps(crm, "Task")[made]

    fixed = written()
    crm.org({"do": "lateness", "seconds": 3000, "seed": 1})
    drawn = {written() for _ in range(5)}

    now = NOW.strftime("%Y-%m-%dT%H:%M")
    assert (NOW - timedelta(seconds=300)).strftime("%Y-%m-%dT%H:%M") == fixed[:16]
    assert len(drawn) > 1
    assert max(drawn)[:16] <= now


def test_equal_stamps(crm: Caller) -> None:
    """All records that meet a condition can carry one stamp."""
    crm.org({"do": "stamp", "object": "Contact", "where": "Name != 'Eve'", "at": "2024-06-01T00:00:00Z"})

    listed = list(stamps(crm, "Contact").values())
    assert 2 == listed.count("2024-06-01T00:00:00.000+0000")
    assert 3 == len(listed)


def test_the_recycle_bin(crm: Caller) -> None:
    """What was deleted together comes back together; what is purged is in no query, and getDeleted still tells of it."""
    ids = {**crm.ids("accounts"), **crm.ids("contacts")}
    assert 204 == crm.call("DELETE", f"sobjects/Account/{ids['A2']}").status_code
    assert not crm.rows(f"SELECT Id FROM Contact WHERE Id = '{ids['C3']}'")

    crm.org({"do": "undelete", "id": ids["A2"]})
    assert 1 == len(crm.rows(f"SELECT Id FROM Contact WHERE Id = '{ids['C3']}'"))
    crm.call("DELETE", f"sobjects/Contact/{ids['C3']}")
    crm.org({"do": "empty_bin", "object": "Contact"}, {"do": "purge", "id": ids["C2"]})

    assert [ids["C1"]] == [row["Id"] for row in crm.rows("SELECT Id FROM Contact", everything=True)]
    span = {"start": (NOW - timedelta(days=1)).isoformat(), "end": (NOW + timedelta(hours=1)).isoformat()}
    told = crm.call("GET", "sobjects/Contact/deleted", params=span).json()
    assert {ids["C2"], ids["C3"]} == {one["id"] for one in told["deletedRecords"]}


def test_a_key_that_was_taken_meanwhile_keeps_a_task_in_the_bin(crm: Caller) -> None:
    """Undeleting a record whose unique key another one carries by now is refused."""
    first = create(crm, "Task", Subject="x", refsync_key__c="k")
    crm.call("DELETE", f"sobjects/Task/{first}")
    create(crm, "Task", Subject="x", refsync_key__c="k")

    assert "DUPLICATE_VALUE" in crm.bad_step({"do": "undelete", "id": first})


def test_spans_of_changes(crm: Caller) -> None:
    """getUpdated names what changed; spans beyond 30 days, the wrong way round or with too many ids are refused."""
    made = create(crm, "Contact", LastName="New")
    near, far = (NOW - timedelta(hours=2)).isoformat(), (NOW - timedelta(days=31)).isoformat()
    end = (NOW + timedelta(minutes=2)).isoformat()
    path = "sobjects/Contact/updated"

    assert made in crm.call("GET", path, params={"start": near, "end": end}).json()["ids"]
    for start, code in ((far, "INVALID_REPLICATION_DATE"), (end, "INVALID_REPLICATION_DATE"), ("soon", "INVALID_ARGUMENT")):
        reply = crm.call("GET", path, params={"start": start, "end": end})
        assert (400, code) == (reply.status_code, reply.json()[0]["errorCode"])
    crm.org({"do": "replication_log", "most_ids": 0, "behind_seconds": 3600, "log_begins": NOW.isoformat()})
    assert "EXCEEDED_ID_LIMIT" == crm.call("GET", path, params={"start": near, "end": end}).json()[0]["errorCode"]
    later = {"start": NOW.isoformat(), "end": end}
    assert "2024-09-30T11:00:00.000+0000" == crm.call("GET", "sobjects/Contact/deleted", params=later).json()["latestDateCovered"]
    gone = crm.call("GET", "sobjects/Contact/deleted", params={"start": near, "end": end})
    assert "INVALID_REPLICATION_DATE" == gone.json()[0]["errorCode"]


def test_the_daily_limit(crm: Caller) -> None:
    """Calls are refused when the day's are used up, and the header says so; a day later there are new ones."""
    crm.org({"do": "limit", "most": 100, "used": 98, "app": "refsync", "most_of_app": 250})

    first, second, third = (crm.call("GET", "sobjects/User") for _ in range(3))
    assert [200, 200, 403] == [reply.status_code for reply in (first, second, third)]
    assert third.json() == [{"message": "TotalRequests Limit exceeded.", "errorCode": "REQUEST_LIMIT_EXCEEDED"}]
    assert "api-usage=100/100; per-app-api-usage=100/250(appName=refsync)" == third.headers["Sforce-Limit-Info"]
    crm.sandbox.clock.move_to(NOW + timedelta(hours=25))
    crm.sign_in()
    crm.org({"do": "limit", "app": ""})
    assert "api-usage=1/100" == crm.call("GET", "limits").headers["Sforce-Limit-Info"]


def test_sessions_locators_pages_and_jobs(crm: Caller) -> None:
    """Sessions and locators end when told to, pages are as short and jobs as slow as they are set."""
    crm.org({"do": "pages", "most": 2}, {"do": "bulk_jobs", "polls": 3})
    page = crm.call("GET", "queryAll", params={"q": "SELECT Id FROM Task"}).json()
    job = crm.call("POST", "jobs/query", json={"operation": "query", "query": "SELECT Id FROM Task"}).json()["id"]

    assert (2, False) == (len(page["records"]), page["done"])
    states = [crm.call("GET", f"jobs/query/{job}").json()["state"] for _ in range(4)]
    assert ["InProgress"] * 3 + ["JobComplete"] == states
    crm.org({"do": "expire_locators"})
    gone = crm.session.get(crm.sandbox.url + page["nextRecordsUrl"], timeout=5)
    assert (400, "INVALID_QUERY_LOCATOR") == (gone.status_code, gone.json()[0]["errorCode"])
    crm.org({"do": "end_sessions"})
    assert 401 == crm.call("GET", "limits").status_code


@pytest.mark.parametrize(
    ("step", "said"),
    [
        ({"do": "hide_feild", "object": "Task", "field": "Subject"}, "hide_field"),
        ({"do": "hide_field", "object": "Task", "feild": "Subject"}, "field"),
        ({"do": "hide_field", "object": "Tusk", "field": "Subject"}, "no object Tusk"),
        ({"do": "hide_field", "object": "Task", "field": "Nothing"}, "no field Nothing"),
        ({"do": "add_field", "object": "Task", "field": "Subject"}, "__c"),
        ({"do": "purge", "id": "A1"}, "say its table"),
        ({"do": "purge", "id": "A1", "table": "acounts"}, "no table acounts"),
        ({"do": "set", "table": "accounts", "id": "A1", "fields": {"Nothing": 1}}, "keeps no field Nothing"),
        ({"do": "set", "table": "accounts", "id": "A1", "fields": {"AnnualRevenue": "x"}}, "JSON_PARSER_ERROR"),
        ({"do": "add_rule", "object": "Task", "when": "Nothing = 1", "message": "x"}, "No such column"),
        ({"do": "stamp", "object": "Task", "at": "soon"}, "soon"),
        ({"do": "undelete", "table": "accounts", "id": "A1"}, "not in the recycle bin"),
    ],
)
def test_steps_that_cannot_be_carried_out(crm: Caller, step: dict[str, Any], said: str) -> None:
    """A step that is misspelt or leads nowhere is refused with words that help."""
    assert said in crm.bad_step(step)


def test_what_was_done_is_told_and_remembered(tmp_path: Path) -> None:
    """The steps so far are listed with what is known, and are there again after a restart."""
    folder, journal = write_book(tmp_path), Journal(tmp_path / "journal")

    def lived(then: Callable[[Caller], None]) -> None:
        crm, clock = org(folder)
        with Sandbox(crm, clock, journal=journal) as running:
            then(Caller(running))

    step = {"do": "hide_field", "object": "Task", "field": "CallType"}
    lived(lambda caller: caller.org(step))

    def look(caller: Caller) -> None:
        told = caller.session.get(f"{caller.sandbox.url}/_sandbox/org", timeout=5).json()
        assert [step] == told["steps"]
        assert set(STEPS) == set(told["known"])
        assert "CallType" not in described(caller, "Task")

    lived(look)
