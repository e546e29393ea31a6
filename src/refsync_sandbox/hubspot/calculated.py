"""What HubSpot works out from the other values of a record.

Law: it follows from the record, its pipeline and the time, and it is written down with the record. The properties of tasks are
those that replies to a create were seen to hold.
"""

from __future__ import annotations

from collections.abc import Mapping

from refsync.model import Instant
from refsync_sandbox.hubspot.instants import shown
from refsync_sandbox.hubspot.kinds import DEAL, TASK, TICKET, Kind
from refsync_sandbox.hubspot.pipelines import Pipeline
from refsync_sandbox.hubspot.properties import read_instant

_DAY = 86_400_000


def calculated(
    kind: Kind,
    record_id: int,
    values: Mapping[str, str | None],
    pipelines: Mapping[Kind, Pipeline],
    *,
    created: Instant,
    now: Instant,
) -> dict[str, str | None]:
    """Return the calculated properties of a record with these values."""
    if kind == TASK:
        return _of_task(record_id, values, created, now)
    if kind == DEAL:
        return _of_deal(values, pipelines[DEAL], created)
    if kind == TICKET:
        return {"hs_pipeline": pipelines[TICKET].id, "hs_ticket_id": str(record_id)}
    return {}


def _of_deal(values: Mapping[str, str | None], pipeline: Pipeline, created: Instant) -> dict[str, str | None]:
    stage = pipeline.stages.get(values.get("dealstage") or "")
    if stage is None:
        return {}
    won, lost = stage.won is True, stage.closed and not stage.won
    facts = {"hs_is_closed": stage.closed, "hs_is_closed_won": won, "hs_is_closed_lost": lost}
    closed = values.get("closedate") if stage.closed else None
    days = str(max(0, (read_instant(closed) - created) // _DAY)) if closed else None
    return {"pipeline": pipeline.id, "days_to_close": days, **{name: str(fact).lower() for name, fact in facts.items()}}


def _of_task(record_id: int, values: Mapping[str, str | None], created: Instant, now: Instant) -> dict[str, str | None]:
    done, due = values.get("hs_task_status") == "COMPLETED", values.get("hs_timestamp")
    overdue = str(bool(due) and not done and read_instant(due or "") < now).lower()
    return {
        "hs_obj_coords": f"0-27-{record_id}",
        "hs_task_status": values.get("hs_task_status") or "NOT_STARTED",
        "hs_task_is_completed": "1" if done else "0",
        "hs_task_completion_count": "1" if done else "0",
        "hs_task_completion_date": (values.get("hs_task_completion_date") or shown(now)) if done else None,
        "hs_task_is_overdue": overdue,
        "hs_task_is_past_due_date": overdue,
        "hs_task_missed_due_date": overdue,
        "hs_task_family": "SALES",
        "hs_task_for_object_type": "OWNER",
        "hs_start_date_with_fallback": due or shown(created),
    }
