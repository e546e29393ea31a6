"""A store in memory for the tests of rules: rows go in by a few words, and a rule's matches come out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Select, insert, select

from refsync.company import Company
from refsync.model import Instant, parse_instant
from refsync.rules.rule import Match, RuleSet
from refsync.store import tables
from refsync.store.derived import last_touch, touches
from refsync.store.tables import metadata
from refsync.sync.evaluate import matches_of

CONNECTION = "crm"
NOW = parse_instant("2026-11-20T09:00:00Z")


class Mirror:
    """A store in memory. Times are ISO texts or instants."""

    def __init__(self, db: Connection) -> None:
        self.db = db
        self.ids = 0

    def add(self, table: str, row: Mapping[str, Any]) -> str:
        known = self._whole(table, row)
        self.db.execute(insert(metadata.tables[table]).values(known))
        return str(known.get("id", ""))

    def add_all(self, table: str, rows: Sequence[Mapping[str, Any]]) -> None:
        """Add rows at once, which is quicker."""
        if rows:
            self.db.execute(insert(metadata.tables[table]), [self._whole(table, row) for row in rows])

    def _whole(self, table: str, row: Mapping[str, Any]) -> dict[str, Any]:
        """Return a row with every column of its table."""
        self.ids += 1
        blank = {column.name: _blank(column) for column in metadata.tables[table].columns}
        values = {**blank, "connection": CONNECTION, "id": f"{table}-{self.ids}", **row}
        times = {name: at(value) for name, value in values.items() if name in TIMES and isinstance(value, str)}
        return {name: value for name, value in {**values, **times}.items() if name in metadata.tables[table].columns}

    def account(self, **row: Any) -> str:
        customer = {"name": row.get("id", "Acme"), "status": "customer", "created_at": "2020-01-01T00:00:00Z"}
        return self.add("account", {**customer, **row})

    def contact(self, **row: Any) -> str:
        return self.add("contact", {"name": row.get("id", "Carla"), **row})

    def activity(self, when: str | Instant | None, contacts: Sequence[str] = (), **row: Any) -> str:
        """Add an activity, a call unless another kind is given, with its people."""
        added = self.add("activity", {"kind": "call", "status": "done", "at": when, **row})
        for contact in contacts:
            link = {"connection": row.get("connection", CONNECTION), "activity_id": added, "contact_id": contact}
            self.db.execute(insert(tables.activity_contact).values(link))
        return added

    def derive(self, company: Company) -> None:
        """Work out the touches as the store does."""
        touches.rebuild(self.db, CONNECTION, company.touch)
        last_touch.rebuild(self.db, CONNECTION)

    def matches(self, rules: RuleSet, name: str, now: str | Instant = NOW) -> list[Match]:
        """Return what a rule matches, by subject. The SELECT that is about some accounts alone has to say the same of all."""
        self.derive(rules.company)
        rule = rules.rule(name)
        assert rule is not None
        all_of_them = tuple(self.db.scalars(select(tables.account.c.id).where(tables.account.c.connection == CONNECTION)))
        found, alone = (
            sorted(matches_of(self.db, rule, rules, CONNECTION, at(now), accounts=accounts), key=lambda match: match.subject_id)
            for accounts in ((), all_of_them if rule.for_each != "rep" else ())
        )
        assert alone == found
        return found

    def matched(self, rules: RuleSet, name: str, now: str | Instant = NOW) -> list[str]:
        return [match.subject_id for match in self.matches(rules, name, now)]

    def rows(self, statement: Select[Any]) -> list[Mapping[str, Any]]:
        return [dict(row) for row in self.db.execute(statement).mappings()]


TIMES = {"at", "created_at", "opened_at", "closed_at", "reached", "due_at"}


def at(when: str | Instant) -> Instant:
    """Return an instant; a day alone is its noon in UTC."""
    if isinstance(when, int):
        return when
    return parse_instant(when if "T" in when else f"{when}T12:00:00Z")


def _blank(column: Any) -> Any:
    if column.nullable:
        return None
    return {str: "", int: 0, bool: False, float: 0.0}[column.type.python_type]
