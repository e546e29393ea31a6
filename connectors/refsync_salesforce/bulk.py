"""Query jobs of Bulk API 2.0: many rows for few calls.

Law: a job is never waited for here; whoever has its id asks when it likes. Results lie on disk, not in memory, and are read by
the rules of CSV: a value may hold line breaks, quotes and any length of text. A set of results that is not whole is an error.

The library's own client keeps a page in memory, hides the job's id, copies the token once, waits for a day and fails where a
header is missing (simple-salesforce#619, #765), so this one is ours. "Bulk API 2.0 query", Bulk API developer guide.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from refsync.errors import UnexpectedReply
from refsync.model import Instant
from refsync_salesforce.client import Client
from refsync_salesforce.values import Unreadable, stamp

JOBS = "jobs/query"
ROWS_A_SET = 50_000
"""So many rows come with one call. A read that was killed fetches at most so many again."""
PIECE = 2_000
"""So many rows are in memory at a time."""
LONGEST_VALUE = 64 * 1024 * 1024
"""Characters; the csv module would refuse a value of more than 131,072."""
OVER = frozenset({"JobComplete", "Failed", "Aborted"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What Salesforce tells of a query job."""

    id: str
    state: str
    created: Instant
    rows: int | None = None
    """How many it found, once it is complete."""
    reason: str = ""
    """Why it failed."""

    @property
    def over(self) -> bool:
        return self.state in OVER

    @property
    def complete(self) -> bool:
        return self.state == "JobComplete"


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultSet:
    """Some rows of a finished job."""

    names: tuple[str, ...]
    pieces: Iterator[list[list[str]]]
    """Some rows at a time, each its values in the order of the names; what is empty and what is null look the same."""
    following: str
    """Where the next set begins; empty after the last."""
    close: Callable[[], None]
    """Removes the file that the rows are read from."""


class Bulk:
    """The query jobs of one org."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def create(self, soql: str) -> Job:
        """Begin a job for all rows, deleted and archived ones too. Raises UnexpectedReply when the Bulk API does not run it."""
        asked = {"operation": "queryAll", "query": soql, "contentType": "CSV", "columnDelimiter": "COMMA", "lineEnding": "LF"}
        return _job(self._client.post(JOBS, asked))

    def look(self, job_id: str) -> Job:
        """Return how far a job is. Raises NotThere when Salesforce knows it no more."""
        return _job(self._client.get(f"{JOBS}/{job_id}"))

    def results(self, job_id: str, locator: str) -> ResultSet:
        """Return the set of rows at a place, empty for the first. Raises NotThere, or UnexpectedReply for a dead locator."""
        params = {"maxRecords": str(ROWS_A_SET)} | ({"locator": locator} if locator else {})
        found = self._client.download(f"{JOBS}/{job_id}/results", params)
        return _result_set(found.body, found.headers)

    def delete(self, job_id: str) -> None:
        """Remove a job that is over, with its results."""
        self._client.delete(f"{JOBS}/{job_id}")


def _job(told: Mapping[str, Any]) -> Job:
    id_, state, rows = told.get("id"), told.get("state"), told.get("numberRecordsProcessed")
    if not isinstance(id_, str) or not id_.isalnum() or not isinstance(state, str):
        raise UnexpectedReply("Salesforce: what is told of a query job has an unknown shape")
    try:
        created = stamp(told.get("createdDate"))
    except Unreadable:
        raise UnexpectedReply("Salesforce does not say when a query job was created") from None
    reason = str(told.get("errorMessage") or "")
    return Job(id=id_, state=state, created=created, rows=rows if isinstance(rows, int) else None, reason=reason)


def _result_set(body: Any, headers: Mapping[str, str]) -> ResultSet:
    locator, count = headers.get("Sforce-Locator"), headers.get("Sforce-NumberOfRecords", "")
    if not locator or not count.isdecimal():
        raise UnexpectedReply("Salesforce: a set of results does not say how many rows it has and where it goes on")
    csv.field_size_limit(LONGEST_VALUE)
    text = io.TextIOWrapper(body, "utf-8", errors="replace", newline="")
    lines = csv.reader(text)
    names = tuple(next(lines, ()))
    pieces = _counted(lines, len(names), int(count))
    return ResultSet(names=names, pieces=pieces, following="" if locator == "null" else locator, close=text.close)


def _counted(lines: Iterator[list[str]], width: int, count: int) -> Iterator[list[list[str]]]:
    """Yield the rows. Raises UnexpectedReply when they are fewer or more than Salesforce says, or of another width."""
    got = 0
    try:
        while piece := list(islice(lines, PIECE)):
            if others := set(map(len, piece)) - {width}:
                raise UnexpectedReply(f"Salesforce: a row of results has {others.pop()} values, and the header {width}")
            got += len(piece)
            yield piece
    except csv.Error:
        raise UnexpectedReply("Salesforce: a set of results is no CSV") from None
    if got != count:
        raise UnexpectedReply(f"Salesforce says that a set of results has {count} rows, and it has {got}")
