"""Rule folders: what is accepted, and how what is wrong is reported: file, line, column and what was meant."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from refsync.calendar import Duration, Unit
from refsync.company import AskLimits, Company
from refsync.errors import RuleError
from refsync.model import ActivityKind, Direction
from refsync.rules.files.folder import check, load
from refsync.rules.phrases import MoreThanAgo, NotInLast, Parameter
from refsync.rules.rule import Kind, Mode, Placeholder, Repeat

SHIPPED = Path(__file__).parents[2] / "rules"

GOOD = """\
title    = "Reconnect"
for_each = "account"
kind     = "care"
[when]
account.status     = "customer"
account.last_touch = "not in the last {reconnect_after}"
[task]
do      = "call"
with    = "best contact"
subject = "Call {contact.name}"
"""
FIRST = """\
title    = "First"
for_each = "account"
kind     = "care"
only_for = "otherwise"
[task]
do      = "call"
subject = "Call"
"""


def test_shipped_rules_are_clean_and_only_watch() -> None:
    """The shipped folder has nothing to report, and writes nothing before a company says so."""
    found, problems = check(SHIPPED)

    assert problems == []
    assert found is not None
    modes = {mode: [rule.name for rule in found.rules if rule.mode is mode] for mode in Mode}
    assert (modes[Mode.LIVE], modes[Mode.OFF]) == ([], ["ask-during-the-sale", "ask-referral-after-thanks"])
    assert [rule.name for rule in found.rules] == sorted(path.stem for path in SHIPPED.glob("*-*.toml"))
    assert {rule.mode for rule in load(SHIPPED, modes_live=True).rules} == {Mode.LIVE, Mode.OFF}


def test_a_rule_is_read_whole() -> None:
    """The neglect rule has the lines, the task and the repetition of its file, each line with its place."""
    found = load(SHIPPED).rule("reconnect-neglected-customer")
    assert found is not None

    assert [line.fact for line in found.when.all] == ["account.status", "account.created", "account.last_touch"]
    assert found.when.all[2].phrase == NotInLast(Parameter("reconnect_after"))
    assert str(found.when.all[2]) == 'account.last_touch = "not in the last {reconnect_after}"'
    assert found.when.all[2].place.file.endswith("reconnect-neglected-customer.toml")
    assert found.unless[2].phrase == MoreThanAgo(Parameter("long_silence"))
    assert (found.kind, found.task.do, found.task.priority) == (Kind.CARE, "call", "high")
    assert (found.task.due, found.task.expire) == (Duration(3, Unit.BUSINESS_DAYS), Duration(20, Unit.BUSINESS_DAYS))
    assert Placeholder(name="account.last_touch", form="date", fallback="never") in found.task.subject.parts


CORPUS = [
    # (what is replaced in the good rule, by what, the problem with its place)
    ("account.status  ", "account.statos  ", '5:1: error: there is no fact "account.statos" = did you mean "account.status"?'),
    ('"customer"', '"custommer"', '5:22: error: account.status is never "custommer" = did you mean "customer"?'),
    ('"customer"', '["former", "custommer"]', '5:33: error: account.status is never "custommer" = did you mean "customer"?'),
    ('"customer"', '{ not = "X" }', "5:30: error: account.status is never \"X\" = one of: customer, prospect, former"),
    ('"customer"', "5", '5:22: error: 5 is not a text phrase = write "A", ["A", "B"], { not = "C" }'),
    (
        '"not in the last {reconnect_after}"',
        '"within 120 days"',
        '6:22: error: "within 120 days" is not a time phrase = did you mean "in the last 120 days"?',
    ),
    (
        "{reconnect_after}",
        "{reconect_after}",
        '6:39: error: segment "key" has no "reconect_after" = did you mean "reconnect_after"?',
    ),
    ("{reconnect_after}", "{ask_after}", '6:39: error: "ask_after" is no length of time in segments.toml'),
    ("{reconnect_after}", "500 years", "6:22: error: 500 years is too long = at most 100 years"),
    ("not in the last {reconnect_after}", "in the next 3 days", "6:22: error: account.last_touch lies in the past"),
    ("account.last_touch =", "account.next_meeting =", "6:24: error: account.next_meeting lies ahead"),
    ("account.last_touch =", "account.last_touch_kind =", "6:1: error: account.last_touch_kind is for texts only"),
    ("account.last_touch =", "milestone.reached =", "6:1: error: milestone.reached is no fact of this rule's subject"),
    ("account.last_touch =", "contact.last_touch =", "6:1: error: contact.last_touch is no fact of this rule's subject"),
    ("account.last_touch =", "account.churn_risk =", "6:1: error: account.churn_risk is not supported yet = refsync does not"),
    ("[when]", "[wen]", '4:2: error: there is no key "wen" here = did you mean "when"?'),
    ('"care"', '"carre"', '3:12: error: kind is never "carre" = did you mean "care"?'),
    ('"account"', '"accounts"', '2:12: error: for_each is never "accounts" = did you mean "account"?'),
    ('"account"', '"rep"', "5:1: error: account.status is no fact of this rule's subject"),
    ('title    = "Reconnect"\n', "", '1:1: error: "title" is missing'),
    ('title    = "Reconnect"', "title    = 5", "1:12: error: title must be a text = put it in quotes"),
    ('do      = "call"', 'do      = "cal"', '8:11: error: do is never "cal" = did you mean "call"?'),
    ('"best contact"', '"best contakt"', '9:11: error: nobody is called "best contakt" = did you mean "best contact"?'),
    ('"best contact"', '"champion, milestone.contact"', "9:22: error: milestone.contact is known to rules about milestones only"),
    ('with    = "best contact"\n', "", "9:17: error: contact.name is not known to this rule's task = it needs `with`"),
    (
        "{contact.name}",
        "{account.nme}",
        '10:17: error: there is no fact or parameter "account.nme" = did you mean "account.name"?',
    ),
    ("{contact.name}", "{account.name|date}", "10:17: error: account.name is no time"),
    ("{contact.name}", "{account.last_touch|dat}", '10:17: error: there is no form "dat" = did you mean "date"?'),
    ("{contact.name}", "{contact.name", '10:17: error: a stray "{"'),
    ("{contact.name}", "{waiting.title}", "10:17: error: waiting.title is not known to this rule's task"),
    ('"Call {contact.name}"', '"@long-text"', "10:11: error: there is no template @long-text"),
    ("[task]", "[task]\ndue = \"3 days\"", '8:7: error: "3 days" is not understood = write "today" or "in 3 business days"'),
    ("[task]", "[task]\nclose_when = { account.statos = \"former\" }", '8:16: error: there is no fact "account.statos"'),
    ("[task]", "[task]\nclose_when = {}", "8:1: error: close_when has no line"),
    ("[task]", '[task]\nassign = ["rep.manager"]', "8:11: error: rep.manager is known to rules about reps only"),
    ("[task]", '[task]\nassign = ["rep.manger"]', '8:11: error: nobody is called "rep.manger" = did you mean "rep.manager"?'),
    ("[task]", '[task]\nassign = ["queue:"]', '8:11: error: nobody is called "queue:"'),
    ("[task]", '[task]\nassign = "introduction.rep"', "8:10: error: introduction.rep is known to rules about introductions only"),
    ('"best contact"', '"first cold person"', "9:11: error: first cold person is measured by touch_people"),
    ("account.last_touch =", "account.cold_people =", "6:23: error: \"not in the last {reconnect_after}\" is not a number phrase"),  # noqa: E501
    ("{contact.name}", "{account.cold_people|names}", "7:2: error: account.cold_people is measured by touch_people"),
    ("[task]", '[task]\nescalate = { after = "5 days", to = "manager" }', '8:22: error: "5 days" is not understood = write after = "5 business days overdue"'),  # noqa: E501
    ("[task]", '[task]\nescalate = { after = "5 days overdue" }', '8:12: error: "to" is missing = write to = "manager"'),
    ("[task]", '[task]\nescalate = { after = "5 days overdue", to = "manger" }', '8:45: error: nobody is called "manger" = did you mean "manager"?'),  # noqa: E501
    ("[task]", '[task]\nescalate = { after = "5 days overdue", to = "manager", who = "x" }', '8:56: error: there is no key "who" here'),  # noqa: E501
    ('"call"', '"{steps}"', '8:11: error: no segment has "steps" = set it in segments.toml'),
    ('"call"', '"{ask_after}"', '8:11: error: {ask_after} of segment "key" says what to do: it is no single text = one of: call'),
    ("[task]", "[task]\nprio = \"high\"", '8:1: error: there is no key "prio" here = did you mean "priority"?'),
    ("[task]", "[repeat]\nafter_done = \"soon\"\n[task]", '8:14: error: "soon" is not a duration'),
    ("[task]", "[repeat]\nat_most = 0\n[task]", "8:11: error: at_most must be a whole number of at least 1"),
    (
        "[task]",
        "[needs]\naccount.last_two_way = \"ever\"\notherwise = \"frist\"\n[task]",
        '9:13: error: no rule is called "frist" = did you mean "first"?',
    ),
    ("[task]", "[needs]\naccount.last_two_way = \"ever\"\n[task]", '7:2: error: "otherwise" is missing'),
    ("[task]", '[when.any]\naccount.tier = "A"\n[task]', "7:7: error: any must be a list of blocks = write [[when.any]]"),
    ("[when]", "[when", "4:6: error: not valid TOML"),
    ("[when]", 'renamed_from = ["Old"]\n[when]', '4:17: error: "Old" is no former name of a rule = the oldest name comes first'),
    ("[when]", 'renamed_from = ["first"]\n[when]', '4:16: error: "first" is a rule of its own = one rule only can own its tasks'),
    ("[when]", 'holdout = "5"\n[when]', '4:11: error: "5" is no share to hold out = write holdout = "5%"'),
    ("[when]", 'holdout = "80%"\n[when]', '4:11: error: "80%" is no share to hold out'),
    (
        "not in the last {reconnect_after}",
        "more than {reconnect_after} ago",
        '6:22: hint: this leaves out those with no date at all = write "not in the last {reconnect_after}" to have them too',
    ),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "expected"), CORPUS)
def test_what_is_wrong_in_a_rule_is_found_at_its_place(folder: Callable[..., Path], old: str, new: str, expected: str) -> None:
    """Each mistake gives its problem with line, column and what was meant, and an error stops the whole folder."""
    assert old in GOOD
    found, problems = check(folder(rule=GOOD.replace(old, new), first=FIRST))
    shown = [str(problem).rpartition(".toml:")[2] for problem in problems]

    assert [text for text in shown if text.startswith(expected)], shown
    assert (found is None) == any(problem.severity == "error" for problem in problems)


SHARED = [
    ("company", 'time_zone = "Europe/Berlim"', '1:13: error: there is no time zone "Europe/Berlim" = did you mean "Europe/Berlin"?'),  # noqa: E501
    ("company", 'working_days = ["mo"]', '1:17: error: working_days has no "mo" = did you mean "mon"?'),
    ("company", "working_days = []", "1:16: error: a week needs a working day"),
    ("company", 'holidays = ["DE", "XX"]', '1:19: error: no public holidays are known for "XX"'),
    ("company", 'closed = ["2026-12-24"]', "1:10: error: closed must be a list of days"),
    ("company", 'task_hours = "17:00-09:00"', '1:14: error: "17:00-09:00" is no span of hours'),
    ("company", 'settle = "soon"', '1:10: error: "soon" is not a duration'),
    ("company", '[freshness]\nactivites = "6 hours"', '2:1: error: there is no key "activites" here = did you mean "activities"?'),  # noqa: E501
    ("company", '[freshness]\nsilent_owner = "ten days"', '2:16: error: "ten days" is not a duration'),
    ("company", '[touch]\nkinds = ["call", "fax"]', '2:18: error: kinds has no "fax"'),
    ("company", '[touch]\nkinds = ["call"]\ntwo_way = ["meeting"]', '3:12: error: "meeting" is two-way but no touch'),
    ("company", '[assign]\nto = ["account.ower"]', '2:7: error: nobody is called "account.ower" = did you mean "account.owner"?'),
    ("company", '[assign]\naway = "wait"', '2:8: error: away is never "wait" = one of: use next, wait until back'),
    ("company", "[limits]\nper_rep_per_day = -1", "2:19: error: per_rep_per_day must be a whole number of at least 0"),
    ("company", '[limits.ask]\nper_account_every = "often"', '2:21: error: "often" is not a duration'),
    ("company", '[order]\nfirst_wins = ["rul"]', '2:15: error: no rule is called "rul" = did you mean "rule"?'),
    ("company", '[order]\nfirst_wins = ["thank-*"]', '2:15: hint: no rule fits "thank-*"'),
    ("company", "a = [1", "1:7: error: not valid TOML"),
    ("segments", "", '1:1: error: there is no segment = write at least [segment]'),
    ("segments", '[segment]\na = { reconnect_after = "9 days" }', '2:5: error: segment "a" has no when'),
    ("segments", '[segment]\na = { when = { account.tier = "A" } }', '2:1: error: accounts that are not in "a" are in no segment'),  # noqa: E501
    ("segments", "[segment]\na = { when = {} }\nb = { when = {} }", '2:1: error: no account gets past segment "a"'),
    ("segments", '[segment]\na = { when = { account.last_touch = "never" } }', "2:16: error: account.last_touch cannot tell segments apart"),  # noqa: E501
    ("segments", '[segment]\na = { when = {}, reconnect_after = "9 dys" }', '2:36: error: "9 dys" is not a duration'),
    ("segments", '[segment]\na = { when = {}, reconnect_after = 2026-01-01 }', "2:36: error: reconnect_after must be a length of time"),  # noqa: E501
    ("segments", '[segment]\na = { when = {}, reconnect_after = "9 days", odd = "1 day" }', "2:46: hint: no rule reads odd"),
    ("suppress", '[suppress]\nx = { when = { account.stat = "a" }, stops = ["all"] }', '2:16: error: there is no fact "account.stat"'),  # noqa: E501
    ("suppress", '[suppress]\nx = { when = { account.tier = "A" }, stops = ["asks"] }', '2:47: error: stops has no "asks" = did you mean "ask"?'),  # noqa: E501
    ("suppress", '[suppress]\nx = { when = { account.tier = "A" } }', '2:5: error: "stops" is missing'),
    ("suppress", '[suppress]\nx = { when = {}, stops = ["all"] }', '2:5: error: suppression "x" has no line'),
    ("suppress", '[suppress]\nx = { when = { account.tier = "A" }, stops = ["all"], resume = "1 day" }', '2:64: error: "1 day" is not understood'),  # noqa: E501
    ("suppress", '[suppress]\nx = { when = { account.tier = "A" }, stops = ["all"], until = "2027" }', "2:63: error: until must be a day"),  # noqa: E501
    ("suppress", '[suppress]\nx = { when = { contact.role = "a" }, stops = ["all"] }', "2:16: error: contact.role is no fact of this rule's subject"),  # noqa: E501
    ("facts", 'account.health = { type = "text" }', '1:18: error: "field" is missing'),
    ("facts", '[milestone]\nroi = { salesfroce = "Account.X" }', '2:9: error: there is no connector "salesfroce" = did you mean "salesforce"?'),  # noqa: E501
    ("facts", '[milestone]\nroi = { salesforce = "Acount.X" }', '2:22: error: "Acount.X" names no field of an account or a deal'),
]  # fmt: skip


@pytest.mark.parametrize(("file", "text", "expected"), SHARED)
def test_what_is_wrong_in_a_shared_file_is_found_at_its_place(
    folder: Callable[..., Path], file: str, text: str, expected: str
) -> None:
    """The keys of the shared files are checked like those of the rules."""
    rule = GOOD.replace("{reconnect_after}", "9 days")
    _found, problems = check(folder(**{"rule": rule, file: text}))
    shown = [str(problem).rpartition(".toml:")[2] for problem in problems]

    assert [found for found in shown if found.startswith(expected)], shown


def test_every_problem_of_every_file_is_in_one_report(folder: Callable[..., Path]) -> None:
    """A folder with five mistakes in four files gives five problems, ordered by place, in one error."""
    broken = folder(
        company='time_zone = "Mars"\nsettel = "1 hour"',
        rule=GOOD.replace("customer", "custommer"),
        other=GOOD.replace("reconnect_after", "wait").replace('"care"', '"cure"'),
        third="oops",
    )
    with pytest.raises(RuleError) as caught:
        load(broken)

    files = [Path(problem.place.file).stem for problem in caught.value.problems if problem.place and problem.severity == "error"]
    assert files == ["company", "company", "other", "other", "rule", "third"]


def test_missing_files_and_folders_are_problems(tmp_path: Path, folder: Callable[..., Path]) -> None:
    """A folder that is not there, or lacks a shared file, says so."""
    assert "there is no folder" in str(check(tmp_path / "nowhere")[1][0])

    folder(rule=GOOD)
    (tmp_path / "suppress.toml").unlink()
    assert "suppress.toml is missing" in str(check(tmp_path)[1][0])


@pytest.mark.parametrize(
    ("first", "expected"),
    [
        (FIRST.replace('only_for = "otherwise"\n', '[when]\naccount.tier = "A"\n'), 'error: "first" is not only for otherwise'),
        (FIRST + '[when]\naccount.tier = "A"', 'error: a rule that is only for otherwise has no "when"'),
        (FIRST.replace('"account"', '"milestone"'), "error: a rule that is only for otherwise is about an account"),
        (FIRST.replace('"care"', '"care"\nmode = "off"'), 'warning: "first" is off'),
        (FIRST.replace('"care"', '"care"\nmode = "watch"'), 'warning: "first" is watch, so nothing comes first'),
    ],
)
def test_otherwise_leads_to_a_rule_made_for_it(folder: Callable[..., Path], first: str, expected: str) -> None:
    """`otherwise` names a rule that is only for otherwise, which has no conditions of its own."""
    rule = GOOD.replace("[task]", '[needs]\naccount.last_two_way = "ever"\notherwise = "first"\n[task]')
    _found, problems = check(folder(rule=rule.replace('"care"', '"care"\nmode = "live"'), first=first))

    assert [problem for problem in problems if expected in str(problem)], problems


def test_lists_of_segments_hold_values_of_the_fact(folder: Callable[..., Path]) -> None:
    """A typo in a list of segments.toml is found by the rule that compares a fact with it."""
    segments = '[segment]\na = { when = {}, ask_after = ["signd", "during the sale", "going live"] }'
    rule = GOOD.replace('"account"', '"milestone"').replace("account.last_touch", "milestone.kind")
    facts = '[milestone]\n"going live" = { files = "accounts.live" }'
    text = rule.replace("not in the last {reconnect_after}", "{ask_after}")
    _found, problems = check(folder(segments=segments, rule=text, facts=facts))

    assert [problem.message for problem in problems] == ['{ask_after} of segment "a": milestone.kind is never "signd"']
    assert problems[0].hint == 'did you mean "signed"?'


def test_unnamed_otherwise_rule_and_empty_rule_are_noted(folder: Callable[..., Path]) -> None:
    """A rule that nothing can start and a rule about everything are both told."""
    _found, problems = check(folder(first=FIRST, all=FIRST.replace('only_for = "otherwise"\n', ""), rule=GOOD))
    told = [problem.message for problem in problems if "no rule reads" not in problem.message]

    assert told == ['"when" is missing']  # with an error about, the lonely rule is not worth a word

    (folder() / "all.toml").unlink()
    assert "no rule names this one in otherwise" in [problem.message for problem in check(folder())[1]]


def test_company_settings_are_read(folder: Callable[..., Path]) -> None:
    """Each setting of company.toml and the mapping of facts.toml reaches its value."""
    company = """
        time_zone = "Europe/Berlin"
        working_days = ["mon", "sat"]
        holidays = ["DE-BY"]
        closed = [2026-12-24]
        task_hours = "08:30-12:00"
        settle = "0 hours"
        [freshness]
        activities = "2 days"
        escalations = "1 week"
        [touch]
        kinds = ["call", "email in", "email out"]
        two_way = ["call", "email in"]
        ignore = []
        unconfirmed_meetings = true
        stale_task = "7 days"
        [assign]
        to = ["account.owner", "user:desk@example.com"]
        [limits]
        per_rep_per_day = 1
        per_rep_per_week = 2
        per_account_open = 3
        new_tasks_per_run = 4
        [limits.ask]
        per_account_open = 0
        per_account_every = "1 year"
        per_person_every = "never"
        not_while_open = ["rule", "thanks"]
        [order]
        first_wins = ["first", "ru*"]
    """
    facts = '[milestone]\nroi = { salesforce = "Account.Roi__c", files = "deals.roi" }'
    rule = GOOD.replace("[task]", '[needs]\naccount.last_two_way = "ever"\notherwise = "first"\n[task]')
    found = load(folder(company=company, facts=facts, rule=rule, first=FIRST))
    made = found.company

    assert (made.calendar.zone, sorted(made.calendar.working_days), made.calendar.holidays) == (
        "Europe/Berlin",
        [0, 5],
        ("DE-BY",),
    )
    assert [str(hour)[:5] for hour in made.task_hours] == ["08:30", "12:00"]
    assert made.freshness == {"activities": Duration(2, Unit.DAYS), "escalations": Duration(1, Unit.WEEKS)}
    kinds = frozenset({(ActivityKind.CALL, None), (ActivityKind.EMAIL, Direction.IN), (ActivityKind.EMAIL, Direction.OUT)})
    assert (made.touch.kinds, made.touch.ignore, made.touch.unconfirmed_meetings) == (kinds, frozenset[str](), True)
    assert made.touch.two_way == kinds - {(ActivityKind.EMAIL, Direction.OUT)}
    assert (made.stale_task, made.settle.count) == (Duration(7, Unit.DAYS), 0)
    assert made.assign == ("account.owner", "user:desk@example.com")
    assert (made.limits.per_rep_per_day, made.limits.new_tasks_per_run) == (1, 4)
    assert made.ask == AskLimits(
        per_account_open=0,
        per_account_every=Duration(1, Unit.YEARS),
        per_person_every=None,
        not_while_open=("rule", "thanks"),
    )
    assert made.milestones == {"roi": {"salesforce": "Account.Roi__c", "files": "deals.roi"}}
    assert [found.rank(name) for name in ("first", "rule", "other")] == [0, 1, 2]


def test_an_empty_company_file_means_the_defaults(folder: Callable[..., Path]) -> None:
    """What company.toml does not say is as `Company()` has it."""
    assert load(folder(company="", rule=GOOD)).company == Company()


def test_long_and_short_forms_are_the_same_rule(folder: Callable[..., Path]) -> None:
    """Tables with headers, inline tables and quoted facts read alike."""
    short = """
        title = "Reconnect"
        for_each = "account"
        kind = "care"
        when = { account.status = "customer", "account.last_touch" = "not in the last {reconnect_after}" }
        task = { do = "call", with = ["best contact"], subject = "Call {contact.name}" }
        repeat = { after_done = "30 days", after_dismissed = "never", at_most = 2 }
    """
    found = load(folder(long=GOOD, short=short))
    long_, short_ = found.rules

    assert [(line.fact, line.phrase) for line in long_.when.all] == [(line.fact, line.phrase) for line in short_.when.all]
    assert long_.task == short_.task
    assert short_.repeat == Repeat(after_done=Duration(30, Unit.DAYS), at_most=2)


@pytest.mark.long
def test_a_copy_of_the_shipped_rules_with_every_value_damaged_is_refused(tmp_path: Path) -> None:
    """Wherever a text in a shipped rule is damaged, there is a problem, never a traceback."""
    for path in SHIPPED.glob("*-*.toml"):
        lines = path.read_text(encoding="utf-8").split("\n")
        for number, line in enumerate(lines):
            key, equals, value = line.partition('= "')
            if not equals or key.strip() in ("title", "subject", "text", "note") or line.startswith("#"):
                continue
            shutil.copytree(SHIPPED, tmp_path, dirs_exist_ok=True)
            damaged = [*lines[:number], f'{key}= "xx {value}', *lines[number + 1 :]]
            (tmp_path / path.name).write_text("\n".join(damaged), encoding="utf-8")
            found, problems = check(tmp_path)

            assert found is None, line
            assert number + 1 in {problem.place.line for problem in problems if problem.place}, line
