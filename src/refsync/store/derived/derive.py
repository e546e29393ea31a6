"""Touches and milestones kept in step with the mirror.

The law: what is derived step by step equals what `rebuild` derives from scratch, after any history.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import TypeAlias

import orjson
from sqlalchemy import Column, Connection, select

from refsync.company import Company, MilestoneField
from refsync.model import Stream
from refsync.store.database import indexes
from refsync.store.database.lists import among, chunks
from refsync.store.database.upsert import Row, upsert
from refsync.store.derived import last_touch, touches
from refsync.store.derived import milestones as reached
from refsync.store.tables import TABLE_OF, account, activity, activity_contact, contact, deal_contact, derivation

OUT_OF_STEP = ""
"""Stands in place of the settings while the mirror is filled without what is derived from it."""
FIRST = "first load, "
"""Stands before the settings while an empty mirror is filled by them."""

Change: TypeAlias = tuple[str, Row | None, Row | None]
"""The id of a record, and its row before (None: it came) and after (None: it went)."""


@dataclass(frozen=True, slots=True)
class Stale:
    """The records whose derived rows no longer fit the mirror, gathered while it changes."""

    heeded: bool = True
    """False while a mirror is filled from which everything is derived at the end: then nothing is gathered."""
    activities: set[str] = field(default_factory=set)
    new_activities: set[str] = field(default_factory=set)
    """Activities that count and cannot have touches yet."""
    accounts: set[str] = field(default_factory=set)
    deals: set[str] = field(default_factory=set)
    moved_deals: set[str] = field(default_factory=set)
    """Deals that came, went or changed their account: their activities follow."""
    moved_contacts: set[str] = field(default_factory=set)
    """People who came, went or changed one of their accounts: the activities with them follow."""
    named_contacts: set[str] = field(default_factory=set)
    """People who came, went or changed their name: whom a deal's milestone names may change."""

    def note(self, stream: Stream, changes: Iterable[Change]) -> None:
        """Take in which rows of the mirror came, changed or went."""
        if not self.heeded:
            return
        match stream:
            case Stream.ACTIVITIES:
                reason = _POSITIONS[stream, "not_touch"]
                for id, before, after in changes:  # noqa: A001
                    if before is not None:
                        self.activities.add(id)
                    elif after is not None and after[reason] == "":
                        self.new_activities.add(id)
            case Stream.ACCOUNTS:
                self.accounts.update(id for id, _, _ in changes)  # noqa: A001
            case Stream.DEALS:
                for change in changes:
                    self.deals.add(change[0])
                    if _differs(stream, "account_id", change):
                        self.moved_deals.add(change[0])
            case Stream.CONTACTS:
                for change in changes:
                    if _differs(stream, "account_id", change):
                        self.moved_contacts.add(change[0])
                    if _differs(stream, "name", change):
                        self.named_contacts.add(change[0])
            case Stream.ACCOUNT_CONTACTS:
                ends = [
                    change for change in changes if any(_differs(stream, end, change) for end in ("account_id", "contact_id"))
                ]
                self.moved_contacts.update(_named(stream, "contact_id", ends))
            case Stream.DEAL_CONTACTS:
                self.deals.update(_named(stream, "deal_id", changes))
            case Stream.USERS | Stream.INTRODUCTIONS | Stream.CASES:
                pass


_POSITIONS = {(stream, name): at for stream, table in TABLE_OF.items() for at, name in enumerate(table.columns.keys())}


def _differs(stream: Stream, column: str, change: Change) -> bool:
    _, before, after = change
    at = _POSITIONS[stream, column]
    return before is None or after is None or before[at] != after[at]


def _named(stream: Stream, column: str, changes: Iterable[Change]) -> set[str]:
    """Return what a column names in the rows before and after these changes."""
    at = _POSITIONS[stream, column]
    return {row[at] for _, *both in changes for row in both if row is not None}


def refresh(db: Connection, connection: str, stale: Stale, company: Company, fields: Sequence[MilestoneField]) -> int:
    """Derive again what is stale; return how many mapped milestone values could not be read."""
    linked = _linked(db, connection, activity_contact.c.activity_id, activity_contact.c.contact_id, stale.moved_contacts)
    of_deals = _linked(db, connection, activity.c.id, activity.c.deal_id, stale.moved_deals)
    met = touches.refresh(db, connection, company.touch, stale.activities | linked | of_deals, new=stale.new_activities)
    last_touch.refresh(db, connection, account, met.accounts | stale.accounts)
    last_touch.refresh(db, connection, contact, met.people | stale.moved_contacts)
    named = _linked(db, connection, deal_contact.c.deal_id, deal_contact.c.contact_id, stale.named_contacts)
    return reached.refresh_deals(db, connection, company.calendar, fields, stale.deals | named) + reached.refresh_accounts(
        db, connection, company.calendar, fields, stale.accounts
    )


def rebuild(db: Connection, connection: str, company: Company, fields: Sequence[MilestoneField], *, first: bool = False) -> int:
    """Derive all touches and milestones from the mirror, and remember by which settings.

    Returns how many mapped milestone values could not be read. With `first` nothing was ever derived, and why activities are no
    touch was settled by these very settings when they were stored.
    """
    touches.rebuild(db, connection, company.touch, judged=first)
    unreadable = reached.rebuild(db, connection, company.calendar, fields)
    indexes.complete(db)
    last_touch.rebuild(db, connection, fresh=first)
    upsert(db, derivation, [(connection, settings(company, fields))])
    return unreadable


def begin(db: Connection, connection: str, company: Company, fields: Sequence[MilestoneField]) -> bool:
    """Return whether touches and milestones are in step with the mirror, so that each batch has to keep them so.

    If they are not (a first load, another touch policy, zone or mapped field), batches need only fill the mirror:
    `ensure_derived` rebuilds at the end, which sorts instead of seeking a place for each row. It is remembered that they are not.
    """
    used, wanted = _used(db, connection), settings(company, fields)
    if used == wanted:
        return True
    if used != FIRST + wanted:
        held = activity.c.connection == connection
        first = db.execute(select(activity.c.id).where(held).limit(1)).first() is None
        upsert(db, derivation, [(connection, FIRST + wanted if first else OUT_OF_STEP)])
    indexes.drop_unused(db)
    return False


def ensure_derived(db: Connection, connection: str, company: Company, fields: Sequence[MilestoneField]) -> bool:
    """Rebuild unless touches and milestones are in step with the mirror; return whether it did."""
    used, wanted = _used(db, connection), settings(company, fields)
    if used == wanted:
        return False
    rebuild(db, connection, company, fields, first=used == FIRST + wanted)
    return True


def _used(db: Connection, connection: str) -> str | None:
    return db.execute(select(derivation.c.settings).where(derivation.c.connection == connection)).scalar()


def settings(company: Company, fields: Sequence[MilestoneField]) -> str:
    """Return a hash of all that touches and milestones depend on beside the mirror."""

    def named(kinds: Collection[tuple[str, str | None]]) -> list[str]:
        return sorted(f"{kind} {way or ''}" for kind, way in kinds)

    policy = company.touch
    parts = {
        "kinds": named(policy.kinds),
        "two_way": named(policy.two_way),
        "ignore": sorted(policy.ignore),
        "unconfirmed_meetings": policy.unconfirmed_meetings,
        "zone": company.calendar.zone,
        "milestones": sorted(f"{one.kind} {one.stream} {one.field}" for one in fields),
    }
    return sha256(orjson.dumps(parts, option=orjson.OPT_SORT_KEYS)).hexdigest()


def _linked(db: Connection, connection: str, wanted: Column[str], by: Column[str], ids: Collection[str]) -> set[str]:
    """Return the distinct values of one column where another is among these ids."""
    found: set[str] = set()
    for some in chunks(sorted(ids)):
        rows = select(wanted).where(by.table.c.connection == connection, among(by, some)).distinct()
        found.update(db.execute(rows).scalars())
    return found
