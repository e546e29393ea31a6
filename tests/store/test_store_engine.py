"""The open database: who may write, and what its errors say."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from contextlib import suppress
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from threading import Barrier

import pytest
from sqlalchemy import insert, select, text
from sqlalchemy.exc import IntegrityError

from refsync.errors import StoreError
from refsync.model import Stream
from refsync.store import mirror
from refsync.store.database import sqlite
from refsync.store.engine import Database, Store, open_store
from refsync.store.tables import lease, user


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "refsync.db"


def url(path: Path) -> str:
    return f"sqlite:///{path}"


def fill(store: Store) -> None:
    """Write so many users that they take many pages."""
    row = {"connection": "c", "name": "x" * 50, "email": "", "active": True, "time_zone": ""}
    with store.write() as db:
        db.execute(insert(user), [{**row, "id": str(number)} for number in range(2000)])


def known_streams(number: int, db: Database) -> tuple[int, int]:
    """Return the number, and how many streams of the connection `c` have been read."""
    return number, len(mirror.state(db, "c"))


def test_write_is_kept_and_a_failed_one_is_not(path: Path) -> None:
    """A transaction is carried out whole or not at all."""
    with open_store(url(path)) as store:
        with store.write() as db:
            db.execute(insert(lease).values(connection="kept", holder="a", token=1, expires_at=0))
        with suppress(ZeroDivisionError), store.write() as db:
            db.execute(insert(lease).values(connection="lost", holder="a", token=1, expires_at=0))
            _ = 1 // 0
        with store.read() as db:
            found = db.execute(select(lease.c.connection)).scalars().all()

    assert found == ["kept"]


def test_database_in_memory_works_for_reading_and_writing() -> None:
    """What is written to a database in memory can be read."""
    with open_store("sqlite://") as store:
        with store.write() as db:
            mirror.finish(db, "c", Stream.USERS, started=1)
        with store.read() as db:
            state = mirror.state(db, "c")

    assert state[Stream.USERS].synced_at == 1


@pytest.mark.parametrize("address", ["sqlite://", "file"])
def test_readings_side_by_side_give_what_each_reads(path: Path, address: str) -> None:
    """Each of several readings asked at once gives its own result, in a database in memory, too, which has one connection."""
    with open_store(url(path) if address == "file" else address) as store:
        with store.write() as db:
            mirror.finish(db, "c", Stream.USERS, started=1)
        with store.read_abreast() as abreast:
            asked = [abreast.ask(partial(known_streams, number)) for number in range(20)]

    assert [(number, 1) for number in range(20)] == [one.result() for one in asked]


def test_readings_side_by_side_at_the_same_time(path: Path) -> None:
    """Where there is more than one processor, two readings are under way at once: each waits for the other here."""
    if (os.cpu_count() or 1) < 2:
        pytest.skip("one processor reads one thing at a time")
    both = Barrier(2, timeout=60)
    with open_store(url(path)) as store, store.read_abreast() as abreast:
        asked = [abreast.ask(lambda _db: both.wait()) for _ in range(2)]

    assert {0, 1} == {one.result() for one in asked}


def test_reading_side_by_side_that_fails_says_what_to_do(path: Path) -> None:
    """Trouble of the storage comes out of a reading's result as it comes out of `read`."""
    with open_store(url(path)) as store:
        with store.read_abreast() as abreast:
            asked = abreast.ask(lambda db: db.execute(insert(lease).values(connection="c", holder="a", token=1, expires_at=0)))
        with pytest.raises(StoreError, match=r"cannot be written"):
            asked.result()


def test_file_is_for_its_owner_only(path: Path) -> None:
    """A new database and its lock file can be read by nobody else."""
    open_store(url(path)).close()

    assert {0o600} == {file.stat().st_mode & 0o777 for file in path.parent.iterdir()}


def test_missing_folder_is_made(tmp_path: Path) -> None:
    """The folder of a new database is created."""
    open_store(url(tmp_path / "new" / "refsync.db")).close()

    assert (tmp_path / "new" / "refsync.db").exists()


def test_second_writer_is_refused_and_told_who_to_stop(path: Path) -> None:
    """While one process writes, another one is refused with the number of the first."""
    with open_store(url(path)), pytest.raises(StoreError, match=f"process {os.getpid()} .* is writing to .*; stop it first"):
        open_store(url(path))


def test_lock_ends_with_its_process(path: Path) -> None:
    """After kill -9 of the writer the database opens at once."""
    code = (
        f"import os, signal; from refsync.store.engine import open_store; s = open_store({url(path)!r}); os.kill(os.getpid(), 9)"
    )
    died = subprocess.run([sys.executable, "-c", code], check=False)

    with open_store(url(path)):
        assert died.returncode == -9


def test_opening_for_writing_ends_the_leases_of_dead_processes(path: Path) -> None:
    """Who holds the file's lock knows that no other holder of a lease lives."""
    with open_store(url(path)) as store, store.write() as db:
        db.execute(insert(lease).values(connection="c", holder="dead", token=7, expires_at=10**15))

    with open_store(url(path)) as store, store.read() as db:
        row = db.execute(select(lease.c.token, lease.c.expires_at)).one()
    assert tuple(row) == (7, 0)


def test_reading_needs_no_lock_and_cannot_write(path: Path) -> None:
    """A second process may read while one writes, and is kept from writing."""
    with open_store(url(path)) as writer, open_store(url(path), read_only=True) as reader:
        with writer.write() as db:
            mirror.finish(db, "c", Stream.USERS, started=1)
        with reader.read() as db:
            state = mirror.state(db, "c")
        with pytest.raises(StoreError, match="for reading only"), reader.write():
            pass
        with pytest.raises(StoreError, match="cannot be written"), reader.read() as db:
            mirror.finish(db, "c", Stream.USERS, started=2)

    assert state[Stream.USERS].synced_at == 1


def test_reading_what_is_not_there_says_what_creates_it(path: Path) -> None:
    """Reading never creates a database."""
    with pytest.raises(StoreError, match=r"there is no database .*refsync.db yet; `refsync sync` creates it"):
        open_store(url(path), read_only=True)
    assert not path.exists()


def test_reading_refuses_an_empty_database(path: Path) -> None:
    """Reading never migrates: an empty file is refused."""
    sqlite3.connect(path).close()
    path.touch()

    with pytest.raises(StoreError, match="is empty; `refsync sync` fills it"):
        open_store(url(path), read_only=True)


@pytest.mark.parametrize("read_only", [False, True])
def test_database_of_a_newer_refsync_is_refused(path: Path, *, read_only: bool) -> None:
    """An unknown revision is neither read nor changed."""
    with open_store(url(path)) as store, store.write() as db:
        db.execute(text("UPDATE alembic_version SET version_num = '9999'"))

    with pytest.raises(StoreError, match="9999"):
        open_store(url(path), read_only=read_only)


def test_damaged_database_is_found_at_the_start(path: Path) -> None:
    """A database with overwritten pages is not opened; the message says how to restore."""
    with open_store(url(path)) as store:
        fill(store)
    content = bytearray(path.read_bytes())
    content[len(content) // 2 : len(content) // 2 + 16384] = b"\xff" * 16384
    path.write_bytes(content)

    with pytest.raises(StoreError, match=r"is damaged.*restore the last backup"):
        open_store(url(path))


def test_file_that_is_no_database_is_refused(path: Path) -> None:
    """A file with other content is not overwritten."""
    path.write_bytes(b"This is a letter to a customer.\n" * 100)

    with pytest.raises(StoreError, match="is damaged or no database"):
        open_store(url(path))
    assert path.read_bytes().startswith(b"This is a letter")


def test_full_disk_is_a_store_error_and_loses_nothing(path: Path) -> None:
    """When the disk is full the transaction is undone, the message says so, and what was there stays."""
    with open_store(url(path)) as store:
        with store.write() as db:
            pages = db.exec_driver_sql("PRAGMA page_count").scalar_one()
            db.exec_driver_sql(f"PRAGMA max_page_count={pages + 2}")
        with pytest.raises(StoreError, match="is full; make room"):
            fill(store)
        with store.read() as db:
            left = mirror.counts(db, "c")[Stream.USERS]

    assert left == 0


def test_lock_by_a_stranger_is_a_store_error(path: Path) -> None:
    """A process that is not refsync and holds the database makes a StoreError that says so."""
    with open_store(url(path)) as store:
        with store.read() as db:
            db.exec_driver_sql("PRAGMA busy_timeout=50")
            mirror.state(db, "c")
        stranger = sqlite3.connect(path, isolation_level=None)
        stranger.execute("BEGIN EXCLUSIVE")
        with pytest.raises(StoreError, match="locked by another process"), store.read() as db:
            mirror.state(db, "c")
        stranger.close()


def test_errors_hold_no_values(path: Path) -> None:
    """The text of a database error shows no personal data."""
    row = {"connection": "c", "id": "1", "name": "Ada Lovelace", "email": "", "active": True, "time_zone": ""}
    with open_store(url(path)) as store, pytest.raises(IntegrityError) as caught, store.write() as db:
        db.execute(insert(user), [row, row])

    assert "Lovelace" not in str(caught.value)


@pytest.mark.parametrize(
    ("setting", "value"),
    [("busy_timeout", 30000), ("synchronous", 2), ("foreign_keys", 1), ("trusted_schema", 0), ("mmap_size", None)],
)
def test_connections_are_set_up(path: Path, setting: str, value: int | None) -> None:
    """Every connection commits fully, waits for locks and trusts no schema."""
    with open_store(url(path)) as store:
        with store.write() as db:
            writing = db.exec_driver_sql(f"PRAGMA {setting}").scalar()
        with store.read() as db:
            reading = db.exec_driver_sql(f"PRAGMA {setting}").scalar()

    assert {value or 0} == {writing or 0, reading or 0}


def test_journal_is_the_one_for_this_sqlite(path: Path) -> None:
    """The database uses the journal that its SQLite version is safe with."""
    with open_store(url(path)) as store, store.write() as db:
        mode = db.exec_driver_sql("PRAGMA journal_mode").scalar()

    assert sqlite.journal_mode() == mode


@pytest.mark.parametrize(
    ("version", "mode"),
    [
        ((3, 40, 1), "truncate"),
        ((3, 44, 5), "truncate"),
        ((3, 44, 6), "wal"),
        ((3, 45, 0), "truncate"),
        ((3, 50, 6), "truncate"),
        ((3, 50, 7), "wal"),
        ((3, 51, 2), "truncate"),
        ((3, 51, 3), "wal"),
        ((4, 0, 0), "wal"),
    ],
)
def test_wal_only_where_its_fault_is_mended(version: tuple[int, int, int], mode: str) -> None:
    """WAL is used only by versions of SQLite without the WAL-reset bug."""
    assert mode == sqlite.journal_mode(version)


def test_sqlite_that_is_too_old_is_refused() -> None:
    """Whoever has a Python with an old SQLite is told which one is needed, and the other way out."""
    sqlite.check_version((3, 38, 0))

    with pytest.raises(StoreError, match=r"SQLite 3\.37\.2; refsync needs 3\.38\.0 or newer"):
        sqlite.check_version((3, 37, 2))


@pytest.mark.parametrize("address", ["mysql://root@localhost/x", "what is this"])
def test_other_databases_are_refused(address: str) -> None:
    """An address that is none, or of another kind of database, says which ones work."""
    with pytest.raises(StoreError, match="sqlite:///"):
        open_store(address)


def test_postgresql_without_its_driver_says_what_to_install() -> None:
    """Without psycopg the message names the package."""
    if find_spec("psycopg"):
        pytest.skip("psycopg is installed")
    with pytest.raises(StoreError, match="pip install"):
        open_store("postgresql://nobody@127.0.0.1:1/nothing")


def test_unreachable_postgresql_is_a_store_error() -> None:
    """A database that does not answer is named, without the password."""
    if find_spec("psycopg") is None:
        pytest.skip("psycopg is not installed")
    with pytest.raises(StoreError, match="cannot be reached") as caught:
        open_store("postgresql://nobody:secret@127.0.0.1:1/nothing")
    assert "secret" not in str(caught.value)
