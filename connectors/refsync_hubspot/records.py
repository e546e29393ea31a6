"""The portal's records as batches of refsync's values: rows as they come, what they point at, and the words of this portal.

Law: a batch holds whole records, each with all that it points at; what cannot be read is set aside with its reason.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from refsync.connector import Batch, Cursor
from refsync.errors import UnexpectedReply
from refsync.model import Instant, Stream
from refsync_hubspot import fetch, pipelines, replies, search, translate
from refsync_hubspot.activities import activity_of
from refsync_hubspot.client import Client
from refsync_hubspot.cursor import Listing, Seen, State, Window
from refsync_hubspot.fetch import Fetched
from refsync_hubspot.introductions import Introductions
from refsync_hubspot.listed import Listed
from refsync_hubspot.objects import ObjectType, object_types
from refsync_hubspot.options import HubSpotOptions
from refsync_hubspot.owners import PROFILE, users
from refsync_hubspot.pipelines import Stage
from refsync_hubspot.replies import Json, MissingScope
from refsync_hubspot.search import Question
from refsync_hubspot.translate import Translate, Vocabulary

LINKS_OF: Mapping[Stream, str] = {Stream.ACCOUNT_CONTACTS: "contacts", Stream.DEAL_CONTACTS: "deals"}
"""Streams of links: a batch holds every link of the records of this type."""
_PIPELINES = {Stream.DEALS: "deals", Stream.CASES: "tickets"}
_TRANSLATE: Mapping[Stream, Translate] = {
    Stream.ACCOUNTS: translate.account,
    Stream.CONTACTS: translate.contact,
    Stream.ACCOUNT_CONTACTS: translate.account_contacts,
    Stream.DEALS: translate.deal,
    Stream.DEAL_CONTACTS: translate.deal_contacts,
    Stream.CASES: translate.case,
}


class Records:
    """What one portal holds, as one connection wants it."""

    def __init__(self, client: Client, options: HubSpotOptions, custom: Mapping[Stream, frozenset[str]]) -> None:
        self.client = client
        self.options = options
        self.types = object_types(options, custom)
        self.introductions = Introductions(client, options)
        self._vocabulary = {
            stream: Vocabulary(options=options, custom=tuple(sorted(custom.get(stream, ())))) for stream in self.types
        }
        self._stages: dict[Stream, Mapping[tuple[str, str], Stage]] = {}
        self._listed: dict[str, Listed] = {}
        """By object type, for the stream of its links."""

    def begin(self) -> None:
        """Forget the pipelines: a new read may find other ones."""
        self._stages.clear()

    def owners(self) -> list[Json]:
        """Return all owners, the archived ones too, each once."""
        found: dict[str, Json] = {}
        for archived in ("false", "true"):
            for page, _after in self.client.pages(self.client.paths.owners(), {"limit": 100, "archived": archived}):
                for owner in replies.rows(page):
                    found.setdefault(str(owner.get("id")), owner | {"archived": archived == "true"})
        return list(found.values())

    def profiles(self) -> list[Json]:
        """Return the properties of all user objects that say of an owner what the owner does not. Raises AuthError."""
        query = {"limit": 100, "archived": "false", "properties": ",".join(PROFILE)}
        pages = self.client.pages(self.client.paths.objects("users"), query)
        return [row["properties"] for page, _after in pages for row in replies.records(page)]

    def users(self) -> Batch:
        """Return all owners as users, in one batch that is whole; what the token may not see of them is unknown."""
        owners = self.owners()
        try:
            profiles = self.profiles()
        except MissingScope:
            profiles = []
        found = users(owners, profiles, self.options, self.client.now())
        return Batch(records=tuple(found.records), set_aside=tuple(found.set_aside), cursor="{}", whole=not found.set_aside)

    def horizon(self) -> Instant:
        """Return up to when changes can be searched for: a moment ago, by HubSpot's clock."""
        return self.client.now() - self.options.trailing * 1000

    def listed(self, kind: ObjectType, state: State | None, *, archived: bool = False) -> Iterator[tuple[Fetched, State]]:
        """Yield all records of a type, up to 1,000 at a time, each time with the state after them."""
        listing = state if isinstance(state, Listing) else Listing(start=self.client.now())
        known = Listed(start=listing.start, usable=state is None and not archived and kind.name in LINKS_OF.values())
        for fetched, after in fetch.listed(self.client, kind, listing.after, archived=archived):
            known.add(fetched.rows)
            if after is None and known.usable:
                self._listed[kind.name] = known
            yield fetched, Seen(upper=listing.start) if after is None else replace(listing, after=after)

    def everything(self, stream: Stream, kind: ObjectType, state: State | None) -> Iterator[tuple[Fetched, State]]:
        """Yield all records that a stream reads of a type, from where a list of them stands.

        Of contacts, the introductions read only those that name a referrer, which a search finds, as long as no label of an
        association can name one. A stream of links takes the records that another stream has just listed.
        """
        known = self._listed.pop(kind.name, None) if stream in LINKS_OF and state is None else None
        if known is not None and known.serves(self.client.now()):
            for rows, is_last in known.parts():
                # whoever breaks off before the end lists the records anew
                yield Fetched(rows=rows, listed=True), Seen(upper=known.start) if is_last else Listing(start=known.start)
            return
        if stream is not Stream.INTRODUCTIONS or isinstance(state, Listing) or (state is None and self.introductions.has_label()):
            yield from self.listed(kind, state)
            return
        if state is None and not self.introductions.has_property():
            yield Fetched(), Seen(upper=self.horizon())
            return
        window = state if isinstance(state, Window) else Window(lower=0, upper=self.horizon())
        question = Question(kind=kind.name, column=kind.modified, having=self.introductions.property)
        for ids, reached in search.found(self.client, question, window):
            yield self.by_ids(kind, ids), reached

    def by_ids(self, kind: ObjectType, ids: Sequence[str]) -> Fetched:
        """Return records by id; of types that are read for their links alone, nothing is asked yet."""
        if kind.properties:
            return fetch.by_ids(self.client, kind, ids)
        return Fetched(rows=[{"id": each, "properties": {}} for each in ids])

    def batch(self, stream: Stream, kind: ObjectType, fetched: Fetched, cursor: Cursor) -> Batch:
        """Return the records of rows, with all that they point at."""
        if stream is Stream.INTRODUCTIONS:
            found = self.introductions.translated(fetched, self._vocabulary[stream])
        else:
            links = fetch.links(self.client, kind, [row["id"] for row in fetched.rows])
            how = activity_of(kind.name) if stream is Stream.ACTIVITIES else _TRANSLATE[stream]
            found = translate.translated(fetched.rows, links, how, self._words(stream, fetched), loose=fetched.loose)
        return Batch(
            records=tuple(found.records),
            deleted=(*fetched.deleted, *found.deleted),
            merged=(*fetched.merged, *found.merged),
            set_aside=tuple(found.set_aside),
            cursor=cursor,
            whole_for=tuple(row["id"] for row in fetched.rows) if stream in LINKS_OF else (),
        )

    def _words(self, stream: Stream, fetched: Fetched) -> Vocabulary:
        """Return how values are to be understood; the pipelines are asked for only when there are rows that need them."""
        vocabulary, kind = self._vocabulary[stream], _PIPELINES.get(stream)
        if kind is None or not fetched.rows:
            return vocabulary
        if stream not in self._stages:
            self._stages[stream] = self._read_stages(kind)
        return replace(vocabulary, stages=self._stages[stream])

    def _read_stages(self, kind: str) -> Mapping[tuple[str, str], Stage]:
        try:
            return pipelines.stages(replies.rows(self.client.get(self.client.paths.pipelines(kind))))
        except (KeyError, TypeError, ValueError, AttributeError):
            raise UnexpectedReply("HubSpot: the pipelines cannot be understood") from None
