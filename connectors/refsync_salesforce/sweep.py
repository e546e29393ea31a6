"""What reads cannot see: rows that were purged or hidden, links that were cut, values that are calculated, rows that came late.

Hourly: links that were cut from tasks and events (`links.py`). Daily: a window that goes back 24 hours more, for rows of long
transactions; then the ids of all rows, for those that are gone without a trace. An object of which a calculated field is wanted
gives its rows in place of their ids, since their stamp tells nothing.

Law: what is due is decided by the cursor and the CRM's clock, and nothing is asked when nothing is due. A sweep that was cut
short goes on where it was. A list is called whole only if it holds every object that the stream was ever read from.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass, replace
from typing import Any

import orjson

from refsync.connector import Batch, Cursor
from refsync.errors import UnexpectedReply
from refsync.model import Instant, Stream, iso, parse_instant
from refsync_salesforce.batches import Batches
from refsync_salesforce.budget import BudgetSpent
from refsync_salesforce.client import Client, Row
from refsync_salesforce.links import Links
from refsync_salesforce.read import Pace, Reader
from refsync_salesforce.selections import Selections
from refsync_salesforce.sources import EMAIL
from refsync_salesforce.window import ID, SECOND, Selection

HOUR = 3_600 * SECOND
DAY = 24 * HOUR


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """What has been swept."""

    links: Instant
    """Until when links that were cut are known."""
    looked: Instant
    """When they were looked for last."""
    daily: Instant
    """When the last daily pass began, or the one under way."""
    objects: frozenset[str] = frozenset()
    """The objects that have ever been listed."""
    object: str = ""
    """The object that the daily pass is at; empty between passes."""
    id: str = ""
    """The last id that it listed."""
    torn: frozenset[str] = frozenset()
    """Objects of which links were cut, it is not known from which rows: the next daily pass reads their rows."""

    @property
    def cursor(self) -> Cursor:
        times = {"links": self.links, "looked": self.looked, "daily": self.daily}
        parts: dict[str, object] = {name: iso(at) for name, at in times.items()} | {"objects": sorted(self.objects)}
        if self.object:
            parts |= {"object": self.object, "id": self.id}
        return orjson.dumps(parts | ({"torn": sorted(self.torn)} if self.torn else {})).decode()


def progress(cursor: Cursor) -> Progress:
    """Return what a cursor tells. Raises UnexpectedReply for a text that is none of ours."""
    try:
        parts: dict[str, Any] = orjson.loads(cursor)
        id_ = str(parts.get("id", ""))
        if id_ and not ID.fullmatch(id_):
            raise ValueError(id_)
        return Progress(
            **{name: parse_instant(parts[name]) for name in ("links", "looked", "daily")},
            objects=frozenset(map(str, parts["objects"])),
            object=str(parts.get("object", "")),
            id=id_,
            torn=frozenset(map(str, parts.get("torn", ()))),
        )
    except (ValueError, TypeError, KeyError, AttributeError):
        raise UnexpectedReply("the stored place to sweep on from was not written by this connector") from None


class Sweeper:
    """Sweeps the streams of one org."""

    def __init__(self, client: Client, selections: Selections, reader: Reader, pace: Pace) -> None:
        self._client = client
        self._selections = selections
        self._reader = reader
        self._pace = pace
        self._batches = Batches(client, selections)
        self._cuts = Links(client, selections)

    def sweep(self, stream: Stream, since: Cursor | None) -> Iterator[Batch]:
        """Yield what is due. A spent budget ends it where it is, for the next run to go on: it is the reads that say so."""
        now = self._client.now() // SECOND * SECOND
        if since is None:  # everything has just been read; but a link may have been cut meanwhile
            objects = frozenset(asked.source.object for asked in self._shown(stream))
            yield Batch(cursor=Progress(links=now - DAY, looked=now, daily=now, objects=objects).cursor)
            return
        done = progress(since)
        try:
            if now - done.looked >= HOUR:
                done = yield from self._links(stream, done, now)
            if done.object or now - done.daily >= DAY:
                yield from self._daily(stream, done, now)
                if stream is Stream.USERS:  # those that were read again, without their absences
                    yield from self._reader.absences.read()
        except BudgetSpent:
            return

    def _shown(self, stream: Stream) -> list[Selection]:
        return [asked for _, asked in self._selections.stream(stream) if asked is not None]

    def _links(self, stream: Stream, done: Progress, now: Instant) -> Generator[Batch, None, Progress]:
        linked = [asked for asked in self._shown(stream) if asked.child and asked.source.object != EMAIL]
        until, torn = now, set(done.torn)
        for asked, cut in zip(linked, self._cuts.cut(linked, done.links, now), strict=True):
            if cut.parents:
                yield from self._batches.among(asked, "Id", cut.parents)
            if not cut.all_known:
                torn.add(asked.source.object)
            until = min(until, cut.until)
        if linked:
            done = replace(done, links=max(until, done.links), looked=now, torn=frozenset(torn))
            yield Batch(cursor=done.cursor)
        return done

    def _daily(self, stream: Stream, done: Progress, now: Instant) -> Iterator[Batch]:
        shown = {asked.source.object: asked for asked in self._shown(stream)}
        if done.object not in shown:
            since, done = done.daily, replace(done, daily=now, object=next(iter(shown), ""), id="")
            for asked in shown.values():
                yield from self._late(asked, since, now)
            yield Batch(cursor=done.cursor)
        left = list(shown)
        while done.object:
            asked = shown[done.object]
            for batch, last in self._listed(asked, done):
                done = replace(done, id=last)
                yield replace(batch, cursor=done.cursor)
            following = left[left.index(done.object) + 1 :]
            whole = not following and done.objects <= shown.keys()
            torn = done.torn - {done.object}
            done = replace(done, object=following[0] if following else "", id="", torn=torn, objects=done.objects | shown.keys())
            yield Batch(cursor=done.cursor, whole=whole)

    def _late(self, asked: Selection, since: Instant, now: Instant) -> Iterator[Batch]:
        """Yield the rows of the day before the last pass and since: those of a long transaction become visible late."""
        if not asked.calculated:  # else every row is read
            for step in self._reader.between(asked, since - DAY, now - self._pace.settle * SECOND):
                yield self._batches.of(step.rows, step.asked)

    def _listed(self, asked: Selection, done: Progress) -> Iterator[tuple[Batch, str]]:
        """Yield the ids of an object, or its rows where ids say too little, each time with the last id."""
        rows_too = asked.calculated or done.object in done.torn
        select = asked.select if rows_too else f"SELECT Id FROM {done.object}"  # noqa: S608 # names out of describe
        last = done.id
        for rows in self._by_id(asked, select, last):
            ids = [row["Id"] for row in rows if isinstance(row.get("Id"), str) and ID.fullmatch(row["Id"])]
            if len(ids) < len(rows) or ids[-1] == last:
                raise UnexpectedReply(f"Salesforce: the ids of {asked.source.object} do not go on")
            last = ids[-1]
            yield self._batches.of(rows, asked) if rows_too else Batch(present=tuple(ids)), last

    def _by_id(self, asked: Selection, select: str, last: str) -> Iterator[list[Row]]:
        """Yield all living rows that can be records of the stream, by their ids, page by page."""
        described = self._selections.described(asked.source.object)
        only = ["IsDeleted = false"] if described is not None and described.filters("IsDeleted") else []
        only += [asked.source.where] if asked.source.where else []
        size, ended = self._pace.page_size, False
        while not ended:
            conditions = [*only, f"Id > '{last}'"] if last else only
            where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
            page = self._client.query(f"{select}{where} ORDER BY Id LIMIT {size}")
            rows = self._client.whole(page)
            if not rows and page.total:
                raise UnexpectedReply(f"Salesforce counts rows of {asked.source.object} and shows none")
            ended = page.total <= len(rows) < size
            last = str(rows[-1].get("Id")) if rows else last
            if rows:
                yield rows
