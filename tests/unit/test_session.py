"""A connection between its ticks."""

from __future__ import annotations

from pathlib import Path

import pytest

from refsync.company import Company
from refsync.config import Connection
from refsync.connector import ConnectionSettings, Connector
from refsync.rules.rule import RuleSet
from refsync.store.budget import StoreMeter
from refsync.store.engine import open_store
from refsync.sync import session
from refsync.sync.session import Session
from refsync.testing import MemoryConnector, MemoryCrm


def test_calls_are_counted_in_the_store(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A connector is handed the meter of the store, so that its counts outlast the process."""
    told = list[ConnectionSettings]()

    def connect(_name: str, settings: ConnectionSettings) -> Connector:
        told.append(settings)
        return MemoryConnector(MemoryCrm())

    monkeypatch.setattr(session, "connect", connect)
    connection = Connection(name="crm", connector="files", every=60, options={}, base=tmp_path, place=lambda _path: None)
    with open_store("sqlite://") as store:
        rules = RuleSet(company=Company(), segments=(), suppressions=(), rules=(), folder=tmp_path)
        Session(connection, store, lambda: rules).connector(rules)
        told[0].meter.take("calls", 3, allowed=10, window_ms=1000, now=0)

        assert 3 <= StoreMeter(store, "crm").spent("calls", window_ms=1000, now=0)
