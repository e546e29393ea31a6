"""Rules judged in plain Python, slowly: phrases, lines, segments and what stops a rule. The facts are those of network.py.

Law: nothing here comes from the code it is to check: the days are counted with datetime alone and the phrases are read anew.
"""

from __future__ import annotations

import re
from calendar import monthrange
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Protocol, TypeAlias
from zoneinfo import ZoneInfo

Line: TypeAlias = tuple[str, object]
"""A fact and its phrase, as TOML has it."""
Seen: TypeAlias = str | float | bool | datetime | set[str] | None
"""The value of a fact; a set: every word that is true."""
AHEAD = {"account.next_meeting", "contact.next_meeting"}
"""Facts whose time is ahead by their nature."""


@dataclass(frozen=True)
class Part:
    """A segment: the lines that tell it, and what it sets."""

    name: str
    lines: tuple[Line, ...]
    settings: dict[str, str | list[str]]


@dataclass(frozen=True)
class Stop:
    """A reason to leave a customer alone."""

    lines: tuple[Line, ...]
    stops: tuple[str, ...]
    until: date | None = None
    resume: str = ""


@dataclass(frozen=True)
class Spoken:
    """A rule as its file says it."""

    subject: str
    kind: str
    when: tuple[Line, ...]
    blocks: tuple[tuple[Line, ...], ...] = ()
    unless: tuple[Line, ...] = ()
    needs: tuple[Line, ...] = ()
    first: str = ""
    """The kind of the rule that speaks first while `needs` does not hold."""


class Known(Protocol):
    """A book that can be asked for facts."""

    @property
    def clock(self) -> Clock: ...

    @property
    def parts(self) -> tuple[Part, ...]: ...

    def subjects(self, kind: str) -> list[tuple[str, str]]:
        """Return id and account of every record of a kind that has an account; of colleagues who work here an empty account."""

    def seen(self, kind: str, subject: str, account: str, fact: str, settings: dict[str, str | list[str]]) -> Seen:
        """Return the value of a fact of a subject, or of its account."""

    def ended(self, account: str) -> list[datetime]:
        """Return when escalations of an account ended."""

    def part_of(self, account: str) -> Part:
        """Return the segment of an account."""


@dataclass(frozen=True)
class Judge:
    """Judges rules by what is known of a book."""

    known: Known
    stops: tuple[Stop, ...] = ()

    def matches(self, rule: Spoken) -> dict[str, tuple[str, bool]]:
        """Return the segment of each subject that matches, and whether its `needs` hold."""
        found = {}
        for subject, account in self.known.subjects(rule.subject):
            part = self.known.part_of(account) if account else self.known.parts[0]
            asked = Asked(self.known, part, rule.subject, subject, account)
            ready = asked.all_of(rule.needs)
            if (
                asked.all_of(rule.when)
                and (not rule.blocks or any(asked.all_of(block) for block in rule.blocks))
                and not any(asked.holds(line) for line in rule.unless)
                and not any(self._stands(stop, rule, asked, ready=ready) for stop in self.stops)
            ):
                found[subject] = (part.name, ready)
        return found

    def _stands(self, stop: Stop, rule: Spoken, asked: Asked, *, ready: bool) -> bool:
        if stop.until and stop.until < self.known.clock.today():
            return False
        about_person = any(fact == "contact.do_not_contact" for fact, _phrase in stop.lines)
        if rule.subject == "rep" or (about_person and rule.subject != "contact"):
            return False
        speaks = rule.kind in stop.stops or (rule.first in stop.stops and not ready)
        return speaks and (asked.all_of(stop.lines) or self._lately(stop, asked))

    def _lately(self, stop: Stop, asked: Asked) -> bool:
        if not stop.resume:
            return False
        clock = self.known.clock
        others = [line for line in stop.lines if line[0] != "account.open_escalations"]
        ended = [at for at in self.known.ended(asked.account) if clock.ago(stop.resume) <= at <= clock.now]
        return bool(ended) and asked.all_of(others)


@dataclass(frozen=True)
class Asked:
    """One subject that is asked about."""

    known: Known
    part: Part
    kind: str
    subject: str
    account: str

    def all_of(self, lines: tuple[Line, ...] | list[Line]) -> bool:
        return all(self.holds(line) for line in lines)

    def holds(self, line: Line) -> bool:
        """Return whether a line is true; an unknown value makes it so only in the four forms that accept it."""
        fact, phrase = line
        if fact == "segment":
            return holds_text(self.part.name, phrase)
        if fact.startswith("segment."):
            return _holds_words(set(self.part.settings[fact[8:]]), phrase)
        if isinstance(phrase, str):
            phrase = self._spelt(phrase)
        seen = self.known.seen(self.kind, self.subject, self.account, fact, self.part.settings)
        if isinstance(seen, set):
            return _holds_words(seen, phrase)
        if isinstance(phrase, bool):
            return (seen is True) is phrase
        if isinstance(seen, datetime) or _is_time(phrase):
            assert not isinstance(seen, str | bool | float)
            return self.known.clock.holds(seen, str(phrase), ahead=fact in AHEAD)
        if isinstance(seen, str) or _is_text(phrase):
            return holds_text(seen if isinstance(seen, str) else None, phrase)
        return seen is not None and holds_number(float(seen), phrase)

    def _spelt(self, phrase: str) -> object:
        """Return a phrase with what the segment sets in the place of parameters."""
        whole = re.fullmatch(r"\{(\w+)\}", phrase)
        if whole and isinstance(listed := self.part.settings[whole[1]], list):
            return listed
        return re.sub(r"\{(\w+)\}", lambda found: str(self.part.settings[found[1]]), phrase)


@dataclass(frozen=True)
class Clock:
    """An instant, in the zone of a company."""

    now: datetime
    zone: str

    def today(self) -> date:
        return self.day(self.now)

    def day(self, at: datetime) -> date:
        return at.astimezone(ZoneInfo(self.zone)).date()

    def midnight(self, day: date) -> datetime:
        return datetime.combine(day, time(), ZoneInfo(self.zone)).astimezone(UTC)

    def holds(self, at: datetime | None, phrase: str, *, ahead: bool = False) -> bool:
        """Return whether a phrase is true of a time."""
        known = at is not None and (ahead or at <= self.now)
        if phrase == "never":
            return not known
        if phrase == "ever":
            return known
        if found := re.fullmatch(r"not in the last (.*)", phrase):
            return not (at is not None and self.ago(found[1]) <= at <= self.now)
        if at is None:
            return False
        if found := re.fullmatch(r"in the last (.*)", phrase):
            return self.ago(found[1]) <= at <= self.now
        if found := re.fullmatch(r"more than (.*) ago", phrase):
            return at < self.ago(found[1])
        if found := re.fullmatch(r"between (\d+) and (\d+) (.*) ago", phrase):
            return self._between(at, *found.groups())
        found = re.fullmatch(r"in the next (.*)", phrase)
        assert found is not None
        return self._next(at, found[1])

    def ago(self, length: str) -> datetime:
        """Return the first instant within a length of time before now."""
        count, unit = _parted(length)
        return self.now - timedelta(hours=count) if unit == "hour" else self.midnight(self._moved(count, unit, -1))

    def _between(self, at: datetime, near: str, far: str, unit: str) -> bool:
        if unit == "hours":
            return self.ago(f"{far} {unit}") <= at <= self.ago(f"{near} {unit}")
        last = self._moved(int(near), unit.rstrip("s"), -1)
        return self.ago(f"{far} {unit}") <= at <= self.now and self.day(at) <= last

    def _next(self, at: datetime, length: str) -> bool:
        count, unit = _parted(length)
        if unit == "hour":
            return self.now < at < self.now + timedelta(hours=count)
        return at > self.now and self.day(at) <= self._moved(count, unit, 1)

    def _moved(self, count: int, unit: str, way: int) -> date:
        day = self.today()
        if unit in ("day", "week"):
            return day + timedelta(days=way * count * (7 if unit == "week" else 1))
        if unit == "business day":
            while count:
                day += timedelta(days=way)
                count -= day.isoweekday() < 6
            return day
        months = day.year * 12 + day.month - 1 + way * count * (12 if unit == "year" else 1)
        year, month = months // 12, months % 12 + 1
        return date(year, month, min(day.day, monthrange(year, month)[1]))


def _parted(length: str) -> tuple[int, str]:
    count, unit = length.split(" ", 1)
    return int(count), unit.removesuffix("s")


def _is_time(phrase: object) -> bool:
    return isinstance(phrase, str) and (
        phrase in ("never", "ever") or bool(re.search(r" ago$|^(not )?in the (last|next) ", phrase))
    )


def _is_text(phrase: object) -> bool:
    number = isinstance(phrase, str) and re.match(r"(at least|at most|more than|less than|between) [\d.]", phrase)
    return isinstance(phrase, str | list | dict) and not number


def holds_number(value: float, phrase: object) -> bool:
    if isinstance(phrase, int | float):
        return value == phrase
    words = str(phrase).split()
    if words[0] == "between":
        return float(words[1]) <= value <= float(words[3])
    limit = float(words[2])
    return {"at least": value >= limit, "at most": value <= limit, "more than": value > limit, "less than": value < limit}[
        " ".join(words[:2])
    ]


def holds_text(value: str | None, phrase: object) -> bool:
    if isinstance(phrase, dict) and "contains" in phrase:
        return value is not None and any(text.lower() in value.lower() for text in _listed(phrase["contains"]))
    if isinstance(phrase, dict):
        return not holds_text(value, phrase["not"])
    return value is not None and value in _listed(phrase)


def _holds_words(words: set[str], phrase: object) -> bool:
    if isinstance(phrase, dict) and "not" in phrase:
        return not words & set(_listed(phrase["not"]))
    return any(holds_text(word, phrase) for word in words)


def _listed(texts: object) -> list[str]:
    return texts if isinstance(texts, list) else [str(texts)]
