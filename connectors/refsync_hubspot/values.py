"""HubSpot's property values, which are all texts, as Python values. Pure. Empty and null mean unknown."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

from refsync.model import Instant

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_1900 = -2_208_988_800_000
_1971 = 31_536_000_000

_TRUTHS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


def at(value: Any) -> Instant | None:
    """Return the instant of an ISO 8601 text or of milliseconds. Raises ValueError for others and for years nobody can mean.

    In 1970 lie the times of imports that wrote seconds where HubSpot reads milliseconds.
    """
    if value is None or value == "":
        return None
    text = str(value)
    if len(text) == 10 and text[4] == "-":
        text += "T00:00:00Z"
    if text.lstrip("-").isdecimal():
        found = int(text)
    else:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None:
            raise ValueError(f'the time "{text}" has no offset')
        found = (moment - _EPOCH) // _MILLISECOND
    if 0 <= found < _1971:
        raise ValueError(f'the time "{text}" lies in 1970: seconds taken for milliseconds?')
    if found < _1900:
        raise ValueError(f'the time "{text}" lies before 1900')
    return found


def day(value: Any) -> date | None:
    """Return the UTC day of a time."""
    found = at(value)
    return None if found is None else (_EPOCH + found * _MILLISECOND).date()


def number(value: Any) -> float | None:
    """Return a number. Raises ValueError for what is none or not finite."""
    if value is None or value == "":
        return None
    found = float(value)
    if not math.isfinite(found):
        raise ValueError(f'"{value}" is no number')
    return found


def truth(value: Any) -> bool | None:
    """Return what a yes/no property says; None for anything else."""
    return _TRUTHS.get(str(value).lower())


def any_true(properties: Mapping[str, Any], names: Iterable[str]) -> bool | None:
    """Return whether one of the properties says yes; None when none says anything."""
    said = {truth(properties.get(name)) for name in names}
    return True if True in said else False if False in said else None
