"""What the planner knows: the rules, the ledger by subject, account and owner, the people, and the time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from refsync.company import Company
from refsync.finding import Finding, State
from refsync.model import Instant, User
from refsync.rules.rule import Rule, RuleSet


@dataclass(frozen=True, slots=True, kw_only=True)
class People:
    """Who could be given a task."""

    users: Mapping[str, User]
    contact_owner: Mapping[str, str] = field(default_factory=dict)
    deal_owner: Mapping[str, str] = field(default_factory=dict)


UNSENT = frozenset({State.PENDING, State.WAITING})


class Past:
    """The ledger, by what the planner asks of it."""

    def __init__(self, findings: Iterable[Finding]) -> None:
        self.of_subject: dict[tuple[str, str], list[Finding]] = defaultdict(list)
        """By rule and subject id."""
        self.of_account: dict[str, list[Finding]] = defaultdict(list)
        self.given_to: dict[str, list[Finding]] = defaultdict(list)
        """By owner: what got a task, or was to get one."""
        for finding in findings:
            self.of_subject[finding.rule, finding.subject_id].append(finding)
            if finding.account_id:
                self.of_account[finding.account_id].append(finding)
            if finding.state not in UNSENT:
                self.given_to[finding.owner_id].append(finding)

    def found(self, rule: Rule, subject_id: str) -> Sequence[Finding]:
        """Return what a rule found about a subject, under whatever name it had."""
        if not rule.renamed_from:
            return self.of_subject.get((rule.name, subject_id), ())
        return [finding for name in rule.names for finding in self.of_subject.get((name, subject_id), ())]


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    rules: RuleSet
    past: Past
    people: People
    org: str
    now: Instant
    again: frozenset[str] = frozenset()
    """Keys of findings that an admin took back and lets come again."""

    @property
    def company(self) -> Company:
        return self.rules.company
