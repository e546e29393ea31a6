"""Activities of a book as Tasks, Events and EmailMessages with their people.

Law: who takes part is said twice, as in Salesforce: the first contact in WhoId (or the from and to of a mail), and all of them in
the relation rows. An activity of a deal or of nothing but people gets its AccountId later, from those.
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

    def __init__(self, head: Head, new_id: Callable[[str], str | int]) -> None:
        self._head, self._new_id = head, new_id

    def of(self, values: Mapping[str, Any]) -> Iterator[tuple[str, Fields]]:
        """Yield the rows of one activity, each with its object; none for a note, which Salesforce keeps elsewhere."""
        subject = OBJECT_OF_KIND.get(values["kind"])
        if subject is None:
            return
        head = self._head(subject, values["id"], values["at"], values["owner_id"])
        row = head | own_fields(subject, values)
        if subject != "EmailMessage":
            row["AccountId"] = None if values["deal_id"] else values["account_id"]
        yield subject, row
        name = f"{subject}Relation"
        for place, contact in enumerate(values["contact_ids"]):
            link = {"Id": self._new_id(name), "_book": None, f"{subject}Id": head["Id"], "RelationId": contact}
            sender = place == 0 and values["direction"] is Direction.IN
            yield name, head | link | role_fields(subject, sender=sender)


def own_fields(subject: str, values: Mapping[str, Any]) -> Fields:
    """Return the fields of one activity besides id, stamps and account."""
    kind, status, at = values["kind"], values["status"], values["at"]
    common = {"Subject": values["subject"] or None, **direction_fields(kind, values["direction"])}
    if subject == "EmailMessage":
        automated = {"AutomationType": "AiAutomated" if values["automated"] else None}
        return common | email_fields(status, at) | automated | _mail_links(values)
    common |= _links(values)
    if subject == "Event":
        return common | event_fields(status, at, values["ended_at"]) | {"EventSubtype": "Event"}
    return common | task_fields(status, at) | {"TaskSubtype": subtype_of(kind), "Priority": "Normal"}


def _links(values: Mapping[str, Any]) -> Fields:
    return {
        "OwnerId": values["owner_id"] or people.INTEGRATION_ID,
        "WhatId": values["deal_id"] or values["account_id"],
        "WhoId": next(iter(values["contact_ids"]), None),
    }


def _mail_links(values: Mapping[str, Any]) -> Fields:
    who = next(iter(values["contact_ids"]), None)
    incoming = values["direction"] is Direction.IN
    return {"RelatedToId": values["deal_id"] or values["account_id"], "FromId": who if incoming else values["owner_id"]}


def role_fields(subject: str, *, sender: bool) -> Fields:
    """Return what a relation row says of the part a contact has."""
    if subject == "EmailMessage":
        return {"RelationType": "FromAddress" if sender else "ToAddress", "RelationObjectType": "Contact"}
    return {"IsWhat": 0}
