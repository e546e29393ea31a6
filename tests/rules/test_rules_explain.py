"""Why, and why not."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from refsync.rules.files.folder import load
from refsync.rules.rule import RuleSet
from refsync.rules.why.explain import Answer, Explained, Why, find_account, why
from tests.rules.mirror import CONNECTION, NOW, Mirror, at
from tests.rules.texts import about_accounts

SHIPPED = Path(__file__).parents[2] / "rules"


def explained(mirror: Mirror, rules: RuleSet, account: str = "a") -> Why:
    mirror.derive(rules.company)
    found = why(mirror.rows, rules, CONNECTION, account, NOW)
    assert found is not None
    return found


def of(found: Why, rule: str) -> list[Explained]:
    return [one for one in found.rules if one.rule == rule]


def test_each_line_is_answered_with_what_it_saw(mirror: Mirror) -> None:
    """A rule that does not match says which line is not true, what was seen, and where the line stands."""
    mirror.add("crm_user", {"id": "rita", "name": "Rita", "active": True})
    mirror.account(id="a", name="Acme", owner_id="rita", tier="B", created_at=None)
    mirror.activity("2026-11-01", account_id="a")
    rules = load(SHIPPED)
    found = explained(mirror, rules)
    [neglected] = of(found, "reconnect-neglected-customer")

    assert (found.name, found.owner, found.segment) == ("Acme", "Rita", "core")
    assert (neglected.matches, neglected.subject_id, neglected.about) == (False, "a", "the account")
    assert [(line.section, line.answer, line.shown) for line in neglected.lines if line.section != "stop"] == [
        ("when", Answer.YES, "customer"),
        ("when", Answer.UNKNOWN, "unknown"),
        ("when", Answer.NO, "1 Nov 2026"),
        ("unless", Answer.NO, "0"),
        ("unless", Answer.NO, "none"),
        ("unless", Answer.NO, "1 Nov 2026"),
    ]
    line = neglected.lines[2]
    assert line.line == 'account.last_touch = "not in the last {reconnect_after}"'
    assert (line.seen, Path(line.place.file).name, line.place.column) == (
        at("2026-11-01"),
        "reconnect-neglected-customer.toml",
        22,
    )


def test_a_match_is_what_the_select_says(mirror: Mirror) -> None:
    """A customer that matches is told to, with every line of `when` a yes."""
    mirror.account(id="a")
    [neglected] = of(explained(mirror, load(SHIPPED)), "reconnect-neglected-customer")

    assert (neglected.matches, neglected.ready, neglected.stops) == (True, True, ())
    assert {line.answer for line in neglected.lines if line.section == "when"} == {Answer.YES}
    assert [line.shown for line in neglected.lines if "last_touch" in line.line] == ["never"]


@pytest.mark.parametrize(
    ("row", "touched", "starts"),
    [
        ({"tier": "B"}, "2026-11-01", date(2027, 1, 1)),
        ({"tier": "A"}, "2026-11-01", date(2026, 12, 2)),
        ({"tier": "B", "created_at": "2026-11-15"}, "2026-11-01", date(2027, 1, 1)),
        ({"tier": "A", "created_at": "2026-11-15"}, "2026-11-01", date(2026, 12, 16)),
        ({"tier": "B", "status": "prospect"}, "2026-11-01", None),
        ({"tier": "B", "created_at": None}, "2026-11-01", None),
        ({"tier": "B", "do_not_contact": True}, "2026-11-01", None),
        ({"tier": "B"}, "2026-01-01", None),
    ],
)
def test_when_a_rule_would_start(mirror: Mirror, row: dict[str, Any], touched: str, starts: date | None) -> None:
    """If only time has to pass, the day is told from which the rule matches, and on that day and no sooner it does."""
    mirror.account(id="a", **row)
    mirror.activity(touched, account_id="a")
    rules = load(SHIPPED)
    [found] = of(explained(mirror, rules), "reconnect-neglected-customer")

    assert starts == found.starts
    if starts:
        midnight = f"{starts.isoformat()}T00:00:00Z"
        assert ["a"] == mirror.matched(rules, "reconnect-neglected-customer", midnight)
        assert [] == mirror.matched(rules, "reconnect-neglected-customer", at(midnight) - 1)


def test_milestones_are_told_apart(mirror: Mirror) -> None:
    """A rule about milestones is explained for each of them, the latest first; without one that is said."""
    mirror.account(id="a")
    mirror.account(id="b")
    mirror.activity("2026-01-01", account_id="a")
    for kind, reached in (("signed", "2026-11-01"), ("roi", "2024-01-01"), ("implemented", "2027-01-01")):
        mirror.add("milestone", {"id": kind, "kind": kind, "account_id": "a", "reached": reached})
    rules = load(SHIPPED)
    asks = of(explained(mirror, rules), "ask-referral-after-milestone")

    assert [(ask.about, ask.matches, ask.ready) for ask in asks] == [
        ("signed, 1 Nov 2026", True, False),
        ("roi, 1 Jan 2024", False, False),
    ]
    [none] = of(explained(mirror, rules, "b"), "ask-referral-after-milestone")
    assert (none.about, none.matches, none.lines) == ("no milestone", False, ())


def test_suppressions_that_stop_a_rule_are_named(mirror: Mirror) -> None:
    """What stops a rule is named, with its lines."""
    mirror.account(id="a", do_not_contact=True)
    mirror.add("support_case", {"account_id": "a", "escalated": True})
    [neglected] = of(explained(mirror, load(SHIPPED)), "reconnect-neglected-customer")

    assert (neglected.matches, neglected.stops) == (False, ("do-not-contact", "open-escalation"))
    assert [line.shown for line in neglected.lines if line.section == "stop"] == ["yes", "1"]


def test_touches_and_what_is_no_touch(mirror: Mirror) -> None:
    """The touches are listed with people, and every other activity with the reason why it does not count."""
    mirror.account(id="a")
    mirror.contact(id="c", account_id="a", name="Carla")
    mirror.activity("2026-11-01", ["c"], id="call", account_id="a")
    mirror.activity("2026-11-02", id="mail", account_id="a", kind="email", direction="out")
    mirror.activity("2026-11-03", ["c"], id="task", kind="task", task_key="x")
    mirror.activity("2026-12-01", id="ahead", account_id="a", kind="meeting")
    mirror.activity("2026-11-04", id="elsewhere", account_id="b")
    found = explained(mirror, load(SHIPPED))

    [touch] = found.touches
    assert (touch.activity_id, touch.channel, touch.two_way, touch.person) == ("call", "call", True, "Carla")
    assert [(one.activity_id, one.reason) for one in found.ignored] == [
        ("ahead", "lies ahead"),
        ("task", "our own task"),
        ("mail", "e-mail we sent"),
    ]


def test_any_blocks_and_segments_are_explained(rules: Callable[..., RuleSet], mirror: Mirror) -> None:
    """Lines in `any` and lines about the segment are answered too."""
    mirror.account(id="a", tier="A")
    loaded = rules(
        rule=about_accounts('segment = "key"', '[[when.any]]\nsegment.ask_after = "roi"\n[[when.any]]\naccount.tier = "B"')
    )
    [one] = of(explained(mirror, loaded), "rule")

    assert one.matches
    assert [(line.section, line.answer, line.shown) for line in one.lines] == [
        ("when", Answer.YES, "key"),
        ("any", Answer.YES, "key"),
        ("any", Answer.NO, "A"),
    ]


def test_an_unknown_account_has_no_why(mirror: Mirror) -> None:
    """An id of nothing gives None."""
    assert why(mirror.rows, load(SHIPPED), CONNECTION, "nobody", NOW) is None


def test_accounts_are_found_by_id_name_and_beginning(mirror: Mirror) -> None:
    """An id or a name is found exactly and first; a beginning finds several; signs like % mean themselves."""
    mirror.account(id="1", name="Acme")
    mirror.account(id="2", name="Acme North")
    mirror.account(id="3", name="100% Pure")

    def named(text: str) -> list[str]:
        return [row["id"] for row in mirror.rows(find_account(text, CONNECTION))]

    assert [named(text) for text in ("2", "Acme", "acme n", "100%", "%")] == [["2"], ["1", "2"], ["2"], ["3"], []]
