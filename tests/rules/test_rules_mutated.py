"""The shipped rules, damaged line by line: nothing raises, and no misspelt key, value or broken syntax passes silently."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from refsync.rules.files.folder import check

SHIPPED = Path(__file__).parents[2] / "rules"
SHARED = ("company.toml", "segments.toml", "suppress.toml", "facts.toml")
NAMES = (
    *SHARED,
    "account-warm-people-cold.toml",
    "ask-referral-after-milestone.toml",
    "reconnect-before-asking.toml",
    "reconnect-neglected-customer.toml",
    "stay-in-touch-people.toml",
    "thank-source-email.toml",
)
"""The shared files and a rule of every kind: all that the others say is said in one of them."""
VALUES = ("5", "[]", "{}", '["a", 5]', "{ not = 5 }", "nan")
FREE = re.compile(r"\s*(#|\w+-\w|key|core|implemented|roi)")
"""Lines whose key is a name of the company's own."""
OFTEN = {"company.toml", "segments.toml", "ask-referral-after-milestone.toml", "reconnect-neglected-customer.toml"}
EACH = [pytest.param(name, marks=() if name in OFTEN else pytest.mark.long) for name in NAMES]
"""The others are in the long suite; of all of them `test_rules_corpus` damages some."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "rules"
    made.mkdir()
    for name in NAMES:
        shutil.copyfile(SHIPPED / name, made / name)
    company = (made / "company.toml").read_text()
    (made / "company.toml").write_text(re.sub(r"first_wins = \[.*?\]", 'first_wins = ["ask-*"]', company, flags=re.DOTALL))
    return made


def _key(line: str) -> re.Match[str] | None:
    """Return the key of a line with a pair or of a table's head, when the line is one."""
    return None if FREE.match(line) else re.match(r"\[{0,2}([a-z_.]{3,}?)\s*(?:=|\])", line)


def _damaged(text: str) -> Iterator[str]:
    lines = text.split("\n")
    for number, line in enumerate(lines):
        before, after = lines[:number], lines[number + 1 :]
        yield "\n".join([*before, *after])
        yield "\n".join([*before, line, line, *after])
        if _key(line):
            yield from ("\n".join([*before, f"{line.partition('=')[0]}= {value}", *after]) for value in VALUES)
        yield from ("\n".join([*before, line.replace(mark, "", 1), *after]) for mark in '"[]{}=|' if mark in line)


@pytest.mark.parametrize("name", EACH)
def test_no_damage_makes_the_check_fail(folder: Path, name: str) -> None:
    """Whatever is deleted, doubled, of a wrong type or left open: the check answers, with rules or with an error."""
    text = (folder / name).read_text()
    for damaged in _damaged(text):
        (folder / name).write_text(damaged)
        found, problems = check(folder)
        assert (found is None) == any(problem.severity == "error" for problem in problems)


@pytest.mark.parametrize("name", EACH)
def test_every_misspelt_key_is_found_at_its_line(folder: Path, name: str) -> None:
    """A letter too many in any key or table is an error in that line."""
    lines = (folder / name).read_text().split("\n")
    for number, line in enumerate(lines):
        if key := _key(line):
            misspelt = f"{line[: key.end(1)]}x{line[key.end(1) :]}"
            (folder / name).write_text("\n".join([*lines[:number], misspelt, *lines[number + 1 :]]))
            _, problems = check(folder)
            at = [problem.place.line for problem in problems if problem.place and problem.place.file.endswith(name)]
            own = name == "segments.toml" and key[1] in ("long_silence", "ask_after")  # then it is where it is read
            assert own or number + 1 in at, (misspelt, [str(problem) for problem in problems])


NEGLECTED, FACTS = "reconnect-neglected-customer.toml", "facts.toml"
CORPUS = [
    # (file, what is replaced, by what, the problem)
    (NEGLECTED, '= "account"', "= []", "4:12: error: for_each must be a text"),
    (NEGLECTED, '"Reconnect with a neglected customer"', '" "', "3:12: error: title is empty"),
    (NEGLECTED, '"at least 1"', '"at least 0"', "14:24: warning: account.open_tasks is a count: this is always true"),
    (NEGLECTED, '"at least 1"', '"less than 0"', "14:24: warning: account.open_tasks is a count: this is never true"),
    (NEGLECTED, '"at least 1"', "nan", "14:24: error: this is no number"),
    (NEGLECTED, "Talk to {contact", "Talk to contact", '27:50: error: a stray "}"'),
    ("segments.toml", '"30 days"', '"-30 days"', 'segments.toml:9:64: error: "-30 days" is not a duration'),
    ("segments.toml", '"2 years"', '"long"', "is no length of time in segments.toml = mend long_silence of segment"),
    (FACTS, "implemented =", "implementet =", 'a milestone of your own = did you mean "implemented"?'),
    (FACTS, "implemented =", "implementet =", '9:22: hint: {ask_after}: no milestone "implemented" is found yet = map'),
    (FACTS, "[milestone]\n", "[milestone]\nmoved = {}\n", "facts.toml:3:9: warning: no field is named"),
]


@pytest.mark.parametrize(("name", "old", "new", "expected"), CORPUS)
def test_what_would_pass_silently_is_said(folder: Path, name: str, old: str, new: str, expected: str) -> None:
    """What is valid but cannot be meant is a warning or a hint, and what is wrong is found where it stands."""
    text = (folder / name).read_text()
    assert old in text
    (folder / name).write_text(text.replace(old, new, 1))
    _, problems = check(folder)

    assert any(expected in str(problem) for problem in problems), [str(problem) for problem in problems]


@pytest.mark.parametrize("name", ["mine.toml.txt", "mine.TOML", "mine.toml.bak"])
def test_a_file_whose_name_does_not_end_in_toml_is_mentioned(folder: Path, name: str) -> None:
    """A rule that is passed over for its name is a hint, with the name it should have."""
    (folder / name).write_text("")
    found, problems = check(folder)

    assert found is not None
    assert ['rename it to "mine.toml" to use it'] == [problem.hint for problem in problems]


def test_a_file_from_another_editor_reads_the_same(folder: Path) -> None:
    """A byte order mark, carriage returns and tabs change nothing, and places stay right."""
    path = folder / "reconnect-neglected-customer.toml"
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n").replace(b" = ", b"\t=\t"))
    assert [] == check(folder)[1]
    path.write_bytes(path.read_bytes().replace(b'"care"', b'"carre"'))

    assert ["5:12"] == [str(problem.place).partition(".toml:")[2] for problem in check(folder)[1]]
