"""HubSpot's owners as users. Pure.

HubSpot keeps no manager and no time zone of an owner: the connection's options do, by e-mail address or, for a
removed owner, who has none, by owner id. `userId` is another number
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
    ids = {name: str(owner["id"]) for owner in owners if owner.get("id") for name in names(owner)}
    for owner in owners:
        email = str(owner.get("email") or "")
        person = next((options.users[name] for name in names(owner) if name in options.users), None)
        manager = ids.get(person.manager.lower()) if person and person.manager else None
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


def names(owner: Json) -> tuple[str, ...]:
    """Return what the options may call an owner: the e-mail address in lower case, and the id."""
    return tuple(str(owner[key]).lower() for key in ("email", "id") if owner.get(key))
