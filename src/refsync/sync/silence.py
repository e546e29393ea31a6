"""Reps of whom nothing is captured: their book cannot be judged.

Law: no data is not no contact. A rep who owns customers and shows no activity at all for `silent_owner` works outside of the CRM,
or their calendar is not connected: rules that read activities write nothing about their customers, and nothing of theirs expires.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from refsync.finding import State
from refsync.model import Stream
from refsync.plan import Ending, Held
from refsync.rules.query.compile import reads
from refsync.rules.rule import Match
from refsync.store.engine import Database
from refsync.store.records.silent import silent_owners
from refsync.sync.run import Run

REASON = "held.silent_owner"


@dataclass(frozen=True, slots=True, kw_only=True)
class Silence:
    """Who is silent, and which rules cannot judge their customers."""

    owners: dict[str, str] = field(default_factory=dict)
    """The names of those reps by id."""
    rules: frozenset[str] = frozenset()

    def sort(self, matches: Sequence[Match]) -> tuple[list[Match], list[Held]]:
        """Return the matches that can be judged, and the others with the reason, which names the rep."""
        if not self.owners:
            return list(matches), []
        silent = [match for match in matches if self._concerns(match.rule, match.owner_id)]
        held = [Held(match.rule, match, f"{REASON}: {self.owners[match.owner_id or '']}") for match in silent]
        return [match for match in matches if not self._concerns(match.rule, match.owner_id)], held

    def spared(self, endings: Iterable[Ending]) -> tuple[Ending, ...]:
        """Return the endings without those of tasks of silent reps that would only expire."""
        return tuple(
            one for one in endings if one.state is not State.EXPIRED or not self._concerns(one.finding.rule, one.finding.owner_id)
        )

    def _concerns(self, rule: str, owner_id: str | None) -> bool:
        return owner_id in self.owners and rule in self.rules


def silence(db: Database, run: Run) -> Silence:
    """Return who is silent now; nobody, where the company does not ask (`[freshness] silent_owner`)."""
    company = run.rules.company
    if company.silent_owner is None:
        return Silence()
    since = company.calendar.ago(run.now, company.silent_owner)
    judging = (rule for rule in run.rules.rules if Stream.ACTIVITIES in reads(rule, run.rules))
    return Silence(
        owners=silent_owners(db, run.connection, since, run.now),
        rules=frozenset(name for rule in judging for name in rule.names),
    )
