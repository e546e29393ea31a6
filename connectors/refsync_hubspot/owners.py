"""HubSpot's owners as users, with what its user objects say of the same people. Pure.

An owner has no time zone and no absence: the user object of the same person does, under yet another id, and names the owner in
`hubspot_owner_id` (developers.hubspot.com, users). HubSpot keeps no manager: the connection's options do, by e-mail address or,
for a removed owner, who has none, by owner id. `userId` is another number than the owner id on records
(developers.hubspot.com, owners): it is never used.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import orjson

from refsync.model import Instant, User
from refsync_hubspot.options import HubSpotOptions
from refsync_hubspot.translate import Json, Translated, set_aside

OWNER, ZONE, ABSENCES = "hubspot_owner_id", "hs_standard_time_zone", "hs_out_of_office_hours"
PROFILE = (OWNER, ZONE, ABSENCES)
"""The properties of a user object that are read."""
APART = 86_400_000
"""How many milliseconds lie between two absences at least; with less, such as a night, they are one."""


def users(owners: Sequence[Json], profiles: Sequence[Json], options: HubSpotOptions, now: Instant) -> Translated:
    """Return the users that owners are, archived ones too: records keep pointing at them. A queue is no active person.

    `profiles` are the properties of user objects; of several absences it is the one at `now`, or else the next.
    """
    found = Translated()
    ids = {name: str(owner["id"]) for owner in owners if owner.get("id") for name in names(owner)}
    profile_of = {str(profile.get(OWNER)): profile for profile in profiles}
    for owner in owners:
        email = str(owner.get("email") or "")
        person = next((options.users[name] for name in names(owner) if name in options.users), None)
        manager = ids.get(person.manager.lower()) if person and person.manager else None
        if not owner.get("id"):
            found.set_aside.append(set_aside(owner, ValueError("an owner without id")))
            continue
        profile = profile_of.get(str(owner["id"]), {})
        away_from, away_until = absence(profile.get(ABSENCES), now) or (None, None)
        found.records.append(
            User(
                id=str(owner["id"]),
                name=" ".join(filter(None, (owner.get("firstName"), owner.get("lastName")))),
                email=email,
                active=owner.get("archived") is not True and owner.get("type", "PERSON") == "PERSON",
                manager_id=manager,
                time_zone=(person.time_zone if person else "") or _zone(profile.get(ZONE)),
                away_from=away_from,
                away_until=away_until,
            )
        )
    return found


def names(owner: Json) -> tuple[str, ...]:
    """Return what the options may call an owner: the e-mail address in lower case, and the id."""
    return tuple(str(owner[key]).lower() for key in ("email", "id") if owner.get(key))


def absence(text: object, now: Instant) -> tuple[Instant, Instant] | None:
    """Return the present or next absence of a list in JSON of `startTimestamp` and `endTimestamp`, in milliseconds.

    Half days and single days that follow each other, as people enter them, are one absence. What cannot be read is none.
    """
    whole: list[tuple[Instant, Instant]] = []
    for start, end in sorted(_ranges(text)):
        if whole and start - whole[-1][1] < APART:
            whole[-1] = whole[-1][0], max(end, whole[-1][1])
        else:
            whole.append((start, end))
    return next(((start, end) for start, end in whole if end > now), None)


def _ranges(text: object) -> Iterator[tuple[Instant, Instant]]:
    try:
        listed = orjson.loads(str(text or "[]"))
    except orjson.JSONDecodeError:
        return
    for one in listed if isinstance(listed, list) else ():
        if isinstance(one, Mapping):
            start, end = one.get("startTimestamp"), one.get("endTimestamp")
            if type(start) is int and type(end) is int and 0 < start < end < 1 << 62:
                yield start, end


def _zone(name: object) -> str:
    """Return an IANA time zone; a name that is none says nothing."""
    try:
        return str(ZoneInfo(str(name))) if name else ""
    except (ZoneInfoNotFoundError, ValueError):
        return ""
