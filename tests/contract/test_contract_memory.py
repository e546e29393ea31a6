"""The CRM in memory keeps the contract."""

from __future__ import annotations

from pathlib import Path

import pytest

from refsync.book import Book
from refsync.connector import Connector
from refsync.errors import TransientError
from refsync.model import SetAside, Stream
from refsync.testing import MemoryConnector, MemoryCrm
from refsync.testing.contract import ConnectorContract, People


class TestMemory(ConnectorContract):
    @pytest.fixture
    def crm(self, small_book: Path) -> MemoryCrm:
        book = Book.open(small_book)
        rows = (row for stream in Stream for row in book.read(stream))
        return MemoryCrm(row for row in rows if not isinstance(row, SetAside))

    @pytest.fixture
    def connector(self, crm: MemoryCrm, lists: frozenset[Stream]) -> Connector:
        return MemoryConnector(crm, page=7, lists=lists)

    @pytest.fixture
    def lists(self) -> frozenset[Stream]:
        """The streams whose sweeps list what is there."""
        return frozenset()

    @pytest.fixture
    def people(self, crm: MemoryCrm) -> People:
        return crm

    @pytest.fixture
    def failing(self) -> Connector:
        crm = MemoryCrm()
        crm.faults.errors = [TransientError("the line is dead") for _ in range(9)]
        return MemoryConnector(crm)


class TestMemoryThatLists(TestMemory):
    """The same with sweeps that list everything there is."""

    @pytest.fixture
    def lists(self) -> frozenset[Stream]:
        return frozenset(Stream)
