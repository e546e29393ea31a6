"""What people did to our tasks, as the mirror shows it: ticked off, called off, put off, moved, given away, reworded.

Laws: what a person did is taken in and never undone; what refsync itself was about to do when it was stopped is told from that by
the intent that was committed before the call; being ticked off is no contact, so a `done` that no touch stands behind says so.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta

from sqlalchemy import ColumnElement, Connection, Row, and_, or_, select, update

from refsync.calendar import Calendar
from refsync.finding import State
from refsync.model import ActivityStatus, Instant, moment
from refsync.store.ledger import TAKEN
from refsync.store.records import directory
from refsync.store.tables import activity, finding, touch
from refsync.store.tasks import history

LATE = timedelta(days=14)
"""So long after a task was ticked off a touch may still be logged for it."""
NOON = 12 * 3_600_000
DAY = 24 * 3_600_000


@dataclass(frozen=True, slots=True)
class _News:
    """What the mirror shows of a task beyond what the ledger knows."""

    key: str
    state: State
    why: str
    values: dict[str, object] = field(default_factory=dict)


def take_in(db: Connection, connection: str, calendar: Calendar, now: Instant, run: str = "") -> int:
    """Take in what people did to open tasks. Returns how many findings are told something new."""
    news = [one for row in _open_tasks(db, connection) for one in _news(row, calendar, now)]
    for one in news:
        where = finding.c.key == one.key
        history.note(db, connection, where, one.state, why=one.why, at=now, run=run)
        values = {"state": one.state.value, **one.values}
        db.execute(update(finding).where(finding.c.connection == connection, where).values(**values))
    return len(news) + _verify(db, connection, now, run)


def moved(db: Connection, connection: str, task_id: str, owner_id: str, due_at: Instant = 0) -> None:
    """Let the mirror say at once what refsync itself did, so that it is not taken for a person's doing before the next read."""
    where = (activity.c.connection == connection, activity.c.id == task_id)
    due = {"at": due_at} if due_at else {}
    db.execute(update(activity).where(*where).values(owner_id=owner_id, **due))


def _open_tasks(db: Connection, connection: str) -> list[Row[tuple[object, ...]]]:
    """Return the tasks that the ledger holds for open, as the mirror shows them."""
    its_task = and_(activity.c.connection == finding.c.connection, activity.c.id == finding.c.task_id)
    known = select(
        finding.c.key,
        finding.c.state,
        finding.c.owner_id,
        finding.c.next_owner_id,
        finding.c.holder_id,
        finding.c.due_on,
        finding.c.due_at,
        finding.c.moved_to,
        finding.c.edited,
        finding.c.subject,
        finding.c.ending,
        finding.c.reason,
        activity.c.status.label("status"),
        activity.c.at.label("shown_at"),
        activity.c.owner_id.label("shown_owner"),
        activity.c.subject.label("shown_subject"),
    ).join_from(finding, activity, its_task)
    open_now = finding.c.state.in_(sorted(state.value for state in TAKEN))
    return list(db.execute(known.where(finding.c.connection == connection, open_now, finding.c.task_id != "")))


def _news(row: Row[tuple[object, ...]], calendar: Calendar, now: Instant) -> Iterator[_News]:
    """Yield what is new about a task, one event each; the end of it alone."""
    status = row.status
    if status == ActivityStatus.DONE.value:
        over = {"closed_at": now, "ending": "", "next_owner_id": ""}
        ours, why = (State(row.ending), row.reason) if row.ending else (State.DONE, "done in the CRM")
        yield _News(row.key, ours, why, {"reason": why, **over})
        return
    if status == ActivityStatus.CANCELLED.value:
        why = "called off in the CRM"
        yield _News(row.key, State.DISMISSED, why, {"reason": why, "closed_at": now, "ending": "", "next_owner_id": ""})
        return
    edited = set(str(row.edited).split())
    yield from _owner(row, edited)
    yield from _subject(row, edited)
    yield from _day(row, edited, calendar, now)


def _owner(row: Row[tuple[object, ...]], edited: set[str]) -> Iterator[_News]:
    state, shown = State(row.state), row.shown_owner or ""
    if not shown or shown == (row.holder_id or row.owner_id):
        return
    if shown == row.next_owner_id:
        yield _News(row.key, state, "given to its new owner", {"owner_id": shown, "next_owner_id": ""})
        return
    edited.add("owner")
    holder = "" if shown == row.owner_id else shown
    why = f"a person gave it to {shown}" if holder else "a person gave it back"
    yield _News(row.key, state, why, {"holder_id": holder, "edited": _words(edited)})


def _subject(row: Row[tuple[object, ...]], edited: set[str]) -> Iterator[_News]:
    if "subject" not in edited and not _says(row.subject, row.shown_subject):
        edited.add("subject")
        yield _News(row.key, State(row.state), "a person changed its words", {"edited": _words(edited)})


def _says(written: str, shown: str | None) -> bool:
    """Say whether a subject is as it was written: CRMs change spaces and cut what is too long, people change words."""
    ours, theirs = " ".join(written.split()), " ".join((shown or "").split())
    return theirs in {"", ours} or (theirs.endswith("…") and ours.startswith(theirs[:-1]))


def _day(row: Row[tuple[object, ...]], edited: set[str], calendar: Calendar, now: Instant) -> Iterator[_News]:
    """Yield that it was put off, moved, or is open again since its day has come."""
    due_on = date.fromisoformat(str(row.due_on))
    known = date.fromisoformat(row.moved_to) if row.moved_to else due_on
    day = known if row.shown_at is None else due_on if row.shown_at == row.due_at else shown_day(row.shown_at, calendar)
    put_off = day > max(due_on, calendar.day(now))
    state, before = State.SNOOZED if put_off else State.OPEN, State(row.state)
    if day != known:
        edited.add("due")
        values: dict[str, object] = {"moved_to": None if day == due_on else day.isoformat(), "edited": _words(edited)}
        yield _News(row.key, state, f"a person moved it to {day}", values)
    elif state is not before:
        yield _News(row.key, state, f"put off until {day}" if put_off else "its day has come")


def shown_day(at: Instant, calendar: Calendar) -> date:
    """Return the day of a due time; noon in UTC is how CRMs show that keep only days."""
    return moment(at).date() if at % DAY == NOON else calendar.day(at)


def _words(edited: set[str]) -> str:
    return " ".join(sorted(edited))


def _verify(db: Connection, connection: str, now: Instant, run: str) -> int:
    """Note for what was done lately that somebody was in touch since it was written; the touch may have been logged late."""
    since = now - LATE // timedelta(milliseconds=1)
    of_account, of_person = touch.c.account_id == finding.c.account_id, touch.c.contact_id == finding.c.contact_id
    meant = (touch.c.connection == finding.c.connection, touch.c.at >= finding.c.opened_at, touch.c.at <= now)
    with_touch: ColumnElement[bool] = select(1).where(*meant, or_(of_account, of_person)).correlate(finding).exists()
    lately = (finding.c.state == State.DONE.value, finding.c.closed_at >= since, finding.c.verified_at.is_(None))
    rows = db.execute(
        select(finding.c.key, finding.c.account_id).where(finding.c.connection == connection, *lately, with_touch)
    ).all()
    for row in rows:
        seen = directory.last_touch(db, connection, row.account_id or "", now)
        where = finding.c.key == row.key
        history.note(db, connection, where, why=f"verified: {seen}" if seen else "verified", at=now, run=run)
        db.execute(update(finding).where(finding.c.connection == connection, where).values(verified_at=now))
    return len(rows)
