"""rules/README.md keeps what it promises."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from refsync.rules.facts.people import CHOICES
from refsync.rules.facts.registry import FACTS
from refsync.rules.files.folder import check
from refsync.rules.files.task_table import DO, PRIORITIES
from refsync.rules.phrases import FactType, parse

README = (Path(__file__).parents[2] / "rules" / "README.md").read_text(encoding="utf-8")


def test_every_fact_is_listed() -> None:
    """Each fact of the registry stands in the README, by its name or behind its subject."""
    listed = set(re.findall(r"`([a-z_.]+)`", README))
    missing = [name for name in FACTS if name not in listed and f".{name.partition('.')[2]}" not in listed]

    assert missing == []


def test_the_rule_it_shows_is_a_rule(folder: Callable[..., Path]) -> None:
    """The example loads, and its words for people, ways and priorities are all there are."""
    [example] = re.findall(r"```toml\n(.*?)```", README, re.DOTALL)
    found, problems = check(folder(example=example))

    assert found is not None, problems
    assert all(word in README for word in (*DO, *PRIORITIES, *CHOICES))


def test_the_phrases_it_shows_are_phrases() -> None:
    """Each phrase in the table is understood."""
    rows = dict(re.findall(r"^\| (times|numbers) \| (.*) \|$", README, re.MULTILINE))
    for row, kind in (("times", FactType.TIME), ("numbers", FactType.NUMBER)):
        for phrase in re.findall(r'"([^"]*)"', rows[row]):
            assert parse(phrase, kind)
