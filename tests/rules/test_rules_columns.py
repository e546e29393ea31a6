"""What rules read of the CRM's records, and which of them cannot be judged when some of it is hidden."""

from __future__ import annotations

from pathlib import Path

import pytest

from refsync.bundled import bundled
from refsync.company import MilestoneField
from refsync.model import Stream
from refsync.rules.files.folder import load
from refsync.rules.query.compile import hidden
from refsync.rules.rule import RuleSet

ACCOUNTS, DEALS, ACTIVITIES, CASES = Stream.ACCOUNTS, Stream.DEALS, Stream.ACTIVITIES, Stream.CASES
ASK, RECONNECT, FIRST = "ask-referral-after-milestone", "reconnect-neglected-customer", "reconnect-before-asking"
FIELDS = (
    MilestoneField(kind="implemented", stream=ACCOUNTS, field="Go_Live__c"),
    MilestoneField(kind="roi", stream=DEALS, field="Roi__c"),
)


@pytest.fixture(scope="module")
def rules() -> RuleSet:
    return load(bundled("rules"))


def held(rules: RuleSet, *lacking: tuple[Stream, str]) -> set[str]:
    """Return those of three shipped rules that cannot be judged without these."""
    streams = {stream: frozenset(name for one, name in lacking if one is stream) for stream in Stream}
    three = [rule for rule in rules.rules if rule.name in {ASK, RECONNECT, FIRST}]
    return {rule.name for rule in three if hidden(rule, rules, FIELDS, streams)}


@pytest.mark.parametrize(
    ("lacking", "expected"),
    [
        ((ACCOUNTS, "status"), {ASK, RECONNECT}),
        ((ACCOUNTS, "tier"), {ASK, RECONNECT}),
        ((ACCOUNTS, "do_not_contact"), {ASK, RECONNECT, FIRST}),
        ((ACCOUNTS, "created_at"), {RECONNECT}),
        ((ACCOUNTS, "industry"), set()),
        ((ACCOUNTS, "name"), set()),
        ((ACTIVITIES, "direction"), {ASK, RECONNECT}),
        ((ACTIVITIES, "subject"), set()),
        ((CASES, "escalated"), {ASK, RECONNECT, FIRST}),
        ((DEALS, "status"), set()),
        ((DEALS, "amount"), set()),
        ((ACCOUNTS, "Go_Live__c"), set()),
    ],
)
def test_a_rule_is_held_for_what_it_reads(rules: RuleSet, lacking: tuple[Stream, str], expected: set[str]) -> None:
    """Lines, suppressions and segments count; what only texts show, and what nobody reads, holds nothing."""
    assert expected == held(rules, lacking)


def test_milestones_are_lost_when_no_kind_is_left(rules: RuleSet) -> None:
    """A rule goes on with the kinds of milestones that are shown, and is held when none is."""
    gone = [(DEALS, "closed_on"), (ACCOUNTS, "Go_Live__c"), (DEALS, "Roi__c")]

    assert (set(), set(), {ASK}) == (held(rules, *gone[:2]), held(rules, *gone[1:]), held(rules, *gone))


def test_a_rule_that_lists_its_milestones_needs_only_these(tmp_path: Path) -> None:
    """Of a rule that asks for one kind only that kind's field counts."""
    for path in bundled("rules").glob("*.toml"):
        text = path.read_text().replace('milestone.kind    = "{ask_after}"', 'milestone.kind = ["roi"]')
        (tmp_path / path.name).write_text(text)
    rules = load(tmp_path)

    assert ({ASK}, set()) == (held(rules, (DEALS, "Roi__c")), held(rules, (DEALS, "closed_on"), (ACCOUNTS, "Go_Live__c")))


def test_what_is_read_is_named(rules: RuleSet) -> None:
    """Of everything that is hidden only what the rule reads is told."""
    rule = rules.rule(RECONNECT)
    assert rule is not None
    lacking = {ACCOUNTS: frozenset({"status", "industry"}), CASES: frozenset({"escalated", "subject"})}

    assert {(ACCOUNTS, "status"), (CASES, "escalated")} == hidden(rule, rules, FIELDS, lacking)
    assert frozenset() == hidden(rule, rules, FIELDS, {ACCOUNTS: frozenset()})
