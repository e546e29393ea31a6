"""Signing in: tokens that were given, and tokens that OAuth renews."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs

import pytest

from refsync.connector import ConnectionSettings, Secret
from refsync.errors import AuthError, ConfigError, ConnectorError, RequestUncertain, TransientError, UnexpectedReply
from refsync.meter import LocalMeter
from refsync.model import Stream
from refsync_hubspot import connect
from refsync_hubspot.client import Client
from refsync_hubspot.options import HubSpotOptions
from refsync_hubspot.transport import Limits
from refsync_sandbox.hubspot.access import CLIENT_ID, CLIENT_SECRET, REFRESH_TOKEN

OAUTH: dict[str, Any] = {"client_id": CLIENT_ID, "client_secret": Secret(CLIENT_SECRET), "refresh_token": Secret(REFRESH_TOKEN)}
APIS = ["v3", "2026-03", "2026-09"]


def oauth(stub: Any, ticking: Any) -> Client:
    """Return a client of the stub that signs in by OAuth."""
    return Client.of(HubSpotOptions(url=stub.url, **OAUTH), LocalMeter(), ticking.clocks, Limits(connect=1, read=1, call=1))


def grant(stub: Any, access: str = "first") -> None:
    """Let the stub's token endpoint answer next."""
    stub.will({"access_token": access, "expires_in": 1800, "token_type": "bearer", "refresh_token": REFRESH_TOKEN})


def tokens(stub: Any) -> list[str | None]:
    """Return with which token each request came."""
    return [str(seen.headers.get("Authorization", "-")).removeprefix("Bearer ") for seen in stub.seen]


@pytest.mark.parametrize("api", APIS)
def test_app_signs_in_by_its_refresh_token(serve: Callable[..., Any], connect_to: Callable[..., Any], api: str) -> None:
    """A portal is read by an OAuth app, in every version of the API."""
    portal = serve([])
    connector = connect_to(portal.url, token=None, api=api, **OAUTH)

    assert [True] == [batch.whole for batch in connector.read(Stream.USERS, None)]


def test_long_run_renews_its_token_before_it_ends(serve: Callable[..., Any], connect_to: Callable[..., Any]) -> None:
    """A run of hours never sends a token that has ended: it is renewed five minutes before."""
    portal = serve([])
    connector = connect_to(portal.url, token=None, **OAUTH)
    list(connector.read(Stream.ACCOUNTS, None))
    portal.calls()
    for _ in range(10):
        portal.later(minutes=14)
        list(connector.read(Stream.ACCOUNTS, None))
    calls = portal.calls()

    assert 5 == sum(count for name, count in calls.items() if "/oauth/" in name)


def test_token_is_kept_until_five_minutes_before_its_end(stub: Any, ticking: Any) -> None:
    """One token serves many calls; its form goes to the token endpoint only."""
    client = oauth(stub, ticking)
    grant(stub)
    stub.will({})
    client.get("/x")
    ticking.at += 1499
    stub.will({})
    client.get("/x")
    ticking.at += 1
    grant(stub, "second")
    stub.will({})
    client.get("/x")

    assert ["-", "first", "first", "-", "second"] == tokens(stub)
    assert {"grant_type": ["refresh_token"], "refresh_token": [REFRESH_TOKEN]}.items() <= parse_qs(stub.seen[0].body).items()
    assert "/oauth/2026-03/token" == stub.seen[0].path


@pytest.mark.parametrize("status", [401, 530])
def test_refused_token_that_was_good_is_renewed_once(stub: Any, ticking: Any, status: int) -> None:
    """A 401 in mid-run costs one renewal, and the call is sent once more: a write, too, for nothing came of it."""
    client = oauth(stub, ticking)
    grant(stub)
    stub.will({})
    client.get("/x")
    stub.will({}, status)
    grant(stub, "second")
    stub.will({"id": "1"})
    client.write("POST", "/x", {})

    assert ["-", "first", "first", "-", "second"] == tokens(stub)


def test_lasting_401_ends_in_an_auth_error_without_hammering(stub: Any, ticking: Any) -> None:
    """A new token that is refused is not renewed: each later call costs one request."""
    client = oauth(stub, ticking)
    grant(stub)
    for _ in range(3):
        stub.will({}, 401)
        with pytest.raises(AuthError):
            client.get("/x")

    assert ["-", "first", "first", "first"] == tokens(stub)


def test_refused_refresh_token_is_not_tried_again(stub: Any, ticking: Any) -> None:
    """An app that was removed from the portal asks the token endpoint once; the error says what to do."""
    client = oauth(stub, ticking)
    stub.will({"status": "BAD_REFRESH_TOKEN", "message": "missing or invalid refresh token"}, 400)
    errors = []
    for _ in range(3):
        with pytest.raises(AuthError) as raised:
            client.get("/x")
        errors.append(str(raised.value))

    assert 1 == len(stub.seen)
    assert all("refresh_token" in text and REFRESH_TOKEN not in text for text in errors)


@pytest.mark.parametrize(
    ("body", "status", "error"),
    [
        ({}, 200, UnexpectedReply),
        ({"access_token": "a\nb", "expires_in": 1800}, 200, UnexpectedReply),
        ({"access_token": "a", "expires_in": 0}, 200, UnexpectedReply),
        (b"<html>", 502, TransientError),
    ],
)
def test_broken_reply_of_the_token_endpoint(stub: Any, ticking: Any, body: Any, status: int, error: type[ConnectorError]) -> None:
    """What the token endpoint sends is checked; trouble there ends no sign-in for good and leaves no write uncertain."""
    client = oauth(stub, ticking)
    stub.will(body, status)
    with pytest.raises(ConnectorError) as raised:
        client.write("POST", "/x", {})
    grant(stub)
    stub.will({})
    client.get("/x")

    assert error is type(raised.value) is not RequestUncertain
    assert ["-", "-", "first"] == tokens(stub)


@pytest.mark.parametrize(
    ("options", "problems"),
    [
        ({}, ["no way to sign in"]),
        ({"token": Secret("x"), "client_id": "y"}, ["one way"]),
        ({"client_id": "y"}, ['"client_secret"', '"refresh_token"']),
        ({"client_id": "y", "client_secret": "in the file", "refresh_token": Secret("z")}, ["client_secret is a secret"]),
    ],
)
def test_one_whole_way_to_sign_in_is_needed(options: dict[str, Any], problems: list[str]) -> None:
    """A token or a whole OAuth app: anything else is said before anybody is called."""
    with pytest.raises(ConfigError) as raised:
        connect(ConnectionSettings(id="crm", options=options))

    assert [True] * len(problems) == [part in str(raised.value) for part in problems]
    assert len(problems) == len(raised.value.problems)
