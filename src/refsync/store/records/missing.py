"""What a read or a sweep lists, and the records that it does not: the proof behind a delete that the CRM never reports.

The laws: a list is kept in the store beside the cursor, so that a million ids cost no memory and a sweep that breaks off goes on
with what it had listed; a record is due to go when one whole read, or two whole sweeps in turn, did not show it; whatever shows
it in between makes it forgotten here.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import StrEnum

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Connection,
    Select,
    delete,
    exists,
    func,
    literal,
    not_,
    or_,
    select,
    update,
)

from refsync.model import Instant, Stream
from refsync.store.database.lists import among, chunks
from refsync.store.database.upsert import insert, upsert
from refsync.store.tables import TABLE_OF, listed, missing, quarantine


class By(StrEnum):
    """What lists records: the two have lists of their own."""

    READ = "read"
    SWEEP = "sweep"


def show(db: Connection, connection: str, stream: Stream, by: By, ids: Iterable[str]) -> None:
    """Add ids to a list."""
    for some in chunks(ids):
        upsert(db, listed, [(connection, stream.value, by.value, one) for one in some])


def forget_list(db: Connection, connection: str, stream: Stream, by: By) -> None:
    """Empty a list: what follows begins anew."""
    db.execute(delete(listed).where(*_list(connection, stream, by)))


def compare(db: Connection, connection: str, stream: Stream, by: By, at: Instant) -> None:
    """Note, from a list that is whole, which records of the mirror are missing, and which of them are due to go.

    Records set aside that are not listed are forgotten. The list is emptied.
    """
    table, mine = TABLE_OF[stream], _missing(connection, stream)

    def shown(one: Column[str]) -> ColumnElement[bool]:
        return exists().where(*_list(connection, stream, by), listed.c.id == one).correlate(one.table)

    held = exists().where(table.c.connection == connection, table.c.id == missing.c.id).correlate(missing)
    db.execute(delete(missing).where(*mine, or_(shown(missing.c.id), not_(held))))
    db.execute(update(missing).where(*mine).values(due=True))
    new: Select[tuple[object, ...]] = select(
        table.c.connection, literal(stream.value), table.c.id, literal(at, BigInteger), literal(by is By.READ)
    ).where(table.c.connection == connection, not_(shown(table.c.id)))
    columns = ["connection", "stream", "id", "since", "due"]
    db.execute(insert(db.dialect, missing).from_select(columns, new).on_conflict_do_nothing())
    aside = (quarantine.c.connection == connection, quarantine.c.stream == stream.value)
    db.execute(delete(quarantine).where(*aside, not_(shown(quarantine.c.id))))
    forget_list(db, connection, stream, by)


def found(db: Connection, connection: str, stream: Stream, ids: Sequence[str]) -> None:
    """Forget that these records were missing, if they were: the CRM has shown them, or said itself that they are gone."""
    mine = _missing(connection, stream)
    if not ids or db.execute(select(missing.c.id).where(*mine).limit(1)).first() is None:
        return
    for some in chunks(ids):
        db.execute(delete(missing).where(*mine, among(missing.c.id, some)))


def due(db: Connection, connection: str, stream: Stream, at_most: int) -> list[str]:
    """Return records that are due to go, at most so many of them."""
    of = (*_missing(connection, stream), missing.c.due)
    return list(db.execute(select(missing.c.id).where(*of).order_by(missing.c.id).limit(at_most)).scalars())


def count_due(db: Connection, connection: str, stream: Stream) -> int:
    """Return how many records are due to go."""
    of = (*_missing(connection, stream), missing.c.due)
    return db.execute(select(func.count()).select_from(missing).where(*of)).scalar_one()


def _list(connection: str, stream: Stream, by: By) -> tuple[ColumnElement[bool], ...]:
    return listed.c.connection == connection, listed.c.stream == stream.value, listed.c.by == by.value


def _missing(connection: str, stream: Stream) -> tuple[ColumnElement[bool], ...]:
    return missing.c.connection == connection, missing.c.stream == stream.value
