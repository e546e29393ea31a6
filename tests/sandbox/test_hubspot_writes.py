"""What is written into the stand-in HubSpot: tasks and their keys, batches, what is refused, and what a restart keeps."""

from __future__ import annotations

from pathlib import Path

import pytest

from refsync.book import Book
from refsync_sandbox.hubspot import Settings
from refsync_sandbox.journal import Journal
from tests.sandbox.hubspot_portal import KEY, Caller, a_task, served


def test_creates_a_task_with_associations(hubspot: Caller) -> None:
    """A task is kept with its associations, and the reply holds what HubSpot works out."""
    ids = hubspot.ids()
    company, contact = ids["accounts"]["A1"], ids["contacts"]["C1"]
    types = {company: 192, contact: 204}
    links = [
        {"to": {"id": end}, "types": [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": number}]}
        for end, number in types.items()
    ]

    made = hubspot.post("/crm/objects/2026-03/tasks", a_task(refsync_key=KEY) | {"associations": links}, 201)

    shown = made["properties"]
    assert ("INTEGRATION", "0", f"0-27-{made['id']}", "NOT_STARTED") == tuple(
        shown[name] for name in ("hs_object_source", "hs_task_is_completed", "hs_obj_coords", "hs_task_status")
    )
    assert {company: [192]} == hubspot.ends("tasks", made["id"], "companies")
    assert {contact: [204]} == hubspot.ends("tasks", made["id"], "contacts")
    assert made["id"] == hubspot.get(f"/crm/v3/objects/tasks/{KEY}?idProperty=refsync_key")["id"]


def test_a_key_is_taken_once(hubspot: Caller) -> None:
    """A second task with the key is a conflict; only a batch with trace ids says which task has it."""
    first = hubspot.post("/crm/v3/objects/tasks", a_task(refsync_key=KEY), 201)["id"]
    alone = hubspot.post("/crm/v3/objects/tasks", a_task(refsync_key=KEY), 409)
    whole = hubspot.post("/crm/v3/objects/tasks/batch/create", {"inputs": [a_task(), a_task(refsync_key=KEY)]}, 409)
    traced = [a_task(refsync_key="cd" * 32) | {"objectWriteTraceId": "0"}, a_task(refsync_key=KEY) | {"objectWriteTraceId": "1"}]
    apart = hubspot.post("/crm/v3/objects/tasks/batch/create", {"inputs": traced}, 207)

    assert ("CONFLICT", "CONFLICT") == (alone["category"], whole["category"])
    assert "existingId" not in str(alone) + str(whole)
    assert (1, 1) == (len(apart["results"]), apart["numErrors"])
    assert [("CONFLICT", {"objectWriteTraceId": ["1"], "existingId": [first]})] == [
        (one["category"], one["context"]) for one in apart["errors"]
    ]
    assert 4 == len(hubspot.get("/crm/v3/objects/tasks?limit=100")["results"])


def test_the_key_of_a_deleted_task_is_free(hubspot: Caller) -> None:
    """An archived task no longer blocks its key and is found by it only among the archived."""
    made = hubspot.post("/crm/v3/objects/tasks", a_task(refsync_key=KEY), 201)["id"]
    hubspot.send("DELETE", f"/crm/v3/objects/tasks/{made}")
    by_key = f"/crm/v3/objects/tasks/{KEY}?idProperty=refsync_key"

    assert 404 == hubspot.send("GET", by_key).status_code
    assert made == hubspot.get(by_key + "&archived=true")["id"]
    hubspot.post("/crm/v3/objects/tasks", a_task(refsync_key=KEY), 201)


def test_a_portal_without_the_key_property(hubspot_book: Book) -> None:
    """Where the key property is missing it can be created, once, as a unique one."""
    definition = {
        "name": "refsync_key",
        "label": "Key",
        "type": "string",
        "fieldType": "text",
        "groupName": "taskinformation",
        "hasUniqueValue": True,
    }
    with served(hubspot_book, settings=Settings(key_property="")) as caller:
        refused = caller.post("/crm/v3/objects/tasks", a_task(refsync_key=KEY), 400)
        made = caller.post("/crm/properties/2026-03/tasks", definition, 201)
        again = caller.post("/crm/v3/properties/tasks/batch/create", {"inputs": [definition]}, 207)
        caller.post("/crm/v3/objects/tasks", a_task(refsync_key=KEY), 201)

    assert ["PROPERTY_DOESNT_EXIST"] == [one["code"] for one in refused["errors"]]
    assert (True, "Properties.PROPERTY_WITH_NAME_EXISTS") == (made["hasUniqueValue"], again["errors"][0]["subCategory"])


@pytest.mark.parametrize(
    ("properties", "code"),
    [
        ({"nonsense": "1"}, "PROPERTY_DOESNT_EXIST"),
        ({"hs_object_id": "1"}, "READ_ONLY_VALUE"),
        ({"hs_task_status": "SOMEDAY"}, "INVALID_OPTION"),
        ({"hs_timestamp": "soon"}, "INVALID_DATE"),
        ({"hubspot_owner_id": "1"}, "INVALID_OWNER_ID"),
    ],
)
def test_refuses_bad_values(hubspot: Caller, properties: dict[str, str], code: str) -> None:
    """A bad value is refused with its code, and nothing is kept."""
    refused = hubspot.post("/crm/v3/objects/tasks", a_task(**properties), 400)

    assert ("VALIDATION_ERROR", [code]) == (refused["category"], [one["code"] for one in refused["errors"]])
    assert 2 == len(hubspot.get("/crm/v3/objects/tasks")["results"])


def test_refuses_a_task_without_its_time(hubspot: Caller) -> None:
    """A task needs hs_timestamp."""
    refused = hubspot.post("/crm/v3/objects/tasks", {"properties": {"hs_task_subject": "x"}}, 400)

    assert {"properties": ["hs_timestamp"]} == refused["context"]


def test_refuses_dead_associations(hubspot: Caller) -> None:
    """A task for a record that is not there, or in a type that leads elsewhere, is refused."""
    ids = hubspot.ids()

    def created(end: str, number: int) -> int:
        link = {"to": {"id": end}, "types": [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": number}]}
        return hubspot.send("POST", "/crm/v3/objects/tasks", a_task() | {"associations": [link]}).status_code

    assert [404, 404, 400] == [
        created("77", 204),
        created(ids["accounts"]["A1"], 204),
        created(ids["accounts"]["A1"], 279),
    ]


def test_batch_limits(hubspot: Caller) -> None:
    """A batch has at most 100 inputs, 1,000 for associations, and no id twice."""
    ids = [{"id": str(number)} for number in range(1001)]
    task = hubspot.ids()["activities"]["X8"]
    update = {"inputs": [{"id": task, "properties": {}}] * 2}

    hubspot.post("/crm/v3/objects/tasks/batch/read", {"inputs": ids[:101]}, 400)
    hubspot.post("/crm/v4/associations/tasks/contacts/batch/read", {"inputs": ids}, 400)
    twice = hubspot.post("/crm/v3/objects/tasks/batch/update", update, 400)

    assert {"ids": [task]} == twice["context"]


def test_batch_update_tells_missing_ids_apart(hubspot: Caller) -> None:
    """Of a batch update those that are there are changed."""
    task = hubspot.ids()["activities"]["X8"]
    done = {"hs_task_status": "COMPLETED"}
    inputs = [{"id": task, "properties": done}, {"id": "77", "properties": done}]

    found = hubspot.post("/crm/v3/objects/tasks/batch/update", {"inputs": inputs}, 207)

    assert ([task], ["77"]) == ([one["id"] for one in found["results"]], found["errors"][0]["context"]["ids"])
    shown = hubspot.record("tasks", task, "hs_task_is_completed", "hs_task_completion_date")["properties"]
    assert ("1", True) == (shown["hs_task_is_completed"], bool(shown["hs_task_completion_date"]))


def test_upsert_needs_a_unique_property(hubspot: Caller) -> None:
    """Upsert creates or overwrites by a unique property and refuses any other."""
    one = {"id": KEY, "idProperty": "refsync_key", **a_task()}

    made = hubspot.post("/crm/v3/objects/tasks/batch/upsert", {"inputs": [one]})["results"][0]
    again = hubspot.post("/crm/v3/objects/tasks/batch/upsert", {"inputs": [one]})["results"][0]
    refused = hubspot.post("/crm/v3/objects/tasks/batch/upsert", {"inputs": [one | {"idProperty": "hs_task_subject"}]}, 400)

    assert (True, False, made["id"]) == (made["new"], again["new"], again["id"])
    assert "non-unique 0-27 property hs_task_subject" in refused["message"]


def test_comes_back_after_a_restart(hubspot_book: Book, tmp_path: Path) -> None:
    """A journal brings tasks and changes of people back under the same ids."""
    journal = Journal(tmp_path / "journal")
    with served(hubspot_book, journal=journal) as caller:
        made = caller.post("/crm/v3/objects/tasks", a_task(refsync_key=KEY), 201)["id"]
        caller.change({"op": "change", "table": "tasks", "key": KEY, "set": {"status": "done"}})
        before = caller.get("/_sandbox/tasks")
    with served(hubspot_book, journal=journal) as caller:
        after = caller.get("/_sandbox/tasks")

    assert before == after
    assert made in [one["id"] for one in after["tasks"]]


def test_a_value_may_be_written_again(hubspot: Caller) -> None:
    """Writing a record's own unique value once more is no conflict; another's is."""
    first = hubspot.post("/crm/v3/objects/tasks", a_task(refsync_key=KEY), 201)["id"]
    second = hubspot.post("/crm/v3/objects/tasks", a_task(), 201)["id"]
    body = {"properties": {"refsync_key": KEY}}

    assert [200, 409] == [hubspot.send("PATCH", f"/crm/v3/objects/tasks/{one}", body).status_code for one in (first, second)]
