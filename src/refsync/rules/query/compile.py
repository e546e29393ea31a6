"""A rule becomes one SELECT over the mirror: who it is about, and what it saw.

The law: one statement a rule, led by the connection, with every cut-off worked out here and bound. What is costly to know is
asked only about rows that pass, what only texts print only about those that get a task; every row says whether `needs` holds.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import chain
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, false, func, literal, not_, or_, select

from refsync.company import MilestoneField
from refsync.model import Instant, Stream, iso
from refsync.rules.facts.fact import Fact
from refsync.rules.facts.registry import facts_of
from refsync.rules.facts.sources import Count, Filled, Scope, Tally, account, of_connection, some
from refsync.rules.facts.subjects import SUBJECTS, Subject
from refsync.rules.phrases import FactType, InLast, MoreThanAgo, NotInLast, NumberRange, Parameter, Span
from refsync.rules.query import columns, reading
from refsync.rules.query.asking import asks_somebody, is_warm
from refsync.rules.query.columns import Attribute
from refsync.rules.query.conditions import Conditions, for_sure
from refsync.rules.query.instants import instant_of
from refsync.rules.query.reading import is_touch_line, lines_of, suppressions_of
from refsync.rules.rule import Condition, Match, Rule, RuleSet, Suppression, Text, Value, When

MS_PER_DAY = 86_400_000
NOT_READY, READY, PERSON_COLD = 0, 1, 2
"""How a row stands to `needs`: it does not hold; it does; it does, but nobody whom the task could name is in touch."""


def compile_rule(
    rule: Rule, ruleset: RuleSet, connection_id: str, now: Instant, *, brief: bool = False, accounts: tuple[str, ...] = ()
) -> Compiled:
    """Return the rule's one SELECT; not for rules that are only for otherwise.

    With `accounts` it is right for these few alone, and quick for them; which rows it yields is still for the caller to say.
    """
    return Compiled(rule=rule, ruleset=ruleset, connection_id=connection_id, now=now, brief=brief, accounts=accounts)


def holding(rule: Rule, ruleset: RuleSet, connection_id: str, now: Instant, subject_ids: Sequence[str]) -> Select[Any]:
    """Return a SELECT of those subject ids for which all of `when` still holds.

    An event is not undone because time moves on: of events the SELECT returns every id that still exists.
    """
    subject = SUBJECTS[rule.for_each]
    if rule.is_event:
        return select(subject.table.c.id).where(subject.table.c.connection == connection_id, subject.table.c.id.in_(subject_ids))
    conditions = _conditions(rule, ruleset, connection_id, now)
    return _those(subject, connection_id, subject_ids, conditions, *conditions.when(rule.when))


def closing(rule: Rule, ruleset: RuleSet, connection_id: str, now: Instant, subject_ids: Sequence[str]) -> Select[Any]:
    """Return a SELECT of those subject ids for which all of `close_when` holds."""
    conditions = _conditions(rule, ruleset, connection_id, now)
    met = conditions.all_of(rule.task.close_when)
    return _those(SUBJECTS[rule.for_each], connection_id, subject_ids, conditions, met)


def ready(rule: Rule, ruleset: RuleSet, connection_id: str, now: Instant, subject_ids: Sequence[str]) -> Select[Any]:
    """Return a SELECT of those subject ids for which the `needs` of this (waiting) rule hold, the warm person included."""
    conditions = _conditions(rule, ruleset, connection_id, now)
    met = conditions.all_of(rule.needs)
    return _those(SUBJECTS[rule.for_each], connection_id, subject_ids, conditions, met, *_warm(rule, conditions))


def reads(rule: Rule, ruleset: RuleSet) -> frozenset[Stream]:
    """Return the streams without which the rule cannot be judged."""
    return reading.reads(rule, ruleset, facts_of(ruleset))


def hidden(
    rule: Rule, ruleset: RuleSet, milestones: Iterable[MilestoneField], lacking: Mapping[Stream, frozenset[str]]
) -> frozenset[Attribute]:
    """Return what the rule reads and the CRM does not show: as long as there is anything, it cannot be judged."""
    return columns.hidden(rule, ruleset, _conditions(rule, ruleset, "", 0), milestones, lacking)


def horizon(rule: Rule, ruleset: RuleSet, now: Instant) -> Instant | None:
    """Return from when on the history of activities must be whole for this rule to be judged; None: it reads none."""
    return reading.horizon(rule, ruleset, _conditions(rule, ruleset, "", now))


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
    accounts: tuple[str, ...] = ()
    """The few accounts for which alone it has to be right; empty: all."""

    @cached_property
    def statement(self) -> Select[Any]:
        """The rule's SELECT. Its rows come in no particular order."""
        return self._select(*self.conditions.when(self._cheapest_first), self._spared)

    @property
    def funnel(self) -> tuple[Sequence[tuple[str, str]], Select[Any]]:
        """Return the steps of the rule, as section and words, and a SELECT of how many subjects come how far, by `reached`.

        Who fails the first step has reached 0; who has reached as many as there are steps comes through. The sections are when,
        any, unless and stop.
        """
        steps = [("when", str(line), self.conditions.holds(line)) for line in self.rule.when.all]
        if blocks := self.rule.when.any:
            words = f"at least one of {len(blocks)} blocks"
            steps.append(("any", words, or_(false(), *(self.conditions.all_of(block) for block in blocks))))
        steps += [("unless", str(line), not_(for_sure(self.conditions.holds(line)))) for line in self.rule.unless]
        for suppression in reading.stopping(self.rule, self.ruleset, self.now):
            steps.append(("stop", suppression.name, not_(for_sure(stands(suppression, self.conditions)))))
        ends = ((not_(for_sure(holds)), number) for number, (_section, _words, holds) in enumerate(steps))
        reached = case(*ends, else_=len(steps)).label("reached")
        here = (of_connection(self.subject.table, self.connection_id), *self.subject.where)
        rows = select(reached).select_from(self.conditions.values.joined(self.subject.joined)).where(*here).subquery()
        counted = select(rows.c.reached, func.count().label("subjects")).group_by(rows.c.reached)
        return [(section, words) for section, words, _holds in steps], counted

    def entered(self, subject_ids: Sequence[str]) -> Select[Any]:
        """Return the SELECT of the rows about subjects that have matched before: what leads in, `when`, is not asked again."""
        return self._select(self.subject.table.c.id.in_(subject_ids), self._spared)

    def about(self, subject_ids: Sequence[str]) -> Select[Any]:
        """Return the SELECT of the rows about these subjects, whatever holds of them."""
        return self._select(self.subject.table.c.id.in_(subject_ids))

    def _select(self, *where: ColumnElement[bool]) -> Select[Any]:
        """Return the SELECT of those rows for which all of `where` holds, with the plans that it and the columns refer to."""
        columns = self._columns()
        here = (of_connection(self.subject.table, self.connection_id), *self.subject.where)
        return select(*columns).select_from(self.conditions.values.joined(self.subject.joined)).where(*here, *where)

    def names(self, account_ids: Sequence[str]) -> Iterator[tuple[str, Select[Any]]]:
        """Yield, for each count whose members the texts name, the fact and a SELECT of the members at these accounts."""
        for name in dict.fromkeys(part.name for text in self._texts for part in text.placeholders if part.form == "names"):
            fact = self._known_facts.get(name)
            if fact and fact.names:
                mine = (account.c.connection == self.connection_id, account.c.id.in_(account_ids))
                yield name, fact.names(self.conditions.scope).where(*mine)

    def match(self, row: Mapping[str, Any]) -> Match:
        """Return what a row says; give it `row._mapping`."""
        return next(self.matches([tuple(row.values())]))

    def matches(self, rows: Iterable[Sequence[Any]]) -> Iterator[Match]:
        """Yield what rows of the statement say. A run reads every row of every rule: here each step counts."""
        rule, segments, cold_cuts = self.rule, self.ruleset.segments, self._cold_cuts
        lapse = self._lapse.fact if self._lapse else ""
        awaited = self._awaited.fact if self._awaited else ""
        names = [name for name, _label in self._facts]
        for row in rows:
            subject, called, account_, name, owner, revenue, deal, contact, person, rep, begun, number, ready, *found = row
            segment = segments[number].name
            facts = {fact: self._known(fact, value) for fact, value in zip(names, found, strict=True)}
            lapse_at = _instant(facts[lapse]) if lapse else None
            yield Match(
                rule.name,
                rule.for_each,
                subject,
                account_,
                name,
                deal,
                contact,
                owner,
                segment,
                ready == READY,
                lapse_at,
                _episode(lapse_at) if lapse else "",
                _episode(facts[awaited]) if awaited else "",
                self._score(begun, lapse_at, segment),
                revenue,
                facts,
                person,
                rep,
                cold_cuts.get(segment),
                subject_name=called or "",
                person_cold=ready == PERSON_COLD,
            )

    @property
    def subject(self) -> Subject:
        return SUBJECTS[self.rule.for_each]

    @cached_property
    def conditions(self) -> Conditions:
        """What turns this rule's lines into expressions."""
        return _conditions(self.rule, self.ruleset, self.connection_id, self.now, self.accounts)

    @property
    def _known_facts(self) -> Mapping[str, Fact]:
        return self.conditions.facts

    @cached_property
    def _texts(self) -> tuple[Text, ...]:
        """The texts of the rule and of the one that speaks before it."""
        other = self.ruleset.rule(self.rule.otherwise)
        tasks = [self.rule.task, other.task] if other else [self.rule.task]
        return tuple(text for task in tasks for text in (task.subject, task.text))

    @cached_property
    def _facts(self) -> tuple[tuple[str, str], ...]:
        """Return the facts to report and their columns, each once: those of the lines, then those of the texts.

        When `brief` only those that `match` itself reads. Facts of a person whom `with` chooses are filled in later.
        """
        if self.brief:
            ranking = [self._lapse.fact] if self._lapse else []
            ranking += [self._awaited.fact] if self._awaited else []
            return tuple((name, f"fact_{number}") for number, name in enumerate(dict.fromkeys(ranking)))
        named = chain((line.fact for line in lines_of(self.rule)), *(text.names for text in self._texts))
        known = dict.fromkeys(name for name in named if self._is_reported(name))
        return tuple((name, f"fact_{number}") for number, name in enumerate(known))

    def _is_reported(self, name: str) -> bool:
        fact = self._known_facts.get(name)
        return bool(fact and not isinstance(fact.source, Filled) and fact.subject in ("account", self.rule.for_each))

    def _known(self, name: str, found: Any) -> Value:
        """Return what the database gave: an empty text as unknown, every time as an instant, yes and no as such."""
        if found is None or found == "":
            return None
        match self._known_facts[name].type:
            case FactType.TIME:
                return instant_of(found, self.conditions.calendar)
            case FactType.YES_NO:
                return bool(found)
            case _:
                known: Value = found
                return known

    @cached_property
    def _lapse(self) -> Lapse | None:
        """Return what makes this a rule about a lapse: a line of `when` on how long ago the subject's last touch must be."""
        if self.rule.is_event:
            return None
        for line in self.rule.when.all:
            own = line.fact.startswith(f"{self.rule.for_each}.") and is_touch_line(line, self._known_facts)
            if own and isinstance(line.phrase, NotInLast | MoreThanAgo):
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
    def _cold_cuts(self) -> Mapping[str, Instant]:
        """Return when people must have been spoken to last to be cold, by segment."""
        measured = [segment for segment in self.ruleset.segments if "touch_people" in segment.parameters]
        return {segment.name: self.conditions.cut_off(Parameter("touch_people"), segment) for segment in measured}

    @cached_property
    def _awaited(self) -> Condition | None:
        return _awaited(self.rule, self._known_facts)

    def _columns(self) -> list[ColumnElement[Any]]:
        subject = self.subject
        return [
            subject.table.c.id.label("subject_id"),
            subject.name.label("subject_name"),
            subject.account_id.label("account_id"),
            subject.account_name.label("account_name"),
            subject.owner_id.label("owner_id"),
            subject.revenue.label("revenue"),
            subject.deal_id.label("deal_id"),
            subject.contact_id.label("contact_id"),
            subject.person_id.label("person_id"),
            subject.rep_id.label("rep_id"),
            subject.begun.label("begun"),
            (self.conditions.segment_number if subject.of_account else literal(0)).label("segment_number"),
            self._stand.label("ready"),
            *(self._value(name).label(label) for name, label in self._facts),
        ]

    def _value(self, name: str) -> ColumnElement[Any]:
        """Return a fact's value; what `unless` wants none of need not be counted."""
        none = any(line.fact == name and line.phrase == NumberRange(low=1) for line in self.rule.unless)
        counted = isinstance(self._known_facts[name].source, Count | Tally)
        return literal(0) if none and counted else self.conditions.values.of(name)

    @property
    def _stand(self) -> ColumnElement[int]:
        """How the row stands to `needs`: NOT_READY, READY or PERSON_COLD."""
        if not self.rule.needs:
            return literal(READY)
        needs = self.conditions.all_of(self.rule.needs)
        warm = _warm(self.rule, self.conditions)
        ready = case((and_(*warm), READY), else_=PERSON_COLD) if warm else literal(READY)
        return case((needs, ready), else_=NOT_READY)

    @property
    def _needs(self) -> ColumnElement[bool]:
        return and_(self.conditions.all_of(self.rule.needs), *_warm(self.rule, self.conditions))

    @property
    def _cheapest_first(self) -> When:
        """`when`, with what takes looking up last: SQLite asks in this order, and no more of a row than it takes to drop it."""
        known = self._known_facts
        lines = sorted(self.rule.when.all, key=lambda line: known[line.fact].cost if line.fact in known else 0)
        return replace(self.rule.when, all=tuple(lines))

    @property
    def _spared(self) -> ColumnElement[bool]:
        """Whether nothing keeps the account away, asked of accounts with a subject alone: it speaks of both tables.

        A condition on accounts only, PostgreSQL asks before the join; costly as this is, it would then rather seek those with a
        subject one by one.
        """
        spared = not_(self._vetoed)
        if not self.subject.is_joined:
            return spared
        return or_(account.c.connection != self.subject.table.c.connection, spared)

    @property
    def _vetoed(self) -> ColumnElement[bool]:
        """Whether something of `unless` or a suppression keeps the account away, the cheap ones of its own row asked first.

        One expression, never unknown: SQLite looks at it last, and no further than to the first that holds.
        """
        other = self.ruleset.rule(self.rule.otherwise)
        found = []
        for suppression in sorted(suppressions_of(self.rule, self.ruleset), key=self._is_costly):
            if self._has_ended(suppression):
                continue
            stands_aside = for_sure(stands(suppression, self.conditions))
            if self.rule.kind in suppression.stops:
                found.append(stands_aside)
            elif other:  # it stops only the rule that would speak first
                found.append(and_(not_(for_sure(self._needs)), stands_aside))
        found += [for_sure(self.conditions.holds(line)) for line in self.rule.unless]
        return or_(false(), *found)

    def _is_costly(self, suppression: Suppression) -> bool:
        return not all(
            line.fact in self._known_facts and self._known_facts[line.fact].of_account_row for line in suppression.when
        )

    def _has_ended(self, suppression: Suppression) -> bool:
        return suppression.until is not None and suppression.until < self.ruleset.company.calendar.day(self.now)

    def _score(self, begun: Any, lapse_at: Instant | None, segment: str) -> float:
        if self.rule.is_event:
            return max(0.0, (self.now - int(begun)) / MS_PER_DAY) if begun is not None else 0.0
        if self._lapse is None:
            return 0.0
        if lapse_at is None:
            return float("inf")
        return (self.now - lapse_at) / self._thresholds[segment]


def _awaited(rule: Rule, facts: Mapping[str, Fact]) -> Condition | None:
    """Return the line of `needs` that a conversation can bring about."""
    return next((line for line in rule.needs if is_touch_line(line, facts)), None)


def _warm(rule: Rule, conditions: Conditions) -> tuple[ColumnElement[bool], ...]:
    """Return what `needs` asks of the person besides: of an ask that somebody who is in touch can be asked."""
    awaited = _awaited(rule, conditions.facts)
    if awaited is None or not isinstance(awaited.phrase, InLast) or not asks_somebody(rule):
        return ()
    return (is_warm(rule, conditions.since(awaited.phrase.span), conditions.scope),)


def stands(suppression: Suppression, conditions: Conditions) -> ColumnElement[bool]:
    """Return whether a suppression's lines hold, or held until less than `resume` ago."""
    now = conditions.all_of(suppression.when)
    if suppression.resume is None:
        return now
    since, until = conditions.calendar.ago(conditions.scope.now, suppression.resume), conditions.scope.now
    ended = (fact.ended for line in suppression.when if (fact := conditions.facts.get(line.fact)))
    rows = [one(conditions.scope) for one in ended if one]
    others = [line for line in suppression.when if not conditions.facts[line.fact].ended]
    lately = or_(false(), *(some(one, one.at >= since, one.at <= until) for one in rows))
    return or_(now, and_(lately, conditions.all_of(others)))


def conditions_of(
    ruleset: RuleSet, connection_id: str, now: Instant, own_rules: tuple[str, ...] = (), accounts: tuple[str, ...] = ()
) -> Conditions:
    """Return what turns lines of these rules into expressions. `own_rules`: whose tasks are no plan of somebody else."""
    scope = Scope(connection=connection_id, now=now, company=ruleset.company, own_rules=own_rules, accounts=accounts)
    return Conditions(scope, ruleset.segments, facts_of(ruleset))


def _conditions(rule: Rule, ruleset: RuleSet, connection_id: str, now: Instant, accounts: tuple[str, ...] = ()) -> Conditions:
    other = ruleset.rule(rule.otherwise)
    own = (*rule.names, *(other.names if other else ()))
    return conditions_of(ruleset, connection_id, now, own, accounts)


def _those(
    subject: Subject, connection_id: str, ids: Sequence[str], conditions: Conditions, *where: ColumnElement[bool]
) -> Select[Any]:
    """Return a SELECT of those subjects for which the conditions hold."""
    those = (subject.table.c.connection == connection_id, subject.table.c.id.in_(ids), *subject.where)
    return select(subject.table.c.id).select_from(conditions.values.joined(subject.joined)).where(*those, *where)


def _instant(found: Value) -> Instant | None:
    return found if isinstance(found, int) else None


def _episode(found: Value) -> str:
    at = _instant(found)
    return "never" if at is None else iso(at)
