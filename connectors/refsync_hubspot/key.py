"""The task property that holds refsync's key: whether it is there and unique, and its creation.

`hasUniqueValue` cannot be changed later, and an object type has at most ten unique properties (developers.hubspot.com,
properties). Whether every portal allows one on tasks is not documented, so it is found out.
"""

from __future__ import annotations

from enum import StrEnum

from refsync.errors import RecordRejected, UnexpectedReply
from refsync_hubspot.client import Client
from refsync_hubspot.replies import Json

GROUP = "taskinformation"


class KeyState(StrEnum):
    UNIQUE = "unique"
    """HubSpot itself makes sure that at most one task carries a key."""
    PLAIN = "plain"
    MISSING = "missing"


def key_state(client: Client, name: str) -> KeyState:
    """Return whether the portal's tasks have the property, and whether its values are unique."""
    found = client.find(client.paths.properties("tasks", name))
    if found is None or found.get("archived") is True:
        return KeyState.MISSING
    if found.get("name") != name:
        raise UnexpectedReply("HubSpot: a property definition was expected")
    return KeyState.UNIQUE if found.get("hasUniqueValue") is True else KeyState.PLAIN


def create_key_property(client: Client, name: str) -> KeyState:
    """Create the property unless it is there, unique if the portal allows it, plain otherwise; return what it is now.

    Raises AuthError without the scope for it, RecordRejected when the portal takes neither.
    """
    found = key_state(client, name)
    for unique in (True, False):
        if found is not KeyState.MISSING:
            return found
        try:
            client.write("POST", client.paths.properties("tasks"), _definition(name, unique=unique))
        except RecordRejected:
            found = key_state(client, name)  # somebody else may have created it just now
            if found is KeyState.MISSING and not unique:
                raise
        else:
            found = key_state(client, name)
    return found


def _definition(name: str, *, unique: bool) -> Json:
    return {
        "name": name,
        "label": "refsync key",
        "description": "Names the task for refsync, so that it is written once. Do not edit.",
        "groupName": GROUP,
        "type": "string",
        "fieldType": "text",
        "hasUniqueValue": unique,
        "formField": False,
    }
