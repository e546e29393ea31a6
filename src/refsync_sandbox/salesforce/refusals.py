"""What Salesforce says when it refuses: an HTTP status, an error code, words, and the fields at fault."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any


class Refused(Exception):
    """Salesforce refuses this; nothing was changed."""

    def __init__(self, code: str, message: str, *fields: str, status: int = 400) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.fields = fields
        self.status = status

    def as_body(self) -> list[dict[str, Any]]:
        """Return the body of a single call's reply."""
        return [{"message": self.message, "errorCode": self.code} | ({"fields": list(self.fields)} if self.status == 400 else {})]

    def as_row(self) -> dict[str, Any]:
        """Return the row of a collections call's reply; such rows carry no id."""
        error = {"statusCode": self.code, "message": self.message, "fields": list(self.fields)}
        return {"success": False, "errors": [error]}


def not_found(message: str = "The requested resource does not exist") -> Refused:
    """Return the 404 for a path or record that is not there."""
    return Refused("NOT_FOUND", message, status=404)


def no_record(record_id: str) -> Refused:
    """Return the 404 for an id that no record of the object has."""
    return not_found(f"Provided external ID field does not exist or is not accessible: {record_id}")


def several(ids: Iterable[str]) -> Refused:
    """Return the 300 for a key that several records carry; the message lists their ids."""
    return Refused("MULTIPLE_CHOICES", ";".join(ids), status=300)
