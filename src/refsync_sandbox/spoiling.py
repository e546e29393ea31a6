"""Values that no CRM should send and that some have: one value of a reply is spoilt, the rest stays.

Law: what is spoilt is the field asked for, or else the first text of the first record, and the reply is otherwise the CRM's own.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Any

_MARK = "\x01spoilt\x01"
_NOT_TEXTS = frozenset({"id", "Id", "attributes", "url", "type"})
_LONG = 300_000
_BOMB = 64 * 1024 * 1024

SPOILT: Mapping[str, Callable[[str], bytes]] = MappingProxyType(
    {
        "lone_surrogate": lambda _field: b'"half \\ud800 of a letter"',
        "not_a_number": lambda _field: b"NaN",
        "null_character": lambda _field: b'"zero \\u0000 inside"',
        "huge_number": lambda _field: b"9" * 40,
        "long_text": lambda _field: b'"' + b"x" * _LONG + b'"',
        "wrong_encoding": lambda _field: b'"Stra\xdfe"',
        "repeated_key": lambda field: b'"first", "' + field.encode() + b'": "second"',
    }
)
"""What stands in place of the value, as JSON, or as what is no JSON; it may know the field's name."""


def spoilt(body: bytes, kind: str, field: str) -> bytes:
    """Return a JSON body with one value spoilt; as it was when it has no such value."""
    try:
        found = json.loads(body)
    except ValueError:
        return body
    place = next(_places(found, field), None)
    if place is None:
        return body
    record, name = place
    record[name] = _MARK
    return json.dumps(found).encode().replace(json.dumps(_MARK).encode(), SPOILT[kind](name), 1)


def bomb() -> bytes:
    """Return a small gzip body that unpacks to 64 MiB."""
    return gzip.compress(b" " * _BOMB)


def _places(value: Any, field: str) -> Iterator[tuple[dict[str, Any], str]]:
    """Yield where the field stands, or any text of a record when none is named, in the order of the body."""
    if isinstance(value, list):
        for inner in value:
            yield from _places(inner, field)
    elif isinstance(value, dict):
        for name, inner in value.items():
            if name == field if field else isinstance(inner, str) and name not in _NOT_TEXTS and "Url" not in name:
                yield value, name
            elif name != "attributes":
                yield from _places(inner, field)
