"""What is read of HubSpot: object types, their properties and the records they point at. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

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


def object_types(
    options: HubSpotOptions, custom: Mapping[Stream, frozenset[str]] | None = None
) -> Mapping[Stream, tuple[ObjectType, ...]]:
    """Return the object types of each stream that is read by list and search; owners are no CRM objects."""
    names, further = options.properties, custom or {}

    def kind(stream: Stream, name: str, standard: Iterable[str], links: tuple[str, ...], **more: str) -> ObjectType:
        properties = (*standard, *sorted(further.get(stream, ())))
        return ObjectType(name=name, properties=tuple(dict.fromkeys(filter(None, properties))), links=links, **more)

    return {
        Stream.ACCOUNTS: (kind(Stream.ACCOUNTS, "companies", _company(names), ()),),
        Stream.CONTACTS: (kind(Stream.CONTACTS, "contacts", _contact(names), ("companies",), modified="lastmodifieddate"),),
        Stream.DEALS: (kind(Stream.DEALS, "deals", _deal(names), ("companies",)),),
        Stream.DEAL_CONTACTS: (ObjectType(name="deals", links=("contacts",)),),
        Stream.CASES: (kind(Stream.CASES, "tickets", _ticket(names), ("companies",)),),
        Stream.ACTIVITIES: tuple(
            kind(
                Stream.ACTIVITIES,
                name,
                (*_ACTIVITY, *_ACTIVITY_OF[name], *_configured(name, options)),
                ("contacts", "companies", "deals"),
            )
            for name in options.activity_types
        ),
    }


def _company(names: Properties) -> tuple[str, ...]:
    standard = ("name", "hubspot_owner_id", "hs_parent_company_id", "lifecyclestage", "industry", "annualrevenue", "createdate")
    return (*standard, *MERGED, names.tier, names.do_not_contact)


def _contact(names: Properties) -> tuple[str, ...]:
    person = ("firstname", "lastname", "email", "phone", "jobtitle", "hubspot_owner_id", "associatedcompanyid", "createdate")
    return (*person, "hs_email_optout", *MERGED, "hs_calculated_merged_vids", names.do_not_contact)


def _deal(names: Properties) -> tuple[str, ...]:
    sale = ("dealname", "pipeline", "dealstage", "amount", "deal_currency_code", "closedate", "hubspot_owner_id", "createdate")
    closed = ("hs_is_closed", "hs_is_closed_won", "hs_is_closed_lost")
    return (*sale, *closed, *MERGED, names.referred_by_contact_id)


def _ticket(names: Properties) -> tuple[str, ...]:
    case = ("subject", "hs_ticket_priority", "hs_pipeline", "hs_pipeline_stage", "createdate", "closed_date")
    return (*case, *MERGED, names.escalated)


_ACTIVITY = ("hs_timestamp", "hubspot_owner_id", "hs_object_source")
_ACTIVITY_OF: Mapping[str, tuple[str, ...]] = {
    "calls": ("hs_call_title", "hs_call_direction", "hs_call_status", "hs_call_disposition"),
    "emails": ("hs_email_subject", "hs_email_direction", "hs_email_status"),
    "meetings": ("hs_meeting_title", "hs_meeting_outcome", "hs_meeting_start_time", "hs_meeting_end_time"),
    "notes": (),
    "communications": ("hs_communication_channel_type",),
    "tasks": ("hs_task_subject", "hs_task_status"),
}


def _configured(name: str, options: HubSpotOptions) -> tuple[str, ...]:
    """Return the properties of an activity type whose names the options give."""
    if name == "communications":
        return (options.properties.communication_direction,)
    return (options.key_property,) if name == "tasks" else ()
