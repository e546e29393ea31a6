"""Tasks of ours that the ledger knows nothing of, or not as they are: after a rebuilt or an older store they are taken over.

Laws: a task that stands is taken as it stands: its day, its words and whoever holds it are a person's or were ours, and either
way they stay; a task that was there before counts for the day on which it was written, not for today.
"""

from __future__ import annotations

from datetime import date

from sqlalchemy import Connection, select, update

from refsync.calendar import Calendar, Duration, Unit, at_hour
from refsync.company import Company
from refsync.connector import TaskState
from refsync.finding import Finding
from refsync.model import Instant
from refsync.store.shown import shown_day
from refsync.store.tables import activity, finding


def take_over(
    db: Connection, connection: str, found: Finding, state: TaskState, company: Company, due: Duration | None, now: Instant
) -> None:
    """Let a finding say what the CRM shows of its task, which this ledger did not write; `due` is how long its rule gives."""
    due_on = state.due_on or (shown_day(state.due_at, company.calendar) if state.due_at else found.due_on)
    due_at = state.due_at or at_hour(due_on, company.task_hours[1], company.calendar.zone)
    holder = state.owner_id if state.owner_id and state.owner_id != found.owner_id else ""
    its_task = (activity.c.connection == connection, activity.c.id == state.task_id, activity.c.subject != "")
    subject = db.execute(select(activity.c.subject).where(*its_task)).scalar() or found.subject
    values = {
        "due_on": due_on.isoformat(),
        "due_at": due_at,
        "holder_id": holder,
        "edited": "owner" if holder else "",
        "subject": subject,
        "opened_at": written_at(due_on, due, company.calendar, now),
    }
    where = (finding.c.connection == connection, finding.c.key == found.key, finding.c.task_id == state.task_id)
    db.execute(update(finding).where(*where).values(**values))


def written_at(due_on: date, due: Duration | None, calendar: Calendar, now: Instant) -> Instant:
    """Return about when a task was written that was due so long after; not every CRM shows it."""
    day = due_on if due is None or due.unit is Unit.HOURS else calendar.back(due_on, due)
    return min(now, calendar.midnight(day))
