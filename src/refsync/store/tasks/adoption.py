"""Tasks of ours that the ledger knows nothing of, or not as they are: after a rebuilt or an older store they are taken over.

Laws: a task that stands is taken as it stands: its day, its words and whoever holds it are a person's or were ours, and either
way they stay; a task that was there before counts for the day on which it was written, not for today.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy import Connection, select, update

from refsync.calendar import Calendar, Duration, Unit
from refsync.company import Company
from refsync.connector import TaskState
from refsync.finding import Finding
from refsync.model import ActivityKind, ActivityStatus, Instant
from refsync.store.database.lists import chunks
from refsync.store.ledger import HAS_NONE
from refsync.store.tables import activity, activity_contact, contact, finding, is_plan, touch
from refsync.store.tasks.shown import shown_day


@dataclass(frozen=True, slots=True, kw_only=True)
class Orphan:
    """A task of ours that the CRM shows and the ledger does not know."""

    key: str
    task_id: str
    subject: str
    owner_id: str
    at: Instant | None
    """When it is due; of a completed one also when it was, where the CRM shows that."""
    status: ActivityStatus | None
    account_ids: tuple[str, ...]
    """Its own account, then those of its people."""
    contact_id: str | None
    deal_id: str | None


def orphans(db: Connection, connection: str) -> list[Orphan]:
    """Return the tasks of ours that the ledger does not know: those of a database that was lost, or restored from before.

    One restored from before may still be waiting to send what the lost one sent.
    """
    same = (finding.c.connection == activity.c.connection, finding.c.key == activity.c.task_key)
    known = select(finding.c.key).where(*same, ~HAS_NONE)
    ours = (activity.c.connection == connection, is_plan, activity.c.kind == ActivityKind.TASK.value, activity.c.task_key != "")
    rows = list(db.execute(select(activity).where(*ours, ~known.exists())))
    people = _people(db, connection, [row.id for row in rows])
    return [
        Orphan(
            key=row.task_key,
            task_id=row.id,
            subject=row.subject,
            owner_id=row.owner_id or "",
            at=row.at,
            status=ActivityStatus(row.status) if row.status else None,
            account_ids=tuple(dict.fromkeys(one for one in (row.account_id, *(at for _, at in people[row.id])) if one)),
            contact_id=next((person for person, _ in people[row.id]), None),
            deal_id=row.deal_id,
        )
        for row in rows
    ]


def touches_of(db: Connection, connection: str, account_ids: Collection[str]) -> Iterator[tuple[str, str, Instant]]:
    """Yield account, person and instant of every touch at these accounts: any of them may have begun a lapse."""
    for some in chunks(account_ids):
        rows = select(touch.c.account_id, touch.c.contact_id, touch.c.at)
        for row in db.execute(rows.where(touch.c.connection == connection, touch.c.account_id.in_(some)).distinct()):
            yield row.account_id, row.contact_id, row.at


def _people(db: Connection, connection: str, task_ids: Collection[str]) -> dict[str, list[tuple[str, str | None]]]:
    """Return the people of tasks, each with their account."""
    link, found = activity_contact, defaultdict(list)
    joined = link.outerjoin(contact, (contact.c.connection == link.c.connection) & (contact.c.id == link.c.contact_id))
    for some in chunks(task_ids):
        rows = select(link.c.activity_id, link.c.contact_id, contact.c.account_id).select_from(joined)
        for row in db.execute(
            rows.where(link.c.connection == connection, link.c.activity_id.in_(some)).order_by(link.c.contact_id)
        ):
            found[row.activity_id].append((row.contact_id, row.account_id))
    return found


def take_over(
    db: Connection, connection: str, found: Finding, state: TaskState, company: Company, due: Duration | None, now: Instant
) -> None:
    """Let a finding say what the CRM shows of its task, which this ledger did not write; `due` is how long its rule gives."""
    due_on = state.due_on or (shown_day(state.due_at, company.calendar) if state.due_at else found.due_on)
    due_at = state.due_at or company.due_at(due_on)
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
    """Return about when a task was written that was due so long after; not every CRM shows it.

    Of several days that lead to one due day, as those of a weekend, it is the latest, so that no cap is exceeded today.
    """
    if due is None or due.unit is Unit.HOURS:
        return min(now, calendar.midnight(due_on))
    day, today = calendar.back(due_on, due), calendar.day(now)
    while day < today and calendar.due(calendar.end(day), due) == due_on:
        day += timedelta(days=1)
    return min(now, calendar.midnight(day))
