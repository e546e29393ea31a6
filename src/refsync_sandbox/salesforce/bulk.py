"""Query jobs of Bulk API 2.0: a query that is run once and fetched as CSV, set by set.

Law: which records a job found is fixed when it is created, kept as their row numbers only; the text of a set is made while it is
sent, so that a million rows are never held. Without ORDER BY or LIMIT the rows come in no order, as from a job that is cut into
chunks of primary keys. Shapes and rules: "Create a Query Job", "Get Results for a Query Job", "Bulk API 2.0 query
considerations" in the Bulk API developer guide; words of refusals as seen in OpenFn/adaptors#395, airbytehq/airbyte#13088 and
restforce/restforce#905, their codes partly from memory.
"""

from __future__ import annotations

import base64
import binascii
import random
import sqlite3
from array import array
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from types import MappingProxyType
from typing import Any

import orjson

from refsync_sandbox.clock import Clock
from refsync_sandbox.salesforce.bulk_job import Job, State
from refsync_sandbox.salesforce.grammar import parse
from refsync_sandbox.salesforce.ids import long_id, nth_id
from refsync_sandbox.salesforce.plans import Plan, Planner
from refsync_sandbox.salesforce.refusals import Refused, not_found
from refsync_sandbox.salesforce.render import CsvForm
from refsync_sandbox.salesforce.schema import Schema
from refsync_sandbox.salesforce.soql import Call, Fault, Select
from refsync_sandbox.salesforce.wire import stamp

DAILY_JOBS = 10_000
LARGEST_SET = 100_000
"""How many rows a set has at most, whatever is asked for."""
_PIECE = 2_000
"""How many rows are made into text at once."""
_CHUNK = 250
"""How many rows next to each other stay together in an unordered result."""


_DELIMITERS: Mapping[str, str] = MappingProxyType(
    {"COMMA": ",", "TAB": "\t", "PIPE": "|", "SEMICOLON": ";", "CARET": "^", "BACKQUOTE": "`"}
)
_ENDINGS: Mapping[str, str] = MappingProxyType({"LF": "\n", "CRLF": "\r\n"})


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultSet:
    """One set of a job's rows."""

    text: Iterator[bytes]
    """CSV in pieces, the header first."""
    rows: int
    locator: str
    """Where the next set begins; `null` after the last."""


class Bulk:
    """The query jobs of an org."""

    def __init__(self, database: sqlite3.Connection, schema: Schema, clock: Clock) -> None:
        self._database, self._schema, self._clock = database, schema, clock
        self._jobs: dict[str, Job] = {}
        self._made = 0
        self.polls = 1
        """How often a job says InProgress before it is complete."""

    @property
    def left(self) -> int:
        """How many jobs may still be made today."""
        return max(0, DAILY_JOBS - self._made)

    def create(self, body: Mapping[str, Any], version: str) -> dict[str, Any]:
        """Make a job from a request body and return what the reply says of it. Raises Refused."""
        operation, text = body.get("operation"), body.get("query")
        if operation not in ("query", "queryAll"):
            raise Refused("INVALIDJOB", f"Invalid operation for a query job: {operation}")
        if not isinstance(text, str) or not text:
            raise Refused("INVALIDJOB", "The query is required")
        delimiter, ending = _choice(body, "columnDelimiter", _DELIMITERS), _choice(body, "lineEnding", _ENDINGS)
        if body.get("contentType", "CSV") != "CSV":
            raise Refused("INVALIDJOB", f"Unsupported content type: {body['contentType']}")
        form = CsvForm(delimiter=_DELIMITERS[delimiter], ending=_ENDINGS[ending])
        select, plan = self._planned(text, form, everything=operation == "queryAll")
        now = stamp(self._clock.now())
        job = Job(
            id=nth_id("750", self._made),
            operation=operation,
            object=self._subject(select),
            delimiter=delimiter,
            ending=ending,
            version=version,
            created=now,
            moved=now,
            plan=plan,
            rows=array("q", (number for (number,) in self._database.execute(plan.find, plan.values))),
            ordered=bool(select.order) or select.limit is not None,
        )
        if not job.ordered:
            _shuffle(job.rows)
        self._made += 1
        self._jobs[job.id] = job
        return job.told()

    def poll(self, job_id: str) -> dict[str, Any]:
        """Return what is known of a job; each question moves it on a little. Raises Refused."""
        job = self._job(job_id)
        if not job.state.over:
            job.polls += 1
            self._move(job, State.IN_PROGRESS if job.polls <= self.polls else State.JOB_COMPLETE)
        return job.told_when_asked()

    def listed(self) -> dict[str, Any]:
        """Return all jobs, newest first."""
        jobs = [job.told() | {"jobType": "V2Query"} for job in reversed(self._jobs.values())]
        return {"done": True, "records": jobs, "nextRecordsUrl": None}

    def abort(self, job_id: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Stop a job that is not over and return what is known of it. Raises Refused."""
        job = self._job(job_id)
        if body.get("state") != State.ABORTED:
            raise Refused("INVALIDJOBSTATE", f"A query job cannot be moved to {body.get('state')}")
        if job.state.over:
            raise Refused("INVALIDJOBSTATE", "Aborting already Completed Job not allowed")
        self.end(job_id, State.ABORTED)
        return job.told()

    def delete(self, job_id: str) -> None:
        """Forget a job that is over, and its results. Raises Refused."""
        job = self._job(job_id)
        if not job.state.over:
            raise Refused("INVALIDJOBSTATE", "Deleting a job that is not complete, failed or aborted is not allowed")
        del self._jobs[job.id]

    def end(self, job_id: str, state: State, error: str = "") -> None:
        """Let a job end otherwise than by completing. Raises Refused when there is no such job."""
        job = self._job(job_id)
        job.error = error
        job.rows = array("q")
        self._move(job, state)

    def results(self, job_id: str, version: str, locator: str, most: str) -> ResultSet | None:
        """Return one set of a job's rows; None while the job is not complete. Raises Refused."""
        job = self._job(job_id)
        if job.version != version:
            raise Refused("API_ERROR", f"The job was created with API version {job.version}", status=409)
        if job.state is not State.JOB_COMPLETE:
            return None
        start = _place(locator)
        if start > len(job.rows):
            raise Refused("INVALID_ARGUMENT", f"Invalid locator: {locator}")
        size = min(int(most), LARGEST_SET) if most.isdecimal() and int(most) > 0 else LARGEST_SET
        end = min(start + size, len(job.rows))
        text = chain([job.plan.header.encode()], self._text(job, start, end))
        return ResultSet(text=text, rows=end - start, locator=_named(end) if end < len(job.rows) else "null")

    # -- steps -----------------------------------------------------------------------------------------------------------------

    def _job(self, job_id: str) -> Job:
        found = self._jobs.get(long_id(job_id) or "")
        if found is None:
            raise not_found()
        return found

    def _move(self, job: Job, state: State) -> None:
        job.state, job.moved = state, stamp(self._clock.now())

    def _text(self, job: Job, start: int, end: int) -> Iterator[bytes]:
        for first in range(start, end, _PIECE):
            numbers = job.rows[first : min(first + _PIECE, end)].tolist()
            page = {**job.plan.values, "page": orjson.dumps(numbers).decode()}
            yield "".join(line for (line,) in self._database.execute(job.plan.show, page)).encode()

    def _planned(self, text: str, form: CsvForm, *, everything: bool) -> tuple[Select, Plan]:
        try:
            select = parse(text)
            _suitable(select)
            self._suitable_object(self._subject(select))
            today = self._clock.now().date()
            return select, Planner(self._schema, everything=everything, today=today, csv=form).plan(select)
        except Fault as fault:
            raise fault.in_text(text) from None

    def _subject(self, select: Select) -> str:
        """Return the object of a query by its proper name; as it is written when there is none."""
        found = self._schema.find(select.source.text)
        return found.name if found else select.source.text

    def _suitable_object(self, name: str) -> None:
        found = self._schema.objects.get(name)
        if found and not found.bulk:
            raise Refused("INVALIDENTITY", f"Entity '{name}' is not supported by the Bulk API.")


def _suitable(select: Select) -> None:
    """Raise Refused for what the Bulk API does not run, before any object is looked at."""
    if any(isinstance(item, Select) for item in select.items):
        raise Refused("FEATURENOTENABLED", "Aggregate Relationships not supported in Bulk V2 Query with CSV content type")
    if select.group or any(isinstance(item, Call) and item.function != "FIELDS" for item in select.items):
        raise Refused("FEATURENOTENABLED", "Aggregate functions and GROUP BY not supported in Bulk V2 Query")
    if any(isinstance(item, Call) for item in select.items):
        raise Refused("FEATURENOTENABLED", "FIELDS function not supported in Bulk V2 Query")
    if select.offset:
        raise Refused("FEATURENOTENABLED", "OFFSET clause not supported in Bulk V2 Query")


def _choice(body: Mapping[str, Any], name: str, known: Mapping[str, str]) -> str:
    given = body.get(name) or next(iter(known))
    if given not in known:
        raise Refused("INVALIDJOB", f"{name}: {given} is not one of {', '.join(known)}")
    return str(given)


def _shuffle(rows: array[int]) -> None:
    """Put rows into another order, chunk by chunk: the same for the same rows."""
    chunks = [rows[start : start + _CHUNK] for start in range(0, len(rows), _CHUNK)]
    for chunk in chunks:
        chunk.reverse()
    random.Random(len(rows)).shuffle(chunks)  # noqa: S311 - repeatable, not secret
    del rows[:]
    for chunk in chunks:
        rows.extend(chunk)


def _named(place: int) -> str:
    return base64.b64encode(str(place).encode()).decode().rstrip("=")


def _place(locator: str) -> int:
    """Return the row that a locator names, 0 for none. Raises Refused for one that was never given."""
    if locator in ("", "null"):
        return 0
    try:
        text = base64.b64decode(locator + "=" * (-len(locator) % 4), validate=True).decode("ascii")
    except (binascii.Error, UnicodeDecodeError):
        text = ""
    if not text.isdecimal():
        raise Refused("INVALID_ARGUMENT", f"Invalid locator: {locator}")
    return int(text)
