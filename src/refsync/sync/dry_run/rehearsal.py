"""What a set of rules would do now, in memory: every rule that is not off plays as if it were live and approved.

Law: it reads what is known and writes nothing; the matches come from the SELECTs of production, and who gets a task from its
planner, with the ledger as it is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from refsync.finding import Finding
from refsync.model import Instant
from refsync.plan import Approval, Plan, Standing, Wish, plan
from refsync.rules.query.compile import compile_rule
from refsync.rules.rule import Match, Mode, Rule, RuleSet
from refsync.store import ledger
from refsync.store.engine import Database
from refsync.sync.evaluate import judged, matches_of, with_cold_people
from refsync.sync.people import people_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Rehearsal:
    """What came of it."""

    matches: Mapping[str, Sequence[Match]]
    """Per rule that is not off."""
    plan: Plan

    @property
    def tasks(self) -> tuple[Wish, ...]:
        """Return what would be written, at once or once its condition has held for long enough."""
        return (*self.plan.write, *self.plan.notice)


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step of a rule, and who is left after it."""

    section: str
    """when, any, unless or stop."""
    words: str
    lost: int
    left: int


def live(rules: RuleSet, *names: str) -> RuleSet:
    """Return the rules with those that watch live; with names, only these and what they call for, the others off."""
    wanted = set(names) | {rule.otherwise for rule in rules.rules if rule.name in names}

    def moded(rule: Rule) -> Rule:
        if names:
            return replace(rule, mode=Mode.LIVE if rule.name in wanted else Mode.OFF)
        return replace(rule, mode=Mode.LIVE) if rule.mode is Mode.WATCH else rule

    return replace(rules, rules=tuple(moded(rule) for rule in rules.rules))


def rehearse(
    db: Database,
    connection: str,
    rules: RuleSet,
    now: Instant,
    past: Sequence[Finding] | None = None,
    standing: Standing | None = None,
) -> Rehearsal:
    """Return what these rules would do; `past` instead of the ledger as it is, `standing` what became of it."""
    past = ledger.everything(db, connection) if past is None else past
    matches = {
        rule.name: with_cold_people(db, connection, rules, now, list(matches_of(db, rule, rules, connection, now, brief=True)))
        for rule in judged(rules)
    }
    everyone = [match for found in matches.values() for match in found]
    people = people_of(db, connection, everyone, ())
    planned = plan(
        everyone,
        rules=rules,
        ledger=past,
        people=people,
        org="",
        now=now,
        standing=standing,
        approval=Approval(everything=True),
    )
    return Rehearsal(matches=matches, plan=planned)


def funnel(db: Database, connection: str, rule: Rule, rules: RuleSet, now: Instant) -> tuple[int, list[Step]]:
    """Return how many subjects there are, and how many each step of the rule leaves."""
    steps, statement = compile_rule(rule, rules, connection, now).funnel
    reached = {int(row.reached): int(row.subjects) for row in db.execute(statement)}
    left = everyone = sum(reached.values())
    found = []
    for number, (section, words) in enumerate(steps):
        lost = reached.get(number, 0)
        left -= lost
        found.append(Step(section=section, words=words, lost=lost, left=left))
    return everyone, found
