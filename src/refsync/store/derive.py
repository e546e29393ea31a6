"""Touches and milestones kept in step with the mirror.

The law: what is derived step by step equals what `rebuild` derives from scratch, after any history.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from hashlib import sha256

import orjson
from sqlalchemy import Column, Connection, select

from refsync.company import Company, MilestoneField
from refsync.model import Stream
from refsync.store import milestones as reached
from refsync.store import touches
from refsync.store.tables import TABLE_OF, activity, activity_contact, deal_contact, derivation
from refsync.store.upsert import Row, chunks, upsert


@dataclass(frozen=True, slots=True)
class Stale:
    """The records whose derived rows no longer fit the mirror, gathered while it changes."""

    activities: set[str] = field(default_factory=set)
    new_activities: set[str] = field(default_factory=set)
    """Of the activities: those that cannot have touches yet."""
    accounts: set[str] = field(default_factory=set)
    deals: set[str] = field(default_factory=set)
    moved_deals: set[str] = field(default_factory=set)
    """Deals that came, went or changed their account: their activities follow."""
    moved_contacts: set[str] = field(default_factory=set)
    """People who came, went or changed their account: the activities with them follow."""
    named_contacts: set[str] = field(default_factory=set)
    """People who came, went or changed their name: whom a deal's milestone names may change."""

    def note(self, stream: Stream, id: str, before: Row | None, after: Row | None) -> None:  # noqa: A002
        """Take in that a row of the mirror came (no `before`), changed, or went (no `after`)."""
        match stream:
            case Stream.ACTIVITIES:
                self.activities.add(id)
                if before is None:
                    self.new_activities.add(id)
            case Stream.ACCOUNTS:
                self.accounts.add(id)
            case Stream.DEALS:
                self.deals.add(id)
                if _differs(stream, "account_id", before, after):
                    self.moved_deals.add(id)
            case Stream.CONTACTS:
                if _differs(stream, "account_id", before, after):
                    self.moved_contacts.add(id)
                if _differs(stream, "name", before, after):
                    self.named_contacts.add(id)
            case Stream.DEAL_CONTACTS:
                self.deals.update(row[_column(stream, "deal_id")] for row in (before, after) if row is not None)
            case Stream.USERS | Stream.CASES:
                pass


def _column(stream: Stream, name: str) -> int:
    return _POSITIONS[stream, name]


_POSITIONS = {(stream, name): at for stream, table in TABLE_OF.items() for at, name in enumerate(table.columns.keys())}


def _differs(stream: Stream, column: str, before: Row | None, after: Row | None) -> bool:
    at = _column(stream, column)
    return before is None or after is None or before[at] != after[at]


def refresh(db: Connection, connection: str, stale: Stale, company: Company, fields: Sequence[MilestoneField]) -> int:
    """Derive again what is stale; return how many mapped milestone values could not be read."""
    linked = _linked(db, connection, activity_contact.c.activity_id, activity_contact.c.contact_id, stale.moved_contacts)
    of_deals = _linked(db, connection, activity.c.id, activity.c.deal_id, stale.moved_deals)
    known = (linked | of_deals) - stale.activities
    touches.refresh(db, connection, company.touch, stale.activities | known, new=frozenset(stale.new_activities))
    named = _linked(db, connection, deal_contact.c.deal_id, deal_contact.c.contact_id, stale.named_contacts)
    return reached.refresh_deals(db, connection, company.calendar, fields, stale.deals | named) + reached.refresh_accounts(
        db, connection, company.calendar, fields, stale.accounts
    )


def rebuild(db: Connection, connection: str, company: Company, fields: Sequence[MilestoneField]) -> int:
    """Derive all touches and milestones from the mirror, and remember by which settings.

    Returns how many mapped milestone values could not be read.
    """
    touches.rebuild(db, connection, company.touch)
    unreadable = reached.rebuild(db, connection, company.calendar, fields)
    upsert(db, derivation, [(connection, settings(company, fields))])
    return unreadable


def ensure_derived(db: Connection, connection: str, company: Company, fields: Sequence[MilestoneField]) -> bool:
    """Rebuild when the touch policy, the zone or the mapped milestone fields differ from those last used; return whether it did.

    Call it before the first batch of a run: `write_batch` derives only what changed.
    """
    used = db.execute(select(derivation.c.settings).where(derivation.c.connection == connection)).scalar()
    if used == settings(company, fields):
        return False
    rebuild(db, connection, company, fields)
    return True


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
        rows = select(wanted).where(by.table.c.connection == connection, by.in_(some)).distinct()
        found.update(db.execute(rows).scalars())
    return found
