"""From the CRM into the mirror.

Laws: a batch and its cursor are stored in one transaction, fenced by the lease; a crash repeats a batch and never skips one. A
read that ends early is `partial`, keeps its cursor and says so; the streams after it are still read, unless the CRM itself is the
trouble.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

import structlog

from refsync.ahead import ahead
from refsync.connector import Batch
from refsync.errors import AuthError, ConnectorError, TransientError
from refsync.model import Instant, Stream
from refsync.store import ledger, mirror
from refsync.store.derived import derive
from refsync.store.engine import Database
from refsync.store.mirror import StreamState
from refsync.store.records import missing, rows
from refsync.store.records.missing import By
from refsync.store.records.retire import retire
from refsync.sync.retry import attempts
from refsync.sync.run import Run

log = structlog.get_logger()


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
        _read(run, stream, pulled, state)
        if stream not in pulled.partial:
            _sweep(run, stream, pulled, state.sweep_cursor if state else None)
            _let_go(run, stream, pulled)
    if not pulled.derived:
        run.progress("derive touches and milestones", 0)
        with run.write() as db:
            derive.ensure_derived(db, run.connection, company, milestones)
    return pulled


def _read(run: Run, stream: Stream, pulled: Pulled, known: StreamState | None) -> None:
    run.progress(f"pull {stream}", 0)
    state = known or StreamState()
    reading = _Reading(state.cursor, complete_since=state.complete_since, first=known is None)
    reading.lists = known is not None and (state.reads_whole or state.cursor is None)
    try:
        for attempt in attempts(run.patience, run.stop):
            with attempt, ahead(run.connector.read(stream, reading.cursor)) as batches:
                _store(run, stream, pulled, batches, reading)
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
    partial: str = ""
    complete_since: Instant | None = None
    first: bool = False
    """Nothing of this stream was ever read: whatever the mirror holds in the end was shown by this read."""
    lists: bool = False
    """Whether its ids are kept, because it may turn out to show everything there is. Most reads never do, and pay nothing."""
    whole: bool | None = None
    """Whether its last batch said so; None: there was no batch."""


def _store(run: Run, stream: Stream, pulled: Pulled, batches: Iterable[Batch], reading: _Reading) -> None:
    for number, batch in enumerate(batches):
        run.check_stop()
        with run.write() as db:
            if reading.lists or (batch.whole and number == 0):
                _list(db, run, stream, batch, By.READ, anew=number == 0)
            elif batch.whole and not reading.first:
                batch = replace(batch, cursor=None)  # nobody knew that it would be whole: the next one is listed
            _write(db, run, stream, pulled, batch)
        reading.cursor = batch.cursor if batch.cursor is not None else reading.cursor
        reading.partial = batch.partial or reading.partial
        reading.complete_since = batch.complete_since
        reading.whole = batch.whole
        pulled.rows[stream] += len(batch.records)
        run.progress(f"pull {stream}", pulled.rows[stream])
        del batch  # while the next one is awaited, it need not be in memory


def _list(db: Database, run: Run, stream: Stream, batch: Batch, by: By, *, anew: bool = False) -> None:
    """Keep which records a batch shows to exist; after the last of them note which are missing."""
    if anew:
        missing.forget_list(db, run.connection, stream, by)
    missing.show(db, run.connection, stream, by, rows.shown(batch))
    if batch.whole:
        missing.compare(db, run.connection, stream, by, run.now)


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
        ledger.dismiss(db, run.connection, batch.deleted, at=run.now, run=run.id)
    pulled.changed[stream] += written.changed
    pulled.gone += written.deleted + written.merged
    pulled.set_aside += written.set_aside


def _sweep(run: Run, stream: Stream, pulled: Pulled, cursor: str | None) -> None:
    """Read what reads cannot see: deletes, merges, changed links. While that fails, the stream counts as partial."""
    sweeping = _Reading(cursor)
    try:
        for attempt in attempts(run.patience, run.stop):
            with attempt:
                _store_swept(run, stream, pulled, run.connector.sweep(stream, sweeping.cursor), sweeping)
    except ConnectorError as error:
        sweeping.partial = str(error)
        _end_sweep(run, stream, pulled, sweeping, began=cursor)
        if isinstance(error, AuthError | TransientError):
            raise
        return
    _end_sweep(run, stream, pulled, sweeping, began=cursor)


def _store_swept(run: Run, stream: Stream, pulled: Pulled, batches: Iterable[Batch], sweeping: _Reading) -> None:
    for batch in batches:
        run.check_stop()
        with run.write() as db:
            _write(db, run, stream, pulled, batch, sweep=True)
            if batch.present or batch.whole:
                _list(db, run, stream, batch, By.SWEEP)
        sweeping.whole = batch.whole
        sweeping.cursor = batch.cursor if batch.cursor is not None else sweeping.cursor
        sweeping.partial = batch.partial or sweeping.partial
        run.progress(f"sweep {stream}", len(batch.deleted))


def _end_sweep(run: Run, stream: Stream, pulled: Pulled, sweeping: _Reading, *, began: str | None) -> None:
    """Record how a sweep ended. One that broke off begins its list anew, unless its cursor says how far it came."""
    if sweeping.partial:
        _end(run, stream, pulled, sweeping)
    if sweeping.whole is None:
        return
    with run.write() as db:
        if not sweeping.partial:
            mirror.finish(db, run.connection, stream, started=run.now, sweep=True)
        elif sweeping.cursor == began:
            missing.forget_list(db, run.connection, stream, By.SWEEP)


def _let_go(run: Run, stream: Stream, pulled: Pulled) -> None:
    """Delete what is missing beyond doubt. While the brake holds, the stream counts as partial and says what to do."""
    with run.store.read() as db:
        due = missing.count_due(db, run.connection, stream)
    while due:
        with run.write() as db:
            retired = retire(
                db,
                run.connection,
                stream,
                company=run.rules.company,
                milestones=run.milestones,
                confirmed=stream in run.confirmed_deletes,
                derived=pulled.derived,
            )
            if stream is Stream.ACTIVITIES:
                ledger.dismiss(db, run.connection, retired.ids, at=run.now, run=run.id)
        pulled.gone += len(retired.ids)
        due = retired.more
        if retired.problem:
            _end(run, stream, pulled, _Reading(None, partial=str(retired.problem)))


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
            whole=reading.whole,
        )
        if reading.lists and reading.whole is False:
            missing.forget_list(db, run.connection, stream, By.READ)
