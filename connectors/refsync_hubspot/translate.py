"""HubSpot's records as refsync's values. Pure, and quick: a first load passes millions of records through here.

What one record cannot tell (the stages of the pipelines, the portal's own names) is in a `Vocabulary`. A record that cannot be
read becomes a SetAside with its reason; it never stops the others.
Sources: HubSpot's object references (developers.hubspot.com, CRM objects).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from refsync.connector import Merge
from refsync.model import (
    Account,
    AccountContact,
    AccountStatus,
    Case,
    Contact,
    Deal,
    DealContact,
    DealStatus,
    Record,
    SetAside,
)
from refsync_hubspot import values
from refsync_hubspot.options import HubSpotOptions
from refsync_hubspot.pipelines import Stage

Json: TypeAlias = dict[str, Any]
Links: TypeAlias = Mapping[str, Sequence[Json]]
"""What one record points at: object type -> the entries `{toObjectId, associationTypes}` of an association reply."""

NO_LINKS: Links = {}
_TEXT_OR_NONE = frozenset({str, type(None)})
_PRIMARY = frozenset({1, 5, 26})
"""Association types of a contact, deal and ticket with its primary company."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Vocabulary:
    """How one portal's values are to be understood."""

    options: HubSpotOptions
    custom: tuple[str, ...] = ()
    """Further properties to keep."""
    stages: Mapping[tuple[str, str], Stage] = field(default_factory=dict)
    """By pipeline id and stage id."""

    def custom_of(self, properties: Json) -> dict[str, str]:
        return {name: str(properties[name]) for name in self.custom if properties.get(name) not in (None, "")}

    def stage(self, pipeline: object, stage: object) -> Stage:
        """Return a stage; one that no pipeline has any more goes by its id."""
        return self.stages.get((str(pipeline), str(stage))) or Stage(label=str(stage or ""))


@dataclass(slots=True)
class Translated:
    """What a batch of HubSpot's records comes to."""

    records: list[Record] = field(default_factory=list)
    deleted: list[str] = field(default_factory=list)
    merged: list[Merge] = field(default_factory=list)
    set_aside: list[SetAside] = field(default_factory=list)


Translate: TypeAlias = Callable[[Json, Links, Vocabulary], Iterable[Record]]


def translated(
    raws: Iterable[Json], links: Mapping[str, Links], translate: Translate, vocabulary: Vocabulary, *, loose: bool = False
) -> Translated:
    """Return what raw records come to; `links` by record id; `loose`: they may hold characters that cannot be stored."""
    found = Translated()
    for raw in raws:
        try:
            _check(raw["properties"], loose=loose)
            found.records.extend(translate(raw, links.get(raw["id"], NO_LINKS), vocabulary))
            found.merged.extend(merges(raw))
        except (ValueError, TypeError, LookupError, AttributeError, OverflowError) as error:
            found.set_aside.append(set_aside(raw, error))
    return found


def _check(properties: Json, *, loose: bool) -> None:
    """Raise TypeError unless all values are texts, as HubSpot's are, and ValueError for texts that no database takes."""
    if not _TEXT_OR_NONE.issuperset(map(type, properties.values())):
        name = next(name for name, value in properties.items() if type(value) not in _TEXT_OR_NONE)
        raise TypeError(f"the property {name} is no text")
    for name, value in properties.items() if loose else ():
        if value and ("\x00" in value or any("\ud800" <= letter <= "\udfff" for letter in value)):
            raise ValueError(f"the property {name} holds a character that cannot be stored")


def set_aside(raw: Json, error: Exception) -> SetAside:
    """Return a record that cannot be read, with why and as it came."""
    reason = str(error) or type(error).__name__
    return SetAside(id=str(raw.get("id", "")), reason=f"cannot be read: {reason}", raw=json.dumps(raw))


def merges(raw: Json) -> Iterator[Merge]:
    """Yield the records that were merged into this one.

    `hs_merged_object_ids` is `201;202`, `hs_calculated_merged_vids` of a contact `201:1704164645410;202:...`.
    """
    properties = raw["properties"]
    texts = (properties.get("hs_merged_object_ids"), properties.get("hs_calculated_merged_vids"))
    if not any(texts):
        return
    gone = {part.partition(":")[0].strip() for text in texts if text for part in str(text).split(";")}
    for each in sorted(gone - {raw["id"], ""}):
        yield Merge(gone=each, survivor=raw["id"])


def account(raw: Json, _links: Links, vocabulary: Vocabulary) -> Iterator[Account]:
    """Yield the account that a company is."""
    properties, names = raw["properties"], vocabulary.options.properties
    yield Account(
        id=raw["id"],
        name=properties.get("name") or "",
        owner_id=properties.get("hubspot_owner_id") or None,
        parent_id=properties.get("hs_parent_company_id") or None,
        status=_account_status(properties.get("lifecyclestage"), vocabulary.options),
        tier=properties.get(names.tier) or "",
        industry=properties.get("industry") or "",
        annual_revenue=values.number(properties.get("annualrevenue")),
        created_at=values.at(properties.get("createdate")),
        do_not_contact=values.any_true(properties, (names.do_not_contact,)),
        custom=vocabulary.custom_of(properties),
    )


def contact(raw: Json, links: Links, vocabulary: Vocabulary) -> Iterator[Contact]:
    """Yield a contact; its account is the primary company, by label or by the property that names it, else the oldest."""
    properties, names = raw["properties"], vocabulary.options.properties
    yield Contact(
        id=raw["id"],
        account_id=account_of(properties, links),
        name=person_name(properties),
        email=properties.get("email") or "",
        phone=properties.get("phone") or "",
        title=properties.get("jobtitle") or "",
        owner_id=properties.get("hubspot_owner_id") or None,
        created_at=values.at(properties.get("createdate")),
        do_not_contact=values.any_true(properties, (names.do_not_contact, "hs_email_optout")),
        custom=vocabulary.custom_of(properties),
    )


def account_of(properties: Json, links: Links) -> str | None:
    """Return the account of a contact."""
    companies = links.get("companies", ())
    return _primary(companies) or properties.get("associatedcompanyid") or _first(companies)


def person_name(properties: Json) -> str:
    """Return the name of a contact."""
    return " ".join(filter(None, (properties.get("firstname"), properties.get("lastname"))))


def account_contacts(raw: Json, links: Links, _vocabulary: Vocabulary) -> Iterator[AccountContact]:
    """Yield the companies that a contact belongs to beside its own; a label of the portal's own is the role."""
    contact_id, own = raw["id"], account_of(raw["properties"], links)
    for entry in _each_once(links.get("companies", ())):
        account_id = str(entry["toObjectId"])
        if account_id != own:
            role = next(iter(_labels(entry)), "")
            yield AccountContact(id=f"{account_id}:{contact_id}", account_id=account_id, contact_id=contact_id, role=role)


def deal(raw: Json, links: Links, vocabulary: Vocabulary) -> Iterator[Deal]:
    """Yield a deal; its day is that of a decided deal only, for HubSpot shows the planned day of open ones in the same place."""
    properties, names = raw["properties"], vocabulary.options.properties
    stage = vocabulary.stage(properties.get("pipeline"), properties.get("dealstage"))
    status = _deal_status(properties, stage)
    decided = status in (DealStatus.WON, DealStatus.LOST)
    companies = links.get("companies", ())
    yield Deal(
        id=raw["id"],
        account_id=_primary(companies) or _first(companies),
        name=properties.get("dealname") or "",
        stage=stage.label,
        status=status,
        amount=values.number(properties.get("amount")),
        currency=properties.get("deal_currency_code") or "",
        owner_id=properties.get("hubspot_owner_id") or None,
        created_at=values.at(properties.get("createdate")),
        closed_on=values.day(properties.get("closedate")) if decided else None,
        referred_by_contact_id=properties.get(names.referred_by_contact_id) or None,
        custom=vocabulary.custom_of(properties),
    )


def deal_contacts(raw: Json, links: Links, _vocabulary: Vocabulary) -> Iterator[DealContact]:
    """Yield the parts that people have in a deal, from its associations and their labels."""
    deal_id = raw["id"]
    for entry in _each_once(links.get("contacts", ())):
        contact_id, labels = str(entry["toObjectId"]), _labels(entry)
        yield DealContact(
            id=f"{deal_id}:{contact_id}",
            deal_id=deal_id,
            contact_id=contact_id,
            role=next((label for label in labels if label.lower() != "primary"), ""),
            is_primary=any(label.lower() == "primary" for label in labels),
        )


def case(raw: Json, links: Links, vocabulary: Vocabulary) -> Iterator[Case]:
    """Yield the support case that a ticket is."""
    properties = raw["properties"]
    companies = links.get("companies", ())
    yield Case(
        id=raw["id"],
        account_id=_primary(companies) or _first(companies),
        subject=properties.get("subject") or "",
        priority=properties.get("hs_ticket_priority") or "",
        status=vocabulary.stage(properties.get("hs_pipeline"), properties.get("hs_pipeline_stage")).label,
        escalated=values.truth(properties.get(vocabulary.options.properties.escalated)) is True,
        opened_at=values.at(properties.get("createdate")),
        closed_at=values.at(properties.get("closed_date")),
        custom=vocabulary.custom_of(properties),
    )


def link_ids(entries: Sequence[Json]) -> list[str]:
    """Return the ids that associations lead to, each once (there is an entry per label), the oldest first."""
    if len(entries) < 2:
        return [str(entry["toObjectId"]) for entry in entries]
    return [str(found) for found in sorted({int(entry["toObjectId"]) for entry in entries})]


def _each_once(entries: Iterable[Json]) -> list[Json]:
    """Return the entries of an association reply, those of one record, which there may be several of, as one."""
    found: dict[str, Json] = {}
    for entry in entries:
        key = str(entry["toObjectId"])
        known = found.get(key, {"associationTypes": []})
        found[key] = {"toObjectId": key, "associationTypes": [*known["associationTypes"], *entry["associationTypes"]]}
    return list(found.values())


def _labels(entry: Json) -> list[str]:
    """Return the labels of the portal's own in an entry."""
    types = entry["associationTypes"]
    return [str(each["label"]) for each in types if each.get("category") == "USER_DEFINED" and each.get("label")]


def _primary(entries: Sequence[Json]) -> str | None:
    """Return the company that is marked as the primary one."""
    for entry in entries:
        for each in entry["associationTypes"]:
            if each.get("typeId") in _PRIMARY and each.get("category") == "HUBSPOT_DEFINED":
                return str(entry["toObjectId"])
    return None


def _first(entries: Sequence[Json]) -> str | None:
    """Return the oldest company: the order of associations means nothing, so it must not decide."""
    return link_ids(entries)[0] if entries else None


def _account_status(lifecycle: object, options: HubSpotOptions) -> AccountStatus | None:
    if not lifecycle:
        return None
    text = str(lifecycle)
    if chosen := options.account_status.get(text):
        return chosen
    if text.lower() == "customer":
        return AccountStatus.CUSTOMER
    return AccountStatus.FORMER if text.lower().startswith("former") else AccountStatus.PROSPECT


def _deal_status(properties: Json, stage: Stage) -> DealStatus | None:
    closed, won, lost = (values.truth(properties.get(name)) for name in ("hs_is_closed", "hs_is_closed_won", "hs_is_closed_lost"))
    if won or (closed and won is None and stage.status is DealStatus.WON):
        return DealStatus.WON
    if lost or closed:
        return DealStatus.LOST
    return DealStatus.OPEN if closed is False else stage.status
