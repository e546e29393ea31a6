"""HubSpot's owners as users. Pure.

HubSpot keeps no manager and no time zone of an owner: the connection's options do, by e-mail address. `userId` is another number
than the owner id on records (developers.hubspot.com, owners): it is never used.
"""

from __future__ import annotations

from collections.abc import Sequence

from refsync.model import User
from refsync_hubspot.options import HubSpotOptions
from refsync_hubspot.translate import Json, Translated, set_aside


def users(owners: Sequence[Json], options: HubSpotOptions) -> Translated:
    """Return the users that owners are, archived ones too: records keep pointing at them. A queue is no active person."""
    found = Translated()
    by_email = {str(owner["email"]).lower(): str(owner["id"]) for owner in owners if owner.get("email") and owner.get("id")}
    for owner in owners:
        email = str(owner.get("email") or "")
        person = options.users.get(email.lower()) if email else None
        manager = by_email.get(person.manager.lower()) if person and person.manager else None
        if not owner.get("id"):
            found.set_aside.append(set_aside(owner, ValueError("an owner without id")))
            continue
        found.records.append(
            User(
                id=str(owner["id"]),
                name=" ".join(filter(None, (owner.get("firstName"), owner.get("lastName")))),
                email=email,
                active=owner.get("archived") is not True and owner.get("type", "PERSON") == "PERSON",
                manager_id=manager,
                time_zone=person.time_zone if person else "",
            )
        )
    return found
