"""The user objects: what a portal knows of people beyond their being owners, such as when they are out of the office.

Law: a user object has an id of its own, which is neither the owner's nor the user id, and names the owner in a property; who left
has none. They are read like other CRM objects; here nobody writes them but people.
Source: HubSpot's API reference, users (`hs_out_of_office_hours`: a text that holds a JSON list of ranges in milliseconds).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson

from refsync_sandbox.hubspot.call import Call, Refusal, Reply, not_valid
from refsync_sandbox.hubspot.instants import shown
from refsync_sandbox.hubspot.objects import MOST_IN_A_LIST
from refsync_sandbox.hubspot.owners import Owner
from refsync_sandbox.hubspot.portal import Portal

_FIRST_ID = 207_838_800_001


class Users:
    """Handlers of the user objects of one portal."""

    def __init__(self, portal: Portal) -> None:
        self._portal = portal

    def list(self, call: Call) -> Reply:
        """Answer a page of the people who are there, in order of their ids; nobody is archived."""
        limit, after = call.number("limit", 10), call.number("after", 0)
        if not 0 < limit <= MOST_IN_A_LIST:
            raise not_valid(f"limit must be between 1 and {MOST_IN_A_LIST}, not {limit}")
        found = [] if call.flag("archived") else [one for one in self._all() if _id_of(one) >= after]
        names = call.texts("properties")
        body: dict[str, Any] = {"results": [_shown(one, names) for one in found[:limit]]}
        if len(found) > limit:
            body["paging"] = call.next_page(str(_id_of(found[limit])))
        return Reply(body=body)

    def get(self, call: Call) -> Reply:
        """Answer one person, by the id of the user object."""
        found = next((one for one in self._all() if str(_id_of(one)) == call.path["id"]), None)
        if found is None:
            raise Refusal(404, "OBJECT_NOT_FOUND", f"Object not found. objectId are usually numeric: user {call.path['id']}")
        return Reply(body=_shown(found, call.texts("properties")))

    def _all(self) -> Sequence[Owner]:
        return [one for one in self._portal.owners.all(archived=False) if not one.queue]


def _id_of(owner: Owner) -> int:
    return _FIRST_ID + owner.user_id


def _shown(owner: Owner, names: Sequence[str]) -> dict[str, Any]:
    number, created, modified = str(_id_of(owner)), shown(owner.created_at), shown(owner.updated_at)
    away = [{"startTimestamp": owner.away_from, "endTimestamp": owner.away_until}] if owner.away_until else []
    values: dict[str, str | None] = {
        "hs_email": owner.email or None,
        "hs_given_name": owner.first_name or None,
        "hs_family_name": owner.last_name or None,
        "hs_internal_user_id": str(owner.user_id),
        "hubspot_owner_id": owner.id,
        "hs_standard_time_zone": owner.time_zone or None,
        "hs_out_of_office_hours": orjson.dumps(away).decode() if away else None,
    }
    properties = {name: values[name] for name in names if name in values}
    properties |= {"hs_createdate": created, "hs_lastmodifieddate": modified, "hs_object_id": number}
    return {"id": number, "properties": properties, "createdAt": created, "updatedAt": modified, "archived": False}
