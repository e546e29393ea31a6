"""The book on which rules are measured: synthetic and seeded, in refsync's own tables, as one CSV file a table.

An account has 3 people, 10 activities (up to 13 of them touches, 7 on average), milestones, often a deal, some introductions and
cases, and a past in the ledger. What has no meaning for a rule is left blank.
"""

from __future__ import annotations

import csv
import random
from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeAlias

from sqlalchemy import Table

from refsync.model import Instant, moment, parse_instant
from refsync.store import tables

NOW = parse_instant("2026-11-20T12:00:00Z")
DAY = 86_400_000
CONNECTION = "c"
NULL = r"\N"
REPS = 300
FILLED = (
    tables.user,
    tables.account,
    tables.contact,
    tables.account_contact,
    tables.deal,
    tables.deal_contact,
    tables.introduction,
    tables.case,
    tables.activity,
    tables.activity_contact,
    tables.touch,
    tables.milestone,
    tables.finding,
)
AT_ONCE = 5_000
"""Accounts made before their rows are written."""

Values: TypeAlias = dict[str, Any]
Made: TypeAlias = Iterator[tuple[Table, Values]]


def write(folder: Path, accounts: int) -> None:
    """Write one CSV file a table into a folder: no header, columns in the table's order, NULL as `NULL`."""
    chance = random.Random(accounts)
    files = {table: (folder / f"{table.name}.csv").open("w", newline="") for table in FILLED}
    writers = {table: csv.writer(file) for table, file in files.items()}
    for table, values in _users():
        writers[table].writerow(_row(table, values))
    for start in range(0, accounts, AT_ONCE):
        rows: dict[Table, list[list[Any]]] = defaultdict(list)
        for number in range(start, min(accounts, start + AT_ONCE)):
            for table, values in _account(number, accounts, chance):
                rows[table].append(_row(table, values))
        for table, found in rows.items():
            writers[table].writerows(found)
    for file in files.values():
        file.close()


def _row(table: Table, values: Mapping[str, Any]) -> list[Any]:
    blank = {column.name: NULL if column.nullable else _blank(column.type.python_type) for column in tables.stored(table)}
    known = {"connection": CONNECTION, **values}
    return [_written(known.get(name, value)) for name, value in blank.items()]


def _written(value: Any) -> Any:
    return NULL if value is None else int(value) if isinstance(value, bool) else value


def _blank(kind: type) -> Any:
    return "" if kind is str else kind(0)


def _users() -> Made:
    for number in range(REPS):
        manager = f"u{number % 12}" if number >= 12 else None
        yield tables.user, {"id": f"u{number}", "name": f"User {number}", "active": number % 17 != 16, "manager_id": manager}


def _account(number: int, accounts: int, chance: random.Random) -> Made:
    status = chance.choices(("customer", "former", "prospect"), (60, 10, 30))[0]
    yield (
        tables.account,
        {
            "id": f"a{number}",
            "name": f"Account {number}",
            "owner_id": f"u{number % REPS}",
            "parent_id": f"a{number - number % 10}" if number % 100 < 30 and number % 10 else None,
            "status": status,
            "tier": chance.choice("AABBBCCCCC"),
            "annual_revenue": float(number),
            "created_at": _past(chance, 1500),
            "do_not_contact": chance.random() < 0.005,
        },
    )
    yield from _people(number, accounts, chance)
    yield from _deals(number, chance)
    yield from _activities(number, chance)
    yield from _cases(number, chance)
    if number % 8 == 0:
        yield from _introduction(number, accounts, chance)
    if chance.random() < 0.6:
        yield from _finding(number, chance)


def _people(number: int, accounts: int, chance: random.Random) -> Made:
    for person in range(3):
        known = f"p{number}-{person}"
        no_more = chance.random() < 0.01
        yield (
            tables.contact,
            {"id": known, "account_id": f"a{number}", "name": f"Person {number}-{person}", "do_not_contact": no_more},
        )
    if number % 50 == 0:
        further = {"id": f"f{number}", "account_id": f"a{(number + 1) % accounts}", "contact_id": f"p{number}-0"}
        yield tables.account_contact, further


def _deals(number: int, chance: random.Random) -> Made:
    kinds = [("implemented", 0.2), ("roi", 0.2), ("thanked", 0.1), ("value added", 0.1)]
    if number % 5:
        deal = f"d{number}"
        status = chance.choices(("won", "open", "lost"), (5, 2, 3))[0]
        closed = _past(chance, 900)
        day = (moment(closed).date() + timedelta(days=60 if status == "open" else 0)).isoformat()
        came = f"p{number}-2" if chance.random() < 0.08 else None
        values = {"id": deal, "account_id": f"a{number}", "name": f"Deal {number}", "status": status, "closed_on": day}
        yield tables.deal, {**values, "created_at": closed - 90 * DAY, "referred_by_contact_id": came}
        for person, role in ((0, "Champion"), (1, "Decision maker"))[: 1 + number % 2]:
            link = {"id": f"{deal}-{person}", "deal_id": deal, "contact_id": f"p{number}-{person}", "role": role}
            yield tables.deal_contact, {**link, "is_primary": person == 0}
        if status == "won":
            yield _milestone(number, "signed", closed, deal)
    for kind, share in kinds:
        if chance.random() < share:
            yield _milestone(number, kind, _past(chance, 900), None)


def _milestone(number: int, kind: str, reached: Instant, deal: str | None) -> tuple[Table, Values]:
    known = {"id": f"{kind}:{number}", "kind": kind, "account_id": f"a{number}", "contact_id": f"p{number}-0"}
    return tables.milestone, {**known, "deal_id": deal, "reached": reached}


def _activities(number: int, chance: random.Random) -> Made:
    lively = chance.random()
    touched = int(14 * lively)
    silent = 730 * DAY if number % 40 == 0 else 0  # silent for years, and some of them back
    for each in range(touched):
        at = _past(chance, 60 + 900 * (1 - lively)) - (silent if each or number % 80 == 0 else 0)
        person, channel = f"p{number}-{each % 3}", ("call", "meeting", "email")[each % 3]
        happened = {"id": f"t{number}-{each}", "kind": channel, "direction": "in", "at": at, "status": "done"}
        yield tables.activity, {**happened, "account_id": f"a{number}"}
        yield tables.activity_contact, {"activity_id": f"t{number}-{each}", "contact_id": person}
        seen = {"activity_id": f"t{number}-{each}", "contact_id": person, "account_id": f"a{number}", "at": at}
        yield tables.touch, {**seen, "channel": channel, "two_way": int(each % 7 != 6)}
    for each in range(max(1, 10 - touched)):
        sent = {"id": f"n{number}-{each}", "kind": "email", "direction": "out", "at": _past(chance, 900), "status": "done"}
        yield tables.activity, {**sent, "account_id": f"a{number}", "not_touch": "e-mail we sent"}
        if not each:
            yield tables.activity_contact, {"activity_id": f"n{number}-{each}", "contact_id": f"p{number}-0"}
    if chance.random() < 0.15:
        at = NOW + int((chance.random() * 60 - 30) * DAY)
        task = {"id": f"k{number}", "kind": "task", "at": at, "status": "planned", "not_touch": "a task"}
        yield tables.activity, {**task, "account_id": f"a{number}"}
    if chance.random() < 0.05:
        ahead = {"id": f"m{number}", "kind": "meeting", "at": NOW + int(chance.random() * 30 * DAY), "status": "planned"}
        yield tables.activity, {**ahead, "account_id": f"a{number}", "not_touch": "planned"}


def _cases(number: int, chance: random.Random) -> Made:
    if chance.random() < 0.1:
        closed = None if chance.random() < 0.3 else NOW - DAY
        opened = {"id": f"s{number}", "account_id": f"a{number}", "opened_at": _past(chance, 90) - 2 * DAY}
        yield tables.case, {**opened, "escalated": chance.random() < 0.5, "closed_at": closed}


def _introduction(number: int, accounts: int, chance: random.Random) -> Made:
    made = _past(chance, 120)
    known = chance.random() < 0.5
    yield (
        tables.introduction,
        {
            "id": f"i{number}",
            "source_contact_id": f"p{number}-1",
            "source_name": f"Person {number}-1",
            "person_name": "Somebody",
            "person_contact_id": f"p{(number + 7) % accounts}-2" if known else None,
            "account_id": f"a{number}",
            "deal_id": f"d{(number + 7) % accounts}" if chance.random() < 0.3 else None,
            "owner_id": f"u{number % REPS}",
            "status": chance.choice(("new", "no answer", "in contact", "met", "won", "lost", "declined")),
            "status_since": made + int((NOW - made) * chance.random()) if known else None,
            "made_at": made,
        },
    )


PAST = (
    ("reconnect-neglected-customer", "care", "account", ""),
    ("reconnect-before-asking", "care", "account", ""),
    ("ask-referral-after-milestone", "ask", "milestone", "signed:"),
    ("account-warm-people-cold", "care", "account", ""),
)


def _finding(number: int, chance: random.Random) -> Made:
    rule, kind, about, prefix = PAST[number % len(PAST)]
    state = chance.choices(("done", "dismissed", "expired", "open"), (50, 15, 30, 5))[0]
    opened = _past(chance, 18 if state == "open" else 400)  # none of them has expired
    yield (
        tables.finding,
        {
            "key": f"{number:064x}",
            "rule": rule,
            "kind": kind,
            "subject_kind": about,
            "subject_id": f"{prefix}{number}" if prefix else f"a{number}",
            "account_id": f"a{number}",
            "owner_id": f"u{number % REPS}",
            "state": state,
            "task_id": f"task-{number}",
            "due_on": moment(opened + 5 * DAY).date().isoformat(),
            "due_at": opened + 5 * DAY,
            "opened_at": opened,
            "closed_at": None if state == "open" else min(NOW, opened + 6 * DAY),
            "sent_at": opened,
        },
    )


def _past(chance: random.Random, days: float) -> Instant:
    return NOW - int(chance.random() * days * DAY) - 1
