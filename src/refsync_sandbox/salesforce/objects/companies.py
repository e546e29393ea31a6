"""Those we sell to, and their people."""

from __future__ import annotations

from dataclasses import replace

from refsync_sandbox.salesforce.fields import (
    checkbox,
    declared,
    full_name,
    long_text,
    owner,
    picklist,
    plain,
    read_only,
    reference,
    text,
)
from refsync_sandbox.salesforce.schema import Child, Field, Kind, SObject

_LATEST = """(SELECT max(day) FROM (
    SELECT ActivityDate AS day FROM Task WHERE $child = {t}.Id AND IsClosed AND NOT IsDeleted
    UNION ALL SELECT ActivityDate FROM Event WHERE $child = {t}.Id AND NOT IsDeleted))"""


def last_activity(child: str) -> Field:
    """Latest due day of closed tasks or day of events, future ones included (help 000385365)."""
    return read_only(plain("LastActivityDate", Kind.DATE, expression=_LATEST.replace("$child", child)))


def _person_fields() -> tuple[Field, ...]:
    """Return what accounts have besides where person accounts are on; hidden until a book has such accounts."""
    return tuple(
        replace(one, visible=False)
        for one in (
            read_only(checkbox("IsPersonAccount"), nillable=False),
            read_only(reference("PersonContactId", "Contact", relationship="PersonContact")),
            text("FirstName", 40),
            text("LastName", 80),
            plain("PersonEmail", Kind.EMAIL, 80),
            text("PersonTitle", 80),
            checkbox("PersonHasOptedOutOfEmail"),
            checkbox("PersonDoNotCall"),
        )
    )


def companies() -> tuple[SObject, ...]:
    """Return Account and Contact."""
    return (
        declared(
            "Account",
            "001",
            text("Name", nillable=False, name_field=True),
            picklist("Type", "Prospect", "Customer - Direct", "Customer - Channel", "Former Customer", "Other", length=255),
            reference("ParentId", "Account"),
            read_only(reference("MasterRecordId", "Account")),
            picklist("Industry", length=255),
            plain("AnnualRevenue", Kind.CURRENCY),
            plain("Website", Kind.URL, 255),
            plain("Phone", Kind.PHONE, 40),
            long_text("Description"),
            owner("User"),
            last_activity("AccountId"),
            *_person_fields(),
            picklist("Tier__c"),
            checkbox("Do_Not_Contact__c"),
            mergeable=True,
            children=(
                Child(name="ChildAccounts", object="Account", field="ParentId"),
                Child(name="Contacts", object="Contact", field="AccountId", cascade=True),
                Child(name="Opportunities", object="Opportunity", field="AccountId", cascade=True),
                Child(name="Cases", object="Case", field="AccountId"),
                Child(name="Tasks", object="Task", field="WhatId", cascade=True),
                Child(name="Events", object="Event", field="WhatId", cascade=True),
                Child(name="Emails", object="EmailMessage", field="RelatedToId"),
                Child(name="AccountContactRelations", object="AccountContactRelation", field="AccountId", cascade=True),
            ),
        ),
        declared(
            "Contact",
            "003",
            text("LastName", 80, nillable=False),
            text("FirstName", 40),
            full_name(),
            reference("AccountId", "Account"),
            replace(read_only(checkbox("IsPersonAccount"), nillable=False), visible=False),
            read_only(reference("MasterRecordId", "Contact")),
            plain("Email", Kind.EMAIL, 80),
            plain("Phone", Kind.PHONE, 40),
            text("Title", 128),
            owner("User"),
            long_text("Description"),
            read_only(checkbox("IsEmailBounced"), nillable=False),
            plain("EmailBouncedDate", Kind.DATETIME),
            last_activity("WhoId"),
            checkbox("Do_Not_Contact__c"),
            mergeable=True,
            children=(
                Child(name="Cases", object="Case", field="ContactId"),
                Child(name="Tasks", object="Task", field="WhoId", cascade=True),
                Child(name="Events", object="Event", field="WhoId", cascade=True),
                Child(name="OpportunityContactRoles", object="OpportunityContactRole", field="ContactId", cascade=True),
                Child(name="TaskRelations", object="TaskRelation", field="RelationId", cascade=True),
                Child(name="EventRelations", object="EventRelation", field="RelationId", cascade=True),
                Child(name="EmailMessageRelations", object="EmailMessageRelation", field="RelationId", cascade=True),
                Child(name="Referred_Opportunities__r", object="Opportunity", field="Referred_By__c"),
                Child(name="Introduced_Leads__r", object="Lead", field="Referred_By__c"),
                Child(name="AccountContactRelations", object="AccountContactRelation", field="ContactId", cascade=True),
            ),
        ),
    )
