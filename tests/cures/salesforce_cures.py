"""What keeps the numbered bugs of Salesforce tools away."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from refsync.errors import RateLimited
from refsync.model import iso
from refsync_salesforce import read
from refsync_salesforce.client import Client, Page
from refsync_salesforce.library import Library
from refsync_salesforce.window import Position, Selection, cursor
from tests.cures.cure import Cure, replaced

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


_query, _library_query = Client.query, Library.query


def _limit_as_the_end(client: Client, soql: str) -> Page:
    try:
        return _query(client, soql)
    except RateLimited:
        return Page(rows=[], total=0, rest=None)


def _living_rows_only(library: Library, soql: str, **_more: Any) -> Any:
    return _library_query(library, soql)


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
    24: Cure(
        bug="merge leaves orphans",
        gone="reads who survived a merge",
        remove=replaced(read, "Merge", lambda **_row: None),
    ),
}
