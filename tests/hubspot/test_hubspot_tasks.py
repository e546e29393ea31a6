"""Writing tasks into HubSpot, each once; what check says; who may own the key."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from refsync.connector import Connector, OutcomeKind, TaskChange
from refsync.errors import AuthError, RateLimited, TransientError
from refsync.model import (
    Account,
    Activity,
    ActivityStatus,
    Contact,
    Deal,
    Record,
    Stream,
    Task,
    TaskStatus,
    User,
    parse_instant,
)
from refsync_hubspot import HubSpot
from refsync_hubspot.tasks import Tasks

T = parse_instant
Connect = Callable[..., HubSpot]
Serve = Callable[..., Any]

BOOK: tuple[Record, ...] = (
    User(id="U1", name="Ada Byron", email="ada@us.example"),
    User(id="U2", name="Bob Stone", email="bob@us.example"),
    Account(id="A1", name="Acme", owner_id="U1", created_at=T("2023-01-01T00:00:00Z")),
    Contact(id="C1", account_id="A1", name="Cleo Stone", created_at=T("2023-01-02T00:00:00Z")),
    Deal(id="D1", account_id="A1", name="Big", created_at=T("2023-05-01T00:00:00Z")),
)


@pytest.fixture
def portal(serve: Serve) -> Any:
    """Return a portal whose tasks have a unique key property."""
    return serve(BOOK)


@pytest.fixture
def connector(portal: Any, connect_to: Connect) -> HubSpot:
    """Return a connector of that portal."""
    return connect_to(portal.url)


@pytest.fixture
def writer(connector: HubSpot) -> Tasks:
    """Return what writes its tasks."""
    assert connector.tasks is not None
    return connector.tasks


@pytest.fixture
def task(portal: Any) -> Callable[..., Task]:
    """Return what makes the n-th task."""

    def task(n: int, **fields: Any) -> Task:
        made = Task(
            key=f"{n:064x}",
            rule="reconnect",
            subject=f"Call Cleo ({n})",
            text="90 days quiet\n<script>&",
            do="call",
            priority="high",
            due_on=date(2024, 10, 2),
            due_at=T("2024-10-02T15:00:00Z"),
            owner_id=portal.ids("users")["U1"],
            account_id=portal.ids("accounts")["A1"],
            contact_id=portal.ids("contacts")["C1"],
            deal_id=portal.ids("deals")["D1"],
        )
        return replace(made, **fields)

    return task


def kinds(outcomes: Any) -> list[OutcomeKind]:
    """Return the kinds of outcomes."""
    return [outcome.kind for outcome in outcomes]


@pytest.mark.parametrize("api", ["v3", "2026-03", "2026-09"])
def test_task_as_a_rep_sees_it(portal: Any, connect_to: Connect, task: Callable[..., Task], api: str) -> None:
    """Every field arrives, with its links, in every version of the API."""
    connector: Connector = connect_to(portal.url, api=api)
    assert connector.tasks is not None
    (outcome,) = connector.tasks.create([task(1)])
    (seen,) = portal.tasks()

    assert (OutcomeKind.WRITTEN, seen["id"]) == (outcome.kind, outcome.task_id)
    assert ("Call Cleo (1)", "90 days quiet\n<script>&", "open") == (seen["subject"], seen["text"], seen["status"])
    assert ("2024-10-02T15:00:00Z", "HIGH", "CALL") == (seen["due"], seen["priority"], seen["type"])
    assert ["Ada Byron", "Acme", "Cleo Stone", "Big"] == [seen[end]["name"] for end in ("owner", "account", "contact", "deal")]


def test_250_tasks_take_three_calls(portal: Any, writer: Tasks, task: Callable[..., Task]) -> None:
    """A batch holds 100 tasks; outcomes come in order."""
    tasks = [task(n) for n in range(250)]
    portal.calls()
    outcomes = writer.create(tasks)
    calls = portal.calls()
    ids = {seen["key"]: seen["id"] for seen in portal.tasks()}

    assert 3 == sum(calls.values())
    assert [(OutcomeKind.WRITTEN, ids[each.key]) for each in tasks] == [(each.kind, each.task_id) for each in outcomes]


def test_task_that_is_there_is_adopted_and_left_as_it_is(portal: Any, writer: Tasks, task: Callable[..., Task]) -> None:
    """A second create adopts; what a person wrote stays."""
    (first,) = writer.create([task(1)])
    portal.change({"op": "change", "table": "tasks", "key": task(1).key, "set": {"subject": "Mine now"}})
    outcomes = writer.create([task(1, subject="Again"), task(2)])

    assert [OutcomeKind.ADOPTED, OutcomeKind.WRITTEN] == kinds(outcomes)
    assert first.task_id == outcomes[0].task_id
    assert ["Mine now", "Call Cleo (2)"] == [seen["subject"] for seen in portal.tasks()]


def test_bug_22_same_key_twice_in_one_batch_is_one_task(portal: Any, writer: Tasks, task: Callable[..., Task]) -> None:
    """Both get the same outcome, and there is one task."""
    outcomes = writer.create([task(1), task(2), task(1)])

    assert outcomes[0] == outcomes[2]
    assert 2 == len(portal.tasks())


def test_bad_row_is_rejected_and_the_others_are_written(portal: Any, writer: Tasks, task: Callable[..., Task]) -> None:
    """An owner and a contact that HubSpot does not know are rejected in its words."""
    tasks = [task(1), task(2, owner_id="999"), task(3, contact_id="999999"), task(4)]
    outcomes = writer.create(tasks)

    assert [OutcomeKind.WRITTEN, OutcomeKind.REJECTED, OutcomeKind.REJECTED, OutcomeKind.WRITTEN] == kinds(outcomes)
    assert "999" in outcomes[1].reason
    assert 2 == len(portal.tasks())


def test_find_shows_open_done_and_deleted_tasks(portal: Any, writer: Tasks, task: Callable[..., Task]) -> None:
    """Every state is found by key; a key without a task is missing."""
    writer.create([task(1), task(2), task(3)])
    portal.change(
        {"op": "change", "table": "tasks", "key": task(2).key, "set": {"status": "done"}},
        {"op": "delete", "table": "tasks", "key": task(3).key},
    )
    found = writer.find([task(n) for n in (1, 2, 3, 4)])

    assert [(task(1).key, TaskStatus.OPEN), (task(2).key, TaskStatus.DONE), (task(3).key, TaskStatus.DELETED)] == sorted(
        (state.key, state.status) for state in found.values()
    )
    assert task(1).owner_id == found[task(1).key].owner_id


def test_bug_25_task_that_a_person_deleted_is_not_made_again(portal: Any, writer: Tasks, task: Callable[..., Task]) -> None:
    """A key whose task is in the recycle bin is found as deleted, so that nobody creates it anew."""
    (written,) = writer.create([task(1)])
    portal.change({"op": "delete", "table": "tasks", "key": task(1).key})

    assert {task(1).key: (TaskStatus.DELETED, written.task_id)} == {
        key: (state.status, state.task_id) for key, state in writer.find([task(1)]).items()
    }


def test_change_closes_and_reassigns(portal: Any, writer: Tasks, task: Callable[..., Task]) -> None:
    """Only the property in question is written."""
    first, second = (outcome.task_id for outcome in writer.create([task(1), task(2)]))
    other = portal.ids("users")["U2"]
    outcomes = writer.change(
        [
            TaskChange(key=task(1).key, task_id=first, close=True),
            TaskChange(key=task(2).key, task_id=second, owner_id=other, owner_was=task(2).owner_id),
        ]
    )
    seen = {each["id"]: each for each in portal.tasks()}

    assert [OutcomeKind.WRITTEN, OutcomeKind.WRITTEN] == kinds(outcomes)
    assert ("done", "Ada Byron") == (seen[first]["status"], seen[first]["owner"]["name"])
    assert ("open", "Bob Stone") == (seen[second]["status"], seen[second]["owner"]["name"])


def test_bug_25_persons_decisions_win(portal: Any, writer: Tasks, task: Callable[..., Task]) -> None:
    """A task that a person finished, deleted or gave away is left alone, and so is one that is not ours."""
    ids = [outcome.task_id for outcome in writer.create([task(n) for n in range(1, 5)])]
    one, two = task(1).owner_id, portal.ids("users")["U2"]
    portal.change(
        {"op": "change", "table": "tasks", "key": task(1).key, "set": {"status": "done"}},
        {"op": "delete", "table": "tasks", "key": task(2).key},
        {"op": "change", "table": "tasks", "key": task(3).key, "set": {"owner_id": "U2"}},
    )
    before = [(each["status"], each["owner"]["id"], each["writes"]) for each in portal.tasks()]
    outcomes = writer.change(
        [
            TaskChange(key=task(1).key, task_id=ids[0], owner_id=two, owner_was=one),
            TaskChange(key=task(2).key, task_id=ids[1], close=True),
            TaskChange(key=task(3).key, task_id=ids[2], owner_id="100500009", owner_was=one),
            TaskChange(key="f" * 64, task_id=ids[3], close=True),
        ]
    )

    assert [OutcomeKind.CONFLICT] * 4 == kinds(outcomes)
    assert before == [(each["status"], each["owner"]["id"], each["writes"]) for each in portal.tasks()]


def test_own_task_comes_back_as_one(connector: HubSpot, writer: Tasks, task: Callable[..., Task]) -> None:
    """A task that refsync wrote is read with its key, linked as it was written."""
    writer.create([task(1)])
    read = [record for batch in connector.read(Stream.ACTIVITIES, None) for record in batch.records]
    (own,) = [record for record in read if isinstance(record, Activity) and record.task_key]

    assert (task(1).key, ActivityStatus.PLANNED, task(1).account_id, (task(1).contact_id,)) == (
        own.task_key,
        own.status,
        own.account_id,
        own.contact_ids,
    )


def test_org_is_the_portal(connector: HubSpot) -> None:
    """Keys are made with the portal's id."""
    assert "24700001" == connector.org


# The key property


def texts(problems: Iterator[Any], *severities: str) -> str:
    """Return the problems of these severities as one text."""
    return "\n".join(str(problem) for problem in problems if problem.severity in severities)


def test_without_key_property_nothing_is_written_until_it_is_created(serve: Serve, connect_to: Connect) -> None:
    """A portal without the property has no writer; check says what to do; setup creates it."""
    connector = connect_to(serve(BOOK, key_property="").url)

    assert connector.tasks is None
    assert "check --setup" in texts(connector.check(), "error")
    assert connector.create_key_property()
    assert connector.create_key_property()
    assert connector.tasks is not None
    assert "" == texts(connector.check(), "error")


def test_key_property_that_is_not_unique_is_no_key(serve: Serve, connect_to: Connect) -> None:
    """A plain property cannot keep tasks from being doubled."""
    portal = serve(BOOK, key_property="")
    definition = {"name": "refsync_key", "label": "x", "type": "string", "fieldType": "text", "groupName": "taskinformation"}
    portal.post("/crm/v3/properties/tasks", definition)
    connector = connect_to(portal.url)

    assert (None, False) == (connector.tasks, connector.create_key_property())
    assert "does not require unique values" in texts(connector.check(), "error")


def test_check_tells_what_a_person_should_know(portal: Any, connect_to: Connect) -> None:
    """The portal, properties that are missing, people who are no owners, the limits."""
    connector = connect_to(
        portal.url,
        custom={Stream.ACCOUNTS: frozenset({"implemented_on"})},
        properties={"tier": "grade"},
        users={"nobody@us.example": {"time_zone": "UTC"}},
    )
    problems = list(connector.check())
    warnings, hints = texts(iter(problems), "warning"), texts(iter(problems), "hint")

    assert all(word in warnings for word in ("implemented_on", "grade (tier)", "nobody@us.example"))
    assert all(word in hints for word in ("portal 24700001", "unique property refsync_key", "calls in 10 seconds"))
    assert "" == texts(iter(problems), "error")


def test_check_with_a_refused_token_says_only_that(connect_to: Connect, stub: Any) -> None:
    """Nothing else is asked once the token is refused, and the token is not shown."""
    stub.will({"category": "INVALID_AUTHENTICATION"}, 401)
    problems = list(connect_to(stub.url).check())

    assert ["error"] == [problem.severity for problem in problems]
    assert "canary" not in str(problems)


# What no proper HubSpot would answer: a stub plays it.

DEFINITION = {"name": "refsync_key", "hasUniqueValue": True}
CREATE, READ = "/crm/objects/2026-03/tasks/batch/create", "/crm/objects/2026-03/tasks/batch/read"
NOTHING = {
    "results": [],
    "errors": [{"category": "OBJECT_NOT_FOUND", "context": {"ids": [f"{n:064x}" for n in range(10)]}}],
    "numErrors": 1,
}


def written(n: int, task_id: str = "77") -> dict[str, Any]:
    """Return a created task as the stub sends it."""
    return {"id": task_id, "properties": {"refsync_key": f"{n:064x}", "hs_task_status": "NOT_STARTED"}}


def plain(n: int) -> Task:
    """Return the n-th task for the stub."""
    return Task(
        key=f"{n:064x}",
        rule="reconnect",
        subject="Write",
        text="Quiet",
        do="email",
        priority="low",
        due_on=date(2024, 10, 2),
        due_at=T("2024-10-02T15:00:00Z"),
        owner_id="1",
    )


@pytest.fixture
def stubbed(stub: Any, connect_to: Connect) -> Tasks:
    """Return a writer of the stub."""
    stub.will(DEFINITION)
    found = connect_to(stub.url).tasks
    assert found is not None
    return found


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
def test_bug_24_lost_reply_leaves_every_task_uncertain(stub: Any, stubbed: Tasks, status: int, body: Any) -> None:
    """When a create may have happened, each of its tasks is uncertain, later batches stay unsent, nothing is sent again."""
    stub.will(body, status)
    outcomes = stubbed.create([plain(n) for n in range(101)])

    assert [OutcomeKind.UNCERTAIN] * 100 + [OutcomeKind.UNSENT] == kinds(outcomes)
    assert 1 == stub.paths().count(CREATE)


@pytest.mark.parametrize(("status", "error"), [(429, RateLimited), (401, AuthError), (403, AuthError), (423, RateLimited)])
def test_create_raises_when_nothing_was_sent(stub: Any, stubbed: Tasks, status: int, error: type[Exception]) -> None:
    """A refused call of all tasks is an error, not outcomes."""
    stub.will({}, status)

    with pytest.raises(error):
        stubbed.create([plain(1), plain(2)])


def test_tasks_behind_a_written_batch_are_unsent(stub: Any, stubbed: Tasks) -> None:
    """Once something was written, later trouble is an outcome."""
    stub.will({"results": [written(n, str(n)) for n in range(100)]}, 201)
    stub.will({}, 429)
    outcomes = stubbed.create([plain(n) for n in range(250)])

    assert [OutcomeKind.WRITTEN] * 100 + [OutcomeKind.UNSENT] * 150 == kinds(outcomes)


def test_whole_request_conflict_is_looked_up_and_the_rest_sent_again(stub: Any, stubbed: Tasks) -> None:
    """A CONFLICT without an id: those that are there are adopted, the others get a call of their own."""
    stub.will({"category": "CONFLICT", "message": "Task already exists"}, 409)
    stub.will({"results": [written(1)], "errors": [{"context": {"ids": [plain(2).key]}}]}, 207)
    stub.will(NOTHING, 207)
    stub.will({"results": [written(2, "78")]}, 201)

    assert [(OutcomeKind.ADOPTED, "77"), (OutcomeKind.WRITTEN, "78")] == [
        (outcome.kind, outcome.task_id) for outcome in stubbed.create([plain(1), plain(2)])
    ]
    assert [CREATE, READ, READ, CREATE] == stub.paths()[1:]


def test_whole_request_refused_is_bisected(stub: Any, stubbed: Tasks) -> None:
    """A batch that is refused as a whole is halved until the bad task stands alone."""
    refused = {"category": "VALIDATION_ERROR", "message": "bad owner"}
    stub.will(refused, 400)
    stub.will(NOTHING, 207)
    stub.will(NOTHING, 207)
    stub.will(refused, 400)
    stub.will(NOTHING, 207)
    stub.will(NOTHING, 207)
    stub.will({"results": [written(2)]}, 201)
    outcomes = stubbed.create([plain(1), plain(2)])

    assert [OutcomeKind.REJECTED, OutcomeKind.WRITTEN] == kinds(outcomes)
    assert "bad owner" in outcomes[0].reason


def test_rows_of_a_207(stub: Any, stubbed: Tasks) -> None:
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


def test_task_that_a_reply_passes_over_is_uncertain(stub: Any, stubbed: Tasks) -> None:
    """A 201 that does not show the task proves nothing."""
    stub.will({"results": []}, 201)
    stub.will(NOTHING, 207)
    stub.will(NOTHING, 207)

    assert [OutcomeKind.UNCERTAIN] == kinds(stubbed.create([plain(1)]))


def test_find_asks_again_for_keys_left_out_without_a_word(stub: Any, stubbed: Tasks) -> None:
    """Only a 404, or an error that names the key, proves that there is no task."""
    stub.will({"results": []})
    stub.will(written(1))
    found = stubbed.find([plain(1)])

    assert {plain(1).key: "77"} == {key: state.task_id for key, state in found.items()}
    assert f"/crm/objects/2026-03/tasks/{plain(1).key}" in stub.paths()[2]


def test_uncertain_change(stub: Any, stubbed: Tasks) -> None:
    """A change whose reply is lost is uncertain, one that was limited is unsent, one that was refused is rejected."""
    changes = [TaskChange(key=plain(n).key, task_id=str(n), close=True) for n in range(1, 5)]
    stub.will({"results": [written(n, str(n)) for n in range(1, 5)]})
    for status, body in ((502, b"<html>"), (429, {}), (400, {"message": "no"}), (404, {"category": "OBJECT_NOT_FOUND"})):
        stub.will(body, status)

    assert [OutcomeKind.UNCERTAIN, OutcomeKind.UNSENT, OutcomeKind.REJECTED, OutcomeKind.CONFLICT] == kinds(
        stubbed.change(changes)
    )
    assert {"properties": {"hs_task_status": "COMPLETED"}} == stub.seen[-1].body


def test_changes_that_cannot_be_read_are_not_made(stub: Any, stubbed: Tasks) -> None:
    """No task is changed unread."""
    stub.will(b"", 503)

    with pytest.raises(TransientError):
        stubbed.change([TaskChange(key=plain(1).key, task_id="1", close=True)])
