"""A corpus of broken rule files, made from every shipped one: each gives an error or a hint, or means what it meant before.

What a file means is what the loaded rules are, places left out: a change of them must not pass silently unless the file still
says it in so many words. Of each mutation one thing is changed that an admin may change by mistake.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from pathlib import Path

import pytest

from refsync.bundled import bundled
from refsync.errors import Place
from refsync.rules.files.folder import check

SHIPPED = {path.name: path.read_text(encoding="utf-8") for path in sorted(bundled("rules").glob("*.toml"))}
WORD = re.compile(r"[a-z]{4,}")
STRING = re.compile(r'"([^"\n]+)"')
KEY = re.compile(r"^\[{0,2}([a-z][a-z_.]*[a-z])", re.MULTILINE)
FREE_TEXT = re.compile(r'^(title|note|subject|text|why)\s*=|^[A-Z{][^=]*$|"""')
"""Lines of words for people: any wording is fine there, so only what is not words is changed."""


def mutations(name: str, text: str, chance: random.Random) -> Iterator[tuple[str, str]]:
    """Yield what was done to a file, and the file: at random places, every kind of mistake."""
    lines = text.split("\n")
    said = [number for number, line in enumerate(lines) if line.strip() and not line.lstrip().startswith("#")]
    ours = [number for number in said if not FREE_TEXT.search(lines[number]) and not _is_prose(lines, number)]
    own = name in OWN_NAMES
    for kind in MISTAKES:
        for number in chance.sample(ours, len(ours)):
            line, comment = _apart(lines[number])
            if own and kind in WORDS and OWN_NAMES[name].match(line):
                continue
            if (wrong := kind(line, chance)) and wrong != line:
                yield (
                    f"{name}:{number + 1} {kind.__name__}: {wrong}",
                    "\n".join([*lines[:number], wrong + comment, *lines[number + 1 :]]),
                )
                break


def _apart(line: str) -> tuple[str, str]:
    """Return a line and the comment that ends it."""
    found = re.search(r"\s+#.*$", line)
    return (line[: found.start()], found[0]) if found else (line, "")


def _is_prose(lines: list[str], number: int) -> bool:
    """Return whether a line is within a text of several lines."""
    return "\n".join(lines[:number]).count('"""') % 2 == 1


def letter_doubled_in_a_key(line: str, chance: random.Random) -> str:
    found = KEY.match(line)
    if not found:
        return ""
    at = chance.randrange(found.start(1), found.end(1))
    return line[: at + 1] + line[at] + line[at + 1 :] if line[at].isalpha() else ""


def letter_lost_in_a_value(line: str, chance: random.Random) -> str:
    return _in_a_word(line, chance, lambda word: word[:1] + word[2:])


def letters_swapped_in_a_value(line: str, chance: random.Random) -> str:
    return _in_a_word(line, chance, lambda word: word[:1] + word[2] + word[1] + word[3:])


def _in_a_word(line: str, chance: random.Random, change: object) -> str:
    assert callable(change)
    start = line.find("=")
    words = list(WORD.finditer(line, start + 1)) if start >= 0 else []
    if not words:
        return ""
    word = chance.choice(words)
    return line[: word.start()] + str(change(word[0])) + line[word.end() :]


def quote_lost(line: str, chance: random.Random) -> str:
    places = [at for at, char in enumerate(line) if char == '"']
    at = chance.choice(places) if places else 0
    return line[:at] + line[at + 1 :] if places else ""


def bracket_lost(line: str, chance: random.Random) -> str:
    places = [at for at, char in enumerate(line) if char in "[]{}"]
    at = chance.choice(places) if places else 0
    return line[:at] + line[at + 1 :] if places else ""


def equals_lost(line: str, _chance: random.Random) -> str:
    return line.replace("=", "", 1)


def number_for_a_text(line: str, _chance: random.Random) -> str:
    return STRING.sub("7", line, count=1) if not re.search(r'"(at least|at most|less than|more than) \d+"', line) else ""


def text_for_anything(line: str, _chance: random.Random) -> str:
    return re.sub(r"=.*", '= "whatever"', line, count=1)


def list_for_anything(line: str, _chance: random.Random) -> str:
    return re.sub(r"=.*", "= []", line, count=1)


def number_made_negative(line: str, _chance: random.Random) -> str:
    return re.sub(r"(?<![\w.-])([1-9]\d*)", r"-\1", line, count=1)


def unit_that_there_is_not(line: str, _chance: random.Random) -> str:
    return re.sub(r"\b(days|weeks|months|years|hours)\b", "dayz", line, count=1)


def said_in_other_words(line: str, _chance: random.Random) -> str:
    return line.replace("in the last", "within").replace("at least", "minimum").replace("between", "from")


def parameter_that_there_is_not(line: str, _chance: random.Random) -> str:
    return re.sub(r"\{(\w+)\}", r"{\1_x}", line, count=1)


def key_said_twice(line: str, _chance: random.Random) -> str:
    return f"{line}\n{line}" if re.match(r"[\w.]+\s*=", line) and line.count('"""') != 1 else ""


MISTAKES = (
    letter_doubled_in_a_key,
    letter_lost_in_a_value,
    letters_swapped_in_a_value,
    quote_lost,
    bracket_lost,
    equals_lost,
    number_for_a_text,
    text_for_anything,
    list_for_anything,
    number_made_negative,
    unit_that_there_is_not,
    said_in_other_words,
    parameter_that_there_is_not,
    key_said_twice,
)


WORDS = (letter_doubled_in_a_key, letter_lost_in_a_value, letters_swapped_in_a_value)
OWN_NAMES = {
    "segments.toml": re.compile(r"(key|core|long-tail)\b"),
    "suppress.toml": re.compile(r"[\w-]+\s*= \{ when"),
    "facts.toml": re.compile(r"\w+\s*= \{"),
}
"""Lines that a company names itself, and names of its CRM's fields: how these are spelt is not to be known without the CRM."""


def corpus(count: int) -> list[tuple[str, str, str]]:
    """Return so many broken files: the name, what was done, and the text. The same ones each time."""
    chance, found = random.Random(1), dict[str, tuple[str, str, str]]()
    while len(found) < count:
        for name, text in SHIPPED.items():
            for done, broken in mutations(name, text, chance):
                found.setdefault(done, (name, done, broken))
    return list(found.values())[:count] if count > 1000 else chance.sample(list(found.values()), count)


def meaning(value: object) -> object:
    """Return what a loaded value says, without where it stands."""
    if isinstance(value, Place | Path):
        return None
    if is_dataclass(value) and not isinstance(value, type):
        named = {one.name: meaning(getattr(value, one.name)) for one in fields(value) if one.name != "digest"}
        if type(value).__name__ == "Condition":
            named.pop("text")
        return (type(value).__name__, named)
    if isinstance(value, dict):
        return {key: meaning(one) for key, one in value.items()}
    if isinstance(value, tuple | list):
        return [meaning(one) for one in value]
    if isinstance(value, frozenset | set):
        return sorted(map(repr, map(meaning, value)))
    return value


class Folder:
    """A copy of the shipped rules, one file of which is broken at a time."""

    def __init__(self, path: Path) -> None:
        self.path = path
        for name, text in SHIPPED.items():
            (path / name).write_text(text, encoding="utf-8")
        whole, problems = check(path)
        self.right, self.told = meaning(whole), len(problems)

    def passes_silently(self, name: str, broken: str) -> bool:
        """Return whether a broken file is taken without a word although it means something else."""
        (self.path / name).write_text(broken, encoding="utf-8")
        try:
            found, problems = check(self.path)
        finally:
            (self.path / name).write_text(SHIPPED[name], encoding="utf-8")
        return len(problems) <= self.told and meaning(found) != self.right


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


def test_no_broken_file_changes_its_meaning_silently(folder: Folder) -> None:
    """Of 200 broken files, some of each shipped one and of each mistake, none raises and none passes with another meaning."""
    broken = corpus(200)
    silent = [done for name, done, text in broken if folder.passes_silently(name, text)]

    assert [] == silent
    assert set(SHIPPED) == {name for name, _done, _text in broken}
    assert {mistake.__name__ for mistake in MISTAKES} == {done.split()[1].rstrip(":") for _name, done, _text in broken}


@pytest.mark.long
def test_none_of_two_thousand_either(folder: Folder) -> None:
    """The same for ten times as many."""
    silent = [done for name, done, text in corpus(2000) if folder.passes_silently(name, text)]

    assert [] == silent
