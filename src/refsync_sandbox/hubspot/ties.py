"""What ties people to accounts, deals and each other, as people change it: parts in deals, further accounts, introductions.

Law: none of them is a record of its own in HubSpot. A part is the labels of an association, a further account an association
without label, and an introduction a contact that names its referrer; what HubSpot has no place for is not kept.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from refsync_sandbox.changes import Change
from refsync_sandbox.hubspot.introductions import LEAD_STATUS, REFERRED, REFERRED_BY, REFERRER
from refsync_sandbox.hubspot.kinds import COMPANY, CONTACT, DEAL, Kind
from refsync_sandbox.hubspot.load import part_types
from refsync_sandbox.hubspot.portal import PERSON, Portal
from refsync_sandbox.hubspot.records import Row
from refsync_sandbox.hubspot.translate import Values, record_values

TIES: Mapping[str, tuple[Kind, Kind]] = {"deal_contacts": (DEAL, CONTACT), "account_contacts": (COMPANY, CONTACT)}
"""The tables whose rows are associations, with what they associate."""


class Ties:
    """Changes and removes ties in one portal."""

    def __init__(self, portal: Portal) -> None:
        self._portal = portal
        self._links = portal.links

    def set(self, change: Change) -> str:
        """Change a tie that is an association. Raises BadChange when it is not there or nothing of it can be changed."""
        first, contact, role = self._ends(change)
        if change.table == "account_contacts":
            raise change.bad("set", "HubSpot keeps no role of a further account; delete it and add another")
        found = next((link for link in self._links.of(first, CONTACT) if link.target == contact), None)
        labels = {one.label for one in found.types if one.user_defined} if found else set()
        role = change.values.get("role", role) or ""
        primary = bool(change.values.get("is_primary", "primary" in labels))
        self._links.remove(first, contact)
        for type_ in part_types(self._portal, role, primary):
            self._links.add(first, contact, type_)
        return f"{first}:{contact}"

    def delete(self, change: Change) -> str:
        """Remove a tie that is an association. Raises BadChange when it is not there."""
        first, contact, _ = self._ends(change)
        self._links.remove(first, contact)
        return f"{first}:{contact}"

    def introduction_values(self, contact: Row, columns: Mapping[str, Any]) -> Values:
        """Return the properties of an introduced contact for the columns that a person changes."""
        values: Values = {}
        if "person_name" in columns:
            values |= record_values(CONTACT, {"name": columns["person_name"]}, self._portal.id_of)
        if "owner_id" in columns:
            values |= record_values(CONTACT, {"owner_id": columns["owner_id"]}, self._portal.id_of)
        if columns.get("status"):
            values["hs_lead_status"] = LEAD_STATUS[columns["status"]]
        if "source_contact_id" in columns:
            source = columns["source_contact_id"]
            values |= self._referred(contact, self._portal.id_of("contacts", source) if source else None)
        return values

    def forget_introduction(self, contact: Row) -> None:
        """Let a contact name no referrer any more; the contact stays."""
        values = self._referred(contact, None)
        if values:
            self._portal.put(contact, values, by=PERSON, now=self._portal.clock.instant())

    def _referred(self, contact: Row, source: str | None) -> Values:
        """Let a contact have one referrer or none, and return the property that says so, where the portal has it."""
        if not self._portal.settings.introductions_by_label:
            return {REFERRER: source}
        label = self._links.label(CONTACT, CONTACT, REFERRED_BY, REFERRED)
        for link in self._links.of(contact.id, CONTACT):
            if label in link.types:
                self._links.remove(contact.id, link.target)
        if source:
            self._links.add(contact.id, int(source), label)
        return {}

    def _ends(self, change: Change) -> tuple[int, int, str]:
        """Return the two ends and the role of a tie, named by its book id or by `first:contact`, for a part with the role."""
        crm_id = self._portal.records.id_in_crm(change.table, change.id) or change.id
        first, _, contact = crm_id.partition(":")
        linked = first.isdecimal() and contact.isdecimal() and int(contact) in self._links.ends(int(first), CONTACT)
        if not linked:
            raise change.bad("id", f"{change.table} has no {change.id!r}")
        return int(first), int(contact), change.id.rpartition(":")[2] if change.id.count(":") == 2 else ""
