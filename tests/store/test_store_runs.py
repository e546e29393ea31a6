"""The record of runs."""

from __future__ import annotations

from refsync.store import runs
from refsync.store.engine import Store
from refsync.store.runs import Run, RunOutcome


def test_run_is_kept_with_its_report(store: Store, connection: str) -> None:
    """A run that ended has its times, its outcome and its report."""
    with store.write() as db:
        runs.begin(db, connection, "r1", began_at=10, now=7)
        running = runs.last(db, connection)
        runs.end(db, connection, "r1", ended_at=20, outcome=RunOutcome.DONE, report={"created": 3})
        ended = runs.last(db, connection)

    assert Run(id="r1", began_at=10, now=7, outcome=RunOutcome.RUNNING) == running
    assert Run(id="r1", began_at=10, ended_at=20, now=7, outcome=RunOutcome.DONE, report={"created": 3}) == ended


def test_killed_run_is_failed_when_the_next_begins(store: Store, connection: str) -> None:
    """A run whose process died does not stay `running`; the run of another connection does."""
    with store.write() as db:
        runs.begin(db, connection, "killed", began_at=10, now=10)
        runs.begin(db, connection + "b", "other", began_at=10, now=10)
        runs.begin(db, connection, "next", began_at=20, now=20)
        found = {run.id: run.outcome for run in runs.recent(db, connection)}
        other = runs.last(db, connection + "b")

    assert {"killed": RunOutcome.FAILED, "next": RunOutcome.RUNNING} == found
    assert other is not None
    assert RunOutcome.RUNNING == other.outcome


def test_last_success_is_the_last_that_came_to_its_end(store: Store, connection: str) -> None:
    """Failed and running runs are no success, a partial one is."""
    outcomes = [RunOutcome.DONE, RunOutcome.PARTIAL, RunOutcome.FAILED]
    with store.write() as db:
        none = runs.last_success(db, connection)
        for number, outcome in enumerate(outcomes):
            runs.begin(db, connection, str(number), began_at=number, now=number)
            runs.end(db, connection, str(number), ended_at=number, outcome=outcome, report={})
        runs.begin(db, connection, "running", began_at=9, now=9)
        found = runs.last_success(db, connection)

    assert none is None
    assert found is not None
    assert "1" == found.id


def test_recent_runs_come_latest_first(store: Store, connection: str) -> None:
    """Only as many runs as asked for come back, the latest first."""
    with store.write() as db:
        for number in range(5):
            runs.begin(db, connection, str(number), began_at=number, now=number)
        found = [run.id for run in runs.recent(db, connection, 3)]

    assert ["4", "3", "2"] == found
