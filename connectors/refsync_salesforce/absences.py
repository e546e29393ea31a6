"""Who is away: the out-of-office messages of users, read whole each time, and the users they tell of.

Source: developer.salesforce.com, object reference, OutOfOffice (API 41.0): a user, and the first and the last day as times; a
message that is over goes away by itself. That it is not counted among the changes of its user is why the users come along.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import replace

from refsync.connector import Batch
from refsync.errors import Problem
from refsync.model import Instant, User, iso
from refsync_salesforce.batches import Batches
from refsync_salesforce.client import Client, Page, Row
from refsync_salesforce.failures import SchemaChanged
from refsync_salesforce.selections import Selections
from refsync_salesforce.sources import ABSENCE, USER
from refsync_salesforce.values import Unreadable, time
from refsync_salesforce.window import SECOND

DAY = 86_400 * SECOND
KEPT = 30 * DAY
"""How long after its end a message is still asked for: whoever moved it there is back, and that has to be told, too."""
NEEDED = ("User.Id", "StartDate", "EndDate")
FURTHER = ("IsEnabled", "IsDeleted")


class Absences:
    """Reads the absences of one org."""

    def __init__(self, client: Client, selections: Selections, batches: Batches) -> None:
        self._client = client
        self._selections = selections
        self._batches = batches

    def statement(self) -> str:
        """Return what asks for the messages of now, and of lately, with their users; empty where the org shows none."""
        described, users = self._selections.described(ABSENCE), self._selections.of(USER)
        if described is None or users is None or not (all(map(described.shows, NEEDED)) and described.filters("EndDate")):
            return ""
        since = iso(self._client.now() // SECOND * SECOND - KEPT)
        own = (*NEEDED, *filter(described.shows, FURTHER))
        columns = ", ".join(dict.fromkeys((*own, *(f"User.{name}" for name in users.columns))))
        return f"SELECT {columns} FROM {ABSENCE} WHERE EndDate >= {since}"  # noqa: S608 # names out of describe

    def read(self, page: Page | None = None) -> Iterator[Batch]:
        """Yield the users who have a message, or lately had one, with their absences; nothing where the org shows none.

        `page` answers the statement; else it is asked. Users count without it, so a refusal is left to `problems` to tell.
        """
        with suppress(SchemaChanged):
            if page or (statement := self.statement()):
                yield from self._told(self._client.whole(page or self._client.query(statement)))

    def problems(self) -> Iterator[Problem]:
        """Yield why the messages cannot be read although the org describes them. Raises ConnectorError for other troubles."""
        try:
            if statement := self.statement():
                self._client.query(f"{statement} LIMIT 1")
        except SchemaChanged as error:
            message = f"who is away is not known, and everybody counts as there: {error}"
            yield Problem(severity="warning", message=message, hint=f"give the integration user read access to {ABSENCE}")

    def _told(self, rows: Iterable[Row]) -> Iterator[Batch]:
        users, messages = self._selections.of(USER), defaultdict[str, list[Row]](list)
        for row in rows:
            if isinstance(row.get("User"), dict):
                messages[str(row["User"].get("Id"))].append(row)
        if users is not None and messages:
            batch = self._batches.of([some[0]["User"] for some in messages.values()], users, fresh=True)
            found = (record for record in batch.records if isinstance(record, User))
            yield replace(batch, records=tuple(_with(user, messages[user.id]) for user in found))


def _with(user: User, messages: Iterable[Row]) -> User:
    away_from, away_until = absence(messages) or (None, None)
    return replace(user, away_from=away_from, away_until=away_until)


def absence(messages: Iterable[Row]) -> tuple[Instant, Instant] | None:
    """Return the one absence that a user's messages tell of; None: the user is there.

    Salesforce keeps one message a user; of several the one that ends last counts. The last day counts as a whole.
    """
    found = []
    for row in messages:
        try:
            start, end = time(row, "StartDate"), time(row, "EndDate")
        except Unreadable:
            continue
        if start is not None and end is not None and row.get("IsDeleted") is not True and row.get("IsEnabled") is not False:
            found.append((end + DAY, start))
    return (latest[1], latest[0]) if found and (latest := max(found)) else None
