"""Person accounts: customers that are people, kept twice, as an Account and as the Contact behind it.

Law: the two are one customer; each person account has exactly one contact, the first of the book or one made up, and what is
changed in one is changed in the other. Shapes: cumulusci/describe/Account_PersonAccount.json of the wire examples.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

from refsync.model import Account, Contact, Record
from refsync_sandbox.salesforce.schema import Field
from refsync_sandbox.salesforce.translate import Fields, names

PERSON = "person"
"""The further column of accounts.csv that says `true` of an account that is a person."""

FIELDS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "Account": (
            "IsPersonAccount",
            "PersonContactId",
            "FirstName",
            "LastName",
            "PersonEmail",
            "PersonTitle",
            "PersonHasOptedOutOfEmail",
            "PersonDoNotCall",
        ),
        "Contact": ("IsPersonAccount",),
    }
)
"""What objects have besides where person accounts are on."""

MIRRORED: Mapping[str, str] = MappingProxyType(
    {
        "FirstName": "FirstName",
        "LastName": "LastName",
        "Phone": "Phone",
        "PersonEmail": "Email",
        "PersonTitle": "Title",
    }
)
"""The fields that both hold: of the account, and of its contact."""

_LINK = """UPDATE Account SET (PersonContactId, PersonEmail, PersonTitle) =
    (SELECT Id, Email, Title FROM Contact WHERE AccountId = Account.Id AND IsPersonAccount) WHERE IsPersonAccount"""


class Persons:
    """The person accounts of a book while it is loaded."""

    def __init__(self) -> None:
        self._waiting: dict[str, Account] = {}

    def marks(self, record: Record) -> Fields:
        """Return what a record's row holds besides: of a person account, and of the contact behind one."""
        if isinstance(record, Account):
            is_person = record.custom.get(PERSON) == "true"
            if is_person:
                self._waiting[record.id] = record
            named = names(record.name) if is_person else {"FirstName": None, "LastName": None}
            return {"IsPersonAccount": int(is_person), "FirstName": named["FirstName"], "LastName": named["LastName"]}
        if isinstance(record, Contact):
            return {"IsPersonAccount": int(self._waiting.pop(record.account_id or "", None) is not None)}
        return {}

    def without_contact(self) -> Iterator[Account]:
        """Yield the person accounts that no contact of the book belongs to."""
        yield from self._waiting.values()

    def shadow(self, person: Account) -> Fields:
        """Return the columns of the contact that is made up for a person account."""
        blank: Fields = dict.fromkeys(("email", "phone", "title"))
        more = {"name": person.name, "created_at": person.created_at, "do_not_contact": person.do_not_contact}
        return blank | more

    def shadow_marks(self, custom: Mapping[str, Field]) -> Fields:
        """Return what the row of such a contact holds besides."""
        return {"IsPersonAccount": 1} | {found.name: found.default for found in custom.values()}

    def link(self, database: sqlite3.Connection) -> None:
        """Let each person account name its contact."""
        database.execute(_LINK)


def other_half(subject: str, row: Mapping[str, Any], changed: Mapping[str, Any]) -> tuple[str, str, Fields] | None:
    """Return what a change of one half of a person means for the other: its object, its id and its fields."""
    if not row.get("IsPersonAccount"):
        return None
    if subject == "Account":
        fields = {there: changed[here] for here, there in MIRRORED.items() if here in changed}
        return ("Contact", row["PersonContactId"], fields) if fields else None
    fields = {here: changed[there] for here, there in MIRRORED.items() if there in changed}
    return ("Account", row["AccountId"], fields) if fields else None
