"""From the CRM into the mirror.

Laws: a batch and its cursor are stored in one transaction, fenced by the lease; a crash repeats a batch and never skips one. A
read that ends early is `partial`, keeps its cursor and says so; the streams after it are still read, unless the CRM itself is the
trouble.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

import structlog

from refsync.connector import Batch
from refsync.errors import AuthError, ConnectorError, TransientError
from refsync.model import Instant, Stream
from refsync.store import derive, ledger, mirror, rows
from refsync.store.engine import Database
from refsync.store.mirror import StreamState
from refsync.sync.retry import attempts
from refsync.sync.run import Run

log = structlog.get_logger()

SWEEP_EVERY_MS = 6 * 3_600_000


@dataclass(slots=True)
class Pulled:
    """What a pull brought."""

    rows: dict[Stream, int] = field(default_factory=dict)
    """Records read, per stream that was asked."""
    changed: dict[Stream, int] = field(default_factory=dict)
    """Of these, records that were new or different."""
    gone: int = 0
    set_aside: int = 0
    partial: dict[Stream, str] = field(default_factory=dict)
    """Streams whose read ended early, and why."""
    derived: bool = True
    """Whether touches and milestones were in step with the mirror from the beginning; else they were rebuilt at the end."""


def pull(run: Run) -> Pulled:
    """Read every stream of the connection. Raises AuthError and TransientError when the CRM cannot be used at all."""
    company, milestones = run.rules.company, run.milestones
    with run.write() as db:
        pulled = Pulled(derived=derive.begin(db, run.connection, company, milestones))
        states = mirror.state(db, run.connection)
    for stream in Stream:
        if stream not in run.connector.streams:
            continue
        pulled.rows[stream] = pulled.changed[stream] = 0
        state = states.get(stream)
        _read(run, stream, pulled, state or StreamState())
        swept_at = state.swept_at if state else None
        if stream not in pulled.partial and (swept_at is None or abs(run.now - swept_at) >= SWEEP_EVERY_MS):
            _sweep(run, stream, pulled, state.sweep_cursor if state else None)
    if not pulled.derived:
        run.progress("derive touches and milestones", 0)
        with run.write() as db:
            derive.ensure_derived(db, run.connection, company, milestones)
    return pulled


def _read(run: Run, stream: Stream, pulled: Pulled, state: StreamState) -> None:
    run.progress(f"pull {stream}", 0)
    reading = _Reading(state.cursor, complete_since=state.complete_since)
    try:
        for attempt in attempts(run.patience, run.stop):
            with attempt:
                reading.seen.clear()
                _store(run, stream, pulled, run.connector.read(stream, reading.cursor), reading)
    except ConnectorError as error:
        reading.partial = str(error)
        _end(run, stream, pulled, reading)
        if isinstance(error, AuthError | TransientError):
            raise
        return
    _end(run, stream, pulled, reading)


@dataclass(slots=True)
class _Reading:
    """How far one read has come."""

    cursor: str | None
    seen: set[str] = field(default_factory=set)
    """Ids since the read began, for a CRM that can say `that is all there is`."""
    partial: str = ""
    complete_since: Instant | None = None


def _store(run: Run, stream: Stream, pulled: Pulled, batches: Iterable[Batch], reading: _Reading) -> None:
    for batch in batches:
        run.check_stop()
        reading.seen |= rows.ids(batch)
        with run.write() as db:
            _write(db, run, stream, pulled, replace(batch, cursor=None) if batch.whole else batch)
            if batch.whole:
                _retire(db, run, stream, pulled, reading, batch)
        reading.cursor = batch.cursor if batch.cursor is not None else reading.cursor
        reading.partial = batch.partial or reading.partial
        reading.complete_since = batch.complete_since
        pulled.rows[stream] += len(batch.records)
        run.progress(f"pull {stream}", pulled.rows[stream])


def _write(db: Database, run: Run, stream: Stream, pulled: Pulled, batch: Batch, *, sweep: bool = False) -> None:
    company, milestones = run.rules.company, run.milestones
    written = mirror.write_batch(
        db,
        run.connection,
        stream,
        batch,
        company=company,
        milestones=milestones,
        now=run.now,
        sweep=sweep,
        derived=pulled.derived,
    )
    if stream is Stream.ACTIVITIES and batch.deleted:
        ledger.dismiss(db, run.connection, batch.deleted, at=run.now)
    pulled.changed[stream] += written.changed
    pulled.gone += written.deleted + written.merged
    pulled.set_aside += written.set_aside


def _retire(db: Database, run: Run, stream: Stream, pulled: Pulled, reading: _Reading, last: Batch) -> None:
    """Let go of what a whole read did not show, and only then move the cursor: while the brake holds, it is read again."""
    company, milestones = run.rules.company, run.milestones
    retired = mirror.retire(
        db, run.connection, stream, reading.seen, company=company, milestones=milestones, derived=pulled.derived
    )
    if retired.problem:
        reading.partial = str(retired.problem)
        return
    if stream is Stream.ACTIVITIES:
        ledger.dismiss(db, run.connection, retired.ids, at=run.now)
    pulled.gone += retired.deleted
    _write(db, run, stream, pulled, Batch(cursor=last.cursor))


def _sweep(run: Run, stream: Stream, pulled: Pulled, cursor: str | None) -> None:
    """Read what reads cannot see: deletes, merges, changed links. While that fails, the stream counts as partial."""
    sweeping = _Reading(cursor)
    try:
        for attempt in attempts(run.patience, run.stop):
            with attempt:
                for batch in run.connector.sweep(stream, sweeping.cursor):
                    run.check_stop()
                    run.progress(f"sweep {stream}", len(batch.deleted))
                    with run.write() as db:
                        _write(db, run, stream, pulled, batch, sweep=True)
                    sweeping.cursor = batch.cursor if batch.cursor is not None else sweeping.cursor
                    sweeping.partial = batch.partial or sweeping.partial
    except (AuthError, TransientError):
        raise
    except ConnectorError as error:
        sweeping.partial = str(error)
    if sweeping.partial:
        _end(run, stream, pulled, sweeping)
        return
    with run.write() as db:
        mirror.finish(db, run.connection, stream, started=run.now, sweep=True)


def _end(run: Run, stream: Stream, pulled: Pulled, reading: _Reading) -> None:
    if reading.partial:
        pulled.partial[stream] = reading.partial
        log.warning("stream_partial", stream=stream, reason=reading.partial)
    with run.write() as db:
        mirror.finish(
            db,
            run.connection,
            stream,
            started=run.now,
            partial=reading.partial,
            complete_since=reading.complete_since,
        )
