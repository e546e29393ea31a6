"""Writing a book, row by row.

Law: a book that was written can be opened and gives back the same records.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from refsync.book.columns import LAYOUT, file_name
from refsync.model import RECORD_OF, Record, Stream

_STREAM_OF = {kind: stream for stream, kind in RECORD_OF.items()}


class BookWriter:
    """Writes records into the files of a folder as they come. A context manager; all files are there at its end."""

    def __init__(self, folder: Path, custom: Mapping[Stream, Sequence[str]] | None = None) -> None:
        """`custom` names the further columns of a stream; each is taken from `custom` of its records."""
        self._folder = folder
        self._custom = {stream: tuple((custom or {}).get(stream, ())) for stream in Stream}
        self._shapes = {stream: [(column.name, column.kind.show) for column in LAYOUT[stream]] for stream in Stream}
        self._rows: dict[Stream, Callable[[Sequence[str]], object]] = {}
        self._files = ExitStack()
        self._counts = dict.fromkeys(Stream, 0)

    def __enter__(self) -> Self:
        self._folder.mkdir(parents=True, exist_ok=True)
        for stream in Stream:
            path = self._folder / file_name(stream)
            file = self._files.enter_context(path.open("w", encoding="utf-8", newline=""))
            self._rows[stream] = csv.writer(file).writerow  # CRLF: with it, cells that hold CR or LF are quoted
            self._rows[stream]([*(name for name, _ in self._shapes[stream]), *self._custom[stream]])
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._files.close()

    def write(self, record: Record) -> None:
        """Append a record to the file of its stream."""
        stream = _STREAM_OF[type(record)]
        self._rows[stream](cells(record, self._shapes[stream], self._custom[stream]))
        self._counts[stream] += 1

    @property
    def counts(self) -> dict[str, int]:
        """Rows written so far, by file."""
        return {file_name(stream): rows for stream, rows in self._counts.items()}


def cells(record: Record, shape: Sequence[tuple[str, Callable[[Any], str]]], custom: Sequence[str]) -> list[str]:
    """Return a record as the cells of its row."""
    row = []
    for name, show in shape:
        value = getattr(record, name)
        row.append("" if value is None or value == "" else show(value))
    if custom:
        kept: Mapping[str, str] = record.custom  # type: ignore[union-attr]  # only streams with custom fields have such columns
        row += [kept.get(name, "") for name in custom]
    return row
