"""Filling a portal with a book of business.

Law: the same book gives the same ids. Rows that the book sets aside are left out, as an import leaves them out. Records that the
book gives no time of creation were created by the import; none was changed later than now.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, time
from typing import Any

import orjson

from refsync.book import Book
from refsync.model import (
    Account,
    AccountContact,
    Activity,
    Case,
    Contact,
    Deal,
    DealContact,
    Instant,
    Introduction,
    Record,
    Stream,
    User,
    instant,
)
from refsync_sandbox.hubspot.further import define_properties, rows_of
from refsync_sandbox.hubspot.history import SOURCES
from refsync_sandbox.hubspot.instants import shown
from refsync_sandbox.hubspot.introductions import (
    LEAD_STATUS_PROPERTY,
    REFERRED,
    REFERRED_BY,
    introduction_values,
)
from refsync_sandbox.hubspot.kinds import COMMUNICATION, COMPANY, CONTACT, DEAL, KINDS, TASK, TICKET, AssociationType, Kind
from refsync_sandbox.hubspot.owners import PROFILE
from refsync_sandbox.hubspot.pipelines import deal_stage, ticket_stage
from refsync_sandbox.hubspot.portal import Portal
from refsync_sandbox.hubspot.translate import KIND_OF_ACTIVITY, Values, activity_values, record_values

_AT_ONCE = 2_000
_FIRST_SECOND = 900
"""Milliseconds within which HubSpot touches a new record once more."""
_ORDER = (
    Stream.USERS,
    Stream.ACCOUNTS,
    Stream.CONTACTS,
    Stream.ACCOUNT_CONTACTS,
    Stream.DEALS,
    Stream.DEAL_CONTACTS,
    Stream.INTRODUCTIONS,
    Stream.CASES,
    Stream.ACTIVITIES,
)
"""A row comes after those it points at, but for parent accounts."""


def load(book: Book, portal: Portal) -> None:
    """Fill an empty portal with everything a book holds."""
    define_properties(book, portal)
    loader = Loader(portal)
    with portal.records.loading():
        for stream in _ORDER:
            for record in rows_of(book, stream):
                loader.add(record)
        loader.finish()


class Loader:
    """Takes rows of a book into a portal, one at a time and much at once."""

    def __init__(self, portal: Portal) -> None:
        self._portal = portal
        self._records = portal.records
        self._now = portal.clock.instant()
        self._ids: dict[str, dict[str, str]] = {table: {} for table in ("users", "accounts", "contacts", "deals")}
        self._parents: list[tuple[int, str]] = []
        self._introduced: list[tuple[int, Introduction]] = []
        self._rows: list[tuple[int, int, Instant, Instant, bytes]] = []
        self._names: list[tuple[str, str, str]] = []
        self._links: list[tuple[int, int, int, int]] = []

    def add(self, record: Record) -> str:
        """Take one row in and return its CRM id; that of a deal's contact is `deal:contact`, an account's `account:contact`."""
        if isinstance(record, Activity):
            return self._activity(record)
        if isinstance(record, User):
            known = {name: getattr(record, name) for name in ("name", "email", "active", *PROFILE)}
            owner = self._portal.owners.add(**known)
            self._name("users", record.id, owner.id)
            return owner.id
        if isinstance(record, DealContact):
            return self._part(record)
        if isinstance(record, AccountContact):
            return self._further_account(record)
        return self._introduction(record) if isinstance(record, Introduction) else self._customer(record)

    def finish(self) -> None:
        """Do what is done for all rows together."""
        self._flush()
        for child, name in self._parents:
            if parent := self._id_of("accounts", name):
                row = self._portal.row(COMPANY, child)
                self._records.calculate(row, row.values() | {"hs_parent_company_id": parent})
        since: dict[int, Instant | None] = {}
        for contact, introduction in self._introduced:
            row, values = self._portal.row(CONTACT, contact), self._introduction_values(contact, introduction)
            self._records.calculate(row, row.values() | values)
            since[contact] = introduction.status_since
        for contact, at in since.items():
            status = {LEAD_STATUS_PROPERTY: self._portal.row(CONTACT, contact).values().get(LEAD_STATUS_PROPERTY)}
            if at is not None:
                self._records.history.note(contact, {}, status, at=at, source=SOURCES["person"])
        self._flush()
        self._portal.links.mirror()
        for kind in KINDS:
            for name in self._portal.catalogue.uniques(kind):
                self._records.index_unique(kind, name)

    def _customer(self, record: Account | Contact | Deal | Case) -> str:
        kind, table, columns = _shape(record)
        values = record_values(kind, columns, self._id_of)
        record_id = self._records.new_id(kind)
        company = None
        if not isinstance(record, Account):
            company = self._id_of("accounts", record.account_id) if record.account_id else None
        elif record.parent_id and values["hs_parent_company_id"] is None:
            self._parents.append((record_id, record.parent_id))
        if isinstance(record, Deal):
            values["dealstage"] = deal_stage(self._portal.pipelines[DEAL], record.stage, record.status).id
        elif isinstance(record, Case):
            values["hs_pipeline_stage"] = ticket_stage(self._portal.pipelines[TICKET], record.status, record.closed_at).id
        elif isinstance(record, Contact):
            values["associatedcompanyid"] = company
        self._portal.catalogue.allow(kind, values)
        created = record.opened_at if isinstance(record, Case) else record.created_at
        self._keep(kind, record_id, values, created, _later(record))
        if record.id:
            self._name(table, record.id, str(record_id))
        if company:
            self._associate(record_id, int(company), self._portal.links.between(kind, COMPANY))
        return str(record_id)

    def _activity(self, record: Activity) -> str:
        kind, links = KIND_OF_ACTIVITY[record.kind], self._portal.links
        values = activity_values(kind, {name: getattr(record, name) for name in _ACTIVITY_COLUMNS}, self._id_of)
        if kind is COMMUNICATION:
            values["hs_communication_channel_type"] = "LINKEDIN_MESSAGE"
        record_id = self._records.new_id(kind)
        self._keep(kind, record_id, values, record.at, None)
        self._name("activities", record.id, str(record_id))
        for table, target, name in activity_ends(record.account_id, record.deal_id, record.contact_ids):
            if (end := self._id_of(table, name)) and (plain := links.plain(kind, target)):
                self._associate(record_id, int(end), (plain,))
        return str(record_id)

    def _part(self, record: DealContact) -> str:
        deal, contact = self._id_of("deals", record.deal_id) or "", self._id_of("contacts", record.contact_id) or ""
        self._associate(int(deal), int(contact), part_types(self._portal, record.role, record.is_primary))
        crm_id = f"{deal}:{contact}"
        self._name("deal_contacts", record.id, crm_id)
        return crm_id

    def _further_account(self, record: AccountContact) -> str:
        company, contact = self._id_of("accounts", record.account_id) or "", self._id_of("contacts", record.contact_id) or ""
        plain = self._portal.links.plain(CONTACT, COMPANY)
        self._associate(int(contact), int(company), [plain] if plain else [])
        crm_id = f"{company}:{contact}"
        self._name("account_contacts", record.id, crm_id)
        return crm_id

    def _introduction(self, record: Introduction) -> str:
        """Let a contact be the introduced person: their own record, else a new one without company."""
        crm_id = self._id_of("contacts", record.person_contact_id) if record.person_contact_id else None
        if crm_id is None:
            person = Contact(id="", name=record.person_name, owner_id=record.owner_id, created_at=record.made_at)
            crm_id = self._customer(person)
        self._introduced.append((int(crm_id), record))
        self._name("introductions", record.id, crm_id)
        return crm_id

    def _introduction_values(self, contact: int, record: Introduction) -> Values:
        """Return the properties of an introduced contact, and associate it with its referrer where the portal does it so."""
        labelled, links = self._portal.settings.introductions_by_label, self._portal.links
        source = self._id_of("contacts", record.source_contact_id) if record.source_contact_id else None
        if labelled and source and (plain := links.plain(CONTACT, CONTACT)):
            self._associate(contact, int(source), (plain, links.label(CONTACT, CONTACT, REFERRED_BY, REFERRED)))
        return introduction_values(record, self._id_of, labelled=labelled)

    def _keep(self, kind: Kind, record_id: int, values: Values, created: Instant | None, later: Instant | None) -> None:
        """Store a row as it was before anybody looked: changed a moment after it was created, and never in the future."""
        created = min(created if created is not None else self._now, self._now)
        modified = self._modified(created, later, record_id)
        known: Values = {name: value for name, value in values.items() if value is not None}
        if known.get("hs_task_status") == "COMPLETED":
            known["hs_task_completion_date"] = shown(modified)
        known |= self._portal.calculated(kind, record_id, known, created=created, now=self._now)
        if kind is TASK:
            self._expect(record_id, known)
        self._store(kind, record_id, created, modified, known)

    def _store(self, kind: Kind, record_id: int, created: Instant, modified: Instant, values: Values) -> None:
        self._rows.append((record_id, kind.number, created, modified, orjson.dumps(values)))
        if len(self._rows) >= _AT_ONCE:
            self._flush()

    def _flush(self) -> None:
        self._records.insert_many(self._rows)
        self._records.name_many_in_book(self._names)
        self._portal.links.load(self._links)
        self._rows, self._names, self._links = [], [], []

    def _expect(self, task: int, values: Values) -> None:
        self._portal.expect_due(task, values, now=self._now)

    def _modified(self, created: Instant, later: Instant | None, record_id: int) -> Instant:
        return min(max(created, later or created) + record_id % _FIRST_SECOND, self._now)

    def _name(self, table: str, name: str, crm_id: str) -> None:
        self._names.append((table, name, crm_id))
        if table in self._ids:
            self._ids[table][name] = crm_id

    def _id_of(self, table: str, name: str) -> str | None:
        return self._ids[table].get(name)

    def _associate(self, origin: int, target: int, types: Sequence[AssociationType]) -> None:
        for type_ in types:
            self._links.append((origin, type_.target.number, target, type_.id))


_ACTIVITY_COLUMNS = ("at", "ended_at", "owner_id", "subject", "automated", "direction", "status")


def activity_ends(account: str | None, deal: str | None, contacts: tuple[str, ...]) -> Iterator[tuple[str, Kind, str]]:
    """Yield what an activity is about, as table, object type and id."""
    if account:
        yield "accounts", COMPANY, account
    if deal:
        yield "deals", DEAL, deal
    for contact in contacts:
        yield "contacts", CONTACT, contact


def part_types(portal: Portal, role: str, is_primary: bool) -> list[AssociationType]:
    """Return the types of an association between a deal and a person: the plain one, and the portal's labels."""
    plain = portal.links.plain(DEAL, CONTACT)
    labels = [label for label in (role, "primary" if is_primary else "") if label]
    return [*([plain] if plain else []), *(portal.links.label(DEAL, CONTACT, label) for label in labels)]


def _shape(record: Account | Contact | Deal | Case) -> tuple[Kind, str, dict[str, Any]]:
    """Return the object type and table of a record, and its columns with those of its own making."""
    kind, table = _SHAPES[type(record)]
    columns = {name: getattr(record, name) for name in record.__dataclass_fields__ if name != "custom"}
    return kind, table, columns | dict(record.custom)


_SHAPES: Mapping[type[Record], tuple[Kind, str]] = {
    Account: (COMPANY, "accounts"),
    Contact: (CONTACT, "contacts"),
    Deal: (DEAL, "deals"),
    Case: (TICKET, "cases"),
}


def _later(record: Account | Contact | Deal | Case) -> Instant | None:
    """Return when a record was last changed, as far as the book tells."""
    if isinstance(record, Case):
        return record.closed_at
    if isinstance(record, Deal) and record.closed_on:
        return instant(datetime.combine(record.closed_on, time(), UTC))
    return None
