"""A book of business: a folder of CSV files that holds what a CRM holds.

Law: a book that can be opened can be read to its end; what is wrong with a row is said with its place, and the rest goes on.
Files are streamed: only ids are held in memory.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from refsync.book.columns import COLUMNS, LAYOUT, NEEDED, file_name
from refsync.book.faults import Ids
from refsync.book.header import OPTIONAL, Header, read_header, unread_columns
from refsync.book.rows import Report, Rows, link_id
from refsync.book.writing import BookWriter
from refsync.errors import BookError, Place, Problem, shown
from refsync.model import Record, SetAside, Stream

__all__ = [
    "COLUMNS",
    "LISTED_PER_FILE",
    "NEEDED",
    "OPTIONAL",
    "Book",
    "BookReport",
    "BookWriter",
    "Count",
    "file_name",
    "files_behind",
    "link_id",
]

LISTED_PER_FILE = 1_000
"""How many problems of one file a report lists; the rest is counted."""

_POINTED_AT = frozenset(column.leads_to for columns in LAYOUT.values() for column in columns if column.leads_to)


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """How many rows of a file became records, were set aside, or lost a link."""

    records: int = 0
    set_aside: int = 0
    cleared: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class BookReport:
    """What is wrong with the rows of a book, and how many there are."""

    problems: tuple[Problem, ...]
    counts: Mapping[Stream, Count]


class Book:
    """A folder whose files are there and have their columns. Get one from `Book.open`."""

    def __init__(self, folder: Path, headers: Mapping[Stream, Header]) -> None:
        self.folder = folder
        self._headers = headers
        self._ids: dict[Stream, Ids] = {}

    @classmethod
    def open(cls, folder: Path) -> Book:
        """Return the book in a folder. Raises BookError with every missing file and column."""
        if not folder.is_dir():
            raise BookError(Problem(message=f"there is no folder {shown(folder)}", place=Place(shown(folder))))
        found = {stream: read_header(folder, stream) for stream in Stream}
        if problems := [problem for _, listed in found.values() for problem in listed]:
            raise BookError(problems)
        return cls(folder, {stream: header for stream, (header, _) in found.items() if header})

    def read(self, stream: Stream) -> Iterator[Record | SetAside]:
        """Yield each row of a stream in file order, as a record or as the row that was set aside with its reason."""
        return self._read(stream, _ignore)

    def custom_columns(self, stream: Stream) -> tuple[str, ...]:
        """Return the names of the further columns, which become `custom` of each record."""
        header = self._headers.get(stream)
        return header.extra if header else ()

    def problems(self) -> tuple[Problem, ...]:
        """Return what is wrong with the rows of all files: an error for each row set aside, a warning for each link emptied."""
        return self.report().problems

    def report(self) -> BookReport:
        """Read everything and return what is wrong and how much there is."""
        problems: list[Problem] = []
        counts = {}
        for stream in Stream:
            found, counts[stream] = self._examine(stream)
            problems += found
        return BookReport(problems=tuple(problems), counts=counts)

    def _examine(self, stream: Stream) -> tuple[list[Problem], Count]:
        listed, left_out, cleared, aside, records = list[Problem](), 0, 0, 0, 0
        if header := self._headers.get(stream):
            listed += unread_columns(header, stream)

        def report(problem: Problem) -> None:
            nonlocal left_out, cleared
            cleared += problem.severity == "warning"
            if len(listed) < LISTED_PER_FILE:
                listed.append(problem)
            else:
                left_out += 1

        for row in self._read(stream, report):
            aside += isinstance(row, SetAside)
            records += not isinstance(row, SetAside)
        if left_out:
            listed.append(Problem(message=f"and {left_out:,} more problems like these", place=Place(file_name(stream))))
        return listed, Count(records=records, set_aside=aside, cleared=cleared)

    def _read(self, stream: Stream, report: Report) -> Iterator[Record | SetAside]:
        if header := self._headers.get(stream):
            ids = Ids()
            known = {target: self._ids_of(target) for target in _targets(stream)}
            yield from Rows(self.folder, stream, header, known).read(ids, report)
            if stream in _POINTED_AT:
                self._ids.setdefault(stream, ids)

    def _ids_of(self, stream: Stream) -> Ids:
        """Return the ids of a stream, read once. Links of a stream to itself are not looked at: they set no row aside."""
        if stream not in self._ids:
            ids = Ids()
            if header := self._headers.get(stream):
                known = {target: self._ids_of(target) for target in _targets(stream) if target is not stream}
                for _ in Rows(self.folder, stream, header, known).read(ids, _ignore):
                    pass
            self._ids[stream] = ids
        return self._ids[stream]


def files_behind(stream: Stream) -> tuple[str, ...]:
    """Return the files that decide what a stream holds: its own, and those its links are checked against, in turn."""
    found, waiting = set[Stream](), {stream}
    while waiting:
        found |= waiting
        waiting = {target for known in waiting for target in _targets(known)} - found
    return tuple(file_name(known) for known in Stream if known in found)


def _targets(stream: Stream) -> set[Stream]:
    return {column.leads_to for column in LAYOUT[stream] if column.leads_to}


def _ignore(_problem: Problem) -> None:
    pass
