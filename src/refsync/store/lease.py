"""Who runs a connection: one holder at a time, across threads, processes and machines.

The law: a token is given out once and never again, and whoever no longer has the latest token cannot write. So a lease row is
never deleted; releasing it sets its end to 0. All times are the real clock's: `clock` gives the one that all holders share.
"""

from __future__ import annotations

from sqlalchemy import Connection, select, text, update

from refsync.errors import LeaseLost
from refsync.model import Instant
from refsync.store.database.upsert import insert
from refsync.store.engine import Store
from refsync.store.tables import lease

RELEASED = 0


def clock(store: Store, host: Instant) -> Instant:
    """Return the clock by which leases run: the database's where several machines may share it, else the host's."""
    if store.dialect.name != "postgresql":
        return host
    with store.read() as db:
        return int(db.execute(text("SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint")).scalar_one())


def acquire(store: Store, connection: str, holder: str, ttl: int, now: Instant) -> int | None:
    """Return the token of a lease that lasts `ttl` milliseconds from `now`; None while somebody else holds it.

    `holder` is who to name to people. A holder gets no second lease before it has released the first.
    """
    new = insert(store.dialect, lease).values(connection=connection, holder=holder, token=1, expires_at=now + ttl)
    taken = new.on_conflict_do_update(
        index_elements=[lease.c.connection],
        set_={"holder": new.excluded.holder, "token": lease.c.token + 1, "expires_at": new.excluded.expires_at},
        where=lease.c.expires_at <= now,
    )
    with store.write() as db:
        token: int | None = db.execute(taken.returning(lease.c.token)).scalar()
    return token


def renew(store: Store, connection: str, token: int, ttl: int, now: Instant) -> None:
    """Make the lease last `ttl` milliseconds from `now`. Raises LeaseLost when it is no longer ours."""
    with store.write() as db:
        _set_end(db, connection, token, now + ttl)


def release(store: Store, connection: str, token: int) -> None:
    """Let others have the lease at once. A lease that is no longer ours is left alone."""
    with store.write() as db:
        db.execute(update(lease).where(lease.c.connection == connection, lease.c.token == token).values(expires_at=RELEASED))


def fence(db: Connection, connection: str, token: int, now: Instant, *, time_left: int | None = None) -> None:
    """Raise LeaseLost unless the lease is still ours; nobody can take it over until the caller's transaction has ended.

    It opens every transaction that writes. `time_left` demands that many milliseconds after `now` (before a call to a CRM:
    more than the call's deadline). Without it a lease that ran out but that nobody took is still ours.
    """
    row = db.execute(
        select(lease.c.token, lease.c.expires_at, lease.c.holder)
        .where(lease.c.connection == connection)
        .with_for_update(read=True)
    ).first()
    if row is None or row.token != token or row.expires_at == RELEASED:
        taken = "nobody" if row is None or row.expires_at == RELEASED else row.holder
        raise LeaseLost(f'connection "{connection}" is no longer ours: {taken} holds it now')
    if time_left is not None and row.expires_at < now + time_left:
        raise LeaseLost(f'the lease of connection "{connection}" ends too soon; the next run goes on')


def _set_end(db: Connection, connection: str, token: int, end: Instant) -> None:
    ours = (lease.c.connection == connection, lease.c.token == token, lease.c.expires_at != RELEASED)
    if not db.execute(update(lease).where(*ours).values(expires_at=end)).rowcount:
        raise LeaseLost(f'connection "{connection}" is no longer ours')
