"""What we sell and what goes wrong."""

from __future__ import annotations

from refsync_sandbox.salesforce.fields import (
    checkbox,
    create_only,
    declared,
    long_text,
    owner,
    picklist,
    plain,
    read_only,
    reference,
    text,
)
from refsync_sandbox.salesforce.objects.words import ROLES
from refsync_sandbox.salesforce.schema import Child, Kind, SObject


def sales() -> tuple[SObject, ...]:
    """Return Opportunity, OpportunityContactRole and Case."""
    return (
        declared(
            "Opportunity",
            "006",
            text("Name", 120, nillable=False, name_field=True),
            reference("AccountId", "Account"),
            picklist("StageName", "Prospecting", "Qualification", "Closed Won", "Closed Lost", nillable=False),
            read_only(checkbox("IsClosed"), nillable=False),
            read_only(checkbox("IsWon"), nillable=False),
            plain("Amount", Kind.CURRENCY),
            picklist("CurrencyIsoCode", "USD", "EUR", "GBP", "CHF", length=3),
            plain("CloseDate", Kind.DATE, nillable=False),
            read_only(plain("LastStageChangeDate", Kind.DATETIME)),
            picklist("Type"),
            picklist("LeadSource"),
            owner("User"),
            long_text("Description"),
            reference("Referred_By__c", "Contact"),
            plural="Opportunities",
            children=(
                Child(name="OpportunityContactRoles", object="OpportunityContactRole", field="OpportunityId", cascade=True),
                Child(name="Tasks", object="Task", field="WhatId", cascade=True),
                Child(name="Events", object="Event", field="WhatId", cascade=True),
                Child(name="Emails", object="EmailMessage", field="RelatedToId"),
            ),
        ),
        declared(
            "OpportunityContactRole",
            "00K",
            create_only(reference("OpportunityId", "Opportunity", nillable=False)),
            reference("ContactId", "Contact", nillable=False),
            picklist("Role", *ROLES, length=40),
            checkbox("IsPrimary"),
        ),
        declared(
            "Case",
            "500",
            reference("AccountId", "Account"),
            reference("ContactId", "Contact"),
            read_only(reference("MasterRecordId", "Case")),
            text("Subject", name_field=True),
            picklist("Status", "New", "Working", "Escalated", "Closed", default="New"),
            picklist("Priority", "High", "Medium", "Low", default="Medium"),
            picklist("Origin", "Email", "Phone", "Web"),
            read_only(checkbox("IsClosed"), nillable=False),
            read_only(plain("ClosedDate", Kind.DATETIME)),
            checkbox("IsEscalated"),
            owner("Group", "User"),
            long_text("Description"),
            children=(
                Child(name="Tasks", object="Task", field="WhatId", cascade=True),
                Child(name="Events", object="Event", field="WhatId", cascade=True),
                Child(name="EmailMessages", object="EmailMessage", field="ParentId", cascade=True),
            ),
        ),
    )
