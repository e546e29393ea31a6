"""Batches written into the mirror, and what it then holds."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from refsync.company import Company, MilestoneField
from refsync.connector import Batch
from refsync.model import (
    Activity,
    ActivityKind,
    ActivityStatus,
    Record,
    Stream,
)
from refsync.store import mirror
from refsync.store.engine import Database
from refsync.store.mirror import Written
from refsync.store.tables import TABLE_OF, activity_contact

NOW = 1_700_000_000_000


GO_LIVE = MilestoneField(kind="implemented", stream=Stream.ACCOUNTS, field="Go_Live__c")


def write(db: Database, connection: str, stream: Stream, *records: Record, now: int = NOW, **batch: Any) -> Written:
    """Store a batch of records."""
    made = Batch(records=records, **batch)
    return mirror.write_batch(db, connection, stream, made, company=Company(), milestones=[GO_LIVE], now=now)


def ids(db: Database, connection: str, stream: Stream) -> set[str]:
    """Return the ids that the mirror holds of a stream."""
    return set(held(db, connection, stream))


def held(db: Database, connection: str, stream: Stream) -> dict[str, Any]:
    """Return what the mirror holds of a stream, by id."""
    table = TABLE_OF[stream]
    return {row.id: row for row in db.execute(select(table).where(table.c.connection == connection))}


def people(db: Database, connection: str) -> set[tuple[str, str]]:
    """Return who takes part in which activity."""
    table = activity_contact
    return {(row.activity_id, row.contact_id) for row in db.execute(select(table).where(table.c.connection == connection))}


def call(id: str, **values: Any) -> Activity:  # noqa: A002
    return Activity(**{"id": id, "kind": ActivityKind.CALL, "at": NOW, "status": ActivityStatus.DONE, **values})
