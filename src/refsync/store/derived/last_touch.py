"""When each account and each person was last in touch, and last in a conversation: kept in their own rows.

The law: `last_touch_at` and `last_two_way_at` are the largest `at` of the touches there are, those ahead included, and NULL
without any. Most rules ask every account and every person for these two; a look at the row answers them, as long as the latest
touch does not lie ahead of the moment that is asked about.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import cache
from types import MappingProxyType

from sqlalchemy import BindParameter, Column, Connection, Table, Update, bindparam, case, func, select, update

from refsync.store.database.upsert import among, chunks
from refsync.store.tables import account, contact, touch

OF: Mapping[Table, Column[str]] = MappingProxyType({account: touch.c.account_id, contact: touch.c.contact_id})
"""What names the record in a touch."""


def refresh(db: Connection, connection: str, table: Table, ids: Collection[str]) -> None:
    """Work it out again for these accounts, or for these people."""
    for some in chunks(sorted(ids)):
        db.execute(_of_some(table), {"the_connection": connection, "ids": some})


def rebuild(db: Connection, connection: str, *, fresh: bool = False) -> None:
    """Work it out for all, quick once the indexes of the touches are there; `fresh`: it never was."""
    for table in OF:
        if not fresh:
            known = (table.c.connection == connection, table.c.last_touch_at.is_not(None))
            db.execute(update(table).where(*known).values(last_touch_at=None, last_two_way_at=None))
        db.execute(_of_all(table), {"the_connection": connection})


@cache
def _of_some(table: Table) -> Update:
    mine = (touch.c.connection == table.c.connection, OF[table] == table.c.id)
    last = select(func.max(touch.c.at)).where(*mine).scalar_subquery()
    two_way = select(func.max(touch.c.at)).where(*mine, touch.c.two_way == 1).scalar_subquery()
    some = update(table).where(table.c.connection == bindparam("the_connection"), among(table.c.id, "ids"))
    return some.values(last_touch_at=last, last_two_way_at=two_way)


@cache
def _of_all(table: Table) -> Update:
    own: BindParameter[str] = bindparam("the_connection")
    last = func.max(touch.c.at).label("last"), func.max(case((touch.c.two_way == 1, touch.c.at))).label("two_way")
    found = select(OF[table].label("of"), *last).where(touch.c.connection == own).group_by(OF[table]).subquery()
    each = update(table).where(table.c.connection == own, table.c.id == found.c.of)
    return each.values(last_touch_at=found.c.last, last_two_way_at=found.c.two_way)
