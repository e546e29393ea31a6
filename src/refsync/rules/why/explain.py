"""Why, and why not: for one account, each line of each rule with what it saw, and the touches behind it.

The law: the answer comes from the same expressions as the rule's SELECT, and whether the rule matches from that very SELECT.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import Any, TypeAlias

from sqlalchemy import ColumnElement, Select, case, func, literal, not_, or_, select

from refsync.calendar import Duration, Unit
from refsync.errors import Place
from refsync.model import Instant
from refsync.rules.facts.fact import Fact
from refsync.rules.facts.sources import Latest, NextPlan, account, user
from refsync.rules.facts.subjects import Subject
from refsync.rules.phrases import FactType, MoreThanAgo, NotInLast, Parameter
from refsync.rules.query.compile import PERSON_COLD, READY, Compiled, compile_rule, conditions_of, stands
from refsync.rules.query.conditions import Conditions
from refsync.rules.query.instants import instant_of
from refsync.rules.query.reading import stopping
from refsync.rules.rule import Condition, Mode, Rule, RuleSet, SubjectKind, Suppression, Value
from refsync.rules.texts import plain_date
from refsync.rules.why.evidence import Ignored, TouchSeen, ignored, touches

Rows: TypeAlias = Sequence[Mapping[str, Any]]
Execute: TypeAlias = Callable[[Select[Any]], Rows]
"""Runs a SELECT and returns its rows as mappings: `partial(rows, db)` of the store."""

SUBJECTS_SHOWN = 5


class Answer(StrEnum):
    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of a rule, and how it stands."""

    section: str
    """when, any, unless or needs; for a suppression: stop."""
    line: str
    """As it is written: `account.last_touch = "not in the last 60 days"`."""
    answer: Answer
    """Whether the line is true; in `unless` and `stop` a yes is what stops the rule."""
    seen: Value
    """The value of the fact; an instant in milliseconds."""
    shown: str
    """The value for people."""
    place: Place


@dataclass(frozen=True, slots=True, kw_only=True)
class Explained:
    """How one rule stands to one subject: the account, or one of its people, deals, milestones or introductions."""

    rule: str
    title: str
    mode: Mode
    subject_kind: SubjectKind
    subject_id: str
    """Empty when the account has nothing that the rule could be about."""
    about: str
    """The subject in words."""
    matches: bool
    """Whether the rule's SELECT yields it; limits, repetition and freshness come after that."""
    ready: bool
    """Whether `needs` holds; if not, the `otherwise` rule speaks first."""
    lines: tuple[Line, ...]
    stops: tuple[str, ...]
    """The names of the suppressions that stop it."""
    place: Place
    person_cold: bool = False
    """Whether the `otherwise` rule speaks first because whom it would ask is cold, though somebody else there is not."""
    starts: date | None = None
    """The day from which it would match if nothing but time passes; None: it does already, or more has to change."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Why:
    """Everything there is to say about one account."""

    account_id: str
    name: str
    owner: str
    segment: str
    rules: tuple[Explained, ...]
    touches: tuple[TouchSeen, ...]
    """The latest first."""
    ignored: tuple[Ignored, ...]
    """The latest first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """What is asked about: an account, or one record of it; of a rep, a user, there is no account."""

    account_id: str = ""
    subject: tuple[SubjectKind, str] | None = None
    """Kind and id of the one record that is meant; None: all of the account."""
    rule: str = ""
    """The one rule that is meant; empty: all."""

    def asks(self, rule: Rule) -> bool:
        """Return whether a rule is to be explained."""
        if rule.only_for_otherwise or (rule.for_each == "rep") == bool(self.account_id):
            return False
        return rule.name == self.rule if self.rule else True

    def where(self, subject: Subject) -> list[ColumnElement[bool]]:
        """Return which subjects of a rule are meant."""
        found = [account.c.id == self.account_id] if subject.of_account else []
        if self.subject and self.subject[0] == subject.kind:
            found.append(subject.table.c.id == self.subject[1])
        return found


def why(execute: Execute, ruleset: RuleSet, connection_id: str, account_id: str, now: Instant) -> Why | None:
    """Return how every rule stands to an account, off ones too; None when there is no such account."""
    return why_about(execute, ruleset, connection_id, About(account_id=account_id), now)


def why_about(execute: Execute, ruleset: RuleSet, connection_id: str, about: About, now: Instant) -> Why | None:
    """Return how rules stand to an account, one of its records, or a rep; None when there is no such account or rep."""
    account_id = about.account_id
    asked = [rule for rule in ruleset.rules if about.asks(rule)]
    head = _head(execute, ruleset, connection_id, about, now)
    if head is None:
        return None
    return Why(
        account_id=account_id,
        name=head["name"],
        owner=head["owner"] or "",
        segment=ruleset.segments[head["segment_number"]].name if account_id else "",
        rules=tuple(found for rule in asked for found in _explained(execute, rule, ruleset, connection_id, about, now)),
        touches=tuple(TouchSeen(**row) for row in execute(touches(connection_id, account_id, now))),
        ignored=tuple(Ignored(**row) for row in execute(ignored(connection_id, account_id, now))),
    )


def find_account(text: str, connection_id: str) -> Select[Any]:
    """Return a SELECT of the id and name of accounts with this id or name, or whose names begin so; ten at most."""
    exact = or_(account.c.id == text, account.c.name == text)
    begins = func.lower(account.c.name).startswith(text.lower(), autoescape=True)
    first = case((exact, 0), else_=1)
    named = select(account.c.id, account.c.name).where(account.c.connection == connection_id, or_(exact, begins))
    return named.order_by(first, account.c.name, account.c.id).limit(10)


def _head(execute: Execute, ruleset: RuleSet, connection_id: str, about: About, now: Instant) -> Mapping[str, Any] | None:
    if not about.account_id:
        where = (user.c.connection == connection_id, user.c.id == (about.subject[1] if about.subject else ""))
        return next(iter(execute(select(user.c.name, literal("").label("owner")).where(*where))), None)
    conditions = conditions_of(ruleset, connection_id, now)
    columns = (account.c.name, conditions.values.of("account.owner.name").label("owner"))
    number = conditions.segment_number.label("segment_number")
    where = (account.c.connection == connection_id, account.c.id == about.account_id)
    return next(iter(execute(select(*columns, number).where(*where))), None)


def _explained(
    execute: Execute, rule: Rule, ruleset: RuleSet, connection_id: str, about: About, now: Instant
) -> Iterable[Explained]:
    accounts = (about.account_id,) if about.account_id else ()
    compiled = compile_rule(rule, ruleset, connection_id, now, accounts=accounts)
    here = about.where(compiled.subject)
    matches = {row["subject_id"]: row for row in execute(compiled.statement.where(*here))}
    suppressions = stopping(rule, ruleset, now)
    lines = [
        *(("when", line) for line in rule.when.all),
        *(("any", line) for block in rule.when.any for line in block),
        *(("unless", line) for line in rule.unless),
        *(("needs", line) for line in rule.needs),
        *(("stop", line) for suppression in suppressions for line in suppression.when),
    ]
    rows = execute(_answers(compiled, [line for _section, line in lines], suppressions, here))
    for row in rows:
        answered = tuple(_line(section, line, row, number, compiled) for number, (section, line) in enumerate(lines))
        found = matches.get(row["subject_id"])
        yield Explained(
            rule=rule.name,
            title=rule.title,
            mode=rule.mode,
            subject_kind=rule.for_each,
            subject_id=row["subject_id"],
            about=_about(row, rule, ruleset),
            matches=found is not None,
            ready=found["ready"] == READY
            if found
            else all(one.answer is Answer.YES for one in answered if one.section == "needs"),
            person_cold=found is not None and found["ready"] == PERSON_COLD,
            lines=answered,
            stops=tuple(one.name for number, one in enumerate(suppressions) if row[f"stop_{number}"]),
            place=rule.place,
            starts=None if found else _starts(compiled, rule, answered, row),
        )
    if not rows:
        yield Explained(
            rule=rule.name,
            title=rule.title,
            mode=rule.mode,
            subject_kind=rule.for_each,
            subject_id="",
            about=f"no {rule.for_each}",
            matches=False,
            ready=False,
            lines=(),
            stops=(),
            place=rule.place,
        )


def _answers(
    compiled: Compiled, lines: Sequence[Condition], stops: Sequence[Suppression], here: Sequence[ColumnElement[bool]]
) -> Select[Any]:
    """Return one row per subject with a yes/no and a value for each line, and a yes/no for each suppression."""
    conditions, subject = compiled.conditions, compiled.subject
    columns: list[ColumnElement[Any]] = [subject.table.c.id.label("subject_id")]
    number = conditions.segment_number if subject.of_account else literal(0)
    columns += [subject.name.label("called"), subject.begun.label("begun"), number.label("segment_number")]
    for place, line in enumerate(lines):
        columns += [_answer(conditions, line).label(f"answer_{place}"), _seen(conditions, line).label(f"seen_{place}")]
    for place, suppression in enumerate(stops):
        columns.append(case((stands(suppression, conditions), 1), else_=0).label(f"stop_{place}"))
    table = conditions.values.joined(subject.joined)
    statement = select(*columns).select_from(table).where(subject.table.c.connection == compiled.connection_id, *here)
    if compiled.rule.for_each in ("account", "rep"):
        return statement
    if compiled.rule.is_event:
        statement = statement.where(subject.begun <= compiled.now).order_by(subject.begun.desc())
    return statement.order_by(subject.name, subject.table.c.id).limit(SUBJECTS_SHOWN)


def _answer(conditions: Conditions, line: Condition) -> ColumnElement[Any]:
    holds = conditions.holds(line)
    return case((holds, 1), (not_(holds), 0))


def _seen(conditions: Conditions, line: Condition) -> ColumnElement[Any]:
    return conditions.segment_number if line.fact.startswith("segment") else conditions.values.of(line.fact)


def _line(section: str, line: Condition, row: Mapping[str, Any], number: int, compiled: Compiled) -> Line:
    answer, seen = row[f"answer_{number}"], row[f"seen_{number}"]
    answers = {1: Answer.YES, 0: Answer.NO}
    if line.fact.startswith("segment"):
        seen = compiled.ruleset.segments[seen].name
    fact = compiled.conditions.facts.get(line.fact)
    if fact and fact.type is FactType.TIME and seen not in (None, ""):
        seen = instant_of(seen, compiled.conditions.calendar)
    return Line(
        section=section,
        line=str(line),
        answer=answers.get(answer, Answer.UNKNOWN),
        seen=None if seen == "" else seen,
        shown=_shown(fact, seen, compiled.ruleset),
        place=line.place,
    )


def _shown(fact: Fact | None, seen: Any, ruleset: RuleSet) -> str:
    if seen is None or seen == "":
        return {Latest: "never", NextPlan: "none"}.get(type(fact.source), "unknown") if fact else "unknown"
    if fact and fact.type is FactType.TIME:
        return plain_date(ruleset.company.calendar.day(seen))
    if fact and fact.type is FactType.YES_NO:
        return "yes" if seen else "no"
    return str(seen)


def _starts(compiled: Compiled, rule: Rule, lines: Sequence[Line], row: Mapping[str, Any]) -> date | None:
    """Return the day on which every line of `when` holds by the mere passing of time, when that is all that is lacking."""
    others = [line for line in lines if line.section in {"unless", "stop"} and line.answer is Answer.YES]
    days = [
        _day_of(compiled, condition, line, row)
        for condition, line in zip(rule.when.all, lines, strict=False)
        if line.answer is not Answer.YES
    ]
    if others or rule.when.any or not days:
        return None
    known = [day for day in days if day is not None]
    return max(known) if len(known) == len(days) else None


def _day_of(compiled: Compiled, condition: Condition, line: Line, row: Mapping[str, Any]) -> date | None:
    """Return the first day on which what was seen lies far enough back for the line; None: it is not about that."""
    if not isinstance(condition.phrase, NotInLast | MoreThanAgo) or not isinstance(line.seen, int):
        return None
    calendar, span = compiled.conditions.calendar, condition.phrase.span
    segment = compiled.ruleset.segments[row["segment_number"]]
    length = segment.parameters[span.name] if isinstance(span, Parameter) else span
    if not isinstance(length, Duration) or length.unit is Unit.HOURS:
        return None
    return calendar.ahead(calendar.day(line.seen), length) + timedelta(days=1)


def _about(row: Mapping[str, Any], rule: Rule, ruleset: RuleSet) -> str:
    if rule.for_each == "account":
        return "the account"
    if rule.for_each == "rep":
        return "the rep"
    called = row["called"] or rule.for_each
    begun = row["begun"]
    return called if begun is None else f"{called}, {plain_date(ruleset.company.calendar.day(begun))}"
