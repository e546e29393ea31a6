"""The kill switch: connections and rules for which nothing is written until a person lets it go on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, delete, select

from refsync.model import Instant
from refsync.store.database.upsert import insert
from refsync.store.decisions.plan_tables import pause


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause:
    """Nothing is written for a rule, or for a whole connection."""

    rule: str
    """Empty: all rules."""
    since: Instant
    why: str

    def __str__(self) -> str:
        what = f"rule {self.rule}" if self.rule else "the connection"
        return f"{what} is paused{f': {self.why}' if self.why else ''}"


def begin(db: Connection, connection: str, rule: str, at: Instant, why: str) -> None:
    """Pause a rule, or with an empty name the connection; a pause that stands keeps its beginning and gets the new reason."""
    new = insert(db.dialect, pause).values(connection=connection, rule=rule, since=at, why=why)
    db.execute(new.on_conflict_do_update(index_elements=["connection", "rule"], set_={"why": new.excluded.why}))


def end(db: Connection, connection: str, rule: str) -> bool:
    """End a pause and return whether there was one."""
    return bool(db.execute(delete(pause).where(pause.c.connection == connection, pause.c.rule == rule)).rowcount)


def of(db: Connection, connection: str) -> Mapping[str, Pause]:
    """Return the pauses of a connection by rule; that of the whole connection under the empty name."""
    rows = db.execute(select(pause).where(pause.c.connection == connection).order_by(pause.c.rule))
    return {row.rule: Pause(rule=row.rule, since=row.since, why=row.why) for row in rows}
