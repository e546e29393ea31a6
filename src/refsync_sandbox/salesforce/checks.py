"""What Salesforce checks in the body of a write before it looks at any record.

Law: the first thing wrong is refused with Salesforce's code and the field; what is returned is in stored form, known, writable
and of the right type. Whether a reference leads anywhere is for `records` to find out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from refsync_sandbox.salesforce.ids import long_id
from refsync_sandbox.salesforce.refusals import Refused
from refsync_sandbox.salesforce.schema import NUMBERS, TEXTS, Field, Kind, Schema, SObject
from refsync_sandbox.salesforce.wire import parse_day, parse_stamp, stamp


def checked(schema: Schema, subject: SObject, body: Mapping[str, Any], *, creating: bool) -> dict[str, Any]:
    """Return the fields of a body in stored form. Raises Refused."""
    given = {name: value for name, value in body.items() if name != "attributes"}
    found = {_known(subject, name): value for name, value in given.items()}
    locked = [one.name for one in (subject.fields[name] for name in found) if not _writable(one, creating)]
    if locked:
        raise Refused(
            "INVALID_FIELD_FOR_INSERT_UPDATE",
            f"Unable to create/update fields: {', '.join(locked)}. Please check the security settings of this field and verify "
            "that it is read/write for your profile or permission set.",
            *locked,
        )
    values = {name: stored_value(schema, subject.fields[name], value) for name, value in found.items()}
    missing = [one.name for one in subject.fields.values() if _missing(one, values, creating)]
    if missing:
        raise Refused("REQUIRED_FIELD_MISSING", f"Required fields are missing: [{', '.join(missing)}]", *missing)
    return values


def _known(subject: SObject, name: str) -> str:
    found = subject.find(name)
    if found is None:
        raise Refused("INVALID_FIELD", f"No such column '{name}' on sobject of type {subject.name}")
    return found.name


def _writable(found: Field, creating: bool) -> bool:
    return found.createable if creating else found.updateable


def _missing(found: Field, values: Mapping[str, Any], creating: bool) -> bool:
    if found.name in values:
        return values[found.name] is None and found.required
    return creating and found.required


def stored_value(schema: Schema, found: Field, value: Any) -> Any:
    """Return a JSON value in stored form, None for an empty one. Raises Refused when it does not suit the field."""
    if value is None or value == "":
        return found.default if found.kind is Kind.BOOLEAN else None
    if found.kind is Kind.REFERENCE:
        return _reference(schema, found, value)
    if found.kind in TEXTS:
        return _text(found, value)
    if found.kind in NUMBERS:
        return _number(found, value)
    return _READ[found.kind](found, value)


_JSON_KINDS = {bool: "VALUE_TRUE", int: "VALUE_NUMBER_INT", float: "VALUE_NUMBER_FLOAT", str: "VALUE_STRING"}


def _unreadable(found: Field, value: Any) -> Refused:
    kind = _JSON_KINDS.get(type(value), "START_OBJECT")
    return Refused(
        "JSON_PARSER_ERROR",
        f"Cannot deserialize instance of {found.kind} from {kind} value {value} or request may be missing a required field",
    )


def _text(found: Field, value: Any) -> str:
    if not isinstance(value, str | int | float) or isinstance(value, bool):
        raise _unreadable(found, value)
    text = str(value)
    if len(text) > found.length > 0:
        raise Refused("STRING_TOO_LONG", f"{found.name}: data value too large: {text} (max length={found.length})", found.name)
    if found.restricted and text not in found.values:
        raise Refused(
            "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST",
            f"{found.name}: bad value for restricted picklist field: {text}",
            found.name,
        )
    if found.kind is Kind.EMAIL:
        if "@" not in text.strip("@"):
            raise Refused("INVALID_EMAIL_ADDRESS", f"{found.name}: invalid email address: {text}", found.name)
        return text.lower()
    return text


def _number(found: Field, value: Any) -> float | int:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise _unreadable(found, value)
    try:
        return int(value) if found.kind is Kind.INT else float(value)
    except ValueError:
        raise _unreadable(found, value) from None


def _truth(found: Field, value: Any) -> int:
    if isinstance(value, bool):
        return int(value)
    if value in ("true", "false"):
        return int(value == "true")
    raise _unreadable(found, value)


def _day(found: Field, value: Any) -> str:
    try:
        return parse_day(value[:10] if isinstance(value, str) and "T" in value else value).isoformat()
    except (ValueError, TypeError):
        raise _unreadable(found, value) from None


def _instant(found: Field, value: Any) -> str:
    try:
        return stamp(parse_stamp(value))
    except (ValueError, TypeError):
        raise _unreadable(found, value) from None


_READ: Mapping[Kind, Callable[[Field, Any], Any]] = {Kind.BOOLEAN: _truth, Kind.DATE: _day, Kind.DATETIME: _instant}


def _reference(schema: Schema, found: Field, value: Any) -> str:
    full = long_id(value) if isinstance(value, str) else None
    if full is None:
        raise Refused("MALFORMED_ID", f"{found.name}: id value of incorrect type: {value}", found.name)
    target = schema.of_id(full)
    if target is None or target.name not in found.refers_to:
        raise Refused("MALFORMED_ID", f"{found.name}: id value of incorrect type: {value}", found.name)
    return full
