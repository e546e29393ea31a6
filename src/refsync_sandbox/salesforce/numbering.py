"""Ids that ascend with the time of creation, given once an object's rows are all there.

Law: real ids ascend by and large with creation, so a read in the order of stamps meets ids in order, too; rows of the same second
keep the order of the book. Rows then lie in the table in the order of their ids, which makes pages cheap.
"""

from __future__ import annotations

import sqlite3
from array import array

from refsync_sandbox.salesforce.database import create_table
from refsync_sandbox.salesforce.ids import nth_id
from refsync_sandbox.salesforce.schema import Schema, SObject


class Numbering:
    """Gives ids to the rows of one database, which were loaded without."""

    def __init__(self, database: sqlite3.Connection, schema: Schema) -> None:
        self._database, self._schema = database, schema
        database.create_function("nth_id", 2, nth_id, deterministic=True)
        database.execute("CREATE TEMP TABLE _rank (old INTEGER PRIMARY KEY, number INTEGER NOT NULL)")

    def number(self, name: str) -> array[int]:
        """Give ids to all rows of an object; return the number of each row in the order in which they were loaded."""
        subject = self._schema.objects[name]
        self._database.execute("DELETE FROM _rank")
        self._database.execute(
            f'INSERT INTO _rank SELECT rowid, row_number() OVER (ORDER BY CreatedDate, rowid) - 1 FROM "{name}"'  # noqa: S608
        )
        self._rebuild(subject, {"Id": f"nth_id('{subject.prefix}', number)"}, "_rank.old = _old.rowid", "number")
        return array("q", (number for (number,) in self._database.execute("SELECT number FROM _rank ORDER BY old")))

    def number_children(self, name: str, link: str) -> None:
        """Give ids to the rows that belong to those just numbered, whose place `link` holds, and turn it into an id."""
        subject = self._schema.objects[name]
        parent = self._schema.objects[subject.fields[link].refers_to[0]]
        own = f"nth_id('{subject.prefix}', row_number() OVER (ORDER BY number, _old.rowid) - 1)"
        ids = {"Id": own, link: f"nth_id('{parent.prefix}', number)"}
        self._rebuild(subject, ids, f"_rank.old = CAST(_old.{link} AS INTEGER)", "number, _old.rowid")

    def _rebuild(self, subject: SObject, given: dict[str, str], joined: str, order: str) -> None:
        """Write the table anew in an order, with some columns replaced by SQL."""
        self._database.execute(f'ALTER TABLE "{subject.name}" RENAME TO _old')
        columns = create_table(self._database, subject)
        shown = ", ".join(given.get(name, f'_old."{name}"') for name in columns)
        into = ", ".join(f'"{name}"' for name in columns)
        self._database.execute(
            f'INSERT INTO "{subject.name}" ({into}) SELECT {shown} FROM _old JOIN _rank ON {joined} ORDER BY {order}'  # noqa: S608
        )
        self._database.execute("DROP TABLE _old")
