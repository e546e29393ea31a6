"""The sandbox's memory across restarts: every call that may have changed records, in order.

Law: replaying a journal over the same book gives the same records under the same ids, because ids are counted and the clock
is set to the time of each call.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import orjson


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One call: when it came, and what it was."""

    at: str
    """The CRM's time, ISO 8601."""
    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: str


class Journal:
    """A file of calls, one JSON line each; opened for appending, read before that."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def entries(self) -> Iterator[Entry]:
        """Yield what is in the file, oldest first. A last line cut off by a kill is left out."""
        if not self._path.exists():
            return
        with self._path.open("rb") as lines:
            for line in lines:
                if line.endswith(b"\n"):
                    yield Entry(**orjson.loads(line))

    def add(self, entry: Entry) -> None:
        """Append one call; it is in the file when this returns."""
        with self._path.open("ab") as file:
            file.write(orjson.dumps(asdict(entry)) + b"\n")
