"""What came of matches with and without a task: what counts, on which side, and how sure a difference is."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Connection

from refsync.rules.coverage.holdout import Compared, Side, compare, difference
from refsync.rules.query.compile import MS_PER_DAY
from refsync.rules.rule import Kind, RuleSet
from tests.rules.mirror import CONNECTION, NOW, Mirror
from tests.rules.texts import about

Rules = Callable[..., RuleSet]


def drawn(mirror: Mirror, account: str, *, ago: int = 40, **values: object) -> None:
    """Add a draw of so many days ago."""
    said = {"key": account, "rule": "rule", "kind": "care", "account_id": account, "contact_id": "", "left_out": False}
    mirror.add("draw", {**said, "at": NOW - ago * MS_PER_DAY, **values})


def talk(mirror: Mirror, account: str, *, ago: int, **values: object) -> None:
    said = {"account_id": account, "activity_id": f"{account}-{ago}", "contact_id": "", "two_way": 1, "channel": "call"}
    mirror.add("touch", {**said, "at": NOW - ago * MS_PER_DAY, **values})


def told(mirror: Mirror, rules: RuleSet, days: int = 30) -> tuple[Compared, ...]:
    return compare(mirror.rows, rules, CONNECTION, NOW, days)


def test_a_conversation_in_time_counts(rules: Rules, engines: Mapping[str, Connection]) -> None:
    """After the match and within the days, both sides; not before it, not later, not one-way, and not of another connection."""
    loaded = rules(rule=about("account", 'account.status = "customer"'))
    for db in engines.values():
        mirror = Mirror(db)
        for account in ("soon", "last day", "too late", "before", "one-way", "nothing"):
            drawn(mirror, account)
        for account in ("left, soon", "left, nothing"):
            drawn(mirror, account, left_out=True)
        drawn(mirror, "elsewhere", connection="other")
        talk(mirror, "soon", ago=39)
        talk(mirror, "soon", ago=38)
        talk(mirror, "last day", ago=10)
        talk(mirror, "too late", ago=9)
        talk(mirror, "before", ago=40)
        talk(mirror, "one-way", ago=30, two_way=0)
        talk(mirror, "left, soon", ago=30)
        talk(mirror, "nothing", ago=30, connection="other")
        (found,) = told(mirror, loaded)
        db.rollback()

        assert (Side(matches=6, came=2), Side(matches=2, came=1), 0) == (found.given, found.left_out, found.young)


def test_of_what_is_about_a_person_the_person_counts(rules: Rules, mirror: Mirror) -> None:
    """A conversation with somebody else there says nothing of a task that was about Carla."""
    for account in ("with her", "with another"):
        drawn(mirror, account, contact_id="carla")
    talk(mirror, "with her", ago=30, contact_id="carla")
    talk(mirror, "with another", ago=30, contact_id="carl")
    (found,) = told(mirror, rules(rule=about("contact", 'account.status = "customer"')))

    assert Side(matches=2, came=1) == found.given


def test_of_asks_introductions_count(rules: Rules, mirror: Mirror) -> None:
    """An ask is for an introduction: a conversation alone is none."""
    for account in ("asked", "asked too", "talked"):
        drawn(mirror, account, kind="ask")
    mirror.add("introduction", {"account_id": "asked", "made_at": NOW - 20 * MS_PER_DAY})
    mirror.add("introduction", {"account_id": "asked too", "made_at": NOW - 41 * MS_PER_DAY})
    talk(mirror, "talked", ago=20)
    (found,) = told(mirror, rules(rule=about("account", 'account.status = "customer"')))

    assert (Kind.ASK, Side(matches=3, came=1)) == (found.kind, found.given)


def test_young_matches_do_not_count_yet(rules: Rules, mirror: Mirror) -> None:
    """A match counts from the end of its days on, even when it came to something before."""
    drawn(mirror, "old", ago=30)
    drawn(mirror, "young", ago=29)
    drawn(mirror, "young, left out", ago=1, left_out=True)
    talk(mirror, "young", ago=28)
    (found,) = told(mirror, rules(rule=about("account", 'account.status = "customer"')))

    assert (Side(matches=1), Side(), 2, None) == (found.given, found.left_out, found.young, found.difference)


def test_a_renamed_rule_is_one_rule(rules: Rules, mirror: Mirror) -> None:
    """What was drawn under a former name counts under the new one; rules that are gone keep theirs."""
    for rule in ("rule", "former", "gone"):
        drawn(mirror, rule, rule=rule)
    loaded = rules(rule='renamed_from = ["former"]\n' + about("account", 'account.status = "customer"'))

    assert [("gone", 1), ("rule", 2)] == [(one.rule, one.given.matches) for one in told(mirror, loaded)]


def test_the_interval_is_newcombes() -> None:
    """The example of the paper: 56 of 70 beside 48 of 80; and 10 of 10 beside 0 of 20, where others give no interval at all."""
    assert difference(Side(matches=70, came=56), Side(matches=80, came=48)) == pytest.approx((0.2, 0.0524, 0.3339), abs=5e-5)
    assert difference(Side(matches=10, came=10), Side(matches=20)) == pytest.approx((1.0, 0.6791, 1.0), abs=5e-5)


sides = st.integers(1, 5000).flatmap(lambda n: st.builds(Side, matches=st.just(n), came=st.integers(0, n)))


@given(sides, sides)
def test_an_interval_holds_its_difference(one: Side, other: Side) -> None:
    """It lies within -1 and 1, holds the difference, and turned round it is the same with the other sign."""
    found, turned = difference(one, other), difference(other, one)
    assert found
    assert turned
    points, low, high = found

    assert -1 - 1e-9 <= low <= points <= high <= 1 + 1e-9
    assert (-points, -high, -low) == pytest.approx(turned)
