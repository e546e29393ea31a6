"""A broken page is never the end: whichever call breaks, and however, nothing is lost once the read goes on from its cursor."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import requests

from refsync.book import Book
from refsync.connector import ConnectionSettings, Connector, Secret
from refsync.errors import TransientError, UnexpectedReply
from refsync.model import Record, Stream
from refsync.registry import connect
from refsync_sandbox.clock import Clock
from refsync_sandbox.generator import write_book
from refsync_sandbox.hubspot import TOKEN, HubSpot
from refsync_sandbox.salesforce import Salesforce, Secrets
from refsync_sandbox.server import Sandbox

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
STREAMS = (Stream.ACCOUNTS, Stream.ACTIVITIES)
BROKEN: list[dict[str, Any]] = [
    {"kind": "close"},
    {"kind": "close", "when": "after"},
    {"kind": "reset"},
    {"kind": "short"},
    {"kind": "cut"},
    {"kind": "empty"},
    {"kind": "object"},
    {"kind": "html"},
    {"kind": "redirect"},
    {"kind": "status", "status": 500},
    {"kind": "status", "status": 502, "body": "<html>bad gateway</html>"},
    {"kind": "status", "status": 429, "headers": {"Retry-After": "0"}},
    {"kind": "status", "status": 200, "body": '{"results": null, "records": null}'},
    {"kind": "status", "status": 202, "body": '"accepted"'},
]


class Running:
    """A sandbox, the way to it, and its control API."""

    def __init__(self, url: str, connector: Connector) -> None:
        self.url, self.connector = url, connector

    def arm(self, fault: dict[str, Any]) -> None:
        reply = requests.post(f"{self.url}/_sandbox/faults", json={"faults": [fault]}, timeout=5)
        assert reply.ok, reply.text

    def struck(self) -> int:
        """Return how often armed faults struck, and disarm them."""
        armed = requests.get(f"{self.url}/_sandbox/faults", timeout=5).json()["faults"]
        requests.delete(f"{self.url}/_sandbox/faults", timeout=5)
        return sum(fault["struck"] for fault in armed)

    def read(self, stream: Stream) -> tuple[dict[str, Record], int]:
        """Read a stream to its end, going on from the last cursor after each failure; return what came, and the failures."""
        found: dict[str, Record] = {}
        cursor, failures = None, 0
        while failures < 1000:
            try:
                for batch in self.connector.read(stream, cursor):
                    assert not batch.partial
                    found |= {record.id: record for record in batch.records}
                    cursor = batch.cursor if batch.cursor is not None else cursor
            except (TransientError, UnexpectedReply):
                failures += 1
            else:
                return found, failures
        raise AssertionError("the read never came to its end")


@pytest.fixture(scope="module", params=["salesforce", "hubspot"])
def running(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """Give a CRM with a few pages of everything."""
    folder, clock = tmp_path_factory.mktemp("book"), Clock(NOW)
    write_book(folder, accounts=40, seed=4, now=NOW)
    secrets = Secrets()
    crm = {"salesforce": Salesforce, "hubspot": HubSpot}[request.param].load(Book.open(folder), clock)  # type: ignore[attr-defined]
    with Sandbox(crm, clock) as sandbox:
        options: dict[str, Any] = {"url": sandbox.url, "token": Secret(TOKEN)}
        if request.param == "salesforce":
            signing_in = {"client_id": secrets.client_id, "client_secret": Secret(secrets.client_secret)}
            options = {"url": sandbox.url, "domain": "sandbox.my", "page_size": 50, **signing_in}
        connector = connect(request.param, ConnectionSettings(id="crm", options=options))
        yield Running(sandbox.url, connector)
        connector.close()


@pytest.fixture(scope="module")
def whole(running: Running) -> dict[Stream, dict[str, Record]]:
    """Return what the streams hold when nothing goes wrong."""
    return {stream: running.read(stream)[0] for stream in STREAMS}


@pytest.mark.parametrize("fault", BROKEN, ids=lambda fault: "-".join(str(part) for part in fault.values() if part != {})[:40])
@pytest.mark.parametrize("stream", STREAMS)
def test_a_broken_page_loses_nothing(
    running: Running, whole: dict[Stream, dict[str, Record]], stream: Stream, fault: dict[str, Any]
) -> None:
    """Each of the first calls of a read is broken once; the read says so, goes on from its cursor, and is whole in the end."""
    for nth in (1, 2, 4, 7):
        running.arm({**fault, "nth": nth, "endpoint": "*"})
        found, failures = running.read(stream)

        assert whole[stream] == found
        assert running.struck() <= failures


def test_a_fifth_of_all_calls_fails(running: Running, whole: dict[Stream, dict[str, Record]]) -> None:
    """With a fifth of the calls failing in seeded ways every stream is still read whole."""
    for seed in range(3):
        for number, fault in enumerate(BROKEN[:8]):
            running.arm({**fault, "probability": 0.03, "seed": 100 * seed + number})
        found = {stream: running.read(stream)[0] for stream in STREAMS}

        assert whole == found
        running.struck()
