"""The record of runs: when each tick of a connection began and ended, the `now` it judged by, and its report."""

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One tick of one connection."""

    id: str
    began_at: Instant
    ended_at: Instant | None = None
    now: Instant
    """The instant by which rules were judged; differs from `began_at` where a run is told another time."""
    outcome: RunOutcome
    report: Mapping[str, Any] = field(default_factory=dict)


def begin(db: Connection, connection: str, id: str, *, began_at: Instant, now: Instant) -> None:  # noqa: A002
    """Record that a run begins. Runs of this connection that never ended were killed: they become `failed`."""
    killed = (run.c.connection == connection, run.c.outcome == RunOutcome.RUNNING.value)
    report = orjson.dumps({"error": "the process ended before the run did"}).decode()
    db.execute(update(run).where(*killed).values(outcome=RunOutcome.FAILED.value, ended_at=began_at, report=report))
    db.execute(
        insert(run).values(
            connection=connection, id=id, began_at=began_at, now=now, outcome=RunOutcome.RUNNING.value, report="{}"
        )
    )


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
    """Return the latest run that came to its end: `done` or `partial`. The next one is due an interval after it."""
    return next(iter(_runs(db, connection, 1, RunOutcome.DONE, RunOutcome.PARTIAL)), None)


def _runs(db: Connection, connection: str, count: int, *outcomes: RunOutcome) -> list[Run]:
    found = select(run).where(run.c.connection == connection)
    if outcomes:
        found = found.where(run.c.outcome.in_([outcome.value for outcome in outcomes]))
    rows = db.execute(found.order_by(run.c.began_at.desc(), run.c.id.desc()).limit(count))
    return [
        Run(
            id=row.id,
            began_at=row.began_at,
            ended_at=row.ended_at,
            now=row.now,
            outcome=RunOutcome(row.outcome),
            report=orjson.loads(row.report),
        )
        for row in rows
    ]
