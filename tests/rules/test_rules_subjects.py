"""Rules about people, deals and introductions, on small stores."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from refsync.model import Stream, parse_instant
from refsync.rules.facts.people import introduced, people, pick
from refsync.rules.files.folder import check
from refsync.rules.query.compile import closing, compile_rule, holding, horizon, reads
from refsync.rules.rule import RuleSet
from tests.rules.mirror import CONNECTION, NOW, Mirror, at
from tests.rules.texts import about, about_accounts, rule

Rules = Callable[..., RuleSet]
SEGMENTS = """
[defaults]
touch_people = "90 days"
[segment]
key = { when = { account.tier = "A" }, touch_people = "30 days" }
rest = { when = {} }
"""


def test_a_contact_has_lapses_of_its_own(rules: Rules, mirror: Mirror) -> None:
    """A rule about people matches each person with their own last touch as lapse, and the account it belongs to."""
    mirror.account(id="a", tier="A")
    for name in ("cold", "never", "warm"):
        mirror.contact(id=name, account_id="a")
    mirror.contact(id="nowhere")
    mirror.activity("2026-09-01", ["cold"])
    mirror.activity("2026-11-19", ["warm"])
    lines = 'contact.last_touch = "not in the last {touch_people}"\naccount.last_touch = "in the last 30 days"'
    loaded = rules(segments=SEGMENTS, rule=about("contact", lines))
    found = {match.subject_id: match for match in mirror.matches(loaded, "rule")}

    assert set(found) == {"cold", "never"}
    assert (found["cold"].episode, found["never"].episode) == ("2026-09-01T12:00:00Z", "never")
    assert (found["cold"].account_id, found["cold"].contact_id, found["cold"].subject_kind) == ("a", "cold", "contact")
    assert {row["id"] for row in mirror.rows(holding(rule(loaded), loaded, CONNECTION, NOW, ["cold", "warm"]))} == {"cold"}
    assert Stream.CONTACTS in reads(rule(loaded), loaded)


def test_who_opted_out_stops_a_rule_about_that_person(rules: Rules, mirror: Mirror) -> None:
    """The suppression of people is seen by the SELECT when the rule is about people; elsewhere when one is picked."""
    mirror.account(id="a")
    mirror.contact(id="in", account_id="a")
    mirror.contact(id="out", account_id="a", do_not_contact=True)
    suppress = '[suppress]\nout = { when = { contact.do_not_contact = true }, stops = ["all"] }'
    loaded = rules(
        suppress=suppress, people=about("contact", 'contact.last_touch = "never"'), rule=about_accounts('account.name = "a"')
    )

    assert mirror.matched(loaded, "people") == ["in"]
    assert mirror.matched(loaded, "rule") == ["a"]


def test_a_part_in_the_implementation_is_contact_between_signature_and_go_live(rules: Rules, mirror: Mirror) -> None:
    """Whoever met us after the signature and before the go-live had a part in the implementation, in their own account."""
    for account in ("a", "b"):
        mirror.account(id=account)
    mirror.add("milestone", {"id": "s", "kind": "signed", "account_id": "a", "reached": "2026-01-01"})
    mirror.add("milestone", {"id": "i", "kind": "implemented", "account_id": "a", "reached": "2026-06-01"})
    for person, when in {"early": "2025-12-01", "during": "2026-03-01", "late": "2026-07-01"}.items():
        mirror.contact(id=person, account_id="a")
        mirror.activity(when, [person])
    mirror.contact(id="elsewhere", account_id="b")
    mirror.activity("2026-03-01", ["elsewhere"])
    loaded = rules(rule=about("contact", 'contact.involved_in = "implementation"'))
    [match] = mirror.matches(loaded, "rule")

    assert (match.subject_id, match.facts["contact.involved_in"]) == ("during", "implementation")


def cold_account(mirror: Mirror) -> None:
    mirror.account(id="a", tier="A")
    mirror.add("deal", {"id": "d", "account_id": "a", "status": "won"})
    for person, when in {"Ada": "2026-10-01", "Ben": "2026-11-10", "Cleo": None, "Dan": None}.items():
        mirror.contact(id=person, account_id="a", do_not_contact=person == "Dan")
        mirror.add("deal_contact", {"deal_id": "d", "contact_id": person, "role": "decision_maker" if person == "Ada" else ""})
        if when:
            mirror.activity(when, [person])
    mirror.contact(id="Eve", account_id="a")


COLD = about_accounts('account.cold_people = "at least 1"').replace(
    'subject = "{account.name}"', 'with = "first cold person"\nsubject = "{account.cold_people|names}"'
)


def test_cold_people_are_counted_and_named(rules: Rules, mirror: Mirror) -> None:
    """People with a part who stayed and were not spoken to for the segment's time: how many, and who, the warmest first."""
    cold_account(mirror)
    loaded = rules(segments=SEGMENTS, rule=COLD)
    [match] = mirror.matches(loaded, "rule")
    compiled = compile_rule(rule(loaded), loaded, CONNECTION, NOW)
    [(fact, named)] = compiled.names(["a"])

    assert match.facts["account.cold_people"] == 2
    assert (fact, [(row["of"], row["name"], row["part"], row["at"]) for row in mirror.rows(named)]) == (
        "account.cold_people",
        [("a", "Ada", "decision maker", at("2026-10-01")), ("a", "Cleo", None, None)],
    )
    assert match.cold_before == parse_instant("2026-10-21T00:00:00Z")
    assert horizon(rule(loaded), loaded, NOW) == parse_instant("2026-08-22T00:00:00Z")
    person = pick(rule(loaded).task.with_, match, mirror.rows(people(CONNECTION, ["a"], NOW)))
    assert person is not None
    assert (person.name, person.role) == ("Ada", "decision maker")


def test_divisions_without_a_deal_are_named(rules: Rules, mirror: Mirror) -> None:
    """The divisions of a customer are its sisters and its children; those without an open or won deal are named."""
    mirror.account(id="top", name="Top")
    for division in ("us", "north", "south"):
        mirror.account(id=division, name=division.title(), parent_id="top")
    mirror.add("deal", {"account_id": "south", "status": "open"})
    mirror.add("deal", {"account_id": "north", "status": "lost"})
    subject = 'subject = "{account.divisions_without_deal|names} of {account.parent}"'
    text = about_accounts('account.divisions_without_deal = "at least 1"').replace('subject = "{account.name}"', subject)
    loaded = rules(rule=text)
    found = {match.subject_id: match.facts["account.divisions_without_deal"] for match in mirror.matches(loaded, "rule")}
    [(_, named)] = compile_rule(rule(loaded), loaded, CONNECTION, NOW).names(["us"])

    assert found == {"us": 1, "north": 1, "south": 2, "top": 2}
    assert [row["name"] for row in mirror.rows(named)] == ["North"]


def introduction(mirror: Mirror, **row: object) -> str:
    mirror.account(id="a")
    mirror.account(id="elsewhere")
    mirror.contact(id="Ada", account_id="a")
    mirror.contact(id="Ben", account_id="elsewhere")
    made = {"account_id": "a", "source_contact_id": "Ada", "person_contact_id": "Ben", "person_name": "Benny", "owner_id": "rep"}
    return mirror.add("introduction", {"id": "i", "made_at": at("2026-11-01"), "status": "met", **made, **row})


def test_an_introduction_names_its_people(rules: Rules, mirror: Mirror) -> None:
    """A match about an introduction carries the source, the person introduced and who of us received it."""
    introduction(mirror)
    loaded = rules(rule=about("introduction", 'introduction.person.name = "Ben"\nintroduction.source.name = "Ada"'))
    [match] = mirror.matches(loaded, "rule")
    rows = [*mirror.rows(people(CONNECTION, ["a"], NOW)), *mirror.rows(introduced(CONNECTION, ["Ben"], NOW))]

    assert (match.account_id, match.contact_id, match.person_id, match.rep_id) == ("a", "Ada", "Ben", "rep")
    assert match.score == pytest.approx(18.875)
    chosen = [pick([entry], match, rows) for entry in ("introduction.person", "introduction.source", "best contact")]
    assert [person and person.name for person in chosen] == ["Ben", "Ada", "Ada"]
    assert pick(["introduction.person"], match._replace(person_id=None), rows) is None


def test_the_status_follows_the_deal(rules: Rules, mirror: Mirror) -> None:
    """Once the deal is won the introduction is, from the day of the deal on."""
    mirror.add("deal", {"id": "d", "status": "won", "closed_on": "2026-11-10"})
    introduction(mirror, deal_id="d", status_since=at("2026-11-05"))
    lines = 'introduction.status = "won"\nintroduction.status_since = "in the last 12 days"'
    loaded = rules(rule=about("introduction", lines), old=about("introduction", 'introduction.status = "met"'))
    [match] = mirror.matches(loaded, "rule")

    assert (match.facts["introduction.status"], match.facts["introduction.status_since"]) == (
        "won",
        parse_instant("2026-11-10T00:00:00Z"),
    )
    assert mirror.matched(loaded, "old") == []


@pytest.mark.parametrize(
    ("when", "kind", "person", "told"),
    [("2026-11-12", "call", "Ada", True), ("2026-11-04", "call", "Ada", False), ("2026-11-12", "call", "Ben", False)],
)
def test_the_source_was_told(rules: Rules, mirror: Mirror, when: str, kind: str, person: str, *, told: bool) -> None:
    """A conversation with the source since the introduction came to something tells them."""
    introduction(mirror, status_since=at("2026-11-05"))
    mirror.activity(when, [person], kind=kind)
    loaded = rules(rule=about("introduction", 'introduction.told = "ever"'))

    assert mirror.matched(loaded, "rule") == (["i"] if told else [])


def test_close_when_says_what_ends_a_task(rules: Rules, mirror: Mirror) -> None:
    """Of the subjects asked about those come back for which all lines of `close_when` hold."""
    introduction(mirror)
    mirror.activity("2026-11-03", ["Ada"])
    task = '[task]\nclose_when = { introduction.thanked_by_call = "ever" }'
    loaded = rules(rule=about("introduction", 'introduction.status = "met"').replace("[task]", task))
    mirror.derive(loaded.company)

    assert mirror.rows(closing(rule(loaded), loaded, CONNECTION, NOW, ["i", "other"])) == [{"id": "i"}]
    assert Stream.ACTIVITIES in reads(rule(loaded), loaded)


@pytest.mark.parametrize(("closed", "stops"), [(None, True), ("2026-11-13T00:00:00Z", True), ("2026-11-12T23:59:59Z", False)])
def test_a_suppression_goes_on_for_a_while_after_its_end(
    rules: Rules, mirror: Mirror, closed: str | None, *, stops: bool
) -> None:
    """With `resume` an escalation stops for five business days after it was closed."""
    mirror.account(id="a")
    mirror.add("support_case", {"account_id": "a", "escalated": True, "closed_at": closed})
    line = (
        'x = { when = { account.open_escalations = "at least 1" }, stops = ["care"], resume = "5 business days after it ends" }'
    )
    loaded = rules(suppress=f"[suppress]\n{line}", rule=about_accounts('account.name = "a"'))

    assert mirror.matched(loaded, "rule") == ([] if stops else ["a"])


@pytest.mark.parametrize("text", ["müller", "MÜLLER", "Müll", "50%"])
def test_contains_takes_small_and_capital_letters_alike(rules: Rules, mirror: Mirror, text: str) -> None:
    """Letters beyond ASCII too, and a percent sign stands for itself."""
    mirror.account(id="a", name="MÜLLER 50% GmbH")
    mirror.account(id="b", name="Mueller 500 GmbH")
    loaded = rules(rule=about_accounts(f'account.name = {{ contains = "{text}" }}'))

    assert mirror.matched(loaded, "rule") == ["a"]


def test_a_text_may_stand_in_a_template(folder: Callable[..., Path]) -> None:
    """`@name` is the text of templates/name.txt beside the rules, and what is wrong in it has its place there."""
    text = about_accounts('account.name = "a"').replace('subject = "{account.name}"', 'subject = "S"\ntext = "@long"')
    path = folder(rule=text)
    (path / "templates").mkdir()
    template = path / "templates" / "long.txt"
    template.write_text("Call {account.name}.\nSince {account.last_touch|age}.\n")
    found, problems = check(path)
    assert found is not None, problems
    assert ["account.name", "account.last_touch"] == list(rule(found).task.text.names)

    template.write_text("Call {account.name}.\nSince {account.last_tuch|age}.\n")
    _, problems = check(path)
    [wrong] = [problem for problem in problems if problem.severity == "error"]
    assert str(wrong).endswith(
        'long.txt:2:7: error: there is no fact or parameter "account.last_tuch" = did you mean "account.last_touch"?'
    )
