"""What an ask needs, who must be in touch for it, and what stops it."""

from __future__ import annotations

import pytest

from refsync.rules.query.compile import ready
from tests.rules.mirror import CONNECTION, NOW, Mirror
from tests.rules.texts import OTHERWISE, Rules, about_accounts, about_milestones, rule


def test_suppressions_stop_their_kinds_until_they_end(rules: Rules, mirror: Mirror) -> None:
    """A suppression stops the kinds it names up to and on its last day; an unknown value stops nothing."""
    mirror.account(id="case")
    mirror.account(id="closed")
    mirror.account(id="fair")
    mirror.account(id="unknown", do_not_contact=None)
    mirror.add("support_case", {"account_id": "case", "escalated": True})
    mirror.add("support_case", {"account_id": "closed", "escalated": True, "closed_at": "2026-11-01"})
    mirror.add("support_case", {"account_id": "fair", "escalated": False})
    suppress = """
        [suppress]
        opted-out = { when = { account.do_not_contact = true }, stops = ["all"] }
        person = { when = { contact.do_not_contact = true }, stops = ["all"] }
        escalation = { when = { account.open_escalations = "at least 1" }, stops = ["ask", "care"] }
        asks = { when = { account.status = "customer" }, stops = ["ask"] }
        fair = { when = { account.name = "fair" }, stops = ["care"], until = 2026-11-20, why = "Board change" }
    """
    loaded = rules(suppress=suppress, rule=about_accounts('account.status = "customer"'))

    assert mirror.matched(loaded, "rule") == ["closed", "unknown"]
    assert mirror.matched(loaded, "rule", "2026-11-21T09:00:00Z") == ["closed", "fair", "unknown"]


def test_needs_say_whether_to_ask_or_to_reconnect_first(rules: Rules, mirror: Mirror) -> None:
    """A match whose `needs` fail is not ready and tells the episode of the rule that speaks first."""
    for name, touched in {"warm": "2026-11-01", "cold": "2026-01-01", "strange": None}.items():
        mirror.account(id=name)
        if touched:
            mirror.activity(touched, account_id=name)
        mirror.add("milestone", {"id": f"signed:{name}", "kind": "signed", "account_id": name, "reached": "2026-11-10"})
    needs = '[needs]\naccount.last_two_way = "in the last 90 days"\notherwise = "first"'
    loaded = rules(rule=about_milestones('milestone.kind = "signed"', needs), first=OTHERWISE)
    found = {match.account_id: (match.ready, match.waiting_episode, match.episode) for match in mirror.matches(loaded, "rule")}

    assert found == {
        "warm": (True, "2026-11-01T12:00:00Z", ""),
        "cold": (False, "2026-01-01T12:00:00Z", ""),
        "strange": (False, "never", ""),
    }
    asked = ready(rule(loaded), loaded, CONNECTION, NOW, ["signed:warm", "signed:cold", "signed:strange", "nobody"])
    assert mirror.rows(asked) == [{"id": "signed:warm"}]


WITH = '[needs]\naccount.last_two_way = "in the last 90 days"\notherwise = "first"'


@pytest.mark.parametrize(
    ("with_", "touched", "stands"),
    [
        ("best contact", ["carla"], (True, False)),
        ("best contact", ["dora"], (True, False)),
        ("best contact", ["gone"], (False, True)),
        ("best contact", [""], (False, True)),
        ("milestone.contact", ["carla"], (True, False)),
        ("milestone.contact", ["dora"], (False, True)),
        ("milestone.contact, best contact", ["dora"], (True, False)),
        ("champion", ["dora"], (True, False)),
        ("champion", ["carla"], (False, True)),
        ("champion", [], (False, False)),
    ],
)
def test_the_person_of_an_ask_must_be_warm(
    rules: Rules, mirror: Mirror, with_: str, touched: list[str], stands: tuple[bool, bool]
) -> None:
    """An ask is ready when one of those whom it could name was in a conversation within `needs`, not just anybody there."""
    mirror.account(id="a")
    for name in ("carla", "dora", "gone"):
        mirror.contact(id=name, account_id="a", do_not_contact=name == "gone")
    deal = mirror.add("deal", {"account_id": "a"})
    mirror.add("deal_contact", {"deal_id": deal, "contact_id": "dora", "role": "Champion"})
    for name in touched:
        mirror.activity("2026-11-01", [name] if name else [], account_id="a")
    row = {"id": "signed:a", "kind": "signed", "account_id": "a", "contact_id": "carla", "reached": "2026-11-10"}
    mirror.add("milestone", row)
    ask = about_milestones('milestone.kind = "signed"', WITH) + f'with = "{with_}"\n'
    loaded = rules(rule=ask, first=OTHERWISE)
    [match] = mirror.matches(loaded, "rule")

    assert (match.ready, match.person_cold) == stands
    asked = ready(rule(loaded), loaded, CONNECTION, NOW, ["signed:a"])
    assert bool(mirror.rows(asked)) is stands[0]


def test_where_nobody_is_known_nobody_is_cold(rules: Rules, mirror: Mirror) -> None:
    """An account without people, but in touch, is asked: the task says that nobody is known."""
    mirror.account(id="a")
    mirror.activity("2026-11-01", account_id="a")
    mirror.add("milestone", {"id": "signed:a", "kind": "signed", "account_id": "a", "reached": "2026-11-10"})
    ask = about_milestones('milestone.kind = "signed"', WITH) + 'with = "best contact"\n'
    [match] = mirror.matches(rules(rule=ask, first=OTHERWISE), "rule")

    assert match.ready


def test_a_suppression_of_the_first_rule_stops_only_what_is_not_ready(rules: Rules, mirror: Mirror) -> None:
    """Where care is stopped, an ask that is ready goes on, one that needs reconnecting first does not."""
    for name, touched in {"warm": "2026-11-01", "cold": "2026-01-01"}.items():
        mirror.account(id=name)
        mirror.activity(touched, account_id=name)
        mirror.add("milestone", {"id": f"signed:{name}", "kind": "signed", "account_id": name, "reached": "2026-11-10"})
    needs = '[needs]\naccount.last_two_way = "in the last 90 days"\notherwise = "first"'
    suppress = '[suppress]\nno-care = { when = { account.status = "customer" }, stops = ["care"] }'
    loaded = rules(suppress=suppress, rule=about_milestones('milestone.kind = "signed"', needs), first=OTHERWISE)

    assert mirror.matched(loaded, "rule") == ["signed:warm"]
