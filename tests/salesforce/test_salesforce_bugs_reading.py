"""Bugs that other tools have shipped in reading Salesforce, by their numbers: each fails when its cure is removed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from itertools import islice
from typing import Any

import pytest

from refsync.book import Book
from refsync.connector import Batch, Merge
from refsync.errors import AuthError, ConnectorError
from refsync.model import Account, Contact, Record, Stream
from refsync.store.engine import Store
from refsync_salesforce import first_load
from refsync_salesforce.connector import SalesforceConnector
from refsync_sandbox.changes import read_changes
from refsync_sandbox.clock import Clock
from refsync_sandbox.generator import write_book
from refsync_sandbox.salesforce import Salesforce
from refsync_sandbox.salesforce.queries import Queries
from refsync_sandbox.server import Sandbox
from tests.salesforce.company import NEGLECTED, Company
from tests.salesforce.sandboxed import NOW, Hands, mirror

MOST_BATCHES = 200
"""No read of the small book takes more; a read that runs in a circle does."""


def batches(connector: SalesforceConnector, stream: Stream, since: str | None = None) -> list[Batch]:
    found = list(islice(connector.read(stream, since), MOST_BATCHES))
    assert len(found) < MOST_BATCHES
    return found


def ids(found: list[Batch]) -> list[str]:
    return sorted(record.id for batch in found for record in batch.records)


def whole(hands: Hands, stream: Stream) -> dict[str, Record]:
    """Return what one undisturbed read brings."""
    return mirror(batches(hands.connect(), stream))


def last_cursor(found: list[Batch]) -> str | None:
    return next(batch.cursor for batch in reversed(found) if batch.cursor is not None)


@pytest.fixture
def in_no_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let jobs be looked at without a pause, and given up soon."""
    monkeypatch.setattr(first_load, "LOOKS", (0.001,))
    monkeypatch.setattr(first_load, "PATIENCE", 0.1)


def changing_titles(hands: Hands, monkeypatch: pytest.MonkeyPatch, contact: str) -> set[str]:
    """Let a person change a contact's title after each answer to a query; the titles are collected."""
    titles: set[str] = set()
    answered = Queries.run

    def run(queries: Queries, *given: Any, **more: Any) -> bytes:
        found = answered(queries, *given, **more)
        titles.add(title := f"title {len(titles)}")
        hands.sandbox.clock.move_to(hands.sandbox.clock.now() + timedelta(seconds=2))
        change = {"op": "change", "table": "contacts", "id": contact, "set": {"title": title}}
        hands.crm.change(read_changes({"changes": [change]}))
        return found

    monkeypatch.setattr(Queries, "run", run)
    return titles


PERSON = "P1"


@pytest.fixture
def people(tmp_path: Any) -> Iterator[Hands]:
    """A running sandbox of an org in which one customer is a person."""
    write_book(tmp_path / "book", accounts=5, seed=5, now=NOW)
    accounts = tmp_path / "book" / "accounts.csv"
    header, *rows = accounts.read_text().splitlines()
    cells: Mapping[str, str] = {"id": PERSON, "name": "Ada Lovelace", "status": "customer", "person": "true"}
    names = [*header.split(","), "person"]
    accounts.write_text(
        "\n".join([",".join(names), *(f"{row}," for row in rows), ",".join(cells.get(name, "") for name in names)])
    )
    clock = Clock(NOW)
    crm = Salesforce.load(Book.open(tmp_path / "book"), clock)
    with Sandbox(crm, clock) as sandbox:
        yield Hands(sandbox, crm)


@pytest.mark.bug("salesforce", 1)
def test_equal_stamps_at_the_edge_of_a_page(hands: Hands) -> None:
    """Rows of one stamp on both sides of a page's edge come exactly once each."""
    for number in range(7):
        hands.create("Contact", LastName=f"Same {number}")
    hands.later(hours=1)
    expected = sorted(whole(hands, Stream.CONTACTS))

    assert expected == ids(batches(hands.connect(page_size=3), Stream.CONTACTS))


@pytest.mark.bug("salesforce", 2)
def test_row_that_becomes_visible_late(hands: Hands) -> None:
    """A row whose stamp lies before what was read already is seen by the overlap of the next window."""
    connector = hands.connect()
    cursor = last_cursor(batches(connector, Stream.CONTACTS))
    hands.later(minutes=-5)
    late = hands.create("Contact", LastName="Late")
    hands.later(minutes=20)

    assert [late] == list(mirror(batches(connector, Stream.CONTACTS, cursor)))


@pytest.mark.bug("salesforce", 3)
def test_cursor_never_passes_rows_that_were_not_read(hands: Hands) -> None:
    """A page that fails ends the read, and from the cursor before it the next read brings exactly what was missed."""
    expected = whole(hands, Stream.CONTACTS)
    hands.trouble({"kind": "status", "endpoint": "GET queryAll", "nth": 3})
    begun: list[Batch] = []
    with pytest.raises(ConnectorError):
        begun.extend(hands.connect(page_size=3).read(Stream.CONTACTS, None))
    hands.calm()
    rest = batches(hands.connect(page_size=3), Stream.CONTACTS, last_cursor(begun))

    assert expected == mirror([*begun, *rest])


@pytest.mark.bug("salesforce", 4)
def test_used_up_limit_is_not_the_end_of_the_data(hands: Hands) -> None:
    """When the org's calls are used up in the middle of a read, it ends as partial, which says so."""
    hands.trouble({"kind": "own", "name": "request_limit", "endpoint": "GET queryAll", "nth": 2})
    found = list(hands.connect(page_size=3).read(Stream.CONTACTS, None))

    assert 3 == len(mirror(found))
    assert "TotalRequests Limit exceeded" in found[-1].partial


@pytest.mark.bug("salesforce", 5)
def test_further_pages_are_asked_for_at_their_address(hands: Hands) -> None:
    """An answer that comes in parts is read to its end."""
    expected = whole(hands, Stream.CONTACTS)
    hands.org({"do": "pages", "most": 7})
    found = batches(hands.connect(), Stream.CONTACTS)

    assert expected == mirror(found)
    assert len(expected) > 7 >= max(len(batch.records) for batch in found)


@pytest.mark.bug("salesforce", 6)
def test_more_rows_on_one_stamp_than_a_page_holds(hands: Hands) -> None:
    """Many rows that were written together are read once each, in pages that are much smaller."""
    made = [hands.create("Contact", LastName=f"Same {number}") for number in range(9)]
    hands.later(hours=1)
    found = ids(batches(hands.connect(page_size=2), Stream.CONTACTS))

    assert sorted(set(found)) == found
    assert set(made) <= set(found)


@pytest.mark.bug("salesforce", 7)
def test_row_that_changes_while_it_is_read_is_read(hands: Hands, monkeypatch: pytest.MonkeyPatch) -> None:
    """A contact that changes after every answer of the org comes whole with the next read, and is never left out."""
    book_id, crm_id = next(iter(hands.ids("contacts").items()))
    titles = changing_titles(hands, monkeypatch, book_id)
    begun = batches(hands.connect(), Stream.CONTACTS)
    hands.later(minutes=5)
    rest = batches(hands.connect(), Stream.CONTACTS, last_cursor(begun))

    assert crm_id in mirror(begun)
    first, then = mirror(begun)[crm_id], mirror(rest)[crm_id]

    assert isinstance(first, Contact)
    assert isinstance(then, Contact)
    assert first.email == then.email != ""
    assert (False, True) == (first.title in titles, then.title in titles)


@pytest.mark.bug("salesforce", 8)
def test_field_that_is_asked_for_later_is_read_of_old_rows(hands: Hands) -> None:
    """A field that a rule begins to read comes for every row, not only for those that change from now on."""
    hands.org({"do": "add_field", "object": "Account", "field": "Region__c"})
    cursor = last_cursor(batches(hands.connect(), Stream.ACCOUNTS))
    regions = {id_: f"region {number}" for number, id_ in enumerate(hands.ids("accounts").values())}
    hands.org(*({"do": "set", "id": id_, "fields": {"Region__c": region}} for id_, region in regions.items()))
    hands.later(minutes=15)
    found = mirror(batches(hands.connect({Stream.ACCOUNTS: frozenset({"Region__c"})}), Stream.ACCOUNTS, cursor))

    assert regions == {id_: one.custom["Region__c"] for id_, one in found.items() if isinstance(one, Account)}


TEXTS = ('a "quoted" word', "two\r\nlines, and a comma", "N/A", "null", "NaN", "  ", "x" * 140_000, "né\u2028w")


@pytest.mark.bug("salesforce", 9)
def test_texts_come_through_csv_as_they_are(hands: Hands, in_no_time: None) -> None:
    """Line breaks, quotes, words that look like nothing and very long values are the same by a query job as page by page."""
    hands.org({"do": "add_field", "object": "Account", "field": "Note__c", "type": "textarea", "length": 200_000})
    accounts = list(hands.ids("accounts").values())
    hands.org(*({"do": "set", "id": id_, "fields": {"Note__c": text}} for id_, text in zip(accounts, TEXTS, strict=False)))
    hands.later(minutes=5)
    custom = {Stream.ACCOUNTS: frozenset({"Note__c"})}
    by_pages = mirror(batches(hands.connect(custom), Stream.ACCOUNTS))
    hands.calls()
    by_job = mirror(batches(hands.connect(custom, bulk_from=1), Stream.ACCOUNTS))

    assert by_pages == by_job
    assert set(TEXTS) == {
        one.custom["Note__c"] for one in by_job.values() if isinstance(one, Account) and "Note__c" in one.custom
    }
    assert 1 == hands.calls()["POST jobs/query"]


@pytest.mark.bug("salesforce", 10)
@pytest.mark.parametrize(("ended", "word"), [("job_aborted", "Aborted"), ("job_failed", "Failed")])
def test_job_that_ends_badly_is_said_and_replaced(hands: Hands, in_no_time: None, ended: str, word: str) -> None:
    """A query job that somebody aborts, or that fails, ends the read with words; the next read brings everything in pages."""
    expected = whole(hands, Stream.CONTACTS)
    hands.trouble({"kind": "own", "name": ended, "endpoint": "GET jobs/query/*"})
    hands.org({"do": "bulk_jobs", "polls": 1})
    begun = batches(hands.connect(bulk_from=1), Stream.CONTACTS)
    hands.calm()
    rest = batches(hands.connect(bulk_from=1), Stream.CONTACTS, last_cursor(begun))

    assert [] == ids(begun)
    assert f"is {word}" in "".join(batch.partial for batch in begun)
    assert expected == mirror(rest)


@pytest.mark.bug("salesforce", 11)
def test_session_that_ends_between_pages_is_renewed(hands: Hands) -> None:
    """An ended session costs one more sign-in and no row."""
    expected = whole(hands, Stream.CONTACTS)
    hands.calls()
    found: list[Batch] = []
    for batch in hands.connect(page_size=5).read(Stream.CONTACTS, None):
        found.append(batch)
        if len(found) == 2:
            hands.org({"do": "end_sessions"})

    assert expected == mirror(found)
    assert 2 == hands.calls()["POST oauth2/token"]


@pytest.mark.bug("salesforce", 11)
@pytest.mark.parametrize("name", ["session_expired_bulk", "invalid_auth_header", "session_expired_html"])
def test_ended_session_is_known_by_any_of_its_words(hands: Hands, in_no_time: None, name: str) -> None:
    """A session that ends in the middle of a long download is renewed, however the Bulk API says it."""
    expected = whole(hands, Stream.CONTACTS)
    hands.trouble({"kind": "own", "name": name, "endpoint": "GET jobs/query/*/results", "times": 1})

    assert expected == mirror(batches(hands.connect(bulk_from=1), Stream.CONTACTS))


@pytest.mark.bug("salesforce", 12)
def test_quota_is_guarded_though_the_app_has_its_own(hands: Hands) -> None:
    """The org's usage is found in a header that tells our app's, too: reading stops at its share and says so."""
    hands.org({"do": "limit", "most": 1000, "used": 900, "app": "refsync", "most_of_app": 2000})
    found = batches(hands.connect(daily_share=0.8), Stream.CONTACTS)

    assert "of the 1000 API calls" in "".join(batch.partial for batch in found)


@pytest.mark.bug("salesforce", 13)
def test_deleted_row_is_told(hands: Hands) -> None:
    """A row that people delete comes as deleted."""
    connector = hands.connect()
    cursor = last_cursor(batches(connector, Stream.CONTACTS))
    book_id, crm_id = next(iter(hands.ids("contacts").items()))
    hands.later(hours=1)
    hands.change({"op": "delete", "table": "contacts", "id": book_id})
    hands.later(minutes=2)

    assert [crm_id] == [gone for batch in batches(connector, Stream.CONTACTS, cursor) for gone in batch.deleted]


@pytest.mark.bug("salesforce", 13)
def test_archived_task_is_read(hands: Hands) -> None:
    """A closed task that is so old that Salesforce has archived it is read like any other."""
    old = hands.create("Task", Subject="Long ago", TaskSubtype="Call", Status="Completed", ActivityDate="2024-03-01")
    hands.later(hours=1)

    assert old in whole(hands, Stream.ACTIVITIES)


@pytest.mark.bug("salesforce", 14)
def test_hidden_field_is_said_to_be_lacking(hands: Hands) -> None:
    """A field that field-level security hides is not loaded as empty: the read says what is lacking, so that rules are held."""
    hands.org({"do": "hide_field", "object": "Account", "field": "Type"})
    custom = {Stream.ACCOUNTS: frozenset({"Nowhere__c"})}
    lacking = [batch.lacking for batch in batches(hands.connect(custom), Stream.ACCOUNTS) if batch.lacking is not None]

    assert [frozenset({"status", "Nowhere__c"})] == lacking


@pytest.mark.bug("salesforce", 14)
def test_field_that_vanishes_in_the_middle_stops_nothing(hands: Hands) -> None:
    """When a field is hidden between two pages, the read goes on without it and without losing a row."""
    expected = sorted(whole(hands, Stream.CONTACTS))
    reading = hands.connect(page_size=5).read(Stream.CONTACTS, None)
    found = list(islice(reading, 2))
    hands.org({"do": "hide_field", "object": "Contact", "field": "Phone"})
    found += islice(reading, MOST_BATCHES)

    assert expected == sorted(mirror(found))


@pytest.mark.bug("salesforce", 15)
def test_stamp_that_cannot_be_filtered_is_not_used(hands: Hands) -> None:
    """An object whose SystemModstamp cannot stand in a condition is read by another column."""
    expected = sorted(whole(hands, Stream.CASES))
    hands.org({"do": "alter_field", "object": "Case", "field": "SystemModstamp", "filterable": False})

    assert expected == ids(batches(hands.connect(page_size=1), Stream.CASES)) != []


@pytest.mark.bug("salesforce", 16)
def test_formula_that_changes_without_a_stamp_is_read_again(hands: Hands) -> None:
    """A calculated field that a rule reads is read again each day, though no stamp of its row has moved."""
    hands.org({"do": "add_field", "object": "Account", "field": "Health__c", "calculated": True})
    account = next(iter(hands.ids("accounts").values()))
    connector = hands.connect({Stream.ACCOUNTS: frozenset({"Health__c"})})
    batches(connector, Stream.ACCOUNTS)
    (noted,) = connector.sweep(Stream.ACCOUNTS, None)
    hands.org({"do": "set", "id": account, "fields": {"Health__c": "poor"}})
    hands.later(days=1, minutes=5)
    batches(connector, Stream.ACCOUNTS)  # the connector learns that it is later
    swept = mirror(list(islice(connector.sweep(Stream.ACCOUNTS, noted.cursor), MOST_BATCHES)))

    assert [{"Health__c": "poor"}] == [one.custom for id_, one in swept.items() if id_ == account and isinstance(one, Account)]


@pytest.mark.bug("salesforce", 19)
def test_session_that_is_refused_for_good_takes_two_sign_ins(hands: Hands) -> None:
    """An org that answers 401 to every call is an AuthError after a second sign-in, not an endless circle."""
    hands.trouble({"kind": "own", "name": "session_expired_html", "endpoint": "GET queryAll"})
    hands.calls()
    with pytest.raises(AuthError):
        batches(hands.connect(), Stream.CASES)

    assert 2 == hands.calls()["POST oauth2/token"]


@pytest.mark.bug("salesforce", 20)
def test_ids_that_differ_by_case_alone_are_two(hands: Hands) -> None:
    """Records whose ids differ only by the case of a letter stay apart."""
    made = [hands.create("Case", Subject=f"Case {number}") for number in range(60)]
    alike = {id_[:15].lower() for id_ in made}
    hands.later(hours=1)
    found = mirror(batches(hands.connect(), Stream.CASES))

    assert len(alike) < len(made)
    assert set(made) <= set(found)


@pytest.mark.bug("salesforce", 23)
def test_person_account_is_one_customer(people: Hands) -> None:
    """A customer who is a person is one account, named as they are, with one contact: its two rows belong together."""
    accounts, contacts = whole(people, Stream.ACCOUNTS), whole(people, Stream.CONTACTS)
    customer = people.ids("accounts")[PERSON]
    behind = [one for one in contacts.values() if isinstance(one, Contact) and one.account_id == customer]

    assert len(people.ids("accounts")) == len(accounts)
    assert [accounts[customer].name] == [one.name for one in behind]  # type: ignore[union-attr]
    assert "Ada Lovelace" == behind[0].name


@pytest.mark.bug("salesforce", 24)
def test_merged_row_names_the_survivor(hands: Hands) -> None:
    """A row that was merged away comes as a merge, so that what hung on it can follow."""
    connector = hands.connect()
    cursor = last_cursor(batches(connector, Stream.ACCOUNTS))
    (gone, gone_id), (survivor, survivor_id) = islice(hands.ids("accounts").items(), 2)
    hands.later(hours=1)
    hands.change({"op": "merge", "table": "accounts", "id": gone, "into": survivor})
    hands.later(minutes=2)
    found = batches(connector, Stream.ACCOUNTS, cursor)

    assert [Merge(gone=gone_id, survivor=survivor_id)] == [merge for batch in found for merge in batch.merged]
    assert [] == [gone for batch in found for gone in batch.deleted]


@pytest.mark.bug("salesforce", 24)
def test_merge_takes_people_and_open_findings_along(hands: Hands, store: Store) -> None:
    """After a merge, people and activities of the one that went belong to the survivor, and so does its open finding."""
    company = Company(hands, store)
    company.tick(minutes=1)
    open_ = next(one for one in company.findings() if one.rule == NEGLECTED)
    book = {crm_id: book_id for book_id, crm_id in hands.ids("accounts").items()}
    survivor = next(crm_id for crm_id in book if crm_id != open_.account_id)
    before = company.people(open_.account_id)
    hands.change({"op": "merge", "table": "accounts", "id": book[str(open_.account_id)], "into": book[survivor]})
    company.tick(hours=1)
    (moved,) = (one for one in company.findings() if one.key == open_.key)

    assert survivor == moved.account_id
    assert before
    assert before <= company.people(survivor)
    assert set() == company.people(open_.account_id)
