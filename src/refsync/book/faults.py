"""What is wrong with one row, in words and with its place: the slow way, only taken for rows that the quick way refused.

Law: all faults of a row are found, not only the first.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from refsync.book.columns import BadCell, Column, file_name
from refsync.errors import Place, Problem
from refsync.model import Stream


@dataclass(slots=True)
class Ids:
    """The ids of one stream: those that can be pointed at, and where those that were set aside stand."""

    good: set[str] = field(default_factory=set)
    aside: dict[str, Place] = field(default_factory=dict)

    def __contains__(self, identity: object) -> bool:
        return identity in self.good or identity in self.aside


@dataclass(frozen=True, slots=True)
class Row:
    """A row as it stands in the file."""

    file: str
    line: int
    raw: str
    cells: list[str]

    def place(self, index: int | None = None) -> Place:
        """Return where the row begins, or its cell with this index."""
        if index is None:
            return Place(self.file, self.line)
        line, column, quoted, seen = self.line, 1, False, 0
        for character in self.raw:
            if seen == index:
                break
            if character == '"':
                quoted = not quoted
            seen += character == "," and not quoted
            line, column = (line + 1, 1) if character == "\n" else (line, column + 1)
        return Place(self.file, line, column)


@dataclass(frozen=True, slots=True)
class Verdict:
    faults: tuple[Problem, ...]
    """Why the row is set aside; none: it stays."""
    cleared: tuple[Problem, ...]
    """The links that were emptied."""
    cells: list[str]
    """The row without those links."""


def judge(row: Row, columns: Sequence[tuple[int, Column]], width: int, known: Mapping[Stream, Ids]) -> Verdict:
    """Return what is wrong with a row whose columns stand at these indexes."""
    if len(row.cells) != width:
        message = f"{len(row.cells)} cells where the header has {width}"
        hint = "is a quotation mark left open?" if "\n" in row.raw.rstrip("\r\n") else ""
        return Verdict((Problem(message=message, hint=hint, place=row.place()),), (), row.cells)
    faults, cleared, cells = [], [], list(row.cells)
    for index, column in columns:
        for problem in _problems(row, index, column, known):
            if problem.severity == "error":
                faults.append(problem)
            else:
                cleared.append(problem)
                cells[index] = ""
    return Verdict(tuple(faults), tuple(cleared), cells)


def _problems(row: Row, index: int, column: Column, known: Mapping[Stream, Ids]) -> Iterator[Problem]:
    text = row.cells[index]
    if not text:
        if column.required:
            yield Problem(message=f"{column.name} is missing", place=row.place(index))
        return
    try:
        value = column.kind.read(text) if column.kind.read else text
    except BadCell as error:
        yield Problem(message=f"{column.name}: {error}", hint=error.hint, place=row.place(index))
        return
    ids = known.get(column.leads_to) if column.leads_to else None
    for target in value if isinstance(value, tuple) else (value,):
        if ids is not None and target not in ids.good:
            message = _lost(column, target, ids.aside.get(target))
            if column.clears:
                yield Problem(message=f"{message}; left empty", place=row.place(index), severity="warning")
            else:
                yield Problem(message=message, place=row.place(index))


def _lost(column: Column, target: str, aside: Place | None) -> str:
    if aside:
        return f'{column.name} "{target}" is a row that was set aside ({aside})'
    return f'{column.name} "{target}" is no row of {file_name(column.leads_to)}' if column.leads_to else ""
