"""The ledger: every task that refsync wrote, is about to write, or that waits. What it knows is in no CRM.

The laws: a key enters once and stays, unless its task was never sent; a finding is `sending` on disk before its task is sent;
a change of state only happens from the states that allow it, so repeating any of these functions changes nothing more; every
change is written into the story (history.py) in the same transaction.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import date
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, bindparam, delete, func, literal_column, or_, select, update

from refsync.connector import Outcome, OutcomeKind, TaskChange
from refsync.finding import LIVE, WITH_TASK, Finding, State
from refsync.model import Instant
from refsync.store.database.bulk import in_bulk
from refsync.store.database.lists import among, chunks
from refsync.store.database.upsert import insert
from refsync.store.tables import finding
from refsync.store.tasks import history

UNSENT = frozenset({State.PENDING, State.WAITING})
CLOSED = frozenset(State) - LIVE
TAKEN = WITH_TASK - {State.SENDING}
"""States in which the CRM is known to have the task."""
HAS_NONE = and_(finding.c.task_id == "", finding.c.state != State.SENDING.value)
"""That this ledger never sent a finding's task. One that was lost, and is restored from before, may have."""
DELETED = "deleted in the CRM"
ADOPTED = "the task was there already"

AGE = (finding.c.opened_at, finding.c.key)
COLUMNS = tuple(finding.c[name] for name in Finding._fields)
HEAVY = frozenset({"subject", "text", "facts"})
LIGHT = tuple(
    literal_column(f"'{Finding._field_defaults[column.name]}'").label(column.name) if column.name in HEAVY else column
    for column in COLUMNS
)
STATE = {state.value: state for state in State}
_day = cache(date.fromisoformat)


def everything(db: Connection, connection: str) -> list[Finding]:
    """Return all findings, live and over, oldest first, light: what the planner looks back on."""
    every = select(*LIGHT).where(finding.c.connection == connection).order_by(*AGE)
    return [_finding(row) for row in in_bulk(db, every)]


def of_account(db: Connection, connection: str, account_id: str) -> list[Finding]:
    """Return the findings about an account and what belongs to it, as light and in the same order."""
    return _read(db, LIGHT, finding.c.connection == connection, finding.c.account_id == account_id, order=AGE)


def of_subject(db: Connection, connection: str, kind: str, subject_id: str) -> list[Finding]:
    """Return the findings about one subject, as light and in the same order."""
    this = and_(finding.c.subject_kind == kind, finding.c.subject_id == subject_id)
    return _read(db, LIGHT, finding.c.connection == connection, this, order=AGE)


def around(db: Connection, connection: str, account_id: str, subject_ids: Collection[str], since: Instant) -> list[Finding]:
    """Return, as light and in the same order, what was found about an account or subjects, or opened since an instant."""
    these = or_(finding.c.account_id == account_id, among(finding.c.subject_id, subject_ids), finding.c.opened_at >= since)
    return _read(db, LIGHT, finding.c.connection == connection, these, order=AGE)


def in_state(db: Connection, connection: str, *states: State) -> list[Finding]:
    """Return the findings in these states whole, oldest first: at a start, those that are `sending`."""
    return _read(db, COLUMNS, finding.c.connection == connection, _in(frozenset(states)), order=AGE)


def of_keys(db: Connection, connection: str, keys: Iterable[str]) -> list[Finding]:
    """Return the findings of these keys whole."""
    return [
        found
        for some in chunks(dict.fromkeys(keys))
        for found in _read(db, COLUMNS, finding.c.connection == connection, finding.c.key.in_(some))
    ]


def intend(
    db: Connection, connection: str, new: Sequence[Finding], *, at: Instant | None = None, why: str = ""
) -> frozenset[str]:
    """Enter findings (state `sending`, `waiting` or `pending`) and return which keys are new; known keys stay as they are.

    `at` is when that was, if not when they were opened.
    """
    if not new:
        return frozenset()
    entered = insert(db.dialect, finding).on_conflict_do_nothing(index_elements=["connection", "key"]).returning(finding.c.key)
    keys = frozenset(db.execute(entered, [_values(connection, item) for item in new]).scalars())
    history.begin(db, connection, keys, at=at, why=why)
    return keys


def adopt(db: Connection, connection: str, standing: Sequence[Finding], at: Instant, run: str = "") -> None:
    """Enter findings of tasks that stand in the CRM; what was known of their keys while they had none gives way."""
    for some in chunks(dict.fromkeys(item.key for item in standing)):
        before = and_(finding.c.key.in_(some), HAS_NONE)
        history.note(db, connection, before, why=ADOPTED, at=at, run=run, dropped=True)
        db.execute(delete(finding).where(finding.c.connection == connection, before))
    intend(db, connection, standing, at=at, why=ADOPTED)


def wait(db: Connection, connection: str, behind: Sequence[Finding]) -> frozenset[str]:
    """Enter findings that wait, and let those that were never sent wait for another task now; return which keys are new."""
    new = intend(db, connection, behind)
    for item in behind:
        if item.key not in new:
            where = _keyed(item.key, {*UNSENT, State.REJECTED})
            history.note(db, connection, where, State.WAITING, why="for another task", at=item.opened_at, run=item.run)
            _set(db, connection, where, state=State.WAITING.value, waiting_for=item.waiting_for, closed_at=None)
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
        for some in chunks(sorted(allowed)):
            at = max(item.sent_at or item.opened_at for item in ready)
            history.note(db, connection, finding.c.key.in_(some), State.SENDING, why="", at=at, run=ready[0].run)
        where = (finding.c.connection == bindparam("the_connection"), finding.c.key == bindparam("the_key"))
        db.execute(update(finding).where(*where), rows)
    return allowed


def _sent(connection: str, item: Finding) -> dict[str, object]:
    values = _values(connection, item)
    settled = {"waiting_for": "", "state": State.SENDING.value, "reason": "", "closed_at": None, "missed_at": None}
    return {"the_connection": connection, "the_key": item.key, **{name: values[name] for name in RESENT}, **settled}


def settle(db: Connection, connection: str, key: str, outcome: Outcome, at: Instant, run: str = "") -> None:
    """Record what became of a create: open with the task's id, rejected, or pending again; uncertain stays `sending`."""
    where = _keyed(key, {State.SENDING})
    values: dict[str, object] = {"reason": outcome.reason}
    match outcome.kind:
        case OutcomeKind.WRITTEN | OutcomeKind.ADOPTED:
            state, values = State.OPEN, {"task_id": outcome.task_id, "reason": ""}
        case OutcomeKind.REJECTED | OutcomeKind.CONFLICT:
            state, values = State.REJECTED, {**values, "closed_at": at}
        case OutcomeKind.UNSENT:
            state, values = State.PENDING, {**values, "sent_at": None}
        case OutcomeKind.UNCERTAIN:
            state, values = State.SENDING, {**values, "sent_at": at, "missed_at": None}
    why = ADOPTED if outcome.kind is OutcomeKind.ADOPTED else outcome.reason
    history.note(db, connection, where, state, why=why, at=at, run=run)
    _set(db, connection, where, state=state.value, **values)


def miss(db: Connection, connection: str, key: str, at: Instant) -> None:
    """Record that the CRM shows no task of a finding whose create ended unclear; it stays `sending`."""
    _set(db, connection, _keyed(key, {State.SENDING}), missed_at=at)


def close(db: Connection, connection: str, key: str, state: State, reason: str, at: Instant, run: str = "") -> bool:
    """Close a live finding and return whether it was live. Raises ValueError for a state that is none of a closed finding."""
    if state not in CLOSED:
        raise ValueError(f"{state.value} is no state of a closed finding")
    where = _keyed(key, LIVE)
    history.note(db, connection, where, state, why=reason, at=at, run=run)
    return _set(db, connection, where, state=state.value, reason=reason, closed_at=at, ending="", next_owner_id="")


def aim(db: Connection, connection: str, key: str, state: State | None, reason: str = "") -> None:
    """Record, before the CRM is asked to close the task, what the finding will be; None: it was not closed after all."""
    _set(db, connection, _keyed(key, TAKEN), ending=state.value if state else "", reason=reason)


def aim_owner(db: Connection, connection: str, key: str, owner_id: str) -> None:
    """Record, before the CRM is asked to move the task, whose it will be; empty: it was not moved after all."""
    _set(db, connection, _keyed(key, TAKEN), next_owner_id=owner_id)


def move(db: Connection, connection: str, change: TaskChange, at: Instant, run: str = "") -> None:
    """Record that an open task was given to somebody else, what it says since, and when it is due."""
    where = _keyed(change.key, TAKEN)
    history.note(db, connection, where, why=change.note, at=at, run=run)
    due = {"due_on": change.due_on.isoformat(), "due_at": change.due_at} if change.due_on else {}
    _set(db, connection, where, owner_id=change.owner_id, next_owner_id="", text=change.text, **due)


def leave(db: Connection, connection: str, key: str, why: str, at: Instant, run: str = "") -> None:
    """Record that a person has changed an open task in a way that only the CRM could tell: it is theirs from now on."""
    where = _keyed(key, TAKEN)
    history.note(db, connection, where, why=why, at=at, run=run)
    _set(db, connection, where, edited=func.ltrim(finding.c.edited + " text"))


def dismiss(db: Connection, connection: str, task_ids: Iterable[str], at: Instant, run: str = "") -> int:
    """Record that people deleted these tasks: they never come back. Returns how many were ours and open.

    What refsync itself was about to take away when it was stopped is told from that, and is undone.
    """
    gone = {"state": State.DISMISSED.value, "reason": DELETED, "closed_at": at, "ending": "", "next_owner_id": ""}
    ours = finding.c.ending == State.UNDONE.value
    count = 0
    for some in chunks(dict.fromkeys(task_ids)):
        taken = (_in(TAKEN), finding.c.task_id.in_(some), ours)
        history.note(db, connection, and_(*taken), State.UNDONE, why="taken back", at=at, run=run)
        undone = {**gone, "state": State.UNDONE.value, "reason": "taken back"}
        db.execute(update(finding).where(finding.c.connection == connection, *taken).values(**undone))
        where = (_in(TAKEN), finding.c.task_id.in_(some))
        history.note(db, connection, and_(*where), State.DISMISSED, why=DELETED, at=at, run=run)
        count += db.execute(update(finding).where(finding.c.connection == connection, *where).values(**gone)).rowcount
    return count


def forget(db: Connection, connection: str, keys: Iterable[str], at: Instant, run: str = "") -> None:
    """Drop pending findings whose condition did not last: nothing of them was ever in the CRM."""
    for some in chunks(dict.fromkeys(keys)):
        where = (finding.c.key.in_(some), finding.c.state == State.PENDING.value)
        history.note(db, connection, and_(*where), why="its cause did not last", at=at, run=run, dropped=True)
        db.execute(delete(finding).where(finding.c.connection == connection, *where))


def _in(states: frozenset[State]) -> ColumnElement[bool]:
    return finding.c.state.in_(sorted(state.value for state in states))


def _keyed(key: str, allowed: Iterable[State]) -> ColumnElement[bool]:
    return and_(finding.c.key == key, _in(frozenset(allowed)))


def _set(db: Connection, connection: str, where: ColumnElement[bool], **values: object) -> bool:
    return bool(db.execute(update(finding).where(finding.c.connection == connection, where).values(**values)).rowcount)


def _read(
    db: Connection,
    columns: Sequence[ColumnElement[object]],
    *where: ColumnElement[bool],
    order: Sequence[ColumnElement[object]] = (),
) -> list[Finding]:
    rows = db.execute(select(*columns).where(*where).order_by(*(order or (finding.c.key,))))
    return [_finding(row) for row in rows]


_STATE, _DUE_ON, _MOVED_TO, _ENDING = (Finding._fields.index(name) for name in ("state", "due_on", "moved_to", "ending"))


def _finding(row: Sequence[Any]) -> Finding:
    """Return the finding of a row, with what it says in words of the database as values."""
    values = list(row)
    values[_STATE] = STATE[values[_STATE]]
    values[_DUE_ON] = _day(values[_DUE_ON])
    values[_MOVED_TO] = _day(values[_MOVED_TO]) if values[_MOVED_TO] else None
    values[_ENDING] = STATE[values[_ENDING]] if values[_ENDING] else None
    return Finding._make(values)


def _values(connection: str, item: Finding) -> dict[str, object]:
    values = {column.name: getattr(item, column.name) for column in COLUMNS}
    spoken = {
        "state": item.state.value,
        "due_on": item.due_on.isoformat(),
        "moved_to": item.moved_to.isoformat() if item.moved_to else None,
        "ending": item.ending.value if item.ending else "",
    }
    return {**values, **spoken, "connection": connection}
