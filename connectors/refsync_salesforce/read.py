"""Reading streams: pages by (stamp, Id), each with the cursor behind it.

Law: a batch's cursor never passes a row that was not in it or before it. A read goes on from its cursor alone, never from a
place that only the CRM remembers. A page that is not whole is an error, never the end.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from refsync.connector import Batch, Cursor
from refsync.errors import UnexpectedReply
from refsync.model import Instant, Stream
from refsync_salesforce.absences import Absences
from refsync_salesforce.batches import Batches
from refsync_salesforce.budget import BudgetSpent
from refsync_salesforce.client import Client, Page, Row
from refsync_salesforce.failures import LocatorGone, SchemaChanged
from refsync_salesforce.first_load import FirstLoad
from refsync_salesforce.selections import Selections
from refsync_salesforce.sources import EMAIL
from refsync_salesforce.window import SECOND, Position, Selection, cursor, described_in, positions

CATCH_UP = 900 * SECOND
"""A read that took longer than this reads what has happened meanwhile, too; else the next run does, which comes as soon."""
FUTURE = 86_400 * SECOND


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How pages are asked for."""

    page_size: int = 2000
    overlap: int = 600
    """Seconds that a window goes back behind the last one."""
    settle: int = 60
    """Seconds that a change must be old."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """Some rows of one object, and the places before and behind them."""

    rows: list[Row]
    asked: Selection
    before: Position
    behind: Position


class Reader:
    """Reads the streams of one org."""

    def __init__(self, client: Client, selections: Selections, pace: Pace, first_load: FirstLoad) -> None:
        self._client = client
        self._first_load = first_load
        self._selections = selections
        self._pace = pace
        self._batches = Batches(client, selections)
        self.absences = Absences(client, selections, self._batches)
        self._survivors: dict[str, set[str]] = {}
        """Records of each object that have taken in others during this run."""

    def begin(self) -> None:
        """Begin a run: its calls are counted anew."""
        self._client.budget.begin()
        self._survivors.clear()

    def read(self, stream: Stream, since: Cursor | None) -> Iterator[Batch]:
        """Yield what is new since the cursor, page by page; everything when it is None."""
        standing = positions(since)
        last, said = since, None
        try:
            self._selections.recall(stream, described_in(since))
            for batch in self._objects(stream, standing):
                # only now, when what was asked for is described; and again when that has changed meanwhile
                lacking = self._selections.lacking(stream)
                yield batch if lacking == said else replace(batch, lacking=lacking)
                last, said = batch.cursor or last, lacking
        except BudgetSpent as error:
            yield Batch(partial=str(error))
        except SchemaChanged:
            self._selections.forget()  # also what the next process would recall
            if last:
                yield Batch(cursor=cursor(positions(last)))
            raise

    def between(self, asked: Selection, lower: Instant, upper: Instant) -> Iterator[Step]:
        """Yield the rows of an object with a stamp in this span, page by page."""
        yield from self._window(asked, Position(done=lower, at=lower, upper=upper, fields=asked.columns))

    def _objects(self, stream: Stream, standing: dict[str, Position]) -> Iterator[Batch]:
        asked: list[Selection] = []
        shown = self._selections.stream(stream)
        for source, selected in shown:
            if selected is not None:
                asked.append(selected)
            elif not source.optional:
                yield Batch(partial=f"Salesforce does not show {source.object} to the user that refsync signs in as")
        for selected in asked:
            standing[selected.source.object] = _with_fields(standing.get(selected.source.object, Position()), selected)
        if self._begin_jobs(asked, standing):
            yield Batch(cursor=self._cursor(stream, standing))
        beside = self.absences.statement() if stream is Stream.USERS else ""
        begun, told = self._begun(asked, standing, beside)
        mailed = _mailed(begun)
        for selected in asked:
            yield from self._object(stream, selected, standing, begun, mailed)
        if not asked and all(source.optional for source, _ in shown):
            yield Batch(cursor=self._cursor(stream, standing))
        for batch in self.absences.read(told) if stream is Stream.USERS else ():
            yield replace(batch, cursor=self._cursor(stream, standing))

    def _cursor(self, stream: Stream, standing: Mapping[str, Position]) -> Cursor:
        return cursor(standing, self._selections.remembered(stream))

    def _object(
        self,
        stream: Stream,
        asked: Selection,
        standing: dict[str, Position],
        begun: dict[str, tuple[Position, Page]],
        mailed: frozenset[str],
    ) -> Iterator[Batch]:
        name = asked.source.object
        if self._is_future(standing[name]):
            yield Batch(partial=f"the last read of {name} lies in the future of Salesforce's clock")
            return
        if standing[name].place is not None:
            yield from self._loaded(stream, asked, standing)
            if standing[name].done is None or self._upper() <= (standing[name].done or 0) + CATCH_UP:
                return
        position, page = begun.pop(name, (standing[name], None))
        for step in self._pages(asked, position, page):
            standing[name] = step.behind
            mails = standing.get(EMAIL, Position()).began
            fresh = step.before.done is None
            place = self._cursor(stream, standing)
            batch = self._batches.of(step.rows, step.asked, place, fresh=fresh, mails=mails, mailed=mailed)
            self._survivors.setdefault(name, set()).update(merge.survivor for merge in batch.merged if not fresh)
            yield batch
        yield from self._children_of_survivors(asked)

    def _begin_jobs(self, asked: list[Selection], standing: dict[str, Position]) -> bool:
        """Begin the query jobs of all objects that have very many rows, so that they run side by side; say whether there are."""
        before = dict(standing)
        standing |= {one.source.object: self._first_load.begun(one, standing[one.source.object]) for one in asked}
        return before != standing

    def _loaded(self, stream: Stream, asked: Selection, standing: dict[str, Position]) -> Iterator[Batch]:
        """Yield the first load of one object."""
        name = asked.source.object
        for loaded in self._first_load.read(asked, standing[name]):
            moved, standing[name] = loaded.behind != standing[name], loaded.behind
            mails = standing.get(EMAIL, Position()).began
            place = self._cursor(stream, standing) if moved else None
            batch = self._batches.of(loaded.rows, asked, place, fresh=True, mails=mails)
            yield replace(batch, partial=loaded.partial)

    def _begun(
        self, asked: list[Selection], standing: Mapping[str, Position], beside: str
    ) -> tuple[dict[str, tuple[Position, Page]], Page | None]:
        """Return the next window and its first page for each object that stands between windows, all out of one call.

        The last page answers what is asked `beside`. Nothing when there are not several things to ask; what could not be had is
        asked for in the ordinary way.
        """
        waiting = [one for one in asked if self._is_between_windows(standing[one.source.object])]
        if not waiting or len(waiting) + bool(beside) < 2:
            return {}, None
        opened = [self._opened(standing[one.source.object]) for one in waiting]
        statements = [one.statement(position, self._pace.page_size) for one, position in zip(waiting, opened, strict=True)]
        try:
            pages = self._client.queries([*statements, beside] if beside else statements)
        except UnexpectedReply:
            return {}, None
        found = zip(waiting, opened, pages, strict=not beside)
        first = {one.source.object: (position, page) for one, position, page in found if isinstance(page, Page)}
        return first, pages[-1] if beside and isinstance(pages[-1], Page) else None

    def _is_between_windows(self, position: Position) -> bool:
        return position.done is not None and position.upper is None and not self._is_future(position)

    def _is_future(self, position: Position) -> bool:
        return position.done is not None and position.done > self._client.now() + FUTURE

    def _upper(self) -> Instant:
        return (self._client.now() // SECOND - self._pace.settle) * SECOND

    def _opened(self, position: Position) -> Position:
        return position.window(max(self._upper(), position.done or 0), self._pace.overlap)

    def _pages(self, asked: Selection, position: Position, page: Page | None) -> Iterator[Step]:
        """Yield pages and the position behind each, window after window up to the present. The first page may be there."""
        while True:
            if position.upper is None:
                position = self._opened(position)
            try:
                for step in self._window(asked, position, page):
                    position = step.behind
                    yield step
            except SchemaChanged:
                left = self._described_anew(asked)
                if left is None:
                    raise
                asked, position = left, _with_fields(position, left)
            page = None
            if position.upper is None and self._upper() <= (position.done or 0) + CATCH_UP:
                return

    def _described_anew(self, asked: Selection) -> Selection | None:
        """Return what can be asked now that something was refused; None when nothing has changed after all."""
        self._selections.forget()
        now = self._selections.source(asked.source)
        return None if now is None or now.columns == asked.columns else now

    def _window(self, asked: Selection, position: Position, first: Page | None = None) -> Iterator[Step]:
        while position.upper is not None:
            got = 0
            for page in self._answer(asked.statement(position, self._pace.page_size), first):
                got += len(page.rows)
                before, position = position, position.behind(page.rows, asked.stamp)
                # fewer rows than asked for are the end only if the CRM itself counts no more of them
                if page.rest is None and page.total <= got < self._pace.page_size:
                    position = position.finished()
                yield Step(rows=page.rows, asked=asked, before=before, behind=position)
            if got == 0 and position.upper is not None:
                raise UnexpectedReply(f"Salesforce counts rows of {asked.source.object} and shows none")
            first = None

    def _answer(self, statement: str, page: Page | None) -> Iterator[Page]:
        """Yield the parts of an answer; ends early when the CRM no longer knows where it goes on."""
        page = page or self._client.query(statement)
        yield page
        while page.rest is not None:
            try:
                page = self._client.rest(page.rest)
            except LocatorGone:
                return
            yield page

    def _children_of_survivors(self, asked: Selection) -> Iterator[Batch]:
        """Yield the rows that refer to a record into which others were merged: it is not known which of them move their stamp."""
        described = self._selections.described(asked.source.object)
        for field, parent in asked.source.parents.items():
            survivors = sorted(self._survivors.get(parent, ()))
            if survivors and described is not None and described.filters(field):
                yield from self._batches.among(asked, field, survivors)


def _mailed(begun: Mapping[str, tuple[Position, Page]]) -> frozenset[str]:
    """Return the tasks of which a mail has come already."""
    rows = begun[EMAIL][1].rows if EMAIL in begun else ()
    return frozenset(str(row["ActivityId"]) for row in rows if row.get("ActivityId") and row.get("IsDeleted") is not True)


def _with_fields(position: Position, asked: Selection) -> Position:
    """Return the position, or the very beginning when a field is asked for that was not read before."""
    gained = set(asked.columns) - set(position.fields)
    return Position(fields=asked.columns) if gained else replace(position, fields=asked.columns)
