"""Plans that a person can review and have carried out: every task with its words, and what is held, with its reason.

Laws: a plan's id is made of what it holds, so that the same plan found again is the same plan, and an approval of it stays; the
latest plans of a connection are kept, and of older ones nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import date
from enum import StrEnum
from typing import Any

import orjson
from sqlalchemy import Connection, RowMapping, delete, insert, select, update

from refsync.finding import Finding
from refsync.model import Instant
from refsync.store.decisions.plan_tables import plan, plan_item

KEPT = 20
"""So many plans of a connection are kept."""
SHORTEST_ID = 6
WORDS = (
    "key",
    "rule",
    "kind",
    "subject_kind",
    "subject_id",
    "episode",
    "n",
    "account_id",
    "contact_id",
    "deal_id",
    "owner_id",
    "subject",
    "text",
    "do",
    "priority",
    "due_on",
    "due_at",
    "facts",
)
"""What a plan keeps of a finding: all that decides what is written."""


class Action(StrEnum):
    """What is to be done about one subject."""

    CREATE = "create"
    CLOSE = "close"
    GIVE = "give"
    """Give the task to somebody else."""
    HOLD = "hold"
    """Nothing now; the reason says why."""
    WATCH = "watch"
    """What a rule that only watches would have written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One line of a plan."""

    action: Action
    rule: str
    subject_id: str
    account_id: str | None = None
    owner_id: str = ""
    key: str = ""
    rank: int = 0
    """For what is held: its place among what the same reason holds, 1 first."""
    reason: str = ""
    finding: Finding | None = None
    """For a task that is to be created: what is to be written."""
    outcome: str = ""
    """What became of it when the plan was carried out; empty: nothing yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredPlan:
    """A plan as it was made."""

    id: str
    connection: str
    made_at: Instant
    now: Instant
    digest: str
    """Of the folder of rules by which it was made."""
    run: str
    stopped_by: str = ""
    """The limit that lets it be carried out only after an approval; empty: none does."""
    approved_at: Instant | None = None
    applied_at: Instant | None = None
    applied_by: str = ""
    report: Mapping[str, Any] = field(default_factory=dict)
    items: Sequence[Item] = ()

    def of(self, *actions: Action) -> list[Item]:
        """Return the items of these actions, in order."""
        return [item for item in self.items if item.action in actions]

    @property
    def is_approved(self) -> bool:
        return self.approved_at is not None


def identity(connection: str, digest: str, items: Iterable[Item]) -> str:
    """Return the id of a plan with this content; what is held or watched is no part of it."""
    hashed = hashlib.sha256(f"{connection}|{digest}".encode())
    for item in items:
        if item.action not in {Action.HOLD, Action.WATCH}:
            hashed.update(orjson.dumps([item.action, item.key, item.owner_id, _content(item.finding)]))
    return hashed.hexdigest()[:12]


def save(db: Connection, new: StoredPlan) -> StoredPlan:
    """Keep a plan, and return it with the approval that the same plan may have had; the oldest plans go."""
    before = db.execute(select(plan.c.approved_at).where(*_is(new.connection, new.id))).scalar()
    _drop(db, new.connection, [new.id])
    kept = replace(new, approved_at=new.approved_at or before)
    values = {one.name: getattr(kept, one.name) for one in fields(StoredPlan) if one.name not in {"items", "report"}}
    db.execute(insert(plan).values(**values, report=orjson.dumps(dict(kept.report)).decode()))
    rows = [_row(kept, place, item) for place, item in enumerate(kept.items, start=1)]
    if rows:
        db.execute(insert(plan_item), rows)
    ids = select(plan.c.id).where(plan.c.connection == new.connection).order_by(plan.c.made_at.desc(), plan.c.id)
    _drop(db, new.connection, db.execute(ids).scalars().all()[KEPT:])
    return kept


def find(db: Connection, connection: str, prefix: str) -> list[StoredPlan]:
    """Return the plans whose id, or whose folder's digest, begins so, without their items; the latest first."""
    wanted = [one for one in heads(db, connection) if one.id.startswith(prefix) or one.digest.startswith(prefix)]
    return wanted if len(prefix) >= SHORTEST_ID else []


def heads(db: Connection, connection: str) -> list[StoredPlan]:
    """Return all plans that are kept, without their items, the latest first."""
    rows = db.execute(select(plan).where(plan.c.connection == connection).order_by(plan.c.made_at.desc(), plan.c.id))
    return [StoredPlan(**{**row, "report": orjson.loads(row["report"])}) for row in rows.mappings()]


def whole(db: Connection, head: StoredPlan) -> StoredPlan:
    """Return a plan with its items."""
    rows = db.execute(
        select(plan_item)
        .where(plan_item.c.connection == head.connection, plan_item.c.plan == head.id)
        .order_by(plan_item.c.place)
    )
    return replace(head, items=tuple(_item(row) for row in rows.mappings()))


def approve(db: Connection, connection: str, id: str, at: Instant) -> None:  # noqa: A002
    """Record that a person lets a plan pass."""
    db.execute(update(plan).where(*_is(connection, id)).values(approved_at=at))


def approved_keys(db: Connection, connection: str, digest: str, since: Instant) -> frozenset[str]:
    """Return the keys of all tasks that a person let pass since an instant, under the same rules."""
    found = (
        select(plan_item.c.key)
        .join(plan, (plan.c.connection == plan_item.c.connection) & (plan.c.id == plan_item.c.plan))
        .where(plan_item.c.connection == connection, plan_item.c.action == Action.CREATE.value)
        .where(plan.c.digest == digest, plan.c.approved_at >= since)
    )
    return frozenset(db.execute(found).scalars())


def carried_out(
    db: Connection,
    head: StoredPlan,
    outcomes: Mapping[str, str],
    *,
    run: str,
    at: Instant | None,
) -> None:
    """Record what became of tasks, by key, and which run did it; `at` is when all of it was done, None: not yet."""
    db.execute(update(plan).where(*_is(head.connection, head.id)).values(applied_by=run, applied_at=at))
    for key, outcome in outcomes.items():
        where = (plan_item.c.connection == head.connection, plan_item.c.plan == head.id, plan_item.c.key == key)
        db.execute(update(plan_item).where(*where).values(outcome=outcome))


def _is(connection: str, id: str) -> tuple[Any, ...]:  # noqa: A002
    return plan.c.connection == connection, plan.c.id == id


def _drop(db: Connection, connection: str, ids: Sequence[str]) -> None:
    for one in ids:
        db.execute(delete(plan_item).where(plan_item.c.connection == connection, plan_item.c.plan == one))
        db.execute(delete(plan).where(*_is(connection, one)))


def _row(of: StoredPlan, place: int, item: Item) -> dict[str, object]:
    values = {one.name: getattr(item, one.name) for one in fields(Item) if one.name not in {"finding", "action"}}
    keyed = {"connection": of.connection, "plan": of.id, "place": place, "action": item.action.value}
    return {**values, **keyed, "content": _content(item.finding)}


def _content(finding: Finding | None) -> str:
    if finding is None:
        return ""
    plain = finding._asdict()
    return orjson.dumps({name: plain[name] for name in WORDS}).decode()


def _item(row: RowMapping) -> Item:
    finding = None
    if row["content"]:
        words = orjson.loads(row["content"])
        finding = Finding(**{**words, "due_on": date.fromisoformat(words["due_on"])})
    names = (one.name for one in fields(Item) if one.name not in {"finding", "action"})
    return Item(**{name: row[name] for name in names}, action=Action(row["action"]), finding=finding)
