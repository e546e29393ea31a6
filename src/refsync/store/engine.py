"""The open database: who may write, how transactions begin, and what its errors mean.

The law: trouble of the storage (locked, full, unreachable, damaged) comes out as StoreError with what to do; a transaction is
carried out whole or not at all. Read briefly: with SQLite's rollback journal an open read holds off every commit.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Self, TypeAlias, TypeVar

import sqlalchemy
from sqlalchemy import URL, Dialect, Engine, Select, make_url, update
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from refsync.errors import StoreError, shown
from refsync.store.database import postgres, schema, sqlite, statistics
from refsync.store.tables import lease

Database: TypeAlias = sqlalchemy.Connection
"""One open transaction on the store: what the functions of this package take as `db`."""

Meaning: TypeAlias = Callable[[DBAPIError], str | None]
Result = TypeVar("Result")
MOST_ABREAST = 4
"""So many readings run side by side, where there are as many processors."""


def rows(db: Database, statement: Select[Any]) -> list[dict[str, Any]]:
    """Return the rows of a SELECT by their columns: `partial(rows, db)` is what carries out SELECTs in one transaction."""
    return [dict(row) for row in db.execute(statement).mappings()]


class Store:
    """An open database. Thread-safe; made by `open_store`, closed by `close` or `with`."""

    def __init__(self, writer: Engine | None, reader: Engine, meaning: Meaning, lock: sqlite.WriterLock | None = None) -> None:
        self._writer = writer
        self._reader = reader
        self._meaning = meaning
        self._lock = lock

    @property
    def dialect(self) -> Dialect:
        """The database's dialect, for statements with ON CONFLICT."""
        return self._reader.dialect

    @property
    def shares(self) -> bool:
        """Whether others may be writing to the same file."""
        return self._lock is None

    @contextmanager
    def write(self) -> Iterator[Database]:
        """Give a transaction that may write: committed at the end of the block, rolled back by an exception.

        Raises StoreError. Never keep it open over a call to a CRM.
        """
        if self._writer is None:
            raise StoreError("the database was opened for reading only")
        with self._explained(), self._writer.begin() as db:
            yield db

    @contextmanager
    def read(self) -> Iterator[Database]:
        """Give a transaction that sees one state of the database and cannot write. Raises StoreError.

        Fetch all, leave the block, then compute: an open read may hold off writers.
        """
        with self._explained(), self._reader.begin() as db:
            yield db

    @contextmanager
    def read_abreast(self) -> Iterator[Abreast]:
        """Give what runs several readings side by side; the end of the block waits for them.

        Each has a transaction as `read` gives it, so this is for what nobody writes meanwhile: a connection under its lease.
        Never within a `read` or `write`: a database in memory has but one connection.
        """
        with ThreadPoolExecutor(min(MOST_ABREAST, os.cpu_count() or 1), thread_name_prefix="read") as threads:
            try:
                yield Abreast(self, threads)
            except BaseException:
                threads.shutdown(cancel_futures=True)
                raise

    def close(self) -> None:
        """Close all connections and give up the right to write."""
        for engine in (self._writer, self._reader):
            if engine is not None:
                engine.dispose()
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except DBAPIError as error:
            if (meaning := self._meaning(error)) is None:
                raise
            raise StoreError(meaning) from error
        except PoolTimeout:
            raise StoreError("another thread has been using the database for minutes; the next run tries again") from None


class Abreast:
    """Readings of one store that run side by side; made by `Store.read_abreast`."""

    def __init__(self, store: Store, threads: ThreadPoolExecutor) -> None:
        self._store = store
        self._threads = threads

    def ask(self, reading: Callable[[Database], Result]) -> Future[Result]:
        """Return what is to hold the result of a reading; its `result()` raises StoreError as `read` does."""

        def read() -> Result:
            with self._store.read() as db:
                return reading(db)

        return self._threads.submit(read)


def open_store(url: str, *, read_only: bool = False, beside: bool = False) -> Store:
    """Open a database and bring it to this version's schema, creating it where there is none.

    `url` is `sqlite:///path/to/file.db`, `sqlite://` (in memory, for tests) or `postgresql://user@host/database`. With
    `read_only` no lock is taken and nothing is migrated; a database of another revision is refused. So it is `beside` a daemon
    that runs, for a short word that it is to find, such as a pause. Raises StoreError, also
    when another process writes to the same SQLite file, and when the file is damaged.
    """
    try:
        address = make_url(url)
    except ArgumentError:
        raise StoreError("the database address is not one: write sqlite:///refsync.db or postgresql://user@host/name") from None
    match address.get_backend_name():
        case "sqlite":
            store = _sqlite(address, read_only, beside)
        case "postgresql":
            store = _postgres(address, read_only)
        case other:
            raise StoreError(f'"{other}" databases are not supported: use sqlite:/// or postgresql://')
    try:
        name = "the database" if address.database is None else f"the database {address.database}"
        _settle(store, name, as_it_is=read_only or (beside and store.shares))
    except BaseException:
        store.close()
        raise
    return store


def _sqlite(url: URL, read_only: bool, beside: bool) -> Store:
    sqlite.check_version()
    path = sqlite.path_of(url)
    file = "in memory" if path is None else shown(path)

    def meaning(error: DBAPIError) -> str | None:
        return sqlite.meaning(error, file)

    if path is None:
        shared = sqlite.write_engine(url)  # a database in memory lives in its one connection
        return Store(shared, shared, meaning)
    if read_only and not path.exists():
        raise StoreError(f"there is no database {file} yet; `refsync sync` creates it")
    if read_only or (beside and path.exists()):
        return Store(None if read_only else sqlite.write_engine(url), sqlite.read_engine(url), meaning)
    sqlite.create(path)
    store = Store(sqlite.write_engine(url), sqlite.read_engine(url), meaning, sqlite.WriterLock(path))
    try:
        with store.write() as db:
            sqlite.check(db, file)
    except BaseException:
        store.close()
        raise
    return store


def _postgres(url: URL, read_only: bool) -> Store:
    where = f"{url.host or 'the local socket'}/{url.database or ''}"
    engine = postgres.write_engine(url)
    reader = postgres.read_engine(engine)
    return Store(None if read_only else engine, reader, lambda error: postgres.meaning(error, where))


def _settle(store: Store, name: str, *, as_it_is: bool) -> None:
    with store.read() as db:
        found = schema.revision(db)
    if found != schema.REVISION:
        if as_it_is:
            raise StoreError(schema.refusal(name, found))
        try:
            with store.write() as db:
                schema.settle(db, name)
        except DBAPIError:
            with store.read() as db:
                if schema.revision(db) != schema.REVISION:  # else another process was faster
                    raise
    if store._writer is not None:
        with store.write() as db:
            statistics.tell(db)
            if store._lock is not None:
                # Holding the file lock proves that whoever held a lease in this file is dead: nobody waits for it to run out.
                db.execute(update(lease).values(expires_at=0))
