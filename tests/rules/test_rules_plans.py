"""What lies ahead: open tasks of others and of other rules, and next meetings."""

from __future__ import annotations

from typing import Any

import pytest

from tests.rules.mirror import Mirror
from tests.rules.texts import Rules, about_accounts


def customer(mirror: Mirror) -> None:
    """Add the customer "a" with a deal, Carla, and a guest who belongs to "b" and is known to "a", too; "b" has a stranger."""
    mirror.account(id="a")
    mirror.account(id="b")
    mirror.contact(id="carla", account_id="a")
    mirror.contact(id="guest", account_id="b")
    mirror.contact(id="stranger", account_id="b")
    mirror.add("account_contact", {"account_id": "a", "contact_id": "guest"})
    mirror.add("deal", {"id": "d", "account_id": "a"})


@pytest.mark.parametrize(
    ("row", "contacts", "counts"),
    [
        ({"account_id": "a"}, [], True),
        ({"deal_id": "d"}, [], True),
        ({"account_id": "b", "deal_id": "d"}, [], False),
        ({"account_id": "b"}, ["carla"], True),
        ({}, ["carla"], True),
        ({}, ["guest"], True),
        ({"account_id": "b"}, ["guest"], True),
        ({}, ["stranger"], False),
        ({"account_id": "a", "at": None}, [], True),
        ({"account_id": "a", "at": "2026-11-06T00:00:00Z"}, [], True),
        ({"account_id": "a", "at": "2026-11-05T23:59:59Z"}, [], False),
        ({"account_id": "a", "at": "2027-11-05T23:59:59Z"}, [], True),
        ({"account_id": "a", "status": "done"}, [], False),
        ({"account_id": "a", "task_key": "0123"}, [], False),
        ({"account_id": "a", "kind": "meeting"}, [], False),
    ],
)
def test_open_tasks(rules: Rules, mirror: Mirror, row: dict[str, Any], contacts: list[str], *, counts: bool) -> None:
    """Open tasks count on the account, its deals and its people, unless forgotten for two weeks or written by refsync."""
    customer(mirror)
    when = row.pop("at", "2026-11-19T12:00:00Z")
    mirror.activity(when, contacts, **{"kind": "task", "status": "planned", **row})
    one = about_accounts('account.name = "a"', '[unless]\naccount.open_tasks = "at least 1"')
    none = about_accounts('account.name = "a"\naccount.open_tasks = 0')
    many = about_accounts('account.name = "a"\naccount.open_tasks = "at least 2"')
    loaded = rules(unless=one, none=none, many=many)

    expected = [] if counts else ["a"]
    assert (mirror.matched(loaded, "unless"), mirror.matched(loaded, "none")) == (expected, expected)
    assert mirror.matched(loaded, "many") == []


def test_open_tasks_are_counted_once(rules: Rules, mirror: Mirror) -> None:
    """A task on the account and two of its people is one task."""
    mirror.account(id="a")
    for person in ("carla", "carl"):
        mirror.contact(id=person, account_id="a")
    mirror.activity("2026-11-19", ["carla", "carl"], account_id="a", kind="task", status="planned")
    loaded = rules(rule=about_accounts("account.open_tasks = 1"))

    assert [match.facts["account.open_tasks"] for match in mirror.matches(loaded, "rule")] == [1]


@pytest.mark.parametrize(
    ("finding", "stops"),
    [
        ({"rule": "other", "state": "open"}, True),
        ({"rule": "other", "state": "sending"}, True),
        ({"rule": "other", "state": "snoozed"}, True),
        ({"rule": "other", "state": "done"}, False),
        ({"rule": "rule", "state": "open"}, False),
    ],
)
def test_tasks_of_other_rules_are_open_tasks(rules: Rules, mirror: Mirror, finding: dict[str, str], *, stops: bool) -> None:
    """A live task of another rule is a plan, the rule's own is not."""
    mirror.account(id="a")
    mirror.add("finding", {"key": "k", "account_id": "a", **finding})
    loaded = rules(rule=about_accounts('account.status = "customer"', '[unless]\naccount.open_tasks = "at least 1"'))

    assert mirror.matched(loaded, "rule") == ([] if stops else ["a"])


@pytest.mark.parametrize(
    ("row", "contacts", "ahead"),
    [
        ({"at": "2026-12-04T23:59:59Z"}, [], True),
        ({"at": "2026-12-05T00:00:00Z"}, [], False),
        ({"at": "2026-11-20T09:00:00Z"}, [], False),
        ({"status": "done"}, [], True),
        ({"status": "cancelled"}, [], False),
        ({"status": "no_show"}, [], False),
        ({"kind": "call"}, [], False),
        ({"account_id": None}, ["carla"], True),
        ({"account_id": None}, ["guest"], True),
        ({"account_id": None, "deal_id": "d"}, [], True),
    ],
)
def test_next_meeting(rules: Rules, mirror: Mirror, row: dict[str, Any], contacts: list[str], *, ahead: bool) -> None:
    """A meeting ahead that is not cancelled counts for the account, its deals and its people; it is no touch."""
    customer(mirror)
    when = row.pop("at", "2026-11-30T12:00:00Z")
    mirror.activity(when, contacts, **{"account_id": "a", "kind": "meeting", "status": "planned", **row})
    line = 'account.next_meeting = "in the next 14 days"'
    hers = 'account.name = "a"'
    loaded = rules(
        when=about_accounts(f"{hers}\n{line}"),
        unless=about_accounts(f'{hers}\naccount.last_touch = "never"', f"[unless]\n{line}"),
    )

    assert mirror.matched(loaded, "when") == (["a"] if ahead else [])
    if when > "2026-11-20T09:00:00Z":
        assert mirror.matched(loaded, "unless") == ([] if ahead else ["a"])
