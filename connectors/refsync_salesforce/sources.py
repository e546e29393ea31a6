"""Which objects make up each stream, which of their fields are read, and which function reads a row."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from refsync.model import Record, Stream
from refsync_salesforce import activities, translate
from refsync_salesforce.values import Custom, Row
from refsync_salesforce.words import MARKER, Terms

Read: TypeAlias = Callable[[Row, Custom], Record | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One object of Salesforce that a stream is read from."""

    object: str
    fields: tuple[str, ...]
    """Read as far as the org shows them; `Parent.Field` needs the reference `ParentId`."""
    read: Read
    sometimes: tuple[str, ...] = ()
    """Fields that not every org has."""
    custom: tuple[str, ...] = ()
    """Fields that rules and milestones ask for."""
    child: str = ""
    """The object that holds the people of an activity, where the org keeps several."""
    child_fields: tuple[str, ...] = ("RelationId", "IsDeleted")
    optional: bool = False
    """Not every org has it."""


def sources(terms: Terms, custom: Mapping[Stream, frozenset[str]]) -> Mapping[Stream, tuple[Source, ...]]:
    """Return what each stream is read from, in the order in which it is read."""
    fields = terms.fields

    def wanted(stream: Stream) -> tuple[str, ...]:
        return tuple(sorted(custom.get(stream, ())))

    return {
        Stream.USERS: (
            Source(
                object="User",
                fields=("Name", "Email", "IsActive", "ManagerId", "TimeZoneSidKey", "Profile.Name"),
                sometimes=("UserType",),
                custom=wanted(Stream.USERS),
                read=translate.user,
            ),
        ),
        Stream.ACCOUNTS: (
            Source(
                object="Account",
                fields=(
                    *("Name", "OwnerId", "ParentId", "Industry", "AnnualRevenue", "CreatedDate"),
                    *(fields.account_status, fields.account_tier, fields.account_do_not_contact),
                ),
                sometimes=("MasterRecordId",),
                custom=wanted(Stream.ACCOUNTS),
                read=lambda row, extra: translate.account(row, terms, extra),
            ),
        ),
        Stream.CONTACTS: (
            Source(
                object="Contact",
                fields=(
                    *("AccountId", "FirstName", "LastName", "Email", "Phone", "Title", "OwnerId", "CreatedDate"),
                    fields.contact_do_not_contact,
                ),
                sometimes=("MasterRecordId", "HasOptedOutOfEmail", "DoNotCall"),
                custom=wanted(Stream.CONTACTS),
                read=lambda row, extra: translate.contact(row, terms, extra),
            ),
        ),
        Stream.DEALS: (
            Source(
                object="Opportunity",
                fields=(
                    *("AccountId", "Name", "StageName", "IsClosed", "IsWon", "Amount", "CloseDate"),
                    *("OwnerId", "CreatedDate", fields.deal_referred_by),
                ),
                sometimes=("CurrencyIsoCode",),
                custom=wanted(Stream.DEALS),
                read=lambda row, extra: translate.deal(row, terms, extra),
            ),
        ),
        Stream.DEAL_CONTACTS: (
            Source(
                object="OpportunityContactRole",
                fields=("OpportunityId", "ContactId", "Role", "IsPrimary"),
                read=lambda row, _extra: translate.deal_contact(row),
            ),
        ),
        Stream.CASES: (
            Source(
                object="Case",
                fields=("AccountId", "Subject", "Priority", "Status", "IsClosed", "ClosedDate", "IsEscalated", "CreatedDate"),
                sometimes=("MasterRecordId",),
                custom=wanted(Stream.CASES),
                read=translate.case,
            ),
        ),
        Stream.ACTIVITIES: (
            Source(
                object="Task",
                fields=(
                    *("TaskSubtype", "CallType", "CallDisposition", "Status", "IsClosed", "CompletedDateTime"),
                    *("ActivityDate", "IsRecurrence", "Subject", "OwnerId", "WhatId", "WhoId", "AccountId", fields.task_key),
                ),
                sometimes=("Type", MARKER) if terms.marker else ("Type",),
                child="TaskRelation",
                read=lambda row, _extra: activities.task_activity(row, terms),
            ),
            Source(
                object="Event",
                fields=(
                    *("StartDateTime", "EndDateTime", "ActivityDate", "IsChild", "IsRecurrence", "Subject", "OwnerId"),
                    *("WhatId", "WhoId", "AccountId", fields.meeting_outcome),
                ),
                child="EventRelation",
                read=lambda row, _extra: activities.event_activity(row, terms),
            ),
            Source(
                object="EmailMessage",
                fields=(
                    *("MessageDate", "Incoming", "IsBounced", "Status", "AutomationType", "Subject", "CreatedById"),
                    *("RelatedToId", "ActivityId"),
                ),
                child="EmailMessageRelation",
                optional=True,
                read=lambda row, _extra: activities.email_activity(row),
            ),
        ),
    }
