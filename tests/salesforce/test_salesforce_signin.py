"""Signing in no more often than needed: after refusals nobody tries again for a growing time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from refsync.connector import ConnectionSettings, Secret
from refsync.errors import AuthError, RateLimited, TransientError
from refsync_salesforce import connect
from refsync_salesforce.client import Client
from refsync_salesforce.options import salesforce_options
from refsync_salesforce.signin import PAUSES, Breaker, breaker_of
from refsync_sandbox.salesforce import key_pair
from tests.salesforce.prepared import HOST, Org
from tests.salesforce.sandboxed import Hands

Settings = Callable[..., ConnectionSettings]
TOKEN = f"{HOST}/services/oauth2/token"


class Clock:
    """Seconds that pass when they are told to."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def refused(org: Org, settings: Settings, clock: Clock) -> Client:
    """A client whose sign-in is refused, whose time passes by hand."""
    org.mock.replace("POST", TOKEN, json={"error": "invalid_grant", "error_description": "user hasn't approved"}, status=400)
    return Client(salesforce_options(settings()), breaker=Breaker(clock=clock))


def sign_ins(org: Org) -> int:
    return sum(str(call.request.url) == TOKEN for call in org.mock.calls)


def attempt(client: Client) -> str:
    with pytest.raises(AuthError) as caught:
        client.rows("SELECT Id FROM Account")
    return str(caught.value)


def test_refusals_are_followed_by_growing_pauses(org: Org, refused: Client, clock: Clock) -> None:
    """One refusal may be an accident; after more in a row the token endpoint is left alone for longer and longer."""
    for number, pause in enumerate((*PAUSES, PAUSES[-1]), start=1):
        assert "invalid_grant" in attempt(refused)
        assert number == sign_ins(org)
        if pause:
            clock.now += pause - 1
            assert "refsync signs in again in 1 min, or when it is restarted" in attempt(refused)
            assert number == sign_ins(org)
        clock.now += 2


def test_pause_says_how_long_it_is(refused: Client, clock: Clock) -> None:
    """Who looks at the log sees what was refused and when the next sign-in comes."""
    attempt(refused)
    attempt(refused)
    clock.now += 60

    assert "invalid_grant" in attempt(refused)
    assert "refsync signs in again in 4 min" in attempt(refused)


def test_answered_call_ends_the_count(org: Org, refused: Client, clock: Clock) -> None:
    """After a call that was answered, the next refusal is the first again."""
    attempt(refused)
    attempt(refused)
    clock.now += PAUSES[1]
    org.mock.replace("POST", TOKEN, json={"access_token": "token", "instance_url": HOST})
    answer = org.says("GET", "queryAll/", org.answer())
    assert [] == refused.rows("SELECT Id FROM Account")
    org.mock.remove(answer)
    org.says("GET", "queryAll/", [{"errorCode": "INVALID_SESSION_ID", "message": ""}], status=401)
    before = sign_ins(org)
    attempt(refused)  # one sign-in, and the session ends again: the first refusal in a row
    attempt(refused)

    assert before + 2 == sign_ins(org)
    assert "refsync signs in again in 5 min" in attempt(refused)
    assert before + 2 == sign_ins(org)


def test_lasting_401_takes_two_sign_ins(org: Org, client: Client) -> None:
    """A session that is refused right after the sign-in costs a second sign-in and no third."""
    org.says("GET", "queryAll/", [{"errorCode": "INVALID_SESSION_ID", "message": ""}], status=401)
    attempt(client)

    assert 2 == sign_ins(org)


def test_too_many_sign_ins_rest_for_an_hour(org: Org, settings: Settings, clock: Clock) -> None:
    """When Salesforce says that the user signs in too often, nobody does for as long as it takes."""
    org.mock.replace("POST", TOKEN, json={"error": "LOGIN_RATE_EXCEEDED"}, status=403)
    client = Client(salesforce_options(settings()), breaker=Breaker(clock=clock))
    with pytest.raises(RateLimited):
        client.rows("SELECT Id FROM Account")
    clock.now += 600
    with pytest.raises(RateLimited) as caught:
        client.rows("SELECT Id FROM Account")

    assert (1, 3000.0) == (sign_ins(org), caught.value.retry_after)


def test_trouble_at_the_token_endpoint_is_no_refusal(org: Org, client: Client) -> None:
    """A token endpoint that is down is tried again as often as the engine likes."""
    org.mock.replace("POST", TOKEN, body="<html>maintenance</html>", status=503)
    for _ in range(3):
        with pytest.raises(TransientError):
            client.rows("SELECT Id FROM Account")

    assert 3 == sign_ins(org)


def test_refusals_outlive_the_connector(hands: Hands) -> None:
    """A connector that is made anew with the same credentials does not begin to count anew; other credentials do."""
    kept: dict[str, Any] = {}

    def attempt_with(secret: str) -> int:
        options = {"domain": "acme.my", "client_id": "x", "client_secret": Secret(secret), "url": hands.url}
        connector = connect(ConnectionSettings(id="acme", options=options, kept=kept))
        hands.calls()
        with pytest.raises(AuthError):
            _ = connector.org
        return hands.calls().get("POST oauth2/token", 0)

    assert [1, 1, 0, 0] == [attempt_with("wrong") for _ in range(4)]
    assert 1 == attempt_with("other")
    assert not any("wrong" in key for key in kept)


def test_breaker_knows_credentials_by_their_print(settings: Settings) -> None:
    """The same credentials have one breaker; a changed secret has its own."""
    kept: dict[str, Any] = {}
    one = breaker_of(kept, salesforce_options(settings()))
    two = breaker_of(kept, salesforce_options(settings(client_secret=Secret("new"))))

    assert one is breaker_of(kept, salesforce_options(settings()))
    assert one is not two


@pytest.mark.parametrize(
    "domain", ["acme.my", "acme--uat.sandbox.my", "energetic-otter-1234-dev-ed.scratch.my", "acme-dev-ed.develop.my", "test"]
)
def test_domains_of_every_kind_of_org(org: Org, settings: Settings, domain: str) -> None:
    """Production, sandboxes, scratch orgs and developer orgs are signed in to at their own My Domain."""
    address = f"https://{domain}.salesforce.com/services/oauth2/token"
    org.mock.post(address, json={"access_token": "token", "instance_url": HOST})
    org.says("GET", "queryAll/", org.answer())
    with_key = {"client_secret": None, "username": "a@acme.example", "private_key": Secret(key())} if domain == "test" else {}
    client = Client(salesforce_options(settings(domain=domain, **with_key)))

    assert [] == client.rows("SELECT Id FROM Account")
    assert address == org.mock.calls[0].request.url


def key() -> str:
    """Return a private key."""
    private, _ = key_pair()
    return private
