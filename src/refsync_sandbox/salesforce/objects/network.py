"""Whom people know and where else they belong."""

from __future__ import annotations

from refsync_sandbox.salesforce.fields import (
    checkbox,
    create_only,
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
from refsync_sandbox.salesforce.objects.words import LEAD_STATUSES, ROLES
from refsync_sandbox.salesforce.schema import Child, Kind, SObject


def network() -> tuple[SObject, ...]:
    """Return Lead and AccountContactRelation; the latter is off until a book has people of several accounts."""
    return (
        declared(
            "Lead",
            "00Q",
            text("LastName", 80, nillable=False),
            text("FirstName", 40),
            full_name(),
            text("Company", 255, nillable=False),
            text("Title", 128),
            plain("Email", Kind.EMAIL, 80),
            plain("Phone", Kind.PHONE, 40),
            picklist("Status", *LEAD_STATUSES, nillable=False, default=LEAD_STATUSES[0]),
            picklist("LeadSource"),
            owner("Group", "User"),
            long_text("Description"),
            read_only(reference("MasterRecordId", "Lead")),
            read_only(checkbox("IsConverted"), nillable=False),
            read_only(plain("ConvertedDate", Kind.DATE)),
            read_only(reference("ConvertedAccountId", "Account", relationship="ConvertedAccount")),
            read_only(reference("ConvertedContactId", "Contact", relationship="ConvertedContact")),
            read_only(reference("ConvertedOpportunityId", "Opportunity", relationship="ConvertedOpportunity")),
            reference("Referred_By__c", "Contact"),
            mergeable=True,
            children=(
                Child(name="Tasks", object="Task", field="WhoId", cascade=True),
                Child(name="Events", object="Event", field="WhoId", cascade=True),
            ),
        ),
        declared(
            "AccountContactRelation",
            "07k",
            create_only(reference("AccountId", "Account", nillable=False)),
            create_only(reference("ContactId", "Contact", nillable=False)),
            picklist("Roles", *ROLES, length=4099),
            read_only(checkbox("IsDirect"), nillable=False),
            checkbox("IsActive", default=True),
            plain("StartDate", Kind.DATE),
            plain("EndDate", Kind.DATE),
            visible=False,
        ),
    )
