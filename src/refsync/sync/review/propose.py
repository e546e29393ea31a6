"""Making a plan for people to review: a tick that writes nothing to the CRM and keeps what it would write."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

from refsync.model import iso
from refsync.store.decisions.plans import StoredPlan
from refsync.store.runs import RunKind, RunOutcome
from refsync.sync import allowed
from refsync.sync.evaluate import Judged, evaluate
from refsync.sync.pull import Pulled, pull
from refsync.sync.review import planned
from refsync.sync.run import Run
from refsync.sync.turn import Turn
from refsync.sync.write_back.calls import Pushed
from refsync.sync.write_back.push import note


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """A plan that was made, and how."""

    run: str
    plan: StoredPlan
    pulled: Pulled
    judged: Judged

    @property
    def outcome(self) -> RunOutcome:
        return RunOutcome.PARTIAL if self.pulled.partial or self.judged.held_rules else RunOutcome.DONE

    def as_json(self) -> dict[str, Any]:
        """Return what the record of the run says."""
        return {
            "connection": self.plan.connection,
            "run": self.run,
            "now": iso(self.plan.now),
            "plan": self.plan.id,
            "outcome": self.outcome.value,
            "partial": {stream.value: reason for stream, reason in self.pulled.partial.items()},
            "held_rules": dict(self.judged.held_rules),
            "planned": len(self.judged.plan.write) + len(self.judged.plan.stopped),
            "held": len(self.judged.plan.held),
            "stopped_by": self.plan.stopped_by,
        }


def propose(turn: Turn, *, fresh: bool = True) -> Proposal:
    """Make a plan and keep it; with `fresh` after reading what is new in the CRM. Raises as `tick` does.

    A condition that is seen for the first time is noted, so that a plan made when it has settled holds its task.
    """
    return turn.take(RunKind.PLAN, partial(_propose, fresh=fresh))


def _propose(run: Run, *, fresh: bool) -> Proposal:
    pulled = pull(run) if fresh else Pulled()
    judged = evaluate(run, allowed.allowed(run, everything=False))
    allowed.settle(run, judged)
    note(run, judged.plan.notice, judged.plan.forget, Pushed())
    return Proposal(run=run.id, plan=planned.keep(run, judged), pulled=pulled, judged=judged)
