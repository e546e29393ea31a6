"""Who is away in HubSpot, and in which time zone people work: the user objects beside the owners."""

from __future__ import annotations

import json
from typing import Any

import pytest

from refsync.model import Stream, User
from tests.hubspot.small_book import Connect, MirrorOf, Serve, T

AWAY = {"away_from": "2040-02-20T08:00:00Z", "away_until": "2040-03-30T17:00:00Z"}


def user(mirror: Any, name: str) -> User:
    found: User = next(one for one in mirror.held[Stream.USERS].values() if one.name == name)
    return found


def test_an_absence_comes_and_goes(portal: Any, connect_to: Connect, mirror_of: MirrorOf, api: str) -> None:
    """An absence that somebody enters, moves and takes back is known with the next read, in every version of the API."""
    mirror = mirror_of(connect_to(portal.url, api=api))
    mirror.read()
    told = [user(mirror, "Ada Byron")]
    for change in (AWAY, {"away_until": "2040-04-01T17:00:00Z"}, {"away_from": "", "away_until": ""}):
        portal.change({"op": "change", "table": "users", "id": "U1", "set": change})
        mirror.read()
        told.append(user(mirror, "Ada Byron"))
    start, end, later = T(AWAY["away_from"]), T(AWAY["away_until"]), T("2040-04-01T17:00:00Z")

    assert [(None, None), (start, end), (start, later), (None, None)] == [(one.away_from, one.away_until) for one in told]
    assert {"Europe/Berlin"} == {one.time_zone for one in told}


def test_all_pages_are_read(serve: Serve, connect_to: Connect, mirror_of: MirrorOf) -> None:
    """In a large team each one's absence is that person's own."""
    team = [User(id=f"R{n}", name=f"Rep {n}", away_from=T("2024-02-01T00:00:00Z") + n, away_until=1 << 45) for n in range(230)]
    mirror = mirror_of(connect_to(serve(team).url))
    mirror.read()

    assert {one.name: one.away_from for one in team} == {one.name: one.away_from for one in mirror.held[Stream.USERS].values()}


@pytest.mark.parametrize("scope", [["crm.objects.users.read"], []])
def test_a_token_that_may_not_see_users(connect_to: Connect, stub: Any, scope: list[str]) -> None:
    """Without the scope for user objects everybody counts as there, and the read of the owners is whole."""
    stub.will({"results": [{"id": "7", "firstName": "Ada", "type": "PERSON"}]})
    stub.will({"results": []})
    stub.will({"category": "MISSING_SCOPES", "context": {"requiredGranularScopes": scope}}, 403)
    (batch,) = connect_to(stub.url).read(Stream.USERS, None)

    assert ((User(id="7", name="Ada"),), True, "") == (batch.records, batch.whole, batch.partial)


def test_what_check_says_of_it(portal: Any, connect_to: Connect) -> None:
    """`refsync check` names the scope and what follows without it, as a hint: nothing is wrong."""
    denied = {"category": "MISSING_SCOPES", "context": {"requiredGranularScopes": ["crm.objects.users.read"]}}
    assert not [one for one in connect_to(portal.url).check() if "away" in one.message]
    portal.trouble({"kind": "status", "status": 403, "body": json.dumps(denied), "endpoint": "GET */users"})
    (told,) = (one for one in connect_to(portal.url).check() if "away" in one.message)

    assert ("hint", True, True) == (told.severity, "crm.objects.users.read" in told.message, "counts as there" in told.hint)
