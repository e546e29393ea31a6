"""What waits for a person: the first matches of a rule that went live, and tasks that were taken back.

Laws: a rule is known to be live from the first run that could judge it; what it matched then is held until a person decides, and
forgotten as soon as it no longer matches, so that the next time is like any other.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from enum import StrEnum

from sqlalchemy import Connection, delete, insert, select, update

from refsync.finding import State
from refsync.model import ActivityKind, Instant
from refsync.store.database.lists import chunks
from refsync.store.decisions.plan_tables import again, first_match, rule_seen
from refsync.store.tables import activity, finding, is_plan


class First(StrEnum):
    """What a person decided about a first match."""

    HELD = "held"
    """Nothing yet."""
    PASSED = "passed"
    """It is like any other match."""
    REFUSED = "refused"
    """It gets no task."""


def seen(db: Connection, connection: str) -> dict[str, Instant]:
    """Return the rules known to be live, and since when."""
    rows = db.execute(select(rule_seen.c.rule, rule_seen.c.live_since).where(rule_seen.c.connection == connection))
    return {row.rule: row.live_since for row in rows}


def note(db: Connection, connection: str, rule: str, at: Instant, subjects: Sequence[str], state: First) -> None:
    """Record that a rule is live, and what it matches now, the oldest first."""
    db.execute(insert(rule_seen).values(connection=connection, rule=rule, live_since=at))
    values = {"connection": connection, "rule": rule, "state": state.value}
    rows = [{**values, "subject_id": subject, "place": place} for place, subject in enumerate(subjects, start=1)]
    if rows:
        db.execute(insert(first_match), rows)


def forget(db: Connection, connection: str, rules: Iterable[str]) -> None:
    """Forget that rules were live: they are no longer."""
    for rule in rules:
        for table in (rule_seen, first_match):
            db.execute(delete(table).where(table.c.connection == connection, table.c.rule == rule))


def firsts(db: Connection, connection: str) -> dict[str, dict[str, First]]:
    """Return the first matches that still match, by rule and subject."""
    rows = db.execute(select(first_match).where(first_match.c.connection == connection).order_by(first_match.c.place))
    found: dict[str, dict[str, First]] = {}
    for row in rows:
        found.setdefault(row.rule, {})[row.subject_id] = First(row.state)
    return found


def ended(db: Connection, connection: str, rule: str, subjects: Collection[str]) -> None:
    """Forget first matches that no longer match."""
    for some in chunks(sorted(subjects)):
        where = (first_match.c.connection == connection, first_match.c.rule == rule, first_match.c.subject_id.in_(some))
        db.execute(delete(first_match).where(*where))


def decide(db: Connection, connection: str, rule: str, state: First, most: int | None = None) -> int:
    """Decide about the first matches of a rule: about all, or about so many that are still held, the oldest first.

    Returns about how many was decided.
    """
    where = [first_match.c.connection == connection, first_match.c.rule == rule, first_match.c.state != state.value]
    if most is not None:
        held = select(first_match.c.subject_id).where(*where, first_match.c.state == First.HELD.value)
        chosen = db.execute(held.order_by(first_match.c.place).limit(most)).scalars().all()
        return sum(
            db.execute(update(first_match).where(*where, first_match.c.subject_id.in_(some)).values(state=state.value)).rowcount
            for some in chunks(sorted(chosen))
        )
    return db.execute(update(first_match).where(*where).values(state=state.value)).rowcount


def waiting(db: Connection, connection: str) -> Mapping[str, Mapping[str, int]]:
    """Return how many first matches each rule has in each state."""
    return {rule: Counter(state.value for state in of.values()) for rule, of in firsts(db, connection).items()}


def allow_again(db: Connection, connection: str, run: str, at: Instant) -> int:
    """Let the tasks of a run that were taken back come again. Returns how many."""
    undone = select(finding.c.key).where(
        finding.c.connection == connection, finding.c.run == run, finding.c.state == State.UNDONE.value
    )
    keys = set(db.execute(undone).scalars()) - allowed_again(db, connection)
    if keys:
        db.execute(insert(again), [{"connection": connection, "key": key, "at": at} for key in sorted(keys)])
    return len(keys)


def allowed_again(db: Connection, connection: str) -> frozenset[str]:
    """Return the keys of what was taken back and may come again."""
    return frozenset(db.execute(select(again.c.key).where(again.c.connection == connection)).scalars())


def unknown_keys(db: Connection, connection: str) -> frozenset[str]:
    """Return the keys of tasks of ours that the CRM shows and the ledger does not know: those of a database that was lost."""
    known = select(finding.c.key).where(finding.c.connection == activity.c.connection, finding.c.key == activity.c.task_key)
    shown = select(activity.c.task_key).where(
        activity.c.connection == connection, is_plan, activity.c.kind == ActivityKind.TASK.value, activity.c.task_key != ""
    )
    return frozenset(db.execute(shown.where(~known.exists())).scalars())
