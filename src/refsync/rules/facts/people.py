"""Who to talk to: the people known at an account, and the choice among them.

The law: the same book in two CRMs leads to the same person, so the choice never depends on an id while a name can tell.
Somebody who opted out is never chosen.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, TypeAlias

from sqlalchemy import ColumnElement, Select, and_, case, func, select, true

from refsync.model import DealStatus, Instant
from refsync.rules.facts.contact import has_part, roles, touches, two_way
from refsync.rules.facts.sources import latest, linked
from refsync.rules.rule import Match, Person, SubjectKind
from refsync.store import tables
from refsync.store.database.hints import Few

PersonRow: TypeAlias = Mapping[str, Any]
"""A row of `people`, as `row._mapping` gives it."""

contact, deal, link = tables.contact, tables.deal, tables.deal_contact


def people(connection_id: str, account_ids: Sequence[str], now: Instant) -> Select[Any]:
    """Return a SELECT of everybody known at these accounts, one row a person (give it a few hundred ids at a time)."""
    return _rows(now).where(contact.c.connection == connection_id, Few(contact.c.account_id.in_(account_ids)))


def introduced(connection_id: str, contact_ids: Sequence[str], now: Instant) -> Select[Any]:
    """Return a SELECT of these people, wherever they are."""
    return _rows(now).where(contact.c.connection == connection_id, Few(contact.c.id.in_(contact_ids)))


def _rows(now: Instant) -> Select[Any]:
    role = roles(contact)
    return select(
        contact.c.id,
        contact.c.account_id,
        contact.c.name,
        contact.c.title,
        contact.c.email,
        contact.c.owner_id,
        contact.c.do_not_contact,
        latest((touches(contact),), now).label("last_touch"),
        latest((two_way(contact),), now).label("last_two_way"),
        _has_part(link.c.is_primary == true(), deal.c.status == DealStatus.WON.value).label("primary_on_won"),
        _has_part(func.lower(link.c.role) == "champion").label("champion"),
        role.with_only_columns(func.min(role.selected_columns.word)).correlate(contact).scalar_subquery().label("role"),
        case((has_part(contact), 1), else_=0).label("part"),
    )


def pick(with_: Sequence[str], match: Match, rows: Sequence[PersonRow]) -> Person | None:
    """Return the person to talk to, from the `people` rows of its account and the person introduced; None: nobody fits."""
    known = sorted((row for row in rows if not row["do_not_contact"]), key=_order)
    here = [row for row in known if row["account_id"] == match.account_id]
    for entry in with_:
        among = known if entry == "introduction.person" else here
        if row := next((row for row in among if CHOICES[entry](row, match)), None):
            return Person(
                id=row["id"],
                account_id=row["account_id"],
                name=row["name"],
                title=row["title"],
                role=row["role"] or "",
                owner_id=row["owner_id"],
                last_touch=row["last_touch"],
                last_two_way=row["last_two_way"],
                chosen_as=entry,
            )
    return None


def _is_cold(row: PersonRow, match: Match) -> bool:
    return bool(row["part"]) and match.cold_before is not None and (row["last_touch"] or 0) < match.cold_before


CHOICES: Mapping[str, Callable[[PersonRow, Match], bool]] = MappingProxyType(
    {
        "best contact": lambda _row, _match: True,
        "champion": lambda row, _match: bool(row["champion"]),
        "first cold person": _is_cold,
        "contact": lambda row, match: row["id"] == match.contact_id,
        "milestone.contact": lambda row, match: row["id"] == match.contact_id,
        "introduction.source": lambda row, match: row["id"] == match.contact_id,
        "introduction.person": lambda row, match: row["id"] == match.person_id,
    }
)
"""What `with` may say, and whom it means; of several people the best contact is taken."""
SUBJECT_OF: Mapping[str, SubjectKind] = MappingProxyType(
    {
        "contact": "contact",
        "milestone.contact": "milestone",
        "introduction.source": "introduction",
        "introduction.person": "introduction",
    }
)
"""What a rule must be about for somebody to be known to it."""


def _order(row: PersonRow) -> tuple[object, ...]:
    """Return what the best contact comes first by: the latest conversation, the latest touch, a part in a won deal, the name."""
    conversation, last = row["last_two_way"] or 0, row["last_touch"] or 0
    return (-conversation, -last, not row["primary_on_won"], row["name"].casefold(), row["name"], row["email"], row["id"])


def _has_part(*wanted: ColumnElement[bool]) -> ColumnElement[int]:
    """Whether the person has such a part in a deal of their account."""
    joined = link.join(deal, and_(deal.c.connection == link.c.connection, deal.c.id == link.c.deal_id))
    part = linked(link, "contact_id", contact, "id")
    here = deal.c.account_id == contact.c.account_id
    return case((select(1).select_from(joined).where(part, here, *wanted).correlate(contact).exists(), 1), else_=0)
