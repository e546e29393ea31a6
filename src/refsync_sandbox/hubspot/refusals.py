"""Why HubSpot does not take a write."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson

from refsync_sandbox.hubspot.call import Refusal, not_valid
from refsync_sandbox.hubspot.kinds import Kind
from refsync_sandbox.hubspot.properties import ValueProblem


class Conflict(Refusal):
    """A unique value is taken; only a batch with trace ids says by which record."""

    def __init__(self, kind: Kind, existing: int) -> None:
        super().__init__(409, "CONFLICT", f"{kind.singular.title()} already exists")
        self.existing = existing

    def as_part(self, **context: str) -> dict[str, Any]:
        found = super().as_part(**context, existingId=str(self.existing))
        return found | {"message": f"{self.message}. Existing ID: {self.existing}"}


def values_refused(problems: Sequence[ValueProblem], portal_id: int) -> Refusal:
    """Return the refusal of a write for what is wrong with its values: as JSON inside the message, and as errors."""
    listed = [
        {"isValid": False, "message": one.message, "error": one.code, "name": one.name, "portalId": portal_id} for one in problems
    ]
    errors = [{"message": one.message, "code": one.code, "context": {"propertyName": [one.name]}} for one in problems]
    return not_valid(f"Property values were not valid: {orjson.dumps(listed).decode()}", errors=errors)
