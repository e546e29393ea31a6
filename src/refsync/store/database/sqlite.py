"""SQLite as refsync uses it: one writing process, one writer in it, every commit on disk before it counts.

The laws: a second writing process is refused, never waited for (`flock`, which the kernel frees even after kill -9); a write
transaction takes its lock when it begins, so that it cannot fail half way; WAL only where SQLite is free of the WAL-reset bug
(https://sqlite.org/wal.html#walresetbug). The database must not lie on a network file system.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, QueuePool, create_engine, event
from sqlalchemy.exc import DBAPIError

from refsync.errors import StoreError, shown

SETTINGS = (
    "busy_timeout=30000",
    "synchronous=FULL",  # a ledger row must survive a power loss before its task is sent
    "foreign_keys=ON",
    "trusted_schema=OFF",
    "mmap_size=0",  # mapped pages are reported to turn the WAL-reset bug into lasting damage
)
LONGEST_READ = 256 << 20
"""Bytes of the longest text that is read. Rows handed over together are one; a finding takes some 300 bytes of it."""
WAIT_FOR_WRITER = 300.0
"""Seconds that a thread waits for another thread's write; a rebuild of a large mirror takes its time."""

RESTORE = "stop refsync, restore the last backup (the ledger is in no CRM), then start again: tasks that exist are adopted by key"
MEANING = {
    "SQLITE_BUSY": "the database {file} is locked by another process; stop what else uses it",
    "SQLITE_LOCKED": "the database {file} is locked by another process; stop what else uses it",
    "SQLITE_FULL": "the disk of {file} is full; make room",
    "SQLITE_IOERR": "the disk of {file} does not read or write; look at the system log",
    "SQLITE_CANTOPEN": "the database {file} cannot be opened; check the folder and its permissions",
    "SQLITE_READONLY": "the database {file} cannot be written; check its permissions",
    "SQLITE_PERM": "the database {file} cannot be written; check its permissions",
    "SQLITE_CORRUPT": "the database {file} is damaged: " + RESTORE,
    "SQLITE_NOTADB": "{file} is damaged or no database: " + RESTORE,
}


OLDEST = (3, 38, 0)
"""The first SQLite that knows all that is asked of it here: `->>` on JSON, and RETURNING."""


def check_version(version: tuple[int, int, int] = sqlite3.sqlite_version_info) -> None:
    """Raise StoreError when the SQLite that Python was built with is too old."""
    if version < OLDEST:
        found, oldest = (".".join(map(str, one)) for one in (version, OLDEST))
        raise StoreError(f"this Python has SQLite {found}; refsync needs {oldest} or newer: use another Python, or PostgreSQL")


def journal_mode(version: tuple[int, int, int] = sqlite3.sqlite_version_info) -> str:
    """Return `wal` where SQLite's WAL-reset bug (3.7.0 to 3.51.2) is fixed, else `truncate`."""
    fixed = version >= (3, 51, 3) or (version[:2] == (3, 50) and version[2] >= 7) or (version[:2] == (3, 44) and version[2] >= 6)
    return "wal" if fixed else "truncate"


def path_of(url: URL) -> Path | None:
    """Return the database file, or None for a database in memory."""
    return None if url.database in (None, "", ":memory:") else Path(url.database)


def write_engine(url: URL) -> Engine:
    """Return an engine with one connection, whose transactions begin with BEGIN IMMEDIATE."""
    mode = None if path_of(url) is None else journal_mode()

    def settle(db: sqlite3.Connection) -> None:
        db.execute("PRAGMA cache_size=-2048")  # 2 MiB, and as much for sorting; behind it stands the system's own cache
        db.execute("PRAGMA threads=1")  # one more to sort with: a large index is made in three quarters of the time
        if mode and (answer := db.execute(f"PRAGMA journal_mode={mode}").fetchone()[0]) != mode:
            raise StoreError(f"the database stays in journal mode {answer} where {mode} is needed; stop what else uses it")

    return _engine(url, settle, "BEGIN IMMEDIATE", pool_size=1, max_overflow=0, pool_timeout=WAIT_FOR_WRITER)


def read_engine(url: URL) -> Engine:
    """Return an engine whose connections cannot write."""

    def settle(db: sqlite3.Connection) -> None:
        db.execute("PRAGMA cache_size=-8192")  # 8 MiB: judging goes through the same indexes again and again
        db.execute("PRAGMA query_only=1")
        db.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, LONGEST_READ)

    return _engine(url, settle, "BEGIN", pool_size=5)


def _engine(url: URL, settle: Callable[[sqlite3.Connection], object], begin: str, **pool: Any) -> Engine:
    engine = create_engine(
        url,
        hide_parameters=True,
        poolclass=QueuePool,
        connect_args={"check_same_thread": False},
        insertmanyvalues_page_size=500,
        **pool,
    )

    @event.listens_for(engine, "connect")
    def connected(db: sqlite3.Connection, _record: object) -> None:
        db.isolation_level = None  # the driver begins nothing by itself
        for setting in SETTINGS:
            db.execute(f"PRAGMA {setting}")
        settle(db)

    @event.listens_for(engine, "begin")
    def begins(connection: Any) -> None:
        connection.exec_driver_sql(begin)

    return engine


def check(db: Connection, file: str) -> None:
    """Raise StoreError when `quick_check` finds the database damaged."""
    found = db.exec_driver_sql("PRAGMA quick_check(1)").scalar()
    if found != "ok":
        raise StoreError(MEANING["SQLITE_CORRUPT"].format(file=file))


def meaning(error: DBAPIError, file: str) -> str | None:
    """Return what an error of the database means and what to do; None when it is no trouble of the storage."""
    name = getattr(error.orig, "sqlite_errorname", "")
    return next((text.format(file=file) for code, text in MEANING.items() if name.startswith(code)), None)


def create(path: Path) -> None:
    """Create the database file, readable by its owner only, unless it exists."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600))
    except OSError as error:
        raise StoreError(f"the database {shown(path)} cannot be created: {error.strerror}") from None


class WriterLock:
    """The right to write, held until `release` or the end of the process."""

    def __init__(self, path: Path) -> None:
        """Take the lock file beside the database. Raises StoreError naming the process that holds it."""
        # The file is never deleted: a second process could then lock a new one while the first still holds the old one.
        beside = path.with_name(path.name + ".lock")
        self._file = os.open(beside, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            holder = os.read(self._file, 200).decode(errors="replace").strip() or "another process"
            os.close(self._file)
            raise StoreError(f"{holder} is writing to {shown(path)}; stop it first, or wait until it has ended") from None
        os.ftruncate(self._file, 0)
        os.write(self._file, f"process {os.getpid()} ({Path(sys.argv[0]).name or 'python'})\n".encode())

    def release(self) -> None:
        os.close(self._file)
