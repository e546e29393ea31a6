"""What is derived from the mirror, as plain values."""

from __future__ import annotations

from typing import Any, TypeAlias

from sqlalchemy import Table, select

from refsync.calendar import Calendar
from refsync.company import Company, MilestoneField
from refsync.connector import Batch
from refsync.model import (
    Activity,
    ActivityKind,
    ActivityStatus,
    Record,
    Stream,
    parse_instant,
)
from refsync.store import mirror
from refsync.store.engine import Database
from refsync.store.tables import WORKED_OUT, account, activity, contact, milestone, touch

NOW = parse_instant("2024-03-01T10:00:00Z")


COMPANY = Company(calendar=Calendar(zone="Europe/Berlin"))


FIELDS = (
    MilestoneField(kind="implemented", stream=Stream.ACCOUNTS, field="Go_Live__c"),
    MilestoneField(kind="roi", stream=Stream.DEALS, field="Roi__c"),
)


Touches: TypeAlias = set[tuple[str, str, str, int, str, str | None, int]]


def write(db: Database, connection: str, stream: Stream, *records: Record, company: Company = COMPANY, **batch: Any) -> None:
    made = Batch(records=records, **batch)
    mirror.write_batch(db, connection, stream, made, company=company, milestones=FIELDS, now=NOW)


def touches(db: Database, connection: str) -> Touches:
    """Return activity, person, account, time, channel, direction and two_way of each touch."""
    rows = db.execute(select(touch).where(touch.c.connection == connection))
    return {(row.activity_id, row.contact_id, row.account_id, row.at, row.channel, row.direction, row.two_way) for row in rows}


def with_whom(db: Database, connection: str) -> set[tuple[str, str]]:
    """Return person and account of each touch."""
    return {(person, account) for _, person, account, *_ in touches(db, connection)}


def milestones(db: Database, connection: str) -> dict[str, tuple[Any, ...]]:
    rows = db.execute(select(milestone).where(milestone.c.connection == connection))
    return {row.id: (row.kind, row.account_id, row.contact_id, row.deal_id, row.reached, row.evidence) for row in rows}


def reasons(db: Database, connection: str) -> dict[str, str]:
    rows = db.execute(select(activity.c.id, activity.c.not_touch).where(activity.c.connection == connection))
    return {row.id: row.not_touch for row in rows}


def last_touches(db: Database, connection: str) -> dict[tuple[str, str], dict[str, int | None]]:
    """Return, by table and id, what each account and person keeps in its row of when it was in touch."""
    return {
        (table.name, row.id): {column.name: row._mapping[column] for column in table.columns if column.info == WORKED_OUT}
        for table in (account, contact)
        for row in db.execute(select(table).where(table.c.connection == connection))
    }


def counted_last_touches(db: Database, connection: str) -> dict[tuple[str, str], dict[str, int | None]]:
    """Return the same, taken from the touches themselves."""
    known = touches(db, connection)

    def kept(table: Table, id: str) -> dict[str, int | None]:  # noqa: A002
        of = 2 if table is account else 1
        mine = [row[3] for row in known if row[of] == id]
        conversations = [row[3] for row in known if row[of] == id and row[6]]
        last = {"last_touch_at": max(mine, default=None), "last_two_way_at": max(conversations, default=None)}
        return {**last, "first_two_way_at": min(conversations, default=None)} if table is account else last

    return {
        (table.name, row.id): kept(table, row.id)
        for table in (account, contact)
        for row in db.execute(select(table.c.id).where(table.c.connection == connection))
    }


def call(id: str = "1", **values: Any) -> Activity:  # noqa: A002
    return Activity(**{"id": id, "kind": ActivityKind.CALL, "at": NOW, "status": ActivityStatus.DONE, **values})


def derived(db: Database, connection: str) -> tuple[object, ...]:
    return touches(db, connection), milestones(db, connection), reasons(db, connection), last_touches(db, connection)
