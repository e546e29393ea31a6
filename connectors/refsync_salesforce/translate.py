"""Salesforce rows as refsync's values, but for activities. Pure: a row and the org's words in, a value out.

Law: a row that cannot be read raises `Unreadable` with the field and what is wrong; one that is none of what the stream holds is
None.
"""

from __future__ import annotations

from datetime import date, timedelta

from refsync.model import (
    Account,
    AccountContact,
    Case,
    Contact,
    Deal,
    DealContact,
    DealStatus,
    Introduction,
    IntroductionStatus,
    User,
    moment,
)
from refsync_salesforce.values import (
    Custom,
    Row,
    Unreadable,
    any_of,
    custom_texts,
    day,
    flag,
    noon,
    number,
    record_id,
    reference,
    text,
    time,
)
from refsync_salesforce.words import Terms

SYSTEM_NAMES = frozenset(
    {
        "automated process",
        "platform integration user",
        "integration user",
        "security user",
        "analytics cloud integration user",
        "analytics cloud security user",
        "insights integration user",
        "insights security user",
        "sales insights integration user",
        "data.com clean",
        "chatter expert",
    }
)
"""Users, and profiles of users, that the platform has made for itself: active, but nobody."""
PROGRAMS = "api only"
"""Stands in the names of the profiles that are for programs."""


def user(row: Row, custom: Custom = ()) -> User:
    """Return a user; users of the platform itself are never active."""
    name = text(row, "Name")
    profile = row["Profile"].get("Name") if isinstance(row.get("Profile"), dict) else None
    human = (
        isinstance(profile, str)
        and PROGRAMS not in profile.lower()
        and SYSTEM_NAMES.isdisjoint({name.lower(), profile.lower()})
        and row.get("UserType") in (None, "Standard")
    )
    return User(
        id=record_id(row),
        name=name,
        email=text(row, "Email"),
        active=human and flag(row, "IsActive") is True,
        manager_id=reference(row, "ManagerId"),
        time_zone=text(row, "TimeZoneSidKey"),
        custom=custom_texts(row, custom),
    )


def account(row: Row, terms: Terms, custom: Custom = ()) -> Account:
    """Return an account. A person account is called as its person is, and their opt-out is its own."""
    refusals = [
        flag(row, name)
        for name in (terms.fields.account_do_not_contact, "PersonHasOptedOutOfEmail", "PersonDoNotCall")
        if name in row
    ]
    word = text(row, terms.fields.account_status).lower()
    return Account(
        id=record_id(row),
        name=text(row, "Name") or _full_name(row),
        owner_id=reference(row, "OwnerId"),
        parent_id=reference(row, "ParentId"),
        status=next((status for start, status in terms.words.account_status.items() if word.startswith(start)), None),
        tier=text(row, terms.fields.account_tier),
        industry=text(row, "Industry"),
        annual_revenue=number(row, "AnnualRevenue"),
        created_at=time(row, "CreatedDate"),
        do_not_contact=any_of(refusals),
        custom=custom_texts(row, custom),
    )


def contact(row: Row, terms: Terms, custom: Custom = ()) -> Contact:
    """Return a contact; one opt-out of any kind is an opt-out."""
    refusals = [
        flag(row, name) for name in (terms.fields.contact_do_not_contact, "HasOptedOutOfEmail", "DoNotCall") if name in row
    ]
    return Contact(
        id=record_id(row),
        account_id=reference(row, "AccountId"),
        name=_full_name(row),
        email=text(row, "Email"),
        phone=text(row, "Phone"),
        title=text(row, "Title"),
        owner_id=reference(row, "OwnerId"),
        created_at=time(row, "CreatedDate"),
        do_not_contact=any_of(refusals),
        custom=custom_texts(row, custom),
    )


def account_contact(row: Row) -> AccountContact | None:
    """Return a further account of a person; None for their own account, and for one they no longer belong to."""
    if flag(row, "IsDirect") is True or flag(row, "IsActive") is False:
        return None
    account_id, contact_id = reference(row, "AccountId"), reference(row, "ContactId")
    if account_id is None or contact_id is None:
        raise Unreadable("AccountId or ContactId is missing")
    return AccountContact(id=record_id(row), account_id=account_id, contact_id=contact_id, role=text(row, "Roles"))


def introduction(row: Row, terms: Terms, parent: str, custom: Custom = ()) -> Introduction | None:
    """Return what a lead tells of an introduction; None when it names nobody who made it. `parent` is their record."""
    source = reference(row, terms.fields.lead_referred_by)
    if source is None:
        return None
    referrer = row[parent] if isinstance(row.get(parent), dict) else {}
    converted = flag(row, "IsConverted") is True
    word = text(row, "Status").strip().lower()
    return Introduction(
        id=record_id(row),
        source_contact_id=source,
        person_name=_full_name(row) or text(row, "Company"),
        person_contact_id=reference(row, "ConvertedContactId"),
        account_id=reference(referrer, "AccountId"),
        deal_id=reference(row, "ConvertedOpportunityId"),
        owner_id=reference(row, "OwnerId"),
        status=IntroductionStatus.MET if converted else terms.words.introduction_status.get(word),
        status_since=noon(row, "ConvertedDate") if converted else None,
        made_at=time(row, "CreatedDate"),
        kind=text(row, "LeadSource"),
        note=text(row, "Description"),
        custom=custom_texts(row, custom),
    )


def deal(row: Row, terms: Terms, custom: Custom = ()) -> Deal:
    """Return a deal; won and lost by the flags, not by the stage's label."""
    closed, won = flag(row, "IsClosed"), flag(row, "IsWon")
    return Deal(
        id=record_id(row),
        account_id=reference(row, "AccountId"),
        name=text(row, "Name"),
        stage=text(row, "StageName"),
        status=None if closed is None else DealStatus.OPEN if not closed else DealStatus.WON if won else DealStatus.LOST,
        amount=number(row, "Amount"),
        currency=text(row, "CurrencyIsoCode"),
        owner_id=reference(row, "OwnerId"),
        created_at=time(row, "CreatedDate"),
        closed_on=_closed_on(row) if closed else None,
        referred_by_contact_id=reference(row, terms.fields.deal_referred_by),
        custom=custom_texts(row, custom),
    )


def _closed_on(row: Row) -> date | None:
    """Return the day on which a decided deal was won or lost: no later than it entered its stage, whatever day was planned.

    A day's difference may be the zone of whoever closed it. A day before is believed: people close deals in the CRM afterwards.
    """
    planned, entered = day(row, "CloseDate"), time(row, "LastStageChangeDate")
    if planned is None or entered is None:
        return planned
    entered_on = moment(entered).date()
    return entered_on if planned > entered_on + timedelta(days=1) else planned


def deal_contact(row: Row) -> DealContact:
    """Return the part a person has in a deal."""
    deal_id, contact_id = reference(row, "OpportunityId"), reference(row, "ContactId")
    if deal_id is None or contact_id is None:
        raise Unreadable("OpportunityId or ContactId is missing")
    return DealContact(
        id=record_id(row),
        deal_id=deal_id,
        contact_id=contact_id,
        role=text(row, "Role"),
        is_primary=flag(row, "IsPrimary") is True,
    )


def case(row: Row, custom: Custom = ()) -> Case:
    """Return a support case."""
    return Case(
        id=record_id(row),
        account_id=reference(row, "AccountId"),
        subject=text(row, "Subject"),
        priority=text(row, "Priority"),
        status=text(row, "Status"),
        escalated=flag(row, "IsEscalated") is True,
        opened_at=time(row, "CreatedDate"),
        closed_at=time(row, "ClosedDate") if flag(row, "IsClosed") else None,
        custom=custom_texts(row, custom),
    )


def _full_name(row: Row) -> str:
    return " ".join(part for part in (text(row, "FirstName"), text(row, "LastName")) if part)
