"""A book of business written by others, where it lies beside the checkout: an extra check, skipped elsewhere."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests import oracle

BOOK = Path(__file__).parents[3] / "shared" / "books" / "deal-intelligence"
NOW = datetime(2024, 9, 30, 12, tzinfo=UTC)

pytestmark = pytest.mark.skipif(not BOOK.is_dir(), reason="the shared books are not beside this checkout")


def test_neglected_customers_of_a_foreign_book() -> None:
    """The neglected customers of the book are those of the oracle."""
    command = [
        "rules",
        "preview",
        "reconnect-neglected-customer",
        "--list",
        "--json",
        "--book",
        str(BOOK),
        "--now",
        NOW.isoformat(),
    ]
    done = subprocess.run(
        [sys.executable, "-c", "from refsync.cli.main import main; main()", *command], capture_output=True, text=True, check=True
    )

    expected = oracle.neglected(BOOK, NOW, escalations_stop=True)
    assert set(expected) == {match["account_id"] for match in json.loads(done.stdout)["matches"]}
    assert 15 == len(expected)
