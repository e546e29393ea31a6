"""The value of a fact as an expression: what a match reports and what a line that counts compares."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, FromClause, String, cast, func, select

from refsync.rules.facts import FACTS
from refsync.rules.sources import (
    Count,
    Field,
    Filled,
    Latest,
    NextPlan,
    PlanCount,
    Scope,
    Shown,
    account,
    at_the_account,
    latest,
)


class Values:
    """Makes the values of one statement, and remembers the plans they need beside the account."""

    def __init__(self, scope: Scope) -> None:
        self.scope = scope
        self._plans: dict[str, FromClause] = {}

    def of(self, name: str) -> ColumnElement[Any]:
        """Return the expression of a fact's value; not for those that are filled in when the task is written."""
        match FACTS[name].source:
            case Field(column):
                return column(self.scope)
            case Shown(shown):
                return shown(self.scope)
            case Latest(rows):
                return latest(rows(self.scope), self.scope.now)
            case Count(rows):
                return at_the_account(rows(self.scope)).with_only_columns(func.count()).scalar_subquery()
            case PlanCount() | NextPlan():
                return self._plan_value(name)
            case Filled():
                raise ValueError(f"{name} is known only when the task is written")

    def joined(self, table: FromClause) -> FromClause:
        """Return the table with the plans that the values and conditions made so far refer to."""
        for plan in self._plans.values():
            table = table.outerjoin(plan, plan.c.account_id == account.c.id)
        return table

    def _plan_value(self, name: str) -> ColumnElement[Any]:
        """Return a column of the plans counted or put in order by account; `joined` brings them in."""
        source = FACTS[name].source
        if name not in self._plans:
            wanted: ColumnElement[Any]
            match source:
                case PlanCount(plans):
                    rows = plans(self.scope).subquery()
                    wanted = func.count(rows.c.id.distinct())
                case NextPlan(plans):
                    rows = plans(self.scope).subquery()
                    wanted = func.min(rows.c.at)
                case _:
                    raise ValueError(f"{name} is no plan")
            key = cast(rows.c.account_id, String).label("account_id")  # SQLite indexes a column of known type only
            grouped = select(key, wanted.label("value")).group_by(rows.c.account_id)
            self._plans[name] = grouped.subquery(f"plan_{len(self._plans)}")
        value = self._plans[name].c.value
        return func.coalesce(value, 0) if isinstance(source, PlanCount) else value
