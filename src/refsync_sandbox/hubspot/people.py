"""What people do in HubSpot: the changes that the control API takes, in the words of the book.

Law: a person changes a record as its page in HubSpot does, so times of change move as they do there, and a change that the page
does not offer is refused. All changes of one call happen, or none.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeAlias

from refsync.book import link_id
from refsync_sandbox.changes import TASKS, Change, Op
from refsync_sandbox.hubspot.call import Refusal
from refsync_sandbox.hubspot.entry import Entry
from refsync_sandbox.hubspot.further import define
from refsync_sandbox.hubspot.kinds import COMPANY, CONTACT, DEAL, ENGAGEMENTS, TASK, TICKET, Kind, kind_of_id
from refsync_sandbox.hubspot.owners import PROFILE, split_name
from refsync_sandbox.hubspot.pipelines import deal_stage, deal_status, ticket_stage
from refsync_sandbox.hubspot.portal import PERSON, Portal
from refsync_sandbox.hubspot.properties import read_instant, type_of_values
from refsync_sandbox.hubspot.records import Row
from refsync_sandbox.hubspot.tasks import key_of, task_values
from refsync_sandbox.hubspot.ties import TIES, Ties
from refsync_sandbox.hubspot.translate import (
    ACTIVITY_OF_KIND,
    KIND_OF_TABLE,
    Values,
    activity_values,
    is_custom,
    record_values,
)

Result: TypeAlias = Mapping[str, Any]

_FIXED = ("created_at", "opened_at")
"""Columns that nobody can change once the record is there."""
_LINKS = {
    "owner_id": "users",
    "manager_id": "users",
    "account_id": "accounts",
    "parent_id": "accounts",
    "deal_id": "deals",
    "contact_id": "contacts",
    "contact_ids": "contacts",
    "referred_by_contact_id": "contacts",
    "source_contact_id": "contacts",
    "person_contact_id": "contacts",
}


class People:
    """Carries out what people do in one portal."""

    def __init__(self, portal: Portal) -> None:
        self._portal = portal
        self._records = portal.records
        self._links = portal.links
        self._ties = Ties(portal)

    def change(self, changes: Sequence[Change]) -> list[Result]:
        """Carry out changes, all or none, and return a result for each. Raises BadChange for the first that cannot be done."""
        with self._records.transaction(), self._portal.owners.kept():
            return [self._one(change) for change in changes]

    def _one(self, change: Change) -> Result:
        do = {Op.ADD: self._add, Op.CHANGE: self._set, Op.DELETE: self._delete, Op.MERGE: self._merge}[change.op]
        for column, table in _LINKS.items():
            self._check_link(change, column, table)
        try:
            return {"id": do(change)}
        except Refusal as refusal:
            raise change.bad("id" if refusal.status == 404 else "set", refusal.message) from None

    def _check_link(self, change: Change, column: str, table: str) -> None:
        given = change.values.get(column) or ()
        for name in (given,) if isinstance(given, str) else given:
            if self._portal.id_of(table, name) is None:
                where = "row" if change.op is Op.ADD else "set"
                raise change.bad(f"{where}.{column}", f"there is no {name!r} in {table}")

    def _add(self, change: Change) -> str:
        values, name = change.values, change.id
        if change.table == "deal_contacts":
            name = link_id(str(values.get("deal_id")), str(values.get("contact_id")), str(values.get("role") or ""))
        if name and self._records.id_in_crm(change.table, name):
            raise change.bad("row.id", f"{change.table} has a row {name!r} already")
        if kind := KIND_OF_TABLE.get(change.table):
            self._define(kind, values)
        crm_id = Entry(self._portal).add(change.record(name))
        if change.table == "activities" and kind_of_id(int(crm_id)) == TASK:
            self._records.note_writer(int(crm_id), PERSON)
        return crm_id

    def _set(self, change: Change) -> str:
        for column in _FIXED:
            if column in change.values:
                raise change.bad(f"set.{column}", "HubSpot lets nobody change this")
        if change.table == "users":
            return self._set_user(change)
        if change.table in TIES:
            return self._ties.set(change)
        row, now = self._row(change), self._portal.clock.instant()
        if change.table == TASKS:
            values = task_values(row, change.values, self._portal.id_of)
        elif change.table == "activities":
            values = self._activity_values(change, row)
        elif change.table == "introductions":
            values = self._ties.introduction_values(row, change.values)
        else:
            self._define(row.kind, change.values)
            values = record_values(row.kind, change.values, self._portal.id_of) | self._stage(row, change.values)
        if values:
            self._portal.catalogue.allow(row.kind, values)
            row = self._portal.put(row, values, by=PERSON, now=now)
        if change.table != "introductions":
            self._set_links(row, change.values)
        return str(row.id)

    def _delete(self, change: Change) -> str:
        if change.table == "users":
            return self._portal.owners.change(self._user(change), now=self._portal.clock.instant(), archived=True).id
        if change.table in TIES:
            return self._ties.delete(change)
        row = self._row(change)
        if change.table == "introductions":
            self._ties.forget_introduction(row)
            return str(row.id)
        self._portal.archive(row, by=PERSON, now=self._portal.clock.instant())
        return str(row.id)

    def _merge(self, change: Change) -> str:
        gone, kept = self._row(change), self._row(change, change.into)
        if gone.id == kept.id:
            raise change.bad("into", "a record cannot be merged with itself")
        survivor = self._portal.merge(kept, gone, now=self._portal.clock.instant())
        for row in (gone, kept):
            self._records.rename_in_book(change.table, str(row.id), str(survivor.id))
        return str(survivor.id)

    def _set_user(self, change: Change) -> str:
        fields: dict[str, Any] = {}
        if "name" in change.values:
            fields["first_name"], fields["last_name"] = split_name(change.values["name"] or "")
        if "email" in change.values:
            fields["email"] = change.values["email"] or ""
        if "active" in change.values:
            fields["archived"] = not change.values["active"]
        fields |= {name: change.values[name] for name in PROFILE if name in change.values}
        return self._portal.owners.change(self._user(change), now=self._portal.clock.instant(), **fields).id

    def _activity_values(self, change: Change, row: Row) -> Values:
        if "kind" in change.values and change.values["kind"] is not ACTIVITY_OF_KIND[row.kind]:
            raise change.bad("set.kind", f"a {ACTIVITY_OF_KIND[row.kind]} cannot become something else")
        return activity_values(row.kind, change.values, self._portal.id_of)

    def _stage(self, row: Row, columns: Mapping[str, Any]) -> Values:
        """Return the stage of a deal or ticket when a change moves it: what is not said stays as its present stage says."""
        values = row.values()
        if row.kind == DEAL and ("stage" in columns or "status" in columns):
            pipeline = self._portal.pipelines[DEAL]
            present = pipeline.stages[values["dealstage"] or ""]
            label, status = columns.get("stage", present.label), columns.get("status", deal_status(present))
            return {"dealstage": deal_stage(pipeline, label or "", status).id}
        if row.kind == TICKET and ("status" in columns or "closed_at" in columns):
            pipeline = self._portal.pipelines[TICKET]
            present = pipeline.stages[values["hs_pipeline_stage"] or ""]
            closed = values.get("closed_date")
            closed_at = columns["closed_at"] if "closed_at" in columns else read_instant(closed) if closed else None
            return {"hs_pipeline_stage": ticket_stage(pipeline, columns.get("status", present.label) or "", closed_at).id}
        return {}

    def _set_links(self, row: Row, columns: Mapping[str, Any]) -> None:
        """Let a record be associated with what the changed columns name, and with nothing else in those tables."""
        if row.kind == COMPANY:
            return
        for table, target, names in _ends(row.kind, columns):
            wanted = [int(found) for name in names if (found := self._portal.id_of(table, name))]
            for end in self._links.ends(row.id, target):
                if end not in wanted:
                    self._links.remove(row.id, end)
            if plain := self._links.plain(row.kind, target):
                for end in wanted:
                    self._links.add(row.id, end, plain)

    def _define(self, kind: Kind, columns: Mapping[str, Any]) -> None:
        for column, value in columns.items():
            if is_custom(kind, column):
                define(self._portal, kind, column, type_of_values((value or "",)))

    def _row(self, change: Change, name: str = "") -> Row:
        """Return the record that a change names. Raises BadChange when it is not there."""
        wanted = name or change.id
        if change.key:
            found = self._task_with(change.key)
        else:
            table = "activities" if change.table == TASKS else change.table
            crm_id = self._portal.id_of(table, wanted)
            kind = kind_of_id(int(crm_id)) if crm_id else None
            found = self._records.find(kind, int(crm_id)) if kind and crm_id else None
        fits = found and (found.kind == TASK if change.table == TASKS else True)
        if found is None or not fits:
            raise change.bad("into" if name else "key" if change.key else "id", f"{change.table} has no {change.key or wanted!r}")
        return found

    def _task_with(self, key: str) -> Row | None:
        name = self._portal.settings.key_property
        found = self._records.with_value(TASK, name, key) if name else None
        living = (row for row in self._records.all(TASK) if row.archived is None)
        return found or next((row for row in living if key_of(row, name) == key), None)

    def _user(self, change: Change) -> str:
        found = self._portal.id_of("users", change.id)
        if found is None:
            raise change.bad("id", f"users has no {change.id!r}")
        return found


_Ends: TypeAlias = Iterator[tuple[str, Kind, Sequence[str]]]
_ENDS: Sequence[tuple[str, str, Kind]] = (
    ("account_id", "accounts", COMPANY),
    ("deal_id", "deals", DEAL),
    ("contact_ids", "contacts", CONTACT),
)


def _ends(kind: Kind, columns: Mapping[str, Any]) -> _Ends:
    """Yield table, object type and new ends for each column that is an association."""
    for column, table, target in _ENDS:
        if column in columns and (kind in ENGAGEMENTS or column == "account_id"):
            given = columns[column] or ()
            yield table, target, (given,) if isinstance(given, str) else given
