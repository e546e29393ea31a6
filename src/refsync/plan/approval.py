"""What a person has let pass, and what waits until one does. Pure.

Laws: what was approved by name is never stopped again by a brake; what is paused, nothing lets pass.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from refsync.plan.values import Held, Wish

PAUSED = "paused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """What people decided about tasks that are still to be written."""

    everything: bool = False
    """Whoever started this run has approved whatever it writes."""
    keys: frozenset[str] = frozenset()
    """Tasks of plans that were approved, and those that the CRM has already."""
    passed: frozenset[tuple[str, str]] = frozenset()
    """First matches of rules gone live, as rule and subject, that may be written."""
    waiting: Mapping[tuple[str, str], str] = field(default_factory=dict)
    """First matches that may not, with the reason."""
    paused: frozenset[str] = frozenset()
    """Rules for which nothing is written."""
    again: frozenset[str] = frozenset()
    """Findings that were taken back and may come again."""
    only: frozenset[str] | None = None
    """The keys of a plan that is carried out: no other task competes."""

    def sort(self, wishes: Iterable[Wish]) -> tuple[list[Wish], list[Held]]:
        """Return the wishes that may be thought about, and the others with the reason."""
        free: list[Wish] = []
        held: list[Held] = []
        for wish in wishes if self.only is None else (wish for wish in wishes if wish.key in self.only):
            if reason := self.stops(wish):
                held.append(Held(rule=wish.match.rule, match=wish.match, reason=reason))
            else:
                free.append(wish)
        return free, held

    def covers(self, wish: Wish) -> bool:
        """Say whether a person has let this very task pass."""
        return self.everything or wish.key in self.keys or (wish.match.rule, wish.match.subject_id) in self.passed

    def stops(self, wish: Wish) -> str:
        """Return why a wish waits for a person; empty: it need not."""
        if not self.paused.isdisjoint({wish.rule.name, wish.match.rule}):
            return PAUSED
        return "" if self.covers(wish) else self.waiting.get((wish.match.rule, wish.match.subject_id), "")
