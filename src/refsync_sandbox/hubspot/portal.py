"""One HubSpot account: what it holds, and what happens when something is written.

Law: a write is checked whole before anything is kept, and everything that HubSpot works out by itself follows in the same step.
Who wrote, an integration or a person, is remembered for tasks.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from refsync.model import Instant
from refsync_sandbox.clock import Clock
from refsync_sandbox.hubspot.agenda import ECHO, Agenda
from refsync_sandbox.hubspot.calculated import calculated
from refsync_sandbox.hubspot.call import Refusal, not_valid
from refsync_sandbox.hubspot.history import CALCULATED, SOURCES
from refsync_sandbox.hubspot.kinds import COMPANY, CONTACT, DEAL, TASK, TICKET, AssociationType, Kind, kind_of_id
from refsync_sandbox.hubspot.links import Links
from refsync_sandbox.hubspot.owners import Owners
from refsync_sandbox.hubspot.pipelines import Pipeline, first_pipelines
from refsync_sandbox.hubspot.properties import Catalogue, Property, ValueProblem, read_instant
from refsync_sandbox.hubspot.records import Records, Row
from refsync_sandbox.hubspot.refusals import Conflict, values_refused
from refsync_sandbox.hubspot.search import Search
from refsync_sandbox.hubspot.settings import Settings

INTEGRATION, PERSON = "integration", "person"

_PLURALS = {"accounts": "companies", "contacts": "contacts", "deals": "deals", "cases": "tickets", "introductions": "contacts"}
"""What HubSpot calls the tables of a book."""


@dataclass(frozen=True, slots=True)
class NewLink:
    """An association to be made: to which record, in which type."""

    target: int
    type: AssociationType


class Portal:
    """All that one account holds, and the rules of its writes."""

    def __init__(self, clock: Clock, settings: Settings) -> None:
        self.clock = clock
        self.settings = settings
        self.began = clock.instant()
        self.records = Records()
        self.links = Links(self.records)
        self.catalogue = Catalogue(now=self.began)
        self.pipelines: dict[Kind, Pipeline] = first_pipelines()
        self.owners = Owners(now=self.began)
        self.search = Search(self.records, self.catalogue)
        self.agenda = Agenda()
        if settings.key_property:
            key = Property(name=settings.key_property, label="Refsync key", unique=settings.key_unique)
            self.catalogue.add(TASK, key)
        for queue in settings.queues:
            self.owners.add(name=queue, email="", active=True, queue=True)

    def settle(self, now: Instant) -> None:
        """Let happen what has happened by itself since somebody looked: tasks that moved their own modified date."""
        for at, task in self.agenda.due(now):
            row = self.records.find(TASK, task)
            values = row.values() if row else {}
            due = values.get("hs_timestamp")
            falls_due = values.get("hs_task_status") != "COMPLETED" and due is not None and read_instant(due) == at
            if row and (falls_due or at == row.created + ECHO):
                whole = values | self.calculated(TASK, row.id, values, created=row.created, now=at + 1)
                self.records.update(row, whole, now=max(at, row.modified), source=CALCULATED)

    def expect(self, task: int, values: Mapping[str, str | None], *, now: Instant) -> None:
        """Note when a task will move by itself: shortly after its creation, and at its due time."""
        self.agenda.add(now + ECHO, task)
        self.expect_due(task, values, now=now)

    def expect_due(self, task: int, values: Mapping[str, str | None], *, now: Instant) -> None:
        """Note when a task will fall due, if it is to come."""
        if (due := values.get("hs_timestamp")) and (at := read_instant(due)) > now:
            self.agenda.add(at, task)

    def checked(self, kind: Kind, given: Mapping[str, Any]) -> dict[str, str | None]:
        """Return written values in the form in which they are kept. Raises Refusal with everything that is wrong with them."""
        values, problems = self.catalogue.checked(kind, given)
        problems += self._unknown_names(kind, values)
        if problems:
            raise values_refused(problems, self.settings.portal_id)
        return values

    def create(self, kind: Kind, given: Mapping[str, Any], links: Sequence[NewLink] = (), *, by: str, now: Instant) -> Row:
        """Keep a new record with its associations and return it. Raises Refusal when HubSpot would not take it."""
        values = self.checked(kind, given)
        if missing := [name for name in kind.required if not values.get(name)]:
            message = f"Error creating {kind.singular.upper()}. Some required properties were not set."
            raise not_valid(message, context={"properties": missing})
        self._refuse_taken(kind, values)
        self._refuse_dead(links)
        record_id = self.records.new_id(kind)
        source = {"hs_object_source": "INTEGRATION", "hs_object_source_id": "1", "hs_object_source_label": "INTEGRATION"}
        if by == PERSON:
            source = {"hs_object_source": "CRM_UI", "hs_object_source_label": "CRM_UI"}
        whole = source | values | self.calculated(kind, record_id, values, created=now, now=now)
        self.records.insert(kind, record_id, now, now, whole, now=now)
        self.remember_uniques(kind, record_id, whole)
        for link in links:
            self.links.add(record_id, link.target, link.type)
        if kind.engagement:
            self.touch_customers(record_id, now=now)
        if kind == TASK:
            self.expect(record_id, whole, now=now)
            self.records.note_writer(record_id, by)
        return self.row(kind, record_id)

    def update(self, row: Row, given: Mapping[str, Any], *, by: str, now: Instant) -> Row:
        """Change properties of a record and return it. Raises Refusal when HubSpot would not take them."""
        values = self.checked(row.kind, given)
        present = row.values()
        self._refuse_taken(row.kind, {name: value for name, value in values.items() if value != present.get(name)})
        if self._backwards(row.kind, present.get("lifecyclestage"), values.get("lifecyclestage")):
            del values["lifecyclestage"]
        return self.put(row, values, by=by, now=now)

    def put(self, row: Row, values: Mapping[str, str | None], *, by: str, now: Instant) -> Row:
        """Change properties that have been checked, or that only HubSpot itself may set, and return the record."""
        kind = row.kind
        whole = {**row.values(), **values}
        whole |= self.calculated(kind, row.id, whole, created=row.created, now=now)
        self.records.update(row, whole, now=now, source=SOURCES[by])
        self.remember_uniques(kind, row.id, whole)
        if kind == CONTACT and "associatedcompanyid" in values:
            self._follow_company(row.id, values["associatedcompanyid"])
        if kind == TASK:
            if "hs_timestamp" in values:
                self.expect_due(row.id, whole, now=now)
            self.records.note_writer(row.id, by)
        return self.row(kind, row.id)

    def archive(self, row: Row, *, by: str, now: Instant) -> None:
        """Move a record to the recycle bin."""
        self.records.archive(row, now=now)
        if row.kind == TASK:
            self.records.note_writer(row.id, by)
        if row.kind == COMPANY:
            for contact in self.links.ends(row.id, CONTACT):
                self.links.show_company(contact)

    def merge(self, primary: Row, other: Row, *, now: Instant) -> Row:
        """Make one record of two and return it: with a new id, unless the account keeps that of the first (dbt_hubspot#46).

        The old ids are in `hs_merged_object_ids`.
        """
        kind = primary.kind
        mine, theirs = primary.values(), other.values()
        values = theirs | {name: value for name, value in mine.items() if value not in (None, "")}
        before = [ids for one in (mine, theirs) if (ids := one.get("hs_merged_object_ids"))]
        values["hs_merged_object_ids"] = ";".join([*before, str(primary.id), str(other.id)])
        if kind == CONTACT:
            values["hs_calculated_merged_vids"] = f"{primary.id}:{now};{other.id}:{now}"
        survivor = primary.id if self.settings.merges_keep_id else self.records.new_id(kind)
        for row in (primary, other):
            self.records.remove(row)
        self.records.insert(kind, survivor, min(primary.created, other.created), now, values, now=now)
        for row in (primary, other):
            if row.id != survivor:
                self.links.move(row.id, survivor)
        self.remember_uniques(kind, survivor, values)
        self._repoint(kind, (primary.id, other.id), survivor)
        return self.row(kind, survivor)

    def erase(self, row: Row) -> None:
        """Take a record away without a trace, as the deletion of a person's data does."""
        companies = [row.id] if row.kind == COMPANY else []
        contacts = [end for company in companies for end in self.links.ends(company, CONTACT)]
        self.links.forget(row.id)
        self.records.remove(row)
        for contact in contacts:
            self.links.show_company(contact)

    def restore(self, row: Row, *, now: Instant) -> None:
        """Take a record out of the recycle bin."""
        self.records.restore(row, now=now)
        if row.kind == COMPANY:
            for contact in self.links.ends(row.id, CONTACT):
                self.links.show_company(contact)

    def id_of(self, table: str, name: str) -> str | None:
        """Return the CRM id that a name in one table means, whether it is a book id or a CRM id; None when it means nothing."""
        if found := self.records.id_in_crm(table, name):
            return found
        if table == "users":
            return name if self.owners.find(name) else None
        kind = kind_of_id(int(name)) if name.isdecimal() else None
        if (
            kind is None
            or (table != "activities" and kind.plural != _PLURALS.get(table))
            or (table == "activities") != kind.engagement
        ):
            return None
        return name if self.records.find(kind, int(name)) else None

    def row(self, kind: Kind, record_id: int, *, archived: bool = False) -> Row:
        """Return a record. Raises Refusal when there is none such."""
        found = self.records.find(kind, record_id, archived=archived)
        if found is None:
            raise Refusal(404, "OBJECT_NOT_FOUND", f"Object not found. objectId are usually numeric. {kind.singular} {record_id}")
        return found

    def calculated(
        self, kind: Kind, record_id: int, values: Mapping[str, str | None], *, created: Instant, now: Instant
    ) -> dict[str, str | None]:
        """Return what HubSpot works out from the other values of a record."""
        return calculated(kind, record_id, values, self.pipelines, created=created, now=now)

    def touch_customers(self, engagement: int, *, now: Instant) -> None:
        """Move the time of the last change of every record that a newly logged activity is about."""
        for record_id in self.links.customers_of(engagement):
            self.records.touch(record_id, now=now)

    def remember_uniques(self, kind: Kind, record_id: int, values: Mapping[str, str | None]) -> None:
        """Note the unique values of a record, so that others are refused them."""
        for name in self.catalogue.uniques(kind):
            self.records.set_unique(name, record_id, values.get(name))

    def _unknown_names(self, kind: Kind, values: Mapping[str, str | None]) -> Iterable[ValueProblem]:
        """Yield the owners and stages that are none."""
        owner = values.get("hubspot_owner_id")
        if owner and self.owners.find(owner) is None:
            yield ValueProblem(name="hubspot_owner_id", code="INVALID_OWNER_ID", message=f"{owner} is not a valid owner ID")
        stage_property = {DEAL: "dealstage", TICKET: "hs_pipeline_stage"}.get(kind, "")
        stage = values.get(stage_property)
        if stage and stage not in self.pipelines[kind].stages:
            yield ValueProblem(name=stage_property, code="INVALID_OPTION", message=f"{stage} was not one of the allowed options")

    def _refuse_taken(self, kind: Kind, values: Mapping[str, str | None]) -> None:
        for name in self.catalogue.uniques(kind):
            value = values.get(name)
            holder = self.records.with_value(kind, name, value) if value else None
            if holder:
                raise Conflict(kind, holder.id)

    def _refuse_dead(self, links: Sequence[NewLink]) -> None:
        for link in links:
            target = kind_of_id(link.target)
            if target is None or self.records.find(target, link.target) is None or target != link.type.target:
                name = link.type.target.singular.upper()
                raise Refusal(
                    404,
                    "OBJECT_NOT_FOUND",
                    f"One or more associations are not valid: {name}={link.target} is not valid",
                    context={name: [str(link.target)]},
                    sub_category="crm.associations.INVALID_OBJECT_IDS",
                )

    def _backwards(self, kind: Kind, present: str | None, wanted: str | None) -> bool:
        """Whether a lifecycle stage would move back, which HubSpot leaves undone without a word (documented)."""
        found = self.catalogue.find(kind, "lifecyclestage")
        if found is None or not present or not wanted or present not in found.options:
            return False
        return found.options.index(wanted) < found.options.index(present)

    def _follow_company(self, contact: int, company: str | None) -> None:
        """Let the primary company of a contact be the one that its property names."""
        primary = next(one for one in self.links.between(CONTACT, COMPANY) if one.label == "Primary")
        if company and company.isdecimal() and self.records.find(COMPANY, int(company)):
            self.links.add(contact, int(company), primary)
        elif not company:
            for end in self.links.ends(contact, COMPANY):
                self.links.remove(contact, end, primary)

    def _repoint(self, kind: Kind, gone: Sequence[int], survivor: int) -> None:
        if kind == CONTACT:
            self.links.settle_primary(survivor, CONTACT)
        if kind != COMPANY:
            return
        for contact in self.links.ends(survivor, CONTACT):
            self.links.settle_primary(contact, CONTACT)
        condition = "kind = ? AND json_extract(properties, '$.hs_parent_company_id') IN (?, ?)"
        for child in self.records.select_ids(condition, (COMPANY.number, *map(str, gone)), "id"):
            row = self.row(COMPANY, child)
            self.records.calculate(row, row.values() | {"hs_parent_company_id": str(survivor)})
