"""What watched rules are told of tasks that live rules are about to get: those places are taken. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from refsync.finding import Finding, State
from refsync.model import Instant
from refsync.plan.values import Wish


def taking(wishes: Iterable[Wish], now: Instant) -> Iterator[Finding]:
    """Yield the findings of wishes, as if their tasks were written, as far as a planner looks at them."""
    for wish in wishes:
        yield Finding(
            key=wish.key,
            rule=wish.rule.name,
            kind=wish.rule.kind,
            subject_kind=wish.subject_kind,
            subject_id=wish.subject_id,
            episode=wish.episode,
            n=wish.n,
            account_id=wish.match.account_id,
            contact_id=wish.match.contact_id,
            owner_id=wish.owner_id,
            state=State.OPEN,
            opened_at=now,
        )
