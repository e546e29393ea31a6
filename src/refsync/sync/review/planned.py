"""Plans that are kept: made of what was judged, with the very words that are to be written.

Law: what is kept is all that a person has to see to decide, and all that it takes to do exactly this and nothing else.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from refsync.finding import Finding
from refsync.plan import Held, Plan, Wish
from refsync.store.decisions import plans
from refsync.store.decisions.plans import Action, Item, StoredPlan
from refsync.sync.evaluate import Judged
from refsync.sync.run import Run
from refsync.sync.write_back.telling import told_of
from refsync.sync.write_back.words import findings_of


def keep(run: Run, judged: Judged) -> StoredPlan:
    """Store what this run would do, were it let, and return it; the same plan made again keeps its id and its approval."""
    with run.store.read() as db:
        tasks = findings_of(db, run, (*judged.plan.write, *judged.plan.stopped)) + told_of(db, run, judged.plan.escalate)
    items = tuple(_items(judged, tasks))
    made = StoredPlan(
        id=plans.identity(run.connection, run.rules.digest, items),
        connection=run.connection,
        made_at=run.clock(),
        now=run.now,
        digest=run.rules.digest,
        run=run.id,
        stopped_by=judged.plan.stopped_by,
        report={"tasks": len(tasks), "held_rules": dict(judged.held_rules), "held_by": judged.plan.held_by},
        items=items,
    )
    with run.write() as db:
        return plans.save(db, made)


def _items(judged: Judged, tasks: Iterable[Finding]) -> Iterator[Item]:
    yield from _ends(judged.plan)
    for task in tasks:
        yield Item(
            action=Action.CREATE,
            rule=task.rule,
            subject_id=task.subject_id,
            account_id=task.account_id,
            owner_id=task.owner_id,
            key=task.key,
            finding=task,
        )
    stopped = {(wish.match.rule, wish.match.subject_id) for wish in judged.plan.stopped}
    yield from _held(one for one in judged.plan.held if (one.rule, one.match.subject_id) not in stopped)
    yield from (_unsent(Action.HOLD, wish, "settle") for wish in judged.plan.notice)
    yield from (_unsent(Action.WATCH, wish, "") for wish in judged.watched.write)


def _ends(plan: Plan) -> Iterator[Item]:
    for ending in plan.end:
        found = ending.finding
        yield Item(
            action=Action.CLOSE,
            rule=found.rule,
            subject_id=found.subject_id,
            account_id=found.account_id,
            owner_id=found.owner_id,
            key=found.key,
            reason=f"{ending.state.value}: {ending.reason}",
        )
    for move in plan.move:
        found = move.finding
        yield Item(
            action=Action.GIVE,
            rule=found.rule,
            subject_id=found.subject_id,
            account_id=found.account_id,
            owner_id=move.owner_id,
            key=found.key,
            reason=f"to the {move.assigned_as}",
        )


def _held(held: Iterable[Held]) -> Iterator[Item]:
    """Yield what is held, each with its place in its owner's queue, or among what the same reason holds of the same rule."""
    places: Counter[tuple[str, str]] = Counter()
    for one in held:
        places[one.rule, one.reason] += 1
        yield Item(
            action=Action.HOLD,
            rule=one.rule,
            subject_id=one.match.subject_id,
            account_id=one.match.account_id,
            owner_id=one.owner_id,
            rank=one.place or places[one.rule, one.reason],
            reason=one.reason,
        )


def _unsent(action: Action, wish: Wish, reason: str) -> Item:
    return Item(
        action=action,
        rule=wish.rule.name,
        subject_id=wish.subject_id,
        account_id=wish.match.account_id,
        owner_id=wish.owner_id,
        reason=reason,
    )
