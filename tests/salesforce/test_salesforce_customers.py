"""Customers who are people, people of several customers, and people whom customers introduced."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

import pytest

from refsync.book import Book
from refsync.model import Account, AccountContact, Contact, Introduction, IntroductionStatus, Record, Stream
from refsync_salesforce.connector import SalesforceConnector
from refsync_salesforce.window import positions
from refsync_sandbox.clock import Clock
from refsync_sandbox.generator import write_book
from refsync_sandbox.salesforce import Salesforce
from refsync_sandbox.server import Sandbox
from tests.salesforce.sandboxed import NOW, Hands, mirror

PERSON = "A-000003"


@pytest.fixture
def private(tmp_path: Path) -> Iterator[Hands]:
    """A sandbox in which one customer is a person."""
    folder = tmp_path / "book"
    write_book(folder, accounts=6, seed=5, now=NOW)
    path = folder / "accounts.csv"
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert PERSON in {row["id"] for row in rows}
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, [*rows[0], "person"])
        writer.writeheader()
        writer.writerows(row | {"name": "Ann Lee", "person": "true"} if row["id"] == PERSON else row for row in rows)
    clock = Clock(NOW)
    crm = Salesforce.load(Book.open(folder), clock)
    with Sandbox(crm, clock) as sandbox:
        yield Hands(sandbox, crm)


def read(connector: SalesforceConnector, stream: Stream, since: str | None = None) -> tuple[dict[str, Record], str | None]:
    found = list(connector.read(stream, since))
    assert not any(batch.partial or batch.set_aside for batch in found)
    return mirror(found), found[-1].cursor


def test_person_account_is_one_customer(private: Hands) -> None:
    """A customer who is a person is one account, called as they are, with one contact behind it that belongs to it."""
    accounts, _ = read(private.connect(), Stream.ACCOUNTS)
    contacts, _ = read(private.connect(), Stream.CONTACTS)
    person = private.ids("accounts")[PERSON]
    account = accounts[person]

    assert isinstance(account, Account)
    assert "Ann Lee" == account.name
    assert len(private.ids("accounts")) == len(accounts)
    assert any(one.account_id == person for one in contacts.values() if isinstance(one, Contact))


def test_refusal_of_a_person_is_that_of_the_customer(private: Hands) -> None:
    """A person who has opted out of mail is a customer whom nobody contacts."""
    connector = private.connect()
    person = private.ids("accounts")[PERSON]
    found, cursor = read(connector, Stream.ACCOUNTS)
    private.update("Account", person, PersonHasOptedOutOfEmail=True)
    private.later(hours=1)
    after, _ = read(connector, Stream.ACCOUNTS, cursor)

    assert (False, True) == (found[person].do_not_contact, after[person].do_not_contact)  # type: ignore[union-attr]


def test_membership_that_ends_goes(hands: Hands) -> None:
    """A person belongs to a further account until the relation is ended; their own account is none of these."""
    contact, account = next(iter(hands.ids("contacts").values())), list(hands.ids("accounts").values())[-1]
    hands.org({"do": "show_object", "object": "AccountContactRelation"})
    connector = hands.connect()
    before, cursor = read(connector, Stream.ACCOUNT_CONTACTS)
    link = hands.create("AccountContactRelation", ContactId=contact, AccountId=account, Roles="Influencer")
    hands.later(hours=1)
    begun, cursor = read(connector, Stream.ACCOUNT_CONTACTS, cursor)
    assert {link: AccountContact(id=link, account_id=account, contact_id=contact, role="Influencer")} == begun

    hands.update("AccountContactRelation", link, IsActive=False)
    hands.later(hours=1)
    ended = list(connector.read(Stream.ACCOUNT_CONTACTS, cursor))
    assert {} == mirror(ended, begun)
    assert link not in before


def test_lead_with_a_referrer_is_an_introduction(hands: Hands) -> None:
    """A lead that names who introduced it is one, as long as it does; other leads are not read."""
    source = next(iter(hands.ids("contacts").values()))
    connector = hands.connect()
    stranger = hands.create("Lead", LastName="Stranger", Company="Acme")
    hands.later(hours=1)
    before, cursor = read(connector, Stream.INTRODUCTIONS)
    assert stranger not in before

    lead = hands.create(
        "Lead", FirstName="Bo", LastName="Ek", Company="Acme", Status="Working - Contacted", Referred_By__c=source
    )
    hands.later(hours=1)
    found, cursor = read(connector, Stream.INTRODUCTIONS, cursor)
    introduction = found[lead]
    assert isinstance(introduction, Introduction)
    expected = ("Bo Ek", source, IntroductionStatus.IN_CONTACT)
    assert expected == (introduction.person_name, introduction.source_contact_id, introduction.status)
    assert introduction.account_id in hands.ids("accounts").values()

    hands.update("Lead", lead, Referred_By__c=None)
    hands.later(hours=1)
    assert lead not in mirror(list(connector.read(Stream.INTRODUCTIONS, cursor)), found)


def test_org_without_these_objects_has_none_of_them(hands: Hands) -> None:
    """Where leads name nobody and people have one account, both streams are whole and empty, and are no trouble."""
    hands.org({"do": "hide_field", "object": "Lead", "field": "Referred_By__c"})
    hands.org({"do": "hide_object", "object": "AccountContactRelation"})
    connector = hands.connect()

    for stream in (Stream.INTRODUCTIONS, Stream.ACCOUNT_CONTACTS):
        found, cursor = read(connector, stream)
        assert ({}, {}) == (found, positions(cursor))
    told = " ".join(problem.message for problem in connector.check() if problem.severity != "hint")
    assert "does not show Lead" not in told
    assert "AccountContactRelation" not in told


# --- what is hidden ---------------------------------------------------------------------------------------------------


def lacking(connector: SalesforceConnector, stream: Stream) -> frozenset[str] | None:
    found = list(connector.read(stream, None))
    assert all(batch.lacking is None for batch in found[1:])
    return found[0].lacking


def test_hidden_standard_field_is_lacking(hands: Hands) -> None:
    """What a standard field holds is unknown when field permissions hide it; rules that read it have to be held."""
    assert frozenset() == lacking(hands.connect(), Stream.ACCOUNTS)
    hands.org({"do": "hide_field", "object": "Account", "field": "Type"})
    hands.org({"do": "hide_field", "object": "Task", "field": "CallType"})

    assert frozenset({"status"}) == lacking(hands.connect(), Stream.ACCOUNTS)
    assert frozenset({"direction"}) == lacking(hands.connect(), Stream.ACTIVITIES)


def test_custom_field_is_lacking_when_somebody_asked_for_it(hands: Hands) -> None:
    """A field that a rule names, or that an admin maps, is missed; one that refsync merely looks for is not."""
    hands.org({"do": "hide_field", "object": "Account", "field": "Tier__c"})
    wanted = {Stream.ACCOUNTS: frozenset({"Go_Live_Date__c"})}

    assert frozenset() == lacking(hands.connect(), Stream.ACCOUNTS)
    assert frozenset({"tier"}) == lacking(hands.connect(fields={"account_tier": "Level__c"}), Stream.ACCOUNTS)
    assert frozenset({"Go_Live_Date__c"}) == lacking(hands.connect(wanted), Stream.ACCOUNTS)


def test_field_that_becomes_visible_is_read_for_old_rows(hands: Hands) -> None:
    """When permissions show a field again, every row is read once more; until then it is lacking."""
    hands.org({"do": "hide_field", "object": "Account", "field": "Type"})
    connector = hands.connect()
    found, cursor = read(connector, Stream.ACCOUNTS)
    assert {None} == {one.status for one in found.values() if isinstance(one, Account)}

    hands.org({"do": "show_field", "object": "Account", "field": "Type"})
    hands.later(hours=25)
    after, _ = read(hands.connect(), Stream.ACCOUNTS, cursor)
    assert set(found) == set(after)
    assert {None} != {one.status for one in after.values() if isinstance(one, Account)}
