"""Reading streams over HTTP from the sandbox: everything, what is new, and nothing lost on the way."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from typing import Any

import pytest

from refsync.book import Book
from refsync.model import (
    Activity,
    ActivityKind,
    ActivityStatus,
    Contact,
    Deal,
    DealStatus,
    Introduction,
    IntroductionStatus,
    Record,
    SetAside,
    Stream,
)
from refsync_salesforce.connector import SalesforceConnector
from refsync_sandbox.salesforce.people import INTEGRATION_ID
from tests.salesforce.sandboxed import Hands, mirror

DAY = 86_400_000

LINKS = {
    "owner_id": "users",
    "manager_id": "users",
    "parent_id": "accounts",
    "account_id": "accounts",
    "contact_id": "contacts",
    "person_contact_id": "contacts",
    "source_contact_id": "contacts",
    "referred_by_contact_id": "contacts",
    "deal_id": "deals",
}

STREAMS = sorted(Stream)


def read(connector: SalesforceConnector, stream: Stream, since: str | None = None) -> tuple[dict[str, Record], str | None]:
    batches = list(connector.read(stream, since))
    assert not any(batch.partial or batch.set_aside for batch in batches)
    return mirror(batches), batches[-1].cursor if batches else since


@pytest.mark.parametrize("stream", STREAMS)
def test_a_served_book_comes_back(hands: Hands, book: Book, stream: Stream) -> None:
    """Every record of a book, archived years included, comes back as it was, but for what Salesforce cannot hold."""
    ids = {table: hands.ids(table) for table in STREAMS}
    custom = {stream: frozenset(_crm_name(column) for column in book.custom_columns(stream))}
    found, _ = read(hands.connect(custom), stream)

    expected = {record.id: record for record in _expected(book, stream, ids)}
    if stream is Stream.USERS:
        system = {id_ for id_, user in found.items() if id_ not in expected and not user.active}  # type: ignore[union-attr]
        found = {id_: record for id_, record in found.items() if id_ not in system}
    if stream is Stream.DEAL_CONTACTS:
        assert {_without_id(record) for record in expected.values()} == {_without_id(record) for record in found.values()}
        return
    assert expected == found


def _crm_name(column: str) -> str:
    return "_".join(word.capitalize() for word in column.split("_")) + "__c"


def _without_id(record: Record) -> Record:
    return replace(record, id="")


def _expected(book: Book, stream: Stream, ids: dict[Stream, dict[str, str]]) -> Iterator[Record]:
    """Yield the records of a book as Salesforce holds them: with its ids, and without what it has no place for."""
    account_of = {one.id: one.account_id for part in (Stream.CONTACTS, Stream.DEALS) for one in book.read(part)}  # type: ignore[union-attr]
    for record in book.read(stream):
        if isinstance(record, SetAside) or (isinstance(record, Activity) and record.kind is ActivityKind.NOTE):
            continue
        links = {name: ids[Stream(table)].get(getattr(record, name)) for name, table in LINKS.items() if hasattr(record, name)}
        own = {"id": ids[stream].get(record.id, record.id)}
        if hasattr(record, "custom"):
            own["custom"] = {_crm_name(column): text for column, text in record.custom.items()}  # type: ignore[assignment]
        if links.get("owner_id") is None and "owner_id" in links:
            links["owner_id"] = INTEGRATION_ID
        found: Any = replace(record, **links, **own)  # type: ignore[arg-type]
        match found:
            case Contact():
                found = replace(found, email=found.email.lower())
            case Deal():
                found = replace(found, closed_on=None if found.status is DealStatus.OPEN else found.closed_on)
            case Introduction() if found.source_contact_id is None:
                continue
            case Introduction():
                source = str(record.source_contact_id)  # type: ignore[union-attr]
                found = replace(found, account_id=ids[Stream.ACCOUNTS].get(account_of[source] or ""))
                found = _expected_introduction(found)
            case Activity():
                first = record.deal_id or next(iter(record.contact_ids), "")  # type: ignore[union-attr]
                found = _expected_activity(found, ids, ids[Stream.ACCOUNTS].get(account_of.get(first) or ""))
        yield found


def _expected_introduction(found: Introduction) -> Introduction:
    """Return an introduction as a lead holds it: what came of it is told by its deal, and only a conversion has a day."""
    converted = found.status in (IntroductionStatus.MET, IntroductionStatus.WON) or (
        found.status is IntroductionStatus.LOST and found.deal_id is not None
    )
    since = found.status_since // DAY * DAY + DAY // 2 if converted and found.status_since is not None else None
    lost = IntroductionStatus.DECLINED if found.status is IntroductionStatus.LOST else found.status
    return replace(found, status=IntroductionStatus.MET if converted else lost, status_since=since)


def _expected_activity(activity: Activity, ids: dict[Stream, dict[str, str]], derived: str | None) -> Activity:
    people = tuple(ids[Stream.CONTACTS][one] for one in activity.contact_ids)
    found = replace(activity, contact_ids=people)
    if found.kind is ActivityKind.EMAIL:
        return replace(found, account_id=None if found.deal_id else found.account_id, ended_at=None)
    account_id = derived if found.deal_id else found.account_id or derived
    found = replace(found, automated=False, account_id=account_id)
    if found.kind is ActivityKind.MEETING:
        return replace(found, direction=None)
    if found.status is ActivityStatus.PLANNED and found.at is not None:
        found = replace(found, at=found.at // DAY * DAY + DAY // 2)
    return replace(found, ended_at=None, direction=None if found.kind is ActivityKind.TASK else found.direction)


def test_changes_come_with_the_next_read(hands: Hands) -> None:
    """A record that people change comes once more, with its new value, and others do not."""
    connector = hands.connect()
    _, cursor = read(connector, Stream.ACCOUNTS)
    book_id, crm_id = next(iter(hands.ids("accounts").items()))
    hands.later(hours=1)
    hands.change({"op": "change", "table": "accounts", "id": book_id, "set": {"name": "New name"}})
    hands.later(minutes=2)
    found, _ = read(connector, Stream.ACCOUNTS, cursor)

    assert {crm_id: "New name"} == {id_: record.name for id_, record in found.items()}  # type: ignore[union-attr]


def test_fresh_changes_wait_until_they_have_settled(hands: Hands) -> None:
    """A change of the last minute is read with the next window: rows around it may still be on their way."""
    connector = hands.connect()
    _, cursor = read(connector, Stream.ACCOUNTS)
    book_id = next(iter(hands.ids("accounts")))
    hands.later(hours=1)
    hands.change({"op": "change", "table": "accounts", "id": book_id, "set": {"name": "New name"}})
    hands.later(seconds=30)
    found, cursor = read(connector, Stream.ACCOUNTS, cursor)
    hands.later(minutes=20)
    later, _ = read(connector, Stream.ACCOUNTS, cursor)

    assert (0, 1) == (len(found), len(later))


def test_cursor_of_each_batch_leads_to_the_rest(hands: Hands) -> None:
    """Who stops after any batch and goes on from its cursor ends with the same rows, object after object."""
    whole, _ = read(hands.connect(), Stream.ACTIVITIES)
    batches = list(hands.connect(page_size=4).read(Stream.ACTIVITIES, None))
    assert len(batches) > 9

    for number in range(1, len(batches), 4):
        rest = list(hands.connect(page_size=4).read(Stream.ACTIVITIES, batches[number - 1].cursor))
        assert whole == mirror([*batches[:number], *rest])


def test_long_read_catches_up(hands: Hands) -> None:
    """What happens while a long read goes on is read at its end; the window that was begun is finished first."""
    reading = hands.connect(page_size=4).read(Stream.CONTACTS, None)
    first = list(islice(reading, 1))
    hands.later(hours=3)
    new = hands.create("Contact", LastName="Meanwhile")
    hands.later(minutes=5)
    rest = list(reading)

    assert new in mirror([*first, *rest])


def test_cursor_from_the_future_is_reported(hands: Hands) -> None:
    """A stored place behind the CRM's own present reads nothing and says so."""
    connector = hands.connect()
    _, cursor = read(connector, Stream.ACCOUNTS)
    hands.later(days=-30)
    (batch,) = hands.connect().read(Stream.ACCOUNTS, cursor)

    assert ("the last read of Account lies in the future of Salesforce's clock", None) == (batch.partial, batch.cursor)


def test_mail_kept_twice_counts_once(hands: Hands) -> None:
    """A mail that the org keeps as a mail and as a task is one activity; a task without a mail counts itself."""
    alone = hands.create("Task", Subject="BCC", TaskSubtype="Email", Status="Completed")
    twin = hands.create("Task", Subject="Mail", TaskSubtype="Email", Status="Completed")
    mail = hands.create("EmailMessage", Subject="Mail", ActivityId=twin, MessageDate="2026-11-20T11:00:00Z", Status="3")
    hands.later(hours=1)
    found, _ = read(hands.connect(), Stream.ACTIVITIES)

    assert (True, False, True) == (alone in found, twin in found, mail in found)


def test_mail_that_comes_after_its_task_replaces_it(hands: Hands) -> None:
    """A task that was read before its mail existed goes when the mail comes, and stays away when it changes."""
    connector = hands.connect()
    twin = hands.create("Task", Subject="Mail", TaskSubtype="Email", Status="Completed")
    hands.later(hours=1)
    known, cursor = read(connector, Stream.ACTIVITIES)
    mail = hands.create("EmailMessage", Subject="Mail", ActivityId=twin, MessageDate="2026-11-20T11:00:00Z", Status="3")
    hands.later(hours=1)
    batches = list(connector.read(Stream.ACTIVITIES, cursor))
    held = mirror(batches, known)

    assert (True, False, True) == (twin in known, twin in held, mail in held)


def test_hidden_field_is_never_asked_for(hands: Hands) -> None:
    """A field that the org does not show is left out of the statement, and `check` names it."""
    connector = hands.connect({Stream.ACCOUNTS: frozenset({"Nowhere__c"})})
    found, _ = read(connector, Stream.ACCOUNTS)
    warnings = [problem.message for problem in connector.check() if problem.severity == "warning"]

    assert found
    assert any("Account has no field Nowhere__c" in message for message in warnings)


def test_org_id_is_the_crm_s_own(hands: Hands) -> None:
    """The org is its 18-character id, whoever asks."""
    assert 18 == len(hands.connect().org)
    assert hands.connect().org == hands.connect().org
