"""What the org describes of its objects, asked once a day.

Law: a name stands in a statement only if the org's own description holds it; so a field that is missing, or hidden by
field-level security, is left out and never ends in INVALID_FIELD. A description is good for a day by the CRM's clock, for
whichever process: the cursor of a stream carries it along.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from refsync.model import Instant, iso, parse_instant
from refsync_salesforce.client import Client
from refsync_salesforce.description import Description, description, from_plain

DAY = 86_400_000
"""Milliseconds: admins add and hide fields while we run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What the org said of an object."""

    at: Instant
    description: Description | None
    """None: the org does not show it to us."""


class Schema:
    """The descriptions of one org."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._told: dict[str, Told] = {}
        self.changes = 0
        """How often something was learnt or forgotten."""

    def of(self, name: str) -> Description | None:
        """Return the description of an object; None when the org does not show it to us."""
        told = self._told.get(name)
        if told is None or not self._is_good(told.at, self._client.heard()):
            found = self._client.describe(name)
            told = Told(at=self._client.heard() or 0, description=None if found is None else description(found))
            self._learn(name, told)
        return told.description

    def knows(self, name: str) -> bool:
        """Whether an object has been described."""
        return name in self._told

    def forget(self, *names: str) -> None:
        """Ask again next time: for these objects, or for all."""
        for name in names or tuple(self._told):
            self._told.pop(name, None)
            self.changes += 1

    # -- carried along ----------------------------------------------------------------------------------------------------

    def plain(self, objects: Mapping[str, Collection[str]]) -> dict[str, Any]:
        """Return what is known of some objects, of each the fields with these names, as plain values."""
        known = {name: self._told[name] for name in objects if name in self._told}
        return {
            name: {"at": iso(told.at)} | (told.description.plain(objects[name]) if told.description else {})
            for name, told in known.items()
        }

    def recall(self, parts: Mapping[str, Any]) -> None:
        """Take in the plain form of what is not known; what is older than a day, or no such form, is left out."""
        unknown = {name: kept for name, kept in parts.items() if name not in self._told}
        now = self._client.time() if unknown else None
        for name, kept in unknown.items() if now is not None else ():
            try:
                told = Told(at=parse_instant(kept["at"]), description=from_plain(kept) if "fields" in kept else None)
            except (ValueError, TypeError, KeyError, AttributeError):
                continue
            if self._is_good(told.at, now):
                self._learn(name, told)

    def _learn(self, name: str, told: Told) -> None:
        self._told[name] = told
        self.changes += 1

    @staticmethod
    def _is_good(at: Instant, now: Instant | None) -> bool:
        return now is None or abs(now - at) < DAY
