"""A small book for every connector's contract."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from refsync_sandbox.generator import write_book

pytest.register_assert_rewrite("refsync.testing.contract")


@pytest.fixture
def small_book(tmp_path: Path) -> Path:
    """Return the folder of a book with 30 accounts."""
    folder = tmp_path / "book"
    write_book(folder, accounts=30, seed=7, now=datetime(2026, 11, 20, 12, tzinfo=UTC))
    return folder
