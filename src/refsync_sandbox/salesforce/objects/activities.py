"""What happens between us and them."""

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
from refsync_sandbox.salesforce.objects.words import KEY_FIELD, TASK_STATUSES, WHAT
from refsync_sandbox.salesforce.schema import Child, Field, Kind, SObject


def _archived(condition: str) -> Field:
    return read_only(checkbox("IsArchived", expression=condition), nillable=False)


_TASK_ARCHIVED = "({t}.IsClosed AND coalesce({t}.ActivityDate, substr({t}.CreatedDate, 1, 10)) < :archived)"
_EVENT_ARCHIVED = "coalesce(substr({t}.EndDateTime, 1, 10) < :archived, 0)"


def _activity_custom() -> tuple[Field, ...]:
    return (
        text(KEY_FIELD, 64, external_id=True, unique=True, case_sensitive=True),
        picklist("Outcome__c", "Planned", "Completed", "Cancelled", "No show"),
    )


def activities() -> tuple[SObject, ...]:
    """Return Task, Event and EmailMessage."""
    return (
        declared(
            "Task",
            "00T",
            reference("WhoId", "Contact", "Lead"),
            reference("WhatId", *WHAT),
            picklist("Subject", "Call", "Email", "Send Letter", "Send Quote", "Other", kind=Kind.COMBOBOX, name_field=True),
            plain("ActivityDate", Kind.DATE),
            picklist("Status", *TASK_STATUSES, nillable=False, default="Not Started"),
            picklist("Priority", "High", "Normal", "Low", nillable=False, default="Normal"),
            read_only(checkbox("IsHighPriority"), nillable=False),
            owner("Group", "User"),
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
        declared(
            "Event",
            "00U",
            reference("WhoId", "Contact", "Lead"),
            reference("WhatId", *WHAT),
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
            owner("Calendar", "User"),
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
        declared(
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
            reference("RelatedToId", *WHAT),
            checkbox("IsBounced"),
            picklist("AutomationType", "AiAssisted", "AiAutomated", restricted=True),
            children=(Child(name="EmailMessageRelations", object="EmailMessageRelation", field="EmailMessageId", cascade=True),),
        ),
    )


def relations() -> tuple[SObject, ...]:
    """Return who takes part in activities, and the statuses of tasks."""
    return (
        _relation("TaskRelation", "0RT", "TaskId", "Task"),
        _relation("EventRelation", "0RE", "EventId", "Event"),
        declared(
            "EmailMessageRelation",
            "0ER",
            create_only(reference("EmailMessageId", "EmailMessage", nillable=False)),
            create_only(reference("RelationId", "Contact", "Lead", "User")),
            create_only(picklist("RelationType", "FromAddress", "ToAddress", "CcAddress", "BccAddress", restricted=True)),
            create_only(text("RelationAddress", 1000)),
            create_only(text("RelationObjectType", 40)),
        ),
        declared(
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
    return declared(
        name,
        prefix,
        create_only(reference(field, activity, nillable=False)),
        create_only(reference("RelationId", "Contact", "Lead", "User", nillable=False)),
        read_only(checkbox("IsWhat"), nillable=False),
        soft_delete=False,
        updateable=False,
    )
