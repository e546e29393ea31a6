"""The first load of an object with many rows, by a query job of the Bulk API.

Law: the id of a job is kept before anything is asked of it, and the cursor says which set of results comes next; so whoever was
killed goes on with the same job. Results come in no order, hence the read that follows begins where the job was created, not at
the latest row. Nobody sleeps for long: between looks the engine can stop the read. What the Bulk API does not run is read page by
page.

A job has no sub-queries. The people of activities come by a job of their own, and lie on disk before the activities are read.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field, replace

from refsync.ahead import ahead
from refsync.errors import ConnectorError, UnexpectedReply
from refsync_salesforce.activities import CONTACT
from refsync_salesforce.bulk import Bulk, Job, ResultSet
from refsync_salesforce.client import Client, Row
from refsync_salesforce.failures import NotThere, told
from refsync_salesforce.people import People
from refsync_salesforce.selections import Selections
from refsync_salesforce.window import SECOND, Place, Position, Selection

BEAT = 2.0
"""Seconds after which the engine is given a chance to stop."""
LOOKS = (0.25, 1.0, 2.0, 4.0, 8.0, 15.0)
"""Seconds between looks at a job; the last is repeated."""
PATIENCE = 600.0
"""Seconds that one run waits for a job."""

NUMBERS = frozenset({"double", "currency", "percent", "int", "long"})
TIMES = frozenset({"date", "datetime"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """One step of a first load."""

    behind: Position
    rows: list[Row] = field(default_factory=list)
    partial: str = ""
    """Why it does not go on in this run."""


class FirstLoad:
    """Loads objects of one org by query jobs."""

    def __init__(
        self, client: Client, selections: Selections, bulk_from: int, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._client = client
        self._bulk = Bulk(client)
        self._selections = selections
        self._bulk_from = bulk_from
        self._sleep = sleep
        self._counts: Mapping[str, int] | None = None

    def begun(self, asked: Selection, position: Position) -> Position:
        """Return the position with a job, where there are so many rows that a job is worth while."""
        if not self._is_worth_a_job(asked, position):
            return position
        try:
            job = self._bulk.create(_statement(asked))
            links = self._bulk.create(self._links(asked)).id if asked.child else ""
        except UnexpectedReply:  # an object or a field that the Bulk API does not run
            return replace(position, by_pages=True)
        return replace(position, place=Place(job=job.id, links=links, created=job.created // SECOND * SECOND))

    def read(self, asked: Selection, position: Position) -> Iterator[Loaded]:
        """Yield all rows of a job, with the position behind each part; the last position is that of a window read whole."""
        place = position.place
        if place is None:
            raise ValueError("no job is begun")
        with closing(People()) as people:
            try:
                if place.links:
                    yield from self._awaited(asked, position, place.links)
                yield from self._awaited(asked, position, place.job)
                if place.links:
                    yield from self._gathered(people, position, place.links)
                yield from self._rows(asked, position, place, people)
            except NotThere:
                reason = f"Salesforce no longer knows the job that reads {asked.source.object}; a new one is begun"
                yield Loaded(behind=Position(fields=position.fields), partial=reason)
                return
            except _Ended as ended:
                yield Loaded(behind=ended.position, partial=ended.reason)
                return
        for job in filter(None, (place.job, place.links)):
            with suppress(ConnectorError):  # Salesforce removes it after 7 days
                self._bulk.delete(job)

    def _is_worth_a_job(self, asked: Selection, position: Position) -> bool:
        untouched = position == Position(fields=position.fields)
        if not self._bulk_from or not untouched or any("." in name for name in asked.fields):
            return False
        return self._count(asked.source.object) >= self._bulk_from

    def _count(self, name: str) -> int:
        """Return about how many rows an object has: a hint, since Salesforce leaves out objects and counts late."""
        if self._counts is None:
            try:
                told = self._client.get("limits/recordCount").get("sObjects")
            except UnexpectedReply:
                told = None
            listed = told if isinstance(told, list) else []
            self._counts = {str(one.get("name")): one["count"] for one in listed if isinstance(one.get("count"), int)}
        return self._counts.get(name, 0)

    def _links(self, asked: Selection) -> str:
        described = self._selections.described(asked.source.object)
        if described is None:
            raise UnexpectedReply(f"Salesforce no longer shows {asked.source.object}")
        columns = (described.children[asked.source.child].field, *asked.child_fields)
        return f"SELECT {', '.join(columns)} FROM {asked.source.child}"  # noqa: S608 # names out of describe

    # -- waiting -----------------------------------------------------------------------------------------------------------

    def _awaited(self, asked: Selection, position: Position, job_id: str) -> Iterator[Loaded]:
        """Yield nothings until a job is complete. Raises _Ended when it will not be, or not in this run."""
        waited, looks = 0.0, 0
        while not (job := self._bulk.look(job_id)).over:
            pause = LOOKS[min(looks, len(LOOKS) - 1)]
            if waited + pause > PATIENCE:
                reason = f"Salesforce is still gathering {asked.source.object} for the first load; the next run goes on"
                raise _Ended(position, reason)
            looks, waited = looks + 1, waited + pause
            while pause > 0:
                yield Loaded(behind=position)
                self._sleep(min(pause, BEAT))
                pause -= BEAT
        if not job.complete:
            raise _Ended(Position(fields=position.fields, by_pages=True), _words(asked, job))

    # -- results -----------------------------------------------------------------------------------------------------------

    def _gathered(self, people: People, position: Position, job_id: str) -> Iterator[Loaded]:
        with ahead(self._sets(Place(job=job_id, created=0))) as sets:
            for found in sets:
                with closing(found):
                    for some in found.pieces:
                        people.add(_pairs(found.names, some))
                yield Loaded(behind=position)
        people.complete()

    def _rows(self, asked: Selection, position: Position, place: Place, people: People) -> Iterator[Loaded]:
        with ahead(self._sets(place)) as sets:
            for found in sets:
                with closing(found):
                    made = _made(asked, found.names, self._selections)
                    place = replace(place, begun=True)
                    for some in found.pieces:
                        rows = made(some)
                        _join(rows, asked.child, people)
                        yield Loaded(behind=replace(position, place=place), rows=rows)
                if found.following:
                    place = replace(place, locator=found.following)
                    yield Loaded(behind=replace(position, place=place))
        yield Loaded(behind=Position(done=place.created, fields=position.fields))

    def _sets(self, place: Place) -> Iterator[ResultSet]:
        """Yield the sets of results from a place on: each says by itself where the next one begins."""
        found = self._first_set(place)
        yield found
        while found.following:
            found = self._bulk.results(place.job, found.following)
            yield found

    def _first_set(self, place: Place) -> ResultSet:
        """Return the set of results at a place, or the first when Salesforce has forgotten the place: a row may come twice."""
        try:
            return self._bulk.results(place.job, place.locator)
        except NotThere:
            raise
        except UnexpectedReply:
            if not place.locator:
                raise
            return self._bulk.results(place.job, "")


class _Ended(Exception):
    """A first load does not go on in this run."""

    def __init__(self, position: Position, reason: str) -> None:
        super().__init__(reason)
        self.position, self.reason = position, reason


def _words(asked: Selection, job: Job) -> str:
    reason = f": {told(job.reason)}" if job.reason else ""
    return f"the job that reads {asked.source.object} is {job.state}{reason}; from the next run on it is read page by page"


def _columns(asked: Selection) -> tuple[str, ...]:
    """Return what a job asks for. No stamp: the read that follows begins where the job was created."""
    return tuple(dict.fromkeys(("Id", *asked.fields)))


def _statement(asked: Selection) -> str:
    where = f" WHERE {asked.source.where}" if asked.source.where else ""
    return f"SELECT {', '.join(_columns(asked))} FROM {asked.source.object}{where}"  # noqa: S608 # names out of describe


def _pairs(names: Sequence[str], rows: Iterable[list[str]]) -> list[tuple[str, str]]:
    """Return the activity and the contact of each link that stands; the activity's id is the first column."""
    if len(names) not in (2, 3) or names[1] != "RelationId":
        raise UnexpectedReply("Salesforce: the links of activities have other columns than were asked for")
    return [(row[0], row[1]) for row in rows if row[1][:3] == CONTACT and row[2:] != ["true"]]


def _made(asked: Selection, names: Sequence[str], selections: Selections) -> Callable[[Sequence[list[str]]], list[Row]]:
    """Return what makes rows, as REST gives them, of the values of lines."""
    described = selections.described(asked.source.object)
    if described is None or not set(_columns(asked)) <= set(names):
        raise UnexpectedReply(f"Salesforce: the rows of {asked.source.object} have other columns than were asked for")
    types = [described.fields[name].type if name in described.fields else "" for name in names]

    def made(lines: Sequence[list[str]]) -> list[Row]:
        # column by column: one look at a column's type for all rows of a piece; all lines are as wide as the names
        columns = zip(names, types, zip(*lines, strict=False), strict=True)
        filled = {name: _column(values, type_) for name, type_, values in columns if any(values)}
        return [dict(zip(filled, values, strict=False)) for values in zip(*filled.values(), strict=False)]

    return made


def _column(values: Sequence[str], type_: str) -> Sequence[object]:
    if type_ == "boolean":
        return [value == "true" for value in values]
    if type_ in NUMBERS:
        return [_number(value) for value in values]
    return [value or None for value in values] if type_ in TIMES else values


def _number(text: str) -> float | str | None:
    try:
        return float(text) if text else None
    except ValueError:
        return text  # the translation says what is wrong with it


def _join(rows: Sequence[Row], child: str, people: People) -> None:
    """Put the ids of the people of activities into their rows, in the place where a sub-query has records of links."""
    if child:
        found = people.of([row.get("Id", "") for row in rows])
        for row in rows:
            if those := found.get(row.get("Id", "")):
                row[child] = those
