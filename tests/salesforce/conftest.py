"""What the Salesforce tests share: options, an org that answers from a table of replies, and a sandbox with a book."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import responses

from refsync.book import Book
from refsync.connector import ConnectionSettings, Secret
from refsync.store.engine import Store, open_store
from refsync_salesforce.client import Client
from refsync_salesforce.options import salesforce_options
from refsync_sandbox.clock import Clock
from refsync_sandbox.generator import write_book
from refsync_sandbox.salesforce import Salesforce
from refsync_sandbox.server import Sandbox
from tests.salesforce.prepared import Org
from tests.salesforce.sandboxed import NOW, Hands


@pytest.fixture
def org() -> Iterator[Org]:
    """An org that answers as it is told; a call that it does not expect fails."""
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        yield Org(mock)


@pytest.fixture
def settings() -> Callable[..., ConnectionSettings]:
    """Make the settings of a connection by client credentials; an option set to None is left out."""

    def made(**changed: Any) -> ConnectionSettings:
        custom = changed.pop("custom_fields", {})
        given: dict[str, Any] = {"domain": "acme.my", "client_id": "app", "client_secret": Secret("secret"), "bulk_from": 0}
        options = given | changed
        kept = {name: value for name, value in options.items() if value is not None}
        return ConnectionSettings(id="acme", options=kept, custom_fields=custom)

    return made


@pytest.fixture
def client(settings: Callable[..., ConnectionSettings]) -> Iterator[Client]:
    """A client of the prepared org."""
    made = Client(salesforce_options(settings()))
    yield made
    made.close()


@pytest.fixture(scope="session")
def book(tmp_path_factory: pytest.TempPathFactory) -> Book:
    """A book with 12 accounts."""
    folder: Path = tmp_path_factory.mktemp("salesforce") / "book"
    write_book(folder, accounts=12, seed=5, now=NOW)
    return Book.open(folder)


@pytest.fixture
def hands(book: Book) -> Iterator[Hands]:
    """A running sandbox that serves the book, and hands to change it."""
    clock = Clock(NOW)
    crm = Salesforce.load(book, clock)
    with Sandbox(crm, clock) as sandbox:
        yield Hands(sandbox, crm)


@pytest.fixture
def store() -> Iterator[Store]:
    """An empty store in memory."""
    with open_store("sqlite://") as opened:
        yield opened
