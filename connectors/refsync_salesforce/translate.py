"""Salesforce rows as refsync's values, but for activities. Pure: a row and the org's words in, a value out.

Law: a row that cannot be read raises `Unreadable` with the field and what is wrong.
"""

from __future__ import annotations

from refsync.model import Account, Case, Contact, Deal, DealContact, DealStatus, User
from refsync_salesforce.values import (
    Custom,
    Row,
    Unreadable,
    any_of,
    custom_texts,
    day,
    flag,
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
    """Return an account."""
    word = text(row, terms.fields.account_status).lower()
    return Account(
        id=record_id(row),
        name=text(row, "Name"),
        owner_id=reference(row, "OwnerId"),
        parent_id=reference(row, "ParentId"),
        status=next((status for start, status in terms.words.account_status.items() if word.startswith(start)), None),
        tier=text(row, terms.fields.account_tier),
        industry=text(row, "Industry"),
        annual_revenue=number(row, "AnnualRevenue"),
        created_at=time(row, "CreatedDate"),
        do_not_contact=flag(row, terms.fields.account_do_not_contact),
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
        name=" ".join(part for part in (text(row, "FirstName"), text(row, "LastName")) if part),
        email=text(row, "Email"),
        phone=text(row, "Phone"),
        title=text(row, "Title"),
        owner_id=reference(row, "OwnerId"),
        created_at=time(row, "CreatedDate"),
        do_not_contact=any_of(refusals),
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
        closed_on=day(row, "CloseDate") if closed else None,
        referred_by_contact_id=reference(row, terms.fields.deal_referred_by),
        custom=custom_texts(row, custom),
    )


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
