"""Reading streams: pages by (stamp, Id), each with the cursor behind it.

Law: a batch's cursor never passes a row that was not in it or before it. A read goes on from its cursor alone, never from a
place that only the CRM remembers. A page that is not whole is an error, never the end.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

import orjson
from simple_salesforce.format import format_soql

from refsync.connector import Batch, Cursor, Merge
from refsync.errors import UnexpectedReply
from refsync.model import Instant, Record, SetAside, Stream
from refsync_salesforce.client import IDS_A_CALL, Client, Page, Row, chunks, page_of
from refsync_salesforce.failures import LocatorGone, SchemaChanged
from refsync_salesforce.schema import Schema
from refsync_salesforce.sources import Source
from refsync_salesforce.values import Unreadable
from refsync_salesforce.window import SECOND, Position, Selection, cursor, positions, selection

CATCH_UP = 30 * SECOND
"""A read that took longer than this reads what has happened meanwhile, too."""
FUTURE = 86_400 * SECOND
TASK, EMAIL = "Task", "EmailMessage"


class Reader:
    """Reads the streams of one org."""

    def __init__(
        self,
        client: Client,
        schema: Schema,
        sources: Mapping[Stream, tuple[Source, ...]],
        *,
        page_size: int,
        overlap: int,
        settle: int,
    ) -> None:
        self._client = client
        self._schema = schema
        self._sources = sources
        self._page_size = page_size
        self._overlap = overlap
        self._settle = settle

    def read(self, stream: Stream, since: Cursor | None) -> Iterator[Batch]:
        """Yield what is new since the cursor, page by page; everything when it is None."""
        standing = positions(since)
        for source in self._sources[stream]:
            asked = self._selection(source)
            if asked is None:
                if not source.optional:
                    yield Batch(partial=f"Salesforce does not show {source.object} to the user that refsync signs in as")
                continue
            position = _with_fields(standing.get(source.object, Position()), asked)
            if position.done is not None and position.done > self._client.now() + FUTURE:
                yield Batch(partial=f"the last read of {source.object} lies in the future of Salesforce's clock")
                continue
            for page, selected, behind in self._pages(asked, position):
                standing[source.object] = behind
                yield self._batch(page, selected, cursor(standing))

    def _selection(self, source: Source) -> Selection | None:
        described = self._schema.of(source.object)
        if described is None:
            return None
        has_child = source.child in described.children
        return selection(source, described, self._schema.of(source.child) if has_child else None)

    def _upper(self) -> Instant:
        return (self._client.now() // SECOND - self._settle) * SECOND

    def _pages(self, asked: Selection, position: Position) -> Iterator[tuple[list[Row], Selection, Position]]:
        """Yield pages and the position behind each, window after window up to the present."""
        while True:
            if position.upper is None:
                position = position.window(max(self._upper(), position.done or 0), self._overlap)
            try:
                for rows, behind in self._window(asked, position):
                    position = behind
                    yield rows, asked, behind
            except SchemaChanged:
                left = self._described_anew(asked)
                if left is None:
                    raise
                asked, position = left, _with_fields(position, left)
            if position.upper is None and self._upper() <= (position.done or 0) + CATCH_UP:
                return

    def _described_anew(self, asked: Selection) -> Selection | None:
        """Return what can be asked now that something was refused; None when nothing has changed after all."""
        self._schema.forget()
        now = self._selection(asked.source)
        return None if now is None or now.columns == asked.columns else now

    def _window(self, asked: Selection, position: Position) -> Iterator[tuple[list[Row], Position]]:
        while position.upper is not None:
            got = 0
            for page in self._answer(asked.statement(position, self._page_size)):
                got += len(page.rows)
                position = position.behind(page.rows, asked.stamp)
                # fewer rows than asked for are the end only if the CRM itself counts no more of them
                if page.rest is None and page.total <= got < self._page_size:
                    position = position.finished()
                yield page.rows, position
            if got == 0 and position.upper is not None:
                raise UnexpectedReply(f"Salesforce counts rows of {asked.source.object} and shows none")

    def _answer(self, statement: str) -> Iterator[Page]:
        """Yield the parts of an answer; ends early when the CRM no longer knows where it goes on."""
        page = self._client.query(statement)
        yield page
        while page.rest is not None:
            try:
                page = self._client.rest(page.rest)
            except LocatorGone:
                return
            yield page

    def _batch(self, rows: Sequence[Row], asked: Selection, behind: Cursor) -> Batch:
        live = [row for row in rows if row.get("IsDeleted") is not True]
        gone = [row for row in rows if row.get("IsDeleted") is True and isinstance(row.get("Id"), str)]
        # a mail says more than the task that was made of it, which may have been read before
        replaced = _ids(live, "ActivityId") if asked.source.object == EMAIL else []
        if asked.source.object == TASK:
            mailed = self._with_a_mail(_ids((row for row in live if row.get("TaskSubtype") == "Email"), "Id"))
            live = [row for row in live if row.get("Id") not in mailed]
        records, set_aside = self._translated(live, asked)
        return Batch(
            records=records,
            deleted=(*_ids((row for row in gone if not row.get("MasterRecordId")), "Id"), *replaced),
            merged=tuple(Merge(gone=row["Id"], survivor=row["MasterRecordId"]) for row in gone if row.get("MasterRecordId")),
            set_aside=set_aside,
            cursor=behind,
        )

    def _translated(self, rows: Iterable[Row], asked: Selection) -> tuple[tuple[Record, ...], tuple[SetAside, ...]]:
        records: list[Record] = []
        set_aside: list[SetAside] = []
        for row in rows:
            if asked.child and row.get(asked.child) is not None:
                row[asked.child] = self._inner(row[asked.child])
            try:
                record = asked.source.read(row, asked.custom)
            except Unreadable as error:
                set_aside.append(SetAside(id=str(row.get("Id") or ""), reason=str(error), raw=orjson.dumps(row).decode()))
            else:
                if record is not None:
                    records.append(record)
        return tuple(records), tuple(set_aside)

    def _inner(self, answer: object) -> list[Row]:
        """Return the rows of a sub-query; a long one comes in parts, each at its own address."""
        if isinstance(answer, dict) and answer.get("done") is True and isinstance(answer.get("records"), list):
            return list(answer["records"])
        return self._client.whole(page_of(answer))

    def _with_a_mail(self, task_ids: Sequence[str]) -> frozenset[str]:
        """Return the tasks that were made of a mail which the org keeps as a mail, too: one mail, one touch."""
        mail = self._schema.of(EMAIL)
        if mail is None or "ActivityId" not in mail.fields or not mail.fields["ActivityId"].filterable:
            return frozenset()
        live = " AND IsDeleted = false" if "IsDeleted" in mail.fields else ""
        statement = "SELECT ActivityId FROM EmailMessage WHERE ActivityId IN {}"
        found: set[str] = set()
        for some in chunks(task_ids, IDS_A_CALL):
            found.update(str(row.get("ActivityId")) for row in self._client.rows(format_soql(statement, some) + live))
        return frozenset(found)


def _ids(rows: Iterable[Row], name: str) -> list[str]:
    return [row[name] for row in rows if isinstance(row.get(name), str)]


def _with_fields(position: Position, asked: Selection) -> Position:
    """Return the position, or the very beginning when a field is asked for that was not read before."""
    gained = set(asked.columns) - set(position.fields)
    return Position(fields=asked.columns) if gained else replace(position, fields=asked.columns)
