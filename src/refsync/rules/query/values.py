"""The value of a fact as an expression: what a match reports and what a line that counts compares."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import ColumnElement, FromClause, String, Table, case, cast, func, literal, null, select

from refsync.rules.facts.fact import Fact
from refsync.rules.facts.sources import (
    Clock,
    Count,
    Dated,
    Field,
    Figure,
    Filled,
    Latest,
    Moment,
    NextPlan,
    Scope,
    Shown,
    Tally,
    Traits,
    Words,
    account,
    latest,
)


class Values:
    """Makes the values of one statement, and remembers the plans they need beside the subject."""

    def __init__(self, scope: Scope, facts: Mapping[str, Fact]) -> None:
        self.scope = scope
        self._facts = facts
        self._plans: dict[str, tuple[FromClause, Table]] = {}

    def of(self, name: str) -> ColumnElement[Any]:
        """Return the expression of a fact's value; not for those that are filled in when the task is written."""
        match self._facts[name].source:
            case Field(column):
                return column(self.scope)
            case Dated(moments):
                return _time(moments(self.scope))
            case Shown(shown):
                return shown(self.scope)
            case Latest() as source:
                return latest(source.parts(self.scope), self.scope.now)
            case Count(rows):
                return rows(self.scope).with_only_columns(func.count()).correlate(account).scalar_subquery()
            case Traits(traits):
                return _joined({word: is_true(self.scope) for word, is_true in traits.items()})
            case Words(rows, of):
                found = rows(self.scope)
                return found.with_only_columns(func.min(found.selected_columns.word)).correlate(of).scalar_subquery()
            case Tally() | Figure() | NextPlan():
                return self._plan_value(name)
            case Filled():
                raise ValueError(f"{name} is known only when the task is written")

    def joined(self, table: FromClause) -> FromClause:
        """Return the table with the plans that the values and conditions made so far refer to."""
        for plan, of in self._plans.values():
            table = table.outerjoin(plan, plan.c.of == of.c.id)
        return table

    def _plan_value(self, name: str) -> ColumnElement[Any]:
        """Return a column of the plans counted or put in order by record; `joined` brings them in."""
        source = self._facts[name].source
        if name not in self._plans:
            wanted: ColumnElement[Any]
            match source:
                case Figure(plans, of):
                    rows = plans(self.scope).subquery()
                    wanted = func.max(rows.c.value)
                case Tally(plans, of, _):
                    rows = plans(self.scope).subquery()
                    wanted = func.count(rows.c.id.distinct())
                case NextPlan(plans, of):
                    rows = plans(self.scope).subquery()
                    wanted = func.min(rows.c.at)
                case _:
                    raise ValueError(f"{name} is no plan")
            key = cast(rows.c.of, String).label("of")  # SQLite indexes a column of known type only
            grouped = select(key, wanted.label("value")).group_by(rows.c.of)
            self._plans[name] = grouped.subquery(f"plan_{len(self._plans)}"), of
        value = self._plans[name][0].c.value
        none = 0 if isinstance(source, Tally) else source.none if isinstance(source, Figure) else None
        return value if none is None else func.coalesce(value, none)


def _time(moments: tuple[Moment, ...]) -> ColumnElement[Any]:
    """Return a time as its column has it, or as text where its moments are written differently: see `texts.instant_of`."""
    if len({moment.clock for moment in moments}) == 1:
        columns = [moment.column for moment in moments]
    else:
        columns = [cast(moment.column, String) if moment.clock is Clock.INSTANT else moment.column for moment in moments]
    *others, last = zip((moment.if_ for moment in moments), columns, strict=True)
    if not others:
        return last[1]
    return case(*((test, column) for test, column in others if test is not None), else_=last[1])


def _joined(traits: Mapping[str, ColumnElement[bool]]) -> ColumnElement[Any]:
    """Return the words that are true, joined by `and`; NULL when there is none."""
    text: ColumnElement[Any] = null()
    for word, is_true in traits.items():
        more = case((text.is_(None), literal(word)), else_=text + literal(f" and {word}"))
        text = case((is_true, more), else_=text)
    return text
