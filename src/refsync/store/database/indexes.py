"""The indexes of the largest tables, which a first load makes at its end.

The law: they are missing only while the mirror holds no activity or is being filled for the first time. Sorting a million rows
once costs a fraction of finding each row its place in every index as it comes; whoever reads meanwhile reads slowly, but right.
"""

from __future__ import annotations

from sqlalchemy import Connection, inspect, text

from refsync.store.tables import activity, activity_contact, milestone, touch

TABLES = (activity, activity_contact, touch, milestone)


def drop_unused(db: Connection) -> None:
    """Drop the indexes of activities, touches and milestones, when there is no activity of any connection yet."""
    # the one question that is about all connections at once: an index serves them all
    if db.execute(text(f"SELECT 1 FROM {activity.name} LIMIT 1")).first() is not None:  # noqa: S608 - a constant name
        return
    for table in TABLES:
        held = _held(db, table.name)
        for index in table.indexes:
            if index.name in held:
                index.drop(db)


def complete(db: Connection) -> None:
    """Make the indexes that are missing."""
    for table in TABLES:
        held = _held(db, table.name)
        for index in sorted(table.indexes, key=lambda one: str(one.name)):
            if index.name not in held:
                index.create(db)


def _held(db: Connection, table: str) -> set[str | None]:
    return {index["name"] for index in inspect(db).get_indexes(table)}
