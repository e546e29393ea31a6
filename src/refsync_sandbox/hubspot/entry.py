"""Taking in rows that people enter by hand, one at a time and now."""

from __future__ import annotations

from collections.abc import Sequence

from refsync.model import Activity, Instant, Record
from refsync_sandbox.hubspot.kinds import CONTACT, AssociationType, Kind
from refsync_sandbox.hubspot.load import Loader
from refsync_sandbox.hubspot.portal import PERSON
from refsync_sandbox.hubspot.translate import Values


class Entry(Loader):
    """Takes in rows that people enter by hand, now."""

    def add(self, record: Record) -> str:
        """Take one row in and return its CRM id; a parent account has to be there already."""
        crm_id = super().add(record)
        if isinstance(record, Activity):
            self._portal.touch_customers(int(crm_id), now=self._now)
        for contact, introduction in self._introduced:
            values = self._introduction_values(contact, introduction)
            self._portal.put(self._portal.row(CONTACT, contact), values, by=PERSON, now=self._now)
        return crm_id

    def _store(self, kind: Kind, record_id: int, created: Instant, modified: Instant, values: Values) -> None:
        self._records.insert(kind, record_id, created, modified, values, now=self._now)
        self._portal.remember_uniques(kind, record_id, values)

    def _expect(self, task: int, values: Values) -> None:
        self._portal.expect(task, values, now=self._now)

    def _modified(self, created: Instant, later: Instant | None, record_id: int) -> Instant:
        return self._now

    def _name(self, table: str, name: str, crm_id: str) -> None:
        if name:
            self._records.name_in_book(table, name, crm_id)

    def _id_of(self, table: str, name: str) -> str | None:
        return self._portal.id_of(table, name)

    def _associate(self, origin: int, target: int, types: Sequence[AssociationType]) -> None:
        for type_ in types:
            self._portal.links.add(origin, target, type_)
