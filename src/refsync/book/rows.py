"""From the rows of one file to records, one at a time.

Law: each row becomes exactly one record or one set-aside row with every fault it has; nothing is dropped and nothing raised.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from refsync.book.columns import LAYOUT, BadCell, Column, file_name
from refsync.book.header import Header
from refsync.errors import Place, Problem
from refsync.model import RECORD_OF, Record, SetAside, Stream

RAW_LIMIT = 4_000
"""How many characters of a row that is set aside are kept."""

Report = Callable[[Problem], None]


@dataclass(slots=True)
class Ids:
    """The ids of one stream: those that can be pointed at, and where those that were set aside stand."""

    good: set[str] = field(default_factory=set)
    aside: dict[str, Place] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Row:
    """A row as it stands in the file; only made for rows with a fault."""

    file: str
    line: int
    raw: str
    cells: list[str]

    def place(self, index: int) -> Place:
        """Return where the cell with this index begins."""
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
class _Fault:
    message: str
    place: Place
    hint: str = ""

    def problem(self) -> Problem:
        return Problem(message=self.message, hint=self.hint, place=self.place)


class Rows:
    """Reads the file of one stream."""

    def __init__(self, folder: Path, stream: Stream, header: Header, known: Mapping[Stream, Ids]) -> None:
        """`known` holds the ids of the streams that links are checked against; a link to any other stream is not checked."""
        self._path = folder / file_name(stream)
        self._stream = stream
        self._width = header.width
        self._columns = [(header.index_of[column.name], column) for column in LAYOUT[stream]]
        self._plan = [(index, column.name, column.kind.read) for index, column in self._columns]
        self._required = [column.name for _, column in self._columns if column.required]
        self._links = [column for _, column in self._columns if column.leads_to in known]
        self._custom = [(header.index_of[name], name) for name in header.extra]
        self._known = known

    def read(self, ids: Ids, report: Report) -> Iterator[Record | SetAside]:
        """Yield every row in file order; fill `ids`, and report each fault and each link that was emptied."""
        kind, kept, first, last = RECORD_OF[self._stream], list[str](), True, 0
        with self._path.open(encoding="utf-8-sig", newline="") as text:
            rows = csv.reader(_remembering(text, kept))
            while True:
                line, trouble, cells = last + 1, "", list[str]()
                try:
                    cells = next(rows)
                except StopIteration:
                    return
                except csv.Error as error:
                    trouble = f"{error}: is a quotation mark left open?"
                last = rows.line_num
                if first or not (cells or trouble):
                    first = False
                    kept.clear()
                    continue
                values = None if trouble else self._values(cells)
                links_hold = values is not None and self._links_hold(values)
                if values is None or not links_hold or values["id"] in ids.good or values["id"] in ids.aside:
                    row = _Row(file_name(self._stream), line, "".join(kept), cells)
                    found = self._judge(row, values, ids, trouble, report)
                    if isinstance(found, SetAside):
                        kept.clear()
                        yield found
                        continue
                    values = found
                kept.clear()
                ids.good.add(values["id"])
                yield kind(**values)

    def _values(self, cells: list[str]) -> dict[str, Any] | None:
        """Return the fields of a row, or None when one of its cells is bad."""
        if len(cells) != self._width:
            return None
        values: dict[str, Any] = {}
        try:
            for index, name, read in self._plan:
                if text := cells[index]:
                    values[name] = read(text) if read else text
        except BadCell:
            return None
        for name in self._required:
            if name not in values:
                return None
        if self._custom and (custom := {name: cells[index] for index, name in self._custom if cells[index]}):
            values["custom"] = custom
        if self._stream is Stream.DEAL_CONTACTS:
            values["id"] = link_id(values["deal_id"], values["contact_id"], values.get("role", ""))
        return values

    def _links_hold(self, values: dict[str, Any]) -> bool:
        for column in self._links:
            if (value := values.get(column.name)) is not None:
                good = self._known[column.leads_to].good  # type: ignore[index]  # _links holds only such columns
                if not (good.issuperset(value) if isinstance(value, tuple) else value in good):
                    return False
        return True

    def _judge(
        self, row: _Row, values: dict[str, Any] | None, ids: Ids, trouble: str, report: Report
    ) -> dict[str, Any] | SetAside:
        """Return the fields of a row without the links that may be emptied, or the row set aside with its faults."""
        faults = [_Fault(trouble, Place(row.file, row.line))] if trouble else list(self._faults(row, values, report))
        identity = values["id"] if values else self._identity(row.cells)
        if not faults and values is not None and (identity in ids.good or identity in ids.aside):
            faults = [_Fault(f'the id "{identity}" is there twice; the first row counts', row.place(0))]
        if not faults and values is not None:
            return values
        for fault in faults:
            report(fault.problem())
        if not identity or identity in ids.good or identity in ids.aside:
            identity = f"{identity} (line {row.line})".strip()  # never the id of a row that counts
        ids.aside[identity] = faults[0].place
        reason = "; ".join(f"{fault.message} {fault.hint}".strip() for fault in faults)
        return SetAside(id=identity, reason=reason, raw=row.raw.rstrip("\r\n")[:RAW_LIMIT], place=faults[0].place)

    def _identity(self, cells: list[str]) -> str:
        index_of = {column.name: index for index, column in self._columns}
        names = ("deal_id", "contact_id", "role") if self._stream is Stream.DEAL_CONTACTS else ("id",)
        parts = [cells[index_of[name]] if index_of[name] < len(cells) else "" for name in names]
        return ":".join(parts) if any(parts) else ""

    def _faults(self, row: _Row, values: dict[str, Any] | None, report: Report) -> Iterator[_Fault]:
        if len(row.cells) != self._width:
            yield _Fault(f"{len(row.cells)} cells where the header has {self._width}", Place(row.file, row.line))
            return
        for index, column in self._columns:
            text = row.cells[index]
            if not text:
                if column.required:
                    yield _Fault(f"{column.name} is missing", row.place(index))
                continue
            try:
                value = column.kind.read(text) if column.kind.read else text
            except BadCell as error:
                yield _Fault(f"{column.name}: {error}", row.place(index), error.hint)
                continue
            if column in self._links:
                yield from self._nowhere(row, index, column, value, values, report)

    def _nowhere(
        self, row: _Row, index: int, column: Column, value: Any, values: dict[str, Any] | None, report: Report
    ) -> Iterator[_Fault]:
        assert column.leads_to is not None  # noqa: S101  # only such columns are in _links
        known = self._known[column.leads_to]
        for target in value if isinstance(value, tuple) else (value,):
            if target in known.good:
                continue
            fault = _Fault(_lost(column, target, known.aside.get(target)), row.place(index))
            if not column.clears:
                yield fault
                continue
            report(Problem(message=f"{fault.message}; left empty", place=fault.place, severity="warning"))
            if values is not None:
                values.pop(column.name)


def link_id(deal: str, contact: str, role: str) -> str:
    """Return the id of the link between a deal and a person."""
    return f"{deal}:{contact}:{role}"


def _lost(column: Column, target: str, aside: Place | None) -> str:
    if aside:
        return f'{column.name} "{target}" is a row that was set aside ({aside})'
    return f'{column.name} "{target}" is no row of {file_name(column.leads_to)}' if column.leads_to else ""


def _remembering(lines: Iterator[str], kept: list[str]) -> Iterator[str]:
    for line in lines:
        kept.append(line)
        yield line
