"""Very many rows, handed over together, so that several threads can read at once.

SQLite gives Python's interpreter lock away for each row that it steps to, and takes it back to hand over the row. Beside a thread
that computes, each of these turns is a wait: judging 200,000 accounts with two threads took longer than with one. So a statement
is one step there, and its rows are one text, a line of JSON for each. Rows that make too long a text come one by one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import orjson
from sqlalchemy import Connection, Double, LargeBinary, Select, case, cast, func, select
from sqlalchemy.exc import DataError

BLOCK = 1 << 20
"""Bytes of lines that are read at a time: their rows lie in memory together."""
EXACT = "%!.20g"
"""How SQLite writes a number so that it reads as the same one; JSON's own functions round to 15 digits."""


def in_bulk(db: Connection, statement: Select[Any]) -> Iterator[Sequence[Any]]:
    """Yield the rows of a statement in its order, each a sequence of texts, numbers and None.

    It has no more columns than SQLite's functions take arguments (100), and no types but those that SQLite itself has.
    """
    if db.dialect.name != "sqlite":
        yield from db.execute(statement)
        return
    found = statement.subquery()
    numbers = [place for place, column in enumerate(found.c) if isinstance(column.type, Double)]
    columns = [case((one.is_not(None), func.printf(EXACT, one))) if isinstance(one.type, Double) else one for one in found.c]
    lines = cast(func.group_concat(func.json_array(*columns), "\n"), LargeBinary)
    try:
        text = db.execute(select(lines)).scalar() or b""
    except DataError:  # longer than a connection that reads lets a text become
        yield from db.execute(statement)
        return
    for row in _parsed(text):
        for place in numbers:
            row[place] = float(row[place]) if row[place] else None
        yield row


def _parsed(lines: bytes) -> Iterator[list[Any]]:
    begin = 0
    while begin < len(lines):
        end = lines.find(b"\n", begin + BLOCK)
        end = len(lines) if end < 0 else end
        yield from orjson.loads(b"[%b]" % lines[begin:end].replace(b"\n", b","))
        begin = end + 1
