"""Records of one object type, as they come: listed or read by id, with what they point at.

Law: every id that was asked for is accounted for: it came, HubSpot said that it is gone, or the read fails. Nothing is dropped.
Limits (100 records a list page and batch read, 1,000 ids an association read): HubSpot's references.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from refsync.connector import Merge
from refsync.errors import UnexpectedReply
from refsync_hubspot import replies
from refsync_hubspot.client import Client
from refsync_hubspot.objects import ObjectType
from refsync_hubspot.replies import Answer, Json
from refsync_hubspot.translate import Links

Item = TypeVar("Item")

LIST_PAGE = 100
BATCH = 100
LINK_BATCH = 1_000
LONGEST_NAMES = 5_000
"""Characters of property names that a URL can take; with more, the records are read by id."""


NOT_THERE = "OBJECT_NOT_FOUND"
"""The category of an error of a batch read that tells of a record which is archived or never was."""


@dataclass(slots=True)
class Fetched:
    """Raw records of one type."""

    rows: list[Json] = field(default_factory=list)
    deleted: list[str] = field(default_factory=list)
    merged: list[Merge] = field(default_factory=list)
    loose: bool = False
    listed: bool = False
    """Whether they come from a list, where nothing is said of records that are not wanted."""

    def add(self, found: Answer) -> None:
        self.rows.extend(replies.records(found))
        self.loose |= found.loose


def listed(
    client: Client, kind: ObjectType, start: str | int | None, *, archived: bool = False
) -> Iterator[tuple[Fetched, str | int | None]]:
    """Yield a type's records, up to 1,000 at a time, each time with where the next page begins (None: that was all)."""
    names = ",".join(kind.properties)
    by_id = len(names) > LONGEST_NAMES and not archived
    query = {"limit": LIST_PAGE, "archived": str(archived).lower()}
    if names and not by_id and not archived:
        query["properties"] = names
    fetched = Fetched(listed=True)
    for page, after in client.pages(client.paths.objects(kind.name), query, start):
        if by_id:
            _into(fetched, by_ids(client, kind, [row["id"] for row in replies.records(page)]))
        else:
            fetched.add(page)
        if after is None or len(fetched.rows) + LIST_PAGE > LINK_BATCH:
            yield fetched, after
            fetched = Fetched(listed=True)


def by_ids(client: Client, kind: ObjectType, ids: Sequence[str]) -> Fetched:
    """Return records by id; those that are archived or gone in `deleted`, those that were merged away in `merged`."""
    fetched = Fetched()
    for some in chunks(ids, BATCH):
        found = client.ask(client.paths.objects(kind.name, "batch", "read"), _inputs(kind, some))
        fetched.add(found)
    missing = set(ids) - {row["id"] for row in fetched.rows}
    for record_id in sorted(missing):
        _find(client, kind, record_id, fetched)
    return fetched


def those_there(client: Client, kind: ObjectType, ids: Sequence[str]) -> list[Json]:
    """Return those of the records that are there; ids that lead nowhere are no fault."""
    rows: list[Json] = []
    for some in chunks(ids, BATCH):
        rows += there(client.ask(client.paths.objects(kind.name, "batch", "read"), _inputs(kind, some)))
    return rows


def there(found: Answer) -> list[Json]:
    """Return the records of a batch read. Raises UnexpectedReply when one is left out that may be there."""
    for error in found.errors:
        if error.get("category") != NOT_THERE:
            raise UnexpectedReply(f"HubSpot: records cannot be read: {replies.words(error)}")
    return replies.records(found)


def links(client: Client, kind: ObjectType, ids: Sequence[str]) -> dict[str, Links]:
    """Return what records point at, by record id: the complete set, each page of it followed."""
    found: dict[str, dict[str, list[Json]]] = {record_id: {} for record_id in ids}
    for target in kind.links:
        for some in chunks(ids, LINK_BATCH):
            for record_id, entries in _links(client, kind.name, target, some).items():
                found[record_id][target] = entries
    return dict(found)


def chunks(items: Sequence[Item], size: int) -> Iterator[Sequence[Item]]:
    """Yield the items in pieces."""
    for start in range(0, len(items), size):
        yield items[start : start + size]


def _inputs(kind: ObjectType, ids: Iterable[str]) -> Json:
    return {"properties": list(kind.properties), "inputs": [{"id": record_id} for record_id in ids]}


def _find(client: Client, kind: ObjectType, record_id: str, fetched: Fetched) -> None:
    """Find out what became of a record that a batch read left out; one that was merged away answers as its survivor."""
    found = client.find(client.paths.objects(kind.name, record_id))
    if found is None or found.get("archived") is True:
        fetched.deleted.append(record_id)
        return
    living = replies.records(Answer(body={"results": [found]}))[0]["id"]
    if living != record_id:
        fetched.merged.append(Merge(gone=record_id, survivor=living))
    if all(row["id"] != living for row in fetched.rows):
        fetched.add(client.ask(client.paths.objects(kind.name, "batch", "read"), _inputs(kind, [living])))
    if all(row["id"] != living for row in fetched.rows):
        raise UnexpectedReply(f"HubSpot: a batch read leaves out one of the {kind.name} that is there")


def _into(fetched: Fetched, more: Fetched) -> None:
    fetched.rows.extend(more.rows)
    fetched.deleted.extend(more.deleted)
    fetched.merged.extend(more.merged)
    fetched.loose |= more.loose


def _links(client: Client, origin: str, target: str, ids: Sequence[str]) -> dict[str, list[Json]]:
    found: dict[str, list[Json]] = {}
    passed: dict[str, set[str]] = defaultdict(set)
    waiting: list[dict[str, Any]] = [{"id": record_id} for record_id in ids]
    while waiting:
        answer = client.ask(client.paths.links(origin, target), {"inputs": waiting})
        left = {entry["id"] for entry in waiting}
        waiting = []
        for result in replies.rows(answer):
            record_id, entries = _linked(result, left)
            left.remove(record_id)
            found.setdefault(record_id, []).extend(entries)
            if "paging" in result and (after := replies.next_after(result, passed[record_id])) is not None:
                waiting.append({"id": record_id, "after": after})
        _unlinked(answer, left)
    return found


def _linked(result: Json, asked: set[str]) -> tuple[str, list[Json]]:
    origin, entries = result.get("from"), result.get("to")
    record_id = str(origin.get("id")) if isinstance(origin, dict) else ""
    if record_id not in asked or not isinstance(entries, list):
        raise UnexpectedReply("HubSpot: an association reply speaks of a record that was not asked for")
    for entry in entries:
        target = entry.get("toObjectId") if isinstance(entry, dict) else None
        if type(target) is not int and not str(target).isdecimal():
            raise UnexpectedReply("HubSpot: an association leads to no record")
    return record_id, entries


def _unlinked(answer: Answer, left: set[str]) -> None:
    """Make sure that records without a result have no association, as errors of a 207 say of them."""
    for error in answer.errors:
        if not str(error.get("subCategory", "")).endswith("NO_ASSOCIATIONS_FOUND"):
            raise UnexpectedReply(f"HubSpot: associations cannot be read: {replies.words(error)}")
    if not answer.accounts_for(left):
        raise UnexpectedReply("HubSpot: an association read left out records without a word")
