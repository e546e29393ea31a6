"""The way in which a portal's tasks are written once each: the best that the portal allows, never weaker than the admin does.

`unique`: a task property whose values are unique; HubSpot itself refuses a second task of a key. `property`: a task property that
is not; `body`: no property, the key is the last line of the task. In these two refsync alone sees to it, by looking twice before
anything is sent again, so an admin has to choose them (option `weakest_key`).
"""

from __future__ import annotations

from refsync_hubspot.client import Client
from refsync_hubspot.key import KeyState, key_state
from refsync_hubspot.linked_tasks import LinkedTasks
from refsync_hubspot.options import HubSpotOptions
from refsync_hubspot.replies import MissingScope
from refsync_hubspot.task_record import TaskRecord
from refsync_hubspot.unique_tasks import UniqueTasks

_WEAKER = {KeyState.UNIQUE: 0, KeyState.PLAIN: 1, KeyState.MISSING: 2}
_ALLOWED = {"unique": 0, "property": 1, "body": 2}


def is_allowed(state: KeyState, options: HubSpotOptions) -> bool:
    """Return whether the admin lets tasks be written in such a portal."""
    return _WEAKER[state] <= _ALLOWED[options.weakest_key]


def task_writer(client: Client, options: HubSpotOptions) -> UniqueTasks | LinkedTasks | None:
    """Return what writes tasks into this portal; None when its way of keeping keys is weaker than the admin allows."""
    try:
        state = key_state(client, options.key_property)
    except MissingScope:
        state = KeyState.MISSING
    if not is_allowed(state, options):
        return None
    in_body = state is KeyState.MISSING
    record = TaskRecord(key_property=options.key_property, in_body=in_body, host=str(client.account.get("uiDomain") or ""))
    linked = LinkedTasks(client, record)
    if state is not KeyState.UNIQUE:
        return linked
    return UniqueTasks(client, record, linked if options.weakest_key == "body" else None)
