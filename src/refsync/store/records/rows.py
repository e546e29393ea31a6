"""Records as rows, in the column order of tables.py. Pure.

The law: a row that a database would refuse (or that would stop the rows beside it) never reaches it; it is set aside here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any

import orjson

from refsync.company import TouchPolicy
from refsync.connector import Batch
from refsync.model import (
    Account,
    AccountContact,
    Activity,
    Case,
    Contact,
    Deal,
    DealContact,
    Introduction,
    Record,
    SetAside,
    Stream,
    User,
)
from refsync.store.database.upsert import Row
from refsync.store.derived.touches import not_touch

LARGEST = 2**63 - 1


def shown(batch: Batch) -> frozenset[str]:
    """Return the ids that a batch has shown to exist, those of records that were set aside too, as the store keeps them."""
    found = (*(record.id for record in batch.records), *(name(aside) for aside in batch.set_aside), *batch.present)
    return frozenset(map(clean, found))


def name(aside: SetAside) -> str:
    """Return the id under which a record is set aside: its place where it has none of its own."""
    return aside.id or str(aside.place or "")


def storable(ids: Iterable[str]) -> list[str]:
    """Return those ids that a record in the database can have."""
    return [one for one in ids if clean(one) == one]


@dataclass(frozen=True, slots=True)
class Storable:
    """What of some records a database can hold, and what it cannot."""

    rows: Mapping[str, Row]
    """By id."""
    people: Mapping[str, Sequence[str]]
    """Whom a record names beside its row, where it names anybody."""
    refused: Sequence[SetAside] = ()


def rows(connection: str, stream: Stream, records: Iterable[Record], policy: TouchPolicy) -> Storable:
    """Return the rows of records, and the records that no database can hold. Of equal ids the last wins."""
    row_of = _row_of(connection, stream, policy)
    latest = {record.id: record for record in records}
    try:
        found = Storable({key: row_of(record) for key, record in latest.items()}, _people(latest))
        values = [*found.rows.values(), *found.people.values()]
        if "" not in latest and b"\\u0000" not in orjson.dumps(values, option=orjson.OPT_STRICT_INTEGER):
            return found
    except (TypeError, ValueError):  # orjson refuses lone surrogates and integers beyond 53 bits
        pass
    return _one_by_one(row_of, latest)


def _people(records: Mapping[str, Record]) -> Mapping[str, Sequence[str]]:
    return {key: record.contact_ids for key, record in records.items() if isinstance(record, Activity) and record.contact_ids}


def _one_by_one(row_of: Callable[[Any], Row], records: Mapping[str, Record]) -> Storable:
    found: dict[str, Row] = {}
    refused: list[SetAside] = []
    people = _people(records)
    for key, record in records.items():
        try:
            row = row_of(record)
            reason = "the record has no id" if not key else _unstorable((*row, *people.get(key, ())))
        except (TypeError, ValueError) as error:
            row, reason = (), str(error)
        if reason:
            refused.append(SetAside(id=clean(key), reason=reason, raw=ascii(record)))
        else:
            found[key] = row
    return Storable(found, {key: those for key, those in people.items() if key in found}, refused)


def _unstorable(values: Iterable[object]) -> str:
    for value in values:
        if isinstance(value, str):
            if "\x00" in value:
                return "a text holds the character U+0000, which no database stores"
            if any("\ud800" <= letter <= "\udfff" for letter in value):
                return "a text holds half of a character (a lone surrogate)"
        elif isinstance(value, int) and abs(value) > LARGEST:
            return "a number is beyond 64 bits"
    return ""


def _row_of(connection: str, stream: Stream, policy: TouchPolicy) -> Callable[[Any], Row]:
    """Return the function that makes a row of a record of this stream. Empty ids become unknown."""

    def user(record: User) -> Row:
        r = record
        away = (r.away_from, r.away_until)
        return (connection, r.id, r.name, r.email, r.active, r.manager_id or None, r.time_zone, *away, _custom(r.custom))

    def account(record: Account) -> Row:
        r = record
        return (
            connection,
            r.id,
            r.name,
            r.owner_id or None,
            r.parent_id or None,
            r.status and r.status.value,
            r.tier,
            r.industry,
            _number(r.annual_revenue),
            r.created_at,
            r.do_not_contact,
            _custom(r.custom),
        )

    def contact(record: Contact) -> Row:
        r = record
        return (
            connection,
            r.id,
            r.account_id or None,
            r.name,
            r.email,
            r.phone,
            r.title,
            r.owner_id or None,
            r.created_at,
            r.do_not_contact,
            _custom(r.custom),
        )

    def account_contact(record: AccountContact) -> Row:
        return (connection, record.id, record.account_id, record.contact_id, record.role)

    def deal(record: Deal) -> Row:
        r = record
        return (
            connection,
            r.id,
            r.account_id or None,
            r.name,
            r.stage,
            r.status and r.status.value,
            _number(r.amount),
            r.currency,
            r.owner_id or None,
            r.created_at,
            r.closed_on and r.closed_on.isoformat(),
            r.referred_by_contact_id or None,
            _custom(r.custom),
        )

    def deal_contact(record: DealContact) -> Row:
        return (connection, record.id, record.deal_id, record.contact_id, record.role, record.is_primary)

    def introduction(record: Introduction) -> Row:
        r = record
        return (
            connection,
            r.id,
            r.source_contact_id or None,
            r.source_name,
            r.person_name,
            r.person_contact_id or None,
            r.account_id or None,
            r.deal_id or None,
            r.owner_id or None,
            r.status and r.status.value,
            r.status_since,
            r.made_at,
            r.kind,
            r.note,
            _custom(r.custom),
        )

    def case(record: Case) -> Row:
        r = record
        return (
            connection,
            r.id,
            r.account_id or None,
            r.subject,
            r.priority,
            r.status,
            r.escalated,
            r.opened_at,
            r.closed_at,
            _custom(r.custom),
        )

    reasons: dict[object, str] = {}

    def activity(record: Activity) -> Row:
        r = record
        # `_value_` is what `.value` returns, without the cost of a descriptor: this runs once per activity of a CRM
        kind = r.kind._value_
        direction = r.direction and r.direction._value_
        status = r.status and r.status._value_
        ours, timed = r.task_key != "", r.at is not None
        traits = (kind, direction, status, r.automated, ours, timed)
        reason = reasons.get(traits)
        if reason is None:
            reason = reasons[traits] = not_touch(policy, traits)
        return (
            connection,
            r.id,
            kind,
            direction,
            r.at,
            r.ended_at,
            status,
            r.automated,
            r.subject,
            r.owner_id or None,
            r.account_id or None,
            r.deal_id or None,
            r.task_key,
            reason,
        )

    makers: dict[Stream, Callable[[Any], Row]] = {
        Stream.USERS: user,
        Stream.ACCOUNTS: account,
        Stream.CONTACTS: contact,
        Stream.ACCOUNT_CONTACTS: account_contact,
        Stream.DEALS: deal,
        Stream.DEAL_CONTACTS: deal_contact,
        Stream.INTRODUCTIONS: introduction,
        Stream.CASES: case,
        Stream.ACTIVITIES: activity,
    }
    return makers[stream]


def _custom(custom: Mapping[str, str]) -> str | None:
    """Return further fields as JSON; the same fields give the same text."""
    return orjson.dumps(dict(custom), option=orjson.OPT_SORT_KEYS).decode() if custom else None


def _number(value: float | None) -> float | None:
    return value if value is not None and isfinite(value) else None


def clean(text: str) -> str:
    """Return a text that every database stores: what it cannot hold stands as an escape."""
    return text.replace("\x00", "\\x00").encode(errors="backslashreplace").decode()
