"""Reads HubSpot's streams: a first load by list, then windows over the time of the last change.

A first load lists every record of an object type. Later reads search for the ids of what changed and read those records by id,
for the search index lags behind the records. That is also why a window begins an hour before the end of the last one. It ends
at a time fixed before it begins, never at the largest time seen: what changes while it is read comes with the next one. Records
are read together with all that they point at.

Cost: when nothing changed for an hour, a tick asks once for each object type (ten searches: what contacts and deals changed is
found once for all the streams that read them), twice for the owners and once for each 100 of their user objects; once a day each
type's property definitions.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from refsync.connector import Batch, Cursor
from refsync.errors import UnexpectedReply
from refsync.model import Instant, Stream
from refsync_hubspot import schema, search
from refsync_hubspot.budget import BudgetSpent
from refsync_hubspot.cursor import Listing, Place, Seen, Shown, State, Window
from refsync_hubspot.fetch import Fetched
from refsync_hubspot.objects import ObjectType
from refsync_hubspot.records import Records
from refsync_hubspot.replies import MissingScope
from refsync_hubspot.search import Question

DATE_STEP = 1000
"""Milliseconds: HubSpot's clock is known by the `Date` header, in whole seconds."""
FRESH = 600_000
"""Milliseconds for which the ids that one stream's search found serve the other streams of the same object type."""
MOST_KEPT = 10_000
"""Ids that are kept for that."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Searched:
    """The ids of everything of a type that changed in a window, as one search found them."""

    window: Window
    ids: tuple[str, ...]

    def serves(self, lower: Instant, seen: Instant, upper: Instant) -> bool:
        """Return whether a read from `lower` on, which saw all before `seen`, may take these instead of asking up to `upper`."""
        return self.window.lower <= lower and seen < self.window.upper <= upper <= self.window.upper + FRESH

    def parts(self, window: Window) -> Iterator[tuple[Sequence[str], State]]:
        """Yield the ids from where a window stands on, 1,000 at a time, each time with the state after them."""
        ids = [each for each in self.ids if not window.last or int(each) > int(window.last)]
        for start in range(0, max(len(ids), 1), search.ENOUGH):
            part = ids[start : start + search.ENOUGH]
            more = start + search.ENOUGH < len(ids)
            yield part, replace(window, last=part[-1]) if more else Seen(upper=window.upper)


class Reader:
    """Reads the streams of one portal."""

    def __init__(self, records: Records) -> None:
        self._records = records
        self._client = records.client
        self._types = records.types
        self._options = records.options
        self._searched: dict[str, Searched] = {}

    def read(self, stream: Stream, since: Cursor | None) -> Iterator[Batch]:
        """Yield what is new since the cursor; a kind of record that the token may not see ends as partial, the others go on.

        When no calls are left, the stream ends as partial.
        """
        try:
            yield from self._read(stream, since)
        except BudgetSpent as spent:
            yield Batch(partial=str(spent))

    def _read(self, stream: Stream, since: Cursor | None) -> Iterator[Batch]:
        self._records.begin()
        if stream is Stream.USERS:
            try:
                yield self._records.users()
            except MissingScope as missing:
                yield Batch(partial=str(missing))
            return
        place, kinds = Place.loaded(since), self._types[stream]
        if looked := schema.is_due(kinds, place.shown, self._client.now(good_for=schema.GOOD_FOR)):
            place = self._looked(kinds, kinds, place)
            yield self._lacking(kinds, place)
        elif hidden := schema.hidden(kinds, place.shown):
            before, place = place, self._looked(kinds, hidden, place)
            if self._lacking(kinds, before) != self._lacking(kinds, place):
                yield self._lacking(kinds, place)
        for kind in kinds:
            try:
                for fetched, state in self._walk(stream, kind, place.states.get(kind.name)):
                    if not looked and schema.is_unsure(kind, fetched.rows, place.shown):
                        looked, place = True, self._looked_again(kinds, place)
                        yield self._lacking(kinds, place)
                    place = place.moved(kind.name, state)
                    yield self._records.batch(stream, kind, fetched, place.dumped())
            except MissingScope as missing:
                yield Batch(partial=str(missing))

    def _looked(self, kinds: Sequence[ObjectType], at: Sequence[ObjectType], place: Place) -> Place:
        """Return the place after some types' property definitions were read; types that show more than before begin anew."""
        shown = schema.read(self._client, at, self._client.now())
        if place.shown and len(at) < len(kinds):
            shown = Shown(at=place.shown.at, names={**place.shown.names, **shown.names})
        anew = {kind.name for kind in kinds if schema.came_back(kind, place.shown, shown)}
        states = {name: state for name, state in place.states.items() if name not in anew}
        return Place(states=states, shown=shown)

    def _looked_again(self, kinds: Sequence[ObjectType], place: Place) -> Place:
        """Return the place after the definitions were read amid a read, where no type can begin anew."""
        shown = schema.read(self._client, kinds, self._client.now())
        return replace(place, shown=schema.still_shown(place.shown, shown))

    def _lacking(self, kinds: Sequence[ObjectType], place: Place) -> Batch:
        return Batch(lacking=schema.lacking(kinds, place.shown) if place.shown else None)

    def _walk(self, stream: Stream, kind: ObjectType, state: State | None) -> Iterator[tuple[Fetched, State]]:
        """Yield a type's records from a state on, each time with the state after them: everything, what changed meanwhile."""
        is_first = not isinstance(state, Seen) and not (isinstance(state, Window) and state.lower)
        if not isinstance(state, Seen):
            for fetched, reached in self._rest(stream, kind, state):
                state = reached
                yield fetched, reached
        if not isinstance(state, Seen):
            raise UnexpectedReply(f"HubSpot: the list of {kind.name} did not end")
        new = self._new_window(kind, state.upper, just_listed=is_first)
        if new.lower < new.upper:
            yield from self._window(kind, new)
        else:
            yield Fetched(), state

    def _rest(self, stream: Stream, kind: ObjectType, state: Listing | Window | None) -> Iterator[tuple[Fetched, State]]:
        """Yield what was left of a first load or of a window."""
        if isinstance(state, Window) and state.lower:
            yield from self._window(kind, state)
        else:
            yield from self._records.everything(stream, kind, state)

    def _new_window(self, kind: ObjectType, seen: Instant, *, just_listed: bool) -> Window:
        """Return the window that follows what was seen, which is empty while there is nothing to read yet.

        Behind a list it holds only what changed meanwhile, as long as the next window reaches back to the list's beginning.
        Raises UnexpectedReply when that time lies far in the future.
        """
        overlap, upper = self._options.overlap_minutes * 60_000, self._records.horizon()
        if seen - self._client.now() > overlap:
            raise UnexpectedReply("the stored place in this stream lies in the future of HubSpot's clock")
        if upper <= seen:
            return Window(lower=upper, upper=upper)
        lower = seen + DATE_STEP if just_listed and upper - seen <= overlap else seen - overlap
        known = self._searched.get(kind.name)
        return Window(lower=lower, upper=known.window.upper if known and known.serves(lower, seen, upper) else upper)

    def _window(self, kind: ObjectType, window: Window) -> Iterator[tuple[Fetched, State]]:
        for ids, state in self._ids(kind, window):
            yield self._records.by_ids(kind, ids), state

    def _ids(self, kind: ObjectType, window: Window) -> Iterator[tuple[Sequence[str], State]]:
        """Yield the ids of a window: those that another stream's search found, or else as they are searched for."""
        known = self._searched.get(kind.name)
        if known and known.window.upper == window.upper and known.window.lower <= window.lower:
            yield from known.parts(window)
            return
        kept: list[str] = []
        for ids, state in search.found(self._client, Question(kind=kind.name, column=kind.modified), window):
            kept += ids if len(kept) <= MOST_KEPT else ()
            yield ids, state
        if not window.last and len(kept) <= MOST_KEPT:
            self._searched[kind.name] = Searched(window=window, ids=tuple(sorted(kept, key=int)))
