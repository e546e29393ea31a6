"""Whom a rule matches, exactly and before any limit, with names: what `refsync rules preview` shows. Reads only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from refsync.model import Instant, Stream, iso
from refsync.rules.facts.people import pick
from refsync.rules.facts.registry import FACTS
from refsync.rules.phrases import FactType
from refsync.rules.rule import Rule, RuleSet, Value
from refsync.store.engine import Database
from refsync.store.records import directory
from refsync.sync.evaluate import matches_of
from refsync.sync.write_back.words import known_people


@dataclass(frozen=True, slots=True, kw_only=True)
class Previewed:
    """One match, readable."""

    account: str
    account_id: str
    contact: str | None
    """The person the task would name."""
    owner: str | None
    ready: bool
    """False: another rule's task comes first."""
    facts: Mapping[str, Value]
    """What the rule saw; instants as ISO texts."""

    def as_json(self) -> dict[str, Any]:
        return {
            "account": self.account,
            "account_id": self.account_id,
            "contact": self.contact,
            "owner": self.owner,
            "ready": self.ready,
            "facts": dict(self.facts),
        }


def preview(db: Database, connection: str, rule: Rule, rules: RuleSet, now: Instant) -> list[Previewed]:
    """Return every match of a rule at an instant, by account name."""
    matches = list(matches_of(db, rule, rules, connection, now))
    owners = directory.names(db, connection, Stream.USERS, {match.owner_id for match in matches if match.owner_id})
    known = known_people(db, connection, matches, now)
    found = [
        Previewed(
            account=match.account_name,
            account_id=match.account_id,
            contact=person.name if (person := pick(rule.task.with_, match, known(match))) else None,
            owner=owners.get(match.owner_id or ""),
            ready=match.ready,
            facts={name: readable(name, value) for name, value in match.facts.items()},
        )
        for match in matches
    ]
    return sorted(found, key=lambda one: (one.account, one.account_id))


def readable(name: str, value: Value) -> Value:
    """Return the value of a fact; an instant as an ISO text."""
    fact = FACTS.get(name)
    if fact is not None and fact.type is FactType.TIME and isinstance(value, int):
        return iso(value)
    return value
