"""Rules as a company would write them: all of the language in one folder, and what a typo in each place is told."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from pathlib import Path

import pytest

from refsync.calendar import Duration, Unit
from refsync.errors import Problem
from refsync.rules.files.cases import read_cases
from refsync.rules.files.folder import check
from refsync.rules.phrases import OneOfParameter, Parameter
from refsync.rules.rule import Escalation, Kind, Mode, Rule, RuleSet

COMPANY = """
time_zone    = "Europe/Berlin"
working_days = ["mon", "tue", "wed", "thu", "fri"]
holidays     = ["DE-BY"]
closed       = [2026-12-24, 2026-12-31]
task_hours   = "09:00-17:00"
settle       = "1 hour"
[freshness]
activities   = "6 hours"
escalations  = "24 hours"
silent_owner = "10 business days"
[touch]
kinds        = ["call", "meeting", "email in", "message in"]
two_way      = ["call", "meeting", "email in", "message in"]
ignore       = ["automated", "bounced", "no_show"]
stale_task   = "14 days"
[assign]
to           = ["contact.owner", "account.owner", "deal.owner", "account.owner.manager", "queue:success-desk"]
away         = "use next"
[limits]
per_rep_per_day    = 5
per_rep_per_week   = 15
per_account_open   = 2
new_tasks_per_run  = 400
[limits.ask]
per_account_open   = 1
per_account_every  = "180 days"
per_person_every   = "365 days"
not_while_open     = ["reconnect-*", "thanks"]
[order]
first_wins = ["follow-up-introduction", "thank-source-*", "tell-source-*", "reconnect-before-asking", "reconnect-after-silence",
              "reconnect-neglected", "ask-divisions", "ask-*", "people-cold", "stay-in-touch"]
"""
SEGMENTS = """
[defaults]
long_silence = "2 years"
ask_after    = ["signed", "implemented", "roi", "came by referral"]
thank_steps  = ["call", "email"]
[segment]
key          = { when = { account.tier = "A" }, reconnect_after = "30 days", touch_people = "60 days", thank_steps = ["call", "email", "handwritten note"] }
core         = { when = { account.tier = "B" }, reconnect_after = "60 days", touch_people = "120 days" }
long-tail    = { when = {}, reconnect_after = "120 days", touch_people = "365 days", thank_steps = ["email"] }
"""  # noqa: E501 - a segment is a line
SUPPRESS = """
[suppress]
do-not-contact   = { when = { account.do_not_contact = true }, stops = ["all"] }
person-opted-out = { when = { contact.do_not_contact = true }, stops = ["all"] }
open-escalation  = { when = { account.open_escalations = "at least 1" }, stops = ["ask", "care"], resume = "5 business days after it ends" }
churn-risk       = { when = { account.churn_risk = "high" }, stops = ["ask"] }
long-silence     = { when = { account.last_two_way = "not in the last {long_silence}" }, stops = ["ask"] }
until-the-fair   = { when = { account.name = "Muster GmbH" }, stops = ["all"], until = 2027-03-15, why = "New board" }
"""  # noqa: E501 - as above
FACTS = """
account.health     = { field = "Health__c", type = "text", values = ["green", "amber", "red"], meaning = "as support sees it" }
account.churn_risk = { field = { salesforce = "Churn_Risk__c", hubspot = "churn_risk" }, values = ["low", "medium", "high"] }
[milestone]
implemented   = { salesforce = "Account.Go_Live__c", hubspot = "company.go_live_date" }
roi           = { salesforce = "Account.ROI_Proven__c", hubspot = "company.roi_proven" }
"""
NEGLECTED = """
title    = "Nobody talked to this customer for too long"
for_each = "account"
kind     = "care"
mode     = "live"
[when]
account.status     = "customer"
account.created    = "more than 30 days ago"
account.last_touch = "not in the last {reconnect_after}"
[unless]
account.open_tasks   = "at least 1"
account.next_meeting = "in the next 14 days"
account.last_two_way = "more than {long_silence} ago"
[task]
do       = "call"
priority = "high"
due      = "in 3 business days"
with     = "best contact"
subject  = "Call {account.name}: last contact {account.last_touch|date|never}"
text     = \"\"\"
Silent for {account.last_touch|age}; the limit for {segment} customers is {reconnect_after}.
It was a {account.last_touch_kind} with {account.last_touch_person} on {account.last_touch|date|never}.
\"\"\"
expire   = "after 20 business days"
escalate = { after = "5 business days overdue", to = "manager" }
[repeat]
after_done      = "30 days"
after_dismissed = "90 days"
after_expired   = "30 days"
"""


def short(title: str, for_each: str, kind: str, *lines: str) -> str:
    """Return a rule in the short form, a table a line."""
    return "\n".join((f'title = "{title}"', f'for_each = "{for_each}"', f'kind = "{kind}"', *lines, ""))


WARM = 'needs = { account.last_two_way = "in the last 90 days", otherwise = "reconnect-before-asking" }'
RULES: Mapping[str, str] = {
    "reconnect-neglected": NEGLECTED,
    "ask-after-milestone": short(
        "A milestone is reached: ask",
        "milestone",
        "ask",
        'when = { milestone.kind = "{ask_after}", milestone.reached = "between 7 and 120 days ago", account.status = "customer" }',  # noqa: E501
        'unless = { milestone.kind = "came by referral" }',
        'task = { do = "call", due = "in 5 business days", with = "milestone.contact, champion, best contact", ask_for = "other division, peer elsewhere", subject = "Ask {contact.name} ({milestone.kind} on {milestone.reached|date})", text = "Spoken: {account.last_touch|date}. Asked: {account.last_ask|date|never}. For: {ask_for}.", expire = "after 15 business days" }',  # noqa: E501
        "[needs]",
        'account.last_two_way = "in the last 90 days"',
        'otherwise = "reconnect-before-asking"',
    ),
    "reconnect-before-asking": short(
        "A conversation first",
        "account",
        "care",
        'only_for = "otherwise"',
        'task = { do = "call", due = "in 5 business days", with = "best contact", subject = "Talk to {account.name} first", text = "Behind it: {waiting.title}. Last: {account.last_two_way|date|never}." }',  # noqa: E501
    ),
    "ask-after-thanks": short(
        "They thanked us, or came by referral",
        "milestone",
        "ask",
        'when = { account.status = "customer", any = [{ milestone.kind = "thanked", milestone.reached = "in the last 21 days" }, { milestone.kind = "came by referral", milestone.reached = "between 30 and 180 days ago", segment.ask_after = "came by referral" }] }',  # noqa: E501
        WARM,
        'task = { do = "call", priority = "high", due = "in 2 business days", with = "milestone.contact", subject = "Who else, {contact.name}? ({milestone.kind})", text = "{milestone.text}", expire = "after 10 business days" }',  # noqa: E501
    ),
    "follow-up-introduction": short(
        "An introduction waits for us",
        "introduction",
        "follow-up",
        'when = { introduction.made = "more than 2 business days ago", introduction.status = ["new", "no answer"], introduction.last_touch = "not in the last 10 business days" }',  # noqa: E501
        'task = { do = "email", priority = "urgent", due = "today", with = "introduction.person", subject = "{introduction.source.name} introduced {introduction.person.name}", text = "On {introduction.made|date}. {introduction.note}", expire = "after 30 business days" }',  # noqa: E501
        'repeat = { after_done = "10 business days", at_most = 3 }',
    ),
    "stay-in-touch": short(
        "Who bought or built it",
        "contact",
        "care",
        'mode = "watch"',
        'when = { account.status = "customer", contact.involved_in = ["sale", "implementation"], contact.last_touch = "not in the last {touch_people}" }',  # noqa: E501
        'task = { do = "email", priority = "low", due = "in 10 business days", with = "contact", subject = "Greet {contact.name} ({contact.role} at {account.name})", expire = "after 30 business days" }',  # noqa: E501
        'repeat = { after_done = "never" }',
    ),
    "people-cold": short(
        "Warm account, cold people",
        "account",
        "care",
        'when = { account.status = "customer", account.last_touch = "in the last {reconnect_after}", account.cold_people = "at least 1" }',  # noqa: E501
        'unless = { account.next_meeting = "in the next 14 days" }',
        'task = { do = "call", due = "in 10 business days", with = "first cold person", subject = "{account.name}: not {account.cold_people|names}", close_when = { account.cold_people = 0 } }',  # noqa: E501
        'repeat = { after_done = "60 days", after_dismissed = "180 days", after_expired = "60 days" }',
    ),
    "reconnect-after-silence": short(
        "Years of silence",
        "account",
        "care",
        'when = { account.status = ["customer", "former"], account.last_two_way = "more than {long_silence} ago" }',
        'task = { do = "call", with = "best contact", subject = "Ask {account.name} for nothing", close_when = { account.last_two_way = "in the last 30 days" } }',  # noqa: E501
        'repeat = { after_done = "90 days", after_dismissed = "1 year", after_expired = "180 days" }',
    ),
    "ask-after-reconnect": short(
        "Back in touch",
        "milestone",
        "ask",
        'when = { milestone.kind = "back in touch", milestone.reached = "between 14 and 120 days ago", account.status = "customer" }',  # noqa: E501
        WARM,
        'task = { do = "call", with = "milestone.contact", ask_for = "other division, peer elsewhere", subject = "Back since {milestone.reached|date}: ask {contact.name}" }',  # noqa: E501
    ),
    "ask-in-the-sale": short(
        "Value, thanks, ask",
        "milestone",
        "ask",
        'when = { segment.ask_after = "during the sale", milestone.kind = "thanked", milestone.reached = "in the last 21 days", account.status = "prospect", account.open_deals = "at least 1", account.last_value_added = "in the last 180 days" }',  # noqa: E501
        WARM,
        'task = { do = "call", with = "milestone.contact", subject = "{contact.name} thanked us", text = "{milestone.text}" }',
    ),
    "thank-source-call": short(
        "Thanks by call",
        "introduction",
        "thanks",
        'when = { introduction.made = "in the last 30 days", segment.thank_steps = "call" }',
        'task = { do = "call", priority = "high", due = "in 1 business day", with = "introduction.source", subject = "Thank {introduction.source.name}", close_when = { introduction.thanked_by_call = "ever" }, expire = "never", escalate = { after = "5 business days overdue", to = "manager" } }',  # noqa: E501
    ),
    "thank-source-email": short(
        "Thanks by email",
        "introduction",
        "thanks",
        'when = { introduction.made = "in the last 30 days", segment.thank_steps = "email", any = [{ introduction.thanked_by_call = "ever" }, { introduction.made = "more than 2 business days ago" }, { segment.thank_steps = { not = "call" } }] }',  # noqa: E501
        'task = { do = "email", with = "introduction.source", subject = "Write to {introduction.source.name}", close_when = { introduction.thanked_by_email = "ever" } }',  # noqa: E501
    ),
    "thank-source-note": short(
        "Thanks by hand",
        "introduction",
        "thanks",
        'when = { introduction.made = "in the last 60 days", segment.thank_steps = "handwritten note", any = [{ introduction.thanked_by_email = "ever" }, { introduction.made = "more than 5 business days ago" }] }',  # noqa: E501
        'task = { do = "handwritten note", with = "introduction.source", subject = "A note to {introduction.source.name}" }',
    ),
    "tell-source-met": short(
        "We met",
        "introduction",
        "thanks",
        'when = { introduction.status = "met", introduction.status_since = "in the last 14 days" }',
        'task = { do = "call", with = "introduction.source", subject = "Tell {introduction.source.name}: we met {introduction.person.name}" }',  # noqa: E501
    ),
    "tell-source-outcome": short(
        "How it went",
        "introduction",
        "thanks",
        'when = { introduction.status = ["won", "lost"], introduction.status_since = "in the last 30 days" }',
        'task = { do = "call", with = "introduction.source", subject = "Tell {introduction.source.name}: {introduction.status}" }',  # noqa: E501
    ),
    "ask-divisions": short(
        "One division is happy",
        "milestone",
        "ask",
        'when = { milestone.kind = ["implemented", "roi"], milestone.reached = "between 7 and 180 days ago", account.status = "customer", account.divisions_without_deal = "at least 1" }',  # noqa: E501
        WARM,
        'task = { do = "call", with = "milestone.contact, champion, best contact", ask_for = "other division", subject = "Ask {contact.name} for {account.divisions_without_deal|names}" }',  # noqa: E501
    ),
    "coverage-low": short(
        "A book that is not looked after",
        "rep",
        "care",
        'when = { rep.book = "at least 20", rep.coverage = "less than 50" }',
        'task = { do = "to-do", assign = "rep.manager", subject = "{rep.name}: {rep.coverage}% of {rep.book}", text = "To prospects: {rep.prospect_share}%.", close_when = { rep.coverage = "at least 50" } }',  # noqa: E501
        'repeat = { after_done = "30 days", after_dismissed = "90 days", after_expired = "30 days" }',
    ),
}
CASES = """
rule  = "ask-after-milestone"
today = 2026-11-20
case  = [
  { name = "live and in touch", expect = { task = "ask-after-milestone", due = 2026-11-27, assigned = "Rita", subject = "Ask Carla (implemented on 31 Oct 2026)" } },
  { name = "not in touch", change = { account.last_touch = "100 days ago" }, expect = { task = "reconnect-before-asking", waiting = "ask-after-milestone" } },
  { name = "an escalation", change = { account.open_escalations = 1 }, expect = { nothing = "suppress.open-escalation" } },
  { name = "asked lately", change = { account.last_ask = "100 days ago" }, expect = { nothing = "limits.ask.per_account_every" } },
  { name = "once only", after = [{ rule = "ask-after-milestone", state = "done", closed = "10 days ago" }], expect = { nothing = "repeat" } },
]
[given]
account   = { name = "Muster", status = "customer", tier = "A", last_touch = "10 days ago", owner = "Rita" }
milestone = { kind = "implemented", reached = "20 days ago", contact = "Carla" }
"""  # noqa: E501 - a case is a line

Checked = tuple[RuleSet | None, list[Problem]]


@pytest.fixture
def written(tmp_path: Path) -> Callable[..., Checked]:
    """Return a function that writes the folder above, some texts in it replaced, and checks it."""

    def write(*replaced: tuple[str, str, str]) -> Checked:
        files = {"company": COMPANY, "segments": SEGMENTS, "suppress": SUPPRESS, "facts": FACTS, **RULES}
        for name, old, new in replaced:
            assert old in files[name], (name, old)
            files[name] = files[name].replace(old, new)
        for name, text in files.items():
            (tmp_path / f"{name}.toml").write_text(text, encoding="utf-8")
        return check(tmp_path)

    return write


def rule(rules: RuleSet | None, name: str) -> Rule:
    found = rules.rule(name) if rules else None
    assert found is not None
    return found


def test_the_whole_folder_loads(written: Callable[..., Checked]) -> None:
    """Every table, key, phrase, fact and form of the language is understood; what is told are hints and warnings alone."""
    found, problems = written()

    assert [] == [str(problem) for problem in problems if problem.severity == "error"]
    assert found is not None
    assert set(RULES) == {one.name for one in found.rules}


def test_it_means_what_it_says(written: Callable[..., Checked]) -> None:
    """A sample of each corner has the value that was written."""
    found, _problems = written()
    assert found is not None
    neglected, ask = rule(found, "reconnect-neglected"), rule(found, "ask-after-milestone")

    assert (Mode.LIVE, Kind.CARE) == (neglected.mode, neglected.kind)
    assert Escalation(after=Duration(5, Unit.BUSINESS_DAYS), to=("manager",)) == neglected.task.escalate
    assert OneOfParameter(Parameter("ask_after")) == ask.when.all[0].phrase
    assert ("reconnect-before-asking", ("milestone.contact", "champion", "best contact")) == (ask.otherwise, ask.task.with_)
    assert ("other division", "peer elsewhere") == ask.task.ask_for
    assert (3, Duration(10, Unit.BUSINESS_DAYS)) == (
        rule(found, "follow-up-introduction").repeat.at_most,
        rule(found, "follow-up-introduction").repeat.after_done,
    )
    assert rule(found, "thank-source-call").task.expire is None
    assert ("rep", ("rep.manager",)) == (rule(found, "coverage-low").for_each, rule(found, "coverage-low").task.assign)
    assert Duration(10, Unit.BUSINESS_DAYS) == found.company.silent_owner
    assert ("queue:success-desk", "use next") == (found.company.assign[-1], found.company.away)
    assert {"until-the-fair": date(2027, 3, 15)} == {one.name: one.until for one in found.suppressions if one.until}
    assert "green" in next(one for one in found.own_facts if one.name == "account.health").values


def test_its_cases_are_read(written: Callable[..., Checked], tmp_path: Path) -> None:
    """A file of cases beside it is understood."""
    found, _problems = written()
    assert found is not None
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "ask.test.toml").write_text(CASES)
    cases, problems = read_cases(tmp_path, found)

    assert (5, []) == (len(cases), [str(problem) for problem in problems])


TYPOS = [
    # (file, what is replaced, by what, what is to be marked, what is told)
    (
        "ask-divisions",
        '["implemented", "roi"]',
        '["roi", "implmented"]',
        '"implmented"',
        'error: milestone.kind is never "implmented" = did you mean "implemented"?',
    ),
    (
        "reconnect-neglected",
        '"more than 30 days ago"',
        '"within 120 days"',
        '"within 120 days"',
        'error: "within 120 days" is not a time phrase = did you mean "in the last 120 days"?',
    ),
    (
        "reconnect-neglected",
        "in the last {reconnect_after}",
        "in the last {reconect_after}",
        "{reconect_after}",
        'error: segment "key" has no "reconect_after" = did you mean "reconnect_after"?',
    ),
    (
        "company",
        '"stay-in-touch"]',
        '"stay-in-tuch"]',
        '"stay-in-tuch"',
        'error: no rule is called "stay-in-tuch" = did you mean "stay-in-touch"?',
    ),
    ("company", '"use next"', '"use nxt"', '"use nxt"', 'error: away is never "use nxt" = did you mean "use next"?'),
    (
        "suppress",
        "account.churn_risk",
        "account.churn_rsk",
        "account.churn_rsk",
        'error: there is no fact "account.churn_rsk" = did you mean "account.churn_risk"?',
    ),
    (
        "coverage-low",
        'rep.coverage = "less',
        'rep.coverge = "less',
        "rep.coverge",
        'error: there is no fact "rep.coverge" = did you mean "rep.coverage"?',
    ),
    (
        "coverage-low",
        ', assign = "rep.manager"',
        "",
        "task = {",
        'error: who gets a task about a rep? = write assign = "rep.manager"',
    ),
    (
        "thank-source-call",
        "5 business days overdue",
        "5 business days",
        '"5 business days"',
        'error: "5 business days" is not understood = write after = "5 business days overdue"',
    ),
]


@pytest.mark.parametrize(("name", "old", "new", "marked", "told"), TYPOS)
def test_a_typo_is_told_at_its_place(
    written: Callable[..., Checked], tmp_path: Path, name: str, old: str, new: str, marked: str, told: str
) -> None:
    """Line, column and what was meant; the folder is not used."""
    found, problems = written((name, old, new))
    text = (tmp_path / f"{name}.toml").read_text(encoding="utf-8")
    before = text[: text.index(marked)]
    line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
    errors = [str(problem) for problem in problems if problem.severity == "error"]

    assert found is None
    assert [f"{name}.toml:{line}:{column}: {told}"] == [one.rpartition("/")[2] for one in errors]


def test_all_mistakes_are_told_at_once(written: Callable[..., Checked]) -> None:
    """One run reports what is wrong in every file, by file and line."""
    typos = [(name, old, new) for name, old, new, *_ in TYPOS[:4]]
    _found, problems = written(*typos)
    errors = [problem for problem in problems if problem.severity == "error"]

    assert ["ask-divisions", "company", "reconnect-neglected", "reconnect-neglected"] == [
        Path(problem.place.file).stem for problem in errors if problem.place
    ]
