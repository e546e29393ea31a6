"""A condition becomes a yes/no expression: cut-offs are worked out here and bound, the database only compares numbers.

The law of the unknown: a line about an unknown value is not true. Exactly four forms accept unknown: `not in the last`, `never`,
`false` and `{ not = … }`. The law of time: what lies after `now` has not happened.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any, TypeAlias

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Select,
    String,
    Table,
    and_,
    bindparam,
    case,
    false,
    func,
    literal,
    not_,
    or_,
    select,
    true,
)
from sqlalchemy.sql.selectable import SelectBase

from refsync.calendar import Calendar, Duration, Unit
from refsync.model import Instant, iso
from refsync.rules.facts.fact import Fact
from refsync.rules.facts.registry import FACTS
from refsync.rules.facts.sources import (
    Clock,
    Count,
    Dated,
    Field,
    Figure,
    Latest,
    Moment,
    NextPlan,
    Rows,
    Scope,
    Tally,
    Traits,
    Words,
    account,
    by_last,
    some,
)
from refsync.rules.phrases import (
    BetweenAgo,
    Contains,
    Ever,
    InLast,
    InNext,
    MoreThanAgo,
    Never,
    NotInLast,
    NotOneOf,
    NumberRange,
    OneOf,
    OneOfParameter,
    Parameter,
    Phrase,
    Span,
    YesNo,
)
from refsync.rules.query.values import Values
from refsync.rules.rule import Condition, Segment, Setting, When

Compared = ColumnElement[bool]
Bind: TypeAlias = Callable[[Instant], ColumnElement[Any]]
"""Makes of an instant what a column is compared with: "not before" it, or "before" it."""
Bound: TypeAlias = Callable[[ColumnElement[Any]], Compared]


class Conditions:
    """Turns the conditions of one rule set, judged at one instant, into expressions."""

    def __init__(self, scope: Scope, segments: Sequence[Segment], facts: Mapping[str, Fact] = FACTS) -> None:
        self.scope = replace(scope, cut=lambda name: self._cut(Parameter(name)))
        self.segments = segments
        self.calendar = scope.company.calendar
        self.facts = facts
        self.values = Values(self.scope, facts)
        self.segment_number = self._segment_number()
        """The place of the account's segment in the list, from 0."""

    def when(self, when: When) -> list[Compared]:
        """Return what must be true for all of `when`."""
        found = [self.holds(line) for line in when.all]
        if when.any:
            found.append(or_(*(self.all_of(block) for block in when.any)))
        return found

    def all_of(self, lines: Sequence[Condition]) -> Compared:
        return and_(true(), *(self.holds(line) for line in lines))

    def holds(self, line: Condition) -> Compared:
        """Return the expression of one line; NULL where its value is unknown and the phrase does not accept that."""
        if line.fact.startswith("segment"):
            return self._about_segment(line)
        fact = self.facts[line.fact]
        match fact.source:
            case Field(column):
                return self._field(column(self.scope), line.phrase)
            case Dated(moments):
                return self._moment(moments(self.scope), line.phrase)
            case Latest() as source:
                return self._latest(source.parts(self.scope), line.phrase)
            case Count(rows):
                found = rows(self.scope).correlate(account)
                return _counted(line.phrase, found.exists(), lambda: self.values.of(line.fact))
            case Tally(plans, of, some_):
                any_row = some_(self.scope) if some_ else self._among(plans(self.scope), of)
                return _counted(line.phrase, any_row, lambda: self.values.of(line.fact))
            case Figure():
                return self._field(self.values.of(line.fact), line.phrase)
            case NextPlan(plans, of):
                return self._next(plans(self.scope), of, line.phrase)
            case Traits(traits):
                return self._traits({word: is_true(self.scope) for word, is_true in traits.items()}, line.phrase)
            case Words(rows, of):
                return self._words(rows(self.scope), of, line.phrase)
            case _:
                raise ValueError(f"{fact.name} cannot stand in a condition")

    def _among(self, plans: SelectBase, of: Table, *bounds: Bound) -> Compared:
        rows = plans.subquery()
        return of.c.id.in_(select(rows.c.of).where(*(bound(rows.c.at) for bound in bounds)))

    def cut_off(self, span: Span, segment: Segment) -> Instant:
        """Return the first instant that counts as within a span, for the accounts of a segment."""
        length = segment.parameters[span.name] if isinstance(span, Parameter) else span
        if not isinstance(length, Duration):
            raise TypeError(f"{span} is no length of time")
        return self.calendar.ago(self.scope.now, length)

    def since(self, span: Span) -> ColumnElement[Any]:
        """Return the first instant that counts as within a span, for the account of the row."""
        return self._cut(span)

    def _cut(self, span: Span, bind: Bind | None = None) -> ColumnElement[Any]:
        bind = bind or _bound
        if isinstance(span, Duration):
            return bind(self.calendar.ago(self.scope.now, span))
        return self._per_segment(lambda segment: self.cut_off(span, segment), bind)

    def _per_segment(self, cut: Callable[[Segment], Instant], bind: Bind) -> ColumnElement[Any]:
        cuts = [cut(segment) for segment in self.segments]
        if len(set(cuts)) == 1:
            return bind(cuts[0])
        *others, last = zip(self._tests(), cuts, strict=True)
        return case(*((test, bind(at)) for test, at in others), else_=bind(last[1]))

    def _segment_number(self) -> ColumnElement[int]:
        if len(self.segments) == 1:
            return literal(0)
        *others, last = enumerate(self._tests())
        return case(*((test, number) for number, test in others), else_=last[0])

    def _tests(self) -> list[Compared]:
        """Return what must be true of an account for each segment, given that no earlier one fits."""
        return [self.all_of(segment.when) for segment in self.segments]

    def _about_segment(self, line: Condition) -> Compared:
        name = line.fact.partition(".")[2]
        fits = [place for place, segment in enumerate(self.segments) if _fits(_texts(segment, name), line.phrase)]
        return self.segment_number.in_(fits) if fits else false()

    def _field(self, column: ColumnElement[Any], phrase: Phrase) -> Compared:
        match phrase:
            case OneOf(values):
                return column.in_(values)
            case NotOneOf(values):
                return or_(column.is_(None), column.not_in(values))
            case OneOfParameter(Parameter(name)):
                return self._one_of_parameter(column, name)
            case Contains(values):
                return or_(*(_contains(column, text) for text in values))
            case YesNo(value):
                return column == true() if value else not_(func.coalesce(column, false()))
            case NumberRange():
                return _within(column, phrase)
            case _:
                return self._dated(column, phrase, _bound)

    def _moment(self, moments: tuple[Moment, ...], phrase: Phrase) -> Compared:
        """The phrase about the first moment whose condition holds."""
        found, before = list[Compared](), list[Compared]()
        for moment in moments:
            mine = [moment.if_] if moment.if_ is not None else []
            found.append(and_(*before, *mine, self._dated(moment.column, phrase, self._bind(moment.clock))))
            before += [not_(test) for test in mine]
        return or_(*found)

    def _bind(self, clock: Clock) -> Bind:
        match clock:
            case Clock.INSTANT:
                return _bound
            case Clock.DAY:
                return lambda at: literal(self._first_day(at), String)
            case Clock.TEXT:
                return lambda at: literal(iso(-(-at // 1000) * 1000).removesuffix("Z"), String)

    def _first_day(self, at: Instant) -> str:
        """Return the first day that does not begin before an instant."""
        day = self.calendar.day(at)
        return (day if self.calendar.midnight(day) >= at else day + timedelta(days=1)).isoformat()

    def _traits(self, traits: Mapping[str, Compared], phrase: Phrase) -> Compared:
        match phrase:
            case OneOf(values):
                return or_(false(), *(traits[word] for word in values))
            case NotOneOf(values):
                return not_(or_(false(), *(traits[word] for word in values)))
            case _:
                raise ValueError(f"{phrase} does not fit words")

    def _words(self, rows: Select[Any], of: Table, phrase: Phrase) -> Compared:
        word = rows.selected_columns.word
        match phrase:
            case NotOneOf(values):
                return not_(rows.where(word.in_(values)).correlate(of, account).exists())
            case _:
                return rows.where(self._field(word, phrase)).correlate(of, account).exists()

    def _one_of_parameter(self, column: ColumnElement[Any], name: str) -> Compared:
        lists = [_texts(segment, name) for segment in self.segments]
        if len(set(lists)) == 1:
            return column.in_(lists[0])
        known = sorted({text for texts in lists for text in texts})
        blocks = [
            and_(self.segment_number.in_([place for place, other in enumerate(lists) if other == texts]), column.in_(texts))
            for texts in dict.fromkeys(lists)
        ]
        return and_(column.in_(known), or_(*blocks))  # the first half alone can use an index

    def _dated(self, at: ColumnElement[Any], phrase: Phrase, bind: Bind) -> Compared:
        """The phrase about a time in the subject's own row."""
        now, past = self.scope.now, at < bind(self.scope.now + 1)
        match phrase:
            case InLast(span):
                return and_(at >= self._cut(span, bind), past)
            case NotInLast(span):
                return not_(func.coalesce(and_(at >= self._cut(span, bind), past), false()))
            case MoreThanAgo(span):
                return at < self._cut(span, bind)
            case BetweenAgo():
                first, end = between(phrase, self.calendar, now)
                return and_(at >= bind(first), at < bind(end))
            case InNext(span):
                return and_(at >= bind(now + 1), at < bind(self.calendar.until(now, span)))
            case Never():
                return not_(func.coalesce(past, false()))
            case Ever():
                return past
            case _:
                raise ValueError(f"{phrase} does not fit a time")

    def _latest(self, parts: tuple[Rows, ...], phrase: Phrase) -> Compared:
        """The phrase about the last of some rows: what the record keeps of it, else a look for one row on the index."""
        first, *others = parts
        if others:
            return self._looked_up(parts, phrase)
        return by_last(first, self.scope.now, lambda last: self._dated(last, phrase, _bound), self._looked_up(parts, phrase))

    def _looked_up(self, parts: tuple[Rows, ...], phrase: Phrase) -> Compared:

        def any_row(*bounds: Bound, since: Bound | None = None) -> Compared:
            found = [self._any_row(rows, bounds, since) for rows in parts]
            return found[0] if len(found) == 1 else or_(*found)

        def past(at: ColumnElement[Any]) -> Compared:
            return at <= self.scope.now

        match phrase:
            case InLast(span):
                return any_row(past, since=lambda at: at >= self._cut(span))
            case NotInLast(span):
                return not_(any_row(past, since=lambda at: at >= self._cut(span)))
            case MoreThanAgo(span):
                cut = self._cut(span)
                return and_(any_row(lambda at: at < cut), not_(any_row(past, since=lambda at: at >= cut)))
            case BetweenAgo():
                first, end = between(phrase, self.calendar, self.scope.now)
                within = any_row(lambda at: at < end, since=lambda at: at >= first)
                return and_(within, not_(any_row(past, since=lambda at: at >= end)))
            case Never():
                return not_(any_row(past))
            case Ever():
                return any_row(past)
            case _:
                raise ValueError(f"{phrase} does not fit something past")

    def _any_row(self, rows: Rows, bounds: Sequence[Bound], since: Bound | None) -> Compared:
        """Whether there is a row within the bounds; the record around may say at once that none is so late, or so early."""
        low = [since] if since else []
        found = some(rows, *(bound(rows.at) for bound in (*low, *bounds)))
        early = [] if rows.since is None else [func.coalesce(bound(rows.since), false()) for bound in bounds]
        late = [] if rows.until is None else [func.coalesce(bound(rows.until), false()) for bound in low]
        return and_(*early, *late, found)

    def _next(self, plans: SelectBase, of: Table, phrase: Phrase) -> Compared:
        match phrase:
            case InNext(span):
                end = self.calendar.until(self.scope.now, span)
                return self._among(plans, of, lambda at: at < end)
            case Never():
                return not_(self._among(plans, of))
            case Ever():
                return self._among(plans, of)
            case _:
                raise ValueError(f"{phrase} does not fit something ahead")


def _contains(column: ColumnElement[Any], text: str) -> Compared:
    """Engines fold different letters: each way to write the text is tried on the column in small letters."""
    ways = dict.fromkeys((text.lower(), text, text.upper()))
    return or_(*(func.lower(column).contains(way, autoescape=True) for way in ways))


def for_sure(expression: Compared) -> Compared:
    """Return that something is so, and not merely unknown: what `unless` and suppressions ask."""
    return func.coalesce(expression, false())


def between(phrase: BetweenAgo, calendar: Calendar, now: Instant) -> tuple[Instant, Instant]:
    """Return the first instant of "between A and B ago" and the first one after it. Both days are within, the future is not."""
    first = calendar.ago(now, phrase.far)
    if phrase.near.unit is Unit.HOURS:
        return first, calendar.ago(now, phrase.near) + 1
    after = calendar.back(calendar.day(now), phrase.near) + timedelta(days=1)
    return first, min(calendar.midnight(after), now + 1)


def _bound(at: Instant) -> ColumnElement[int]:
    return bindparam(None, at, BigInteger, unique=True)


def _within(column: ColumnElement[Any], wanted: NumberRange) -> Compared:
    if wanted.low is not None and wanted.low == wanted.high:
        return column == wanted.low
    bounds: list[Compared] = []
    if wanted.low is not None:
        bounds.append(column > wanted.low if wanted.above else column >= wanted.low)
    if wanted.high is not None:
        bounds.append(column < wanted.high if wanted.below else column <= wanted.high)
    return and_(*bounds)


def _counted(phrase: Phrase, any_row: Compared, number: Callable[[], ColumnElement[Any]]) -> Compared:
    """One row is enough to know that there is one: most lines ask no more."""
    if not isinstance(phrase, NumberRange):
        raise TypeError(f"{phrase} does not fit a number")
    if phrase in (NumberRange(low=1), NumberRange(low=0, above=True)):
        return any_row
    if phrase in (NumberRange(0, 0), NumberRange(high=0), NumberRange(high=1, below=True)):
        return not_(any_row)
    return _within(number(), phrase)


def _texts(segment: Segment, name: str) -> tuple[str, ...]:
    """Return the texts of a parameter; without a name, that of the segment itself."""
    setting: Setting = segment.parameters.get(name, ()) if name else segment.name
    if isinstance(setting, tuple):
        return setting
    return (setting,) if isinstance(setting, str) else ()


def _fits(texts: tuple[str, ...], phrase: Phrase) -> bool:
    match phrase:
        case OneOf(values):
            return any(text in values for text in texts)
        case NotOneOf(values):
            return not any(text in values for text in texts)
        case Contains(values):
            return any(value.lower() in text.lower() for value in values for text in texts)
        case _:
            raise ValueError(f"{phrase} does not fit a segment")
