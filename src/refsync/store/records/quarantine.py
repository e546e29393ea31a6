"""The quarantine: records that could not be read or stored, with the reason, until they arrive well or are gone."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sqlalchemy import ColumnElement, Connection, delete, func, select

from refsync.model import Instant, SetAside, Stream
from refsync.store.database.lists import among, chunks
from refsync.store.database.upsert import insert
from refsync.store.records import rows
from refsync.store.tables import quarantine


def counts(db: Connection, connection: str) -> dict[Stream, int]:
    """Return how many records are set aside per stream; a stream without any is missing."""
    grouped = select(quarantine.c.stream, func.count().label("records")).where(quarantine.c.connection == connection)
    return {Stream(row.stream): row.records for row in db.execute(grouped.group_by(quarantine.c.stream))}


def ids(db: Connection, connection: str, stream: Stream) -> list[str]:
    """Return the ids of a stream's records that are set aside."""
    return list(db.execute(select(quarantine.c.id).where(*_of(connection, stream))).scalars())


def set_aside(db: Connection, connection: str, stream: Stream, asides: Iterable[SetAside], now: Instant) -> None:
    """Keep records with their reasons, and count how often each was tried."""
    values = [
        {
            "connection": connection,
            "stream": stream.value,
            "id": rows.clean(key),
            "reason": rows.clean(aside.reason),
            "raw": rows.clean(aside.raw),
            "place": str(aside.place or ""),
            "attempts": 1,
            "first_at": now,
            "last_at": now,
        }
        for key, aside in {rows.name(aside): aside for aside in asides}.items()
    ]
    if not values:
        return
    new = insert(db.dialect, quarantine)
    latest = {name: new.excluded[name] for name in ("reason", "raw", "place", "last_at")}
    again = new.on_conflict_do_update(
        index_elements=["connection", "stream", "id"], set_={**latest, "attempts": quarantine.c.attempts + 1}
    )
    db.execute(again, values)


def heal(db: Connection, connection: str, stream: Stream, healed: Sequence[str]) -> None:
    """Take out records that arrived well, or are gone."""
    of = _of(connection, stream)
    if not healed or db.execute(select(quarantine.c.id).where(*of).limit(1)).first() is None:
        return
    for some in chunks(healed):
        db.execute(delete(quarantine).where(*of, among(quarantine.c.id, some)))


def _of(connection: str, stream: Stream) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return quarantine.c.connection == connection, quarantine.c.stream == stream.value
