"""Reads HubSpot's streams: a first load by list, then windows over the time of the last change.

A first load lists every record of an object type. Later reads search for the ids of what changed and read those records by id,
for the search index lags behind the records. That is also why a window begins an hour before the end of the last one. It ends
at a time fixed before it begins, never at the largest time seen: what changes while it is read comes with the next one. Records
are read together with all that they point at.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from refsync.connector import Batch, Cursor
from refsync.errors import UnexpectedReply
from refsync.model import Instant, Stream
from refsync_hubspot import fetch, replies, translate
from refsync_hubspot.activities import activity_of
from refsync_hubspot.client import Client
from refsync_hubspot.cursor import Listing, Seen, State, Window, dumped, loaded
from refsync_hubspot.fetch import Fetched
from refsync_hubspot.objects import ObjectType, object_types
from refsync_hubspot.options import HubSpotOptions
from refsync_hubspot.owners import users
from refsync_hubspot.replies import Json, MissingScope
from refsync_hubspot.translate import Translate, Vocabulary

DATE_STEP = 1000
"""Milliseconds: HubSpot's clock is known by the `Date` header, in whole seconds."""
_PIPELINES = {Stream.DEALS: "deals", Stream.CASES: "tickets"}
_TRANSLATE: Mapping[Stream, Translate] = {
    Stream.ACCOUNTS: translate.account,
    Stream.CONTACTS: translate.contact,
    Stream.DEALS: translate.deal,
    Stream.DEAL_CONTACTS: translate.deal_contacts,
    Stream.CASES: translate.case,
}


class Reader:
    """Reads and sweeps the streams of one portal."""

    def __init__(self, client: Client, options: HubSpotOptions, custom: Mapping[Stream, frozenset[str]]) -> None:
        self._client = client
        self._options = options
        self._custom = custom
        self._types = object_types(options, custom)

    def read(self, stream: Stream, since: Cursor | None) -> Iterator[Batch]:
        """Yield what is new since the cursor; a kind of record that the token may not see ends as partial, the others go on."""
        try:
            if stream is Stream.USERS:
                yield self._users()
                return
            vocabulary = self._vocabulary(stream)
        except MissingScope as missing:
            yield Batch(partial=str(missing))
            return
        states = loaded(since)
        for kind in self._types[stream]:
            try:
                for fetched, state in self._walk(stream, kind, states.get(kind.name)):
                    states[kind.name] = state
                    yield self._batch(stream, kind, fetched, vocabulary, dumped(states))
            except MissingScope as missing:
                yield Batch(partial=str(missing))

    def sweep(self, stream: Stream, since: Cursor | None) -> Iterator[Batch]:
        """Yield archived records as deleted; of deal contacts, whose links change without a trace, every link anew."""
        if stream is Stream.USERS:
            return
        states = loaded(since)
        for kind in self._types[stream]:
            try:
                for fetched, state in self._relisted(stream, kind, states.get(kind.name)):
                    states[kind.name] = state
                    if stream is Stream.DEAL_CONTACTS:
                        yield self._batch(stream, kind, fetched, Vocabulary(options=self._options), dumped(states))
                    else:
                        yield Batch(deleted=tuple(row["id"] for row in fetched.rows), cursor=dumped(states))
            except MissingScope as missing:
                yield Batch(partial=str(missing))
        yield Batch(cursor=dumped({}))

    def owners(self) -> list[Json]:
        """Return all owners, the archived ones too, each once."""
        found: dict[str, Json] = {}
        for archived in ("false", "true"):
            for page, _after in self._client.pages(self._client.paths.owners(), {"limit": 100, "archived": archived}):
                for owner in replies.rows(page):
                    found.setdefault(str(owner.get("id")), owner | {"archived": archived == "true"})
        return list(found.values())

    def _users(self) -> Batch:
        found = users(self.owners(), self._options)
        return Batch(records=tuple(found.records), set_aside=tuple(found.set_aside), cursor="{}", whole=not found.set_aside)

    def _vocabulary(self, stream: Stream) -> Vocabulary:
        pipelines: list[Json] = []
        if kind := _PIPELINES.get(stream):
            pipelines = replies.rows(self._client.get(self._client.paths.pipelines(kind)))
        try:
            stages = translate.stages(pipelines)
        except (KeyError, TypeError, ValueError, AttributeError):
            raise UnexpectedReply("HubSpot: the pipelines cannot be understood") from None
        return Vocabulary(options=self._options, custom=tuple(sorted(self._custom.get(stream, ()))), stages=stages)

    def _relisted(self, stream: Stream, kind: ObjectType, state: State | None) -> Iterator[tuple[Fetched, State]]:
        """Yield what a sweep lists of a type, unless this sweep has been through it."""
        if not isinstance(state, Seen):
            yield from self._list(kind, state, archived=stream is not Stream.DEAL_CONTACTS)

    def _list(self, kind: ObjectType, state: State | None, *, archived: bool = False) -> Iterator[tuple[Fetched, State]]:
        listing = state if isinstance(state, Listing) else Listing(start=self._client.now())
        for fetched, after in fetch.listed(self._client, kind, listing.after, archived=archived):
            yield fetched, Seen(upper=listing.start) if after is None else replace(listing, after=after)

    def _walk(self, stream: Stream, kind: ObjectType, state: State | None) -> Iterator[tuple[Fetched, State]]:
        """Yield a type's records from a state on, each time with the state after them: list, window left open, new window."""
        just_listed = state is None or isinstance(state, Listing)
        if state is None or isinstance(state, Listing):
            for fetched, listed in self._list(kind, state):
                state = listed
                yield fetched, listed
        if isinstance(state, Window):
            yield from self._window(stream, kind, state)
        if not isinstance(state, Seen | Window):
            raise UnexpectedReply(f"HubSpot: the list of {kind.name} did not end")
        new = self._new_window(state.upper, just_listed=just_listed)
        if new.lower < new.upper:
            yield from self._window(stream, kind, new)
        else:
            yield Fetched(), Seen(upper=state.upper)

    def _new_window(self, seen: Instant, *, just_listed: bool) -> Window:
        """Return the window that follows what was seen, which is empty while there is nothing to read yet.

        Behind a list it holds only what changed meanwhile, as long as the next window reaches back to the list's beginning.
        Raises UnexpectedReply when that time lies far in the future.
        """
        overlap = self._options.overlap_minutes * 60_000
        upper = self._client.now() - self._options.trailing * 1000
        if seen - upper > overlap:
            raise UnexpectedReply("the stored place in this stream lies in the future of HubSpot's clock")
        if upper <= seen:
            return Window(lower=upper, upper=upper)
        if just_listed and upper - seen <= overlap:
            return Window(lower=seen + DATE_STEP, upper=upper)
        return Window(lower=seen - overlap, upper=upper)

    def _window(self, stream: Stream, kind: ObjectType, window: Window) -> Iterator[tuple[Fetched, State]]:
        for ids, last, more in fetch.changed(self._client, kind, window):
            bare = stream is Stream.DEAL_CONTACTS
            fetched = (
                Fetched(rows=[{"id": each, "properties": {}} for each in ids]) if bare else fetch.by_ids(self._client, kind, ids)
            )
            yield fetched, replace(window, last=last) if more else Seen(upper=window.upper)

    def _batch(self, stream: Stream, kind: ObjectType, fetched: Fetched, vocabulary: Vocabulary, cursor: Cursor) -> Batch:
        ids = [row["id"] for row in fetched.rows]
        links = fetch.links(self._client, kind, ids)
        how = activity_of(kind.name) if stream is Stream.ACTIVITIES else _TRANSLATE[stream]
        found = translate.translated(fetched.rows, links, how, vocabulary, loose=fetched.loose)
        return Batch(
            records=tuple(found.records),
            deleted=tuple(fetched.deleted),
            merged=(*fetched.merged, *found.merged),
            set_aside=tuple(found.set_aside),
            cursor=cursor,
            whole_for=tuple(ids) if stream is Stream.DEAL_CONTACTS else (),
        )
