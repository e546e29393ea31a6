"""What the portal's own property definitions show of what refsync wants to read.

HubSpot leaves unknown properties out of its replies without a word (seen on real portals), so a property that somebody deletes
would look like one that is empty everywhere. Law: before rows are stored that came without a property of the portal's own, its
definition is looked for; and all definitions once a day, those of a type that lacks something with each read. What is missing is
said, so that rules which read it are held; when it is back, the type is read anew, for nothing else would bring the values of
records that did not change.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from refsync.model import Instant
from refsync_hubspot import replies
from refsync_hubspot.client import Client
from refsync_hubspot.cursor import Shown
from refsync_hubspot.objects import ObjectType
from refsync_hubspot.replies import Json, MissingScope

GOOD_FOR = 24 * 3_600_000
"""Milliseconds."""


def is_due(kinds: Sequence[ObjectType], shown: Shown | None, now: Instant) -> bool:
    """Return whether the definitions have to be read: once a day, and whenever others are wanted than before."""
    if not any(kind.wanted for kind in kinds):
        return False
    return (
        shown is None
        or now - shown.at >= GOOD_FOR
        or any(set(kind.wanted) != set(shown.names.get(kind.name, {})) for kind in kinds)
    )


def hidden(kinds: Sequence[ObjectType], shown: Shown | None) -> list[ObjectType]:
    """Return the types of which something lacked: whoever makes or shows it is not to wait for the next day."""
    names = shown.names if shown else {}
    return [kind for kind in kinds if not all(names.get(kind.name, {}).values())]


def read(client: Client, kinds: Sequence[ObjectType], now: Instant) -> Shown:
    """Return which of the wanted properties the portal has; of types whose definitions we may not see, all."""
    names: dict[str, Mapping[str, bool]] = {}
    for kind in kinds:
        try:
            defined = {str(found.get("name")) for found in replies.rows(client.get(client.paths.properties(kind.name)))}
        except MissingScope:
            defined = set(kind.wanted)
        names[kind.name] = {name: name in defined for name in kind.wanted}
    return Shown(at=now, names=names)


def lacking(kinds: Sequence[ObjectType], shown: Shown) -> frozenset[str]:
    """Return what of refsync's record the portal does not show: attributes, and custom fields by their name."""
    found = ((kind, name) for kind in kinds for name, there in shown.names.get(kind.name, {}).items() if not there)
    return frozenset(kind.wanted[name] for kind, name in found if name in kind.wanted)


def came_back(kind: ObjectType, before: Shown | None, shown: Shown) -> bool:
    """Return whether properties are shown now that were not when the type was read: those are to be read anew."""
    if before is None:
        return False
    then = before.names.get(kind.name, {})
    return any(there and not then.get(name, False) for name, there in shown.names.get(kind.name, {}).items())


def is_unsure(kind: ObjectType, rows: Sequence[Json], shown: Shown | None) -> bool:
    """Return whether rows came without a property of the portal's own that was there when the definitions were read."""
    if not rows or not kind.own:
        return False
    known = shown.names.get(kind.name, {}) if shown else {}
    return any(known.get(name, True) and name not in rows[0]["properties"] for name in kind.own)


def still_shown(before: Shown | None, now: Shown) -> Shown:
    """Return what was shown and still is; what came back meanwhile waits for the next look, when its type is read anew."""
    if before is None:
        return now
    names = {
        kind: {name: there and before.names.get(kind, {}).get(name, True) for name, there in found.items()}
        for kind, found in now.names.items()
    }
    return Shown(at=before.at, names=names)
