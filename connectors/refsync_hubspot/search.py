"""The ids of what changed, or was made, in a window of time. HubSpot's search finds them; the records are read by id.

Law: each page is a query of its own from the last id on (a keyset). An offset would skip a row whenever another one leaves the
window, and ends at 10,000; a page that is short or empty is no end as long as it says how to go on. That needs ids that ascend as
numbers. Should HubSpot sort them otherwise, the window is halved until a part holds fewer than 10,000, and each part is paged
through again and again until a pass brings nothing new.
Sources: developers.hubspot.com, the search guide (200 a page, 10,000 a query); airbyte issues 43317, 79666, 80745.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from refsync.errors import UnexpectedReply
from refsync.model import Instant
from refsync_hubspot import replies
from refsync_hubspot.client import Client
from refsync_hubspot.cursor import Seen, State, Window
from refsync_hubspot.replies import Answer, Json

SEARCH_PAGE = 200
MOST_RESULTS = 10_000
"""No result of a query beyond this one can be reached."""
ENOUGH = 1_000
"""Ids that are yielded together: as many as one association read takes."""


class OutOfOrder(UnexpectedReply):
    """The ids of a search that is sorted by them do not ascend as numbers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is searched for."""

    kind: str
    """The object type."""
    column: str
    """The property whose time lies in the window."""
    having: str = ""
    """A property that must have a value."""


def found(client: Client, question: Question, window: Window) -> Iterator[tuple[list[str], State]]:
    """Yield the ids of a window from where it stands, about 1,000 at a time, each time with the state after them."""
    try:
        yield from _by_id(client, question, window)
    except OutOfOrder:
        yield from _by_parts(client, question, window)


def _by_id(client: Client, question: Question, window: Window) -> Iterator[tuple[list[str], State]]:
    ids: list[str] = []
    last, after, passed = window.last, None, set[str]()
    while True:
        page = client.search(question.kind, _body(question, window.lower, window.upper, last=last, after=after))
        new = _ids(page)
        last = _ascending(new, last)
        ids.extend(new)
        passed = set() if new else passed  # a query of its own counts its pages anew
        following = replies.next_after(page.body, passed)
        if following is None and not new and _total(page):
            raise UnexpectedReply(f"HubSpot: the search for {question.kind} counts records and shows none")
        if following is None and len(new) >= _total(page):
            yield ids, Seen(upper=window.upper)
            return
        after = None if new else following
        if len(ids) + SEARCH_PAGE > ENOUGH:
            yield ids, replace(window, last=last)
            ids = []


def _by_parts(client: Client, question: Question, window: Window) -> Iterator[tuple[list[str], State]]:
    parts = [(window.lower, window.upper)]
    while parts:
        lower, upper = parts.pop()
        if _total(client.search(question.kind, _body(question, lower, upper))) >= MOST_RESULTS:
            if upper - lower <= 1:
                raise UnexpectedReply(f"HubSpot: too many {question.kind} of one instant to be paged through without order")
            middle = (lower + upper) // 2
            parts += [(middle, upper), (lower, middle)]
            continue
        ids = sorted(_all(client, question, lower, upper), key=int)
        rest = Window(lower=upper, upper=window.upper) if parts else Seen(upper=window.upper)
        for start in range(0, max(len(ids), 1), ENOUGH):
            is_last = start + ENOUGH >= len(ids)
            yield ids[start : start + ENOUGH], rest if is_last else Window(lower=lower, upper=window.upper)


def _all(client: Client, question: Question, lower: Instant, upper: Instant) -> set[str]:
    """Return the ids of a part, paged through until a pass brings nothing new."""
    ids: set[str] = set()
    while True:
        before = len(ids)
        after, passed = None, set[str]()
        while True:
            page = client.search(question.kind, _body(question, lower, upper, after=after))
            ids.update(_ids(page))
            after = replies.next_after(page.body, passed)
            if after is None:
                break
        if len(ids) == before:
            return ids


def _body(question: Question, lower: Instant, upper: Instant, *, last: str = "", after: str | int | None = None) -> Json:
    filters: list[dict[str, Any]] = [
        {"propertyName": question.column, "operator": "GTE", "value": str(lower)},
        {"propertyName": question.column, "operator": "LT", "value": str(upper)},
    ]
    if question.having:
        filters.append({"propertyName": question.having, "operator": "HAS_PROPERTY"})
    if last:
        filters.append({"propertyName": "hs_object_id", "operator": "GT", "value": last})
    body: Json = {
        "filterGroups": [{"filters": filters}],
        "sorts": [{"propertyName": "hs_object_id", "direction": "ASCENDING"}],
        "properties": [question.column],
        "limit": SEARCH_PAGE,
    }
    return body if after is None else body | {"after": after}


def _ids(page: Answer) -> list[str]:
    ids: list[str] = [row["id"] for row in replies.records(page)]
    if not all(each.isdecimal() for each in ids):
        raise UnexpectedReply("HubSpot: a search gives an id that is no number")
    return ids


def _ascending(ids: Iterable[str], last: str) -> str:
    """Return the last of the ids, which must ascend as numbers from `last` on: the next page asks for those above it."""
    for each in ids:
        if last and int(each) <= int(last):
            raise OutOfOrder("HubSpot: a search sorted by id gives ids that do not ascend")
        last = each
    return last


def _total(page: Answer) -> int:
    total = page.body.get("total")
    if not isinstance(total, int) or isinstance(total, bool) or total < 0:
        raise UnexpectedReply("HubSpot: the search reply has no total")
    return total
