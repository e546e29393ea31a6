"""Which matches of rules with a holdout came into question for a task, and which of them were left out.

The law: a draw enters once, when a match is first wanted, and stays as it was.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from sqlalchemy import Connection, select

from refsync.model import Instant
from refsync.store.database.lists import among
from refsync.store.database.upsert import insert
from refsync.store.tables import draw


class Draw(NamedTuple):
    """One match, by the key of its finding, whether or not there is one."""

    key: str
    rule: str
    kind: str
    account_id: str
    contact_id: str
    """Of what is about a person; empty: it is about the account."""
    left_out: bool


def remember(db: Connection, connection: str, draws: Collection[Draw], at: Instant) -> int:
    """Enter those that are new, and return how many that are."""
    if not draws:
        return 0
    asked = among(draw.c.key, {one.key for one in draws})
    known = set(db.scalars(select(draw.c.key).where(draw.c.connection == connection, asked)))
    new = {one.key: one for one in draws if one.key not in known}
    if new:
        entered = insert(db.dialect, draw).on_conflict_do_nothing(index_elements=["connection", "key"])
        db.execute(entered, [{"connection": connection, "at": at, **one._asdict()} for one in new.values()])
    return len(new)
