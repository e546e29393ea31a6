"""What the Salesforce tests share: options, an org that answers from a table of replies, and clients to both."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import responses
from tests.salesforce.prepared import Org

from refsync.connector import ConnectionSettings, Secret
from refsync_salesforce.client import Client
from refsync_salesforce.options import salesforce_options


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
        options = {"domain": "acme.my", "client_id": "app", "client_secret": Secret("secret"), **changed}
        kept = {name: value for name, value in options.items() if value is not None}
        return ConnectionSettings(id="acme", options=kept, custom_fields=custom)

    return made


@pytest.fixture
def client(settings: Callable[..., ConnectionSettings]) -> Iterator[Client]:
    """A client of the prepared org."""
    made = Client(salesforce_options(settings()))
    yield made
    made.close()
