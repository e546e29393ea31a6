"""What the compiled SELECTs find, on small stores."""

from __future__ import annotations

from typing import Any

import pytest

from refsync.model import Stream, parse_instant
from refsync.rules.query.compile import compile_rule, holding, horizon, reads
from tests.rules.mirror import CONNECTION, NOW, Mirror, at
from tests.rules.texts import Rules, about_accounts, about_milestones, rule


@pytest.mark.parametrize(
    ("phrase", "touched", "holds"),
    [
        ("in the last 90 days", "2026-08-22T00:00:00Z", True),
        ("in the last 90 days", "2026-08-21T23:59:59.999Z", False),
        ("in the last 90 days", "2026-11-20T09:00:00Z", True),
        ("in the last 90 days", "2026-11-20T09:00:00.001Z", False),
        ("in the last 90 days", None, False),
        ("in the last 6 hours", "2026-11-20T03:00:00Z", True),
        ("in the last 6 hours", "2026-11-20T02:59:59.999Z", False),
        ("in the last 3 business days", "2026-11-17T00:00:00Z", True),
        ("in the last 6 business days", "2026-11-12T00:00:00Z", True),
        ("in the last 6 business days", "2026-11-11T23:59:59Z", False),
        ("not in the last 90 days", "2026-08-22T00:00:00Z", False),
        ("not in the last 90 days", "2026-08-21T23:59:59.999Z", True),
        ("not in the last 90 days", "2026-11-21T09:00:00Z", True),
        ("not in the last 90 days", None, True),
        ("more than 90 days ago", "2026-08-21T23:59:59.999Z", True),
        ("more than 90 days ago", "2026-08-22T00:00:00Z", False),
        ("more than 90 days ago", None, False),
        ("between 7 and 120 days ago", "2026-07-23T00:00:00Z", True),
        ("between 7 and 120 days ago", "2026-07-22T23:59:59Z", False),
        ("between 7 and 120 days ago", "2026-11-13T23:59:59Z", True),
        ("between 7 and 120 days ago", "2026-11-14T00:00:00Z", False),
        ("between 0 and 1 days ago", "2026-11-20T09:00:00Z", True),
        ("between 0 and 1 days ago", "2026-11-20T09:00:01Z", False),
        ("never", None, True),
        ("never", "2020-01-01T00:00:00Z", False),
        ("never", "2026-11-20T09:00:01Z", True),
        ("ever", "2020-01-01T00:00:00Z", True),
        ("ever", None, False),
        ("ever", "2026-11-20T09:00:01Z", False),
        ("more than 1 month ago", "2026-10-19T23:59:59Z", True),
        ("more than 1 month ago", "2026-10-20T00:00:00Z", False),
    ],
)
def test_time_phrases_at_their_edges(rules: Rules, mirror: Mirror, phrase: str, touched: str | None, *, holds: bool) -> None:
    """A line about the last touch holds on the right days, to the millisecond, and what lies ahead has not happened."""
    mirror.account(id="a", created_at=touched)
    if touched:
        mirror.activity(touched, account_id="a")
    loaded = rules(
        touch=about_accounts(f'account.last_touch = "{phrase}"'), created=about_accounts(f'account.created = "{phrase}"')
    )

    assert mirror.matched(loaded, "touch") == (["a"] if holds else [])
    assert mirror.matched(loaded, "created") == (["a"] if holds else [])


@pytest.mark.parametrize(
    ("now", "touched", "within"),
    [
        # The night of 29 March 2026 has 23 hours in Berlin, that of 25 October 25.
        ("2026-03-30T00:30:00+02:00", "2026-03-29T00:00:00+01:00", True),
        ("2026-03-30T00:30:00+02:00", "2026-03-28T23:59:59+01:00", False),
        ("2026-10-26T00:30:00+01:00", "2026-10-25T00:00:00+02:00", True),
        ("2026-10-26T00:30:00+01:00", "2026-10-24T23:59:59+02:00", False),
        ("2026-11-20T00:30:00+01:00", "2026-11-19T00:00:00+01:00", True),
    ],
)
def test_days_are_those_of_the_company(rules: Rules, mirror: Mirror, now: str, touched: str, *, within: bool) -> None:
    """Days begin at local midnight, in nights with a change of clock too."""
    mirror.account(id="a")
    mirror.activity(touched, account_id="a")
    loaded = rules(company='time_zone = "Europe/Berlin"', rule=about_accounts('account.last_touch = "in the last 1 day"'))

    assert mirror.matched(loaded, "rule", now) == (["a"] if within else [])


def test_the_latest_row_decides(rules: Rules, mirror: Mirror) -> None:
    """A phrase about the last touch looks at the last one, not at any."""
    mirror.account(id="a")
    mirror.activity("2026-01-01", account_id="a")
    mirror.activity("2026-11-19", account_id="a")
    loaded = rules(
        old=about_accounts('account.last_touch = "more than 90 days ago"'),
        middle=about_accounts('account.last_touch = "between 300 and 400 days ago"'),
    )

    assert mirror.matched(loaded, "old") == mirror.matched(loaded, "middle") == []


@pytest.mark.parametrize(
    ("line", "row", "holds"),
    [
        ('account.status = "customer"', {"status": "customer"}, True),
        ('account.status = "customer"', {"status": None}, False),
        ('account.status = ["prospect", "former"]', {"status": "former"}, True),
        ('account.tier = { not = "C" }', {"tier": ""}, True),
        ('account.tier = { not = ["A", "C"] }', {"tier": "C"}, False),
        ('account.industry = { not = "x" }', {"industry": "y"}, True),
        ("account.do_not_contact = false", {"do_not_contact": None}, True),
        ("account.do_not_contact = false", {"do_not_contact": False}, True),
        ("account.do_not_contact = false", {"do_not_contact": True}, False),
        ("account.do_not_contact = true", {"do_not_contact": None}, False),
        ("account.do_not_contact = true", {"do_not_contact": True}, True),
        ('account.annual_revenue = "at least 10"', {"annual_revenue": 10.0}, True),
        ('account.annual_revenue = "more than 10"', {"annual_revenue": 10.0}, False),
        ('account.annual_revenue = "less than 10"', {"annual_revenue": None}, False),
        ('account.annual_revenue = "between 5 and 10"', {"annual_revenue": 5.0}, True),
        ('account.annual_revenue = "at most 4.5"', {"annual_revenue": 4.5}, True),
        ("account.annual_revenue = 5", {"annual_revenue": 5.0}, True),
        ('account.created = "in the last 30 days"', {"created_at": None}, False),
        ('account.created = "not in the last 30 days"', {"created_at": None}, True),
        ('account.created = "in the next 2 days"', {"created_at": "2026-11-22T23:59:59Z"}, True),
        ('account.created = "in the next 2 days"', {"created_at": "2026-11-23T00:00:00Z"}, False),
        ('account.created = "in the next 2 days"', {"created_at": "2026-11-20T09:00:00Z"}, False),
        ('account.owner.active = false', {"owner_id": "gone"}, True),
        ('account.owner.active = false', {"owner_id": "here"}, False),
        ('account.owner.active = false', {"owner_id": None}, True),
        ('account.owner.active = true', {"owner_id": "here"}, True),
        ('account.owner.name = "Rita"', {"owner_id": "here"}, True),
        ('segment = "key"', {"tier": "A"}, True),
        ('segment = { not = "key" }', {"tier": "A"}, False),
        ('segment.ask_after = "signed"', {"tier": "B"}, False),
        ('segment.ask_after = "roi"', {"tier": "B"}, True),
    ],
)  # fmt: skip
def test_lines_about_the_account_itself(rules: Rules, mirror: Mirror, line: str, row: dict[str, Any], *, holds: bool) -> None:
    """Unknown values hold in the four forms that accept them and in no other, and stop nothing."""
    mirror.add("crm_user", {"id": "here", "name": "Rita", "active": True})
    mirror.add("crm_user", {"id": "gone", "name": "Gert", "active": False})
    mirror.account(id="a", **row)
    loaded = rules(rule=about_accounts(line), unless=about_accounts('account.name = "a"', f"[unless]\n{line}"))

    assert mirror.matched(loaded, "rule") == (["a"] if holds else [])
    assert mirror.matched(loaded, "unless") == ([] if holds else ["a"])


def test_any_wants_one_of_its_blocks(rules: Rules, mirror: Mirror) -> None:
    """Of the blocks in `any` one must hold whole, an unknown value in one does not spoil the other."""
    rows: dict[str, dict[str, Any]] = {"a": {"tier": "A"}, "b": {"tier": "B"}, "c": {"tier": "B", "annual_revenue": 5.0}, "d": {}}
    for name, row in rows.items():
        mirror.account(id=name, **row)
    loaded = rules(
        rule=about_accounts(
            'account.status = "customer"',
            '[[when.any]]\naccount.tier = "A"\n[[when.any]]\naccount.tier = "B"\naccount.annual_revenue = "at least 5"',
        )
    )

    assert mirror.matched(loaded, "rule") == ["a", "c"]


def test_thresholds_and_lists_are_those_of_the_segment(rules: Rules, mirror: Mirror) -> None:
    """Each account is measured by the first segment it fits."""
    for tier in ("A", "B", ""):
        mirror.account(id=f"tier-{tier}", tier=tier)
        mirror.activity("2026-10-11", account_id=f"tier-{tier}")
        for kind in ("signed", "roi"):
            mirror.add("milestone", {"id": f"{kind}:{tier}", "kind": kind, "account_id": f"tier-{tier}", "reached": "2026-11-01"})
    loaded = rules(
        rule=about_accounts('account.last_touch = "not in the last {reconnect_after}"'),
        ask=about_milestones('milestone.kind = "{ask_after}"'),
    )

    assert mirror.matched(loaded, "rule") == ["tier-A"]
    assert mirror.matched(loaded, "ask") == ["roi:", "roi:A", "roi:B", "signed:", "signed:A"]


def test_a_milestone_of_ones_own_is_found_by_its_list(rules: Rules, mirror: Mirror) -> None:
    """A kind that only facts.toml knows can stand in a list of the segments, the same for all or not."""
    mirror.account(id="a")
    mirror.add("milestone", {"id": "live:a", "kind": "going live", "account_id": "a", "reached": "2026-11-01"})
    facts = '[milestone]\n"going live" = { files = "accounts.live" }'
    rule = about_milestones('milestone.kind = "{ask_after}"')
    one = '[segment]\na = { when = {}, ask_after = ["going live"] }'
    two = '[segment]\nb = { when = { account.tier = "B" }, ask_after = ["roi"] }\na = { when = {}, ask_after = ["going live"] }'

    assert mirror.matched(rules(segments=one, facts=facts, rule=rule), "rule") == ["live:a"]
    assert mirror.matched(rules(segments=two, facts=facts, rule=rule), "rule") == ["live:a"]


def test_other_connections_are_another_world(rules: Rules, mirror: Mirror) -> None:
    """Nothing of another connection is seen, equal ids or not."""
    mirror.account(id="a")
    mirror.add("account", {"id": "a", "connection": "other", "status": "customer"})
    mirror.add("account", {"id": "b", "connection": "other", "status": "customer"})
    mirror.activity("2026-11-19", connection="other", account_id="a")
    mirror.activity(None, connection="other", account_id="a", kind="task", status="planned")
    loaded = rules(rule=about_accounts('account.last_touch = "never"', '[unless]\naccount.open_tasks = "at least 1"'))

    assert mirror.matched(loaded, "rule") == ["a"]


def test_a_match_says_what_the_rule_saw(rules: Rules, mirror: Mirror) -> None:
    """A match carries names, the lapse, its score and every fact of the rule and its texts; unknown is None."""
    mirror.account(id="a", name="Acme", owner_id="rita", tier="B", annual_revenue=5e6)
    mirror.contact(id="z", account_id="a", name="Carla")
    mirror.contact(id="y", account_id="a", name="Zoe")
    mirror.activity("2026-08-22", ["y", "z"], account_id="a", kind="meeting", direction=None)
    mirror.activity("2026-12-01", ["y"], account_id="a")
    text = "{account.last_touch_kind} {account.last_touch_person} {account.industry} {account.open_tasks}"
    loaded = rules(
        rule=about_accounts('account.last_touch = "not in the last {reconnect_after}"').replace(
            'subject = "{account.name}"', f'subject = "{text}"'
        )
    )
    [match] = mirror.matches(loaded, "rule")

    assert (match.account_name, match.owner_id, match.segment, match.revenue) == ("Acme", "rita", "core", 5e6)
    assert (match.lapse_at, match.episode) == (at("2026-08-22"), "2026-08-22T12:00:00Z")
    assert match.score == pytest.approx((NOW - at("2026-08-22")) / (NOW - at("2026-09-21T00:00:00Z")))
    assert match.facts == {
        "account.last_touch": at("2026-08-22"),
        "account.last_touch_kind": "meeting",
        "account.last_touch_person": "Carla",
        "account.industry": None,
        "account.open_tasks": 0,
    }


def test_a_brief_match_knows_all_but_facts_for_texts(rules: Rules, mirror: Mirror) -> None:
    """Brief matches differ in nothing but their facts, and `about` brings the rest for those that are asked for."""
    subject = 'subject = "{account.name} {account.last_touch_kind}"'
    loaded = rules(
        rule=about_accounts('account.last_touch = "not in the last 90 days"').replace('subject = "{account.name}"', subject)
    )
    lapse = "2026-06-01"
    for account in ("a", "b"):
        mirror.account(id=account)
        mirror.activity(lapse, account_id=account)
    full = {match.subject_id: match for match in mirror.matches(loaded, "rule")}
    brief = compile_rule(rule(loaded), loaded, CONNECTION, NOW, brief=True)
    found = [brief.match(row) for row in mirror.rows(brief.statement)]
    compiled = compile_rule(rule(loaded), loaded, CONNECTION, NOW)

    assert [{"account.last_touch": at(lapse)}] * 2 == [match.facts for match in found]
    assert full == {match.subject_id: match._replace(facts=full[match.subject_id].facts) for match in found}
    assert [full["b"]] == [compiled.match(row) for row in mirror.rows(compiled.about(["b"]))]


def test_never_touched_is_a_lapse_of_its_own(rules: Rules, mirror: Mirror) -> None:
    """A customer never touched has the episode `never` and the highest score; a rule about no lapse has neither."""
    mirror.account(id="a")
    mirror.activity("2026-12-01", account_id="a")
    loaded = rules(
        lapse=about_accounts('account.last_touch = "not in the last 30 days"'),
        state=about_accounts('account.tier = { not = "A" }'),
    )
    [lapse], [state] = mirror.matches(loaded, "lapse"), mirror.matches(loaded, "state")

    assert (lapse.lapse_at, lapse.episode, lapse.score) == (None, "never", float("inf"))
    assert (state.lapse_at, state.episode, state.score) == (None, "", 0.0)


def test_a_milestone_match_names_its_records(rules: Rules, mirror: Mirror) -> None:
    """A match about a milestone carries its deal and person, and scores by the days since it was reached."""
    mirror.account(id="a")
    row = {"id": "signed:d", "kind": "signed", "account_id": "a", "deal_id": "d", "contact_id": "c", "evidence": "Deal won"}
    mirror.add("milestone", {**row, "reached": NOW - 10 * 86_400_000})
    mirror.add("milestone", {**row, "id": "ahead", "reached": NOW + 1})
    mirror.add("milestone", {**row, "id": "elsewhere", "account_id": "gone", "reached": NOW})
    loaded = rules(rule=about_milestones('milestone.reached = "in the last 30 days"'))
    [match] = mirror.matches(loaded, "rule")

    assert (match.subject_id, match.account_id, match.deal_id, match.contact_id) == ("signed:d", "a", "d", "c")
    assert match.score == pytest.approx(10)


def test_the_last_ask_counts_when_done_or_standing(rules: Rules, mirror: Mirror) -> None:
    """An ask that was done or stands counts; one that expired or was dismissed was not asked."""
    states = {"done": True, "open": True, "sending": True, "snoozed": True, "expired": False, "dismissed": False}
    for state in states:
        mirror.account(id=state)
        times = {"opened_at": "2026-10-01", "closed_at": "2026-10-20"}
        mirror.add("finding", {"key": state, "kind": "ask", "state": state, "account_id": state, **times})
    mirror.add("finding", {"key": "care", "kind": "care", "state": "done", "account_id": "expired", "closed_at": "2026-10-20"})
    loaded = rules(rule=about_accounts('account.last_ask = "ever"'))
    found = {match.account_id: match.facts["account.last_ask"] for match in mirror.matches(loaded, "rule")}

    assert found == {state: at("2026-10-20" if state == "done" else "2026-10-01") for state, counts in states.items() if counts}


def test_holding_looks_at_when_alone(rules: Rules, mirror: Mirror) -> None:
    """What `unless` and the suppressions say does not end a task; a line of `when` that no longer holds does."""
    mirror.account(id="cold", do_not_contact=True)
    mirror.account(id="warm")
    mirror.activity("2026-11-19", account_id="warm")
    mirror.activity("2026-11-19", account_id="cold", kind="task", status="planned")
    mirror.add("milestone", {"id": "signed:d", "kind": "signed", "account_id": "cold", "reached": "2020-01-01"})
    suppress = '[suppress]\nout = { when = { account.do_not_contact = true }, stops = ["all"] }'
    unless = '[unless]\naccount.open_tasks = "at least 1"'
    loaded = rules(
        suppress=suppress,
        rule=about_accounts('account.last_touch = "not in the last 30 days"', unless),
        count=about_accounts('account.open_tasks = "at most 1"'),
        event=about_milestones('milestone.reached = "in the last 30 days"'),
    )
    mirror.derive(loaded.company)

    def held(name: str, *ids: str) -> list[str]:
        return [row["id"] for row in mirror.rows(holding(rule(loaded, name), loaded, CONNECTION, NOW, ids))]

    assert held("rule", "cold", "warm", "gone") == ["cold"]
    assert held("count", "cold", "warm") == ["cold", "warm"]
    assert held("event", "signed:d", "signed:gone") == ["signed:d"]


def test_what_a_rule_reads(rules: Rules) -> None:
    """The streams behind every line and suppression are known, and how far back activities must be whole."""
    suppress = """
        [suppress]
        silence = { when = { account.last_two_way = "not in the last {long_silence}" }, stops = ["ask"] }
        case = { when = { account.open_escalations = "at least 1" }, stops = ["care"] }
    """
    loaded = rules(
        suppress=suppress,
        care=about_accounts('account.last_touch = "not in the last {reconnect_after}"'),
        ask=about_milestones('milestone.kind = "signed"'),
        plain=about_accounts('account.status = "customer"').replace('"care"', '"thanks"'),
        ever=about_accounts('account.last_touch = "never"'),
    )

    def read(name: str) -> tuple[set[Stream], int | None]:
        return set(reads(rule(loaded, name), loaded)), horizon(rule(loaded, name), loaded, NOW)

    base = {Stream.ACCOUNTS}
    assert read("care") == (base | {Stream.ACTIVITIES, Stream.CASES}, parse_instant("2026-07-23T00:00:00Z"))
    assert read("ask") == (base | {Stream.ACTIVITIES, Stream.DEALS}, parse_instant("2024-11-20T00:00:00Z"))
    assert read("plain") == (base, None)
    assert read("ever")[1] == 0
