"""Touches: which activities count, with whom, and for which accounts."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from refsync.company import TouchPolicy
from refsync.model import (
    Account,
    AccountContact,
    Activity,
    ActivityKind,
    ActivityStatus,
    Contact,
    Deal,
    Direction,
    Stream,
)
from refsync.store.derived.touches import not_touch
from refsync.store.engine import Store
from tests.store.derived import COMPANY, NOW, call, reasons, touches, with_whom, write


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({}, ""),
        ({"direction": Direction.OUT}, ""),
        ({"kind": ActivityKind.MEETING}, ""),
        ({"kind": ActivityKind.EMAIL, "direction": Direction.IN}, ""),
        ({"kind": ActivityKind.MESSAGE, "direction": Direction.IN}, ""),
        ({"kind": ActivityKind.EMAIL, "direction": Direction.OUT}, "e-mail we sent"),
        ({"kind": ActivityKind.EMAIL}, "e-mail of unknown direction"),
        ({"kind": ActivityKind.MESSAGE, "direction": Direction.OUT}, "message we sent"),
        ({"kind": ActivityKind.NOTE}, "notes are no contact"),
        ({"kind": ActivityKind.TASK}, "tasks are no contact"),
        ({"automated": True}, "automated"),
        ({"status": ActivityStatus.BOUNCED}, "bounced"),
        ({"status": ActivityStatus.NO_SHOW}, "no_show"),
        ({"status": ActivityStatus.CANCELLED}, "cancelled"),
        ({"status": ActivityStatus.PLANNED}, "planned"),
        ({"kind": ActivityKind.MEETING, "status": ActivityStatus.PLANNED}, "planned"),
        ({"status": None}, "status unknown"),
        ({"at": None}, "no time"),
        ({"task_key": "k"}, "our own task"),
        ({"at": NOW + 10**12}, ""),
    ],
)
def test_what_counts_and_why_not(store: Store, connection: str, values: dict[str, Any], reason: str) -> None:
    """An activity counts when it was a conversation that took place; otherwise it keeps the reason in words."""
    with store.write() as db:
        write(db, connection, Stream.ACTIVITIES, call(account_id="a", **values))
        found = (reasons(db, connection), len(touches(db, connection)))

    assert ({"1": reason}, 0 if reason else 1) == found


@pytest.mark.parametrize(
    ("policy", "values", "reason"),
    [
        (TouchPolicy(ignore=frozenset()), {"automated": True}, ""),
        (TouchPolicy(ignore=frozenset()), {"status": ActivityStatus.BOUNCED}, ""),
        (TouchPolicy(ignore=frozenset()), {"status": ActivityStatus.NO_SHOW}, ""),
        (TouchPolicy(ignore=frozenset()), {"status": ActivityStatus.CANCELLED}, "cancelled"),
        (TouchPolicy(unconfirmed_meetings=True), {"kind": ActivityKind.MEETING, "status": ActivityStatus.PLANNED}, ""),
        (TouchPolicy(unconfirmed_meetings=True), {"status": ActivityStatus.PLANNED}, "planned"),
        (TouchPolicy(kinds=frozenset({(ActivityKind.NOTE, None)})), {"kind": ActivityKind.NOTE}, ""),
        (TouchPolicy(kinds=frozenset({(ActivityKind.NOTE, None)})), {}, "calls are no contact"),
        (TouchPolicy(kinds=frozenset({(ActivityKind.CALL, Direction.OUT)})), {"direction": Direction.IN}, "call we received"),
    ],
)
def test_a_company_decides_what_counts(policy: TouchPolicy, values: dict[str, Any], reason: str) -> None:
    """Another policy counts other activities; what was cancelled never counts."""
    made = call(**values)

    assert reason == not_touch(policy, (made.kind, made.direction, made.status, made.automated, False, True))


def test_two_way_is_what_the_policy_says(store: Store, connection: str) -> None:
    """A kind that counts, but in which the customer takes no part, is no two-way touch."""
    sent = frozenset({(ActivityKind.EMAIL, None)})
    received = frozenset({(ActivityKind.EMAIL, Direction.IN)})
    company = replace(COMPANY, touch=TouchPolicy(kinds=sent, two_way=received))
    with store.write() as db:
        for id, direction in (("in", Direction.IN), ("out", Direction.OUT), ("?", None)):  # noqa: A001
            email = call(id, kind=ActivityKind.EMAIL, direction=direction, account_id="a")
            write(db, connection, Stream.ACTIVITIES, email, company=company)
        found = {row[0]: row[-1] for row in touches(db, connection)}

    assert {"in": 1, "out": 0, "?": 0} == found


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (call(contact_ids=("bo", "cy")), {("bo", "acme"), ("cy", "zeta")}),
        (call(contact_ids=("bo",), account_id="acme"), {("bo", "acme")}),
        (call(contact_ids=("bo",), account_id="zeta"), {("bo", "acme"), ("", "zeta")}),
        (call(contact_ids=("nobody",), account_id="acme"), {("", "acme")}),
        (call(deal_id="deal"), {("", "acme")}),
        (call(deal_id="deal", account_id="zeta"), {("", "zeta")}),
        (call(deal_id="unknown"), set()),
        (call(contact_ids=("free",)), {("free", "")}),
        (call(contact_ids=("free",), account_id="acme"), {("free", ""), ("", "acme")}),
        (call(contact_ids=("bo",), deal_id="deal"), {("bo", "acme")}),
        (call(), set()),
    ],
)
def test_with_whom_a_touch_was(store: Store, connection: str, made: Activity, expected: set[tuple[str, str]]) -> None:
    """One touch per known person at that person's account, and one for the activity's own account unless one of them is there."""
    with store.write() as db:
        people = (Contact(id="bo", account_id="acme"), Contact(id="cy", account_id="zeta"), Contact(id="free"))
        write(db, connection, Stream.CONTACTS, *people)
        write(db, connection, Stream.DEALS, Deal(id="deal", account_id="acme"))
        write(db, connection, Stream.ACTIVITIES, made)
        found = with_whom(db, connection)

    assert expected == found


def test_touch_follows_a_person_who_changes_companies(store: Store, connection: str) -> None:
    """When a person's account changes, comes late or is gone, the touches with that person follow."""
    with store.write() as db:
        write(db, connection, Stream.ACTIVITIES, call(contact_ids=("bo",)))
        steps = [with_whom(db, connection)]
        for account in ("acme", "zeta"):
            write(db, connection, Stream.CONTACTS, Contact(id="bo", account_id=account))
            steps.append(with_whom(db, connection))
        write(db, connection, Stream.CONTACTS, deleted=("bo",))
        steps.append(with_whom(db, connection))

    assert [set(), {("bo", "acme")}, {("bo", "zeta")}, set()] == steps


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (call(contact_ids=("bo",)), {("bo", "acme"), ("bo", "board"), ("bo", "club")}),
        (call(contact_ids=("bo",), account_id="acme"), {("bo", "acme"), ("bo", "board"), ("bo", "club")}),
        (call(contact_ids=("bo",), account_id="board"), {("bo", "acme"), ("bo", "board"), ("bo", "club")}),
        (call(contact_ids=("bo",), account_id="zeta"), {("bo", "acme"), ("bo", "board"), ("bo", "club"), ("", "zeta")}),
        (call(contact_ids=("free",)), {("free", ""), ("free", "club")}),
        (call(contact_ids=("nobody",)), set()),
        (call(account_id="board"), {("", "board")}),
    ],
)
def test_a_person_of_several_accounts_is_in_touch_for_each(
    store: Store, connection: str, made: Activity, expected: set[tuple[str, str]]
) -> None:
    """An activity counts for every account that its people belong to, once, whatever role or how many roles they have there."""
    links = [("bo", "board"), ("bo", "club"), ("bo", "board"), ("bo", "acme"), ("free", "club"), ("nobody", "club")]
    with store.write() as db:
        write(db, connection, Stream.ACTIVITIES, made)
        write(db, connection, Stream.CONTACTS, Contact(id="bo", account_id="acme"), Contact(id="free"))
        further = [AccountContact(id=str(n), account_id=where, contact_id=who) for n, (who, where) in enumerate(links)]
        write(db, connection, Stream.ACCOUNT_CONTACTS, *further)
        found = with_whom(db, connection)

    assert expected == found


def test_touch_follows_a_further_account(store: Store, connection: str) -> None:
    """When a person joins or leaves a further account, or the account is gone, the touches there follow."""
    link = AccountContact(id="l", account_id="board", contact_id="bo")
    with store.write() as db:
        write(db, connection, Stream.CONTACTS, Contact(id="bo", account_id="acme"))
        write(db, connection, Stream.ACTIVITIES, call(contact_ids=("bo",)))
        steps = []
        for batch in (
            {"records": (link,)},
            {"records": (replace(link, account_id="club"),)},
            {"deleted": ("l",)},
            {"records": (link,), "whole_for": ("bo",)},
            {"whole_for": ("bo",)},
            {"records": (link,)},
        ):
            records = batch.pop("records", ())
            write(db, connection, Stream.ACCOUNT_CONTACTS, *records, **batch)
            steps.append(with_whom(db, connection) - {("bo", "acme")})
        write(db, connection, Stream.ACCOUNTS, Account(id="board"))
        write(db, connection, Stream.ACCOUNTS, deleted=("board",))
        steps.append(with_whom(db, connection) - {("bo", "acme")})

    board, club = {("bo", "board")}, {("bo", "club")}
    assert [board, club, set(), board, set(), board, set()] == steps
