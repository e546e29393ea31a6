"""The same rows in three engines: refsync's store on SQLite and on PostgreSQL, and DuckDB.

PostgreSQL is the one at REFSYNC_TEST_PG, else Debian's own binaries started for the length of the run, as root through the user
postgres, which PostgreSQL insists on; where neither is there, it is left out. It keeps what fits into 512 MB, and is vacuumed and
analysed once, as it does by itself soon after a first load. DuckDB and PostgreSQL choose for themselves how many threads and
workers a query gets.
"""

from __future__ import annotations

import csv
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

import duckdb
from sqlalchemy import Connection, Table, make_url

from bench.rules_book import CONNECTION, FILLED, NULL
from refsync.store.database.postgres import write_engine
from refsync.store.database.upsert import upsert
from refsync.store.derived import last_touch
from refsync.store.engine import Store, open_store
from refsync.store.tables import stored

ROWS_AT_ONCE = 50_000
SETTINGS = (
    "-c fsync=off -c shared_buffers=512MB -c work_mem=64MB -c effective_cache_size=2GB -c random_page_cost=1.1 "
    "-c max_wal_size=4GB"
)


def duck(book: Path) -> duckdb.DuckDBPyConnection:
    """Return DuckDB with the book's tables, in memory."""
    db = duckdb.connect()
    for table in FILLED:
        kinds = ", ".join(f"'{column.name}': '{_duck_type(column.type.python_type)}'" for column in stored(table))
        source = f"read_csv('{book / table.name}.csv', header=false, columns={{{kinds}}}, nullstr='{NULL}')"
        db.execute(f"CREATE TABLE {table.name} AS SELECT * FROM {source}")
    db.execute("ANALYZE")
    return db


@contextmanager
def sqlite(book: Path, file: Path) -> Iterator[Store]:
    """Give the store in a file, filled when it is new."""
    new = not file.exists()
    with open_store(f"sqlite:///{file}") as store:
        if new:
            with store.write() as db:
                for table in FILLED:
                    for rows in _chunks(book, table):
                        upsert(db, table, rows)
                last_touch.rebuild(db, CONNECTION)
        yield store


@contextmanager
def postgres(book: Path) -> Iterator[Store | None]:
    """Give the store in a new PostgreSQL database, or None where there is no server to be had."""
    with _server() as url:
        if url is None:
            yield None
            return
        with open_store(url) as store:
            with store.write() as db:
                for table in FILLED:
                    _copy(db, book, table)
                last_touch.rebuild(db, CONNECTION)
            with write_engine(make_url(url)).connect() as db:
                db.execution_options(isolation_level="AUTOCOMMIT").exec_driver_sql("VACUUM ANALYZE")
            yield store


@contextmanager
def _server() -> Iterator[str | None]:
    """Give the address of an empty database."""
    if address := os.environ.get("REFSYNC_TEST_PG"):
        yield address
        return
    tool = next((path for path in _tools() if path.exists()), None)
    if tool is None or (os.geteuid() == 0 and not shutil.which("su")):
        yield None
        return
    with tempfile.TemporaryDirectory(prefix="refsync-bench-pg-") as name:
        folder = Path(name)
        if os.geteuid() == 0:
            shutil.chown(folder, "postgres", "postgres")
        _as_postgres(f"{tool.with_name('initdb')} -D {name}/data -U postgres -A trust --no-sync")
        options = f"-k {name} -c listen_addresses='' {SETTINGS}"
        _as_postgres(f'{tool} -D {name}/data -l {name}/log -w -o "{options}" start')
        try:
            yield f"postgresql://postgres@/postgres?host={name}"
        finally:
            _as_postgres(f"{tool} -D {name}/data -m immediate stop")


def _tools() -> Iterator[Path]:
    found = shutil.which("pg_ctl")
    if found:
        yield Path(found)
    yield from sorted(Path("/usr/lib/postgresql").glob("*/bin/pg_ctl"), reverse=True)


def _as_postgres(command: str) -> None:
    whole = ["su", "postgres", "-c", command] if os.geteuid() == 0 else ["sh", "-c", command]
    subprocess.run(whole, check=True, stdout=subprocess.DEVNULL, cwd="/")


def _copy(db: Connection, book: Path, table: Table) -> None:
    names = ", ".join(f'"{column.name}"' for column in stored(table))
    db.exec_driver_sql(f"DELETE FROM {table.name}")
    driver: Any = db.connection.driver_connection
    with (
        (book / f"{table.name}.csv").open("rb") as file,
        driver.cursor() as cursor,
        cursor.copy(f"COPY {table.name} ({names}) FROM STDIN (FORMAT csv, NULL '{NULL}')") as copy,
    ):
        while part := file.read(1 << 20):
            copy.write(part)


def _chunks(book: Path, table: Table) -> Iterator[list[tuple[Any, ...]]]:
    kinds = [column.type.python_type for column in stored(table)]
    with (book / f"{table.name}.csv").open(newline="") as file:
        rows = (_typed(row, kinds) for row in csv.reader(file))
        while some := list(islice(rows, ROWS_AT_ONCE)):
            yield some


def _typed(row: Sequence[str], kinds: Sequence[type]) -> tuple[Any, ...]:
    return tuple(
        None if text == NULL else text if kind is str else float(text) if kind is float else int(text)
        for text, kind in zip(row, kinds, strict=True)
    )


def _duck_type(kind: type) -> str:
    return {int: "BIGINT", float: "DOUBLE", bool: "BOOLEAN"}.get(kind, "VARCHAR")
