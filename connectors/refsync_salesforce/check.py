"""What a person should know before refsync reads and writes an org: who we are there, what is missing, what to do about it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from refsync.errors import Problem, Severity, did_you_mean
from refsync_salesforce.client import Client
from refsync_salesforce.key import key_field_problem, marker_problem
from refsync_salesforce.schema import Schema
from refsync_salesforce.setup import OBJECTS
from refsync_salesforce.sources import Source
from refsync_salesforce.window import is_shown
from refsync_salesforce.words import MARKER

FEW_LEFT = 0.8

SETUP = (
    "`refsync check --setup` lays out the field and a permission set to deploy; by hand: in Setup, Object Manager, Activity, "
    "Fields & Relationships: New, Text, length 64, External ID, Unique, case sensitive, field name {name}; then give the "
    "integration user read and edit access to it on Task, and the permission Edit Tasks"
)
LEAST = "give that user the permission set of `refsync check --setup`, on a profile that allows nothing else"
CHANGES = ("createable", "updateable", "deletable")
"""What describe says of an object that we may change."""

SIGN_IN = (
    "in Setup, External Client App Manager: the app needs the scope `api` and either the client credentials flow with a run-as "
    "user, or the certificate of your private key and the user's permission set under its policies"
)


def version_problems(client: Client, version: str) -> Iterator[Problem]:
    """Yield that the org does not serve an API version. Raises ConnectorError."""
    served = client.versions()
    if version not in served:
        newest = max(served, key=float, default="none")
        yield Problem(
            message=f"the org does not serve API version {version}",
            hint=f'set api_version = "{newest}", the newest that it serves',
        )


def org_problems(client: Client, version: str, org: str) -> Iterator[Problem]:
    """Yield who we are, and how many calls are left. Raises ConnectorError."""
    rows = client.rows("SELECT Name, IsSandbox FROM Organization")
    name = str(rows[0].get("Name")) if rows else ""
    kind = "sandbox org" if rows and rows[0].get("IsSandbox") is True else "org"
    yield Problem(severity="hint", message=f'signed in to the {kind} "{name}" ({org}), API version {version}')
    if client.usage is not None:
        used, allowed = client.usage
        severity: Severity = "hint" if used < FEW_LEFT * allowed else "warning"
        yield Problem(severity=severity, message=f"{used} of the org's {allowed} API calls of the last 24 hours are used")


def object_problems(schema: Schema, sources: Sequence[Source]) -> Iterator[Problem]:
    """Yield the objects and fields that are wanted and not shown. Raises ConnectorError."""
    for source in sources:
        described = schema.of(source.object)
        if source.needs and (described is None or not described.shows(source.needs)):
            continue  # the org keeps nothing of the kind there
        if described is None:
            effect = source.without or "its stream cannot be read"
            yield Problem(
                severity="hint" if source.beside else "warning" if source.optional else "error",
                message=f"Salesforce does not show {source.object}: {effect}",
                hint="give the user that refsync signs in as read access to it",
            )
            continue
        for name in source.custom:
            if name not in described.fields:
                yield Problem(
                    severity="warning",
                    message=f"{source.object} has no field {name}, or it is hidden from us: rules that read it find nothing",
                    hint=did_you_mean(name, described.fields) or "create it, or give the integration user read access to it",
                )
        lacking = [name for name in source.fields if not is_shown(name, described)]
        own = [name for name in lacking if name.endswith("__c")]
        if lacking:
            yield Problem(
                severity="hint" if lacking == own else "warning",
                message=f"{source.object} does not show {', '.join(lacking)}: what they hold stays unknown",
                hint="name the org's own fields in the connection's table `fields`"
                if own
                else "give the integration user read access",
            )


def excess_problems(client: Client, read: Collection[str]) -> Iterator[Problem]:
    """Yield which objects we could change although we only read them, as far as the API shows it. Raises ConnectorError."""
    listed = client.get("sobjects").get("sobjects")
    shown = {one.get("name"): one for one in listed if isinstance(one, dict)} if isinstance(listed, list) else {}
    changed = sorted(name for name in set(read) & set(OBJECTS) if any(shown.get(name, {}).get(one) is True for one in CHANGES))
    if changed:
        message = f"the user that refsync signs in as may change {', '.join(changed)}, which refsync only reads"
        yield Problem(severity="warning", message=message, hint=LEAST)


def task_problems(schema: Schema, key_field: str, *, marker: bool) -> Iterator[Problem]:
    """Yield why tasks cannot be written, or only with less safety, and what to do. Raises ConnectorError."""
    described = schema.of("Task")
    reason = key_field_problem(key_field, described)
    if not reason:
        return
    hint = SETUP.format(name=key_field)
    if not marker:
        yield Problem(message=f"refsync reads this org and writes no tasks: {reason}", hint=hint)
    elif unmarked := marker_problem(described):
        yield Problem(message=f"refsync reads this org and writes no tasks: {reason}, and {unmarked}", hint=hint)
    else:
        message = f"{reason}: the key of a task stands in {MARKER}, which Salesforce does not keep unique"
        yield Problem(severity="warning", message=message, hint=hint)
