"""A TOML file with the places of its keys and values.

tomllib decides what is valid and what the values are; an own scanner walks the same text and only says where. The law: the
scanner finds exactly the paths that tomllib finds.
"""

from __future__ import annotations

import re
import tomllib
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias

from refsync.errors import Place, Problem, Severity, UserError, shown

TomlPath: TypeAlias = tuple[str | int, ...]
"""Keys and list indexes from the top: `("task", "with")`, `("case", 0, "name")`."""

Part: TypeAlias = Literal["key", "value"]


@dataclass(frozen=True, slots=True)
class Mark:
    """Where one key and its value stand, as offsets; a dotted key is whole, a table's value is its own key."""

    key: tuple[int, int]
    value: tuple[int, int]


class TomlSource:
    """A TOML text that was read: its values, and where they stand."""

    def __init__(self, file: str, text: str, data: Mapping[str, Any]) -> None:
        self.file = file
        """The path as people wrote it."""
        self.text = text
        self.data = data
        """What tomllib made of it."""
        self.marks = scan(text)
        self._lines = [0, *(found.end() for found in re.finditer("\n", text))]

    @classmethod
    def read(cls, path: Path) -> TomlSource:
        """Return the file at `path`. Raises UserError with the place when it cannot be read or is not TOML."""
        found = try_read(path)
        if isinstance(found, Problem):
            raise UserError(found)
        return found

    def place(self, path: TomlPath, part: Part = "value") -> Place:
        """Return where a key or value stands; of one that is not there, where the nearest table around it stands."""
        return self._place(self._span(path, part)[0])

    def width(self, path: TomlPath, part: Part = "value") -> int:
        """Return how many characters it takes, at most to the end of its line."""
        start, end = self._span(path, part)
        return max(1, len(self.text[start:end].partition("\n")[0]))

    def problem(
        self,
        path: TomlPath,
        message: str,
        hint: str = "",
        *,
        part: Part = "value",
        severity: Severity = "error",
        fragment: str = "",
    ) -> Problem:
        """Return a problem with this key or value, or with the first `fragment` inside the value."""
        start, end = self._span(path, part)
        width = self.width(path, part)
        if fragment and (found := self.text.find(fragment, start, end)) >= 0:
            start, width = found, len(fragment)
        return Problem(message=message, hint=hint, place=self._place(start), severity=severity, width=width)

    def raw(self, path: TomlPath) -> str:
        """Return a value as it is written, quotes included; empty when it is not there."""
        start, end = self.marks[path].value if path in self.marks else (0, 0)
        return self.text[start:end]

    def line(self, number: int) -> str:
        """Return the text of a line, counted from 1, to show it beneath a problem."""
        lines = self.text.split("\n")
        return lines[number - 1] if 0 < number <= len(lines) else ""

    def _span(self, path: TomlPath, part: Part) -> tuple[int, int]:
        if mark := self.marks.get(path):
            return mark.key if part == "key" else mark.value
        return self._span(path[:-1], "key") if path else (0, 0)

    def _place(self, offset: int) -> Place:
        line = bisect_right(self._lines, offset)
        return Place(self.file, line, offset - self._lines[line - 1] + 1)


def try_read(path: Path) -> TomlSource | Problem:
    """Return the file at `path`, or the problem that keeps it from being read."""
    file = shown(path)
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        message = f"this is not UTF-8 text ({error.reason} at byte {error.start})"
        return Problem(message=message, place=Place(file), hint="save the file as UTF-8")
    except OSError as error:
        return Problem(message=f"cannot be read: {error.strerror or error}", place=Place(file))
    return parse(text, file)


def parse(text: str, file: str) -> TomlSource | Problem:
    """Return a TOML text with its places, or the problem with its syntax."""
    text = text.replace("\r\n", "\n")
    try:
        return TomlSource(file, text, tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        return _syntax_problem(str(error), text, file)
    except RecursionError:
        return Problem(message="nested too deeply", place=Place(file))
    except ValueError as error:  # tomllib lets some through, for instance a month 13 or an integer of 5,000 digits
        return Problem(message=f"not valid TOML: {error}", place=Place(file))


def _syntax_problem(message: str, text: str, file: str) -> Problem:
    reason = re.sub(r" \(at .*\)$", "", message)
    if found := re.search(r"\(at line (\d+), column (\d+)\)$", message):
        place = Place(file, int(found[1]), int(found[2]))
    else:
        place = Place(file, text.count("\n") + 1, len(text) - text.rfind("\n"))
    return Problem(message=f"not valid TOML: {reason[:1].lower()}{reason[1:]}", place=place)


def scan(text: str) -> dict[TomlPath, Mark]:
    """Return the marks of every key and list item of a text that tomllib accepts."""
    return _Scanner(text).document()


class _Scanner:
    """Walks a valid TOML text once from start to end."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.marks: dict[TomlPath, Mark] = {}
        self.lengths: dict[TomlPath, int] = {}
        """How many tables each `[[array]]` has so far."""

    def document(self) -> dict[TomlPath, Mark]:
        table: TomlPath = ()
        self._skip(_BLANK)
        while self.at < len(self.text):
            if self.text[self.at] == "[":
                table = self._header()
            else:
                self._pair(table)
            self._skip(_BLANK)
        return self.marks

    def _header(self) -> TomlPath:
        is_array = self.text.startswith("[[", self.at)
        self.at += 2 if is_array else 1
        keys = self._keys()
        self.at += 2 if is_array else 1
        path: TomlPath = ()
        for number, (name, span) in enumerate(keys):
            path = (*path, name)
            self.marks.setdefault(path, Mark(span, span))
            if is_array and number == len(keys) - 1:
                self.lengths[path] = self.lengths.get(path, 0) + 1
            if path in self.lengths:
                path = (*path, self.lengths[path] - 1)
                self.marks.setdefault(path, Mark(span, span))
        return path

    def _pair(self, table: TomlPath) -> None:
        keys = self._keys()
        path = table
        for name, span in keys:
            path = (*path, name)
            self.marks.setdefault(path, Mark(span, span))
        self.at += 1  # the equals sign
        self._value(path, (keys[0][1][0], keys[-1][1][1]))

    def _keys(self) -> list[tuple[str, tuple[int, int]]]:
        keys = []
        while True:
            self._skip(_SPACE)
            start = self.at
            self.at = self._string_end() if self.text[start] in "\"'" else self._match(_BARE)
            keys.append((_key_name(self.text[start : self.at]), (start, self.at)))
            self._skip(_SPACE)
            if self.text[self.at] != ".":
                return keys
            self.at += 1

    def _value(self, path: TomlPath, key: tuple[int, int] | None) -> None:
        self._skip(_SPACE)
        start = self.at
        match self.text[start]:
            case '"' | "'":
                self.at = self._string_end()
            case "[":
                self._array(path)
            case "{":
                self._inline_table(path)
            case _:
                self.at = self._match(_SCALAR)
        end = start + len(self.text[start : self.at].rstrip())
        self.marks[path] = Mark(key or (start, end), (start, end))

    def _array(self, path: TomlPath) -> None:
        self.at += 1
        self._skip(_BLANK)
        number = 0
        while self.text[self.at] != "]":
            self._value((*path, number), None)
            number += 1
            self._skip(_BLANK_OR_COMMA)
        self.at += 1

    def _inline_table(self, path: TomlPath) -> None:
        self.at += 1
        self._skip(_BLANK)
        while self.text[self.at] != "}":
            self._pair(path)
            self._skip(_BLANK_OR_COMMA)
        self.at += 1

    def _string_end(self) -> int:
        for pattern in _STRINGS:
            if found := pattern.match(self.text, self.at):
                return found.end()
        raise ValueError(f"no string at offset {self.at}")

    def _match(self, pattern: re.Pattern[str]) -> int:
        found = pattern.match(self.text, self.at)
        if found is None:
            raise ValueError(f"unexpected text at offset {self.at}")
        return found.end()

    def _skip(self, pattern: re.Pattern[str]) -> None:
        self.at = self._match(pattern)


_SPACE = re.compile(r"[ \t]*")
_BLANK = re.compile(r"(?:[ \t\n]|#[^\n]*)*")
_BLANK_OR_COMMA = re.compile(r"(?:[ \t\n,]|#[^\n]*)*")
_BARE = re.compile(r"[A-Za-z0-9_-]+")
_SCALAR = re.compile(r"[^,\]}#\n]+")
_STRINGS = (
    re.compile(r'"""(?:[^"\\]|\\.|"(?!""))*"""(?:"{1,2}(?!"))?', re.DOTALL),
    re.compile(r"'''(?:[^']|'(?!''))*'''(?:'{1,2}(?!'))?", re.DOTALL),
    re.compile(r'"(?:[^"\\]|\\.)*"'),
    re.compile(r"'[^']*'"),
)


def _key_name(raw: str) -> str:
    if raw[0] == '"' and "\\" in raw:
        return str(tomllib.loads(f"key = {raw}")["key"])
    return raw[1:-1] if raw[0] in "\"'" else raw
