"""Links between activities and people that were cut: no read shows them, since `queryAll` leaves them out and the activity keeps
its stamp.

Law: a cut link sends its activity to be read anew. Where Salesforce no longer says which activity that was, all of them are, in
the next daily pass and not at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from refsync.errors import AuthError, ConnectorError, TransientError, UnexpectedReply
from refsync.model import Instant, iso
from refsync_salesforce.client import Client
from refsync_salesforce.selections import Selections
from refsync_salesforce.values import Unreadable, stamp
from refsync_salesforce.window import SECOND, Selection

OLDEST = 29 * 86_400 * SECOND
"""getDeleted tells of the last 30 days ("Get Deleted Records", REST API guide)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """What became of the links of one object."""

    parents: tuple[str, ...] = ()
    """Activities that have lost a person."""
    all_known: bool = True
    """Whether these are all of them."""
    until: Instant
    """Until when cut links are known."""


class Links:
    """Finds links that were cut."""

    def __init__(self, client: Client, selections: Selections) -> None:
        self._client = client
        self._selections = selections

    def cut(self, asked: Sequence[Selection], since: Instant, now: Instant) -> list[Cut]:
        """Return what was cut since an instant, for each object. Raises ConnectorError."""
        start = max(since, now - OLDEST)
        span = urlencode({"start": iso(start), "end": iso(now)})
        found = self._client.several([f"sobjects/{one.source.child}/deleted/?{span}" for one in asked]) if asked else []
        return [self._cut(one, told, now, all_known=start == since) for one, told in zip(asked, found, strict=True)]

    def _cut(self, asked: Selection, told: Any, now: Instant, *, all_known: bool) -> Cut:
        if isinstance(told, TransientError | AuthError):
            raise told
        if isinstance(told, ConnectorError):  # too long ago, too many, or not told for this object
            return Cut(all_known=False, until=now)
        links, until = _deleted(asked.source.child, told)
        parents, known = self._parents(asked, links)
        return Cut(parents=tuple(parents), all_known=all_known and known, until=min(until, now))

    def _parents(self, asked: Selection, links: Sequence[str]) -> tuple[list[str], bool]:
        """Return the activities that these links belonged to, and whether each link still tells."""
        described = self._selections.described(asked.source.object)
        if not links or described is None:
            return [], True
        field = described.children[asked.source.child].field
        statement = f"SELECT Id, {field} FROM {asked.source.child} WHERE Id IN {{}}"  # noqa: S608 # names out of describe
        rows = [row for some in self._client.among(statement, links) for row in some if row.get(field)]
        return sorted({str(row[field]) for row in rows}), {row.get("Id") for row in rows}.issuperset(links)


def _deleted(name: str, told: Any) -> tuple[list[str], Instant]:
    """Return the ids that a reply to getDeleted names, and until when it knows them. Raises UnexpectedReply."""
    gone = told.get("deletedRecords") if isinstance(told, dict) else None
    if not isinstance(gone, list) or not all(isinstance(one, dict) and isinstance(one.get("id"), str) for one in gone):
        raise UnexpectedReply(f"Salesforce: the deleted records of {name} have an unknown shape")
    try:
        return [one["id"] for one in gone], stamp(told.get("latestDateCovered")) // SECOND * SECOND
    except Unreadable:
        raise UnexpectedReply(f"Salesforce does not say until when the deleted records of {name} are known") from None
