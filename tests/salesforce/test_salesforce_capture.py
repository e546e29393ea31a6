"""What `check` can say of Einstein Activity Capture."""

from __future__ import annotations

from typing import Any

import pytest

from refsync_salesforce.capture import capture_problems
from refsync_salesforce.client import Client
from refsync_salesforce.schema import Schema
from tests.salesforce.prepared import Org

MISSING = [{"errorCode": "NOT_FOUND", "message": ""}]
FIELDS = {"fields": [{"name": name, "type": "string"} for name in ("DeveloperName", "UsedLicenses")]}


def shows(org: Org, *names: str, licences: list[dict[str, Any]] | None = None) -> None:
    for name in ("UserEmailCalendarSync", "ActivityUsrConnectionStatus", "PermissionSetLicense"):
        shown = name in names
        org.says("GET", f"sobjects/{name}/describe", FIELDS if shown else MISSING, status=200 if shown else 404)
    org.says("GET", "queryAll/", org.answer(*(licences or [])))


@pytest.mark.parametrize(
    ("names", "licences", "sign"),
    [
        (("UserEmailCalendarSync",), [], "the org has the object UserEmailCalendarSync"),
        (("ActivityUsrConnectionStatus",), [], "the org has the object ActivityUsrConnectionStatus"),
        (
            ("PermissionSetLicense",),
            [
                {"DeveloperName": "StandardEinsteinActivityCapturePsl", "UsedLicenses": 12},
                {"DeveloperName": "EinsteinActivityCapturePsl", "UsedLicenses": 3},
                {"DeveloperName": "SalesConsoleUser", "UsedLicenses": 99},
            ],
            "15 of its licences are given to users",
        ),
    ],
)
def test_signs_of_capture_are_a_warning(
    org: Org, client: Client, names: tuple[str, ...], licences: list[dict[str, Any]], sign: str
) -> None:
    """Where mails may be kept outside of all records, a person is told, with the sign that was seen and what to do."""
    shows(org, *names, licences=licences)
    (problem,) = capture_problems(client, Schema(client))

    assert "warning" == problem.severity
    assert sign in problem.message
    assert "written as Salesforce activities" in problem.hint


@pytest.mark.parametrize(
    ("names", "licences", "message"),
    [
        (
            ("PermissionSetLicense",),
            [{"DeveloperName": "StandardEinsteinActivityCapturePsl", "UsedLicenses": 0}],
            "no sign of Einstein Activity Capture is seen",
        ),
        ((), [], "no sign of Einstein Activity Capture is seen; its licences are not shown to us"),
    ],
)
def test_no_sign_is_not_called_off(
    org: Org, client: Client, names: tuple[str, ...], licences: list[dict[str, Any]], message: str
) -> None:
    """Where nothing is seen it is said so, and what could not be looked at."""
    shows(org, *names, licences=licences)
    (problem,) = capture_problems(client, Schema(client))

    assert ("hint", message) == (problem.severity, problem.message)
