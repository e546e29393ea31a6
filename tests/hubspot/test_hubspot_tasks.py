"""Writing tasks into HubSpot, each once, in each of the three ways in which a portal may keep refsync's key."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from refsync.connector import Absence, OutcomeKind, TaskChange, TaskWriter
from refsync.errors import AuthError, RecordRejected
from refsync.model import Activity, ActivityStatus, Stream, Task, TaskStatus, parse_instant
from refsync_hubspot import HubSpot
from tests.hubspot.wanted import BOOK, WAYS, Connect, Serve, kinds, portal_of, wanted, writer_of

Make = Callable[..., Task]


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest) -> str:
    """Return each way to keep a key."""
    return str(request.param)


@pytest.fixture
def portal(serve: Serve, way: str) -> Any:
    """Return a portal that keeps keys so."""
    return portal_of(serve, way)


@pytest.fixture
def connector(portal: Any, connect_to: Connect, way: str) -> HubSpot:
    """Return a connector of that portal, whose admin allows it."""
    return connect_to(portal.url, weakest_key=way)


@pytest.fixture
def writer(connector: HubSpot) -> TaskWriter:
    """Return what writes its tasks."""
    return writer_of(connector)


@pytest.fixture
def task(portal: Any) -> Make:
    """Return what makes the n-th task."""
    return lambda n, **changed: wanted(portal, n, **changed)


def test_task_about_an_introduction_stands_with_the_customer_who_made_it(portal: Any, writer: TaskWriter, task: Make) -> None:
    """A deal of somebody else is linked beside the customer and the person, and takes the place of neither."""
    portal.change({"op": "add", "table": "accounts", "row": {"id": "A2", "name": "Introduced"}})
    portal.change({"op": "add", "table": "deals", "row": {"id": "D2", "name": "New", "account_id": "A2", "stage": "Demo"}})
    writer.create([task(1, deal_id=portal.ids("deals")["D2"])])
    (seen,) = portal.tasks()

    assert ["Acme", "Cleo Stone", "New"] == [seen[end]["name"] for end in ("account", "contact", "deal")]


@pytest.mark.parametrize("api", ["v3", "2026-03", "2026-09"])
def test_task_as_a_rep_sees_it(portal: Any, connect_to: Connect, task: Make, way: str, api: str) -> None:
    """Every field arrives, with its links, in every version of the API."""
    (outcome,) = writer_of(connect_to(portal.url, api=api, weakest_key=way)).create([task(1)])
    (seen,) = portal.tasks()

    assert (OutcomeKind.WRITTEN, seen["id"], "") == (outcome.kind, outcome.task_id, outcome.reason)
    assert (task(1).key, "Call Cleo (1)", "open") == (seen["key"], seen["subject"], seen["status"])
    assert seen["text"].startswith("90 days quiet\n<script>&")
    assert ("2024-10-02T15:00:00Z", "HIGH", "CALL") == (seen["due"], seen["priority"], seen["type"])
    assert ["Ada Byron", "Acme", "Cleo Stone", "Big"] == [seen[end]["name"] for end in ("owner", "account", "contact", "deal")]


def test_task_that_is_there_is_adopted_and_left_as_it_is(portal: Any, writer: TaskWriter, task: Make) -> None:
    """A second create adopts; what a person wrote stays."""
    (first,) = writer.create([task(1)])
    portal.change({"op": "change", "table": "tasks", "key": task(1).key, "set": {"subject": "Mine now"}})
    outcomes = writer.create([task(1, subject="Again"), task(2)])

    assert [OutcomeKind.ADOPTED, OutcomeKind.WRITTEN] == kinds(outcomes)
    assert first.task_id == outcomes[0].task_id
    assert ["Mine now", "Call Cleo (2)"] == [seen["subject"] for seen in portal.tasks()]


def test_bad_row_is_rejected_and_the_others_are_written(portal: Any, writer: TaskWriter, task: Make) -> None:
    """An owner and a contact that HubSpot does not know are rejected in words."""
    outcomes = writer.create([task(1), task(2, owner_id="999"), task(3, contact_id="999999"), task(4)])

    assert [OutcomeKind.WRITTEN, OutcomeKind.REJECTED, OutcomeKind.REJECTED, OutcomeKind.WRITTEN] == kinds(outcomes)
    assert "999" in outcomes[1].reason
    assert 2 == len(portal.tasks())


def test_who_has_left_is_given_nothing(portal: Any, writer: TaskWriter, task: Make) -> None:
    """An owner who was removed a moment ago gets no task, neither a new one nor another's; closing goes on."""
    gone = portal.ids("users")["U2"]
    first, second = (outcome.task_id for outcome in writer.create([task(1), task(2)]))
    portal.change({"op": "delete", "table": "users", "id": "U2"})
    (refused, written) = writer.create([task(3, owner_id=gone), task(4)])
    (kept, closed) = writer.change(
        [
            TaskChange(key=task(1).key, task_id=first, owner_id=gone, owner_was=task(1).owner_id),
            TaskChange(key=task(2).key, task_id=second, close=True),
        ]
    )

    assert [OutcomeKind.REJECTED, OutcomeKind.WRITTEN] == kinds([refused, written])
    assert [OutcomeKind.REJECTED, OutcomeKind.WRITTEN] == kinds([kept, closed])
    assert gone in refused.reason
    assert {"Ada Byron"} == {seen["owner"]["name"] for seen in portal.tasks()}


def test_find_shows_what_became_of_tasks(portal: Any, writer: TaskWriter, task: Make) -> None:
    """Open, put off, done and deleted tasks are found with their due time; a key without a task is missing."""
    writer.create([task(n) for n in range(1, 5)])
    portal.change(
        {"op": "change", "table": "tasks", "key": task(2).key, "set": {"status": "done"}},
        {"op": "change", "table": "tasks", "key": task(3).key, "set": {"status": "deferred", "due_on": "2024-10-09"}},
        {"op": "delete", "table": "tasks", "key": task(4).key},
    )
    found = writer.find([task(n) for n in range(1, 6)])

    assert {
        task(1).key: (TaskStatus.OPEN, task(1).due_at),
        task(2).key: (TaskStatus.DONE, task(2).due_at),
        task(3).key: (TaskStatus.SNOOZED, parse_instant("2024-10-09T15:00:00Z")),
        task(4).key: (TaskStatus.DELETED, task(4).due_at),
    } == {key: (state.status, state.due_at) for key, state in found.items()}
    assert {task(1).owner_id} == {state.owner_id for state in found.values()}


def test_change_closes_and_reassigns(portal: Any, writer: TaskWriter, task: Make) -> None:
    """Only the property in question is written; a task that is put off can be closed, too."""
    first, second, third = (outcome.task_id for outcome in writer.create([task(1), task(2), task(3)]))
    other = portal.ids("users")["U2"]
    portal.change({"op": "change", "table": "tasks", "key": task(3).key, "set": {"status": "deferred"}})
    outcomes = writer.change(
        [
            TaskChange(key=task(1).key, task_id=first, close=True),
            TaskChange(key=task(2).key, task_id=second, owner_id=other, owner_was=task(2).owner_id),
            TaskChange(key=task(3).key, task_id=third, close=True, owner_was=task(3).owner_id),
        ]
    )
    seen = {each["id"]: (each["status"], each["owner"]["name"], each["subject"]) for each in portal.tasks()}

    assert [OutcomeKind.WRITTEN] * 3 == kinds(outcomes)
    assert ("done", "Ada Byron", "Call Cleo (1)") == seen[first]
    assert ("open", "Bob Stone", "Call Cleo (2)") == seen[second]
    assert ("done", "Ada Byron", "Call Cleo (3)") == seen[third]


def test_own_task_comes_back_as_one(connector: HubSpot, writer: TaskWriter, task: Make) -> None:
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


def test_one_look_is_enough_only_where_hubspot_itself_knows_the_key(writer: TaskWriter, way: str) -> None:
    """Where it does not, a lost create is looked for twice, five minutes apart."""
    assert (Absence() if way == "unique" else Absence(wait_ms=300_000, twice=True)) == writer.absence


def test_task_about_nothing_is_written_only_where_it_can_be_found_again(portal: Any, writer: TaskWriter, way: str) -> None:
    """Without a link nobody could find a task whose key HubSpot does not know."""
    (outcome,) = writer.create([wanted(portal, account_id=None, contact_id=None, deal_id=None)])

    assert (OutcomeKind.WRITTEN if way == "unique" else OutcomeKind.REJECTED) is outcome.kind


def test_older_of_two_twins_is_the_task(portal: Any, writer: TaskWriter, task: Make, way: str) -> None:
    """When somebody copied a task with its key, the one that refsync wrote is found."""
    (written,) = writer.create([task(1)])
    if way == "unique":
        pytest.skip("HubSpot takes no second task of the key")
    portal.later(minutes=1)
    (seen,) = portal.tasks()
    copy = {"hs_task_subject": "Copy", "hs_timestamp": seen["due"], "hs_task_body": f"<p>refsync {task(1).key}</p>"}
    links = [{"to": {"id": task(1).account_id}, "types": [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 192}]}]
    portal.post("/crm/v3/objects/tasks", {"properties": copy, "associations": links})

    assert {task(1).key: written.task_id} == {key: state.task_id for key, state in writer.find([task(1)]).items()}


def test_250_tasks_take_three_calls_and_a_look_at_their_links(serve: Serve, connect_to: Connect) -> None:
    """With a unique property a batch holds 100 tasks; outcomes come in order."""
    portal = portal_of(serve, "unique")
    writer = writer_of(connect_to(portal.url))
    one = wanted(portal)
    tasks = [wanted(portal, n, owner_id=one.owner_id) for n in range(250)]
    portal.calls()
    outcomes = writer.create(tasks)
    calls = portal.calls()
    ids = {seen["key"]: seen["id"] for seen in portal.tasks()}

    assert 3 == sum(count for name, count in calls.items() if name.endswith("tasks/batch/create"))
    assert 1 + 3 + 3 * 3 == sum(calls.values())
    assert [(OutcomeKind.WRITTEN, ids[each.key]) for each in tasks] == [(each.kind, each.task_id) for each in outcomes]


@pytest.mark.parametrize("way", ["property", "body"])
def test_each_task_is_a_call_of_its_own_where_keys_can_be_doubled(portal: Any, writer: TaskWriter, task: Make) -> None:
    """One lost reply leaves one task in doubt: those before it are written, those behind it are unsent."""
    tasks = [task(n) for n in range(1, 5)]
    portal.trouble({"kind": "close", "endpoint": "POST */objects*/tasks", "when": "after", "nth": 3})
    outcomes = writer.create(tasks)

    assert [OutcomeKind.WRITTEN, OutcomeKind.WRITTEN, OutcomeKind.UNCERTAIN, OutcomeKind.UNSENT] == kinds(outcomes)
    assert 3 == len(portal.tasks())


def test_org_is_the_portal(connector: HubSpot) -> None:
    """Keys are made with the portal's id."""
    assert "24700001" == connector.org


# What the admin allows


def texts(problems: Any, *severities: str) -> str:
    """Return the problems of these severities as one text."""
    return "\n".join(str(problem) for problem in problems if problem.severity in severities)


def test_setup_creates_a_unique_property(serve: Serve, connect_to: Connect) -> None:
    """A portal without the property has no writer; check says what to do; setup creates it, and only once."""
    connector = connect_to(portal_of(serve, "body").url)

    assert connector.tasks is None
    assert "check --setup" in texts(connector.check(), "error")
    assert connector.create_key_property()
    assert connector.create_key_property()
    assert Absence() == writer_of(connector).absence
    assert "" == texts(connector.check(), "error")


def test_setup_creates_a_plain_property_where_no_unique_one_is_allowed(serve: Serve, connect_to: Connect) -> None:
    """It is of use once the admin says so."""
    portal = portal_of(serve, "body")
    refused = '{"status": "error", "category": "VALIDATION_ERROR", "message": "Tasks do not take unique properties."}'
    portal.trouble({"kind": "status", "status": 400, "body": refused, "endpoint": "POST */properties*/tasks", "times": 2})
    with pytest.raises(RecordRejected):
        connect_to(portal.url).create_key_property()
    portal.trouble({"kind": "status", "status": 400, "body": refused, "endpoint": "POST */properties*/tasks", "times": 1})
    strict, lenient = connect_to(portal.url), connect_to(portal.url, weakest_key="property")

    assert (False, True) == (strict.create_key_property(), lenient.create_key_property())
    assert strict.tasks is None
    assert writer_of(lenient).absence.twice


def test_setup_that_is_not_allowed_says_what_to_do(serve: Serve, connect_to: Connect, tmp_path: Path) -> None:
    """A token without the right to define properties is no crash: the reason, and what an admin can do."""
    portal = portal_of(serve, "body")
    denied = {
        "kind": "own",
        "name": "missing-scope",
        "about": "crm.schemas.contacts.write",
        "endpoint": "POST */properties*/tasks",
    }
    portal.trouble(denied)
    problems = list(connect_to(portal.url).set_up(tmp_path))

    assert "crm.schemas.contacts.write" in texts(problems, "error")
    assert 'weakest_key = "body"' in texts(problems, "error")


@pytest.mark.parametrize("way", ["property", "body"])
def test_weaker_way_needs_the_admins_word(portal: Any, connect_to: Connect, way: str) -> None:
    """Without it nothing is written and check says why; with it check says what may happen."""
    strict, lenient = connect_to(portal.url), connect_to(portal.url, weakest_key=way)

    assert strict.tasks is None
    assert f'weakest_key = "{way}"' in texts(strict.check(), "error")
    assert lenient.tasks is not None
    assert "" == texts(lenient.check(), "error")
    assert "second task of the same key" in texts(lenient.check(), "warning")


def test_key_in_the_body_is_found_once_there_is_a_property(serve: Serve, connect_to: Connect) -> None:
    """A portal that gets its property later does not see its older tasks doubled."""
    portal = portal_of(serve, "body")
    (first,) = writer_of(connect_to(portal.url, weakest_key="body")).create([wanted(portal)])
    connector = connect_to(portal.url, weakest_key="body")
    connector.create_key_property()
    found = writer_of(connector).find([wanted(portal), wanted(portal, 2)])

    assert {wanted(portal).key: first.task_id} == {key: state.task_id for key, state in found.items()}
    (closed,) = writer_of(connector).change([TaskChange(key=wanted(portal).key, task_id=first.task_id, close=True)])
    assert OutcomeKind.WRITTEN is closed.kind


def test_check_tells_what_a_person_should_know(serve: Serve, connect_to: Connect) -> None:
    """The portal, properties that are missing, people who are no owners, the limits."""
    connector = connect_to(
        serve(BOOK).url,
        custom={Stream.ACCOUNTS: frozenset({"implemented_on"})},
        properties={"tier": "grade"},
        users={"nobody@us.example": {"time_zone": "UTC"}},
    )
    problems = list(connector.check())
    warnings, hints = texts(problems, "warning"), texts(problems, "hint")

    assert all(word in warnings for word in ("implemented_on", "grade (tier)", "nobody@us.example"))
    assert all(word in hints for word in ("portal 24700001", "unique property refsync_key", "calls in 10 seconds"))
    assert "" == texts(problems, "error")


def test_check_with_a_refused_token_says_only_that(connect_to: Connect, stub: Any) -> None:
    """Nothing else is asked once the token is refused, and the token is not shown."""
    stub.will({"category": "INVALID_AUTHENTICATION"}, 401)
    problems = list(connect_to(stub.url).check())

    assert ["error"] == [problem.severity for problem in problems]
    assert "canary" not in str(problems)


@pytest.mark.parametrize("status", [401, 403])
def test_key_property_that_cannot_be_read_is_no_missing_one(connect_to: Connect, stub: Any, status: int) -> None:
    """Only a 404, or a scope that is lacking, means that there is no such property."""
    stub.will({"message": "no"}, status)

    with pytest.raises(AuthError):
        connect_to(stub.url, weakest_key="body").tasks  # noqa: B018
