"""The task writer: each row's outcome, and what is sent."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import orjson
import pytest
import requests

from refsync.connector import OutcomeKind, TaskChange
from refsync.errors import AuthError, TransientError, UnexpectedReply
from refsync.model import Task, TaskStatus
from refsync_salesforce.client import Client
from refsync_salesforce.description import Description, Field
from refsync_salesforce.key import key_field_problem
from refsync_salesforce.tasks import SalesforceTasks
from tests.salesforce.prepared import Org

KEY = "refsync_key__c"
FIELDS = {"Priority": Field(type="picklist", values=frozenset({"High", "Normal", "Low"}))}
STATUSES = [
    {"ApiName": "Waiting", "IsClosed": False, "IsDefault": False},
    {"ApiName": "Open", "IsClosed": False, "IsDefault": True},
    {"ApiName": "Done", "IsClosed": True, "IsDefault": False},
    {"ApiName": "Dropped", "IsClosed": True, "IsDefault": False},
]
WRITTEN = {"id": "00T000000000001AAA", "success": True, "errors": []}
OWNER, OTHER = "005000000000001AAA", "005000000000002AAA"


class Shown:
    """An org that describes Task only, and so does not say who may own one."""

    def __init__(self, fields: dict[str, Field]) -> None:
        self._task = Description(fields=fields, children={})

    def of(self, name: str) -> Description | None:
        return self._task if name == "Task" else None

    def forget(self, *names: str) -> None: ...


def task(number: int = 1, **changed: Any) -> Task:
    values: dict[str, Any] = {
        "key": f"{number:064x}",
        "rule": "r",
        "subject": "Call Ann",
        "text": "Because",
        "do": "call",
        "priority": "urgent",
        "due_on": date(2024, 3, 4),
        "due_at": 0,
        "owner_id": OWNER,
    }
    return Task(**values | changed)


def row(number: int = 1, **changed: Any) -> dict[str, Any]:
    found = {"Id": f"00T{number:012d}AAA", KEY: f"{number:064x}", "OwnerId": OWNER, "IsClosed": False, "IsDeleted": False}
    return found | {"ActivityDate": "2024-03-04"} | changed


def refused(code: str, message: str = "no") -> dict[str, Any]:
    return {"success": False, "errors": [{"statusCode": code, "message": message, "fields": []}]}


def change(number: int = 1, **changed: Any) -> TaskChange:
    return TaskChange(**{"key": f"{number:064x}", "task_id": f"00T{number:012d}AAA", **changed})


def sent(org: Org) -> list[Any]:
    return [orjson.loads(call.request.body or b"") for call in org.mock.calls if "composite" in str(call.request.url)]


@pytest.fixture
def tasks(org: Org, client: Client) -> SalesforceTasks:
    """A writer in an org that answers queries for statuses first."""
    org.says("GET", "queryAll/", org.answer(*STATUSES))
    return SalesforceTasks(client, Shown(FIELDS), KEY)


def test_row_that_is_sent(org: Org, tasks: SalesforceTasks) -> None:
    """A task goes out with the org's own words, its links and our key; the call is a create and not all or none."""
    org.says("POST", "composite/sobjects", [WRITTEN])
    wanted = task(account_id=None, deal_id="006000000000001AAA", contact_id="003000000000001AAA", subject="x" * 300)
    (outcome,) = tasks.create([wanted])

    assert (OutcomeKind.WRITTEN, WRITTEN["id"]) == (outcome.kind, outcome.task_id)
    assert [
        {
            "allOrNone": False,
            "records": [
                {
                    "attributes": {"type": "Task"},
                    "Subject": "x" * 254 + "…",
                    "Description": "Because",
                    "ActivityDate": "2024-03-04",
                    "Status": "Open",
                    "Priority": "High",
                    "OwnerId": OWNER,
                    "WhatId": "006000000000001AAA",
                    "WhoId": "003000000000001AAA",
                    KEY: wanted.key,
                }
            ],
        }
    ] == sent(org)


def test_word_the_org_lacks_is_left_out(org: Org, client: Client) -> None:
    """A priority that the org's pick list does not hold is left to its default."""
    org.says("GET", "queryAll/", org.answer(*STATUSES))
    org.says("POST", "composite/sobjects", [WRITTEN])
    SalesforceTasks(client, Shown({"Priority": Field(type="picklist", values=frozenset({"1"}))}), KEY).create([task()])

    assert "Priority" not in sent(org)[0]["records"][0]


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (WRITTEN, OutcomeKind.WRITTEN),
        (refused("UNABLE_TO_LOCK_ROW"), OutcomeKind.UNSENT),
        (refused("REQUEST_LIMIT_EXCEEDED"), OutcomeKind.UNSENT),
        (refused("FIELD_CUSTOM_VALIDATION_EXCEPTION"), OutcomeKind.REJECTED),
        (refused("INACTIVE_OWNER_OR_USER"), OutcomeKind.REJECTED),
        (refused("SOMETHING_NEW"), OutcomeKind.REJECTED),
        ({"success": True, "errors": []}, OutcomeKind.UNCERTAIN),
        ({"success": False, "errors": []}, OutcomeKind.UNCERTAIN),
        ({"success": None, "id": "00T000000000001AAA"}, OutcomeKind.UNCERTAIN),
        ({}, OutcomeKind.UNCERTAIN),
    ],
)
def test_outcome_of_each_row(org: Org, tasks: SalesforceTasks, reply: dict[str, Any], kind: OutcomeKind) -> None:
    """Rows are judged one by one, in the order sent, whatever became of their neighbours."""
    org.says("POST", "composite/sobjects", [reply, WRITTEN])

    assert [kind, OutcomeKind.WRITTEN] == [outcome.kind for outcome in tasks.create([task(1), task(2)])]


def test_refusal_is_told_in_the_crm_s_words(org: Org, tasks: SalesforceTasks) -> None:
    """What the CRM says reaches the person who has to act, without anybody's address."""
    org.says("POST", "composite/sobjects", [refused("INACTIVE_OWNER_OR_USER", "inactive user [a@b.example] as owner of task")])
    (outcome,) = tasks.create([task()])

    assert "INACTIVE_OWNER_OR_USER: inactive user [(e-mail)] as owner of task" == outcome.reason


def test_duplicate_is_adopted(org: Org, tasks: SalesforceTasks) -> None:
    """A key that is there already is found and taken over as it is, also when a person has deleted the task."""
    org.says("POST", "composite/sobjects", [refused("DUPLICATE_VALUE"), WRITTEN])
    org.says("GET", "queryAll/", org.answer(row(1, Id="00T000000000007AAA", IsDeleted=True)))
    found = tasks.create([task(1), task(2)])

    assert [(OutcomeKind.ADOPTED, "00T000000000007AAA"), (OutcomeKind.WRITTEN, WRITTEN["id"])] == [
        (outcome.kind, outcome.task_id) for outcome in found
    ]


def test_duplicate_of_a_hidden_task_is_rejected(org: Org, tasks: SalesforceTasks) -> None:
    """A key that only a record hidden from us holds is a fault to report, not a reason to write again."""
    org.says("POST", "composite/sobjects", [refused("DUPLICATE_VALUE", "duplicate value found")])
    org.says("GET", "queryAll/", org.answer())
    (outcome,) = tasks.create([task()])

    assert OutcomeKind.REJECTED is outcome.kind
    assert "DUPLICATE_VALUE: duplicate value found (on a record that is hidden from us)" == outcome.reason


def test_duplicate_that_cannot_be_looked_up_stays_open(org: Org, tasks: SalesforceTasks) -> None:
    """When the search for a duplicate fails, the outcome is open, and what else was written is still told."""
    org.says("POST", "composite/sobjects", [refused("DUPLICATE_VALUE"), WRITTEN])
    org.says("GET", "queryAll/", "", status=503)

    assert [OutcomeKind.UNCERTAIN, OutcomeKind.WRITTEN] == [outcome.kind for outcome in tasks.create([task(1), task(2)])]


def test_same_key_twice_is_one_task(org: Org, tasks: SalesforceTasks) -> None:
    """A key that stands twice in a batch is sent once; the second one adopts the first."""
    org.says("POST", "composite/sobjects", [WRITTEN])
    first, second = tasks.create([task(), task()])

    assert 1 == len(sent(org)[0]["records"])
    assert (OutcomeKind.WRITTEN, OutcomeKind.ADOPTED, True) == (first.kind, second.kind, first.task_id == second.task_id)


@pytest.mark.parametrize("reply", ["", "[]", "<html>", requests.ReadTimeout("x"), requests.ConnectionError("reset")])
def test_unclear_call_leaves_each_row_open(org: Org, tasks: SalesforceTasks, reply: Any) -> None:
    """A lost reply makes every row uncertain; nothing more is sent after it."""
    org.says("POST", "composite/sobjects", reply)
    outcomes = tasks.create([task(number) for number in range(201)])

    assert [OutcomeKind.UNCERTAIN] * 200 + [OutcomeKind.UNSENT] == [outcome.kind for outcome in outcomes]
    assert 1 == len(sent(org))


def test_never_more_than_200_rows_a_call(org: Org, tasks: SalesforceTasks) -> None:
    """A long list is split, and the outcomes stay in order."""
    for size in (200, 200, 1):
        org.says("POST", "composite/sobjects", [WRITTEN | {"id": f"00T{size}"} for _ in range(size)])
    outcomes = tasks.create([task(number) for number in range(401)])

    assert [200, 200, 1] == [len(body["records"]) for body in sent(org)]
    assert ["00T200", "00T1"] == [outcomes[0].task_id, outcomes[-1].task_id]


def test_nothing_sent_raises(org: Org, tasks: SalesforceTasks) -> None:
    """When the first call certainly did nothing, that is an error to repeat, not an outcome."""
    org.says("POST", "composite/sobjects", [{"errorCode": "UNABLE_TO_LOCK_ROW", "message": ""}], status=400)
    with pytest.raises(TransientError):
        tasks.create([task()])


def test_later_call_that_did_nothing_leaves_the_rest_unsent(org: Org, tasks: SalesforceTasks) -> None:
    """After some rows were written an error no longer hides them."""
    org.says("POST", "composite/sobjects", [WRITTEN] * 200)
    org.says("POST", "composite/sobjects", [{"errorCode": "API_DISABLED_FOR_ORG", "message": "closed"}], status=403)
    outcomes = tasks.create([task(number) for number in range(250)])

    assert [OutcomeKind.WRITTEN] * 200 + [OutcomeKind.UNSENT] * 50 == [outcome.kind for outcome in outcomes]


def test_org_without_statuses_is_said(org: Org, client: Client) -> None:
    """Without a status that closes a task nothing is written."""
    org.says("GET", "queryAll/", org.answer(*STATUSES[:2]))
    with pytest.raises(UnexpectedReply):
        SalesforceTasks(client, Shown(FIELDS), KEY).create([task()])

    assert [] == sent(org)


# --- find -------------------------------------------------------------------------------------------------------------


def test_find_tells_the_state_of_each_task(org: Org, client: Client) -> None:
    """Open, done and deleted tasks are found; a live task hides its deleted twin."""
    rows = [row(1), row(2, IsClosed=True), row(3, IsDeleted=True), row(4), row(4, IsDeleted=True), row(5, IsDeleted=True), row(5)]
    org.says("GET", "queryAll/", org.answer(*rows))
    found = SalesforceTasks(client, Shown(FIELDS), KEY).find([task(number) for number in range(1, 7)])

    assert [TaskStatus.OPEN, TaskStatus.DONE, TaskStatus.DELETED, TaskStatus.OPEN, TaskStatus.OPEN] == [
        found[f"{number:064x}"].status for number in range(1, 6)
    ]
    assert (date(2024, 3, 4), OWNER) == (found[f"{1:064x}"].due_on, found[f"{1:064x}"].owner_id)
    assert f"{6:064x}" not in found


def test_find_of_nothing_asks_nobody(org: Org, client: Client) -> None:
    """An empty list never becomes an empty IN (), which the CRM refuses."""
    assert {} == SalesforceTasks(client, Shown(FIELDS), KEY).find([])
    assert 0 == len(org.mock.calls)


def test_find_keeps_the_address_short(org: Org, client: Client) -> None:
    """Many keys are asked for in several calls: an address may have 16,384 characters."""
    org.says("GET", "queryAll/", org.answer())
    SalesforceTasks(client, Shown(FIELDS), KEY).find([task(number) for number in range(500)])
    longest = max(len(str(call.request.url)) for call in org.mock.calls)

    assert 5 == len(org.mock.calls)
    assert longest < 14_000


def test_find_refuses_a_row_without_its_fields(org: Org, client: Client) -> None:
    """A row that lacks what was asked for is no proof of anything."""
    org.says("GET", "queryAll/", org.answer({"Id": "00T000000000001AAA", KEY: "x"}))
    with pytest.raises(UnexpectedReply):
        SalesforceTasks(client, Shown(FIELDS), KEY).find([task()])


# --- change -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("shown", "wanted", "kind"),
    [
        (row(), change(close=True), OutcomeKind.WRITTEN),
        (row(IsClosed=True), change(close=True), OutcomeKind.CONFLICT),
        (row(IsDeleted=True), change(close=True), OutcomeKind.CONFLICT),
        (None, change(close=True), OutcomeKind.CONFLICT),
        (row() | {KEY: "somebody's"}, change(close=True), OutcomeKind.CONFLICT),
        (row() | {KEY: None}, change(close=True), OutcomeKind.CONFLICT),
        (row(), change(owner_id=OTHER, owner_was=OWNER), OutcomeKind.WRITTEN),
        (row(OwnerId="005000000000003AAA"), change(owner_id=OTHER, owner_was=OWNER), OutcomeKind.CONFLICT),
        (row(OwnerId=OTHER), change(owner_id=OTHER, owner_was=OWNER), OutcomeKind.WRITTEN),
        (row(IsClosed=True), change(owner_id=OTHER, owner_was=OWNER), OutcomeKind.CONFLICT),
    ],
)
def test_a_person_s_decision_stands(
    org: Org, client: Client, shown: dict[str, Any] | None, wanted: TaskChange, kind: OutcomeKind
) -> None:
    """A task is read first: what a person closed, deleted or gave away is left as it is."""
    org.says("GET", "queryAll/", org.answer(*([shown] if shown else [])))
    org.says("GET", "queryAll/", org.answer(*STATUSES))
    org.says("PATCH", "composite/sobjects", [WRITTEN])
    (outcome,) = SalesforceTasks(client, Shown(FIELDS), KEY).change([wanted])

    assert kind is outcome.kind


@pytest.mark.parametrize(
    ("wanted", "field"),
    [(change(close=True), {"Status": "Done"}), (change(owner_id=OTHER, owner_was=OWNER), {"OwnerId": OTHER})],
)
def test_only_the_one_field_is_sent(org: Org, client: Client, wanted: TaskChange, field: dict[str, str]) -> None:
    """Closing sends the first closing status, reassigning the owner, and nothing else of the task."""
    org.says("GET", "queryAll/", org.answer(row()))
    org.says("GET", "queryAll/", org.answer(*STATUSES))
    org.says("PATCH", "composite/sobjects", [WRITTEN])
    SalesforceTasks(client, Shown(FIELDS), KEY).change([wanted])

    assert [{"attributes": {"type": "Task"}, "id": "00T000000000001AAA", **field}] == sent(org)[0]["records"]


def test_changes_keep_their_order(org: Org, client: Client) -> None:
    """Outcomes stand in the order of the changes, whether a row was sent or not."""
    org.says("GET", "queryAll/", org.answer(row(3), row(2, IsClosed=True), row(1)))
    org.says("GET", "queryAll/", org.answer(*STATUSES))
    org.says("PATCH", "composite/sobjects", [refused("ENTITY_IS_DELETED"), WRITTEN])
    outcomes = SalesforceTasks(client, Shown(FIELDS), KEY).change([change(number, close=True) for number in (1, 2, 3)])

    assert [OutcomeKind.CONFLICT, OutcomeKind.CONFLICT, OutcomeKind.WRITTEN] == [outcome.kind for outcome in outcomes]


def test_failed_reading_before_a_change_raises(org: Org, client: Client) -> None:
    """When the task cannot be read, nothing is changed and the error is told."""
    org.says("GET", "queryAll/", [{"errorCode": "API_DISABLED_FOR_ORG", "message": ""}], status=403)
    with pytest.raises(AuthError):
        SalesforceTasks(client, Shown(FIELDS), KEY).change([change(close=True)])


# --- the key field ----------------------------------------------------------------------------------------------------

GOOD = Field(type="string", filterable=True, createable=True, external_id=True, unique=True)


@pytest.mark.parametrize(
    ("fields", "part"),
    [
        ({KEY: GOOD}, ""),
        ({}, "has no field"),
        ({KEY: replace(GOOD, unique=False)}, "is not unique"),
        ({KEY: replace(GOOD, external_id=False, createable=False)}, "is not an External ID and not editable"),
    ],
)
def test_key_field_must_be_unique(fields: dict[str, Field], part: str) -> None:
    """Tasks are written only where the CRM itself refuses a second one with the same key."""
    problem = key_field_problem(KEY, Description(fields=fields, children={}))

    assert part in problem
    assert bool(part) == bool(problem)
