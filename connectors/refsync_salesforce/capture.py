"""Whether Einstein Activity Capture keeps mails and meetings where refsync cannot see them.

What it captures stands in the timeline of a record and, unless the org writes it as Salesforce activities, in no Task, Event or
EmailMessage (help article 000385365). A customer with whom there is daily contact then looks neglected.

Law: only what the API shows is claimed. It shows two signs: objects that exist only where the feature is on (Object Reference,
`UserEmailCalendarSync` and `ActivityUsrConnectionStatus`), and permission set licences that are given to users. It does not show
whether captured mails are written as activities as well: the metadata type EACSettings tells that, but not to the REST API.
"""

from __future__ import annotations

from collections.abc import Iterator

from refsync.errors import Problem, UnexpectedReply
from refsync_salesforce.client import Client
from refsync_salesforce.schema import Schema

OBJECTS = ("UserEmailCalendarSync", "ActivityUsrConnectionStatus")
LICENCES = "PermissionSetLicense"
WORD = "EinsteinActivityCapture"
"""Stands in the names of its licences, such as StandardEinsteinActivityCapturePsl."""

HINT = (
    "in Setup, Einstein Activity Capture, Settings: let mails and events be written as Salesforce activities; as long as they "
    "are not, a rule about missing contact may name customers whom somebody has just written to"
)


def capture_problems(client: Client, schema: Schema) -> Iterator[Problem]:
    """Yield what is seen of Einstein Activity Capture, or that nothing is. Raises ConnectorError."""
    signs = [f"the org has the object {name}" for name in OBJECTS if schema.of(name) is not None]
    users = _licensed(client, schema)
    if users:
        signs.append(f"{users} of its licences are given to users")
    if signs:
        message = (
            f"Einstein Activity Capture is on ({'; '.join(signs)}): what it captures may be in no record that refsync can read"
        )
        yield Problem(severity="warning", message=message, hint=HINT)
    else:
        told = "; its licences are not shown to us" if users is None else ""
        yield Problem(severity="hint", message=f"no sign of Einstein Activity Capture is seen{told}")


def _licensed(client: Client, schema: Schema) -> int | None:
    """Return how many licences are in use; None when the org does not show them."""
    described = schema.of(LICENCES)
    if described is None or not (described.shows("DeveloperName") and described.shows("UsedLicenses")):
        return None
    try:
        rows = client.rows(f"SELECT DeveloperName, UsedLicenses FROM {LICENCES}")  # noqa: S608 # a constant
    except UnexpectedReply:
        return None
    used = [row.get("UsedLicenses") for row in rows if WORD in str(row.get("DeveloperName"))]
    return sum(one for one in used if isinstance(one, int))
