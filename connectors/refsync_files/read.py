"""Reading a book of business as batches.

Law: a stream is handed out whole or marked partial: its last batch carries the cursor only if no file changed meanwhile.
The cursor is a digest of the files that decide what the stream holds, so that an unchanged book costs no batch.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import TypeAlias

from refsync.book import Book, files_behind
from refsync.connector import Batch, Cursor
from refsync.errors import BookError, TransientError, UnexpectedReply
from refsync.model import Record, SetAside, Stream
from refsync_files.sheet import TASKS_FILE
from refsync_files.tasks import FileTasks

BATCH = 1_000
READING = "1"
"""Part of each cursor: raise it when the same files come to mean something else, so that they are read again."""

_Stamp: TypeAlias = tuple[int, int, int]


class BookReader:
    """Reads the streams of one folder. What one stream taught about ids serves the next, as long as no file changes."""

    def __init__(self, folder: Path, tasks: FileTasks) -> None:
        self._folder = folder
        self._tasks = tasks
        self._book: Book | None = None
        self._stamps: dict[str, _Stamp] = {}
        self._digests: dict[str, str] = {}

    def read(self, stream: Stream, since: Cursor | None) -> Iterator[Batch]:
        """Yield a stream whole when one of the files behind it has changed since the cursor, else nothing."""
        files = (*files_behind(stream), TASKS_FILE) if stream is Stream.ACTIVITIES else files_behind(stream)
        try:
            stamps = self._stamp(files)
            digests = {name: _digest(self._folder / name) for name in files}
            cursor = f"{READING}:{_joined(digests[name] for name in files)}"
            if cursor != since:
                yield from self._whole(stream, files, stamps, digests, cursor)
        except BookError as error:
            raise UnexpectedReply(_in_short(error)) from error
        except UnicodeDecodeError as error:
            raise TransientError(f"a file of {stream.value} was rewritten while it was read") from error
        except OSError as error:
            raise TransientError(f"{stream.value} cannot be read: {error}") from error

    def _whole(
        self, stream: Stream, files: Sequence[str], stamps: dict[str, _Stamp], digests: dict[str, str], cursor: Cursor
    ) -> Iterator[Batch]:
        rows: Iterator[Record | SetAside] = self._opened(digests).read(stream)
        if stream is Stream.ACTIVITIES:
            rows = chain(rows, self._tasks.activities())
        while batch := tuple(islice(rows, BATCH)):
            records = tuple(row for row in batch if not isinstance(row, SetAside))
            yield Batch(records=records, set_aside=tuple(row for row in batch if isinstance(row, SetAside)))
        now = self._stamp(files)
        if changed := [name for name in files if now[name] != stamps[name]]:
            yield Batch(partial=f"{' and '.join(changed)} changed while {stream.value} were read")
        else:
            yield Batch(cursor=cursor, whole=True)

    def _opened(self, digests: dict[str, str]) -> Book:
        """Return the book, opened anew when any of its files is not what it was."""
        stamps = self._stamp(files_behind(Stream.ACTIVITIES))
        known = all(self._digests.get(name, digest) == digest for name, digest in digests.items())
        if self._book is None or stamps != self._stamps or not known:
            self._book, self._stamps, self._digests = Book.open(self._folder), stamps, {}
        self._digests |= digests
        return self._book

    def _stamp(self, files: Sequence[str]) -> dict[str, _Stamp]:
        return {name: _stamp(self._folder / name) for name in files}


def _in_short(error: BookError) -> str:
    """Return the first problem of a book as one line, and how many more there are."""
    first, *more = error.problems
    place = f"{first.place}: " if first.place else ""
    rest = f" (and {len(more)} more: refsync check lists them)" if more else f"; {first.hint}" if first.hint else ""
    return f"{place}{first.message}{rest}"


def _stamp(path: Path) -> _Stamp:
    try:
        found = path.stat()
    except FileNotFoundError:
        return (0, 0, 0)
    return (found.st_mtime_ns, found.st_size, found.st_ino)


def _digest(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError:
        return ""


def _joined(digests: Iterable[str]) -> str:
    return hashlib.sha256("\n".join(digests).encode()).hexdigest()
