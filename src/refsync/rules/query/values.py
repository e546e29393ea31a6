"""The value of a fact as an expression: what a match reports and what a line that counts compares."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, FromClause, String, Table, case, cast, func, literal, null, select
from sqlalchemy.sql.selectable import SelectBase

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
    Source,
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
        self._plans: dict[tuple[type[Source], Callable[[Scope], SelectBase]], tuple[FromClause, Table]] = {}

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
        """Return a column of what is worked out by record, once for all facts that share its SELECT; `joined` brings it in."""
        source = self._facts[name].source
        match source:
            case Figure(figures, of, column, none):
                told = self._plan(
                    Figure, figures, of, lambda rows: [func.max(one).label(one.name) for one in rows.c if one.name != "of"]
                )
                return told.c[column] if none is None else func.coalesce(told.c[column], none)
            case Tally(plans, of, _):
                counted = self._plan(Tally, plans, of, lambda rows: [func.count(rows.c.id.distinct()).label("value")])
                return func.coalesce(counted.c.value, 0)
            case NextPlan(plans, of):
                return self._plan(NextPlan, plans, of, lambda rows: [func.min(rows.c.at).label("value")]).c.value
            case _:
                raise ValueError(f"{name} is no plan")

    def _plan(
        self,
        kind: type[Source],
        rows_of: Callable[[Scope], SelectBase],
        of: Table,
        values: Callable[[FromClause], Sequence[ColumnElement[Any]]],
    ) -> FromClause:
        key = kind, rows_of  # a count and a next one of the same rows are two plans
        if key not in self._plans:
            rows = rows_of(self.scope).subquery()
            record = cast(rows.c.of, String).label("of")  # SQLite indexes a column of known type only
            asked = (rows.c.of.in_(self.scope.accounts),) if self.scope.accounts and of is account else ()
            grouped = select(record, *values(rows)).where(*asked).group_by(rows.c.of)
            self._plans[key] = grouped.subquery(f"plan_{len(self._plans)}"), of
        return self._plans[key][0]


def _time(moments: tuple[Moment, ...]) -> ColumnElement[Any]:
    """Return a time as its column has it, or as text where its moments are written differently: see `instants.instant_of`."""
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
