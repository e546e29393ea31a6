"""Sweeps: what reads cannot see, for it moves no date.

Every six hours the archived records, which only a list of them shows. Every three hours once more what was created since, for
people associate a record after they made it. Every night a walk through everything: each record is listed again with all that it
points at, which brings changed associations, calculated values and merges, and shows by its absence what was deleted for good.
HubSpot says nowhere what changed in associations, and a page of 100 ids costs the same call as a page of 100 whole records, so
the records themselves are sent again and the mirror keeps what differs. For a million activities that is 10,000 list pages and
3,000 association reads: 43 minutes at 50 calls in 10 seconds, 2 % of a Professional account's day. So that no tick waits for it,
a walk goes on in the next tick after 50,000 records.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import replace

from refsync.connector import Batch, Cursor
from refsync.model import Instant, Stream
from refsync_hubspot import search
from refsync_hubspot.budget import BudgetSpent
from refsync_hubspot.cursor import SWEEPS, Seen, State, Sweeping, Window
from refsync_hubspot.fetch import Fetched
from refsync_hubspot.objects import ObjectType
from refsync_hubspot.records import LINKS_OF, Records
from refsync_hubspot.replies import MissingScope
from refsync_hubspot.search import Question

HOUR = 3_600_000
ROWS_A_TICK = 50_000
"""Records after which a walk lets the tick go on."""


class Sweeper:
    """Sweeps the streams of one portal."""

    def __init__(self, records: Records) -> None:
        self._records = records
        self._every: Mapping[str, Instant] = {"archived": 6 * HOUR, "walk": records.options.walk_hours * HOUR, "lately": 3 * HOUR}

    def sweep(self, stream: Stream, since: Cursor | None) -> Iterator[Batch]:
        """Yield what is due; nothing, without a call, when nothing is. The first one notes the time: all was just read."""
        try:
            yield from self._sweep(stream, since)
        except BudgetSpent as spent:
            yield Batch(partial=str(spent))

    def _sweep(self, stream: Stream, since: Cursor | None) -> Iterator[Batch]:
        if stream is Stream.USERS:
            return
        now = self._records.client.now(good_for=math.inf)
        if since is None:
            yield Batch(cursor=Sweeping(done=dict.fromkeys(SWEEPS, now)).dumped())
            return
        place = Sweeping.loaded(since)
        while name := place.under_way or self._due(stream, place, now):
            place = place if place.under_way else self._begun(name, place, now)
            for batch, reached in self._swept(stream, place):
                place = reached
                yield batch
            if place.under_way:
                return

    def _due(self, stream: Stream, place: Sweeping, now: Instant) -> str:
        """Return the sweep that is due; links go with the records at their ends, so no archived ones are asked for."""
        names = (name for name in SWEEPS if name != "archived" or stream not in LINKS_OF)
        return next((name for name in names if now - place.done[name] >= self._every[name]), "")

    def _begun(self, name: str, place: Sweeping, now: Instant) -> Sweeping:
        if name == "walk":
            self._records.introductions.forget()
        return place.begun(name, now)

    def _swept(self, stream: Stream, place: Sweeping) -> Iterator[tuple[Batch, Sweeping]]:
        """Yield what the sweep under way brings, each time with the place after it; a walk may stop before its end."""
        rows, denied = 0, False
        for kind in self._records.types[stream]:
            if isinstance(place.states.get(kind.name), Seen):
                continue
            try:
                for fetched, state in self._found(stream, kind, place):
                    place = place.moved(kind.name, state)
                    yield self._batch(stream, kind, fetched, place), place
                    rows += len(fetched.rows)
                    if rows >= ROWS_A_TICK and place.under_way == "walk":
                        return
            except MissingScope as missing:
                denied = True
                yield Batch(partial=str(missing)), place
        is_whole = place.under_way == "walk" and not denied and stream not in LINKS_OF
        place = place.ended()
        yield Batch(cursor=place.dumped(), whole=is_whole), place

    def _found(self, stream: Stream, kind: ObjectType, place: Sweeping) -> Iterator[tuple[Fetched, State]]:
        state = place.states.get(kind.name)
        if place.under_way == "archived":
            yield from self._records.listed(kind, state, archived=True)
        elif place.under_way == "walk":
            yield from self._records.everything(stream, kind, state)
        else:
            overlap = self._records.options.overlap_minutes * 60_000
            upper = self._records.horizon()
            window = state if isinstance(state, Window) else Window(lower=place.done["lately"] - overlap, upper=upper)
            for ids, reached in search.found(self._records.client, Question(kind=kind.name, column=kind.created), window):
                yield self._records.by_ids(kind, ids), reached

    def _batch(self, stream: Stream, kind: ObjectType, fetched: Fetched, place: Sweeping) -> Batch:
        if place.under_way == "archived":
            return Batch(deleted=tuple(row["id"] for row in fetched.rows), cursor=place.dumped())
        batch = self._records.batch(stream, kind, fetched, place.dumped())
        if place.under_way != "walk" or stream in LINKS_OF:
            return batch
        present = (record.id for records in (batch.records, batch.set_aside) for record in records)
        return replace(batch, deleted=(), present=tuple(present))
