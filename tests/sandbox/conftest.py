"""A small portal for the tests of the stand-in HubSpot."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from refsync.book import Book
from tests.sandbox.hubspot_portal import Caller, served, write_book


@pytest.fixture(scope="session")
def hubspot_book(tmp_path_factory: pytest.TempPathFactory) -> Book:
    """The book that the portal serves."""
    return write_book(tmp_path_factory.mktemp("book"))


@pytest.fixture(scope="module")
def reading(hubspot_book: Book) -> Iterator[Caller]:
    """A portal that no test changes."""
    with served(hubspot_book) as caller:
        yield caller


@pytest.fixture
def hubspot(hubspot_book: Book) -> Iterator[Caller]:
    """A portal of one's own."""
    with served(hubspot_book) as caller:
        yield caller
