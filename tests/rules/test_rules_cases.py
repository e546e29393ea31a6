"""Tests of rules: the shipped ones pass, what is not as expected is said, and a mistake in a test file is found at its place."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from refsync.rules.files.cases import read_cases
from refsync.rules.files.folder import load
from refsync.store.engine import Store, open_store
from refsync.sync.dry_run.trial import attempt, uncovered

SHIPPED = Path(__file__).parents[2] / "rules"
RULES = load(SHIPPED)
CASES, PROBLEMS = read_cases(SHIPPED, RULES)


@pytest.fixture(scope="module")
def store() -> Iterator[Store]:
    with open_store("sqlite://") as opened:
        yield opened


def test_every_shipped_rule_is_tested() -> None:
    """Each rule has cases, but the one that others call for, which theirs reach."""
    assert [] == [str(problem) for problem in PROBLEMS]
    tested = {case.rule for case in CASES} | {str(case.expect.get("task")) for case in CASES}
    assert {rule.name for rule in RULES.rules} <= tested


def test_shipped_cases_pass_and_turn_every_line(store: Store) -> None:
    """What is expected of the shipped rules comes true; each of their lines is true in one case and false in another.

    One test, because all cases have to be tried to say so, and each takes a third of a second.
    """
    tried = [attempt(case, RULES, store) for case in CASES]

    assert {} == {f"{one.case.rule}: {one.case.name}": one.differences for one in tried if one.differences}
    assert [] == uncovered(tried, RULES)


ASK = next(case for case in CASES if case.rule == "ask-referral-after-milestone")


@pytest.mark.parametrize(
    ("expect", "difference"),
    [
        ({"task": "reconnect-before-asking"}, "expected task reconnect-before-asking, got ask-referral-after-milestone"),
        ({"task": ASK.rule, "due": "tomorrow"}, "expected due tomorrow, got 2026-11-27"),
        ({"task": ASK.rule, "assigned": "Tom"}, "expected assigned Tom, got Rita"),
        ({"task": ASK.rule, "waiting": ASK.rule}, "expected waiting ask-referral-after-milestone, got none"),
        ({"nothing": "repeat"}, "expected nothing, got task ask-referral-after-milestone"),
    ],
)
def test_each_difference_is_a_line(store: Store, expect: dict[str, str], difference: str) -> None:
    """A task that is not as expected is told field by field."""
    assert (difference,) == attempt(replace(ASK, expect=expect), RULES, store).differences


def test_another_reason_is_a_difference(store: Store) -> None:
    """Nothing happened, but not for the reason that was expected: the reasons found are named."""
    case = replace(
        ASK, given={**ASK.given, "account": {**ASK.given["account"], "status": "former"}}, expect={"nothing": "repeat"}
    )

    assert ("expected nothing because of repeat, got when.account.status",) == attempt(case, RULES, store).differences


GOOD = """\
rule  = "rule"
today = 2026-11-20
case  = [{ name = "cold", change = { account.last_touch = "100 days ago" }, expect = { task = "rule" } }]
[given]
account = { status = "customer" }
"""
RULE = """\
title    = "T"
for_each = "account"
kind     = "care"
[when]
account.last_touch = "not in the last 90 days"
[task]
do      = "call"
subject = "Call"
"""


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ('"rule"\n', '"rul"\n', '1:9: error: no rule is called "rul" = did you mean "rule"?'),
        ("2026-11-20", '"2026-11-20"', "2:9: error: today must be a day"),
        ("account.last_touch", "account.last_tuch", '3:38: error: there is no key "last_tuch" here = did you mean "last_touch"?'),
        ("task =", "tsk =", "3:86: error: expect says neither task nor nothing"),
        ("status =", "statos =", '5:13: error: there is no key "statos" here = did you mean "status"?'),
        ("case  =", "cases =", '3:1: error: there is no key "cases" here = did you mean "case"?'),
    ],
)
def test_mistakes_in_test_files_have_a_place(folder: Callable[..., Path], old: str, new: str, expected: str) -> None:
    """A test file is checked like a rule file."""
    path = folder(rule=RULE)
    (path / "tests").mkdir()
    (path / "tests" / "x.test.toml").write_text(GOOD.replace(old, new))
    shown = [str(problem).rpartition(".toml:")[2] for problem in read_cases(path, load(path))[1]]

    assert [text for text in shown if text.startswith(expected)], shown


@pytest.mark.parametrize(("touched", "code", "word"), [("100 days ago", 0, "PASS"), ("10 days ago", 1, "FAIL")])
def test_the_command_says_what_failed(folder: Callable[..., Path], touched: str, code: int, word: str) -> None:
    """`refsync rules test` prints a line a case and ends with 1 when one failed; --coverage lists what no case decides."""
    path = folder(rule=RULE)
    (path / "tests").mkdir()
    (path / "tests" / "x.test.toml").write_text(GOOD.replace("100 days ago", touched))
    call = ["-c", "from refsync.cli.main import main; main()"]
    script = [sys.executable, *call, "rules", "test", "--coverage", "--rules", str(path)]
    done = subprocess.run(script, capture_output=True, text=True, timeout=60, check=False)

    assert code == done.returncode, done.stderr
    assert f"{word}  x.test.toml:3  cold" in done.stdout
    assert "no case makes it" in done.stderr
