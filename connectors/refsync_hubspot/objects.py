"""What is read of HubSpot: object types, their properties and the records they point at. Pure.

Of each property stands here which attribute of refsync's record it becomes, so that a property that the portal lacks can be said
to be lacking in those words. A property that goes by refsync's own default name (`tier`) may be lacking without a word: no portal
has to have it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from refsync.model import Stream
from refsync_hubspot.options import HubSpotOptions, Properties

MERGED = ("hs_merged_object_ids",)


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectType:
    """One object type as one stream reads it."""

    name: str
    """Its plural name, as in paths."""
    properties: tuple[str, ...] = ()
    links: tuple[str, ...] = ()
    """The object types whose associations are read with it."""
    modified: str = "hs_lastmodifieddate"
    """The property that holds the time of the last change. Contacts have this one too, but a search for it finds nothing."""
    created: str = "createdate"
    """The property that holds the time of its creation."""
    wanted: Mapping[str, str] = field(default_factory=dict)
    """What each property is in refsync's record, for those that the portal is expected to have."""
    own: frozenset[str] = frozenset()
    """Those of the wanted that are the portal's own, so that they may vanish."""


def object_types(
    options: HubSpotOptions, custom: Mapping[Stream, frozenset[str]] | None = None
) -> Mapping[Stream, tuple[ObjectType, ...]]:
    """Return the object types of each stream that is read by list and search; owners are no CRM objects."""
    names, further = options.properties, custom or {}

    def reading(stream: Stream, kind: ObjectType, chosen: Mapping[str, str], *unshown: str) -> tuple[ObjectType]:
        return (_with(kind, chosen, unshown, names, further.get(stream, frozenset())),)

    def activity(name: str) -> ObjectType:
        kind = replace(ACTIVITY, name=name, wanted={**ACTIVITY.wanted, **_ACTIVITY_OF[name]})
        chosen = {"communication_direction": "direction"} if name == "communications" else {}
        unshown = ("hs_object_source", *(_key(options) if name == "tasks" else ()))
        return reading(Stream.ACTIVITIES, kind, chosen, *unshown)[0]

    return {
        Stream.ACCOUNTS: reading(Stream.ACCOUNTS, COMPANY, {"tier": "tier", "do_not_contact": "do_not_contact"}, *MERGED),
        Stream.CONTACTS: reading(Stream.CONTACTS, CONTACT, {"do_not_contact": "do_not_contact"}, *_CONTACT_FACTS),
        Stream.ACCOUNT_CONTACTS: (replace(CONTACT, properties=("associatedcompanyid",), wanted={}),),
        Stream.DEALS: reading(Stream.DEALS, DEAL, {"referred_by_contact_id": "referred_by_contact_id"}, *_DEAL_FACTS),
        Stream.DEAL_CONTACTS: (ObjectType(name="deals", links=("contacts",)),),
        Stream.INTRODUCTIONS: reading(
            Stream.INTRODUCTIONS, INTRODUCED, {"introduced_by_contact_id": "source_contact_id"}, *_CONTACT_FACTS
        ),
        Stream.CASES: reading(Stream.CASES, TICKET, {"escalated": "escalated"}, "hs_pipeline", *MERGED),
        Stream.ACTIVITIES: tuple(activity(name) for name in options.activity_types),
    }


def _with(
    kind: ObjectType, chosen: Mapping[str, str], unshown: tuple[str, ...], names: Properties, custom: frozenset[str]
) -> ObjectType:
    """Return an object type with the portal's own properties; `chosen` are attributes by the option that names their property.

    What goes by refsync's default name, like what is `unshown`, is read and may be lacking.
    """
    by_option = {option: getattr(names, option) for option in chosen if getattr(names, option)}
    own = {name: chosen[option] for option, name in by_option.items() if option in names.model_fields_set}
    own |= {name: name for name in sorted(custom)}
    properties = dict.fromkeys((*kind.wanted, *unshown, *by_option.values(), *own))
    return replace(kind, properties=tuple(properties), wanted={**kind.wanted, **own}, own=frozenset(own))


def _key(options: HubSpotOptions) -> tuple[str, ...]:
    """Return where a task can hold refsync's key; its text is read only where the key may stand in it."""
    return (options.key_property, "hs_task_body") if options.weakest_key == "body" else (options.key_property,)


COMPANY = ObjectType(
    name="companies",
    wanted={
        "name": "name",
        "hubspot_owner_id": "owner_id",
        "hs_parent_company_id": "parent_id",
        "lifecyclestage": "status",
        "industry": "industry",
        "annualrevenue": "annual_revenue",
        "createdate": "created_at",
    },
)
CONTACT = ObjectType(
    name="contacts",
    links=("companies",),
    modified="lastmodifieddate",
    wanted={
        "firstname": "name",
        "lastname": "name",
        "email": "email",
        "phone": "phone",
        "jobtitle": "title",
        "hubspot_owner_id": "owner_id",
        "associatedcompanyid": "account_id",
        "createdate": "created_at",
    },
)
INTRODUCED = replace(
    CONTACT,
    links=(),
    wanted={
        "firstname": "person_name",
        "lastname": "person_name",
        "hubspot_owner_id": "owner_id",
        "hs_lead_status": "status",
        "createdate": "made_at",
    },
)
_CONTACT_FACTS = ("hs_email_optout", *MERGED, "hs_calculated_merged_vids")
DEAL = ObjectType(
    name="deals",
    links=("companies",),
    wanted={
        "dealname": "name",
        "dealstage": "stage",
        "amount": "amount",
        "closedate": "closed_on",
        "hubspot_owner_id": "owner_id",
        "createdate": "created_at",
    },
)
_DEAL_FACTS = ("pipeline", "hs_is_closed", "hs_is_closed_won", "hs_is_closed_lost", "deal_currency_code", *MERGED)
"""Without these a deal's status still follows from its stage; a portal with one currency may lack its code."""
TICKET = ObjectType(
    name="tickets",
    links=("companies",),
    wanted={
        "subject": "subject",
        "hs_ticket_priority": "priority",
        "hs_pipeline_stage": "status",
        "createdate": "opened_at",
        "closed_date": "closed_at",
    },
)
ACTIVITY = ObjectType(
    name="activities",
    links=("contacts", "companies", "deals"),
    created="hs_createdate",
    wanted={"hs_timestamp": "at", "hubspot_owner_id": "owner_id"},
)
"""What all kinds of activities have in common."""
_ACTIVITY_OF: Mapping[str, Mapping[str, str]] = {
    "calls": {
        "hs_call_title": "subject",
        "hs_call_direction": "direction",
        "hs_call_status": "status",
        "hs_call_disposition": "status",
    },
    "emails": {"hs_email_subject": "subject", "hs_email_direction": "direction", "hs_email_status": "status"},
    "meetings": {"hs_meeting_title": "subject", "hs_meeting_outcome": "status", "hs_meeting_end_time": "ended_at"},
    "notes": {},
    "communications": {},
    "tasks": {"hs_task_subject": "subject", "hs_task_status": "status"},
}
