"""What SQLite is told of the tables' contents, so that it chooses the right index.

The law: always the same numbers, so that a query takes the same way in a test with ten rows and in an org with ten million, today
and after a year. Untold, SQLite takes the connection that leads every key for as selective as the id behind it, and goes through
all records of a connection to find a few. If it measured by itself (ANALYZE), its ways would depend on when that was last done.
The numbers stand in its own table sqlite_stat1 (https://sqlite.org/fileformat2.html#the_sqlite_stat1_table): rows in all, then
rows that are alike in the first column, in the first two, and so on.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sqlalchemy import Column, Connection, Table, text

from refsync.store.decisions.plan_tables import metadata

ROWS = 1_000_000
"""In every table: more than a few, so that each index is worth its while."""
ALIKE = 5
"""Rows that share a value, in a column that is not named below."""
OFTEN = {"kind": 100_000, "state": 100_000, "status": 100_000, "stream": 100_000, "channel": ROWS, "direction": ROWS}
"""Rows that share a value, in columns of few values."""


def tell(db: Connection) -> None:
    """Write the numbers down, unless they stand there, for this connection and every one that is opened from now on."""
    if db.dialect.name != "sqlite":  # PostgreSQL looks at the tables by itself, and often enough
        return
    db.execute(text("ANALYZE sqlite_schema"))  # makes the table
    held = {tuple(row) for row in db.execute(text("SELECT tbl, idx, stat FROM sqlite_stat1"))}
    wanted = set(_numbers())
    if held != wanted:
        db.execute(text("DELETE FROM sqlite_stat1"))
        db.execute(
            text("INSERT INTO sqlite_stat1 VALUES (:tbl, :idx, :stat)"),
            [dict(zip(("tbl", "idx", "stat"), row, strict=True)) for row in sorted(wanted)],
        )
        db.execute(text("ANALYZE sqlite_schema"))  # reads it


def _numbers() -> Iterator[tuple[str, str, str]]:
    for table in metadata.tables.values():
        key = list(table.primary_key.columns)
        by_key = table.name if _has_no_rowid(table) else f"sqlite_autoindex_{table.name}_1"
        yield table.name, by_key, _stat(key, unique=True)
        for index in table.indexes:
            columns = [column for column in index.columns if isinstance(column, Column)]
            yield table.name, str(index.name), _stat(columns, unique=bool(index.unique))


def _has_no_rowid(table: Table) -> bool:
    return not table.dialect_options["sqlite"]["with_rowid"]


def _stat(columns: Sequence[Column[object]], *, unique: bool) -> str:
    alike, numbers = ROWS, [ROWS]
    for column in columns:
        alike = min(alike, ROWS if column.name == "connection" else OFTEN.get(column.name, ALIKE))
        numbers.append(alike)
    if unique:
        numbers[-1] = 1
    return " ".join(map(str, numbers))
