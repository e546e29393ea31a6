"""The file tasks.csv itself: a table that people edit as well.

Law: it is replaced in one step or not at all, under a lock, and never over a state that was not read; rows, columns and cells
that are not ours come out as they went in.
"""

from __future__ import annotations

import csv
import fcntl
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from refsync.errors import TransientError, UnexpectedReply
from refsync_files.translate import TASK_COLUMNS, unguarded

TASKS_FILE = "tasks.csv"


class Sheet:
    """The rows of tasks.csv, in order, with columns and rows of people's own."""

    def __init__(self, rows: list[list[str]], stamp: tuple[int, ...]) -> None:
        """Raises UnexpectedReply when a column is missing. `stamp` tells this state of the file from others."""
        self.stamp = stamp
        self.header = rows[0] if rows else list(TASK_COLUMNS)
        self.rows = rows[1:]
        self._index_of = {name.strip(): index for index, name in enumerate(self.header)}
        if missing := [name for name in TASK_COLUMNS if name not in self._index_of]:
            raise UnexpectedReply(f'{TASKS_FILE}:1: missing column "{missing[0]}"; move the file away and it is made anew')
        self._number_of: dict[str, int] = {}
        for number, row in enumerate(self.rows):
            if key := unguarded(self._cell(row, "key")):
                self._number_of.setdefault(key, number)

    def __iter__(self) -> Iterator[Mapping[str, str]]:
        """Yield each row that holds anything, its cells by our columns."""
        return (self._by_name(row) for row in self.rows if any(row))

    def get(self, key: str) -> Mapping[str, str] | None:
        """Return the first row with this key."""
        number = self._number_of.get(key)
        return None if number is None else self._by_name(self.rows[number])

    def append(self, key: str, cells: Mapping[str, str]) -> None:
        self._number_of[key] = len(self.rows)
        self.rows.append([cells.get(name.strip(), "") for name in self.header])

    def put(self, key: str, cells: Mapping[str, str]) -> None:
        """Replace some cells of the row with this key."""
        row = self.rows[self._number_of[key]]
        row += [""] * (len(self.header) - len(row))
        for name, text in cells.items():
            row[self._index_of[name]] = text

    def remove(self, key: str) -> None:
        """Drop the row with this key."""
        number = self._number_of.pop(key)
        del self.rows[number]
        self._number_of = {other: at - (at > number) for other, at in self._number_of.items()}

    def _by_name(self, row: list[str]) -> Mapping[str, str]:
        return {name: self._cell(row, name) for name in TASK_COLUMNS}

    def _cell(self, row: list[str], name: str) -> str:
        index = self._index_of[name]
        return row[index] if index < len(row) else ""


class SheetFile:
    """Where the sheet is kept."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / TASKS_FILE

    def load(self) -> Sheet:
        """Return the sheet, empty when there is no file. Raises UnexpectedReply when it is no such table."""
        try:
            stamp = _stamp(self._path)
            if not stamp:
                return Sheet([], stamp)
            with self._path.open(encoding="utf-8-sig", newline="") as text:
                return Sheet(list(csv.reader(text)), stamp)
        except (UnicodeDecodeError, csv.Error) as error:
            raise UnexpectedReply(f"{TASKS_FILE} cannot be read: {error}; save it as UTF-8 with commas") from error
        except OSError as error:
            raise TransientError(f"{TASKS_FILE} cannot be read: {error}") from error

    def save(self, sheet: Sheet) -> bool:
        """Replace the file in one step; False: it may not outlast a power cut. Raises TransientError when nothing was done."""
        fresh = self._path.with_name(f".{TASKS_FILE}.new")
        try:
            with fresh.open("w", encoding="utf-8", newline="") as file:
                csv.writer(file).writerows([sheet.header, *sheet.rows])
                file.flush()
                os.fsync(file.fileno())
            if _stamp(self._path) != sheet.stamp:
                raise TransientError(f"somebody saved {TASKS_FILE} just now")
            if sheet.stamp:
                fresh.chmod(self._path.stat().st_mode & 0o777)
            fresh.replace(self._path)
        except OSError as error:
            raise TransientError(f"{TASKS_FILE} cannot be written: {error}") from error
        return _synced(self._path.parent)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the lock of this folder's tasks. Raises TransientError when another process has it."""
        try:
            with self._path.with_suffix(".lock").open("w") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                yield
        except BlockingIOError as error:
            raise TransientError(f"another process is writing {TASKS_FILE}") from error
        except OSError as error:
            raise TransientError(f"{TASKS_FILE} cannot be written: {error}") from error


def _stamp(path: Path) -> tuple[int, ...]:
    try:
        found = path.stat()
    except FileNotFoundError:
        return ()
    return (found.st_mtime_ns, found.st_size, found.st_ino)


def _synced(folder: Path) -> bool:
    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError:
        return False
    try:
        os.fsync(handle)
    except OSError:
        return False
    else:
        return True
    finally:
        os.close(handle)
