"""Which objects make up each stream, which of their fields are read, and which function reads a row."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from refsync.model import Record, Stream
from refsync_salesforce import activities, translate
from refsync_salesforce.values import Custom, Row
from refsync_salesforce.words import MARKER, Terms

Read: TypeAlias = Callable[[Row, Custom], Record | None]

TASK, EVENT, EMAIL = "Task", "Event", "EmailMessage"
USER, ABSENCE = "User", "OutOfOffice"


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One object of Salesforce that a stream is read from."""

    object: str
    attributes: Mapping[str, str]
    """Which fields, divided by blanks, hold each attribute of a record; `Parent.Field` needs the reference to the parent."""
    read: Read
    also: tuple[str, ...] = ()
    """Fields that tell whether a row is a record at all."""
    sometimes: tuple[str, ...] = ()
    """Fields that not every org has."""
    custom: tuple[str, ...] = ()
    """Fields that rules and milestones ask for."""
    child: str = ""
    """The object that holds the people of an activity, where the org keeps several."""
    child_fields: tuple[str, ...] = ("RelationId", "IsDeleted")
    parents: Mapping[str, str] = field(default_factory=dict)
    """The references that a merge of the parent object moves."""
    needs: str = ""
    """The field without which the object holds nothing of the stream."""
    where: str = ""
    """Which rows can be records, for a first read; a later one reads all, to see what ceased to be a record."""
    without: str = ""
    """What it means that the org does not show the object; empty: that the stream cannot be read."""
    beside: bool = False
    """Whether its rows are no records, but tell something of those of another object, and are few: all are read each time."""

    @property
    def fields(self) -> tuple[str, ...]:
        """Read as far as the org shows them."""
        return tuple(dict.fromkeys(name for names in (*self.attributes.values(), *self.also) for name in names.split()))

    @property
    def optional(self) -> bool:
        """Whether the stream can be read without this object."""
        return bool(self.without or self.needs)


def sources(terms: Terms, custom: Mapping[Stream, frozenset[str]]) -> Mapping[Stream, tuple[Source, ...]]:
    """Return what each stream is read from, in the order in which it is read."""
    wanted = {stream: tuple(sorted(custom.get(stream, ()))) for stream in Stream}
    return {
        Stream.USERS: (_user(wanted[Stream.USERS]), _absence()),
        Stream.ACCOUNTS: (_account(terms, wanted[Stream.ACCOUNTS]),),
        Stream.CONTACTS: (_contact(terms, wanted[Stream.CONTACTS]),),
        Stream.ACCOUNT_CONTACTS: (_account_contact(),),
        Stream.DEALS: (_deal(terms, wanted[Stream.DEALS]),),
        Stream.DEAL_CONTACTS: (_deal_contact(),),
        Stream.INTRODUCTIONS: (_introduction(terms, wanted[Stream.INTRODUCTIONS]),),
        Stream.CASES: (_case(wanted[Stream.CASES]),),
        Stream.ACTIVITIES: (_task(terms), _event(terms), _email()),
    }


def _user(wanted: tuple[str, ...]) -> Source:
    return Source(
        object=USER,
        attributes={
            "name": "Name",
            "email": "Email",
            "active": "IsActive Profile.Name",
            "manager_id": "ManagerId",
            "time_zone": "TimeZoneSidKey",
        },
        sometimes=("UserType",),
        custom=wanted,
        read=translate.user,
    )


def _absence() -> Source:
    return Source(
        object=ABSENCE,
        attributes={"away_from": "StartDate", "away_until": "EndDate"},
        sometimes=("IsEnabled", "User.Id"),
        without="who is away is not known, and everybody counts as there",
        beside=True,
        read=lambda _row, _extra: None,
    )


def _account(terms: Terms, wanted: tuple[str, ...]) -> Source:
    """A person account is an account like any other; its person comes with the contacts, as the shadow of the account."""
    fields = terms.fields
    return Source(
        object="Account",
        attributes={
            "name": "Name",
            "owner_id": "OwnerId",
            "parent_id": "ParentId",
            "status": fields.account_status,
            "tier": fields.account_tier,
            "industry": "Industry",
            "annual_revenue": "AnnualRevenue",
            "created_at": "CreatedDate",
            "do_not_contact": fields.account_do_not_contact,
        },
        sometimes=("MasterRecordId", "IsPersonAccount", "FirstName", "LastName", "PersonHasOptedOutOfEmail", "PersonDoNotCall"),
        custom=wanted,
        read=lambda row, extra: translate.account(row, terms, extra),
    )


def _contact(terms: Terms, wanted: tuple[str, ...]) -> Source:
    return Source(
        object="Contact",
        attributes={
            "account_id": "AccountId",
            "name": "FirstName LastName",
            "email": "Email",
            "phone": "Phone",
            "title": "Title",
            "owner_id": "OwnerId",
            "created_at": "CreatedDate",
            "do_not_contact": terms.fields.contact_do_not_contact,
        },
        sometimes=("MasterRecordId", "HasOptedOutOfEmail", "DoNotCall"),
        parents={"AccountId": "Account"},
        custom=wanted,
        read=lambda row, extra: translate.contact(row, terms, extra),
    )


def _account_contact() -> Source:
    """The further accounts of a person; the object is there only where "Contacts to Multiple Accounts" is on."""
    return Source(
        object="AccountContactRelation",
        attributes={"account_id": "AccountId", "contact_id": "ContactId", "role": "Roles"},
        also=("IsActive", "IsDirect"),
        where="IsDirect = false",
        parents={"AccountId": "Account", "ContactId": "Contact"},
        needs="IsDirect",
        read=lambda row, _extra: translate.account_contact(row),
    )


def _deal(terms: Terms, wanted: tuple[str, ...]) -> Source:
    """Of the history of stages the opportunity itself holds what can be used: when it entered the stage that it is in.

    "Opportunity", Object Reference: LastStageChangeDate. The history's own object says no more, and has no stamp to read changes
    by.
    """
    return Source(
        object="Opportunity",
        attributes={
            "account_id": "AccountId",
            "name": "Name",
            "stage": "StageName",
            "status": "IsClosed IsWon",
            "amount": "Amount",
            "closed_on": "CloseDate",
            "owner_id": "OwnerId",
            "created_at": "CreatedDate",
            "referred_by_contact_id": terms.fields.deal_referred_by,
        },
        sometimes=("CurrencyIsoCode", "LastStageChangeDate"),
        parents={"AccountId": "Account", terms.fields.deal_referred_by: "Contact"},
        custom=wanted,
        read=lambda row, extra: translate.deal(row, terms, extra),
    )


def _deal_contact() -> Source:
    return Source(
        object="OpportunityContactRole",
        attributes={"deal_id": "OpportunityId", "contact_id": "ContactId", "role": "Role", "is_primary": "IsPrimary"},
        parents={"ContactId": "Contact"},
        read=lambda row, _extra: translate.deal_contact(row),
    )


def _introduction(terms: Terms, wanted: tuple[str, ...]) -> Source:
    """Leads that name the person who introduced them."""
    referrer = terms.fields.lead_referred_by
    parent = referrer.removesuffix("__c") + "__r" if referrer.endswith("__c") else referrer.removesuffix("Id")
    return Source(
        object="Lead",
        attributes={
            "source_contact_id": referrer,
            "account_id": f"{parent}.AccountId",
            "person_name": "FirstName LastName Company",
            "person_contact_id": "ConvertedContactId",
            "deal_id": "ConvertedOpportunityId",
            "owner_id": "OwnerId",
            "status": "Status IsConverted",
            "status_since": "ConvertedDate",
            "made_at": "CreatedDate",
            "kind": "LeadSource",
            "note": "Description",
        },
        sometimes=("MasterRecordId",),
        needs=referrer,
        where=f"{referrer} != null",
        parents={referrer: "Contact"},
        custom=wanted,
        read=lambda row, extra: translate.introduction(row, terms, parent, extra),
    )


def _case(wanted: tuple[str, ...]) -> Source:
    return Source(
        object="Case",
        attributes={
            "account_id": "AccountId",
            "subject": "Subject",
            "priority": "Priority",
            "status": "Status",
            "escalated": "IsEscalated",
            "opened_at": "CreatedDate",
            "closed_at": "IsClosed ClosedDate",
        },
        sometimes=("MasterRecordId",),
        parents={"AccountId": "Account"},
        custom=wanted,
        read=translate.case,
    )


def _task(terms: Terms) -> Source:
    return Source(
        object=TASK,
        attributes={
            "kind": "TaskSubtype",
            "direction": "CallType",
            "status": "Status IsClosed",
            "at": "CompletedDateTime ActivityDate",
            "subject": "Subject",
            "owner_id": "OwnerId",
            "account_id": "AccountId",
            "deal_id": "WhatId",
            "contact_ids": "WhoId",
            "task_key": terms.fields.task_key,
        },
        also=("IsRecurrence",),
        sometimes=("Type", "CallDisposition", *((MARKER,) if terms.marker else ())),
        child="TaskRelation",
        parents={"AccountId": "Account", "WhoId": "Contact"},
        read=lambda row, _extra: activities.task_activity(row, terms),
    )


def _event(terms: Terms) -> Source:
    return Source(
        object=EVENT,
        attributes={
            "at": "StartDateTime ActivityDate",
            "ended_at": "EndDateTime",
            "status": terms.fields.meeting_outcome,
            "subject": "Subject",
            "owner_id": "OwnerId",
            "account_id": "AccountId",
            "deal_id": "WhatId",
            "contact_ids": "WhoId",
        },
        also=("IsChild", "IsRecurrence"),
        sometimes=("GroupEventType",),
        child="EventRelation",
        parents={"AccountId": "Account", "WhoId": "Contact"},
        read=lambda row, _extra: activities.event_activity(row, terms),
    )


def _email() -> Source:
    return Source(
        object=EMAIL,
        attributes={
            "at": "MessageDate",
            "direction": "Incoming",
            "status": "Status IsBounced",
            "subject": "Subject",
            "owner_id": "CreatedById",
            "account_id": "RelatedToId",
            "deal_id": "RelatedToId",
        },
        also=("ActivityId",),
        sometimes=("AutomationType",),
        child="EmailMessageRelation",
        parents={"RelatedToId": "Account"},
        without="mails count only as far as tasks hold them",
        read=lambda row, _extra: activities.email_activity(row),
    )
