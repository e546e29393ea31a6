"""From the rows of a page to a batch: records, and what is gone, merged or cannot be read.

Law: one mail is one activity, in whatever order its two rows come. Salesforce keeps a mail as an EmailMessage and often as a
Task, too: the mail says more, so it deletes the task that was made of it, and a task that is read after its mail is left out.
Whoever has read no mail yet need not ask, since every mail is still to come.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from types import NoneType

import orjson

from refsync.connector import Batch, Cursor, Merge
from refsync.model import Record, SetAside
from refsync_salesforce.client import Client, Row, page_of
from refsync_salesforce.selections import Selections
from refsync_salesforce.sources import EMAIL, TASK
from refsync_salesforce.values import Unreadable
from refsync_salesforce.window import Selection

AS_THEY_ARE = (list, NoneType)
"""Nothing, or the ids of people that a job has brought: what is in the place of a sub-query and is not its answer."""


class Batches:
    """Makes batches of one org's rows."""

    def __init__(self, client: Client, selections: Selections) -> None:
        self._client = client
        self._selections = selections

    def of(
        self,
        rows: list[Row],
        asked: Selection,
        cursor: Cursor | None = None,
        *,
        fresh: bool = False,
        mails: bool = True,
        mailed: Iterable[str] = (),
    ) -> Batch:
        """Return the batch of some rows, which are used up.

        `fresh`: none of the rows can have been read as another before. `mails`: mails have been read already. `mailed`: tasks of
        which a mail is known.
        """
        name = asked.source.object
        gone = [row for row in rows if row.get("IsDeleted") is True and isinstance(row.get("Id"), str)]
        live = [row for row in rows if row.get("IsDeleted") is not True] if gone else rows
        deleted = [row["Id"] for row in gone if not row.get("MasterRecordId")]
        if name == EMAIL:
            deleted += _ids(live, "ActivityId")
        twins = self._twins(live, set(mailed)) if name == TASK and mails else frozenset()
        records, set_aside, none = self._translated(live, asked, twins)
        if name == EMAIL and not fresh:
            records += self._restored(_ids(gone, "ActivityId"))
        return Batch(
            records=tuple(records),
            deleted=tuple(deleted if fresh else deleted + none),
            merged=tuple(Merge(gone=row["Id"], survivor=row["MasterRecordId"]) for row in gone if row.get("MasterRecordId")),
            set_aside=tuple(set_aside),
            cursor=cursor,
        )

    def among(self, asked: Selection, column: str, ids: Sequence[str]) -> Iterator[Batch]:
        """Yield, without a cursor, the rows of an object that have one of these ids in a column."""
        for rows in self._client.among(f"{asked.select} WHERE {column} IN {{}}", ids):
            yield self.of(rows, asked)

    def _translated(
        self, rows: list[Row], asked: Selection, left_out: frozenset[str]
    ) -> tuple[list[Record], list[SetAside], list[str]]:
        """Return the records, what cannot be read, and the ids of rows that are no record at all. The rows are used up."""
        records: list[Record] = []
        set_aside: list[SetAside] = []
        none: list[str] = []
        read, custom, child = asked.source.read, asked.custom, asked.child
        rows.reverse()
        while rows:  # a page and its records are not both in memory at their full size
            row = rows.pop()
            if left_out and row.get("Id") in left_out:
                continue
            if child and type(row.get(child)) not in AS_THEY_ARE:
                row[child] = self._inner(row[child])
            try:
                record = read(row, custom)
            except Unreadable as error:
                set_aside.append(SetAside(id=str(row.get("Id") or ""), reason=str(error), raw=orjson.dumps(row).decode()))
            else:
                if record is None:
                    none += _ids((row,), "Id")
                else:
                    records.append(record)
        return records, set_aside, none

    def _inner(self, answer: object) -> Sequence[Row]:
        """Return the rows of a sub-query, which comes in parts when it is long."""
        if isinstance(answer, dict) and answer.get("done") is True and isinstance(answer.get("records"), list):
            return list(answer["records"])
        return self._client.whole(page_of(answer))

    def _twins(self, rows: Iterable[Row], mailed: set[str]) -> frozenset[str]:
        """Return the tasks among these rows that were made of a mail which the org keeps as a mail, too."""
        tasks = _ids((row for row in rows if row.get("TaskSubtype") == "Email"), "Id")
        mail = self._selections.described(EMAIL)
        unknown = [one for one in tasks if one not in mailed]
        if mail is None or not mail.filters("ActivityId") or not unknown:
            return frozenset(mailed)
        live = " AND IsDeleted = false" if "IsDeleted" in mail.fields else ""
        statement = "SELECT ActivityId FROM EmailMessage WHERE ActivityId IN {}"
        for found in self._client.among(statement + live, unknown):
            mailed.update(_ids(found, "ActivityId"))
        return frozenset(mailed)

    def _restored(self, tasks: Sequence[str]) -> list[Record]:
        """Return those tasks that count again, since the mail that stood for them is gone."""
        asked = self._selections.of(TASK) if tasks else None
        return [] if asked is None else [record for batch in self.among(asked, "Id", tasks) for record in batch.records]


def _ids(rows: Iterable[Row], name: str) -> list[str]:
    return [id_ for row in rows if type(id_ := row.get(name)) is str and id_]
