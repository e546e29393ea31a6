"""What rules would do for some data: preview's funnel, settings tried out, diff, backtest, and what only the data can tell."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from refsync.errors import UserError
from refsync.model import Account, AccountStatus, Activity, ActivityKind, ActivityStatus, Direction, Record, User, parse_instant
from refsync.rules.files.folder import load
from refsync.rules.rule import RuleSet
from refsync.rules.what_if import with_setting
from refsync.store.engine import Store, open_store
from refsync.sync.dry_run.backtest import backtest
from refsync.sync.dry_run.effect import effect
from refsync.sync.dry_run.examine import examine
from refsync.sync.dry_run.rehearsal import funnel, live, rehearse
from refsync.sync.tick import tick
from refsync.testing.memory import MemoryConnector, MemoryCrm

NOW = parse_instant("2026-11-20T09:00:00Z")
DAY = 86_400_000
COMPANY = 'time_zone = "UTC"\nsettle = "0 hours"\n[limits]\nper_rep_per_day = 2\nper_rep_per_week = 4\n'
SEGMENTS = """
[segment]
key = { when = { account.tier = "A" }, reconnect_after = "30 days" }
core = { when = {}, reconnect_after = "60 days" }
"""
RULE = """
title = "Neglected"
for_each = "account"
kind = "care"
[when]
account.status = "customer"
account.last_touch = "not in the last {reconnect_after}"
[unless]
account.annual_revenue = "more than 90"
[task]
do = "call"
subject = "Call {account.name}"
expire = "after 10 business days"
[repeat]
after_expired = "30 days"
"""
SUPPRESS = '[suppress]\nout = { when = { account.do_not_contact = true }, stops = ["all"] }\n'


def book() -> Iterator[Record]:
    """Yield twelve customers of one rep: the one with number n was called 10 n days ago. And a prospect."""
    yield User(id="rep", name="Rita", email="rita@example.com")
    for number in range(1, 13):
        yield Account(
            id=f"a{number:02}",
            name=f"Account {number:02}",
            owner_id="rep",
            status=AccountStatus.CUSTOMER,
            tier="A" if number % 2 else "B",
            annual_revenue=100.0 if number == 12 else 10.0,
            do_not_contact=number == 11,
        )
        yield Activity(
            id=f"call{number}",
            kind=ActivityKind.CALL,
            direction=Direction.OUT,
            at=NOW - number * 10 * DAY,
            status=ActivityStatus.DONE,
            owner_id="rep",
            account_id=f"a{number:02}",
        )
    yield Account(id="p", name="Prospect", owner_id="rep", status=AccountStatus.PROSPECT)


@pytest.fixture
def edited(folder: Callable[..., Path]) -> Callable[..., RuleSet]:
    """Return a function that loads the rules above, some files of them changed."""

    def write(**files: str) -> RuleSet:
        return load(folder(**{"company": COMPANY, "segments": SEGMENTS, "suppress": SUPPRESS, "neglected": RULE, **files}))

    return write


@pytest.fixture(scope="module")
def pulled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """Return a store that holds the book; nothing was written."""
    path = tmp_path_factory.mktemp("rules")
    for name, text in {"company": COMPANY, "segments": SEGMENTS, "suppress": SUPPRESS, "neglected": RULE}.items():
        (path / f"{name}.toml").write_text(text)
    with open_store("sqlite://") as store:
        connector = MemoryConnector(MemoryCrm(book()))
        tick(store, "crm", "memory", connector, load(path), now=NOW, dry_run=True, clock=lambda: NOW)
        yield store


def test_the_funnel_tells_what_each_line_leaves(edited: Callable[..., RuleSet], pulled: Store) -> None:
    """Each step says how many it loses and leaves, suppressions too; the last one leaves what the rule matches."""
    rules = edited()
    rule = rules.rule("neglected")
    assert rule is not None
    with pulled.read() as db:
        everyone, steps = funnel(db, "crm", rule, rules, NOW)
        matches = rehearse(db, "crm", live(rules, rule.name), NOW).matches["neglected"]

    assert 13 == everyone
    assert [("when", 1, 12), ("when", 5, 7), ("unless", 1, 6), ("stop", 1, 5)] == [
        (step.section, step.lost, step.left) for step in steps
    ]
    assert 5 == len(matches)


def test_a_rehearsal_keeps_to_the_caps(edited: Callable[..., RuleSet], pulled: Store) -> None:
    """Two a day for the only rep; the others wait, with the reason."""
    with pulled.read() as db:
        found = rehearse(db, "crm", live(edited()), NOW)

    assert 2 == len(found.tasks)
    assert {"limits.per_rep_per_day": 3} == found.plan.held_by


def test_a_setting_is_tried_out(edited: Callable[..., RuleSet], pulled: Store) -> None:
    """`--set` changes the length for one segment, or for all; what it cannot set is refused with what it could."""
    rules = edited()
    with pulled.read() as db:
        counts = [
            len(rehearse(db, "crm", live(with_setting(rules, text)), NOW).matches["neglected"])
            for text in ("core.reconnect_after=90", "core.reconnect_after=1 year", "*.reconnect_after=15 days")
        ]

    assert [4, 3, 9] == counts
    for wrong, hint in (
        ("core.reconnect_aftr=9", "reconnect_after"),
        ("cor.reconnect_after=9", "core"),
        ("reconnect_after=9", "--set"),
        ("core.reconnect_after=soon", "--set"),
    ):
        with pytest.raises(UserError) as raised:
            with_setting(rules, wrong)
        assert hint in str(raised.value.problems[0])


def test_diff_tells_what_is_won_and_lost(edited: Callable[..., RuleSet], pulled: Store) -> None:
    """Matches by segment, tasks of the next run, and the settings behind it."""
    before = edited()
    after = edited(
        segments=SEGMENTS.replace("60 days", "30 days").replace(
            '"A" }, reconnect_after = "30 days"', '"A" }, reconnect_after = "60 days"'
        )
    )
    with pulled.read() as db:
        told = effect(db, "crm", before, after, NOW)

    assert ("key.reconnect_after 30 days -> 60 days", "core.reconnect_after 60 days -> 30 days") == told.settings
    [changed] = told.rules
    assert (5, 6, {"core": 2}, {"key": 1}) == (changed.before, changed.after, changed.gained, changed.lost)
    assert (2, 2) == (told.tasks_before, told.tasks_after)


def test_a_backtest_counts_weeks_and_reps(edited: Callable[..., RuleSet], pulled: Store) -> None:
    """Tasks keep to the caps of each week; what nobody touched expires; the report names what has no time of its own."""
    with pulled.read() as db:
        told = backtest(db, "crm", edited(), NOW, 28)

    assert 21 == told.days
    assert all(week.tasks <= 4 for week in told.weeks)
    assert sum(week.tasks for week in told.weeks) == told.reps["Rita"]["tasks"] == told.rules["neglected"] > 0
    assert told.reps["Rita"]["tasks"] == sum(told.reps["Rita"][word] for word in ("cleared", "expired", "open"))
    assert sum(week.cleared for week in told.weeks) == told.reps["Rita"]["cleared"] > 0
    assert {"account.status", "account.tier", "account.owner"} <= set(told.as_of_today)
    assert "account.last_touch" not in told.as_of_today


@pytest.mark.parametrize(
    ("old", "new", "message", "hint"),
    [
        ('"customer"', '"former"', "matches nobody now", "leaves none of 13"),
        ('account.status = "customer"', 'account.tier = "AA"', 'no account of "crm" has account.tier "AA"', "A"),
        ('account.status = "customer"\n', 'account.created = "never"\n', "matches every account: all 13", "is a line missing?"),
        (
            'do = "call"',
            'do = "call"\nassign = "user:nobody@example.com"',
            '"user:nobody@example.com" is no user or queue',
            "next",
        ),
    ],
)
def test_the_data_tell_what_files_cannot(
    edited: Callable[..., RuleSet], pulled: Store, old: str, new: str, message: str, hint: str
) -> None:
    """What never occurs, reaches nobody or everybody, or names nobody is told at its place, with what to do."""
    changed = RULE.replace(old, new)
    if "never" in new:
        changed = changed.replace('account.last_touch = "not in the last {reconnect_after}"\n', "").replace(
            "more than 90", "more than 900"
        )
    rules = edited(neglected=changed, suppress="[suppress]\n")
    with pulled.read() as db:
        found = examine(db, "crm", rules, NOW)
    [told] = [problem for problem in found if message in problem.message]

    assert hint in told.hint
    assert told.place is not None
    assert told.place.file.endswith("neglected.toml")


def test_a_rule_that_never_comes_first_is_told(edited: Callable[..., RuleSet], pulled: Store) -> None:
    """Whose accounts all go to another rule is shadowed; the rule in front is named."""
    order = COMPANY + '[order]\nfirst_wins = ["neglected", "second"]\n'
    second = RULE.replace('"Neglected"', '"Second"').replace('"not in the last {reconnect_after}"', '"not in the last 61 days"')
    with pulled.read() as db:
        found = examine(db, "crm", edited(company=order, second=second), NOW)

    assert ["never comes first: each of its 4 accounts goes to neglected"] == [
        problem.message for problem in found if "never comes first" in problem.message
    ]


def test_introductions_that_are_not_set_up_are_told(edited: Callable[..., RuleSet], pulled: Store) -> None:
    """A rule about introductions says that none is known, instead of nothing."""
    thanks = 'title = "T"\nfor_each = "introduction"\nkind = "thanks"\n[when]\nintroduction.made = "in the last 30 days"\n'
    with pulled.read() as db:
        found = examine(db, "crm", edited(thanks=thanks + '[task]\ndo = "call"\nsubject = "Thank them"\n'), NOW)

    assert ['no introduction is known in "crm", so this rule matches nobody'] == [
        problem.message for problem in found if "introduction" in problem.message
    ]
