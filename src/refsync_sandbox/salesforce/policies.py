"""What an org does to writes beyond the schema: validation rules, rows that are locked, transactions that commit late.

Law: a policy is judged inside the write's transaction, so that a refused write leaves nothing behind.
"""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from refsync_sandbox.clock import Clock
from refsync_sandbox.salesforce.grammar import parse
from refsync_sandbox.salesforce.plans import Planner
from refsync_sandbox.salesforce.refusals import Refused
from refsync_sandbox.salesforce.schema import Schema, SObject
from refsync_sandbox.salesforce.soql import Fault


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A validation rule: a record that meets the condition is refused."""

    object: str
    when: str
    """A SOQL condition over the record as it would be."""
    message: str
    field: str = ""
    """The field that the message stands at; empty for the top of the page."""


class Policies:
    """What is judged for each write."""

    def __init__(self, database: sqlite3.Connection, schema: Schema, clock: Clock) -> None:
        self._database, self._schema, self._clock = database, schema, clock
        self._rules: list[Rule] = []
        self._locked: dict[str, int | None] = {}
        self._lateness = timedelta(0)
        self._chance: random.Random | None = None

    # -- set by an admin -------------------------------------------------------------------------------------------------------

    def add_rule(self, rule: Rule) -> None:
        """Judge writes by a rule from now on. Raises Refused for a condition that cannot be understood."""
        self._met(rule, "000000000000000AAA")
        self._rules.append(rule)

    def drop_rules(self, subject: str) -> None:
        """Forget the rules of an object."""
        self._rules = [rule for rule in self._rules if rule.object != subject]

    def lock(self, record_id: str, times: int | None) -> None:
        """Let so many writes to a record, or to one that points at it, find it locked; None: until it is unlocked."""
        self._locked[record_id] = times

    def unlock(self, record_id: str) -> None:
        """Let a record be written again."""
        self._locked.pop(record_id, None)

    def commit_late(self, lateness: timedelta, seed: int | None) -> None:
        """Stamp records earlier than they appear from now on: always so much, or with a seed by chance up to so much."""
        self._lateness, self._chance = lateness, None if seed is None else random.Random(seed)  # noqa: S311 - repeatable

    # -- judged by records -----------------------------------------------------------------------------------------------------

    def now(self) -> datetime:
        """Return when a write is stamped: the start of its transaction, before the time at which it is seen."""
        share = 1.0 if self._chance is None else self._chance.random()
        return self._clock.now() - self._lateness * share

    def judge(self, subject: SObject, record_id: str) -> None:
        """Raise Refused when a record, as it has just been written, meets a rule."""
        for rule in self._rules:
            if rule.object == subject.name and self._met(rule, record_id):
                fields = (rule.field,) if rule.field else ()
                raise Refused("FIELD_CUSTOM_VALIDATION_EXCEPTION", rule.message, *fields)

    def reach(self, ids: Iterable[str]) -> None:
        """Raise Refused when one of the records of a write is locked by somebody else."""
        for record_id in ids:
            left = self._locked.get(record_id, 0)
            if left == 0:
                continue
            if left is not None:
                self._locked[record_id] = left - 1
            raise Refused("UNABLE_TO_LOCK_ROW", f"unable to obtain exclusive access to this record or 1 records: {record_id}")

    def _met(self, rule: Rule, record_id: str) -> bool:
        text = f"SELECT Id FROM {rule.object} WHERE Id = '{record_id}' AND ({rule.when})"  # noqa: S608 - SOQL
        try:
            plan = Planner(self._schema, everything=True, today=self._clock.now().date()).plan(parse(text))
        except Fault as fault:
            raise fault.in_text(text) from None
        return self._database.execute(plan.find, plan.values).fetchone() is not None
