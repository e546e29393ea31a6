"""What a plan is made of."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

from refsync.finding import Finding, State
from refsync.model import Instant, User
from refsync.rules.rule import Match, Rule


class Wish(NamedTuple):
    """A task that a rule wants, on its way through the limits; a tuple, as `Match` is."""

    rule: Rule
    """The rule whose task is to be written: the match's own, or the one its `otherwise` names."""
    match: Match
    key: str
    subject_kind: str
    subject_id: str
    episode: str
    n: int
    behind: tuple[Finding, ...] = ()
    """For an `otherwise` task: the findings that wait for it."""
    noticed_at: Instant | None = None
    """Since when it is pending; None: seen now for the first time."""
    owner_id: str = ""
    assigned_as: str = ""
    """The entry of `assign` that led to the owner."""
    absent: User | None = None
    """Whose task it would be, were they not away; None: it is its owner's own."""
    due_on: date = date.min
    due_at: Instant = 0


class Drawn(NamedTuple):
    """A wish of a rule with a `holdout`, and whether it is one of those that get no task."""

    wish: Wish
    left_out: bool


class Held(NamedTuple):
    """A match that gets no task now, and the setting that says so."""

    rule: str
    match: Match
    reason: str
    owner_id: str = ""
    place: int = 0
    """Where it stands in the queue of its owner, from 1; 0: it did not come so far."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """A finding that is over, and why."""

    finding: Finding
    state: State
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """An open task that somebody else gets."""

    finding: Finding
    owner_id: str
    assigned_as: str
    """The entry of `assign` that led to the new owner."""
    due_on: date | None = None
    """A new due day, where the old one has passed."""
    due_at: Instant = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Escalation:
    """A task for somebody who is to hear of an overdue one."""

    finding: Finding
    """The one that is overdue."""
    rule: Rule
    key: str
    owner_id: str
    due_on: date
    due_at: Instant


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is to be done now."""

    write: tuple[Wish, ...] = ()
    """Tasks to create."""
    notice: tuple[Wish, ...] = ()
    """To be kept as pending until the condition has held for `settle`."""
    end: tuple[Ending, ...] = ()
    forget: tuple[str, ...] = ()
    """Keys of pending findings that no longer match."""
    wait: tuple[Finding, ...] = ()
    """To wait behind tasks that stand already."""
    move: tuple[Move, ...] = ()
    """Open tasks that go to somebody else."""
    escalate: tuple[Escalation, ...] = ()
    """Tasks to create for those who are to hear of overdue ones."""
    held: tuple[Held, ...] = ()
    drawn: tuple[Drawn, ...] = ()
    """What rules with a `holdout` want, before any limit: those left out, and those to compare them with."""
    stopped: tuple[Wish, ...] = ()
    """Tasks that would be created, were they not so many; among what is held, too."""
    stopped_by: str = ""
    """The limit that stopped them."""

    @property
    def held_by(self) -> dict[str, int]:
        """Return how many matches each reason holds, most first."""
        return dict(Counter(held.reason for held in self.held).most_common())
