"""A CRM that is a folder: reads a CSV book of business and writes tasks into its tasks.csv.

Law: what people keep in the folder is theirs. Only tasks.csv is written, and in it only our own rows.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from pydantic import Field

from refsync.book import Book
from refsync.connector import Batch, ConnectionSettings, Connector, Cursor, Options, options
from refsync.errors import BookError, ConnectorError, Place, Problem, shown
from refsync.model import Instant, Stream, instant
from refsync_files.read import BookReader
from refsync_files.tasks import FileTasks

__all__ = ["FilesConnector", "FilesOptions", "connect"]


class FilesOptions(Options):
    folder: Path
    """The folder of the book."""
    org: str = Field(default="files", min_length=1)
    """What tells this book from others in the keys of its tasks; never change it once tasks were written."""


class FilesConnector:
    """The way to one folder."""

    streams = frozenset(Stream)

    def __init__(self, folder: Path, org: str, now: Callable[[], Instant]) -> None:
        """`now` dates the rows of tasks.csv."""
        self.org = org
        self.tasks = FileTasks(folder, now)
        self._folder = folder
        self._reader = BookReader(folder, self.tasks)

    def check(self) -> Iterable[Problem]:
        """Yield every problem of the book and of tasks.csv, and whether tasks can be written."""
        try:
            yield from Book.open(self._folder).problems()
        except BookError as error:
            yield from error.problems
        except OSError as error:
            yield Problem(message=f"the book cannot be read: {error}", place=Place(shown(self._folder)))
        try:
            yield from self.tasks.problems()
        except ConnectorError as error:
            yield Problem(message=str(error), place=Place("tasks.csv"))
        if self._folder.is_dir() and not os.access(self._folder, os.W_OK):
            yield Problem(message="no tasks can be written: the folder is read-only", place=Place(shown(self._folder)))

    def read(self, stream: Stream, since: Cursor | None) -> Iterator[Batch]:
        """Yield a stream whole when one of the files behind it has changed since the cursor, else nothing."""
        return self._reader.read(stream, since)

    def sweep(self, stream: Stream, since: Cursor | None) -> Iterator[Batch]:
        """Yield nothing: reads are whole and leave nothing unseen."""
        return iter(())

    def close(self) -> None:
        pass


def connect(settings: ConnectionSettings) -> Connector:
    """Return the connector of a folder. Raises ConfigError; whether the book can be read is for `check` to say."""
    wanted = options(FilesOptions, settings)
    return FilesConnector(wanted.folder, wanted.org, lambda: instant(datetime.now(UTC)))
