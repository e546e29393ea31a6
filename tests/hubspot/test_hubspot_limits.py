"""Limits and budget over HTTP, as the sandbox counts them; replies that are packed."""

from __future__ import annotations

import gzip
import json
from datetime import timedelta
from typing import Any

import pytest

from refsync.connector import ConnectionSettings, Secret
from refsync.errors import ConnectorError, RateLimited, TransientError, UnexpectedReply
from refsync.meter import LocalMeter
from refsync.model import Account, Stream
from refsync_hubspot import HubSpot
from refsync_hubspot.client import Client
from refsync_hubspot.limiter import Clocks
from refsync_hubspot.options import HubSpotOptions
from refsync_sandbox.hubspot.limits import Limits
from tests.hubspot.conftest import TOKEN
from tests.hubspot.raw import row
from tests.hubspot.small_book import Connect, MirrorOf, Serve, many


def together(portal: Any, ticking: Any, **options: Any) -> list[HubSpot]:
    """Return two connectors of one connection, as two processes have them, whose waiting lets HubSpot's time pass."""

    def sleep(seconds: float) -> None:
        portal.later(minutes=timedelta(seconds=seconds) / timedelta(minutes=1))

    clocks = Clocks(clock=ticking, now=ticking.clocks.now, sleep=sleep)
    settings = ConnectionSettings(id="test", options={"token": Secret(TOKEN), "url": portal.url, **options}, meter=LocalMeter())
    return [HubSpot(settings, HubSpotOptions.model_validate(settings.options), clocks=clocks) for _ in range(2)]


def test_neither_limit_is_exceeded_by_two_processes(serve: Serve, ticking: Any) -> None:
    """Two processes that read at once stay within the account's limits, of searches and of all other calls, as HubSpot counts."""
    portal = serve(many(3000, with_calls=False), limits=Limits(private_app=40, search=5))
    readers = [
        connector.read(stream, None)
        for connector in together(portal, ticking, requests_per_10_seconds=20, searches_per_second=2)
        for stream in (Stream.CONTACTS, Stream.INTRODUCTIONS)
    ]
    while readers:
        readers = [reader for reader in readers if next(reader, None) is not None]
    counted = portal.limits()

    assert {0} == {limit["refused"] for limit in counted.values()}
    assert counted["search"]["most"] <= 5
    assert counted["private_app"]["most"] <= 40
    assert counted["private_app"]["calls"] > 60


def test_reading_stops_while_there_is_a_reserve_for_tasks(serve: Serve, connect_to: Connect, mirror_of: MirrorOf) -> None:
    """At 80 % of the account's day a read ends with words, without a further call; writing goes on; midnight frees both."""
    portal = serve(many(1500, with_calls=False), limits=Limits(daily=20))
    connector = connect_to(portal.url)
    mirror = mirror_of(connector)
    assert connector.org
    mirror.read(Stream.CONTACTS, Stream.ACCOUNT_CONTACTS)
    portal.calls()
    mirror.read(Stream.DEALS)
    quiet, partial = portal.calls(), mirror.partial
    writing = connector.tasks is not None
    portal.later(minutes=16 * 60 + 1)
    mirror.partial = []
    mirror.read(Stream.USERS)

    assert partial
    assert all("80 % of the account's 20 calls of today" in reason for reason in partial)
    assert ({}, True, []) == (quiet, writing, mirror.partial)


def test_read_that_the_budget_stopped_goes_on_the_next_day(serve: Serve, connect_to: Connect, mirror_of: MirrorOf) -> None:
    """What was read stays; the next day goes on from the cursor."""
    portal = serve(many(2500, with_calls=False), limits=Limits(daily=40))
    connector = connect_to(portal.url)
    mirror, days = mirror_of(connector), 0
    while len(mirror.held[Stream.ACCOUNT_CONTACTS]) + len(mirror.held[Stream.CONTACTS]) < 2500 and days < 5:
        mirror.read(Stream.CONTACTS)
        if mirror.partial:
            days, mirror.partial = days + 1, []
            portal.later(minutes=24 * 60)

    assert 2500 == len(mirror.held[Stream.CONTACTS])
    assert 0 == portal.limits()["daily"]["refused"]
    assert days < 3


def test_day_that_is_over_ends_the_run_as_partial(portal: Any, connect_to: Connect, mirror_of: MirrorOf) -> None:
    """When HubSpot says that the day's calls are used up, every stream is partial and says why, and nothing more is asked."""
    mirror = mirror_of(connect_to(portal.url))
    portal.trouble({"kind": "own", "name": "daily-limit", "times": 1})
    mirror.read(Stream.ACCOUNTS)
    portal.calls()
    mirror.read()
    quiet, partial = portal.calls(), mirror.partial
    portal.later(minutes=24 * 60)
    mirror.partial = []
    mirror.read()

    assert {} == quiet
    assert len(Stream) + 1 == len(partial)
    assert all("API limit" in reason for reason in partial)
    assert ([], 2) == (mirror.partial, len(mirror.held[Stream.ACCOUNTS]))


def test_sweep_without_calls_left_says_so(portal: Any, connect_to: Connect, mirror_of: MirrorOf) -> None:
    """A sweep that meets the day's end is partial, and goes on where it was."""
    mirror = mirror_of(connect_to(portal.url))
    mirror.read()
    mirror.sweep()
    portal.later(minutes=25 * 60)
    mirror.read()
    portal.trouble({"kind": "own", "name": "daily-limit", "times": 1, "endpoint": "*objects*"})
    batches = mirror.sweep(Stream.ACCOUNTS)

    assert "API limit" in batches[-1].partial


def client(stub: Any, ticking: Any, **options: Any) -> Client:
    """Return a client of the stub."""
    given = {"token": Secret(TOKEN), "url": stub.url, **options}
    return Client.of(HubSpotOptions.model_validate(given), LocalMeter(), ticking.clocks)


def test_pace_is_learnt_from_every_reply(stub: Any, ticking: Any) -> None:
    """When a reply says that few calls are left, the next ones go out that much more slowly."""
    calls = client(stub, ticking, requests_per_10_seconds=100)
    headers = {
        "x-hubspot-ratelimit-max": "190",
        "x-hubspot-ratelimit-remaining": "2",
        "x-hubspot-ratelimit-interval-milliseconds": "10000",
    }
    for _ in range(4):
        stub.will({}, headers=headers)
        calls.get("/x")

    assert 0 < sum(ticking.slept) <= 20


def test_long_wait_is_kept_without_asking_again(stub: Any, ticking: Any) -> None:
    """After HubSpot asked to wait for minutes, nothing goes out until then; a wait of seconds is left to whoever repeats."""
    calls = client(stub, ticking)
    stub.will({}, 429, headers={"retry-after": "600"})
    waits = []
    for _ in range(3):
        with pytest.raises(RateLimited) as raised:
            calls.get("/x")
        waits.append(raised.value.retry_after)
        ticking.at += 100
    ticking.at += 300
    stub.will({}, 429, headers={"retry-after": "5"})
    with pytest.raises(RateLimited):
        calls.get("/x")
    stub.will({})
    calls.get("/x")

    assert [600, 500, 400] == waits
    assert 3 == len(stub.seen)


def test_packed_replies_are_asked_for_and_read(stub: Any, connect_to: Connect) -> None:
    """Replies may come as gzip."""
    stub.opens(Stream.ACCOUNTS)
    stub.will(gzip.compress(json.dumps({"results": [row("1", name="Acme")]}).encode()), headers={"content-encoding": "gzip"})
    stub.will({"total": 0, "results": []})
    batches = list(connect_to(stub.url).read(Stream.ACCOUNTS, None))

    assert ["Acme"] == [record.name for batch in batches for record in batch.records if isinstance(record, Account)]
    assert {"gzip"} == {seen.headers["Accept-Encoding"] for seen in stub.seen}


@pytest.mark.parametrize(
    ("packed", "error"), [(gzip.compress(b" " * 40_000_000), UnexpectedReply), (b"no gzip at all", TransientError)]
)
def test_packed_reply_that_is_too_large_or_broken(stub: Any, ticking: Any, packed: bytes, error: type[ConnectorError]) -> None:
    """A body that unpacks beyond the cap is cut there, one that does not unpack is no reply: neither is an end of data."""
    stub.will(packed, headers={"content-encoding": "gzip"})
    with pytest.raises(error) as raised:
        client(stub, ticking).get("/x")

    assert error is type(raised.value)
