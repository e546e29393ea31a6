"""The objects of the stand-in org: those refsync reads, with the fields that matter to clients.

Field types, lengths and flags follow recorded describes of real orgs. Custom fields are those of the agreed field map: a
tier and do-not-contact flags, a referrer on deals, and the unique refsync key on activities (which shows on Task and Event).
`Task.Type`, `HasOptedOutOfEmail` and `DoNotCall` are left out, as they are missing in recorded describes (salesforce.md 2).
"""

from __future__ import annotations

from types import MappingProxyType

from refsync_sandbox.salesforce.fields import (
    checkbox,
    create_only,
    long_text,
    picklist,
    plain,
    read_only,
    reference,
    system_fields,
    text,
)
from refsync_sandbox.salesforce.schema import Child, Field, Kind, Schema, SObject

TASK_STATUSES = {
    "Not Started": False,
    "In Progress": False,
    "Completed": True,
    "Waiting on someone else": False,
    "Deferred": False,
    "Cancelled": True,
}
"""The values of Task.Status and whether they close a task; `Cancelled` is this org's own."""

KEY_FIELD = "refsync_key__c"

_WHAT = ("Account", "Campaign", "Case", "Contract", "Opportunity")
_ROLES = ("Business User", "Decision Maker", "Economic Buyer", "Evaluator", "Executive Sponsor", "Influencer", "Technical Buyer")


def _object(name: str, prefix: str, *own: Field, plural: str = "", children: tuple[Child, ...] = (), **more: object) -> SObject:
    head, *stamps = system_fields(deletable=more.get("deletable", True) is True)
    fields = (head, *own, *stamps)
    return SObject(
        name=name,
        prefix=prefix,
        plural=plural or f"{name}s",
        fields=MappingProxyType({one.name: one for one in fields}),
        children=children,
        **more,  # type: ignore[arg-type] # the further attributes of SObject, checked by its constructor
    )


def _full_name(name: str = "Name") -> Field:
    return read_only(text(name, 121, name_field=True), nillable=False)


def _owner(*objects: str) -> Field:
    return reference("OwnerId", *objects, nillable=False, default="")


_LATEST = """(SELECT max(day) FROM (
    SELECT ActivityDate AS day FROM Task WHERE $child = {t}.Id AND IsClosed AND NOT IsDeleted
    UNION ALL SELECT ActivityDate FROM Event WHERE $child = {t}.Id AND NOT IsDeleted))"""


def _last_activity(child: str) -> Field:
    """Latest due day of closed tasks or day of events, future ones included (help 000385365)."""
    return read_only(plain("LastActivityDate", Kind.DATE, expression=_LATEST.replace("$child", child)))


def _archived(condition: str) -> Field:
    return read_only(checkbox("IsArchived", expression=condition), nillable=False)


_TASK_ARCHIVED = "({t}.IsClosed AND coalesce({t}.ActivityDate, substr({t}.CreatedDate, 1, 10)) < :archived)"
_EVENT_ARCHIVED = "coalesce(substr({t}.EndDateTime, 1, 10) < :archived, 0)"


def _activity_custom() -> tuple[Field, ...]:
    return (
        text(KEY_FIELD, 64, external_id=True, unique=True, case_sensitive=True),
        picklist("Outcome__c", "Planned", "Completed", "Cancelled", "No show"),
    )


def _people() -> tuple[SObject, ...]:
    return (
        _object(
            "Organization",
            "00D",
            text("Name", 80, nillable=False, name_field=True),
            text("OrganizationType", 40),
            text("InstanceName", 5),
            checkbox("IsSandbox"),
            text("NamespacePrefix", 15),
            text("TimeZoneSidKey", 40),
            text("DefaultLocaleSidKey", 40),
            text("LanguageLocaleKey", 40),
            plural="Organizations",
            createable=False,
            deletable=False,
        ),
        _object(
            "Profile",
            "00e",
            text("Name", nillable=False, name_field=True),
            text("UserType", 40),
            createable=False,
            deletable=False,
        ),
        _object(
            "User",
            "005",
            text("Username", 80, nillable=False),
            text("LastName", 80, nillable=False),
            text("FirstName", 40),
            _full_name(),
            plain("Email", Kind.EMAIL, 128, nillable=False),
            checkbox("IsActive", default=True),
            reference("ManagerId", "User"),
            picklist("TimeZoneSidKey", length=40),
            reference("ProfileId", "Profile"),
            picklist("UserType", "Standard", "AutomatedProcess", length=40),
            createable=False,
            deletable=False,
        ),
    )


def _companies() -> tuple[SObject, ...]:
    return (
        _object(
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
            _owner("User"),
            _last_activity("AccountId"),
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
            ),
        ),
        _object(
            "Contact",
            "003",
            text("LastName", 80, nillable=False),
            text("FirstName", 40),
            _full_name(),
            reference("AccountId", "Account"),
            read_only(reference("MasterRecordId", "Contact")),
            plain("Email", Kind.EMAIL, 80),
            plain("Phone", Kind.PHONE, 40),
            text("Title", 128),
            _owner("User"),
            long_text("Description"),
            read_only(checkbox("IsEmailBounced"), nillable=False),
            plain("EmailBouncedDate", Kind.DATETIME),
            _last_activity("WhoId"),
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
            ),
        ),
    )


def _sales() -> tuple[SObject, ...]:
    return (
        _object(
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
            picklist("Type"),
            picklist("LeadSource"),
            _owner("User"),
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
        _object(
            "OpportunityContactRole",
            "00K",
            create_only(reference("OpportunityId", "Opportunity", nillable=False)),
            reference("ContactId", "Contact", nillable=False),
            picklist("Role", *_ROLES, length=40),
            checkbox("IsPrimary"),
        ),
        _object(
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
            _owner("Group", "User"),
            long_text("Description"),
            children=(
                Child(name="Tasks", object="Task", field="WhatId", cascade=True),
                Child(name="Events", object="Event", field="WhatId", cascade=True),
                Child(name="EmailMessages", object="EmailMessage", field="ParentId", cascade=True),
            ),
        ),
    )


def _activities() -> tuple[SObject, ...]:
    return (
        _object(
            "Task",
            "00T",
            reference("WhoId", "Contact", "Lead"),
            reference("WhatId", *_WHAT),
            picklist("Subject", "Call", "Email", "Send Letter", "Send Quote", "Other", kind=Kind.COMBOBOX, name_field=True),
            plain("ActivityDate", Kind.DATE),
            picklist("Status", *TASK_STATUSES, nillable=False, default="Not Started"),
            picklist("Priority", "High", "Normal", "Low", nillable=False, default="Normal"),
            read_only(checkbox("IsHighPriority"), nillable=False),
            _owner("Group", "User"),
            long_text("Description"),
            read_only(reference("AccountId", "Account")),
            read_only(checkbox("IsClosed"), nillable=False),
            _archived(_TASK_ARCHIVED),
            plain("CallDurationInSeconds", Kind.INT),
            picklist("CallType", "Internal", "Inbound", "Outbound", length=40, restricted=True),
            text("CallDisposition"),
            text("CallObject"),
            plain("ReminderDateTime", Kind.DATETIME),
            checkbox("IsReminderSet"),
            create_only(checkbox("IsRecurrence")),
            create_only(
                picklist(
                    "TaskSubtype", "Task", "Email", "ListEmail", "Cadence", "Call", "LinkedIn", default="Task", restricted=True
                )
            ),
            read_only(plain("CompletedDateTime", Kind.DATETIME)),
            *_activity_custom(),
            archived_when=_TASK_ARCHIVED,
            children=(Child(name="TaskRelations", object="TaskRelation", field="TaskId", cascade=True),),
        ),
        _object(
            "Event",
            "00U",
            reference("WhoId", "Contact", "Lead"),
            reference("WhatId", *_WHAT),
            picklist("Subject", "Call", "Email", "Meeting", "Other", kind=Kind.COMBOBOX, name_field=True),
            text("Location"),
            checkbox("IsAllDayEvent"),
            plain("ActivityDateTime", Kind.DATETIME),
            plain("ActivityDate", Kind.DATE),
            plain("DurationInMinutes", Kind.INT),
            plain("StartDateTime", Kind.DATETIME),
            plain("EndDateTime", Kind.DATETIME),
            long_text("Description"),
            read_only(reference("AccountId", "Account")),
            _owner("Calendar", "User"),
            checkbox("IsPrivate"),
            read_only(checkbox("IsChild"), nillable=False),
            read_only(checkbox("IsGroupEvent"), nillable=False),
            _archived(_EVENT_ARCHIVED),
            create_only(checkbox("IsRecurrence")),
            read_only(checkbox("IsRecurrence2"), nillable=False),
            create_only(picklist("EventSubtype", "Event", default="Event", restricted=True)),
            *_activity_custom(),
            archived_when=_EVENT_ARCHIVED,
            children=(Child(name="EventRelations", object="EventRelation", field="EventId", cascade=True),),
        ),
        _object(
            "EmailMessage",
            "02s",
            reference("ParentId", "Case"),
            create_only(reference("ActivityId", "Task", relationship=None)),
            text("Subject", 3000, name_field=True),
            long_text("TextBody", 131_072),
            text("FromName", 1000),
            plain("FromAddress", Kind.EMAIL, 1000),
            text("ToAddress", 4000),
            checkbox("Incoming"),
            picklist("Status", "0", "1", "2", "3", "4", "5", nillable=False, default="3", restricted=True),
            plain("MessageDate", Kind.DATETIME),
            create_only(reference("FromId", "Contact", "Lead", "User", relationship=None)),
            reference("RelatedToId", *_WHAT),
            checkbox("IsBounced"),
            picklist("AutomationType", "AiAssisted", "AiAutomated", restricted=True),
            children=(Child(name="EmailMessageRelations", object="EmailMessageRelation", field="EmailMessageId", cascade=True),),
        ),
    )


def _relations() -> tuple[SObject, ...]:
    return (
        _relation("TaskRelation", "0RT", "TaskId", "Task"),
        _relation("EventRelation", "0RE", "EventId", "Event"),
        _object(
            "EmailMessageRelation",
            "0ER",
            create_only(reference("EmailMessageId", "EmailMessage", nillable=False)),
            create_only(reference("RelationId", "Contact", "Lead", "User")),
            create_only(picklist("RelationType", "FromAddress", "ToAddress", "CcAddress", "BccAddress", restricted=True)),
            create_only(text("RelationAddress", 1000)),
            create_only(text("RelationObjectType", 40)),
        ),
        _object(
            "TaskStatus",
            "01J",
            text("MasterLabel", nillable=False, name_field=True),
            text("ApiName"),
            plain("SortOrder", Kind.INT),
            checkbox("IsDefault"),
            checkbox("IsClosed"),
            plural="Task Status Values",
            createable=False,
            deletable=False,
            bulk=False,
        ),
    )


def _relation(name: str, prefix: str, field: str, activity: str) -> SObject:
    return _object(
        name,
        prefix,
        create_only(reference(field, activity, nillable=False)),
        create_only(reference("RelationId", "Contact", "Lead", "User", nillable=False)),
        read_only(checkbox("IsWhat"), nillable=False),
        soft_delete=False,
        updateable=False,
    )


def standard() -> Schema:
    """Return the schema of an org before the custom fields of a book."""
    return Schema((*_people(), *_companies(), *_sales(), *_activities(), *_relations()))
