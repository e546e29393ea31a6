"""The phrases of a condition: a closed grammar, one function in, one value out.

The law: a phrase is understood exactly or refused. A refused one is mended from a hand-written table of synonyms, never by
spelling distance, which would turn "within 120 days" into its opposite.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from refsync.calendar import Duration, parse_duration
from refsync.rules.synonyms import NUMBER, UNIT, mended_number, mended_time


class FactType(StrEnum):
    """What kind of value a fact has, and so which phrases fit it."""

    TIME = "time"
    NUMBER = "number"
    TEXT = "text"
    YES_NO = "yes/no"


@dataclass(frozen=True, slots=True)
class Parameter:
    """A value that each segment sets for itself, written `{name}`."""

    name: str

    def __str__(self) -> str:
        return f"{{{self.name}}}"


Span: TypeAlias = Duration | Parameter


@dataclass(frozen=True, slots=True)
class InLast:
    span: Span


@dataclass(frozen=True, slots=True)
class NotInLast:
    """Never counts too."""

    span: Span


@dataclass(frozen=True, slots=True)
class MoreThanAgo:
    """Never does not count."""

    span: Span


@dataclass(frozen=True, slots=True)
class BetweenAgo:
    """Both days included."""

    near: Duration
    far: Duration


@dataclass(frozen=True, slots=True)
class InNext:
    span: Duration


@dataclass(frozen=True, slots=True)
class Never:
    pass


@dataclass(frozen=True, slots=True)
class Ever:
    pass


@dataclass(frozen=True, slots=True)
class NumberRange:
    """From `low` to `high`; None is open. `above` and `below` leave the end itself out."""

    low: float | None = None
    high: float | None = None
    above: bool = False
    below: bool = False


@dataclass(frozen=True, slots=True)
class OneOf:
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class NotOneOf:
    """Unknown counts too."""

    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class OneOfParameter:
    """Any text of a list that each segment sets for itself."""

    parameter: Parameter


@dataclass(frozen=True, slots=True)
class Contains:
    """One of these stands somewhere in the text; small and capital letters are the same."""

    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class YesNo:
    """`false` counts unknown too."""

    value: bool


TimePhrase: TypeAlias = InLast | NotInLast | MoreThanAgo | BetweenAgo | InNext | Never | Ever
TextPhrase: TypeAlias = OneOf | NotOneOf | OneOfParameter | Contains
Phrase: TypeAlias = TimePhrase | NumberRange | TextPhrase | YesNo


class PhraseError(ValueError):
    """This is no phrase of the grammar; `hint` says what is meant, where that is known."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


def parse(value: object, kind: FactType) -> Phrase:
    """Return the phrase that `value`, as TOML gives it, is for a fact of this type. Raises PhraseError."""
    match kind:
        case FactType.TIME:
            return _time(value)
        case FactType.NUMBER:
            return _number(value)
        case FactType.TEXT:
            return _text(value)
        case FactType.YES_NO:
            return _yes_no(value)


def parameters(phrase: Phrase) -> tuple[str, ...]:
    """Return the names of the segment parameters that a phrase reads."""
    match phrase:
        case InLast(Parameter(name)) | NotInLast(Parameter(name)) | MoreThanAgo(Parameter(name)):
            return (name,)
        case OneOfParameter(Parameter(name)):
            return (name,)
        case _:
            return ()


SPAN = rf"(?P<span>\d{{1,5}} {UNIT}|\{{[a-z][a-z0-9_]*\}})"
TIME_EXAMPLES = (
    '"in the last 90 days", "not in the last 90 days", "more than 90 days ago", "between 7 and 120 days ago", '
    '"in the next 14 days", "never" or "ever"'
)
TEXT_EXAMPLES = '"A", ["A", "B"], { not = "C" } or { contains = "D" }'
NUMBER_EXAMPLES = '5, "at least 1", "at most 5", "more than 0", "less than 3" or "between 1 and 5"'

_BETWEEN_AGO = re.compile(rf"between (?P<near>\d{{1,5}}) and (?P<far>\d{{1,5}}) (?P<unit>{UNIT}) ago")
_SPANS = (
    (re.compile(rf"in the last {SPAN}"), InLast),
    (re.compile(rf"not in the last {SPAN}"), NotInLast),
    (re.compile(rf"more than {SPAN} ago"), MoreThanAgo),
)
_IN_NEXT = re.compile(rf"in the next {SPAN}")


def _time(value: object) -> TimePhrase:
    if not isinstance(value, str):
        raise PhraseError(f"{_shown(value)} is not a time phrase", f"write {TIME_EXAMPLES}")
    found = _time_or_none(value)
    if found is None:
        mended = mended_time(value)
        known = mended and _time_or_none(mended) is not None
        raise PhraseError(f'"{value}" is not a time phrase', f'did you mean "{mended}"?' if known else f"write {TIME_EXAMPLES}")
    if isinstance(found, BetweenAgo) and found.near.count > found.far.count:
        raise PhraseError(f'"{value}" holds for no day', f'write "between {found.far.count} and {found.near} ago"')
    return found


def _time_or_none(text: str) -> TimePhrase | None:
    if text == "never":
        return Never()
    if text == "ever":
        return Ever()
    for pattern, kind in _SPANS:
        if found := pattern.fullmatch(text):
            return kind(_span(found["span"]))
    if found := _BETWEEN_AGO.fullmatch(text):
        near, far = (parse_duration(f"{found[end]} {found['unit']}") for end in ("near", "far"))
        return BetweenAgo(near, far)
    if (found := _IN_NEXT.fullmatch(text)) and isinstance(span := _span(found["span"]), Duration):
        return InNext(span)
    return None


def _span(text: str) -> Span:
    return Parameter(text[1:-1]) if text.startswith("{") else parse_duration(text)


_RANGES = (
    (re.compile(rf"at least (?P<low>{NUMBER})"), False, False),
    (re.compile(rf"at most (?P<high>{NUMBER})"), False, False),
    (re.compile(rf"more than (?P<low>{NUMBER})"), True, False),
    (re.compile(rf"less than (?P<high>{NUMBER})"), False, True),
    (re.compile(rf"between (?P<low>{NUMBER}) and (?P<high>{NUMBER})"), False, False),
)


def _number(value: object) -> NumberRange:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return NumberRange(float(value), float(value))
    if not isinstance(value, str):
        raise PhraseError(f"{_shown(value)} is not a number phrase", f"write {NUMBER_EXAMPLES}")
    found = _range_or_none(value)
    if found is None:
        mended = mended_number(value)
        plain = mended and re.fullmatch(NUMBER, mended)
        hint = f"without quotes: {mended}" if plain else f'did you mean "{mended}"?'
        known = plain or (mended and _range_or_none(mended))
        raise PhraseError(f'"{value}" is not a number phrase', hint if known else f"write {NUMBER_EXAMPLES}")
    if found.low is not None and found.high is not None and found.low > found.high:
        raise PhraseError(f'"{value}" holds for no number', "the smaller number comes first")
    return found


def _range_or_none(text: str) -> NumberRange | None:
    for pattern, above, below in _RANGES:
        if found := pattern.fullmatch(text):
            ends = {end: float(number) for end, number in found.groupdict().items()}
            return NumberRange(ends.get("low"), ends.get("high"), above, below)
    return None


def _text(value: object) -> TextPhrase:
    if isinstance(value, str) and (found := re.fullmatch(r"\{([a-z][a-z0-9_]*)\}", value)):
        return OneOfParameter(Parameter(found[1]))
    if isinstance(value, dict):
        return _text_table(value)
    return OneOf(_texts(value))


def _text_table(value: Mapping[str, object]) -> TextPhrase:
    if set(value) == {"not"}:
        return NotOneOf(_texts(value["not"]))
    if set(value) == {"contains"}:
        return Contains(_texts(value["contains"]))
    raise PhraseError(f"{_shown(value)} is not a text phrase", f"write {TEXT_EXAMPLES}")


def _texts(value: object) -> tuple[str, ...]:
    values = value if isinstance(value, list) else [value]
    if not values or not all(isinstance(text, str) and text for text in values):
        raise PhraseError(f"{_shown(value)} is not a text phrase", f"write {TEXT_EXAMPLES}")
    return tuple(values)


def _yes_no(value: object) -> YesNo:
    if isinstance(value, bool):
        return YesNo(value)
    words = {"yes": "true", "true": "true", "1": "true", "no": "false", "false": "false", "0": "false"}
    mended = words.get(str(value).lower())
    raise PhraseError(f"{_shown(value)} is neither true nor false", f"write {mended}, without quotes" if mended else "")


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return f'"{value}"' if isinstance(value, str) else str(value)
