"""The story of each finding: every change of its state, and what people and refsync did to its task meanwhile.

Law: rows are only ever added, in the transaction of the change they tell of, so the last row of a key tells the state of its
finding; a row whose two states are equal tells of something that happened to a task that stayed what it was.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import BigInteger, ColumnElement, Connection, String, func, insert, literal, select

from refsync.finding import State
from refsync.model import Instant
from refsync.store.database.lists import chunks
from refsync.store.tables import finding, transition


@dataclass(frozen=True, slots=True, kw_only=True)
class Transition:
    """One row of the story."""

    key: str
    number: int
    """From 1, for each finding."""
    at: Instant
    before: State | None
    """None: it came into being."""
    after: State | None
    """None: it was dropped; nothing of it was ever in the CRM."""
    why: str = ""
    run: str = ""


def begin(db: Connection, connection: str, keys: Iterable[str], *, why: str = "", at: Instant | None = None) -> None:
    """Write down that findings came into being, just after they did: at `at`, or when each was opened."""
    opened = finding.c.opened_at if at is None else literal(at, BigInteger)
    for some in chunks(dict.fromkeys(keys)):
        told = (literal("", String), finding.c.state, literal(why, String))
        _append(db, connection, finding.c.key.in_(some), told, opened, finding.c.run)


def note(
    db: Connection,
    connection: str,
    which: ColumnElement[bool],
    after: State | None = None,
    *,
    why: str,
    at: Instant,
    run: str = "",
    dropped: bool = False,
) -> int:
    """Write down what is about to happen to the findings of a condition, before it is done; return how many they are.

    `after` is the state they go to; None: they keep theirs, or are `dropped`.
    """
    to = literal("", String) if dropped else finding.c.state if after is None else literal(after.value, String)
    told = (finding.c.state, to, literal(why, String))
    return _append(db, connection, which, told, literal(at, BigInteger), literal(run, String))


def _append(
    db: Connection,
    connection: str,
    which: ColumnElement[bool],
    told: tuple[ColumnElement[str], ColumnElement[str], ColumnElement[str]],
    at: ColumnElement[int],
    run: ColumnElement[str],
) -> int:
    of_finding = (transition.c.connection == finding.c.connection, transition.c.key == finding.c.key)
    number = select(func.coalesce(func.max(transition.c.number), 0) + 1).where(*of_finding).correlate(finding).scalar_subquery()
    rows = select(finding.c.connection, finding.c.key, number, at, *told, run).where(finding.c.connection == connection, which)
    return db.execute(insert(transition).from_select(transition.columns.keys(), rows)).rowcount


def of_keys(db: Connection, connection: str, keys: Iterable[str]) -> list[Transition]:
    """Return the story of these findings, in the order in which it happened."""
    found = [
        one
        for some in chunks(dict.fromkeys(keys))
        for one in _read(db, transition.c.connection == connection, transition.c.key.in_(some))
    ]
    return sorted(found, key=lambda one: (one.at, one.key, one.number))


def of_account(db: Connection, connection: str, account_id: str) -> list[Transition]:
    """Return the story of an account's findings, in the order in which it happened."""
    mine = select(finding.c.key).where(finding.c.connection == connection, finding.c.account_id == account_id)
    return of_keys(db, connection, db.execute(mine).scalars())


def _read(db: Connection, *where: ColumnElement[bool]) -> list[Transition]:
    return [
        Transition(
            key=row.key,
            number=row.number,
            at=row.at,
            before=State(row.from_state) if row.from_state else None,
            after=State(row.to_state) if row.to_state else None,
            why=row.why,
            run=row.run,
        )
        for row in db.execute(select(transition).where(*where))
    ]
