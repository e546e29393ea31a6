"""An org end to end over HTTP from the sandbox: signing in, checking, writing tasks."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from refsync.book import Book
from refsync.connector import OutcomeKind, Secret, TaskWriter
from refsync.errors import AuthError
from refsync_salesforce import connect
from refsync_sandbox.clock import Clock
from refsync_sandbox.salesforce import Salesforce, Secrets, key_pair
from refsync_sandbox.salesforce.secrets import USERNAME
from refsync_sandbox.server import Sandbox
from tests.salesforce.prepared import Org
from tests.salesforce.sandboxed import NOW, Hands
from tests.salesforce.wanted import wanted


@pytest.fixture
def writer(hands: Hands) -> TaskWriter:
    """The writer of a connector."""
    found = hands.connect().tasks
    assert found is not None
    return found


# --- signing in -------------------------------------------------------------------------------------------------------


def test_jwt_bearer_signs_in(book: Book) -> None:
    """A private key and a user name sign in; the sandbox verifies the signature."""
    private, public = key_pair()
    clock = Clock(NOW)
    crm = Salesforce.load(book, clock, Secrets().trusting(public))
    with Sandbox(crm, clock) as sandbox:
        options: dict[str, Any] = {"client_secret": None, "domain": None, "username": USERNAME, "private_key": Secret(private)}

        assert 18 == len(Hands(sandbox, crm).connect(**options).org)


def test_key_of_somebody_else_is_refused(hands: Hands) -> None:
    """A key that the app does not trust is an AuthError, and `check` tells it as a problem."""
    private, _ = key_pair()
    options: dict[str, Any] = {"client_secret": None, "domain": None, "username": USERNAME, "private_key": Secret(private)}
    with pytest.raises(AuthError):
        _ = hands.connect(**options).org
    (problem,) = hands.connect(**options).check()

    assert "Salesforce refuses the sign-in" in problem.message
    assert "External Client App" in problem.hint


def test_wrong_secret_is_refused(hands: Hands) -> None:
    """A wrong secret is an AuthError after one attempt."""
    hands.calls()
    with pytest.raises(AuthError):
        _ = hands.connect(client_secret=Secret("wrong")).org

    assert {"POST oauth2/token": 1} == hands.calls()


# --- check ------------------------------------------------------------------------------------------------------------


def test_check_says_who_we_are_and_what_is_left(hands: Hands) -> None:
    """In an org that has everything, there are hints: the org, the version, the calls used; and what we need not be allowed."""
    found = list(hands.connect().check())
    (warning,) = (problem for problem in found if problem.severity != "hint")

    assert "may change Account, Case, Contact, " in warning.message
    assert 'signed in to the sandbox org "Sandbox"' in found[0].message
    assert any("API calls of the last 24 hours" in problem.message for problem in found)


def test_check_names_a_version_that_is_not_served(hands: Hands) -> None:
    """An API version of the future is told with the newest that is there."""
    (problem,) = hands.connect(api_version="99.0").check()

    assert ("the org does not serve API version 99.0", "error") == (problem.message, problem.severity)
    assert "the newest that it serves" in problem.hint


def test_check_says_how_to_make_the_key_field(org: Org, settings: Any) -> None:
    """Without the unique field the writer is absent, and `check` says what to create in Setup."""
    org.says("GET", "queryAll/", org.answer({"Id": "00D000000000001AAA", "Name": "Acme", "IsSandbox": False}))
    org.mock.get("https://acme.my.salesforce.com/services/data", json=[{"version": "61.0"}, {"version": "62.0"}])
    fields = [{"name": name, "type": "string", "filterable": True} for name in ("Id", "SystemModstamp")]
    names = ("User", "Account", "Contact", "AccountContactRelation", "Opportunity", "OpportunityContactRole", "Lead", "Case")
    for name in (*names, "Task", "Event"):
        org.says("GET", f"sobjects/{name}/describe", {"fields": fields})
    for name in ("OutOfOffice", "EmailMessage", "UserEmailCalendarSync", "ActivityUsrConnectionStatus", "PermissionSetLicense"):
        org.says("GET", f"sobjects/{name}/describe", [{"errorCode": "NOT_FOUND", "message": ""}], status=404)
    connector = connect(settings())
    org.says("GET", "sobjects", {"sobjects": []})
    found = list(connector.check())
    (problem,) = (problem for problem in found if problem.severity == "error")

    assert connector.tasks is None
    assert "Task has no field refsync_key__c" in problem.message
    assert "Text, length 64, External ID, Unique" in problem.hint
    assert any("does not show EmailMessage" in problem.message for problem in found)


def test_field_that_is_made_later_is_noticed(org: Org, settings: Any) -> None:
    """A running connector finds the key field as soon as an admin has made it."""
    made = {
        "name": "refsync_key__c",
        "type": "string",
        "filterable": True,
        "createable": True,
        "externalId": True,
        "unique": True,
    }
    for fields in ([], [made], [made]):
        org.says("GET", "sobjects/Task/describe", {"fields": fields})
    connector = connect(settings())

    assert [True, False] == [connector.tasks is None, connector.tasks is None]


# --- tasks ------------------------------------------------------------------------------------------------------------


def test_task_as_a_rep_sees_it(hands: Hands, writer: TaskWriter) -> None:
    """A task stands in the rep's list with its subject, text, day, priority and links, open, written once."""
    (outcome,) = writer.create([wanted(hands)])
    (seen,) = (one for one in hands.tasks() if one["key"])

    expected = ("Call Ann", "Nobody has called for 90 days.", "2026-11-25", "open", "High", 1, outcome.task_id)
    assert expected == tuple(seen[name] for name in ("subject", "text", "due", "status", "priority", "writes", "id"))
    assert next(iter(hands.ids("accounts").values())) == seen["account"]["id"]


def test_bad_row_among_good_ones(hands: Hands, writer: TaskWriter) -> None:
    """An owner who is nobody is refused in the CRM's words; its neighbours are written."""
    tasks = [wanted(hands, 1), wanted(hands, 2, owner_id="005000000000009AAA"), wanted(hands, 3)]
    outcomes = writer.create(tasks)

    assert [OutcomeKind.WRITTEN, OutcomeKind.REJECTED, OutcomeKind.WRITTEN] == [outcome.kind for outcome in outcomes]
    assert outcomes[1].reason


def test_500_tasks_take_three_calls(hands: Hands, writer: TaskWriter) -> None:
    """Tasks are sent 200 at a time and looked up 150 at a time."""
    one = wanted(hands)
    tasks = [replace(one, key=f"{number:064x}") for number in range(500)]
    hands.calls()
    outcomes = writer.create(tasks)
    found = writer.find(tasks)

    assert ({OutcomeKind.WRITTEN}, 500) == ({outcome.kind for outcome in outcomes}, len(found))
    assert {"POST composite/sobjects": 3, "GET queryAll": 6, "GET sobjects/User/describe": 1} == hands.calls()
