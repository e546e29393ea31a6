"""The search index: what a search sees of the records, at a time that may lie behind the present.

Law: what the index has not yet got shows as it was before, with its old stamp; a new record is not there yet; an archived or
merged record is gone at once.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence

from refsync.model import Instant
from refsync_sandbox.hubspot.kinds import Kind
from refsync_sandbox.hubspot.records import COLUMNS, Records, Row


class Index:
    """The records of a portal as searches see them."""

    def __init__(self, records: Records) -> None:
        self._records = records

    def state(self, kind: Kind, at: Instant) -> tuple[int, Instant | None]:
        """Return what stays the same while the index shows the same records of a type."""
        return self._records.changes[kind], self._behind(kind, at)

    def ids(self, kind: Kind, where: str, arguments: Sequence[object], order: str, at: Instant) -> array[int]:
        """Return the ids of the records of a type that a condition on the columns of `record` holds for."""
        query = f"SELECT id FROM {self._table(kind, at)} WHERE archived IS NULL AND kind = ? AND ({where}) ORDER BY {order}"  # noqa: S608
        found = self._records.database.execute(query, (kind.number, *arguments))
        return array("q", (one for (one,) in found))

    def rows(self, kind: Kind, ids: Iterable[int], at: Instant) -> list[Row]:
        """Return the records with these ids as the index shows them, in the order of the ids."""
        if self._behind(kind, at) is None:
            return self._records.rows(ids)
        asked = list(ids)
        places = ", ".join("?" * len(asked))
        query = f"SELECT {COLUMNS} FROM {self._table(kind, at)} WHERE id IN ({places})"  # noqa: S608
        found = {row[0]: Row(*row) for row in self._records.database.execute(query, asked)}
        return [found[one] for one in asked if one in found]

    def _behind(self, kind: Kind, at: Instant) -> Instant | None:
        """Return the time that the index shows, None when that is the present."""
        return at if at < self._records.last_write[kind] else None

    def _table(self, kind: Kind, at: Instant) -> str:
        """Return what a query selects from; it goes by the name of `record` either way."""
        if self._behind(kind, at) is None:
            return "record"
        return f"""(
            SELECT id, kind, created, modified, archived, properties FROM record
            WHERE kind = {kind.number} AND archived IS NULL AND indexed <= {at}
            UNION ALL
            SELECT old.id, old.kind, old.created, old.modified, NULL, old.properties FROM version AS old
            JOIN record AS live ON live.id = old.id AND live.archived IS NULL
            WHERE old.kind = {kind.number} AND old.since <= {at} AND old.until > {at}
        ) AS record"""  # noqa: S608 - numbers of our own
