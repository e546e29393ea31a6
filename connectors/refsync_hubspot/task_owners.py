"""Who can be given a task at this moment: HubSpot keeps removed owners on records, and gives them tasks nobody will see."""

from __future__ import annotations

from collections.abc import Collection

from refsync_hubspot import replies
from refsync_hubspot.client import Client
from refsync_hubspot.replies import MissingScope


def barred(client: Client, owner_ids: Collection[str]) -> frozenset[str]:
    """Return which of these owners are no active people: removed, unknown, or a queue.

    Nobody is barred while the token may not read owners: then HubSpot itself has to refuse.
    """
    if not owner_ids:
        return frozenset()
    active: set[str] = set()
    try:
        for page, _after in client.pages(client.paths.owners(), {"limit": 100, "archived": "false"}):
            active.update(str(owner.get("id")) for owner in replies.rows(page) if owner.get("type", "PERSON") == "PERSON")
    except MissingScope:
        return frozenset()
    return frozenset(owner_ids) - active


def nobody(owner_id: str) -> str:
    """Return why nothing can be given to an owner, in words."""
    return f"owner {owner_id} is no active person in HubSpot"
