"""A TOML table while it is being read: every key is taken by its type, and whatever is wrong is noted with its place.

The law: nothing passes silently. A wrong type, an unknown key and a key without effect each leave a problem; reading goes on, so
that one run reports them all.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from refsync.calendar import Duration, parse_duration
from refsync.errors import Place, Problem, Severity, did_you_mean
from refsync.toml_source import Part, TomlPath, TomlSource

MAX_YEARS = 100
_PER_YEAR = {"hours": 8784, "days": 366, "business days": 366, "weeks": 53, "months": 12, "years": 1}


class Table:
    """One table of a file, and the list that gathers the problems of all files."""

    def __init__(self, source: TomlSource, problems: list[Problem], path: TomlPath = ()) -> None:
        self.source = source
        self.problems = problems
        self.path = path
        found: Any = source.data
        for step in path:
            found = found[step]
        self.data: Mapping[str, Any] = found
        self.known: set[str] = set()

    def note(
        self,
        message: str,
        hint: str = "",
        *,
        at: TomlPath = (),
        part: Part = "value",
        severity: Severity = "error",
        fragment: str = "",
    ) -> None:
        """Note a problem at a path below this table."""
        path = (*self.path, *at)
        self.problems.append(self.source.problem(path, message, hint, part=part, severity=severity, fragment=fragment))

    def note_item(self, key: str, text: str, message: str, hint: str = "", *, severity: Severity = "error") -> None:
        """Note a problem with one text of a list, which may be parted by commas."""
        value = self.data.get(key)
        if isinstance(value, list) and text in value:
            self.note(message, hint, at=(key, value.index(text)), severity=severity)
        else:
            fragment = text if isinstance(value, str) and "," in value else ""
            self.note(message, hint, at=(key,), severity=severity, fragment=fragment)

    def place(self, *at: str | int) -> Place:
        return self.source.place((*self.path, *at))

    def has(self, key: str) -> bool:
        """Return whether the key is there; asking for it makes it a known one."""
        self.known.add(key)
        return key in self.data

    def text(self, key: str, default: str = "", *, choices: Collection[str] = (), required: bool = False) -> str:
        if not self.has(key):
            if required:
                self.note(f'"{key}" is missing', _one_of(choices))
            return default
        value = self.data[key]
        if not isinstance(value, str):
            self.note(f"{key} must be a text", "put it in quotes", at=(key,))
            return default
        if required and not value.strip():
            self.note(f"{key} is empty", _one_of(choices), at=(key,))
            return default
        if choices and value not in choices:
            self.note(f'{key} is never "{value}"', did_you_mean(value, choices) or _one_of(choices), at=(key,))
            return default
        return value

    def texts(self, key: str, default: Sequence[str] = (), *, choices: Collection[str] = ()) -> tuple[str, ...]:
        """Return a list of texts; a single text is a list of one, and commas part several."""
        if not self.has(key):
            return tuple(default)
        value = self.data[key]
        found = [text.strip() for text in value.split(",")] if isinstance(value, str) else value
        if not isinstance(found, list) or not all(isinstance(text, str) and text for text in found):
            self.note(f"{key} must be a list of texts", at=(key,))
            return tuple(default)
        for text in found:
            if choices and text not in choices:
                self.note_item(key, text, f'{key} has no "{text}"', did_you_mean(text, choices) or _one_of(choices))
        return tuple(text for text in found if not choices or text in choices)

    def integer(self, key: str, default: int, *, least: int = 0) -> int:
        if not self.has(key):
            return default
        value = self.data[key]
        if not isinstance(value, int) or isinstance(value, bool) or value < least:
            self.note(f"{key} must be a whole number of at least {least}", at=(key,))
            return default
        return value

    def yes_no(self, key: str, *, default: bool) -> bool:
        if not self.has(key):
            return default
        value = self.data[key]
        if not isinstance(value, bool):
            self.note(f"{key} must be true or false", at=(key,))
            return default
        return value

    def duration(self, key: str, default: Duration) -> Duration:
        if not self.has(key):
            return default
        return self.length(self.data[key], key) or default

    def length(self, value: object, *at: str | int) -> Duration | None:
        """Return the duration that a value is, or note that it is none."""
        try:
            if not isinstance(value, str):
                raise ValueError(f'{value!r} is not a duration such as "90 days", "5 business days" or "2 years"')
            found = parse_duration(value)
        except ValueError as error:
            self.note(str(error), at=at)
            return None
        return self.sane(found, *at)

    def sane(self, found: Duration, *at: str | int) -> Duration | None:
        """Return a duration unless it is longer than anybody means, which is noted."""
        if found.count > MAX_YEARS * _PER_YEAR[found.unit.value]:
            self.note(f"{found} is too long", f"at most {MAX_YEARS} years", at=at)
            return None
        return found

    def table(self, key: str) -> Table | None:
        """Return a table below this one; None when it is not there."""
        if not self.has(key):
            return None
        if not isinstance(self.data[key], dict):
            self.note(f"{key} must be a table", f"write [{key}] or {key} = {{ … }}", at=(key,))
            return None
        return Table(self.source, self.problems, (*self.path, key))

    def done(self) -> None:
        """Note every key that nobody asked for."""
        for key in self.data:
            if key not in self.known:
                hint = did_you_mean(key, self.known) or _one_of(self.known)
                self.note(f'there is no key "{key}" here', hint, at=(key,), part="key")


def _one_of(words: Iterable[str]) -> str:
    listed = ", ".join(sorted(words))
    return f"one of: {listed}" if listed else ""
