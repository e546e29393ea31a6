"""The words of a task. Pure, no database."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from refsync.model import Instant
from refsync.rules.rule import Match, Person, Rule, RuleSet


@dataclass(frozen=True, slots=True)
class Written:
    """The subject and the text of a task, filled in."""

    subject: str
    text: str


def write(
    rule: Rule, ruleset: RuleSet, match: Match, person: Person | None, now: Instant, *, waiting: Sequence[Rule] = ()
) -> Written:
    """Return the words of the rule's task. `waiting`: the rules that wait behind it, for an `otherwise` rule."""
    raise NotImplementedError
