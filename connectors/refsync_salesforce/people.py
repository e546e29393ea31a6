"""The people of many activities, kept on disk while the activities are read.

Law: memory does not grow with the links. SQLite keeps them in a private file that is gone with the process, whatever ends it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

import orjson

CACHE_KB = 4_000


class People:
    """Who took part in which activity."""

    def __init__(self) -> None:
        # no name: a private file that SQLite removes; it may be closed by another thread than the one that reads
        self._database = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        self._database.executescript(
            f"PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -{CACHE_KB}; PRAGMA temp_store = FILE;"
            "CREATE TABLE link (activity TEXT NOT NULL, person TEXT NOT NULL);"
        )

    def add(self, links: Sequence[tuple[str, str]]) -> None:
        """Take in pairs of an activity and a person."""
        # as one text: for each row of executemany() the interpreter's lock would change hands, and another thread is reading
        taken = "INSERT INTO link SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]') FROM json_each(?)"
        self._database.execute(taken, (orjson.dumps(links).decode(),))

    def complete(self) -> None:
        """Say that no more pairs come: made at once, an index is several times faster than kept up to date."""
        self._database.execute("CREATE INDEX people ON link (activity, person)")

    def of(self, activities: Sequence[str]) -> dict[str, list[str]]:
        """Return the people of those activities that have any."""
        found: dict[str, list[str]] = {}
        statement = "SELECT activity, person FROM link WHERE activity IN (SELECT value FROM json_each(?))"
        for activity, person in self._database.execute(statement, (orjson.dumps(list(activities)).decode(),)):
            found.setdefault(activity, []).append(person)
        return found

    def close(self) -> None:
        self._database.close()
