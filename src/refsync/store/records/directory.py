"""Who is who in the mirror: users, owners, and names for people to read."""

from __future__ import annotations

from collections.abc import Collection

import orjson
from sqlalchemy import Connection, and_, select, true

from refsync.model import Instant, Stream, User, moment
from refsync.store.database.lists import among, chunks, listed
from refsync.store.tables import TABLE_OF, contact, touch, user


def users(db: Connection, connection: str) -> dict[str, User]:
    """Return everybody who can own records, by id."""
    rows = db.execute(select(user).where(user.c.connection == connection)).mappings()
    return {
        row["id"]: User(
            id=row["id"],
            name=row["name"],
            email=row["email"],
            active=row["active"],
            manager_id=row["manager_id"],
            time_zone=row["time_zone"],
            away_from=row["away_from"],
            away_until=row["away_until"],
            custom=orjson.loads(row["custom"]) if row["custom"] else {},
        )
        for row in rows
    }


def owners(db: Connection, connection: str, stream: Stream, ids: Collection[str]) -> dict[str, str]:
    """Return the owner of each of these contacts or deals that has one; give each id once."""
    table, these = TABLE_OF[stream], listed(sorted(ids))  # for a run they are a tenth of all
    joined = table.join(these, these.c.id == table.c.id)
    owned = select(table.c.id, table.c.owner_id).select_from(joined)
    found = db.execute(owned.where(table.c.connection == connection, table.c.owner_id.is_not(None)))
    return {row.id: row.owner_id for row in found}


def names(db: Connection, connection: str, stream: Stream, ids: Collection[str]) -> dict[str, str]:
    """Return the names of these users, accounts, contacts or deals."""
    table = TABLE_OF[stream]
    return {
        row.id: row.name
        for some in chunks(sorted(ids))
        for row in db.execute(select(table.c.id, table.c.name).where(table.c.connection == connection, among(table.c.id, some)))
    }


def opted_out(db: Connection, connection: str, contact_ids: Collection[str]) -> frozenset[str]:
    """Return which of these people must not be contacted."""
    return frozenset(
        id_
        for some in chunks(sorted(contact_ids))
        for id_ in db.execute(
            select(contact.c.id).where(
                contact.c.connection == connection, among(contact.c.id, some), contact.c.do_not_contact == true()
            )
        ).scalars()
    )


def last_touch(db: Connection, connection: str, account_id: str, now: Instant, since: Instant = 0) -> str:
    """Return the latest touch of an account in words, such as `call with Ada Lovelace on 2024-03-01`; empty: none since then."""
    person = and_(contact.c.connection == touch.c.connection, contact.c.id == touch.c.contact_id)
    found = db.execute(
        select(touch.c.channel, touch.c.at, contact.c.name)
        .outerjoin(contact, person)
        .where(touch.c.connection == connection, touch.c.account_id == account_id, touch.c.at >= since, touch.c.at <= now)
        .order_by(touch.c.at.desc(), contact.c.name)
        .limit(1)
    ).first()
    if found is None:
        return ""
    who = f" with {found.name}" if found.name else ""
    return f"{found.channel}{who} on {moment(found.at):%Y-%m-%d}"
