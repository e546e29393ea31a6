"""Merged records: whatever pointed at the one that is gone points at the survivor, in the mirror and in the ledger."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType

from sqlalchemy import Column, Connection, and_, bindparam, delete, or_, select, update

from refsync.connector import Merge
from refsync.model import Stream
from refsync.store.database.lists import among, chunks
from refsync.store.database.upsert import Row, upsert
from refsync.store.derived.derive import Stale
from refsync.store.records.rows import storable
from refsync.store.tables import TABLE_OF, activity_contact, draw, finding, stored

POINTERS: Mapping[Stream, tuple[tuple[Stream, str], ...]] = MappingProxyType(
    {
        Stream.USERS: (
            (Stream.USERS, "manager_id"),
            (Stream.ACCOUNTS, "owner_id"),
            (Stream.CONTACTS, "owner_id"),
            (Stream.DEALS, "owner_id"),
            (Stream.INTRODUCTIONS, "owner_id"),
            (Stream.ACTIVITIES, "owner_id"),
        ),
        Stream.ACCOUNTS: (
            (Stream.ACCOUNTS, "parent_id"),
            (Stream.CONTACTS, "account_id"),
            (Stream.ACCOUNT_CONTACTS, "account_id"),
            (Stream.DEALS, "account_id"),
            (Stream.INTRODUCTIONS, "account_id"),
            (Stream.CASES, "account_id"),
            (Stream.ACTIVITIES, "account_id"),
        ),
        Stream.CONTACTS: (
            (Stream.ACCOUNT_CONTACTS, "contact_id"),
            (Stream.DEALS, "referred_by_contact_id"),
            (Stream.DEAL_CONTACTS, "contact_id"),
            (Stream.INTRODUCTIONS, "source_contact_id"),
            (Stream.INTRODUCTIONS, "person_contact_id"),
        ),
        Stream.DEALS: ((Stream.DEAL_CONTACTS, "deal_id"), (Stream.INTRODUCTIONS, "deal_id"), (Stream.ACTIVITIES, "deal_id")),
    }
)
"""Which columns point at records of a stream."""

FINDING_POINTERS: Mapping[Stream, tuple[str, Column[str | None]]] = MappingProxyType(
    {
        Stream.USERS: ("rep", finding.c.owner_id),
        Stream.ACCOUNTS: ("account", finding.c.account_id),
        Stream.CONTACTS: ("contact", finding.c.contact_id),
        Stream.DEALS: ("deal", finding.c.deal_id),
    }
)
"""For each stream the kind of subject that a finding about it has, and the column that names it."""

DRAW_POINTERS: Mapping[Stream, Column[str]] = MappingProxyType(
    {Stream.ACCOUNTS: draw.c.account_id, Stream.CONTACTS: draw.c.contact_id}
)


def survivors(merged: Iterable[Merge]) -> dict[str, str]:
    """Return gone id -> the id that lives on in the end, through chains of merges; a record never survives itself."""
    step = {one.gone: one.survivor for one in merged if one.gone != one.survivor and len(storable((one.gone, one.survivor))) == 2}
    return {gone: end for gone in step if (end := _end(step, gone)) != gone}


def _end(step: Mapping[str, str], gone: str) -> str:
    passed, at = {gone}, gone
    while at in step and step[at] not in passed:
        at = step[at]
        passed.add(at)
    return at


def repoint(
    db: Connection, connection: str, stream: Stream, survivor_of: Mapping[str, str], stale: Stale, kinds: Sequence[str] = ()
) -> None:
    """Point everything at the survivors. The findings move too: a person's decision about the one holds for the other.

    `kinds` are the kinds of milestones that records of the stream can have.
    """
    for some in chunks(survivor_of.items()):
        step = dict(some)
        for pointing, column in POINTERS.get(stream, ()):
            _repoint_records(db, connection, pointing, column, step, stale)
        if stream == Stream.CONTACTS:
            _repoint_people(db, connection, step, stale)
        if stream in FINDING_POINTERS:
            _repoint_findings(db, connection, stream, kinds, step)
        if stream in DRAW_POINTERS:
            _repoint_draws(db, connection, DRAW_POINTERS[stream], step)


def _repoint_records(db: Connection, connection: str, stream: Stream, column: str, step: Mapping[str, str], stale: Stale) -> None:
    table = TABLE_OF[stream]
    at = table.columns.keys().index(column)
    pointing = db.execute(select(*stored(table)).where(table.c.connection == connection, among(table.c[column], step))).all()
    moved: list[tuple[str, Row, Row]] = []
    for row in pointing:
        before: Row = tuple(row)
        after = (*before[:at], step[before[at]], *before[at + 1 :])
        moved.append((row.id, before, after))
    stale.note(stream, moved)
    upsert(db, table, [after for _, _, after in moved])


def _repoint_people(db: Connection, connection: str, step: Mapping[str, str], stale: Stale) -> None:
    of = (activity_contact.c.connection == connection, among(activity_contact.c.contact_id, step))
    links = db.execute(select(activity_contact.c.activity_id, activity_contact.c.contact_id).where(*of)).all()
    db.execute(delete(activity_contact).where(*of))
    upsert(db, activity_contact, [(connection, link.activity_id, step[link.contact_id]) for link in links])
    stale.activities.update(link.activity_id for link in links)


def _repoint_findings(db: Connection, connection: str, stream: Stream, kinds: Sequence[str], step: Mapping[str, str]) -> None:
    subject_kind, column = FINDING_POINTERS[stream]
    # a milestone's id is its kind and the id of its record: `signed:<deal id>`, `implemented:<account id>`
    subjects = {subject_kind: step, "milestone": {f"{kind}:{gone}": f"{kind}:{step[gone]}" for kind in kinds for gone in step}}
    about = [
        and_(finding.c.subject_kind == kind, finding.c.subject_id.in_(list(moved))) for kind, moved in subjects.items() if moved
    ]
    found = db.execute(
        select(finding.c.key, finding.c.subject_kind, finding.c.subject_id, column.label("pointer")).where(
            finding.c.connection == connection, or_(column.in_(list(step)), *about)
        )
    ).all()
    moved = [
        {
            "the_connection": connection,
            "the_key": row.key,
            "the_subject": subjects.get(row.subject_kind, {}).get(row.subject_id, row.subject_id),
            "the_pointer": step.get(row.pointer, row.pointer),
        }
        for row in found
    ]
    if moved:
        where = (finding.c.connection == bindparam("the_connection"), finding.c.key == bindparam("the_key"))
        values: dict[str, object] = {"subject_id": bindparam("the_subject"), column.name: bindparam("the_pointer")}
        db.execute(update(finding).where(*where).values(values), moved)


def _repoint_draws(db: Connection, connection: str, column: Column[str], step: Mapping[str, str]) -> None:
    here = (draw.c.connection == connection, column == bindparam("gone"))
    moved = [{"gone": gone, "kept": kept} for gone, kept in step.items()]
    db.execute(update(draw).where(*here).values({column.name: bindparam("kept")}), moved)
