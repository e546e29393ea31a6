"""Whether a folder can be read as a book at all: files, encoding, header rows.

Law: every problem is found at once, and a file that passes can be read row by row to its end.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from refsync.book.columns import COLUMNS, NEEDED, WITHOUT_CUSTOM, file_name
from refsync.errors import Place, Problem, shown
from refsync.model import Stream

OPTIONAL: frozenset[Stream] = frozenset({Stream.ACCOUNT_CONTACTS, Stream.CASES, Stream.DEAL_CONTACTS, Stream.INTRODUCTIONS})
"""Streams whose file may be absent: there are none of these, then."""

_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class Header:
    """The columns of one file: where the known ones stand, and what else there is."""

    width: int
    index_of: dict[str, int]
    extra: tuple[str, ...]


def read_header(folder: Path, stream: Stream) -> tuple[Header | None, list[Problem]]:
    """Return the header of a stream's file, None when the file is absent or cannot be read, and every problem it has."""
    name, path = file_name(stream), folder / file_name(stream)
    if not path.is_file():
        missing = Problem(message=f"the file {name} is missing", hint=f"it belongs into {shown(folder)}", place=Place(name))
        return None, [] if stream in OPTIONAL else [missing]
    try:
        if undecodable := _undecodable(path):
            return None, [undecodable]
        with path.open(encoding="utf-8-sig", newline="") as text:
            cells = [cell.strip() for cell in next(csv.reader(text), [])]
    except (OSError, csv.Error) as error:
        return None, [Problem(message=f"cannot be read: {error}", place=Place(name))]
    problems = list(_problems(stream, cells))
    index_of = {cell: index for index, cell in enumerate(cells)}
    extra = () if stream in WITHOUT_CUSTOM else tuple(cell for cell in cells if cell not in COLUMNS[stream])
    return (None, problems) if problems else (Header(len(cells), index_of, extra), [])


def unread_columns(header: Header, stream: Stream) -> Iterator[Problem]:
    """Yield a warning for each further column that records of this stream cannot keep."""
    for name, index in header.index_of.items():
        if name not in COLUMNS[stream] and name not in header.extra:
            place = Place(file_name(stream), 1, _character(list(header.index_of), index))
            yield Problem(
                message=f'column "{name}" is not read: {stream.value} keep no further fields', place=place, severity="warning"
            )


def _problems(stream: Stream, cells: list[str]) -> Iterator[Problem]:
    name = file_name(stream)
    known, needed = COLUMNS[stream], NEEDED[stream]
    if not any(cells):
        yield Problem(message="the header row is missing", hint=f"it reads {','.join(needed)}", place=Place(name, 1))
        return
    if len(cells) == 1 and (other := next((mark for mark in ";\t|" if mark in cells[0]), "")):
        shape = "a tab" if other == "\t" else f'"{other}"'
        yield Problem(message=f"the columns are separated by {shape}", hint="separate them by commas", place=Place(name, 1))
        return
    strange = [cell for cell in cells if cell and cell not in known]
    for column in needed:
        if column not in cells:
            close = [cell for cell in strange if cell.lower() == column] or get_close_matches(column, strange, n=1, cutoff=0.6)
            hint = f'"{close[0]}" is there: did you mean "{column}"?' if close else ""
            at = Place(name, 1, _character(cells, cells.index(close[0]))) if close else Place(name, 1)
            yield Problem(message=f'missing column "{column}"', hint=hint, place=at)
    for index, cell in enumerate(cells):
        if not cell:
            yield Problem(message=f"column {index + 1} has no name", place=Place(name, 1, _character(cells, index)))
        elif cell in cells[:index]:
            yield Problem(message=f'column "{cell}" is there twice', place=Place(name, 1, _character(cells, index)))


def _character(cells: list[str], index: int) -> int:
    return 1 + sum(len(cell) + 1 for cell in cells[:index])


def _undecodable(path: Path) -> Problem | None:
    """Return where a file is not UTF-8, reading it in chunks cut at line ends."""
    line = 1
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK) + file.readline():
            try:
                chunk.decode("utf-8")
            except UnicodeDecodeError as error:
                before = chunk[: error.start]
                column = error.start - before.rfind(b"\n")
                place = Place(path.name, line + before.count(b"\n"), column)
                return Problem(message=f"not UTF-8 (byte 0x{chunk[error.start]:02x})", hint="save it as UTF-8", place=place)
            line += chunk.count(b"\n")
    return None
