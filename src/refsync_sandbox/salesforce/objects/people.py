"""Our own people and the org they work in."""

from __future__ import annotations

from refsync_sandbox.salesforce.fields import (
    checkbox,
    declared,
    full_name,
    picklist,
    plain,
    reference,
    text,
)
from refsync_sandbox.salesforce.schema import Kind, SObject


def people() -> tuple[SObject, ...]:
    """Return Organization, Profile, User and OutOfOffice (the first characters of whose ids are not those of Salesforce)."""
    return (
        declared(
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
        declared(
            "Profile",
            "00e",
            text("Name", nillable=False, name_field=True),
            text("UserType", 40),
            createable=False,
            deletable=False,
        ),
        declared(
            "User",
            "005",
            text("Username", 80, nillable=False),
            text("LastName", 80, nillable=False),
            text("FirstName", 40),
            full_name(),
            plain("Email", Kind.EMAIL, 128, nillable=False),
            checkbox("IsActive", default=True),
            reference("ManagerId", "User"),
            picklist("TimeZoneSidKey", length=40),
            reference("ProfileId", "Profile"),
            picklist("UserType", "Standard", "AutomatedProcess", length=40),
            createable=False,
            deletable=False,
        ),
        declared(
            "OutOfOffice",
            "0oo",
            reference("UserId", "User", nillable=False),
            plain("StartDate", Kind.DATETIME, nillable=False),
            plain("EndDate", Kind.DATETIME, nillable=False),
            checkbox("IsEnabled", default=True, filterable=False),
            text("Message", 40),
        ),
    )
