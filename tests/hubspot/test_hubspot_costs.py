"""What a tick costs in calls, as HubSpot counts them."""

from __future__ import annotations

from typing import Any

import pytest

from refsync.model import Stream
from tests.hubspot.small_book import Connect, MirrorOf, Serve, many

TYPES = 10
"""Object types that are searched once in a tick in which nothing changed: see test_unchanged_tick_costs_one_request_a_type."""
CHANGED = 1_000


def kinds(counted: dict[str, int]) -> dict[str, int]:
    """Return calls by what they do."""
    words = ("search", "associations", "owners", "users")
    found = dict.fromkeys((*words, "read", "other"), 0)
    for endpoint, times in counted.items():
        kind = next((word for word in words if word in endpoint), "read" if endpoint.endswith("batch/read") else "other")
        found[kind] += times
    return found


@pytest.fixture
def read_whole(serve: Serve, connect_to: Connect, mirror_of: MirrorOf) -> tuple[Any, Any]:
    """A portal with 1,000 contacts and as many calls, and the mirror of it, read whole two hours ago."""
    portal = serve(many(CHANGED))
    mirror = mirror_of(connect_to(portal.url))
    mirror.read()
    mirror.sweep()
    portal.later(minutes=120)
    mirror.read()
    portal.later(minutes=15)
    portal.calls()
    return portal, mirror


def test_thousand_changes_cost_the_pages_they_fill(read_whole: tuple[Any, Any]) -> None:
    """1,000 changed contacts cost the five pages of ids they fill, ten reads for each of the three streams that hold them, and
    one call for each kind of link."""
    portal, mirror = read_whole
    ids = list(portal.ids("contacts").values())
    for start in range(0, CHANGED, 100):
        inputs = [{"id": each, "properties": {"jobtitle": "CEO"}} for each in ids[start : start + 100]]
        portal.post("/crm/v3/objects/contacts/batch/update", {"inputs": inputs})
    portal.later(minutes=2)
    portal.calls()
    mirror.read()
    mirror.sweep()
    counted = kinds(portal.calls())

    assert {"CEO"} == {contact.title for contact in mirror.held[Stream.CONTACTS].values()}
    assert {"search": TYPES - 1 + 5, "read": 3 * 10, "associations": 2, "owners": 2, "users": 1, "other": 0} == counted


def test_thousand_new_activities_cost_the_pages_they_fill(read_whole: tuple[Any, Any]) -> None:
    """1,000 changed calls cost five pages of ids, ten reads, and one call for each kind of link."""
    portal, mirror = read_whole
    ids = list(portal.ids("activities").values())
    for start in range(0, CHANGED, 100):
        inputs = [{"id": each, "properties": {"hs_call_title": "New"}} for each in ids[start : start + 100]]
        portal.post("/crm/v3/objects/calls/batch/update", {"inputs": inputs})
    portal.later(minutes=2)
    portal.calls()
    mirror.read()
    counted = kinds(portal.calls())

    assert {"New"} == {call.subject for call in mirror.held[Stream.ACTIVITIES].values()}
    assert {"search": TYPES - 1 + 5, "read": 10, "associations": 3, "owners": 2, "users": 1, "other": 0} == counted
