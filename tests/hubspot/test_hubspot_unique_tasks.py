"""Writing tasks by a unique key, against replies that no proper HubSpot would give: a stub plays it."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from refsync.connector import OutcomeKind, TaskChange, TaskWriter
from refsync.errors import AuthError, RateLimited, TransientError
from refsync.model import Task, parse_instant
from tests.hubspot.wanted import Connect, kinds, writer_of

HEAD = "/crm/objects/2026-03/tasks"
CREATE, READ = f"{HEAD}/batch/create", f"{HEAD}/batch/read"
LINKS, LINK = "/crm/associations/2026-03/tasks/companies/batch/read", "/crm/associations/2026-03/tasks/companies/batch/create"
NOTHING = {
    "results": [],
    "errors": [{"category": "OBJECT_NOT_FOUND", "context": {"ids": [f"{n:064x}" for n in range(10)]}}],
    "numErrors": 1,
}
UNLINKED = {
    "results": [],
    "errors": [{"subCategory": "crm.associations.NO_ASSOCIATIONS_FOUND", "context": {"fromObjectId": ["77"]}}],
    "numErrors": 1,
}


def written(n: int, task_id: str = "77") -> dict[str, Any]:
    """Return a created task as the stub sends it."""
    return {"id": task_id, "properties": {"refsync_key": f"{n:064x}", "hs_task_status": "NOT_STARTED"}}


def plain(n: int, **changed: Any) -> Task:
    """Return the n-th task for the stub, which has no links to look at."""
    values: dict[str, Any] = {
        "key": f"{n:064x}",
        "rule": "reconnect",
        "subject": "Write",
        "text": "Quiet",
        "do": "email",
        "priority": "low",
        "due_on": date(2024, 10, 2),
        "due_at": parse_instant("2024-10-02T15:00:00Z"),
        "owner_id": "1",
    }
    return Task(**values | changed)


@pytest.fixture
def stubbed(stub: Any, connect_to: Connect) -> TaskWriter:
    """Return a writer of the stub, whose portal has a unique key and one owner."""
    stub.always("/crm/properties/2026-03/tasks/refsync_key", {"name": "refsync_key", "hasUniqueValue": True})
    stub.always("/account-info/2026-03/details", {"portalId": 1})
    stub.always("/crm/owners/2026-03", {"results": [{"id": "1", "type": "PERSON"}, {"id": "2", "type": "QUEUE"}]})
    return writer_of(connect_to(stub.url))


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (504, b"<html>"),
        (200, b"<html>"),
        (201, b'{"results": [{"id": "7'),
        (201, {}),
        (201, {"results": None}),
        (202, {"results": []}),
        (201, {"results": [{"id": 7, "properties": {}}]}),
    ],
)
def test_lost_reply_leaves_every_task_uncertain(stub: Any, stubbed: TaskWriter, status: int, body: Any) -> None:
    """When a create may have happened, each of its tasks is uncertain, later batches stay unsent, nothing is sent again."""
    stub.will(body, status)
    outcomes = stubbed.create([plain(n) for n in range(101)])

    assert [OutcomeKind.UNCERTAIN] * 100 + [OutcomeKind.UNSENT] == kinds(outcomes)
    assert 1 == stub.paths().count(CREATE)


@pytest.mark.parametrize(("status", "error"), [(429, RateLimited), (401, AuthError), (403, AuthError), (423, RateLimited)])
def test_create_raises_when_nothing_was_sent(stub: Any, stubbed: TaskWriter, status: int, error: type[Exception]) -> None:
    """A refused call of all tasks is an error, not outcomes."""
    stub.will({}, status)

    with pytest.raises(error):
        stubbed.create([plain(1), plain(2)])


def test_tasks_behind_a_written_batch_are_unsent(stub: Any, stubbed: TaskWriter) -> None:
    """Once something was written, later trouble is an outcome."""
    stub.will({"results": [written(n, str(n)) for n in range(100)]}, 201)
    stub.will({}, 429)
    outcomes = stubbed.create([plain(n) for n in range(250)])

    assert [OutcomeKind.WRITTEN] * 100 + [OutcomeKind.UNSENT] * 150 == kinds(outcomes)


def test_queue_is_given_nothing(stub: Any, stubbed: TaskWriter) -> None:
    """A task for a queue would be nobody's."""
    stub.will({"results": [written(1)]}, 201)

    assert [OutcomeKind.WRITTEN, OutcomeKind.REJECTED] == kinds(stubbed.create([plain(1), plain(2, owner_id="2")]))


def test_whole_request_conflict_is_looked_up_and_the_rest_sent_again(stub: Any, stubbed: TaskWriter) -> None:
    """A CONFLICT without an id: those that are there are adopted, the others get a call of their own."""
    stub.will({"category": "CONFLICT", "message": "Task already exists"}, 409)
    stub.will({"results": [written(1)], "errors": [{"context": {"ids": [plain(2).key]}}]}, 207)
    stub.will(NOTHING, 207)
    stub.will({"results": [written(2, "78")]}, 201)

    assert [(OutcomeKind.ADOPTED, "77"), (OutcomeKind.WRITTEN, "78")] == [
        (outcome.kind, outcome.task_id) for outcome in stubbed.create([plain(1), plain(2)])
    ]
    assert [CREATE, READ, READ, CREATE] == stub.paths()


def test_whole_request_refused_is_bisected(stub: Any, stubbed: TaskWriter) -> None:
    """A batch that is refused as a whole is halved until the bad task stands alone."""
    refused = {"category": "VALIDATION_ERROR", "message": "bad owner"}
    for body, status in ((refused, 400), (NOTHING, 207), (NOTHING, 207)) * 2:
        stub.will(body, status)
    stub.will({"results": [written(2)]}, 201)
    outcomes = stubbed.create([plain(1), plain(2)])

    assert [OutcomeKind.REJECTED, OutcomeKind.WRITTEN] == kinds(outcomes)
    assert "bad owner" in outcomes[0].reason


def test_rows_of_a_207(stub: Any, stubbed: TaskWriter) -> None:
    """Each row goes by its own category; one that nobody speaks of is sent alone."""

    def error(n: int, category: str) -> dict[str, Any]:
        return {"category": category, "message": category, "context": {"objectWriteTraceId": [plain(n).key]}}

    stub.will(
        {
            "results": [written(1)],
            "errors": [error(2, "VALIDATION_ERROR"), error(3, "CONFLICT"), error(4, "INTERNAL_ERROR")],
            "numErrors": 3,
        },
        207,
    )
    stub.will(NOTHING, 207)
    stub.will(NOTHING, 207)
    stub.will({"results": [written(5, "79")]}, 201)
    outcomes = stubbed.create([plain(n) for n in range(1, 6)])

    assert [
        OutcomeKind.WRITTEN,
        OutcomeKind.REJECTED,
        OutcomeKind.UNCERTAIN,
        OutcomeKind.UNSENT,
        OutcomeKind.WRITTEN,
    ] == kinds(outcomes)


def test_task_that_a_reply_passes_over_is_uncertain(stub: Any, stubbed: TaskWriter) -> None:
    """A 201 that does not show the task proves nothing."""
    stub.will({"results": []}, 201)
    stub.will(NOTHING, 207)
    stub.will(NOTHING, 207)

    assert [OutcomeKind.UNCERTAIN] == kinds(stubbed.create([plain(1)]))


def test_missing_link_is_made_after_the_create(stub: Any, stubbed: TaskWriter) -> None:
    """The reply to a create shows no associations: they are read, and what is missing is associated."""
    stub.will({"results": [written(1)]}, 201)
    stub.will(UNLINKED, 207)
    stub.will({"results": []}, 201)
    (outcome,) = stubbed.create([plain(1, account_id="5")])

    assert (OutcomeKind.WRITTEN, "") == (outcome.kind, outcome.reason)
    assert [CREATE, LINKS, LINK] == stub.paths()
    types = [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 192}]
    assert [{"from": {"id": "77"}, "to": {"id": "5"}, "types": types}] == stub.seen[-1].body["inputs"]


def test_links_that_cannot_be_read_leave_the_task_written(stub: Any, stubbed: TaskWriter) -> None:
    """The task is there whatever becomes of the look at its links; the outcome says that it was not possible."""
    stub.will({"results": [written(1)]}, 201)
    stub.will(b"", 503)
    (outcome,) = stubbed.create([plain(1, account_id="5")])

    assert OutcomeKind.WRITTEN is outcome.kind
    assert "linked" in outcome.reason


def test_find_asks_again_for_keys_left_out_without_a_word(stub: Any, stubbed: TaskWriter) -> None:
    """Only a 404, or an error that names the key, proves that there is no task."""
    stub.will({"results": []})
    stub.will(written(1))
    found = stubbed.find([plain(1)])

    assert {plain(1).key: "77"} == {key: state.task_id for key, state in found.items()}
    assert f"{HEAD}/{plain(1).key}" == stub.paths()[1]


def test_due_time_that_cannot_be_read_is_unknown(stub: Any, stubbed: TaskWriter) -> None:
    """Another app may have written anything; the task is found all the same."""
    row = written(1)
    row["properties"]["hs_timestamp"] = "0"
    stub.will({"results": [row]})

    assert [None] == [state.due_at for state in stubbed.find([plain(1)]).values()]


def test_uncertain_change(stub: Any, stubbed: TaskWriter) -> None:
    """A change whose reply is lost is uncertain, one that was limited is unsent, one that was refused is rejected."""
    changes = [TaskChange(key=plain(n).key, task_id=str(n), close=True) for n in range(1, 5)]
    stub.will({"results": [written(n, str(n)) for n in range(1, 5)]})
    for status, body in ((502, b"<html>"), (429, {}), (400, {"message": "no"}), (404, {"category": "OBJECT_NOT_FOUND"})):
        stub.will(body, status)

    assert [OutcomeKind.UNCERTAIN, OutcomeKind.UNSENT, OutcomeKind.REJECTED, OutcomeKind.CONFLICT] == kinds(
        stubbed.change(changes)
    )
    assert {"properties": {"hs_task_status": "COMPLETED"}} == stub.seen[-1].body


def test_changes_that_cannot_be_read_are_not_made(stub: Any, stubbed: TaskWriter) -> None:
    """No task is changed unread."""
    stub.will(b"", 503)

    with pytest.raises(TransientError):
        stubbed.change([TaskChange(key=plain(1).key, task_id="1", close=True)])
    assert [READ] == stub.paths()
