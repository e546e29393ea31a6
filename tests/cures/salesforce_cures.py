"""What keeps the numbered bugs of Salesforce tools away."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import not_

from refsync.connector import Outcome
from refsync.errors import RateLimited
from refsync.model import Task, iso
from refsync.rules.conditions import Compared, Conditions
from refsync.rules.phrases import NotInLast, Phrase
from refsync.rules.sources import Rows, some
from refsync_salesforce import activities, batches, read
from refsync_salesforce.client import Client, Page, Row
from refsync_salesforce.library import Library
from refsync_salesforce.outcomes import in_turn
from refsync_salesforce.tasks import SalesforceTasks
from refsync_salesforce.window import Position, Selection, cursor
from tests.cures.cure import Cure, both, replaced

NUMBERS = range(1, 25)
"""The bugs that the design lists."""


def _only_later_stamps(asked: Selection, position: Position) -> str:
    since = f"{asked.stamp} > {iso(position.at)} AND " if position.at is not None else ""
    return f"{since}{asked.stamp} < {iso(position.upper or 0)}"


def _since_the_same_stamp(asked: Selection, position: Position) -> str:
    since = f"{asked.stamp} >= {iso(position.at)} AND " if position.at is not None else ""
    return f"{since}{asked.stamp} < {iso(position.upper or 0)}"


def _window_without_overlap(position: Position, upper: int, _overlap: int) -> Position:
    return replace(position, upper=upper, at=position.done, id="")


def _cursor_at_the_end(standing: Mapping[str, Position]) -> str:
    return cursor({name: place.finished() if place.upper else place for name, place in standing.items()})


_query, _library_query, _send, _task_row = Client.query, Library.query, Client.send, SalesforceTasks._row
_since = Conditions._latest


def _limit_as_the_end(client: Client, soql: str) -> Page:
    try:
        return _query(client, soql)
    except RateLimited:
        return Page(rows=[], total=0, rest=None)


def _living_rows_only(library: Library, soql: str, **_more: Any) -> Any:
    return _library_query(library, soql)


def _row_without_key(tasks: SalesforceTasks, task: Task) -> Row:
    return {name: value for name, value in _task_row(tasks, task).items() if value != task.key}


def _upsert(client: Client, method: str, path: str, records: Sequence[Row]) -> list[Row]:
    return _send(client, "PATCH", f"{path}/Task/refsync_key__c" if method == "POST" else path, records)


def _create_each(tasks: SalesforceTasks, wanted: Sequence[Task]) -> list[Outcome]:
    outcomes = in_turn(wanted, tasks._create)
    return [outcomes[task.key] for task in wanted]


def _whenever(conditions: Conditions, rows: Rows, phrase: Phrase) -> Compared:
    if isinstance(phrase, NotInLast):
        return not_(some(rows, rows.at >= conditions._cut(phrase.span)))
    return _since(conditions, rows, phrase)


CURES: Mapping[int, Cure] = {
    1: Cure(
        bug="equal stamps at a page's edge are lost",
        gone="goes on by (stamp, Id), but by the stamp alone",
        remove=replaced(Selection, "_conditions", _only_later_stamps),
    ),
    2: Cure(
        bug="row visible late is never read",
        gone="begins a window before the end of the last",
        remove=replaced(Position, "window", _window_without_overlap),
    ),
    3: Cure(
        bug="cursor moved past unread rows",
        gone="keeps the place inside the window in the cursor",
        remove=replaced(read, "cursor", _cursor_at_the_end),
    ),
    4: Cure(
        bug="used-up limit ends the run as success",
        gone="takes a used-up limit for an error",
        remove=replaced(Client, "query", _limit_as_the_end),
    ),
    6: Cure(
        bug="more rows on a stamp than a page: endless",
        gone="leaves out the rows of the stamp that were read",
        remove=replaced(Selection, "_conditions", _since_the_same_stamp),
    ),
    13: Cure(
        bug="deleted rows stay, archived ones are missing",
        gone="asks for deleted and archived rows, too",
        remove=replaced(Library, "query", _living_rows_only),
    ),
    17: Cure(
        bug="create whose reply is lost is sent again",
        gone="writes its key into the task",
        remove=replaced(SalesforceTasks, "_row", _row_without_key),
    ),
    18: Cure(
        bug="closed task opened, deleted one made again",
        gone="creates only, but upserts; nor looks into the bin",
        remove=both(replaced(Client, "send", _upsert), replaced(Library, "query", _living_rows_only)),
    ),
    21: Cure(
        bug="same key twice in a batch: both rows fail",
        gone="sends each key of a batch once",
        remove=replaced(SalesforceTasks, "create", _create_each),
    ),
    22: Cure(
        bug="own finished tasks and future events count as touch",
        gone="reads its key, nor ends the past at the present",
        remove=both(replaced(activities, "our_key", lambda _row, _terms: ""), replaced(Conditions, "_latest", _whenever)),
    ),
    24: Cure(
        bug="merge leaves orphans",
        gone="reads who survived a merge",
        remove=replaced(batches, "Merge", lambda **_row: None),
    ),
}
