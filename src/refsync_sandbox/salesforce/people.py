"""What every org has besides the records of a book: the organisation, profiles, system users, task statuses."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import MappingProxyType
from typing import Any

from refsync_sandbox.salesforce.ids import nth_id
from refsync_sandbox.salesforce.objects import TASK_STATUSES

ORG_ID = nth_id("00D", 0)
INTEGRATION_ID = nth_id("005", 0)
"""The user behind API calls."""
INTEGRATION_NAME = "integration.user@sandbox.example.com"

PROFILES = MappingProxyType({"Standard User": nth_id("00e", 0), "Minimum Access - API Only Integrations": nth_id("00e", 1)})
PERSON_PROFILE = PROFILES["Standard User"]

Head = Callable[[str], dict[str, Any]]
"""Returns the fields every record has (id, stamps, who made it) for a new record of an object."""


def standing_rows(head: Head) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Yield the rows of each object that is filled before the book is loaded."""
    yield "Organization", [head("Organization") | _ORGANIZATION]
    yield "Profile", [head("Profile") | {"Name": name, "UserType": "Standard"} for name in PROFILES]
    yield "User", [head("User") | user for user in _system_users()]
    yield (
        "TaskStatus",
        [
            head("TaskStatus")
            | {"MasterLabel": name, "ApiName": name, "SortOrder": place, "IsDefault": int(place == 1), "IsClosed": int(closed)}
            for place, (name, closed) in enumerate(TASK_STATUSES.items(), 1)
        ],
    )


_ORGANIZATION = {
    "Name": "Sandbox",
    "OrganizationType": "Enterprise Edition",
    "InstanceName": "SBX1",
    "IsSandbox": 1,
    "TimeZoneSidKey": "Europe/Berlin",
    "DefaultLocaleSidKey": "en_US",
    "LanguageLocaleKey": "en_US",
}


def _system_users() -> Iterator[dict[str, Any]]:
    """Yield users that are no people: the one behind API calls, and one without a profile. Both are active."""
    integration = PROFILES["Minimum Access - API Only Integrations"]
    for first, last, profile in (("Integration", "User", integration), ("Automated", "Process", None)):
        address = f"{first}.{last}@sandbox.example.com".lower()
        yield {
            "Username": address,
            "FirstName": first,
            "LastName": last,
            "Name": f"{first} {last}",
            "Email": address,
            "IsActive": 1,
            "ProfileId": profile,
            "UserType": "Standard" if profile else "AutomatedProcess",
        }
