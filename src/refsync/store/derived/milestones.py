"""The milestones: won deals, and the dates in the fields that a company mapped.

The law: a function of the mirror, the mapped fields and the company's zone. A field's value counts when it is a date (local
midnight of that day) or an instant; any other text is no milestone and is only counted.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import date

import orjson
from sqlalchemy import ColumnElement, Connection, Label, Table, and_, delete, func, insert, literal, select

from refsync.calendar import Calendar
from refsync.company import MilestoneField
from refsync.model import DealStatus, Instant, Stream, parse_instant
from refsync.store.database.lists import CHUNK, among, chunks, looked_up
from refsync.store.database.upsert import Row, upsert
from refsync.store.tables import account, contact, deal, deal_contact, milestone

SIGNED = "signed"


def kinds(fields: Sequence[MilestoneField], stream: Stream) -> tuple[str, ...]:
    """Return the kinds of milestones that records of a stream can have."""
    mapped = tuple(field.kind for field in fields if field.stream == stream)
    return (SIGNED, *mapped) if stream == Stream.DEALS else mapped


def refresh_deals(
    db: Connection, connection: str, calendar: Calendar, fields: Sequence[MilestoneField], ids: Iterable[str]
) -> int:
    """Derive the milestones of these deals again; return how many mapped values could not be read."""
    unreadable = 0
    for some in chunks(sorted(ids)):
        _forget(db, connection, kinds(fields, Stream.DEALS), some)
        _sign(db, connection, calendar, among(deal.c.id, some))
        unreadable += _read_deals(db, connection, calendar, fields, some)
    return unreadable


def _sign(db: Connection, connection: str, calendar: Calendar, *which: ColumnElement[bool]) -> None:
    """Add when each of the won deals that are meant was signed. Only days are worked out here: they are few."""
    known = (deal.c.account_id.is_not(None), deal.c.closed_on.is_not(None))
    won = (deal.c.connection == connection, deal.c.status == DealStatus.WON.value, *known, *which)
    days = db.execute(select(deal.c.closed_on).where(*won).distinct()).scalars()
    midnight = looked_up({day: calendar.midnight(date.fromisoformat(day)) for day in days})
    evidence = literal('deal "') + deal.c.name + literal('" won on ') + deal.c.closed_on
    record = (deal.c.account_id, _PERSON, deal.c.id)
    signed = select(
        deal.c.connection, literal(f"{SIGNED}:") + deal.c.id, literal(SIGNED), *record, midnight.c.value, evidence
    ).select_from(deal.outerjoin(midnight, midnight.c.key == deal.c.closed_on))  # outer: the deals lead
    db.execute(insert(milestone).from_select(milestone.columns.keys(), signed.where(*won).order_by(deal.c.id)))


def _read_deals(db: Connection, connection: str, calendar: Calendar, fields: Sequence[MilestoneField], ids: Sequence[str]) -> int:
    """Add the milestones that mapped fields of these deals tell; return how many values could not be read."""
    mapped = [field for field in fields if field.stream == Stream.DEALS]
    if not mapped:
        return 0
    unreadable, found = 0, list[Row]()
    of = (deal.c.connection == connection, among(deal.c.id, ids), deal.c.account_id.is_not(None), deal.c.custom.is_not(None))
    for row in db.execute(select(deal.c.id, deal.c.account_id, deal.c.custom, _PERSON).where(*of)):
        for kind, reached_at, evidence in _read(row.custom, mapped, calendar):
            if reached_at is None:
                unreadable += 1
            else:
                found.append((connection, f"{kind}:{row.id}", kind, row.account_id, row.person, row.id, reached_at, evidence))
    upsert(db, milestone, found)
    return unreadable


def refresh_accounts(
    db: Connection,
    connection: str,
    calendar: Calendar,
    fields: Sequence[MilestoneField],
    ids: Iterable[str],
    *,
    fresh: bool = False,
) -> int:
    """Derive the milestones of these accounts again; return how many mapped values could not be read."""
    mapped = [field for field in fields if field.stream == Stream.ACCOUNTS]
    unreadable = 0
    for some in chunks(sorted(ids) if mapped else ()):
        if not fresh:
            _forget(db, connection, kinds(fields, Stream.ACCOUNTS), some)
        of = (account.c.connection == connection, among(account.c.id, some), account.c.custom.is_not(None))
        found: list[Row] = []
        for row in db.execute(select(account.c.id, account.c.custom).where(*of)):
            for kind, reached_at, evidence in _read(row.custom, mapped, calendar):
                if reached_at is None:
                    unreadable += 1
                else:
                    found.append((connection, f"{kind}:{row.id}", kind, row.id, None, None, reached_at, evidence))
        upsert(db, milestone, found)
    return unreadable


def rebuild(db: Connection, connection: str, calendar: Calendar, fields: Sequence[MilestoneField]) -> int:
    """Derive all milestones; return how many mapped values could not be read."""
    db.execute(delete(milestone).where(milestone.c.connection == connection))
    _sign(db, connection, calendar)
    unreadable = 0
    if any(field.stream == Stream.DEALS for field in fields):
        unreadable += sum(_read_deals(db, connection, calendar, fields, ids) for ids in _ids(db, connection, deal))
    if kinds(fields, Stream.ACCOUNTS):
        for ids in _ids(db, connection, account):
            unreadable += refresh_accounts(db, connection, calendar, fields, ids, fresh=True)
    return unreadable


def _ids(db: Connection, connection: str, table: Table) -> Iterator[Sequence[str]]:
    """Yield the ids of a table, some at a time: all of a large mirror's would take much memory."""
    last = ""
    while True:
        of = (table.c.connection == connection, table.c.id > last)
        ids = db.execute(select(table.c.id).where(*of).order_by(table.c.id).limit(CHUNK)).scalars().all()
        if not ids:
            return
        yield ids
        last = ids[-1]


def _forget(db: Connection, connection: str, of: Sequence[str], ids: Sequence[str]) -> None:
    for kind in of:
        gone = [f"{kind}:{record}" for record in ids]
        db.execute(delete(milestone).where(milestone.c.connection == connection, among(milestone.c.id, gone)))


def _person() -> Label[str]:
    """Return the known person of a deal: the primary one, else the first by name, then by id."""
    same = and_(contact.c.connection == deal_contact.c.connection, contact.c.id == deal_contact.c.contact_id)
    its = and_(deal_contact.c.connection == deal.c.connection, deal_contact.c.deal_id == deal.c.id)
    known = select(contact.c.id).select_from(deal_contact.join(contact, same)).where(its)
    # nearly every deal has a primary person: the records of the others need not be looked up for their names
    found = [one.order_by(contact.c.name, contact.c.id).limit(1) for one in (known.where(deal_contact.c.is_primary), known)]
    return func.coalesce(*(one.correlate(deal).scalar_subquery() for one in found)).label("person")


_PERSON = _person()


def _read(custom: str | None, mapped: Sequence[MilestoneField], calendar: Calendar) -> Iterator[tuple[str, Instant | None, str]]:
    """Yield kind, instant and evidence per filled field; None as instant where the value is no date."""
    if not custom or not mapped:
        return
    values = orjson.loads(custom)
    for field in mapped:
        if value := values.get(field.field, "").strip():
            yield field.kind, reached(value, calendar), f"{field.field} = {value}"


def reached(value: str, calendar: Calendar) -> Instant | None:
    """Return the instant that a field's text names: local midnight for a plain date; None for what is no date since 1900."""
    try:
        day = date.fromisoformat(value)
    except ValueError:
        pass
    else:
        return calendar.midnight(day) if day.year >= 1900 else None
    try:
        return parse_instant(value)
    except (ValueError, OverflowError):
        return None
