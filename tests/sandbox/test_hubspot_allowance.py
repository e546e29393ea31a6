"""HubSpot's limits of calls, as the sandbox counts and refuses them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from refsync.model import instant, parse_instant
from refsync_sandbox.clock import Clock
from refsync_sandbox.hubspot import CLIENT_ID, CLIENT_SECRET, PROFESSIONAL, REFRESH_TOKEN, Limits, Settings
from refsync_sandbox.hubspot.call import Refusal
from refsync_sandbox.hubspot.limits import App, Meter, Window
from tests.sandbox.hubspot_portal import NOW, Caller, served, write_book

DEALS = "/crm/v3/objects/deals"


@pytest.fixture
def caller(tmp_path: Path) -> Iterator[Caller]:
    """A portal with the limits of a real one."""
    with served(write_book(tmp_path / "book"), settings=Settings(limits=PROFESSIONAL)) as found:
        yield found


@given(st.lists(st.integers(0, 400), max_size=80), st.integers(1, 6))
def test_no_window_holds_more_than_is_allowed(steps: list[int], allowed: int) -> None:
    """Whatever the pace, any stretch of a second holds at most what is allowed, and the highest count is what there was."""
    meter, now, taken = Meter(Limits(search=allowed), "UTC"), 0, []
    for step in steps:
        now += step
        with suppress(Refusal):
            meter.take(App.OAUTH, now, searching=True)
            taken.append(now)
    highest = max((sum(one - 1000 < other <= one for other in taken) for one in taken), default=0)
    shown = meter.as_json()["search"]

    assert highest <= allowed
    assert (highest, len(taken), len(steps) - len(taken)) == (shown["most"], shown["calls"], shown["refused"])


def test_a_clock_that_goes_back_locks_nobody_out() -> None:
    """Calls of a future that is no more are forgotten."""
    window = Window(1000)
    window.add(50_000)

    assert 0 == window.inside(10_000)


def test_searches_have_a_limit_of_their_own(caller: Caller) -> None:
    """The sixth search of a second is refused, other calls go on, and what was counted can be seen."""
    caller.turn(limits={"search": 5})
    statuses = [caller.send("POST", f"{DEALS}/search", {}).status_code for _ in range(6)]
    listed = caller.send("GET", DEALS)
    counted = caller.get("/_sandbox/limits")

    assert ([200] * 5 + [429], 200) == (statuses, listed.status_code)
    assert (5, 5, 5, 1) == tuple(counted["search"][name] for name in ("allowed", "calls", "most", "refused"))
    assert (190, 1, 1) == tuple(counted["private_app"][name] for name in ("allowed", "calls", "most"))


def test_what_a_refused_search_hears(caller: Caller) -> None:
    """A search that is one too many is told the policy, and no header says when to come back."""
    caller.turn(limits={"search": 0})
    refused = caller.send("POST", f"{DEALS}/search", {})

    expected = ("You have reached your secondly limit.", "RATE_LIMIT", "SECONDLY", None)
    body = refused.json()
    assert expected == (body["message"], body["errorType"], body["policyName"], refused.headers.get("Retry-After"))
    assert not [name for name in refused.headers if "ratelimit" in name]


def test_headers_tell_what_is_left(caller: Caller) -> None:
    """A list tells what the ten seconds and the day still allow a private app, an OAuth app of the ten seconds alone."""
    form = {"grant_type": "refresh_token", "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET, "refresh_token": REFRESH_TOKEN}
    token = requests.post(f"{caller.url}/oauth/2026-03/token", data=form, timeout=10).json()["access_token"]
    private, oauth = caller.send("GET", DEALS).headers, Caller(caller.url, token).send("GET", DEALS).headers

    ten_seconds = {"interval-milliseconds": "10000"}
    daily = {"daily": "650000", "daily-remaining": "649999"}
    assert {"max": "190", "remaining": "189", **ten_seconds, **daily} == told(private)
    assert {"max": "110", "remaining": "109", **ten_seconds} == told(oauth)


def told(headers: Mapping[str, str]) -> dict[str, str]:
    """Return what headers tell of limits."""
    prefix = "x-hubspot-ratelimit-"
    return {name.removeprefix(prefix): value for name, value in headers.items() if name.startswith(prefix)}


def test_the_day_ends_at_midnight_of_the_account(tmp_path: Path) -> None:
    """A day's calls are refused until it is midnight in the account's zone, and the usage call says when that is."""
    clock = Clock(datetime(2024, 9, 30, 12, tzinfo=UTC))
    with served(write_book(tmp_path / "book"), settings=Settings(limits=Limits(daily=3)), clock=clock) as caller:
        usage = caller.get("/account-info/2026-03/api-usage/daily/private-apps")["results"][0]
        caller.get(DEALS)
        caller.get(DEALS)
        refused = caller.get(DEALS, 429)
        caller.move_clock("2024-10-01T03:59:50Z")
        still = caller.send("GET", DEALS).status_code
        caller.move_clock("2024-10-01T04:00:00Z")
        again = caller.send("GET", DEALS).status_code

    assert (3, 1, "2024-10-01T04:00:00Z") == (usage["usageLimit"], usage["currentUsage"], usage["resetsAt"])
    assert ("DAILY", 429, 200) == (refused["policyName"], still, again)


@pytest.mark.parametrize(("day", "hours"), [("2024-03-10", 23), ("2024-11-03", 25), ("2024-06-01", 24)])
def test_days_of_another_length(day: str, hours: int) -> None:
    """A day in which the clocks change ends at its own midnight."""
    meter, noon = Meter(Limits(daily=1), "US/Eastern"), parse_instant(f"{day}T17:00:00Z")
    meter.take(App.PRIVATE, noon, searching=False)
    _, midnight = meter.today(noon)
    dawn = {"2024-03-10": 5, "2024-11-03": 4, "2024-06-01": 4}[day]

    assert parse_instant(f"{day}T0{dawn}:00:00Z") + hours * 3_600_000 == midnight
    assert (1, 0) == (meter.today(midnight - 1)[0], meter.today(midnight)[0])


def test_a_refused_call_is_not_replayed_and_takes_no_room(caller: Caller) -> None:
    """Calls beyond the limit change nothing and leave the window as it is."""
    caller.turn(limits={"private_app": 1})
    caller.post("/crm/v3/objects/tasks", {"properties": {"hs_timestamp": "2024-10-01T15:00:00Z"}}, 201)
    caller.post("/crm/v3/objects/tasks", {"properties": {"hs_timestamp": "2024-10-01T15:00:00Z"}}, 429)
    counted = caller.get("/_sandbox/limits")

    assert 3 == len(caller.get("/_sandbox/tasks")["tasks"])
    assert (1, 1) == (counted["private_app"]["most"], counted["daily"]["calls"])
    assert 0 == requests.delete(f"{caller.url}/_sandbox/limits", timeout=10).json()["daily"]["calls"]


def test_loose_limits_are_the_default() -> None:
    """Nobody is slowed down on loopback unless a test wants it."""
    meter = Meter(Limits(), "UTC")
    for _ in range(1000):
        meter.take(App.PRIVATE, instant(NOW), searching=False)

    assert 1000 == meter.as_json()["private_app"]["most"]
