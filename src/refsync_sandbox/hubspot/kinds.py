"""What HubSpot keeps: its object types by every name a caller may use, and the types of association between them.

Law: these are facts about the platform, the same in every portal; what one portal adds (properties, labels, stages) is not here.
Sources: the association types are those of hubspot-api-client (`hubspot.crm.association_type`); the other facts are HubSpot's CRM
API reference, object by object.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Kind:
    """One object type."""

    number: int
    """The part of the type id after `0-`."""
    singular: str
    plural: str
    created: str = "hs_createdate"
    """The property that holds the time of creation."""
    modified: str = "hs_lastmodifieddate"
    """The property that holds the time of the last change, and the only one whose search finds something."""
    shown: tuple[str, ...] = ()
    """The properties of a reply for which none were asked by name."""
    required: tuple[str, ...] = ()
    """The properties without which nothing is created."""
    engagement: bool = False
    """Whether it is something that happens, or is to happen, with a customer."""
    first_id: int = 1
    """The lowest id: each type has its own range, chosen so that ids of different length occur."""

    @property
    def type_id(self) -> str:
        return f"0-{self.number}"

    @property
    def always(self) -> tuple[str, ...]:
        """The properties that every reply holds, asked for or not."""
        return (self.created, self.modified, "hs_object_id")


CONTACT = Kind(
    number=1,
    singular="contact",
    plural="contacts",
    created="createdate",
    modified="lastmodifieddate",
    shown=("email", "firstname", "lastname"),
    first_id=51,
)
COMPANY = Kind(
    number=2,
    singular="company",
    plural="companies",
    created="createdate",
    shown=("domain", "name"),
    first_id=9_999_999_701,
)
DEAL = Kind(
    number=3,
    singular="deal",
    plural="deals",
    created="createdate",
    shown=("amount", "closedate", "dealname", "dealstage", "pipeline"),
    first_id=20_999_999_601,
)
TICKET = Kind(
    number=5,
    singular="ticket",
    plural="tickets",
    created="createdate",
    shown=("content", "hs_pipeline", "hs_pipeline_stage", "hs_ticket_category", "hs_ticket_priority", "subject"),
    required=("hs_pipeline_stage",),
    first_id=999_999_901,
)
COMMUNICATION = Kind(
    number=18,
    singular="communication",
    plural="communications",
    required=("hs_timestamp", "hs_communication_channel_type"),
    engagement=True,
    first_id=34_000_000_001,
)
TASK = Kind(number=27, singular="task", plural="tasks", required=("hs_timestamp",), engagement=True, first_id=46_000_000_001)
NOTE = Kind(number=46, singular="note", plural="notes", required=("hs_timestamp",), engagement=True, first_id=58_000_000_001)
MEETING = Kind(
    number=47, singular="meeting", plural="meetings", required=("hs_timestamp",), engagement=True, first_id=70_000_000_001
)
CALL = Kind(number=48, singular="call", plural="calls", required=("hs_timestamp",), engagement=True, first_id=82_000_000_001)
EMAIL = Kind(
    number=49,
    singular="email",
    plural="emails",
    required=("hs_timestamp", "hs_email_direction"),
    engagement=True,
    first_id=99_999_999_001,
)

KINDS = (CONTACT, COMPANY, DEAL, TICKET, COMMUNICATION, TASK, NOTE, MEETING, CALL, EMAIL)
ENGAGEMENTS = tuple(kind for kind in KINDS if kind.engagement)

_BY_NAME: Mapping[str, Kind] = MappingProxyType(
    {name: kind for kind in KINDS for name in (kind.singular, kind.plural, kind.type_id)}
)
_IN_ORDER = tuple(sorted(KINDS, key=lambda kind: kind.first_id))
_FIRST_IDS = tuple(kind.first_id for kind in _IN_ORDER)


def find_kind(name: str) -> Kind | None:
    """Return the object type that a path or body means by `contacts`, `contact`, `CONTACT` or `0-1`; None for no such type."""
    return _BY_NAME.get(name.lower())


def kind_of_id(record_id: int) -> Kind | None:
    """Return the type in whose range an id lies."""
    place = bisect_right(_FIRST_IDS, record_id)
    return _IN_ORDER[place - 1] if place else None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class AssociationType:
    """One way in which a record of one type can point at a record of another."""

    id: int
    origin: Kind
    target: Kind
    label: str | None = None
    reverse: int
    """The type of the same association seen from the other end."""
    user_defined: bool = False

    @property
    def category(self) -> str:
        return "USER_DEFINED" if self.user_defined else "HUBSPOT_DEFINED"


def _pair(origin: Kind, target: Kind, there: int, back: int, label: str | None = None) -> tuple[AssociationType, AssociationType]:
    return (
        AssociationType(id=there, origin=origin, target=target, label=label, reverse=back),
        AssociationType(id=back, origin=target, target=origin, label=label, reverse=there),
    )


def _with_customers(
    kind: Kind, contact: int, company: int, deal: int, ticket: int, back: int = -1
) -> tuple[AssociationType, ...]:
    """The four associations of an engagement; HubSpot numbers the reverse one less (of communications one more)."""
    ends = ((CONTACT, contact), (COMPANY, company), (DEAL, deal), (TICKET, ticket))
    return tuple(found for end, number in ends for found in _pair(kind, end, number, number + back))


ASSOCIATION_TYPES: tuple[AssociationType, ...] = (
    *_pair(CONTACT, COMPANY, 279, 280),
    *_pair(CONTACT, COMPANY, 1, 2, "Primary"),
    *_pair(DEAL, CONTACT, 3, 4),
    AssociationType(id=449, origin=CONTACT, target=CONTACT, reverse=449),
    AssociationType(id=450, origin=COMPANY, target=COMPANY, reverse=450),
    *_pair(DEAL, COMPANY, 341, 342),
    *_pair(DEAL, COMPANY, 5, 6, "Primary"),
    *_pair(TICKET, CONTACT, 16, 15),
    *_pair(TICKET, COMPANY, 339, 340),
    *_pair(TICKET, COMPANY, 26, 25, "Primary"),
    *_pair(DEAL, TICKET, 27, 28),
    *_with_customers(CALL, 194, 182, 206, 220),
    *_with_customers(EMAIL, 198, 186, 210, 224),
    *_with_customers(MEETING, 200, 188, 212, 226),
    *_with_customers(NOTE, 202, 190, 214, 228),
    *_with_customers(TASK, 204, 192, 216, 230),
    *_with_customers(COMMUNICATION, 81, 87, 85, 83, back=1),
)
"""The plain type of a pair comes before its labels. Communication to ticket and the reverses of communications are unverified."""
