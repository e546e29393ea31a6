"""Introductions: contacts who name the contact who introduced them, in a property or by a label of an association.

HubSpot has no such object (design: configured by the portal). The introduced person is the contact itself, so an introduction has
the contact's id. A label that is not paired reads the same from both ends; then the contact who was there first is the source.
Sources: developers.hubspot.com, associations v4 (labels, `USER_DEFINED`) and `propertiesWithHistory` (50 records a call). The
status is `hs_lead_status`, whose values are a portal's own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import takewhile

from refsync.model import Introduction, IntroductionStatus
from refsync_hubspot import fetch, replies, translate, values
from refsync_hubspot.client import Client
from refsync_hubspot.fetch import Fetched
from refsync_hubspot.objects import ObjectType
from refsync_hubspot.options import HubSpotOptions
from refsync_hubspot.replies import Json
from refsync_hubspot.translate import NO_LINKS, Links, Translated, Vocabulary

CONTACTS, DEALS = "contacts", "deals"
STATUS_PROPERTY = "hs_lead_status"
MOST_WITH_HISTORY = 50
"""Records that one call shows with the history of a property."""

STATUS: Mapping[str, IntroductionStatus] = {
    "NEW": IntroductionStatus.NEW,
    "OPEN": IntroductionStatus.NEW,
    "ATTEMPTED_TO_CONTACT": IntroductionStatus.NO_ANSWER,
    "IN_PROGRESS": IntroductionStatus.IN_CONTACT,
    "CONNECTED": IntroductionStatus.IN_CONTACT,
    "OPEN_DEAL": IntroductionStatus.MET,
    "UNQUALIFIED": IntroductionStatus.DECLINED,
    "BAD_TIMING": IntroductionStatus.DECLINED,
}
"""HubSpot's first lead statuses; a portal edits them (option `introduction_status`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A contact who introduced others."""

    account_id: str | None
    created: str
    introduced_by: frozenset[str]
    """Those who, by a label, introduced this contact."""


class Introductions:
    """The introductions of one portal."""

    def __init__(self, client: Client, options: HubSpotOptions) -> None:
        self.property = options.properties.introduced_by_contact_id
        self._client = client
        self._options = options
        self._label = options.introduction_label.casefold()
        self._known: dict[str, bool] = {}

    def has_property(self) -> bool:
        """Return whether contacts have the property that names a referrer."""
        if "property" not in self._known:
            path = self._client.paths.properties(CONTACTS, self.property)
            self._known["property"] = bool(self.property) and self._client.find(path) is not None
        return self._known["property"]

    def has_label(self) -> bool:
        """Return whether the portal has the label that names a referrer."""
        if "label" not in self._known:
            found = replies.rows(self._client.get(self._client.paths.labels(CONTACTS, CONTACTS))) if self._label else []
            self._known["label"] = any(str(each.get("label") or "").casefold() == self._label for each in found)
        return self._known["label"]

    def forget(self) -> None:
        """Look anew, the next time, which ways of naming a referrer the portal has."""
        self._known.clear()

    def translated(self, fetched: Fetched, vocabulary: Vocabulary) -> Translated:
        """Return the introductions among contacts; those who name no referrer any more as deleted."""
        if not fetched.rows:
            return Translated()
        links = self._links([row["id"] for row in fetched.rows], CONTACTS) if self.has_label() else {}
        candidates = {row["id"]: self._candidates(row, links.get(row["id"], NO_LINKS)) for row in fetched.rows}
        sources = self._sources({each for ids in candidates.values() for each in ids if each.isdecimal()})
        chosen = {row["id"]: source for row in fetched.rows if (source := _source_of(row, candidates[row["id"]], sources))}
        deals, since = self._deals(chosen), self._since(list(chosen))

        def introduction(raw: Json, _links: Links, words: Vocabulary) -> Iterator[Introduction]:
            key = raw["id"]
            if source := chosen.get(key):
                found = self._introduction(raw, source, sources.get(source), words)
                yield replace(found, deal_id=deals.get(key), status_since=values.at(since.get(key)))

        found = translate.translated(fetched.rows, {}, introduction, vocabulary, loose=fetched.loose)
        if not fetched.listed:
            kept = {record.id for record in found.records} | {each.id for each in found.set_aside}
            found.deleted.extend(row["id"] for row in fetched.rows if row["id"] not in kept)
        return found

    def _introduction(self, raw: Json, source: str, known: Source | None, vocabulary: Vocabulary) -> Introduction:
        properties = raw["properties"]
        status = properties.get(STATUS_PROPERTY) or ""
        is_id = source.isdecimal()
        return Introduction(
            id=raw["id"],
            source_contact_id=source if is_id else None,
            source_name="" if is_id else source,
            person_name=translate.person_name(properties),
            person_contact_id=raw["id"],
            account_id=known.account_id if known else None,
            owner_id=properties.get("hubspot_owner_id") or None,
            status=self._options.introduction_status.get(status) or STATUS.get(status),
            made_at=values.at(properties.get("createdate")),
            custom=vocabulary.custom_of(properties),
        )

    def _candidates(self, row: Json, links: Links) -> list[str]:
        """Return who may have introduced a contact: the one its property names, else those that the label leads to."""
        named = row["properties"].get(self.property)
        if isinstance(named, str) and named.strip():
            return [named.strip()]
        return [each for each in translate.link_ids(self._labelled(links)) if each != row["id"]]

    def _labelled(self, links: Links) -> list[Json]:
        return [
            entry
            for entry in links.get(CONTACTS, ())
            if any(str(each.get("label") or "").casefold() == self._label for each in entry.get("associationTypes", ()))
        ]

    def _links(self, ids: Sequence[str], target: str) -> dict[str, Links]:
        return fetch.links(self._client, ObjectType(name=CONTACTS, links=(target,)), ids)

    def _sources(self, ids: set[str]) -> dict[str, Source]:
        """Return those contacts who are there, by id."""
        kind = ObjectType(name=CONTACTS, properties=("associatedcompanyid", "createdate"))
        rows = fetch.those_there(self._client, kind, sorted(ids, key=int))
        targets = ("companies", *((CONTACTS,) if self.has_label() else ()))
        links = fetch.links(self._client, ObjectType(name=CONTACTS, links=targets), [row["id"] for row in rows])
        return {
            row["id"]: Source(
                account_id=translate.account_of(row["properties"], links[row["id"]]),
                created=str(row["properties"].get("createdate") or ""),
                introduced_by=frozenset(translate.link_ids(self._labelled(links[row["id"]]))),
            )
            for row in rows
        }

    def _since(self, ids: Sequence[str]) -> dict[str, object]:
        """Return since when contacts have the lead status they have, as their history shows it."""
        found: dict[str, object] = {}
        for some in fetch.chunks(ids, MOST_WITH_HISTORY):
            body = {"propertiesWithHistory": [STATUS_PROPERTY], "inputs": [{"id": each} for each in some]}
            for row in fetch.there(self._client.ask(self._client.paths.objects(CONTACTS, "batch", "read"), body)):
                found[row["id"]] = _last_change(row)
        return found

    def _deals(self, chosen: Mapping[str, str]) -> dict[str, str]:
        """Return the deal that came of an introduction, by the introduced: the oldest that names the same referrer."""
        linked = {key: translate.link_ids(links.get(DEALS, ())) for key, links in self._links(list(chosen), DEALS).items()}
        name = self._options.properties.referred_by_contact_id
        ids = sorted({each for deals in linked.values() for each in deals}, key=int)
        rows = fetch.those_there(self._client, ObjectType(name=DEALS, properties=(name,)), ids)
        referrer = {row["id"]: row["properties"].get(name) for row in rows}
        found = {key: next((each for each in deals if referrer.get(each) == chosen[key]), "") for key, deals in linked.items()}
        return {key: deal for key, deal in found.items() if deal}


def _last_change(row: Json) -> object:
    """Return when the lead status took its present value: the history has the newest value first."""
    history = row.get("propertiesWithHistory")
    entries = history.get(STATUS_PROPERTY) if isinstance(history, dict) else None
    there = [each for each in entries if isinstance(each, dict)] if isinstance(entries, list) else []
    same = list(takewhile(lambda entry: entry.get("value") == there[0].get("value"), there))
    return same[-1].get("timestamp") if same else None


def _source_of(row: Json, candidates: Sequence[str], sources: Mapping[str, Source]) -> str:
    """Return who introduced a contact; of two who name each other by the same label, the one who was there first."""
    me = (str(row["properties"].get("createdate") or ""), row["id"])
    for each in candidates:
        source = sources.get(each)
        if source is None or row["id"] not in source.introduced_by or (source.created, each) < me:
            return each
    return ""
