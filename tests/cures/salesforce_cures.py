"""What keeps the numbered bugs of Salesforce tools away."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import requests
from simple_salesforce.exceptions import SalesforceError

from refsync.connector import Batch, Outcome
from refsync.errors import RateLimited
from refsync.model import Activity, Task, iso
from refsync_salesforce import activities, bulk, client, read, translate
from refsync_salesforce.batches import Batches
from refsync_salesforce.client import Client, Page, Row
from refsync_salesforce.description import Description
from refsync_salesforce.library import Library
from refsync_salesforce.outcomes import in_turn
from refsync_salesforce.read import Reader
from refsync_salesforce.selections import Selections
from refsync_salesforce.sweep import Progress, Sweeper
from refsync_salesforce.tasks import SalesforceTasks
from refsync_salesforce.transport import Seen
from refsync_salesforce.values import stamp
from refsync_salesforce.window import Position, Selection, cursor
from refsync_salesforce.words import Terms
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


def _cursor_at_the_end(standing: Mapping[str, Position], _described: Mapping[str, Any] | None = None) -> str:
    return cursor({name: place.finished() if place.upper else place for name, place in standing.items()})


_query, _library_query, _send, _task_row = Client.query, Library.query, Client.send, SalesforceTasks._row
_query_more, _event, _note = Library.query_more, activities.event_activity, Seen.note
_listed, _of = Sweeper._listed, Batches.of


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


def _when_it_was_entered(row: Row, terms: Terms) -> Activity | None:
    found = _event(row, terms)
    return None if found is None else replace(found, at=stamp(row["SystemModstamp"]))


def _doubled_address(library: Library, path: str, **_more: Any) -> Any:
    return _query_more(library, path)


def _in_chunks_of_fields(client: Client, soql: str) -> Page:
    """Ask for the fields in two goes and keep the rows that are the same in both, by Id and stamp."""
    columns, rest = soql.removeprefix("SELECT ").split(" FROM ", 1)
    names = columns.split(", ")
    if len(names) < 4 or "(" in columns:
        return _query(client, soql)
    chunks = (names[: len(names) // 2], ["Id", "SystemModstamp", *names[len(names) // 2 :]])
    first, second = (_query(client, f"SELECT {', '.join(dict.fromkeys(chunk))} FROM {rest}").rows for chunk in chunks)
    known = {(row["Id"], row["SystemModstamp"]): row for row in first}
    rows = [known[key] | row for row in second if (key := (row["Id"], row["SystemModstamp"])) in known]
    return Page(rows=rows, total=len(rows), rest=None)


def _line_by_line(lines: Iterable[str]) -> Iterator[list[str]]:
    for line in lines:
        yield [cell.strip('"') for cell in line.rstrip("\n").split(",")]


def _usage_of_the_plain_header(seen: Seen, response: requests.Response, *given: object, **more: object) -> None:
    if ";" in response.headers.get("Sforce-Limit-Info", ""):
        del response.headers["Sforce-Limit-Info"]
    _note(seen, response, *given, **more)


def _again_and_again(client: Client, asked: Callable[[Library], Any], *, writing: bool = False) -> Any:
    """Sign in anew for each refusal, as long as there is patience."""
    ended = 0
    for _ in range(5):
        library, generation = client._sign_in.library(ended)
        try:
            return asked(library)
        except SalesforceError:
            ended = generation
    raise client._sign_in.refused()


def _fifteen_small_letters(row: Mapping[str, Any]) -> str:
    return str(row["Id"])[:15].lower()


def _without_calculated(sweeper: Sweeper, asked: Selection, done: Progress) -> Iterator[tuple[Batch, str]]:
    return _listed(sweeper, replace(asked, calculated=False), done)


def _merged_is_deleted(batches: Batches, rows: list[Row], *given: Any, **more: Any) -> Batch:
    return _of(batches, [row | {"MasterRecordId": None} for row in rows], *given, **more)


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
    5: Cure(
        bug="further pages of an answer: 404",
        gone="calls a further page at the address it was given",
        remove=replaced(Library, "query_more", _doubled_address),
    ),
    6: Cure(
        bug="more rows on a stamp than a page: endless",
        gone="leaves out the rows of the stamp that were read",
        remove=replaced(Selection, "_conditions", _since_the_same_stamp),
    ),
    7: Cure(
        bug="row that changes between chunks of fields is dropped",
        gone="asks for all fields of a row at once",
        remove=replaced(Client, "query", _in_chunks_of_fields),
    ),
    8: Cure(
        bug="old rows of a new field are never read",
        gone="begins anew for a field that was not read before",
        remove=replaced(read, "_with_fields", lambda position, asked: replace(position, fields=asked.columns)),
    ),
    9: Cure(
        bug="line breaks and quotes break CSV",
        gone="reads results by the rules of CSV",
        remove=replaced(bulk, "csv", SimpleNamespace(reader=_line_by_line, field_size_limit=int, Error=csv.Error)),
    ),
    10: Cure(
        bug="aborted or failed job is polled for ever",
        gone="knows that a job can end without being complete",
        remove=replaced(bulk, "OVER", frozenset({"JobComplete"})),
    ),
    11: Cure(
        bug="token that expires in a long download ends it",
        gone="knows an ended session by its codes",
        remove=replaced(client, "is_expiry", lambda _error: False),
    ),
    12: Cure(
        bug="quota guard refuses the header with per-app figures",
        gone="reads the usage from any form of the header",
        remove=replaced(Seen, "note", _usage_of_the_plain_header),
    ),
    13: Cure(
        bug="deleted rows stay, archived ones are missing",
        gone="asks for deleted and archived rows, too",
        remove=replaced(Library, "query", _living_rows_only),
    ),
    14: Cure(
        bug="hidden column loads as empty or stops the object",
        gone="says what is lacking, nor describes the org anew",
        remove=both(
            replaced(Selections, "lacking", lambda _selections, _stream: frozenset()),
            replaced(Reader, "_described_anew", lambda _reader, _asked: None),
        ),
    ),
    15: Cure(
        bug="cursor column cannot be filtered",
        gone="looks whether a stamp can be filtered",
        remove=replaced(Description, "stamp", property(lambda _described: "SystemModstamp")),
    ),
    16: Cure(
        bug="formula values grow stale",
        gone="reads rows with calculated fields again each day",
        remove=replaced(Sweeper, "_listed", _without_calculated),
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
    19: Cure(
        bug="lasting 401: hundreds of sign-ins",
        gone="stops after a second sign-in",
        remove=replaced(Client, "_call", _again_and_again),
    ),
    20: Cure(
        bug="ids that differ by case become one record",
        gone="keeps ids as they are",
        remove=replaced(translate, "record_id", _fifteen_small_letters),
    ),
    21: Cure(
        bug="same key twice in a batch: both rows fail",
        gone="sends each key of a batch once",
        remove=replaced(SalesforceTasks, "create", _create_each),
    ),
    22: Cure(
        bug="own finished tasks and future events count as touch",
        gone="reads its key, nor dates a meeting by its start",
        remove=both(
            replaced(activities, "our_key", lambda _row, _terms: ""), replaced(activities, "event_activity", _when_it_was_entered)
        ),
    ),
    23: Cure(
        bug="person account is two customers, or a nameless one",
        gone="joins the two rows of a person",
        remove=both(
            replaced(translate, "_full_name", lambda _row: ""),
            replaced(translate, "reference", lambda _row, _name: None),
        ),
    ),
    24: Cure(
        bug="merge leaves orphans",
        gone="reads who survived a merge",
        remove=replaced(Batches, "of", _merged_is_deleted),
    ),
}
