"""getUpdated and getDeleted: which records changed or went in a span of time.

Law, as the SOAP API guide says of both calls: a span lies within 30 days, its ends are cut to whole minutes and are at least one
apart; records are named once; a span with too many ids is refused; deletions are told of even after the recycle bin was emptied,
and those of relations, which no query shows, are told of here alone.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from refsync_sandbox.clock import Clock
from refsync_sandbox.salesforce.database import PURGED
from refsync_sandbox.salesforce.refusals import Refused
from refsync_sandbox.salesforce.schema import SObject
from refsync_sandbox.salesforce.wire import parse_stamp, stamp

KEPT = timedelta(days=30)
MOST_IDS = 600_000


class Replication:
    """Answers for one database."""

    def __init__(self, database: sqlite3.Connection, clock: Clock) -> None:
        self._database, self._clock = database, clock
        self.most_ids = MOST_IDS
        self.behind = timedelta(0)
        """How far `latestDateCovered` lags: the age of the oldest transaction that is still running on the instance."""
        self.log_begins: datetime | None = None
        """Deletions before this are forgotten, as after a purge of the log; None: all of the last 30 days are known."""

    def updated(self, subject: SObject, asked: Mapping[str, str]) -> dict[str, Any]:
        """Return the body of `updated`. Raises Refused."""
        start, end = self._span(subject, asked)
        live = " AND NOT IsDeleted" if "IsDeleted" in subject.fields else ""
        statement = f'SELECT Id FROM "{subject.name}" WHERE SystemModstamp >= ? AND SystemModstamp < ?{live}'  # noqa: S608
        ids = self._few([record_id for (record_id,) in self._database.execute(statement, (start, end))])
        return {"ids": ids, "latestDateCovered": self._covered(end)}

    def deleted(self, subject: SObject, asked: Mapping[str, str]) -> dict[str, Any]:
        """Return the body of `deleted`. Raises Refused."""
        start, end = self._span(subject, asked)
        earliest = self._earliest()
        if start < earliest:
            raise Refused("INVALID_REPLICATION_DATE", "startDate is before org replication enabled date")
        statement = f"SELECT id, at FROM {PURGED} WHERE object = :object AND at >= :start AND at < :end"  # noqa: S608
        if "IsDeleted" in subject.fields:
            statement += (
                f' UNION ALL SELECT Id, SystemModstamp FROM "{subject.name}"'  # noqa: S608 - a name from the schema
                " WHERE IsDeleted AND SystemModstamp >= :start AND SystemModstamp < :end"
            )
        rows = self._database.execute(statement + " ORDER BY 2, 1", {"object": subject.name, "start": start, "end": end})
        gone = self._few([{"id": record_id, "deletedDate": at} for record_id, at in rows])
        return {"deletedRecords": gone, "earliestDateAvailable": earliest, "latestDateCovered": self._covered(end)}

    def _few(self, found: list[Any]) -> list[Any]:
        if len(found) > self.most_ids:
            raise Refused("EXCEEDED_ID_LIMIT", f"The result has more than {self.most_ids} ids; ask for a shorter span")
        return found

    def _earliest(self) -> str:
        first = self._clock.now() - KEPT
        return stamp(_minute(max(first, self.log_begins or first)))

    def _covered(self, end: str) -> str:
        return min(end, stamp(_minute(self._clock.now() - self.behind)))

    def _span(self, subject: SObject, asked: Mapping[str, str]) -> tuple[str, str]:
        if not subject.replicateable:
            raise Refused("INVALID_TYPE_FOR_OPERATION", f"entity type {subject.name} does not support replication")
        try:
            start, end = (_minute(parse_stamp(asked[name].replace(" ", "+"))) for name in ("start", "end"))
        except (KeyError, ValueError):
            raise Refused("INVALID_ARGUMENT", "start and end must be dates such as 2024-03-01T10:00:00Z") from None
        if end <= start:
            raise Refused("INVALID_REPLICATION_DATE", "startDate must be at least one minute before endDate")
        if start < _minute(self._clock.now() - KEPT):
            raise Refused("INVALID_REPLICATION_DATE", "startDate cannot be more than 30 days ago")
        return stamp(start), stamp(end)


def _minute(at: datetime) -> datetime:
    return at.replace(second=0, microsecond=0)
