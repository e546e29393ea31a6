"""What a person should know of a HubSpot connection: the portal, the rights, the properties, the key, the limits."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from refsync.errors import AuthError, Problem, Severity
from refsync.model import Stream
from refsync_hubspot import replies
from refsync_hubspot.client import Client
from refsync_hubspot.key import KeyState, key_state
from refsync_hubspot.objects import ObjectType, object_types
from refsync_hubspot.options import HubSpotOptions, Properties
from refsync_hubspot.owners import names
from refsync_hubspot.records import Records
from refsync_hubspot.replies import MissingScope
from refsync_hubspot.tasks import is_allowed

_NEEDED = frozenset({Stream.USERS, Stream.ACCOUNTS, Stream.CONTACTS, Stream.DEALS})


def problems(
    client: Client, records: Records, options: HubSpotOptions, custom: Mapping[Stream, frozenset[str]]
) -> Iterator[Problem]:
    """Yield everything, the sign-in first; nothing else when that fails."""
    try:
        account = client.account
    except AuthError as error:
        yield Problem(message=str(error), hint="make a service key or private app token with the scopes in the manual")
        return
    yield Problem(
        message=f"signed in to HubSpot portal {account['portalId']} ({account.get('timeZone') or 'no time zone'})",
        severity="hint",
    )
    yield from _owners(records, options)
    for stream, kinds in object_types(options, custom).items():
        if stream is not Stream.DEAL_CONTACTS:
            for kind in kinds:
                yield from _kind(client, stream, kind, options, custom.get(stream, frozenset()))
    yield from _key(client, options)
    yield from _limits(client)


def _owners(records: Records, options: HubSpotOptions) -> Iterator[Problem]:
    try:
        known = {name for owner in records.owners() for name in names(owner)}
    except AuthError as error:
        yield Problem(message=f"owners cannot be read: {error}", hint="give the token the scope crm.objects.owners.read")
        return
    named = set(options.users) | {person.manager.lower() for person in options.users.values() if person.manager}
    for email in sorted(named - known):
        yield Problem(message=f'the option users names "{email}", which is no HubSpot owner', severity="warning")
    try:
        records.profiles()
    except AuthError as error:
        yield Problem(
            message=f"who is away, and in which time zone people work, cannot be read: {error}",
            hint="give the token the scope crm.objects.users.read, or let it be: everybody counts as there",
            severity="hint",
        )


def _kind(client: Client, stream: Stream, kind: ObjectType, options: HubSpotOptions, custom: frozenset[str]) -> Iterator[Problem]:
    severity: Severity = "error" if stream in _NEEDED else "warning"
    try:
        replies.records(client.get(client.paths.objects(kind.name), {"limit": 1, "archived": "false"}))
        defined = {str(found.get("name")) for found in replies.rows(client.get(client.paths.properties(kind.name)))}
    except AuthError as error:
        yield Problem(message=f"{kind.name} cannot be read: {error}", severity=severity)
        return
    for name in kind.properties:
        if name in defined or name == options.key_property:
            continue
        if name in custom:
            message = f"{kind.name} have no property {name}, which rules or milestones read"
            yield Problem(message=message, hint="use its internal name", severity="warning")
        elif option := _option(name, options.properties):
            chosen = option in options.properties.model_fields_set
            message = f"{kind.name} have no property {name} ({option})"
            hint = f"name another one: properties.{option}" if chosen else f"if another one holds it: properties.{option}"
            yield Problem(message=message, hint=hint, severity="warning" if chosen else "hint")


def _option(name: str, properties: Properties) -> str:
    """Return the option that gives a property's name."""
    return next((option for option in type(properties).model_fields if getattr(properties, option) == name), "")


def _key(client: Client, options: HubSpotOptions) -> Iterator[Problem]:
    name = options.key_property
    try:
        state = key_state(client, name)
    except MissingScope as error:
        state = KeyState.MISSING
        yield Problem(message=f"whether tasks have the property {name} cannot be seen: {error}", severity="warning")
    except AuthError as error:
        yield Problem(message=f"tasks cannot be written: the definition of {name} cannot be read: {error}")
        return
    if state is KeyState.UNIQUE:
        yield Problem(message=f"tasks are written once by the unique property {name}", severity="hint")
    elif is_allowed(state, options):
        place = f"in the property {name}, whose values need not be unique" if state is KeyState.PLAIN else "on their last line"
        yield Problem(
            message=f"tasks carry their key {place}: HubSpot itself would take a second task of the same key",
            hint="refsync looks for each task before it writes it, and twice, ten minutes and more, after a write whose answer "
            "was lost; a task that a person unlinks from company, contact and deal is not found again and may come twice",
            severity="warning",
        )
    else:
        yield _KEY_PROBLEMS[state](name)


def _missing_key(name: str) -> Problem:
    return Problem(
        message=f"tasks cannot be written: HubSpot tasks have no property {name}",
        hint="refsync check --setup creates it (the token needs a schema write scope), or create it as a single-line text "
        'property of tasks that requires unique values; if nobody may create it, weakest_key = "body" writes it into the task',
    )


def _plain_key(name: str) -> Problem:
    return Problem(
        message=f"tasks cannot be written: the task property {name} does not require unique values",
        hint="that cannot be changed later: archive it and run refsync check --setup, or name another one: key_property; "
        'if the portal allows no unique one, weakest_key = "property" takes it as it is',
    )


_KEY_PROBLEMS: Mapping[KeyState, Callable[[str], Problem]] = {KeyState.MISSING: _missing_key, KeyState.PLAIN: _plain_key}


def _limits(client: Client) -> Iterator[Problem]:
    limits = client.last_limits
    most, seconds = limits.get("x-hubspot-ratelimit-max"), limits.get("x-hubspot-ratelimit-interval-milliseconds")
    if most and seconds and seconds.isdecimal():
        yield Problem(message=f"HubSpot allows {most} calls in {int(seconds) // 1000} seconds", severity="hint")
    if left := limits.get("x-hubspot-ratelimit-daily-remaining"):
        yield Problem(message=f"{left} calls are left today", severity="hint")
