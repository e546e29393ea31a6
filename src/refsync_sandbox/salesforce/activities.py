"""Activities of a book as Tasks, Events and EmailMessages with their people.

Law: who takes part is said twice, as in Salesforce: the first contact in WhoId (or the from and to of a mail), and all of them in
the relation rows. AccountId follows from the deal or account, else from the first contact's account.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeAlias

from refsync.model import Direction, Instant
from refsync_sandbox.salesforce import people
from refsync_sandbox.salesforce.translate import (
    OBJECT_OF_KIND,
    Fields,
    direction_fields,
    email_fields,
    event_fields,
    subtype_of,
    task_fields,
)

Head: TypeAlias = Callable[[str, str, Instant | None, str | None], Fields]
"""Returns id, book id and stamps for a new record: of which object, its book id, its own time, who made it."""


class ActivityRows:
    """Makes the rows of activities whose links are Salesforce ids already."""

    def __init__(self, head: Head, account_of: Mapping[str, str | None]) -> None:
        self._head, self._account_of = head, account_of

    def of(self, values: Mapping[str, Any]) -> Iterator[tuple[str, Fields]]:
        """Yield the rows of one activity, each with its object; none for a note, which Salesforce keeps elsewhere."""
        subject = OBJECT_OF_KIND.get(values["kind"])
        if subject is None:
            return
        head = self._head(subject, values["id"], values["at"], values["owner_id"])
        yield subject, head | self.own_fields(subject, values)
        for contact in values["contact_ids"]:
            yield self._relation(subject, head["Id"], contact, values)

    def own_fields(self, subject: str, values: Mapping[str, Any]) -> Fields:
        """Return the fields of one activity besides id and stamps."""
        kind, status, at = values["kind"], values["status"], values["at"]
        common = {"Subject": values["subject"] or None, **direction_fields(kind, values["direction"])}
        if subject == "EmailMessage":
            automated = {"AutomationType": "AiAutomated" if values["automated"] else None}
            return common | email_fields(status, at) | automated | self._mail_links(values)
        common |= self._links(values)
        if subject == "Event":
            return common | event_fields(status, at, values["ended_at"]) | {"EventSubtype": "Event"}
        return common | task_fields(status, at) | {"TaskSubtype": subtype_of(kind), "Priority": "Normal"}

    def _links(self, values: Mapping[str, Any]) -> Fields:
        what = values["deal_id"] or values["account_id"]
        who = next(iter(values["contact_ids"]), None)
        return {
            "OwnerId": values["owner_id"] or people.INTEGRATION_ID,
            "WhatId": what,
            "WhoId": who,
            "AccountId": self._account(values, who),
        }

    def _account(self, values: Mapping[str, Any], who: str | None) -> str | None:
        if values["deal_id"]:
            return self._account_of.get(values["deal_id"])
        return values["account_id"] or (self._account_of.get(who) if who else None)

    def _mail_links(self, values: Mapping[str, Any]) -> Fields:
        who = next(iter(values["contact_ids"]), None)
        incoming = values["direction"] is Direction.IN
        return {"RelatedToId": values["deal_id"] or values["account_id"], "FromId": who if incoming else values["owner_id"]}

    def _relation(self, subject: str, record_id: str, contact: str, values: Mapping[str, Any]) -> tuple[str, Fields]:
        name = f"{subject}Relation"
        head = self._head(name, "", values["at"], values["owner_id"])
        first_in = values["direction"] is Direction.IN and contact == values["contact_ids"][0]
        return name, head | {f"{subject}Id": record_id, "RelationId": contact} | role_fields(subject, sender=first_in)


def role_fields(subject: str, *, sender: bool) -> Fields:
    """Return what a relation row says of the part a contact has."""
    if subject == "EmailMessage":
        return {"RelationType": "FromAddress" if sender else "ToAddress", "RelationObjectType": "Contact"}
    return {"IsWhat": 0}
