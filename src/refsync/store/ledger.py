"""The ledger: every task that refsync wrote, is about to write, or that waits. What it knows is in no CRM.

The laws: a key enters once and stays, unless its task was never sent; a finding is `sending` on disk before its task is sent;
a change of state only happens from the states that allow it, so repeating any of these functions changes nothing more.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import fields
from datetime import date

from sqlalchemy import ColumnElement, Connection, bindparam, delete, select, update

from refsync.connector import Outcome, OutcomeKind
from refsync.finding import LIVE, WITH_TASK, Finding, State
from refsync.model import ActivityStatus, Instant
from refsync.store.tables import activity, finding
from refsync.store.upsert import chunks, insert

UNSENT = frozenset({State.PENDING, State.WAITING})
CLOSED = frozenset(State) - LIVE
TAKEN = WITH_TASK - {State.SENDING}
"""States in which the CRM is known to have the task."""

AGE = (finding.c.opened_at, finding.c.key)
COLUMNS = tuple(finding.c[field.name] for field in fields(Finding))
HEAVY = frozenset({"subject", "text", "facts"})
LIGHT = tuple(column for column in COLUMNS if column.name not in HEAVY)


def everything(db: Connection, connection: str) -> list[Finding]:
    """Return all findings, live and over, oldest first, light: what the planner looks back on."""
    return _read(db, LIGHT, finding.c.connection == connection, order=AGE)


def in_state(db: Connection, connection: str, *states: State) -> list[Finding]:
    """Return the findings in these states whole, oldest first: at a start, those that are `sending`."""
    return _read(db, COLUMNS, finding.c.connection == connection, _in(frozenset(states)), order=AGE)


def intend(db: Connection, connection: str, new: Sequence[Finding]) -> frozenset[str]:
    """Enter findings (state `sending`, `waiting` or `pending`) and return which keys are new; known keys stay as they are."""
    if not new:
        return frozenset()
    entered = insert(db.dialect, finding).on_conflict_do_nothing(index_elements=["connection", "key"]).returning(finding.c.key)
    return frozenset(db.execute(entered, [_values(connection, item) for item in new]).scalars())


def wait(db: Connection, connection: str, behind: Sequence[Finding]) -> frozenset[str]:
    """Enter findings that wait, and let those that were never sent wait for another task now; return which keys are new."""
    new = intend(db, connection, behind)
    for item in behind:
        waits = {"state": State.WAITING.value, "waiting_for": item.waiting_for, "closed_at": None}
        _move(db, connection, item.key, {*UNSENT, State.REJECTED}, **waits)
    return new


RESENT = (
    "opened_at",
    "owner_id",
    "contact_id",
    "subject",
    "text",
    "do",
    "priority",
    "due_on",
    "due_at",
    "facts",
    "sent_at",
    "run",
)
"""What a finding takes from its latest wording when it is sent at last."""


def send(db: Connection, connection: str, ready: Sequence[Finding]) -> frozenset[str]:
    """Make findings `sending` that are pending, waiting or refused, with their new text, owner and due day, and `sent_at`.

    Returns the keys that may be sent; one that was closed meanwhile is not among them.
    """
    states = frozenset({*UNSENT, State.SENDING, State.REJECTED})
    allowed = frozenset(
        key
        for some in chunks(sorted({item.key for item in ready}))
        for key in db.execute(
            select(finding.c.key).where(finding.c.connection == connection, finding.c.key.in_(some), _in(states))
        ).scalars()
    )
    rows = [_sent(connection, item) for item in ready if item.key in allowed]
    if rows:
        where = (finding.c.connection == bindparam("the_connection"), finding.c.key == bindparam("the_key"))
        db.execute(update(finding).where(*where), rows)
    return allowed


def _sent(connection: str, item: Finding) -> dict[str, object]:
    values = _values(connection, item)
    settled = {"waiting_for": "", "state": State.SENDING.value, "reason": "", "closed_at": None, "missed_at": None}
    return {"the_connection": connection, "the_key": item.key, **{name: values[name] for name in RESENT}, **settled}


def settle(db: Connection, connection: str, key: str, outcome: Outcome, at: Instant) -> None:
    """Record what became of a create: open with the task's id, rejected, or pending again; uncertain stays `sending`."""
    match outcome.kind:
        case OutcomeKind.WRITTEN | OutcomeKind.ADOPTED:
            _move(db, connection, key, {State.SENDING}, state=State.OPEN.value, task_id=outcome.task_id, reason="")
        case OutcomeKind.REJECTED | OutcomeKind.CONFLICT:
            _move(db, connection, key, {State.SENDING}, state=State.REJECTED.value, reason=outcome.reason, closed_at=at)
        case OutcomeKind.UNSENT:
            _move(db, connection, key, {State.SENDING}, state=State.PENDING.value, reason=outcome.reason, sent_at=None)
        case OutcomeKind.UNCERTAIN:
            _move(db, connection, key, {State.SENDING}, reason=outcome.reason, sent_at=at, missed_at=None)


def miss(db: Connection, connection: str, key: str, at: Instant) -> None:
    """Record that the CRM shows no task of a finding whose create ended unclear; it stays `sending`."""
    _move(db, connection, key, {State.SENDING}, missed_at=at)


def close(db: Connection, connection: str, key: str, state: State, reason: str, at: Instant) -> bool:
    """Close a live finding and return whether it was live. Raises ValueError for a state that is none of a closed finding."""
    if state not in CLOSED:
        raise ValueError(f"{state.value} is no state of a closed finding")
    return _move(db, connection, key, LIVE, state=state.value, reason=reason, closed_at=at)


def reconcile(db: Connection, connection: str, at: Instant) -> int:
    """Take in what people did to open tasks, as the mirror shows it: done, or called off. Returns how many."""
    changed = 0
    for status, state, reason in (
        (ActivityStatus.DONE, State.DONE, "done in the CRM"),
        (ActivityStatus.CANCELLED, State.DISMISSED, "called off in the CRM"),
    ):
        shown = select(activity.c.id).where(
            activity.c.connection == finding.c.connection, activity.c.id == finding.c.task_id, activity.c.status == status.value
        )
        where = (finding.c.connection == connection, _in(TAKEN), finding.c.task_id != "", shown.exists())
        changed += db.execute(update(finding).where(*where).values(state=state.value, reason=reason, closed_at=at)).rowcount
    return changed


def dismiss(db: Connection, connection: str, task_ids: Iterable[str], at: Instant) -> int:
    """Record that people deleted these tasks: they never come back. Returns how many were ours and open."""
    gone = {"state": State.DISMISSED.value, "reason": "deleted in the CRM", "closed_at": at}
    return sum(
        db.execute(
            update(finding).where(finding.c.connection == connection, _in(TAKEN), finding.c.task_id.in_(some)).values(**gone)
        ).rowcount
        for some in chunks(dict.fromkeys(task_ids))
    )


def forget(db: Connection, connection: str, keys: Iterable[str]) -> None:
    """Drop pending findings whose condition did not last: nothing of them was ever in the CRM."""
    for some in chunks(dict.fromkeys(keys)):
        pending = finding.c.state == State.PENDING.value
        db.execute(delete(finding).where(finding.c.connection == connection, finding.c.key.in_(some), pending))


def _in(states: frozenset[State]) -> ColumnElement[bool]:
    return finding.c.state.in_(sorted(state.value for state in states))


def _move(db: Connection, connection: str, key: str, allowed: Iterable[State], **values: object) -> bool:
    where = (finding.c.connection == connection, finding.c.key == key, _in(frozenset(allowed)))
    return bool(db.execute(update(finding).where(*where).values(**values)).rowcount)


def _read(
    db: Connection,
    columns: Sequence[ColumnElement[object]],
    *where: ColumnElement[bool],
    order: Sequence[ColumnElement[object]] = (),
) -> list[Finding]:
    rows = db.execute(select(*columns).where(*where).order_by(*(order or (finding.c.key,)))).mappings()
    return [Finding(**{**row, "state": State(row["state"]), "due_on": date.fromisoformat(row["due_on"])}) for row in rows]


def _values(connection: str, item: Finding) -> dict[str, object]:
    values = {column.name: getattr(item, column.name) for column in COLUMNS}
    return {**values, "connection": connection, "state": item.state.value, "due_on": item.due_on.isoformat()}
