"""Calls counted in the store, for all processes of a connection together.

The law: over all processes no window holds more calls than were allowed, whatever dies in between. A process takes calls from the
store in blocks and counts from its block in memory, so that a call is not a commit; what is left of a block lapses with its
window, and a block that died with its process is simply not used.
"""

from __future__ import annotations

from dataclasses import dataclass
from threading import Lock

from sqlalchemy import ColumnElement, Connection, select, update

from refsync.meter import window
from refsync.model import Instant
from refsync.store.database.upsert import insert
from refsync.store.engine import Store
from refsync.store.tables import budget

BLOCKS = 10
"""In how many blocks a limit is taken: with fewer, one process could hold what another needs."""
LARGEST_BLOCK = 100
SKEW_MS = 5_000
"""How far the clocks of two machines may be apart. A window that begins later still is one of a clock that was set wrong."""


@dataclass(slots=True)
class _Block:
    """Calls that the store has granted for a window."""

    window: Instant
    taken: int
    """What all processes had taken from the window then, this block included."""
    left: int

    @property
    def spent(self) -> int:
        return self.taken - self.left


class StoreMeter:
    """Counts the calls of a connection with all processes that share its store. A `refsync.meter.Meter`.

    It writes to the store in a transaction of its own, a few milliseconds long; a thread that is in a write transaction must not
    call it, nor wait for a thread that does.
    """

    def __init__(self, store: Store, connection: str) -> None:
        self._store = store
        self._connection = connection
        self._blocks: dict[tuple[str, int], _Block] = {}
        self._lock = Lock()

    def take(self, limit: str, calls: int, *, allowed: int, window_ms: int, now: Instant) -> Instant:
        """Count calls against a limit; see Meter. Raises StoreError."""
        with self._lock:
            begins = window(now, window_ms)
            block = self._blocks.get((limit, window_ms))
            if block is None or block.window < begins or block.left < calls:
                block = self._refilled(limit, calls, allowed, window_ms, begins, block)
            if block.left < calls or block.spent + calls > allowed:
                return block.window + window_ms
            block.left -= calls
            return now

    def spent(self, limit: str, *, window_ms: int, now: Instant) -> int:
        """Return the calls of this window; those in blocks that others hold count as well. Raises StoreError."""
        with self._lock:
            begins = window(now, window_ms)
            with self._store.read() as db:
                row = db.execute(select(budget.c.window, budget.c.taken).where(*self._row(limit, window_ms))).first()
            if row is None or row.window < begins:
                return 0
            block = self._blocks.get((limit, window_ms))
            return int(row.taken) - (block.left if block and block.window == row.window else 0)

    def _refilled(self, limit: str, calls: int, allowed: int, window_ms: int, begins: Instant, held: _Block | None) -> _Block:
        with self._store.write() as db:
            found, taken = self._window(db, limit, window_ms, begins)
            left = held.left if held and held.window == found else 0
            block = max(calls - left, min(allowed // BLOCKS, LARGEST_BLOCK))
            granted = max(0, min(block, allowed - taken))
            if granted:
                values = {"window": found, "taken": taken + granted}
                db.execute(update(budget).where(*self._row(limit, window_ms)).values(**values))
        filled = self._blocks[limit, window_ms] = _Block(window=found, taken=taken + granted, left=left + granted)
        return filled

    def _window(self, db: Connection, limit: str, window_ms: int, begins: Instant) -> tuple[Instant, int]:
        """Return the window to count in and what is taken of it, its row locked: another machine's clock may be ahead."""
        first = insert(db.dialect, budget).values(
            connection=self._connection, name=limit, window_ms=window_ms, window=begins, taken=0
        )
        db.execute(first.on_conflict_do_nothing())
        row = db.execute(select(budget.c.window, budget.c.taken).where(*self._row(limit, window_ms)).with_for_update()).one()
        if begins <= row.window <= begins + max(window_ms, SKEW_MS):
            return row.window, row.taken
        return begins, 0

    def _row(self, limit: str, window_ms: int) -> tuple[ColumnElement[bool], ...]:
        return budget.c.connection == self._connection, budget.c.name == limit, budget.c.window_ms == window_ms
