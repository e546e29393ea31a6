"""A rule becomes one SELECT over the mirror: who it is about, and what it saw.

The law: one statement a rule, led by the connection, with every cut-off worked out here and bound. What is costly to know is
asked only about rows that pass, what only texts print only about those that get a task; every row says whether `needs` holds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from typing import Any

from sqlalchemy import ColumnElement, Select, Table, and_, case, false, literal, not_, or_, select

from refsync.model import Instant, Stream, iso
from refsync.rules.conditions import Conditions, for_sure
from refsync.rules.facts import FACTS
from refsync.rules.phrases import BetweenAgo, InLast, MoreThanAgo, NotInLast, NumberRange, Parameter, Span
from refsync.rules.rule import Condition, Kind, Match, Rule, RuleSet, Segment, Suppression, Value
from refsync.rules.sources import Count, Filled, Latest, NearlyAll, PlanCount, Scope, account, milestone, of_connection

MS_PER_DAY = 86_400_000


def compile_rule(rule: Rule, ruleset: RuleSet, connection_id: str, now: Instant, *, brief: bool = False) -> Compiled:
    """Return the rule's one SELECT; not for rules that are only for otherwise."""
    return Compiled(rule=rule, ruleset=ruleset, connection_id=connection_id, now=now, brief=brief)


def holding(rule: Rule, ruleset: RuleSet, connection_id: str, now: Instant, subject_ids: Sequence[str]) -> Select[Any]:
    """Return a SELECT of those subject ids for which all of `when` still holds.

    An event is not undone because time moves on: of a milestone the SELECT returns every id that still exists.
    """
    if rule.is_event:
        return select(milestone.c.id).where(milestone.c.connection == connection_id, milestone.c.id.in_(subject_ids))
    conditions = _conditions(rule, ruleset, connection_id, now)
    return _accounts(connection_id, subject_ids, conditions, *conditions.when(rule.when))


def in_touch(rule: Rule, ruleset: RuleSet, connection_id: str, now: Instant, account_ids: Sequence[str]) -> Select[Any]:
    """Return a SELECT of those account ids for which the `needs` of this (waiting) rule hold."""
    conditions = _conditions(rule, ruleset, connection_id, now)
    return _accounts(connection_id, account_ids, conditions, conditions.all_of(rule.needs))


def reads(rule: Rule, ruleset: RuleSet) -> frozenset[Stream]:
    """Return the streams without which the rule cannot be judged."""
    lines = chain(_lines(rule), *(suppression.when for suppression in _suppressions(rule, ruleset)))
    subject = {Stream.DEALS} if rule.is_event else set()
    found = (FACTS[line.fact].streams for line in lines if line.fact in FACTS)
    return frozenset({Stream.ACCOUNTS}.union(subject, *found))


def horizon(rule: Rule, ruleset: RuleSet, now: Instant) -> Instant | None:
    """Return from when on the history of activities must be whole for this rule to be judged; None: it reads none.

    A line with `never` or `ever` looks at all there ever was: 0.
    """
    lines = chain(_lines(rule), *(suppression.when for suppression in _suppressions(rule, ruleset)))
    conditions = _conditions(rule, ruleset, "", now)
    cuts = [cut for line in lines if _is_touch_line(line) for cut in _cuts(line, conditions)]
    return min(cuts, default=None)


@dataclass(frozen=True, slots=True)
class Lapse:
    """The fact that tells of a lapse, and how long ago its last touch must be."""

    fact: str
    span: Span


@dataclass(frozen=True, kw_only=True)
class Compiled:
    """A rule as a statement, and how its rows are read."""

    rule: Rule
    ruleset: RuleSet
    connection_id: str
    now: Instant
    brief: bool = False
    """Report no more facts than it takes to rank a match: quick for many rows, not enough to write a task."""

    @cached_property
    def statement(self) -> Select[Any]:
        """The rule's SELECT. Its rows come in no particular order."""
        conditions = self.conditions
        where = (of_connection(self._led, self.connection_id), *conditions.when(self.rule.when), not_(self._vetoed))
        columns = self._columns()
        table = account.join(milestone, OF_ACCOUNT) if self.rule.is_event else account
        return select(*columns).select_from(conditions.values.joined(table)).where(*where)

    def about(self, subject_ids: Sequence[str]) -> Select[Any]:
        """Return the SELECT of the rows about these subjects."""
        return self.statement.where(self._led.c.id.in_(subject_ids))

    def match(self, row: Mapping[str, Any]) -> Match:
        """Return what a row says; give it `row._mapping`."""
        facts = {name: _known(row[label]) for name, label in self._facts}
        segment = self.ruleset.segments[row["segment_number"]]
        lapse = self._lapse
        lapse_at = facts[lapse.fact] if lapse else None
        return Match(
            rule=self.rule.name,
            subject_kind=self.rule.for_each,
            subject_id=row["subject_id"],
            account_id=row["account_id"],
            account_name=row["account_name"],
            deal_id=row["deal_id"],
            contact_id=row["contact_id"],
            owner_id=row["owner_id"],
            segment=segment.name,
            ready=bool(row["ready"]),
            lapse_at=_instant(lapse_at),
            episode=_episode(lapse_at) if lapse else "",
            waiting_episode=_episode(facts[self._awaited.fact]) if self._awaited else "",
            score=self._score(row, _instant(lapse_at), segment),
            revenue=row["revenue"],
            facts=facts,
        )

    @cached_property
    def conditions(self) -> Conditions:
        """What turns this rule's lines into expressions."""
        return _conditions(self.rule, self.ruleset, self.connection_id, self.now)

    @cached_property
    def _facts(self) -> tuple[tuple[str, str], ...]:
        """Return the facts to report and their columns, each once: those of the lines, then those of the texts.

        When `brief` only those that `match` itself reads.
        """
        if self.brief:
            ranking = [self._lapse.fact] if self._lapse else []
            ranking += [self._awaited.fact] if self._awaited else []
            return tuple((name, f"fact_{number}") for number, name in enumerate(dict.fromkeys(ranking)))
        other = self.ruleset.rule(self.rule.otherwise)
        texts = [self.rule.task.subject, self.rule.task.text]
        texts += [other.task.subject, other.task.text] if other else []
        named = chain((line.fact for line in _lines(self.rule)), *(text.names for text in texts))
        known = dict.fromkeys(name for name in named if name in FACTS and not isinstance(FACTS[name].source, Filled))
        return tuple((name, f"fact_{number}") for number, name in enumerate(known))

    @property
    def _led(self) -> Table:
        """Return the table of the rule's subjects."""
        return milestone if self.rule.is_event else account

    @cached_property
    def _lapse(self) -> Lapse | None:
        """Return what makes this a rule about a lapse: a line of `when` that says how long ago the last touch must be."""
        if self.rule.is_event:
            return None
        for line in self.rule.when.all:
            if _is_touch_line(line) and isinstance(line.phrase, NotInLast | MoreThanAgo):
                return Lapse(line.fact, line.phrase.span)
        return None

    @cached_property
    def _thresholds(self) -> Mapping[str, int]:
        """Return how long a lapse must be at least, by segment, in milliseconds."""
        if self._lapse is None:
            return {}
        cuts = {segment.name: self.conditions.cut_off(self._lapse.span, segment) for segment in self.ruleset.segments}
        return {name: max(1, self.now - cut) for name, cut in cuts.items()}

    @cached_property
    def _awaited(self) -> Condition | None:
        """Return the line of `needs` that a conversation can bring about."""
        return next((line for line in self.rule.needs if _is_touch_line(line)), None)

    def _columns(self) -> list[ColumnElement[Any]]:
        event = self.rule.is_event
        nothing = literal(None)
        ready = case((self._needs, 1), else_=0) if self.rule.needs else literal(1)
        return [
            self._led.c.id.label("subject_id"),
            account.c.id.label("account_id"),
            account.c.name.label("account_name"),
            account.c.owner_id.label("owner_id"),
            account.c.annual_revenue.label("revenue"),
            (milestone.c.deal_id if event else nothing).label("deal_id"),
            (milestone.c.contact_id if event else nothing).label("contact_id"),
            (milestone.c.reached if event else nothing).label("reached"),
            self.conditions.segment_number.label("segment_number"),
            ready.label("ready"),
            *(self._value(name).label(label) for name, label in self._facts),
        ]

    def _value(self, name: str) -> ColumnElement[Any]:
        """Return a fact's value; what `unless` wants none of need not be counted."""
        none = any(line.fact == name and line.phrase == NumberRange(low=1) for line in self.rule.unless)
        return literal(0) if none and isinstance(FACTS[name].source, Count | PlanCount) else self.conditions.values.of(name)

    @property
    def _needs(self) -> ColumnElement[bool]:
        return self.conditions.all_of(self.rule.needs)

    @property
    def _vetoed(self) -> ColumnElement[bool]:
        """Whether something of `unless` or a suppression keeps the account away, the cheap ones of its own row asked first.

        One expression, never unknown: SQLite looks at it last, and no further than to the first that holds.
        """
        other = self.ruleset.rule(self.rule.otherwise)
        found = []
        for suppression in sorted(_suppressions(self.rule, self.ruleset), key=_is_costly):
            if self._has_ended(suppression):
                continue
            stands_aside = for_sure(self.conditions.all_of(suppression.when))
            if self.rule.kind in suppression.stops:
                found.append(stands_aside)
            elif other:  # it stops only the rule that would speak first
                found.append(and_(not_(for_sure(self._needs)), stands_aside))
        found += [for_sure(self.conditions.holds(line)) for line in self.rule.unless]
        return or_(false(), *found)

    def _has_ended(self, suppression: Suppression) -> bool:
        return suppression.until is not None and suppression.until < self.ruleset.company.calendar.day(self.now)

    def _score(self, row: Mapping[str, Any], lapse_at: Instant | None, segment: Segment) -> float:
        if self.rule.is_event:
            return max(0.0, (self.now - int(row["reached"])) / MS_PER_DAY)
        if self._lapse is None:
            return 0.0
        if lapse_at is None:
            return float("inf")
        return (self.now - lapse_at) / self._thresholds[segment.name]


_same = NearlyAll(account.c.connection == milestone.c.connection)
OF_ACCOUNT = and_(_same, account.c.id == milestone.c.account_id)
"""The milestones of an account."""


def _conditions(rule: Rule, ruleset: RuleSet, connection_id: str, now: Instant) -> Conditions:
    own = (rule.name, rule.otherwise) if rule.otherwise else (rule.name,)
    scope = Scope(connection=connection_id, now=now, company=ruleset.company, own_rules=own)
    return Conditions(scope, ruleset.segments)


def _accounts(connection_id: str, account_ids: Sequence[str], conditions: Conditions, *where: ColumnElement[bool]) -> Select[Any]:
    """Return a SELECT of those accounts for which the conditions hold."""
    those = (account.c.connection == connection_id, account.c.id.in_(account_ids))
    return select(account.c.id).select_from(conditions.values.joined(account)).where(*those, *where)


def _lines(rule: Rule) -> tuple[Condition, ...]:
    return rule.when.lines + rule.unless + rule.needs


def _suppressions(rule: Rule, ruleset: RuleSet) -> list[Suppression]:
    """Return those that stop the rule or the one that speaks before it, and are about the account."""
    other = ruleset.rule(rule.otherwise)
    kinds: set[Kind] = {rule.kind, other.kind} if other else {rule.kind}
    return [found for found in ruleset.suppressions if kinds & found.stops and not found.about_person]


def stopping(rule: Rule, ruleset: RuleSet, now: Instant) -> list[Suppression]:
    """Return the suppressions in force that stop this rule itself."""
    today = ruleset.company.calendar.day(now)
    found = (one for one in _suppressions(rule, ruleset) if rule.kind in one.stops)
    return [one for one in found if one.until is None or one.until >= today]


def _is_costly(suppression: Suppression) -> bool:
    return not all(line.fact in FACTS and FACTS[line.fact].of_account_row for line in suppression.when)


def _is_touch_line(line: Condition) -> bool:
    fact = FACTS.get(line.fact)
    return bool(fact and isinstance(fact.source, Latest) and Stream.ACTIVITIES in fact.streams)


def _cuts(line: Condition, conditions: Conditions) -> list[Instant]:
    match line.phrase:
        case InLast(span) | NotInLast(span) | MoreThanAgo(span):
            segments = conditions.segments if isinstance(span, Parameter) else conditions.segments[:1]
            return [conditions.cut_off(span, segment) for segment in segments]
        case BetweenAgo(_, far):
            return [conditions.calendar.ago(conditions.scope.now, far)]
        case _:
            return [0]


def _known(found: Any) -> Value:
    """Return what the database gave, an empty text as unknown."""
    return None if found == "" else found


def _instant(found: Value) -> Instant | None:
    return found if isinstance(found, int) else None


def _episode(found: Value) -> str:
    at = _instant(found)
    return "never" if at is None else iso(at)
