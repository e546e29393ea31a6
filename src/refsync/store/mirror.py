"""The mirror: what the CRM holds, batch by batch.

The laws: a batch and its cursor are stored in one transaction, with what is derived from them; a record that cannot be stored
is set aside and stops nothing; a record goes only by the CRM's own word, or by the proof of `missing` and past the brake of
`retire`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import orjson
from sqlalchemy import Column, Connection, Select, Table, bindparam, delete, func, select

from refsync.company import Company, MilestoneField
from refsync.connector import Batch
from refsync.model import Instant, Stream
from refsync.store.database.lists import among, chunks
from refsync.store.database.upsert import Row, insert, upsert
from refsync.store.derived.derive import Stale, refresh
from refsync.store.derived.milestones import kinds
from refsync.store.records import merges, missing, quarantine, rows
from refsync.store.tables import TABLE_OF, account_contact, activity_contact, deal_contact, stored, stream_state

PARENT: Mapping[Stream, Column[str]] = {
    Stream.ACCOUNT_CONTACTS: account_contact.c.contact_id,
    Stream.DEAL_CONTACTS: deal_contact.c.deal_id,
}
"""For streams of links: the column that names whose links a batch can have in full (`Batch.whole_for`)."""

ENDS: Mapping[Stream, tuple[tuple[Stream, Column[str]], ...]] = {
    Stream.ACCOUNTS: ((Stream.ACCOUNT_CONTACTS, account_contact.c.account_id),),
    Stream.CONTACTS: (
        (Stream.ACCOUNT_CONTACTS, account_contact.c.contact_id),
        (Stream.DEAL_CONTACTS, deal_contact.c.contact_id),
    ),
    Stream.DEALS: ((Stream.DEAL_CONTACTS, deal_contact.c.deal_id),),
}
"""For each stream the links that cannot be without its records, and the column that names them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """What storing a batch did, in records."""

    stored: int = 0
    """Records that the mirror now holds as the batch has them."""
    changed: int = 0
    """Of these: new ones and those that were different before."""
    deleted: int = 0
    merged: int = 0
    set_aside: int = 0
    unreadable: int = 0
    """Values of mapped milestone fields, in changed records, that are no date."""

    def __add__(self, other: Written) -> Written:
        return Written(
            stored=self.stored + other.stored,
            changed=self.changed + other.changed,
            deleted=self.deleted + other.deleted,
            merged=self.merged + other.merged,
            set_aside=self.set_aside + other.set_aside,
            unreadable=self.unreadable + other.unreadable,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamState:
    """How far a stream of a connection has been read."""

    cursor: str | None = None
    synced_at: Instant | None = None
    """When the last read began that came to its end; None: none ever did."""
    partial: str = ""
    """Why the last read ended early; empty when it did not."""
    complete_since: Instant | None = None
    """History is whole only from here on; None: from the beginning."""
    sweep_cursor: str | None = None
    swept_at: Instant | None = None
    """When the last sweep began that had something to tell and came to its end."""
    reads_whole: bool = False
    """The last read that came to its end showed everything there is: the next one's ids are worth keeping."""
    lacking: frozenset[str] = frozenset()
    """Attributes and custom fields that the CRM does not show us."""


def write_batch(
    db: Connection,
    connection: str,
    stream: Stream,
    batch: Batch,
    *,
    company: Company,
    milestones: Sequence[MilestoneField] = (),
    now: Instant,
    sweep: bool = False,
    derived: bool = True,
) -> Written:
    """Store a batch with its cursor in the caller's transaction, and derive again what it touched.

    `now` is the host's clock, for the quarantine. With `sweep` the cursor is the sweep's. Without `derived` the derived tables
    are left for `derive.ensure_derived`. Storing a batch again changes nothing.
    """
    stale = Stale(heeded=derived)
    storable = rows.rows(connection, stream, batch.records, company.touch)
    found, aside = storable.rows, (*batch.set_aside, *storable.refused)
    gone = rows.storable(batch.deleted)
    changed = sum(_store(db, connection, stream, dict(some), storable.people, stale) for some in chunks(found.items()))
    unlinked = _unlinked(db, connection, PARENT[stream], rows.storable(batch.whole_for), found) if stream in PARENT else ()
    survivors = merges.survivors(batch.merged)
    merges.repoint(db, connection, stream, survivors, stale, kinds(milestones, stream))
    merged = remove(db, connection, stream, survivors, stale)
    deleted = remove(db, connection, stream, (*gone, *unlinked), stale)
    quarantine.heal(db, connection, stream, [*found, *survivors, *gone])
    missing.found(db, connection, stream, [*found, *survivors, *gone])
    quarantine.set_aside(db, connection, stream, aside, now)
    if batch.lacking is not None:
        _save(db, connection, stream, lacking=orjson.dumps(sorted(batch.lacking)).decode())
    if batch.cursor is not None:
        _save(db, connection, stream, **{"sweep_cursor" if sweep else "cursor": batch.cursor})
    unreadable = refresh(db, connection, stale, company, milestones) if derived else 0
    return Written(
        stored=len(found), changed=changed, deleted=deleted, merged=merged, set_aside=len(aside), unreadable=unreadable
    )


def finish(
    db: Connection,
    connection: str,
    stream: Stream,
    *,
    started: Instant,
    partial: str = "",
    complete_since: Instant | None = None,
    whole: bool | None = None,
    sweep: bool = False,
) -> None:
    """Record that a read that began at `started` has ended; `partial` says why it ended early, in words for people.

    `whole`: whether it showed all there is; None: it brought nothing.
    """
    if sweep:
        if not partial:
            _save(db, connection, stream, swept_at=started)
    elif partial:
        _save(db, connection, stream, partial=partial)
    else:
        known = {} if whole is None else {"reads_whole": whole}
        _save(db, connection, stream, partial="", synced_at=started, complete_since=complete_since, **known)


def state(db: Connection, connection: str) -> dict[Stream, StreamState]:
    """Return how far each stream has been read; a stream never read is missing."""
    found = db.execute(select(stream_state).where(stream_state.c.connection == connection))
    return {
        Stream(row.stream): StreamState(
            cursor=row.cursor,
            synced_at=row.synced_at,
            partial=row.partial,
            complete_since=row.complete_since,
            sweep_cursor=row.sweep_cursor,
            swept_at=row.swept_at,
            reads_whole=row.reads_whole,
            lacking=frozenset(orjson.loads(row.lacking) if row.lacking else ()),
        )
        for row in found
    }


def counts(db: Connection, connection: str, *streams: Stream) -> dict[Stream, int]:
    """Return how many records the mirror holds of these streams, or of all."""

    def count(table: Table) -> int:
        return db.execute(select(func.count()).select_from(table).where(table.c.connection == connection)).scalar_one()

    return {stream: count(TABLE_OF[stream]) for stream in streams or Stream}


def _store(
    db: Connection, connection: str, stream: Stream, some: Mapping[str, Row], people: Mapping[str, Sequence[str]], stale: Stale
) -> int:
    """Store one chunk of rows and return how many were new or different."""
    table = TABLE_OF[stream]
    held = _held(db, connection, table, list(some))
    changed = [key for key, row in some.items() if held.get(key) != row] if held else list(some)
    if stream == Stream.ACTIVITIES:
        changed = list(dict.fromkeys([*changed, *_relink(db, connection, some, people, held)]))
    upsert(db, table, [some[key] for key in changed])
    stale.note(stream, ((key, held.get(key), some[key]) for key in changed))
    return len(changed)


def _held(db: Connection, connection: str, table: Table, ids: Sequence[str]) -> dict[str, Row]:
    """Return those of these rows that are there, by id."""
    if _is_beyond(db, connection, table, ids):
        return {}
    found = db.execute(_by_ids(table, table.c.id), {"the_connection": connection, "ids": ids})
    return {row[1]: tuple(row) for row in found}


def _is_beyond(db: Connection, connection: str, table: Table, ids: Sequence[str]) -> bool:
    """Return whether no row at all lies between these ids: new records have ids beyond the old ones, and one look tells so.

    Only SQLite is asked: it orders texts as Python does.
    """
    if not ids or db.dialect.name != "sqlite":
        return False
    between = {"the_connection": connection, "first": min(ids), "last": max(ids)}
    return db.execute(_any_from_to(table), between).first() is None


@cache
def _any_from_to(table: Table) -> Select[Any]:
    between = table.c.id.between(bindparam("first"), bindparam("last"))
    return select(table.c.id).where(table.c.connection == bindparam("the_connection"), between).limit(1)


@cache
def _by_ids(table: Table, column: Column[str]) -> Select[Any]:
    return select(*stored(table)).where(table.c.connection == bindparam("the_connection"), among(column, "ids"))


def _relink(
    db: Connection, connection: str, ids: Iterable[str], people: Mapping[str, Sequence[str]], held: Collection[str]
) -> list[str]:
    """Make the people of these activities what `people` says; return those of the `held` activities that had others."""
    of = {"the_connection": connection, "ids": list(held)}
    links: dict[str, set[str]] = {key: set() for key in held}
    for _, key, person in db.execute(_by_ids(activity_contact, activity_contact.c.activity_id), of) if held else ():
        links[key].add(person)
    other = [key for key, those in links.items() if those != {*people.get(key, ())} - {""}]
    if other:
        own = activity_contact.c.connection == connection
        db.execute(delete(activity_contact).where(own, among(activity_contact.c.activity_id, other)))
    again = set(other)
    named = [key for key in ids if key in people and (key not in links or key in again)]
    upsert(db, activity_contact, [(connection, key, person) for key in named for person in people[key] if person])
    return other


def _unlinked(db: Connection, connection: str, end: Column[str], parents: Sequence[str], found: Collection[str]) -> Iterator[str]:
    """Yield the links of these parents, named by their column, that are not among those found."""
    for some in chunks(parents):
        yield from (one for one in _links(db, connection, end, some) if one not in found)


def _links(db: Connection, connection: str, end: Column[str], some: Sequence[str]) -> Sequence[str]:
    return db.execute(select(end.table.c.id).where(end.table.c.connection == connection, among(end, some))).scalars().all()


def remove(db: Connection, connection: str, stream: Stream, ids: Iterable[str], stale: Stale) -> int:
    """Delete records with the links that cannot be without them, and return how many there were."""
    table, removed = TABLE_OF[stream], 0
    for some in chunks(dict.fromkeys(ids)):
        held = _held(db, connection, table, some)
        stale.note(stream, ((key, before, None) for key, before in held.items()))
        db.execute(delete(table).where(table.c.connection == connection, among(table.c.id, some)))
        if stream == Stream.ACTIVITIES:
            of = (activity_contact.c.connection == connection, among(activity_contact.c.activity_id, some))
            db.execute(delete(activity_contact).where(*of))
        for links, end in ENDS.get(stream, ()):
            remove(db, connection, links, _links(db, connection, end, some), stale)
        removed += len(held)
    return removed


def _save(db: Connection, connection: str, stream: Stream, **values: str | int | None) -> None:
    new = insert(db.dialect, stream_state).values(connection=connection, stream=stream.value, **{"partial": "", **values})
    db.execute(new.on_conflict_do_update(index_elements=["connection", "stream"], set_=values))
