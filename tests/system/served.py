"""One book in several CRMs: what refsync then holds of each, with the CRM's ids turned back into the book's.

`served(crm, folder)` runs one tick against a CRM that holds the book and gives the mirror, the matches and the tasks.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import requests
from sqlalchemy import select

from refsync.book import Book
from refsync.bundled import bundled
from refsync.calendar import Duration, Unit
from refsync.company import custom_fields, milestone_fields
from refsync.connector import ConnectionSettings, Secret
from refsync.finding import WITH_TASK
from refsync.model import Stream, User, moment, parse_instant
from refsync.registry import connect
from refsync.rules.files.folder import load
from refsync.rules.rule import RuleSet
from refsync.store import ledger, tables
from refsync.store.engine import Database, open_store
from refsync.sync.tick import Report, tick
from refsync_sandbox.clock import Clock
from refsync_sandbox.hubspot import TOKEN, HubSpot
from refsync_sandbox.salesforce import Salesforce, Secrets
from refsync_sandbox.server import Sandbox

NOW = parse_instant("2026-11-20T12:00:00Z")
Row = Mapping[str, Any]

TABLE_OF_ID = {
    "owner_id": "users",
    "manager_id": "users",
    "account_id": "accounts",
    "parent_id": "accounts",
    "contact_id": "contacts",
    "source_contact_id": "contacts",
    "person_contact_id": "contacts",
    "referred_by_contact_id": "contacts",
    "deal_id": "deals",
    "person_id": "contacts",
    "rep_id": "users",
    "activity_id": "activities",
}
"""Which records the columns of the mirror name."""
MIRROR = {
    **{table.name: stream.value for stream, table in tables.TABLE_OF.items()},
    tables.activity_contact.name: "",
    tables.touch.name: "",
    tables.milestone.name: "",
}
"""Every table of the mirror and of what is derived from it, with the book's name for what has an id of its own."""


@dataclass(frozen=True, kw_only=True)
class Served:
    """What refsync holds of a CRM that holds the book, in the book's ids."""

    streams: frozenset[Stream]
    mirror: Mapping[str, Mapping[tuple[str, ...], Row]]
    """By table and key."""
    matches: Mapping[str, Mapping[str, Row]]
    """By rule and subject."""
    tasks: Mapping[tuple[str, str], Row]
    """By rule and subject."""
    seen: tuple[Row, ...]
    """The tasks as reps see them in the CRM; empty for files."""
    report: Report


def rules() -> RuleSet:
    """Return the shipped rules, live, without waiting, and with as many tasks as there are matches."""
    loaded = load(bundled("rules"), modes_live=True)
    limits = replace(loaded.company.limits, per_rep_per_day=10_000, per_rep_per_week=10_000)
    return replace(loaded, company=replace(loaded.company, settle=Duration(0, Unit.HOURS), limits=limits))


def served(crm: str, folder: Path) -> Served:
    """Serve the book in a CRM, run one tick, and return what came of it."""
    ruleset = rules()
    with _running(crm, folder) as (options, ids, tasks), open_store("sqlite://") as store:
        fields = custom_fields(ruleset.company, crm)
        connector = connect(crm, ConnectionSettings(id=crm, options=options, custom_fields=fields))
        try:
            report = tick(store, crm, crm, connector, ruleset, now=NOW, approved=True, clock=lambda: NOW)
            known = {table: {crm_id: book_id for book_id, crm_id in found.items()} for table, found in ids().items()}
            names = {mapped.field: mapped.kind for mapped in milestone_fields(ruleset.company, crm)}
            with store.read() as db:
                return Served(
                    streams=connector.streams,
                    mirror=_mirror(db, known, names),
                    matches=_matches(report, known),
                    tasks=_tasks(db, crm, known, names),
                    seen=tuple({**task, "text": _renamed(task["text"], names)} for task in tasks() if task["key"]),
                    report=report,
                )
        finally:
            connector.close()


Running = tuple[dict[str, Any], Callable[[], Mapping[str, Mapping[str, str]]], Callable[[], list[Row]]]


@contextmanager
def _running(crm: str, folder: Path) -> Iterator[Running]:
    """Give the options to connect with, the CRM's ids, and its tasks."""
    book, clock = Book.open(folder), Clock(moment(NOW))
    if crm == "files":
        yield {"folder": str(folder)}, dict, list
        return
    secrets = Secrets()
    signing_in: dict[str, Any] = {"client_id": secrets.client_id, "client_secret": Secret(secrets.client_secret)}
    side: Salesforce | HubSpot = Salesforce.load(book, clock, secrets) if crm == "salesforce" else HubSpot.load(book, clock)
    options = {"domain": "sandbox.my", "settle_seconds": 0, **signing_in}
    with Sandbox(side, clock) as sandbox:
        if crm == "hubspot":
            options = {"token": Secret(TOKEN), "users": _people(book, side.ids()["users"])}
        yield (
            options | {"url": sandbox.url},
            partial(_asked, sandbox.url, "ids"),
            lambda: list(_asked(sandbox.url, "tasks")["tasks"]),
        )


def _asked(url: str, what: str) -> Any:
    return requests.get(f"{url}/_sandbox/{what}", timeout=30).json()


def _people(book: Book, ids: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """Return what HubSpot does not keep of owners, as the connection's option `users` says it, by owner id."""
    users = [row for row in book.read(Stream.USERS) if isinstance(row, User)]
    return {ids[user.id]: {"manager": ids.get(user.manager_id or "", ""), "time_zone": user.time_zone} for user in users}


Known = Mapping[str, Mapping[str, str]]
"""The book's ids by table and CRM id; of files nothing, since they are the same."""


def _back(known: Known, table: str, crm_id: Any) -> Any:
    return known.get(table, {}).get(crm_id, crm_id)


def _mirror(db: Database, known: Known, names: Mapping[str, str]) -> dict[str, dict[tuple[str, ...], Row]]:
    ours = set(db.execute(select(tables.activity.c.id).where(tables.activity.c.task_key != "")).scalars())
    found: dict[str, dict[tuple[str, ...], Row]] = {}
    for table in (*tables.TABLE_OF.values(), tables.activity_contact, tables.touch, tables.milestone):
        rows = [
            _row(dict(row), known, MIRROR[table.name], names)
            for row in db.execute(select(table)).mappings()
            if row.get("id") not in ours
        ]
        found[table.name] = {_key(table.name, row): row for row in rows}
        assert len(rows) == len(found[table.name]), f"two rows of {table.name} are one in the book's ids"
    return found


def _row(row: dict[str, Any], known: Known, own: str, names: Mapping[str, str]) -> Row:
    del row["connection"]
    translated = dict(_translated(row, known))
    if own:
        translated["id"] = _back(known, own, row["id"])
    if "reached" in row:
        translated["id"] = f"{row['kind']}:{translated['deal_id'] or translated['account_id']}"
    if "evidence" in row:
        translated["evidence"] = _renamed(row["evidence"], names)
    if "custom" in row:
        custom = json.loads(row["custom"] or "{}")
        translated["custom"] = {names[name]: value for name, value in custom.items() if name in names}
    return translated


def _key(table: str, row: Row) -> tuple[str, ...]:
    """Return what a row is known by: its id, or what it links, where links have no ids that CRMs share."""
    if table in {"deal_contact", "account_contact"}:
        return tuple(row[column] for column in ("deal_id", "account_id", "contact_id") if column in row)
    if "id" in row:
        return (row["id"],)
    return tuple(row[column] for column in ("activity_id", "contact_id", "account_id") if column in row)


def _matches(report: Report, known: Known) -> dict[str, dict[str, Row]]:
    assert report.judged is not None
    found: dict[str, dict[str, Row]] = {}
    for rule, matches in report.judged.matches.items():
        rows = [_match(match._asdict(), known) for match in matches]
        found[rule] = {row["subject_id"]: row for row in rows}
        assert len(rows) == len(found[rule])
    return found


def _match(row: dict[str, Any], known: Known) -> Row:
    return {**_translated(row, known), "subject_id": _subject(row["subject_kind"], row["subject_id"], known)}


def _translated(row: Row, known: Known) -> Row:
    return {column: _back(known, TABLE_OF_ID[column], value) if column in TABLE_OF_ID else value for column, value in row.items()}


def _subject(kind: str, subject: str, known: Known) -> str:
    """Return a subject in the book's ids: a record, or a milestone such as `signed:<deal>` and `implemented:<account>`."""
    if kind != "milestone":
        return str(_back(known, f"{kind}s", subject))
    head, _, tail = subject.partition(":")
    return f"{head}:{_back(known, 'deals' if head == 'signed' else 'accounts', tail)}"


def _tasks(db: Database, connection: str, known: Known, names: Mapping[str, str]) -> dict[tuple[str, str], Row]:
    """Return the findings that have a task, whole, but for what only refsync's own keeping of them needs."""
    kept = ("key", "task_id", "run", "sent_at", "missed_at", "waiting_for", "facts")
    found: dict[tuple[str, str], Row] = {}
    for finding in ledger.in_state(db, connection, *WITH_TASK):
        row = _translated({name: value for name, value in finding._asdict().items() if name not in kept}, known)
        subject = _subject(finding.subject_kind, finding.subject_id, known)
        found[finding.rule, subject] = {**row, "subject_id": subject, "text": _renamed(finding.text, names)}
    return found


def _renamed(text: str, names: Mapping[str, str]) -> str:
    """Return a text in which the fields of the CRM are called by what they mean, for each CRM calls them otherwise."""
    for field, kind in names.items():
        text = text.replace(f"{field} = ", f"{kind} = ")
    return text
