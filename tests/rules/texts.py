"""Rule files as short as tests need them."""

from __future__ import annotations

from collections.abc import Callable

from refsync.rules.rule import Rule, RuleSet

Rules = Callable[..., RuleSet]

TASK = '[task]\ndo = "call"\nsubject = "{account.name}"\n'


TASK_ABOUT_REP = '[task]\ndo = "to-do"\nassign = "rep.manager"\nsubject = "Talk to {rep.name}"'


def about(subject: str, when: str, rest: str = "") -> str:
    task = TASK_ABOUT_REP if subject == "rep" else TASK
    return f'title = "T"\nfor_each = "{subject}"\nkind = "care"\n[when]\n{when}\n{rest}\n{task}'


def about_accounts(when: str, rest: str = "") -> str:
    return about("account", when, rest)


def about_milestones(when: str, rest: str = "") -> str:
    return f'title = "T"\nfor_each = "milestone"\nkind = "ask"\n[when]\n{when}\n{rest}\n{TASK}'


OTHERWISE = f'title = "First"\nfor_each = "account"\nkind = "care"\nonly_for = "otherwise"\n{TASK}'


def rule(rules: RuleSet, name: str = "rule") -> Rule:
    found = rules.rule(name)
    assert found is not None
    return found
