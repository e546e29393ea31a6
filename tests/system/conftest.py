"""What tests of whole ticks share."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from refsync.store.engine import open_store
from tests.system.company import Company


@pytest.fixture
def opens() -> Iterator[Callable[..., Company]]:
    """Give what opens a company with these records."""
    with open_store("sqlite://") as store:
        yield lambda *records: Company(store, *records)
