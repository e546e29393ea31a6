"""Further columns of a book as custom fields: their names, their types, their values."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from refsync_sandbox.salesforce.schema import Field, Kind


def custom_name(column: str) -> str:
    """Return the field name of a further column: `go_live_date` becomes `Go_Live_Date__c`."""
    words = [word for word in re.split("[^A-Za-z0-9]+", column) if word]
    name = "_".join(word[0].upper() + word[1:] for word in words)
    return f"{name if name[:1].isalpha() else 'X' + name}__c"


def _is_number(text: str) -> bool:
    try:
        return float(text) == float(text) and abs(float(text)) != float("inf")
    except ValueError:
        return False


def _is_day(text: str) -> bool:
    try:
        datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        return False
    return True


def _is_instant(text: str) -> bool:
    try:
        return datetime.fromisoformat(text).tzinfo is not None
    except ValueError:
        return False


_GUESSES: tuple[tuple[Kind, Callable[[str], bool]], ...] = (
    (Kind.BOOLEAN, lambda text: text in ("true", "false")),
    (Kind.DATE, _is_day),
    (Kind.DATETIME, _is_instant),
    (Kind.DOUBLE, _is_number),
)


class Guess:
    """Guesses the type of a column from its values, seen one by one."""

    def __init__(self) -> None:
        self._left = list(_GUESSES)
        self._seen = False

    def see(self, text: str) -> None:
        """Take one value into account; empty ones say nothing."""
        if text:
            self._seen = True
            self._left = [(kind, fits) for kind, fits in self._left if fits(text)]

    def field(self, name: str) -> Field:
        """Return the field for what was seen."""
        kind = self._left[0][0] if self._seen and self._left else Kind.STRING
        if kind is Kind.BOOLEAN:
            return Field(name=name, kind=kind, nillable=False, default=False)
        return Field(name=name, kind=kind, length=255 if kind is Kind.STRING else 0)


def custom_value(found: Field, text: str | None) -> Any:
    """Return a custom column's text as the field keeps it. Raises ValueError when it does not suit the field's type."""
    if not text:
        return 0 if found.kind is Kind.BOOLEAN else None
    fits = dict(_GUESSES).get(found.kind)
    if fits and not fits(text):
        raise ValueError(f"{text!r} is no {found.kind}")
    match found.kind:
        case Kind.BOOLEAN:
            return int(text == "true")
        case Kind.DATETIME:
            return datetime.fromisoformat(text).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.000+0000")
        case Kind.DOUBLE:
            return float(text)
    return text
