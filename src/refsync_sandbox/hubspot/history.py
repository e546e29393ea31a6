"""What the properties of records held before, as `propertiesWithHistory` shows it.

Law: the newest value comes first, and the oldest is the one with which the record was created. What a book brought has no history
of its own. Source: the shape follows replies to `propertiesWithHistory` that others recorded.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from typing import Any

from refsync.model import Instant, iso

_SCHEMA = """
CREATE TABLE history (
  id INTEGER NOT NULL, property TEXT NOT NULL, at INTEGER NOT NULL, source TEXT NOT NULL, before TEXT, value TEXT
);
CREATE INDEX history_of_one ON history (id, property);
"""

SOURCES = {"integration": "INTEGRATION", "person": "CRM_UI"}
"""What HubSpot calls those who write."""
CALCULATED = "CALCULATED"


class History:
    """Every change of a property since the book was loaded."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database
        database.executescript(_SCHEMA)

    def note(
        self, record_id: int, before: Mapping[str, str | None], after: Mapping[str, str | None], *, at: Instant, source: str
    ) -> None:
        """Remember what has changed in a record."""
        changed = (name for name in {**before, **after} if before.get(name) != after.get(name))
        rows = ((record_id, name, at, source, before.get(name), after.get(name)) for name in changed)
        self._database.executemany("INSERT INTO history VALUES (?, ?, ?, ?, ?, ?)", rows)

    def of(self, record_id: int, names: Sequence[str], values: Mapping[str, str | None], created: Instant) -> dict[str, Any]:
        """Return the values that a record's properties have had, by name, newest first; a property never set has none."""
        return {name: self._one(record_id, name, values.get(name), created) for name in names}

    def _one(self, record_id: int, name: str, value: str | None, created: Instant) -> list[dict[str, Any]]:
        found = self._database.execute(
            "SELECT value, at, source, before FROM history WHERE id = ? AND property = ? ORDER BY rowid DESC", (record_id, name)
        ).fetchall()
        first = found[-1][3] if found else value
        shown = [_entry(value, at, source) for value, at, source, _ in found]
        return shown if first is None else [*shown, _entry(first, created, "IMPORT")]


def _entry(value: str | None, at: Instant, source: str) -> dict[str, Any]:
    return {"value": value or "", "timestamp": iso(at), "sourceType": source}
