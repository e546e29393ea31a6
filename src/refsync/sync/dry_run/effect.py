"""The effect of other rules: what the same data would lead to under a folder as it stands and under an edited one.

Law: both sides are judged by the same instant, the same mirror and the same ledger, so every difference is the rules' own.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from refsync.finding import State
from refsync.model import Instant
from refsync.rules.query.compile import closing, holding
from refsync.rules.rule import Match, RuleSet, Setting
from refsync.store import ledger
from refsync.store.database.lists import chunks
from refsync.store.engine import Database
from refsync.sync.dry_run.rehearsal import Rehearsal, live, rehearse

WITH_REP = frozenset({State.OPEN, State.SNOOZED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Changed:
    """What becomes of one rule."""

    rule: str
    before: int
    """How many it matches under the folder as it stands."""
    after: int
    gained: Mapping[str, int]
    """Matches that it did not have, by segment."""
    lost: Mapping[str, int]

    @property
    def is_same(self) -> bool:
        return not self.gained and not self.lost


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """What is different."""

    settings: tuple[str, ...]
    """What changed in segments.toml, a line each."""
    rules: tuple[Changed, ...]
    """Every rule that is not off on both sides, or is there on one."""
    tasks_before: int
    """What the next run would write."""
    tasks_after: int
    other_tasks: int
    """Tasks of the next run that it would not write now."""
    cleared: int
    """Open tasks that would close because their lines no longer hold."""


def effect(db: Database, connection: str, before: RuleSet, after: RuleSet, now: Instant) -> Effect:
    """Return what the edited rules change; each rule plays as if it were live."""
    one, other = (rehearse(db, connection, live(rules), now) for rules in (before, after))
    names = dict.fromkeys((*one.matches, *other.matches))
    wrote = {(wish.rule.name, wish.subject_id) for wish in one.tasks}
    writes = {(wish.rule.name, wish.subject_id) for wish in other.tasks}
    return Effect(
        settings=tuple(settings(before, after)),
        rules=tuple(_changed(name, one, other) for name in sorted(names)),
        tasks_before=len(wrote),
        tasks_after=len(writes),
        other_tasks=len(writes - wrote),
        cleared=_cleared(db, connection, before, after, now),
    )


def settings(before: RuleSet, after: RuleSet) -> Iterator[str]:
    """Yield what the segments set differently."""
    for segment in after.segments:
        was = before.segment(segment.name)
        if was is None:
            yield f"segment {segment.name} is new"
            continue
        for name in dict.fromkeys((*was.parameters, *segment.parameters)):
            old, new = was.parameters.get(name), segment.parameters.get(name)
            if old != new:
                yield f"{segment.name}.{name} {_said(old)} -> {_said(new)}"
    yield from (f"segment {one.name} is gone" for one in before.segments if after.segment(one.name) is None)


def _said(setting: Setting | None) -> str:
    return "nothing" if setting is None else ", ".join(setting) if isinstance(setting, tuple) else str(setting)


def _changed(name: str, one: Rehearsal, other: Rehearsal) -> Changed:
    before, after = (_by_subject(rehearsal, name) for rehearsal in (one, other))
    return Changed(
        rule=name,
        before=len(before),
        after=len(after),
        gained=Counter(match.segment for subject, match in after.items() if subject not in before),
        lost=Counter(match.segment for subject, match in before.items() if subject not in after),
    )


def _by_subject(rehearsal: Rehearsal, name: str) -> dict[str, Match]:
    return {match.subject_id: match for match in rehearsal.matches.get(name, ())}


def _cleared(db: Database, connection: str, before: RuleSet, after: RuleSet, now: Instant) -> int:
    """Return how many open tasks would close under the edited rules and would not under those that stand."""
    return len(_closing(db, connection, after, now) - _closing(db, connection, before, now))


def _closing(db: Database, connection: str, rules: RuleSet, now: Instant) -> set[str]:
    subjects: dict[str, dict[str, str]] = {}
    for found in ledger.in_state(db, connection, *WITH_REP):
        subjects.setdefault(found.rule, {})[found.subject_id] = found.key
    over: set[str] = set()
    for name, keys in subjects.items():
        rule = rules.rule(name)
        if rule is None or rule.only_for_otherwise or (rule.is_event and not rule.task.close_when):
            continue
        asked = closing if rule.task.close_when else holding
        found_ids = {
            subject for some in chunks(keys) for subject in db.execute(asked(rule, rules, connection, now, some)).scalars()
        }
        ended = found_ids if rule.task.close_when else set(keys) - found_ids
        over |= {keys[subject] for subject in ended}
    return over
