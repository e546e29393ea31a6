"""A rule becomes one SELECT over the mirror."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select

from refsync.model import Instant, Stream
from refsync.rules.rule import Match, Rule, RuleSet


@dataclass(frozen=True, slots=True, kw_only=True)
class Compiled:
    """A rule as a statement, and how to read its rows."""

    statement: Select[Any]
    match: Callable[[Mapping[str, Any]], Match]
    """Takes `row._mapping`."""


def compile_rule(rule: Rule, ruleset: RuleSet, connection_id: str, now: Instant) -> Compiled:
    """Return the rule's one SELECT; not for rules that are only for otherwise."""
    raise NotImplementedError


def holding(rule: Rule, ruleset: RuleSet, connection_id: str, now: Instant, subject_ids: Sequence[str]) -> Select[Any]:
    """Return a SELECT of those subject ids for which `when` still holds; for events: those that still exist."""
    raise NotImplementedError


def in_touch(rule: Rule, ruleset: RuleSet, connection_id: str, now: Instant, account_ids: Sequence[str]) -> Select[Any]:
    """Return a SELECT of those account ids for which the `needs` of this (waiting) rule hold."""
    raise NotImplementedError


def reads(rule: Rule, ruleset: RuleSet) -> frozenset[Stream]:
    """Return the streams without which the rule cannot be judged (for the freshness gate)."""
    raise NotImplementedError


def horizon(rule: Rule, ruleset: RuleSet, now: Instant) -> Instant | None:
    """Return the earliest cut-off on activities that the rule looks at: history must be whole from there on."""
    raise NotImplementedError
