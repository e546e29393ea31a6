"""The record of runs: when each run of a connection began and ended, the `now` it judged by, and its report."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import orjson
from sqlalchemy import Connection, insert, select, update

from refsync.model import Instant
from refsync.store.tables import run


class RunOutcome(StrEnum):
    RUNNING = "running"
    DONE = "done"
    PARTIAL = "partial"
    """Something was left out: a stream ended early, a rule was held for missing data, a write was refused."""
    FAILED = "failed"


class RunKind(StrEnum):
    SYNC = "sync"
    DRY_RUN = "dry run"
    """A tick that writes nothing."""
    PLAN = "plan"
    APPLY = "apply"
    UNDO = "undo"


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One run of one connection."""

    id: str
    kind: RunKind = RunKind.SYNC
    began_at: Instant
    ended_at: Instant | None = None
    now: Instant
    """The instant by which rules were judged; differs from `began_at` where a run is told another time."""
    outcome: RunOutcome
    report: Mapping[str, Any] = field(default_factory=dict)


TICKS = (RunKind.SYNC, RunKind.DRY_RUN)


def begin(
    db: Connection,
    connection: str,
    id: str,  # noqa: A002
    *,
    began_at: Instant,
    now: Instant,
    kind: RunKind = RunKind.SYNC,
) -> None:
    """Record that a run begins. Runs of this connection that never ended were killed: they become `failed`."""
    killed = (run.c.connection == connection, run.c.outcome == RunOutcome.RUNNING.value)
    report = orjson.dumps({"error": "the process ended before the run did"}).decode()
    db.execute(update(run).where(*killed).values(outcome=RunOutcome.FAILED.value, ended_at=began_at, report=report))
    values = {"began_at": began_at, "now": now, "kind": kind.value, "outcome": RunOutcome.RUNNING.value, "report": "{}"}
    db.execute(insert(run).values(connection=connection, id=id, **values))


def end(
    db: Connection,
    connection: str,
    id: str,  # noqa: A002
    *,
    ended_at: Instant,
    outcome: RunOutcome,
    report: Mapping[str, Any],
) -> None:
    """Record how a run ended; `report` holds plain JSON values."""
    values = {"ended_at": ended_at, "outcome": outcome.value, "report": orjson.dumps(dict(report)).decode()}
    db.execute(update(run).where(run.c.connection == connection, run.c.id == id).values(**values))


def recent(db: Connection, connection: str, count: int = 20) -> list[Run]:
    """Return the latest runs, latest first."""
    return _runs(db, connection, count)


def last(db: Connection, connection: str) -> Run | None:
    """Return the latest run, also one that is still running."""
    return next(iter(_runs(db, connection, 1)), None)


def last_success(db: Connection, connection: str) -> Run | None:
    """Return the latest tick that came to its end: `done` or `partial`. The next one is due an interval after it."""
    return next(iter(_runs(db, connection, 1, *TICKS, ended=True)), None)


def last_judged(db: Connection, connection: str) -> Run | None:
    """Return the latest run that judged every rule and came to its end."""
    return next(iter(_runs(db, connection, 1, *TICKS, RunKind.PLAN, ended=True)), None)


def beginning(db: Connection, connection: str, prefix: str) -> list[Run]:
    """Return the runs whose id begins so, latest first; with an id, that run."""
    return [one for one in _runs(db, connection, None) if one.id.startswith(prefix)]


def _runs(db: Connection, connection: str, count: int | None, *kinds: RunKind, ended: bool = False) -> list[Run]:
    found = select(run).where(run.c.connection == connection)
    if kinds:
        found = found.where(run.c.kind.in_([kind.value for kind in kinds]))
    if ended:
        found = found.where(run.c.outcome.in_([RunOutcome.DONE.value, RunOutcome.PARTIAL.value]))
    rows = db.execute(found.order_by(run.c.began_at.desc(), run.c.id.desc()).limit(count))
    return [
        Run(
            id=row.id,
            kind=RunKind(row.kind),
            began_at=row.began_at,
            ended_at=row.ended_at,
            now=row.now,
            outcome=RunOutcome(row.outcome),
            report=orjson.loads(row.report),
        )
        for row in rows
    ]
