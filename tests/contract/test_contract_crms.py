"""The Salesforce and HubSpot connectors keep the contract, over real HTTP against the sandbox."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import requests

from refsync.book import Book
from refsync.connector import ConnectionSettings, Connector, Secret
from refsync.registry import connect
from refsync.testing.contract import ConnectorContract, People
from refsync_sandbox.clock import Clock
from refsync_sandbox.hubspot import TOKEN, HubSpot
from refsync_sandbox.hubspot import Settings as PortalSettings
from refsync_sandbox.salesforce import Salesforce, Secrets
from refsync_sandbox.server import Sandbox

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
NOWHERE = "http://127.0.0.1:9"


@dataclass
class Rep:
    """A person at the CRM's own screen: the control API of the sandbox."""

    url: str

    def delete(self, key: str) -> None:
        self._change({"op": "delete", "table": "tasks", "key": key})

    def complete(self, key: str) -> None:
        self._change({"op": "change", "table": "tasks", "key": key, "set": {"status": "done"}})

    def give(self, key: str, owner_id: str) -> None:
        self._change({"op": "change", "table": "tasks", "key": key, "set": {"owner_id": owner_id}})

    def reword(self, key: str, subject: str) -> None:
        self._change({"op": "change", "table": "tasks", "key": key, "set": {"subject": subject}})

    def _change(self, change: dict[str, object]) -> None:
        reply = requests.post(f"{self.url}/_sandbox/records", json={"changes": [change]}, timeout=10)
        assert reply.ok, reply.text


class _OverHttp(ConnectorContract):
    @pytest.fixture
    def people(self, url: str) -> People:
        return Rep(url)

    @pytest.fixture
    def clock(self) -> Clock:
        return Clock(NOW)

    @pytest.fixture
    def later(self, clock: Clock) -> Callable[[], None]:
        """Each sweep is due after eight days."""
        return lambda: clock.move_to(clock.now() + timedelta(days=8))


class TestSalesforce(_OverHttp):
    @pytest.fixture
    def settled(self, clock: Clock) -> Callable[[], None]:
        """A read goes no further than a minute ago."""
        return lambda: clock.move_to(clock.now() + timedelta(minutes=2))

    @pytest.fixture
    def url(self, small_book: Path, clock: Clock) -> Iterator[str]:
        with Sandbox(Salesforce.load(Book.open(small_book), clock, Secrets()), clock) as running:
            yield running.url

    @pytest.fixture
    def connector(self, url: str) -> Iterator[Connector]:
        connector = connect("salesforce", self.settings(url))
        yield connector
        connector.close()

    @pytest.fixture
    def failing(self) -> Connector:
        return connect("salesforce", self.settings(NOWHERE))

    def settings(self, url: str) -> ConnectionSettings:
        secrets = Secrets()
        signing_in = {"client_id": secrets.client_id, "client_secret": Secret(secrets.client_secret)}
        return ConnectionSettings(id="sf", options={"domain": "sandbox.my", "url": url, **signing_in})


class TestHubSpot(_OverHttp):
    portal = PortalSettings()
    weakest_key = "unique"

    @pytest.fixture
    def url(self, small_book: Path) -> Iterator[str]:
        clock = Clock(NOW)
        with Sandbox(HubSpot.load(Book.open(small_book), clock, settings=self.portal), clock) as running:
            yield running.url

    @pytest.fixture
    def connector(self, url: str) -> Iterator[Connector]:
        connector = connect("hubspot", self.settings(url))
        yield connector
        connector.close()

    @pytest.fixture
    def failing(self) -> Connector:
        return connect("hubspot", self.settings(NOWHERE))

    def settings(self, url: str) -> ConnectionSettings:
        return ConnectionSettings(id="hs", options={"token": Secret(TOKEN), "url": url, "weakest_key": self.weakest_key})


@pytest.mark.long
class TestHubSpotByPlainProperty(TestHubSpot):
    portal = PortalSettings(key_unique=False)
    weakest_key = "property"


@pytest.mark.long
class TestHubSpotByBody(TestHubSpot):
    portal = PortalSettings(key_property="")
    weakest_key = "body"
