"""The Salesforce connector keeps the contract, over HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import requests

from refsync.book import Book
from refsync.connector import Batch, ConnectionSettings, Connector, Cursor, Secret
from refsync.model import Stream
from refsync.testing.contract import ConnectorContract, People
from refsync_salesforce import connect
from refsync_salesforce.connector import SalesforceConnector
from refsync_salesforce.options import salesforce_options
from refsync_sandbox.clock import Clock
from refsync_sandbox.salesforce import Salesforce
from refsync_sandbox.salesforce.secrets import CLIENT_ID, CLIENT_SECRET
from refsync_sandbox.server import Sandbox


def settings(url: str) -> ConnectionSettings:
    options = {"domain": "acme.my", "client_id": CLIENT_ID, "client_secret": Secret(CLIENT_SECRET), "url": url, "page_size": 40}
    return ConnectionSettings(id="acme", options=options)


class Patient(SalesforceConnector):
    """A connector whose every read comes five minutes after what went before, as in real life."""

    def __init__(self, sandbox: Sandbox) -> None:
        super().__init__(salesforce_options(settings(sandbox.url)), {})
        self._sandbox = sandbox

    def read(self, stream: Stream, since: Cursor | None) -> Iterator[Batch]:
        self._sandbox.clock.move_to(self._sandbox.clock.now() + timedelta(minutes=5))
        return connect(settings(self._sandbox.url)).read(stream, since)


@dataclass
class Reps:
    """Reps in the CRM's own pages."""

    url: str

    def delete(self, key: str) -> None:
        self._change({"op": "delete", "table": "tasks", "key": key})

    def complete(self, key: str) -> None:
        self._change({"op": "change", "table": "tasks", "key": key, "set": {"status": "done"}})

    def give(self, key: str, owner_id: str) -> None:
        users = requests.get(f"{self.url}/_sandbox/ids", timeout=10).json()["users"]
        (owner,) = (book_id for book_id, crm_id in users.items() if crm_id == owner_id)
        self._change({"op": "change", "table": "tasks", "key": key, "set": {"owner_id": owner}})

    def _change(self, change: dict[str, object]) -> None:
        requests.post(f"{self.url}/_sandbox/records", json={"changes": [change]}, timeout=10).raise_for_status()


class TestSalesforce(ConnectorContract):
    @pytest.fixture
    def sandbox(self, small_book: Path) -> Iterator[Sandbox]:
        clock = Clock(datetime(2026, 11, 20, 12, tzinfo=UTC))
        with Sandbox(Salesforce.load(Book.open(small_book), clock), clock) as running:
            yield running

    @pytest.fixture
    def connector(self, sandbox: Sandbox) -> Connector:
        return Patient(sandbox)

    @pytest.fixture
    def people(self, sandbox: Sandbox) -> People:
        return Reps(sandbox.url)

    @pytest.fixture
    def failing(self) -> Connector:
        return connect(settings("http://127.0.0.1:9"))
