"""From the CRM into the mirror.

Laws: a batch and its cursor are stored in one transaction, fenced by the lease; a crash repeats a batch and never skips one. A read
that ends early is `partial`, keeps its cursor and says so; the streams after it are still read, unless the CRM itself is the trouble.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import structlog

from refsync.connector import Batch
from refsync.errors import AuthError, ConnectorError, TransientError
from refsync.model import Instant, Stream
from refsync.store import ledger, mirror
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


def pull(run: Run) -> Pulled:
    """Read every stream of the connection. Raises AuthError and TransientError when the CRM cannot be used at all."""
    pulled = Pulled()
    with run.store.read() as db:
        states = mirror.state(db, run.connection)
    for stream in Stream:
        if stream not in run.connector.streams:
            continue
        pulled.rows[stream] = pulled.changed[stream] = 0
        state = states.get(stream)
        _read(run, stream, pulled, state.cursor if state else None)
        swept_at = state.swept_at if state else None
        if stream not in pulled.partial and (swept_at is None or swept_at <= run.now - SWEEP_EVERY_MS):
            _sweep(run, stream, pulled, state.sweep_cursor if state else None)
    return pulled


def _read(run: Run, stream: Stream, pulled: Pulled, cursor: str | None) -> None:
    step = f"pull {stream}"
    run.progress(step, 0)

    def batches() -> Iterator[Batch]:
        return run.connector.read(stream, stored.cursor)

    stored = _Reading(cursor)
    try:
        for attempt in attempts(run.patience, run.stop):
            with attempt:
                stored.seen.clear()
                _store(run, stream, pulled, batches, stored)
    except ConnectorError as error:
        _end(run, stream, pulled, str(error), stored)
        if isinstance(error, AuthError | TransientError):
            raise
        log.exception("stream_failed", stream=stream)
        return
    _end(run, stream, pulled, stored.partial, stored)


@dataclass(slots=True)
class _Reading:
    """How far one read has come."""

    cursor: str | None
    seen: set[str] = field(default_factory=set)
    """Ids since the read began, for a CRM that can say `that is all there is`."""
    partial: str = ""
    complete_since: Instant | None = None


def _store(run: Run, stream: Stream, pulled: Pulled, batches: Callable[[], Iterator[Batch]], stored: _Reading) -> None:
    for batch in batches():
        run.check_stop()
        stored.seen.update(record.id for record in batch.records)
        stored.seen.update(record.id for record in batch.set_aside)
        with run.write() as db:
            written = mirror.write_batch(
                db,
                run.connection,
                stream,
                batch,
                company=run.rules.company,
                milestones=run.milestones,
                now=run.now,
            )
            if stream is Stream.ACTIVITIES and batch.deleted:
                ledger.dismiss(db, run.connection, batch.deleted, at=run.now)
        if batch.cursor is not None:
            stored.cursor = batch.cursor
        stored.partial = batch.partial or stored.partial
        stored.complete_since = batch.complete_since
        pulled.rows[stream] += len(batch.records)
        pulled.changed[stream] += written.changed
        pulled.gone += written.deleted
        pulled.set_aside += written.set_aside
        run.progress(f"pull {stream}", pulled.rows[stream])
        if batch.whole:
            _retire(run, stream, pulled, stored)


def _retire(run: Run, stream: Stream, pulled: Pulled, stored: _Reading) -> None:
    with run.write() as db:
        retired = mirror.retire(db, run.connection, stream, stored.seen, company=run.rules.company, milestones=run.milestones)
        if stream is Stream.ACTIVITIES and not retired.refused:
            ledger.dismiss(db, run.connection, retired.ids, at=run.now)
    pulled.gone += len(retired.ids)
    stored.partial = retired.refused or stored.partial


def _sweep(run: Run, stream: Stream, pulled: Pulled, cursor: str | None) -> None:
    run.progress(f"sweep {stream}", 0)
    last = cursor
    for attempt in attempts(run.patience, run.stop):
        with attempt:
            for batch in run.connector.sweep(stream, cursor):
                run.check_stop()
                last = batch.cursor or last
                with run.write() as db:
                    written = mirror.write_batch(
                        db,
                        run.connection,
                        stream,
                        batch,
                        company=run.rules.company,
                        milestones=run.milestones,
                        now=run.now,
                        keep_cursor=True,
                    )
                    if stream is Stream.ACTIVITIES and batch.deleted:
                        ledger.dismiss(db, run.connection, batch.deleted, at=run.now)
                pulled.gone += written.deleted
    with run.write() as db:
        mirror.swept(db, run.connection, stream, cursor=last, at=run.now)


def _end(run: Run, stream: Stream, pulled: Pulled, partial: str, stored: _Reading) -> None:
    if partial:
        pulled.partial[stream] = partial
        log.warning("stream_partial", stream=stream, reason=partial)
    with run.write() as db:
        mirror.finish(db, run.connection, stream, started=run.now, partial=partial, complete_since=stored.complete_since)
