"""When each account and each person was last in touch and in a conversation, and an account first: kept in their own rows.

The law: `last_touch_at` and `last_two_way_at` are the largest `at` of the touches there are, those ahead included, and NULL
without any; `first_two_way_at` is the smallest. Most rules ask every account and every person for these; a look at the row
answers them, as long as the latest touch does not lie ahead of the moment that is asked about.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import cache
from types import MappingProxyType

from sqlalchemy import BindParameter, Column, Connection, Table, Update, bindparam, case, func, select, update

from refsync.store.database.lists import among, chunks
from refsync.store.tables import WORKED_OUT, account, contact, touch

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
            db.execute(update(table).where(*known).values(dict.fromkeys(_kept(table))))
        db.execute(_of_all(table), {"the_connection": connection})


def _kept(table: Table) -> list[str]:
    return [column.name for column in table.columns if column.info == WORKED_OUT]


@cache
def _of_some(table: Table) -> Update:
    mine = (touch.c.connection == table.c.connection, OF[table] == table.c.id)
    conversation = (*mine, touch.c.two_way == 1)
    found = {
        "last_touch_at": select(func.max(touch.c.at)).where(*mine),
        "last_two_way_at": select(func.max(touch.c.at)).where(*conversation),
        "first_two_way_at": select(func.min(touch.c.at)).where(*conversation),
    }
    some = update(table).where(table.c.connection == bindparam("the_connection"), among(table.c.id, "ids"))
    return some.values({name: found[name].scalar_subquery() for name in _kept(table)})


@cache
def _of_all(table: Table) -> Update:
    own: BindParameter[str] = bindparam("the_connection")
    conversation = case((touch.c.two_way == 1, touch.c.at))
    of = {
        "last_touch_at": func.max(touch.c.at),
        "last_two_way_at": func.max(conversation),
        "first_two_way_at": func.min(conversation),
    }
    kept = [of[name].label(name) for name in _kept(table)]
    found = select(OF[table].label("of"), *kept).where(touch.c.connection == own).group_by(OF[table]).subquery()
    each = update(table).where(table.c.connection == own, table.c.id == found.c.of)
    return each.values({name: found.c[name] for name in _kept(table)})
