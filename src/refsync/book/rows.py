"""From the rows of one file to records, one at a time.

Law: each row becomes exactly one record or one set-aside row with every fault it has; nothing is dropped and nothing raised.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeAlias

from refsync.book.columns import IDS, LAYOUT, BadCell, file_name
from refsync.book.faults import Ids, Row, judge
from refsync.book.header import Header
from refsync.errors import Problem
from refsync.model import RECORD_OF, Record, SetAside, Stream

RAW_LIMIT = 4_000
"""How many characters of a row that is set aside are kept."""
LONGEST_ROW = 131_072
"""Characters of a row that goes over several lines."""

Report = Callable[[Problem], None]
Values: TypeAlias = dict[str, Any]


class Rows:
    """Reads the file of one stream."""

    def __init__(self, folder: Path, stream: Stream, header: Header, known: Mapping[Stream, Ids]) -> None:
        """`known` holds the ids of the streams that links are checked against; a link to any other stream is not checked."""
        self._path = folder / file_name(stream)
        self._stream = stream
        self._header = header
        self._columns = [(header.index_of[one.name], one) for one in LAYOUT[stream] if one.name in header.index_of]
        self._known = known
        self._parse = self._parser()

    def read(self, ids: Ids, report: Report) -> Iterator[Record | SetAside]:
        """Yield every row in file order; fill `ids`, and report each fault and each link that was emptied."""
        kind, parse, good, aside = RECORD_OF[self._stream], self._parse, ids.good, ids.aside
        for line, lines, cells, trouble in self._rows():
            values = parse(cells)
            if values is None or values["id"] in good or values["id"] in aside:
                row = Row(file_name(self._stream), line, "".join(lines), cells)
                found = self._mended(row, trouble, ids, report)
                if isinstance(found, SetAside):
                    yield found
                    continue
                values = found
            good.add(values["id"])
            yield kind(**values)

    def _rows(self) -> Iterator[tuple[int, list[str], list[str], str]]:
        """Yield (line, its lines as they stand, its cells, why it is no row), without the header and empty lines."""
        lines: list[str] = []
        last, header = 0, True
        with self._path.open(encoding="utf-8-sig", newline="") as text:
            rows = csv.reader(_Remembering(text, lines))
            while True:
                try:
                    for cells in rows:
                        if cells and not header:
                            yield last + 1, lines, cells, ""
                        header = False
                        last = rows.line_num
                        lines.clear()
                    return
                except csv.Error as error:
                    yield last + 1, lines, [], f"{error}: is a quotation mark left open?"
                    last = rows.line_num
                    lines.clear()

    def _parser(self) -> Callable[[list[str]], Values | None]:
        """Return the quick way: the fields of a row that has no fault, None for any other."""
        width, stream = self._header.width, self._stream
        plan = [(index, column.name, column.kind.read) for index, column in self._columns]
        required = [column.name for _, column in self._columns if column.required]
        links = [(column, self._known[to].good) for _, column in self._columns if (to := column.leads_to) and to in self._known]
        single = [(column.name, good) for column, good in links if column.kind is not IDS]
        several = [(column.name, good) for column, good in links if column.kind is IDS]
        further = [(self._header.index_of[name], name) for name in self._header.extra]

        def parse(cells: list[str]) -> Values | None:
            if len(cells) != width:
                return None
            values: Values = {}
            try:
                for index, name, read in plan:
                    if text := cells[index]:
                        values[name] = read(text) if read else text
                for name in required:
                    values[name]
            except (BadCell, KeyError):
                return None
            for name, good in single:
                if name in values and values[name] not in good:
                    return None
            for name, good in several:
                if name in values and not good.issuperset(values[name]):
                    return None
            if further and (custom := {name: cells[index] for index, name in further if cells[index]}):
                values["custom"] = custom
            if stream is Stream.DEAL_CONTACTS:
                values["id"] = link_id(values["deal_id"], values["contact_id"], values.get("role", ""))
            return values

        return parse

    def _mended(self, row: Row, trouble: str, ids: Ids, report: Report) -> Values | SetAside:
        """Return the fields of a row without the links that lead nowhere, or the row set aside with its faults."""
        verdict = judge(row, self._columns, self._header.width, self._known)
        faults = (Problem(message=trouble, place=row.place()),) if trouble else verdict.faults
        identity = self._identity(row.cells)
        if not faults and identity in ids:
            faults = (Problem(message=f'the id "{identity}" is there twice; the first row counts', place=row.place(0)),)
        for problem in faults or verdict.cleared:
            report(problem)
        if not faults:
            values = self._parse(verdict.cells)
            assert values is not None  # noqa: S101  # a row without faults parses
            return values
        if not identity or identity in ids:
            identity = f"{identity} (line {row.line})".strip()  # never the id of a row that counts
        ids.aside[identity] = faults[0].place or row.place()
        reason = "; ".join(f"{fault.message} {fault.hint}".strip() for fault in faults)
        return SetAside(id=identity, reason=reason, raw=row.raw.rstrip("\r\n")[:RAW_LIMIT], place=faults[0].place)

    def _identity(self, cells: list[str]) -> str:
        names = ("deal_id", "contact_id", "role") if self._stream is Stream.DEAL_CONTACTS else ("id",)
        indexes = [self._header.index_of[name] for name in names]
        parts = [cells[index] if index < len(cells) else "" for index in indexes]
        return ":".join(parts) if any(parts) else ""


def link_id(deal: str, contact: str, role: str) -> str:
    """Return the id of the link between a deal and a person."""
    return f"{deal}:{contact}:{role}"


class _Remembering:
    """Lines, kept until whoever reads them empties the list. One row of more lines than can be is an error, after which the next
    line begins a new row. The csv module's own limit cannot say so: it belongs to the whole process."""

    def __init__(self, lines: Iterator[str], kept: list[str]) -> None:
        self._lines = lines
        self._kept = kept
        self._size = 0

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = next(self._lines)
        self._kept.append(line)
        self._size = len(line) if len(self._kept) == 1 else self._size + len(line)
        if len(self._kept) > 1 and self._size > LONGEST_ROW:
            raise csv.Error(f"a row of more than {LONGEST_ROW:,} characters in {len(self._kept):,} lines")
        return line
