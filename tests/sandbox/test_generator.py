"""A generated book is believable, valid and always the same."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from refsync.book import Book
from refsync.model import (
    Account,
    AccountContact,
    Activity,
    ActivityKind,
    ActivityStatus,
    Case,
    Contact,
    Deal,
    DealContact,
    DealStatus,
    Introduction,
    IntroductionStatus,
    Record,
    SetAside,
    Stream,
    User,
    instant,
    moment,
)
from refsync_sandbox.generator import write_book
from tests.oddities import spoil
from tests.oracle import milestones, neglected

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
ACCOUNTS = 1_500


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = tmp_path_factory.mktemp("book")
    write_book(found, accounts=ACCOUNTS, seed=1, now=NOW, second_accounts=0.04)
    return found


@pytest.fixture(scope="module")
def book(folder: Path) -> dict[Stream, list[Record]]:
    opened = Book.open(folder)
    return {stream: [row for row in opened.read(stream) if not isinstance(row, SetAside)] for stream in Stream}


def activities(book: dict[Stream, list[Record]]) -> Iterator[Activity]:
    return (record for record in book[Stream.ACTIVITIES] if isinstance(record, Activity))


def test_the_book_has_no_problems(folder: Path) -> None:
    """Every row can be read and every link leads somewhere."""
    assert () == Book.open(folder).problems()


def test_the_same_seed_gives_the_same_bytes(tmp_path: Path) -> None:
    """Two books of one seed are equal, those of two seeds are not."""
    for name, seed in (("one", 1), ("two", 1), ("other", 2)):
        write_book(tmp_path / name, accounts=40, seed=seed, now=NOW)
    one, two, other = (
        {file.name: file.read_bytes() for file in sorted((tmp_path / name).iterdir())} for name in ("one", "two", "other")
    )

    assert one == two
    assert one != other


def test_the_counts_are_those_of_the_files(tmp_path: Path) -> None:
    """The writer says how many rows each file has."""
    counts = write_book(tmp_path, accounts=25, seed=3, now=NOW)
    lengths = {}
    for file in tmp_path.iterdir():
        with file.open(encoding="utf-8", newline="") as text:
            lengths[file.name] = len(list(csv.reader(text))) - 1

    assert lengths == counts
    assert 25 == counts["accounts.csv"]


@pytest.mark.parametrize("accounts", [0, 1, 2])
def test_tiny_books_are_valid(tmp_path: Path, accounts: int) -> None:
    """Even a book of none or one account can be read."""
    write_book(tmp_path, accounts=accounts, seed=5, now=NOW)

    assert () == Book.open(tmp_path).problems()


def test_sizes_are_believable(book: dict[Stream, list[Record]]) -> None:
    """An account has about three contacts and about ten activities."""
    assert ACCOUNTS == len(book[Stream.ACCOUNTS])
    assert 2.5 < len(book[Stream.CONTACTS]) / ACCOUNTS < 3.5
    assert 8 < len(book[Stream.ACTIVITIES]) / ACCOUNTS < 12


def test_some_people_belong_to_two_accounts(book: dict[Stream, list[Record]]) -> None:
    """A few per cent of the people have a second account, never their own."""
    home = {record.id: record.account_id for record in book[Stream.CONTACTS] if isinstance(record, Contact)}
    seats = [record for record in book[Stream.ACCOUNT_CONTACTS] if isinstance(record, AccountContact)]

    assert 0.03 < len(seats) / len(home) < 0.05
    assert not any(home[seat.contact_id] == seat.account_id for seat in seats)


def test_introductions_come_in_all_kinds(book: dict[Stream, list[Record]]) -> None:
    """Customers introduce people, who are in different states; behind each referred deal stands one who was met."""
    made = [record for record in book[Stream.INTRODUCTIONS] if isinstance(record, Introduction)]
    deals = {record.id: record for record in book[Stream.DEALS] if isinstance(record, Deal)}
    home = {record.id: record.account_id for record in book[Stream.CONTACTS] if isinstance(record, Contact)}
    fresh = Counter(record.status for record in made if record.deal_id is None)
    sold = {record.deal_id: record.source_contact_id for record in made if record.deal_id}

    assert set(IntroductionStatus) - {IntroductionStatus.WON, IntroductionStatus.LOST} == set(fresh)
    assert {one.id: one.referred_by_contact_id for one in deals.values() if one.referred_by_contact_id} == sold
    assert all(home[record.source_contact_id or ""] == record.account_id for record in made)
    assert all((record.made_at or 0) <= (record.status_since or 0) <= instant(NOW) for record in made)


def test_second_accounts_leave_the_rest_of_a_book_alone(tmp_path: Path) -> None:
    """With and without second accounts all other files are the same."""
    for name, share in (("with", 0.5), ("without", 0.0)):
        write_book(tmp_path / name, accounts=30, seed=2, now=NOW, second_accounts=share)
    differ = {
        file.name
        for file in (tmp_path / "with").iterdir()
        if file.read_bytes() != (tmp_path / "without" / file.name).read_bytes()
    }

    assert {"account_contacts.csv"} == differ


def test_no_two_accounts_earn_the_same(book: dict[Stream, list[Record]]) -> None:
    """Rankings by revenue have no ties."""
    revenues = [record.annual_revenue for record in book[Stream.ACCOUNTS] if isinstance(record, Account)]

    assert len(revenues) == len(set(revenues))
    assert None not in revenues


def test_accounts_come_in_all_kinds(book: dict[Stream, list[Record]]) -> None:
    """Segments, standings, divisions, brand-new and silenced accounts, and days of milestones past and ahead occur."""
    accounts = [record for record in book[Stream.ACCOUNTS] if isinstance(record, Account)]
    today = NOW.date().isoformat()
    live = [account.custom["go_live_on"] for account in accounts if "go_live_on" in account.custom]

    assert {"A", "B", "C", ""} == {account.tier for account in accounts}
    assert {"customer", "prospect", "former", None} == {account.status for account in accounts}
    assert any(account.parent_id for account in accounts)
    assert any(account.do_not_contact for account in accounts)
    assert any(instant(NOW) - (account.created_at or 0) < 30 * 86_400_000 for account in accounts)
    assert any("," in account.name for account in accounts)
    assert any('"' in account.name for account in accounts)
    assert min(live) < today < max(live)
    assert any("roi_proven_on" in account.custom for account in accounts)


def test_the_team_has_managers_zones_and_people_who_left(book: dict[Stream, list[Record]]) -> None:
    """Reps who left have an active manager; several time zones occur; mail addresses differ."""
    users = {record.id: record for record in book[Stream.USERS] if isinstance(record, User)}
    gone = [user for user in users.values() if not user.active]
    owners = {record.owner_id for record in book[Stream.ACCOUNTS] if isinstance(record, Account)}

    assert gone
    assert all(users[user.manager_id or ""].active for user in gone)
    assert {user.id for user in gone} & owners
    assert None in owners
    assert len({user.time_zone for user in users.values()}) > 2
    assert len(users) == len({user.email for user in users.values()})


def test_deals_have_people_and_referrers(book: dict[Stream, list[Record]]) -> None:
    """Deals of each outcome occur; only decided ones have a day; people have parts in them, one of them first."""
    deals = [record for record in book[Stream.DEALS] if isinstance(record, Deal)]
    parts = [record for record in book[Stream.DEAL_CONTACTS] if isinstance(record, DealContact)]

    assert set(DealStatus) == {deal.status for deal in deals}
    assert all((deal.closed_on is None) == (deal.status is DealStatus.OPEN) for deal in deals)
    assert all(deal.closed_on is None or deal.closed_on <= NOW.date() for deal in deals)
    assert all((deal.referred_by_contact_id is not None) <= (deal.custom.get("source") == "referral") for deal in deals)
    assert any(deal.referred_by_contact_id for deal in deals)
    assert {"champion", "economic_buyer", "decision_maker", "user"} <= {part.role for part in parts}
    assert all(1 == count for count in Counter(part.deal_id for part in parts if part.is_primary).values())
    assert len(parts) == len({(part.deal_id, part.contact_id) for part in parts})


def test_cases_are_open_and_closed_and_escalated(book: dict[Stream, list[Record]]) -> None:
    """All four combinations of open and escalated occur."""
    cases = [record for record in book[Stream.CASES] if isinstance(record, Case)]

    assert 4 == len({(case.closed_at is None, case.escalated) for case in cases})


def test_activities_come_in_all_kinds(book: dict[Stream, list[Record]]) -> None:
    """Every kind and outcome, automated mail, plans ahead and past, and every way to be linked occur."""
    found = list(activities(book))
    now = instant(NOW)

    assert set(ActivityKind) == {activity.kind for activity in found}
    assert set(ActivityStatus) == {activity.status for activity in found}
    assert any(activity.automated for activity in found)
    planned = [activity.at or 0 for activity in found if activity.status is ActivityStatus.PLANNED]
    assert min(planned) < now < max(planned)
    links = {(bool(activity.account_id), bool(activity.deal_id), bool(activity.contact_ids)) for activity in found}
    assert {(True, False, True), (True, True, True), (True, False, False), (False, True, False), (False, False, True)} <= links
    assert any(len(activity.contact_ids) > 1 for activity in found)
    assert any("\n" in activity.subject for activity in found)


def test_both_crms_can_hold_the_activities(book: dict[Stream, list[Record]]) -> None:
    """Due times are noon UTC, instants whole seconds, mail is never planned, and only mail is automated or bounces."""
    for activity in activities(book):
        assert activity.at is not None
        assert 0 == activity.at % 1000
        day_only = activity.kind is ActivityKind.TASK or (activity.kind, activity.status) == ("call", "planned")
        assert not day_only or 12 * 3600 == activity.at // 1000 % 86_400
        mail = activity.kind is ActivityKind.EMAIL
        assert not (mail and activity.status is ActivityStatus.PLANNED)
        assert mail or not (activity.automated or activity.status is ActivityStatus.BOUNCED)
        assert (activity.kind is ActivityKind.MEETING) == (activity.ended_at is not None)


def test_nothing_happens_before_the_account_exists(book: dict[Stream, list[Record]]) -> None:
    """What was done lies between the account's first day and now."""
    created = {record.id: record.created_at or 0 for record in book[Stream.ACCOUNTS] if isinstance(record, Account)}
    home = {record.id: record.account_id for record in book[Stream.CONTACTS] if isinstance(record, Contact)}
    for activity in activities(book):
        if activity.status is ActivityStatus.DONE and activity.kind is not ActivityKind.TASK:
            account = activity.account_id or home.get((*activity.contact_ids, "")[0])
            assert (activity.at or 0) <= instant(NOW)
            assert account is None or created[account] < (activity.at or 0), moment(activity.at or 0)


def test_there_is_something_to_do_and_something_to_leave(folder: Path) -> None:
    """A good part of the customers is neglected, not all; the edges make the zone matter; asks of all kinds occur."""
    found = neglected(folder, NOW)
    asks = milestones(folder, NOW)

    assert 0.05 < len(found) / ACCOUNTS < 0.4
    assert None in found.values()
    assert set(found) != set(neglected(folder, NOW, zone="Europe/Berlin"))
    assert {"signed", "implemented", "roi"} == {ask.kind for ask in asks}
    assert {True, False} == {ask.ready for ask in asks}
    assert {"", "do not contact", "open escalation", "long silence"} == {ask.suppressed for ask in asks}


def test_a_spoilt_book_loses_nothing_else(tmp_path: Path) -> None:
    """Broken rows are set aside, each of them, and all others stay as they were."""
    write_book(tmp_path, accounts=30, seed=4, now=NOW)
    opened = Book.open(tmp_path)
    before = {stream: list(opened.read(stream)) for stream in Stream}
    expected = spoil(tmp_path)
    report = Book.open(tmp_path).report()
    opened = Book.open(tmp_path)

    assert expected == {stream: count.set_aside for stream, count in report.counts.items()}
    for stream in Stream:
        assert before[stream] == [row for row in opened.read(stream) if not isinstance(row, SetAside)]
