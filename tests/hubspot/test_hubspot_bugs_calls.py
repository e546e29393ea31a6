"""Bugs that other tools have shipped in calling HubSpot, by their numbers: each fails when its cure is removed."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest

from refsync.connector import ConnectionSettings, OutcomeKind, Secret
from refsync.errors import TransientError, UnexpectedReply
from refsync.model import Stream
from refsync.store.engine import Store
from refsync_hubspot import HubSpot
from refsync_hubspot.options import HubSpotOptions
from refsync_hubspot.transport import Limits
from refsync_sandbox.hubspot.access import CLIENT_ID, CLIENT_SECRET, REFRESH_TOKEN
from tests.hubspot.company import Company, cold
from tests.hubspot.conftest import TOKEN
from tests.hubspot.small_book import Connect, Serve, many
from tests.hubspot.wanted import portal_of, wanted, writer_of

OAUTH = {"client_id": CLIENT_ID, "client_secret": Secret(CLIENT_SECRET), "refresh_token": Secret(REFRESH_TOKEN)}


@pytest.mark.bug("hubspot", 19)
def test_search_that_is_refused_for_its_limit_is_repeated(serve: Serve, connect_to: Connect, store: Store) -> None:
    """Searches have a limit of their own, and say so without a policy: the tick waits, and reads everything."""
    acme = Company(serve(cold(1)), connect_to, store)
    acme.tick()
    acme.portal.change({"op": "change", "table": "accounts", "id": "A0", "set": {"name": "Renamed"}})
    acme.portal.trouble({"kind": "own", "name": "secondly-limit", "endpoint": "POST *search", "times": 2})
    report = acme.tick(minutes=30)

    assert {} == report.pulled.partial
    assert 1 == report.pulled.changed[Stream.ACCOUNTS]


@pytest.mark.bug("hubspot", 20)
def test_token_that_ends_in_a_long_run_is_renewed(serve: Serve, connect_to: Connect) -> None:
    """A run of hours goes on with new tokens: none is sent that has ended."""
    portal = serve(many(4200, with_calls=False))
    ids: set[str] = set()
    for batch in connect_to(portal.url, token=None, **OAUTH).read(Stream.CONTACTS, None):
        ids |= {record.id for record in batch.records}
        portal.later(minutes=31)

    assert set(portal.ids("contacts").values()) == ids


@pytest.fixture
def hasty(serve: Serve) -> Iterator[tuple[Any, HubSpot]]:
    """Return a portal, and a connector that waits for nothing long."""
    portal = portal_of(serve, "unique")
    given = {"token": Secret(TOKEN), "url": portal.url}
    limits = Limits(connect=1, read=0.3, call=0.6)
    connector = HubSpot(ConnectionSettings(id="test", options=given), HubSpotOptions.model_validate(given), limits=limits)
    yield portal, connector
    connector.close()


@pytest.mark.bug("hubspot", 23)
@pytest.mark.parametrize("fault", [{"kind": "hang", "seconds": 2}, {"kind": "drip", "seconds": 0.1}])
def test_no_call_waits_for_ever(hasty: tuple[Any, HubSpot], fault: dict[str, Any]) -> None:
    """A read and a write end in time, whether nothing comes or a byte now and then; a write is then uncertain."""
    portal, connector = hasty
    writer, task = writer_of(connector), wanted(portal)
    for endpoint in ("GET */contacts", "POST */tasks/batch/create"):
        portal.trouble({**fault, "endpoint": endpoint})
    began = time.monotonic()
    with pytest.raises(TransientError):
        list(connector.read(Stream.CONTACTS, None))
    (outcome,) = writer.create([task])

    assert OutcomeKind.UNCERTAIN is outcome.kind
    assert time.monotonic() - began < 2


@pytest.mark.bug("hubspot", 27)
def test_token_stays_with_the_host(serve: Serve, connect_to: Connect, stub: Any) -> None:
    """A redirect to another host is an error: that host hears nothing, and above all not the token."""
    portal = serve([])
    for _ in range(20):
        stub.will({"results": []})
    portal.trouble({"kind": "redirect", "location": f"{stub.url}/crm/objects/2026-03/companies", "endpoint": "GET */companies"})

    with pytest.raises(UnexpectedReply):
        list(connect_to(portal.url).read(Stream.ACCOUNTS, None))
    assert [] == stub.seen
