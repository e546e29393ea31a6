"""A book of business is read with every problem in its place, and what is good goes on."""

from __future__ import annotations

import csv
import tempfile
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from refsync.book import COLUMNS, LISTED_PER_FILE, NEEDED, Book, BookWriter, Count, file_name
from refsync.errors import BookError
from refsync.model import (
    RECORD_OF,
    Account,
    AccountStatus,
    Activity,
    ActivityKind,
    ActivityStatus,
    Direction,
    Record,
    SetAside,
    Stream,
    iso,
    parse_instant,
)

ROWS = {
    Stream.USERS: "U1,Ann Example,ann@example.com,true,,Europe/Berlin",
    Stream.ACCOUNTS: "A1,Acme,U1,,customer,A,retail,1250000,2024-01-01T00:00:00Z,false",
    Stream.CONTACTS: "C1,A1,Carla Example,carla@example.com,+1,CFO,U1,2024-01-02T00:00:00Z,",
    Stream.ACCOUNT_CONTACTS: "L1,A1,C1,board",
    Stream.DEALS: "D1,A1,First,closed_won,won,1000.5,USD,U1,2024-01-03T00:00:00Z,2024-02-01,C1",
    Stream.DEAL_CONTACTS: "D1,C1,champion,true",
    Stream.INTRODUCTIONS: "I1,C1,,Ivo Example,,A1,D1,U1,in contact,2024-02-03T00:00:00Z,2024-02-02T00:00:00Z,peer elsewhere,Hi",
    Stream.CASES: "K1,A1,Broken,high,open,true,2024-02-02T00:00:00Z,",
    Stream.ACTIVITIES: "X1,call,out,2024-03-01T10:00:00Z,,done,false,Hello,U1,A1,D1,C1",
}


def written(folder: Path, **rows: str) -> Path:
    """Write one good row per file, and further text to the files named, after their good row."""
    for stream in Stream:
        text = ",".join(NEEDED[stream]) + "\n" + ROWS[stream] + "\n" + rows.get(stream.value, "")
        (folder / file_name(stream)).write_text(text, encoding="utf-8", newline="")
    return folder


def reasons(book: Book, stream: Stream) -> dict[str, str]:
    return {row.id: row.reason for row in book.read(stream) if isinstance(row, SetAside)}


def ids(book: Book, stream: Stream) -> list[str]:
    return [row.id for row in book.read(stream) if not isinstance(row, SetAside)]


VALUES = {
    Stream.USERS: "id=U1 name=Ann Example email=ann@example.com active=True time_zone=Europe/Berlin",
    Stream.ACCOUNTS: "id=A1 name=Acme owner_id=U1 status=customer tier=A industry=retail annual_revenue=1250000.0"
    " created_at=2024-01-01T00:00:00Z do_not_contact=False",
    Stream.CONTACTS: "id=C1 account_id=A1 name=Carla Example email=carla@example.com phone=+1 title=CFO owner_id=U1"
    " created_at=2024-01-02T00:00:00Z",
    Stream.ACCOUNT_CONTACTS: "id=L1 account_id=A1 contact_id=C1 role=board",
    Stream.DEALS: "id=D1 account_id=A1 name=First stage=closed_won status=won amount=1000.5 currency=USD owner_id=U1"
    " created_at=2024-01-03T00:00:00Z closed_on=2024-02-01 referred_by_contact_id=C1",
    Stream.DEAL_CONTACTS: "id=D1:C1:champion deal_id=D1 contact_id=C1 role=champion is_primary=True",
    Stream.INTRODUCTIONS: "id=I1 source_contact_id=C1 person_name=Ivo Example account_id=A1 deal_id=D1 owner_id=U1"
    " status=in contact status_since=2024-02-03T00:00:00Z made_at=2024-02-02T00:00:00Z kind=peer elsewhere note=Hi",
    Stream.CASES: "id=K1 account_id=A1 subject=Broken priority=high status=open escalated=True opened_at=2024-02-02T00:00:00Z",
    Stream.ACTIVITIES: "id=X1 kind=call direction=out at=2024-03-01T10:00:00Z status=done automated=False subject=Hello"
    " owner_id=U1 account_id=A1 deal_id=D1 contact_ids=('C1',)",
}
"""What the good row of each file means, attribute by attribute; what is not here is unknown."""


def told(record: Record | SetAside) -> str:
    """Return the known attributes of a record in words."""
    values = ((name.name, getattr(record, name.name)) for name in fields(record))
    known = ((name, value) for name, value in values if value not in (None, "", (), {}))
    return " ".join(f"{name}={iso(value) if type(value) is int else value}" for name, value in known)


@pytest.mark.parametrize("stream", Stream)
def test_each_file_becomes_records(tmp_path: Path, stream: Stream) -> None:
    """Each row is the value of its stream; empty cells are unknown."""
    book = Book.open(written(tmp_path))
    (record,) = book.read(stream)

    assert not isinstance(record, SetAside)
    assert (RECORD_OF[stream], VALUES[stream]) == (type(record), told(record))
    assert () == book.problems()


def test_files_of_links_and_introductions_may_be_absent(tmp_path: Path) -> None:
    """A book without them is whole: it has no such records."""
    for stream in (Stream.ACCOUNT_CONTACTS, Stream.DEAL_CONTACTS, Stream.INTRODUCTIONS, Stream.CASES):
        (written(tmp_path) / file_name(stream)).unlink()
        book = Book.open(tmp_path)

        assert ([], ()) == (list(book.read(stream)), book.problems())


def test_a_book_may_say_who_is_away(tmp_path: Path) -> None:
    """Two further columns of users, which older books do not have, hold an absence; what is no instant sets the row aside."""
    header, good = ",".join(COLUMNS[Stream.USERS]), ROWS[Stream.USERS]
    rows = f"{good},2026-12-20T00:00:00Z,2027-01-02T00:00:00Z\n{good.replace('U1', 'U2')},,\n{good.replace('U1', 'U3')},soon,\n"
    (written(tmp_path) / "users.csv").write_text(f"{header}\n{rows}")
    book = Book.open(tmp_path)
    away, there, broken = book.read(Stream.USERS)

    assert f"{VALUES[Stream.USERS]} away_from=2026-12-20T00:00:00Z away_until=2027-01-02T00:00:00Z" == told(away)
    assert "away" not in told(there)
    assert isinstance(broken, SetAside)
    assert '"soon" is no instant' in broken.reason


def test_offsets_and_fractions_of_instants_are_kept(tmp_path: Path) -> None:
    """An instant with another offset or with milliseconds is the same moment; microseconds are rounded down."""
    rows = "X2,call,,1969-12-31T23:59:59.9995-01:00,2024-03-01T10:00:00.123+02:00,,,,,,,\n"
    book = Book.open(written(tmp_path, activities=rows))
    _, activity = book.read(Stream.ACTIVITIES)
    assert isinstance(activity, Activity)

    assert (3_599_999, parse_instant("2024-03-01T08:00:00.123Z")) == (activity.at, activity.ended_at)


def test_a_missing_folder_is_said(tmp_path: Path) -> None:
    """A folder that is not there is one clear problem."""
    with pytest.raises(BookError, match="there is no folder"):
        Book.open(tmp_path / "nowhere")


def test_every_missing_file_and_column_is_said_at_once(tmp_path: Path) -> None:
    """All problems of all files come in one report, with what was probably meant."""
    written(tmp_path)
    (tmp_path / "users.csv").unlink()
    (tmp_path / "accounts.csv").write_text("id,name,owner_id,parent_id,status,teir,industry,annual_revenue,do_not_contact\n")
    (tmp_path / "contacts.csv").write_text(",".join([*COLUMNS[Stream.CONTACTS], "name"]) + "\n")
    (tmp_path / "deals.csv").write_text(";".join(COLUMNS[Stream.DEALS]) + "\n")
    (tmp_path / "activities.csv").write_bytes(b"id,kind\nX1,call\nX2,M\xfcnchen\n")
    with pytest.raises(BookError) as caught:
        Book.open(tmp_path)
    found = [str(problem) for problem in caught.value.problems]

    assert found[0].startswith("users.csv: error: the file users.csv is missing")
    assert [
        'accounts.csv:1:35: error: missing column "tier" = "teir" is there: did you mean "tier"?',
        'accounts.csv:1: error: missing column "created_at"',
        'contacts.csv:1:73: error: column "name" is there twice',
        'deals.csv:1: error: the columns are separated by ";" = separate them by commas',
        "activities.csv:3:5: error: not UTF-8 (byte 0xfc) = save it as UTF-8",
    ] == found[1:]


def test_cases_and_parts_in_deals_may_be_absent(tmp_path: Path) -> None:
    """Without cases.csv and deal_contacts.csv there are none of these."""
    written(tmp_path)
    (tmp_path / "cases.csv").unlink()
    (tmp_path / "deal_contacts.csv").unlink()
    book = Book.open(tmp_path)

    assert ([], [], ()) == (list(book.read(Stream.CASES)), list(book.read(Stream.DEAL_CONTACTS)), book.problems())


def test_an_empty_file_has_no_header(tmp_path: Path) -> None:
    """A file without a header row is told what that row should be."""
    (written(tmp_path) / "users.csv").write_text("")
    with pytest.raises(BookError, match="header row is missing = it reads id,name,email,active,manager_id,time_zone"):
        Book.open(tmp_path)


BAD_ACTIVITIES = {
    "B,cal,,,,,,,,,,": 'kind: "cal" is none of call, email, meeting, note, message, task did you mean "call"?',
    "B,Email,,,,,,,,,,": '"Email" is none of call, email, meeting, note, message, task did you mean "email"?',
    "B,,,,,,,,,,,": "kind is missing",
    "B,call,inn,,,,,,,,,": 'direction: "inn" is none of in, out did you mean "in"?',
    "B,call,,2024-03-01T10:00:00,,,,,,,,": "an offset such as Z or +02:00 is missing",
    "B,call,,1899-12-31T10:00:00Z,,,,,,,,": "a year before 1900",
    "B,call,,2024-02-30T10:00:00Z,,,,,,,,": "day is out of range for month",
    "B,call,,2024-03-01,,,,,,,,": "an offset",
    "B,call,,9999-12-31T23:59:59-10:00,,,,,,,,": "is no instant",
    "B,call,,,,doen,,,,,,": 'did you mean "done"?',
    "B,call,,,,,perhaps,,,,,": 'automated: "perhaps" is neither true nor false',
    "B,call,,,,,,,,A9,,": 'account_id "A9" is no row of accounts.csv',
    "B,call,,,,,,,,,D9,": 'deal_id "D9" is no row of deals.csv',
    "B,call,,,,,,,,,,C1;C9": 'contact_ids "C9" is no row of contacts.csv',
    "B,call": "2 cells where the header has 12",
    "B,call,,,,,,,,,,,": "13 cells where the header has 12",
    "B,cal,,then,,,,,,,,": 'kind: "cal" is none of call, email, meeting, note, message, task did you mean "call"?; at: "then"',
}


@pytest.mark.parametrize(("row", "reason"), BAD_ACTIVITIES.items())
def test_a_bad_row_is_set_aside_with_its_reason(tmp_path: Path, row: str, reason: str) -> None:
    """A row that cannot be read is set aside as it stands; the rows around it stay."""
    book = Book.open(written(tmp_path, activities=f"{row}\nX2,call,,,,,,,,,,\n"))
    rows = list(book.read(Stream.ACTIVITIES))

    assert ["X1", "B", "X2"] == [found.id for found in rows]
    assert isinstance(rows[1], SetAside)
    assert reason in rows[1].reason
    assert row == rows[1].raw
    assert rows[1].place is not None
    assert ("activities.csv", 3) == (rows[1].place.file, rows[1].place.line)


@pytest.mark.parametrize("number", ["many", "nan", "inf", "1e999", "1_000", "1,5"])
def test_numbers_that_are_none_are_set_aside(tmp_path: Path, number: str) -> None:
    """A revenue must be a finite number."""
    book = Book.open(written(tmp_path, accounts=f'A2,Other,,,,,,"{number}",,\n'))

    assert f'annual_revenue: "{number}" is no number such as 1250000 or 99.5' == reasons(book, Stream.ACCOUNTS)["A2"]


@pytest.mark.parametrize(
    ("day", "reason"),
    [
        ("2024-02-30", "is no date such as 2024-03-01 (day is out of range for month)"),
        ("20240301", 'did you mean "2024-03-01"?'),
        ("1899-01-01", "a year before 1900"),
        ("2024-03-01T10:00:00Z", "is no date"),
    ],
)
def test_dates_that_are_none_are_set_aside(tmp_path: Path, day: str, reason: str) -> None:
    """A day must be written as a plain date."""
    book = Book.open(written(tmp_path, deals=f"D2,A1,Second,,,,,,,{day},\n"))

    assert reason in reasons(book, Stream.DEALS)["D2"]


def test_a_second_row_with_an_id_is_set_aside(tmp_path: Path) -> None:
    """The first row counts; the second is set aside under a name that is not that of the first."""
    book = Book.open(written(tmp_path, accounts="A1,Again,,,,,,,,\n", deal_contacts="D1,C1,champion,false\n"))

    assert (["A1"], ["D1:C1:champion"]) == (ids(book, Stream.ACCOUNTS), ids(book, Stream.DEAL_CONTACTS))
    assert {"A1 (line 3)": 'the id "A1" is there twice; the first row counts'} == reasons(book, Stream.ACCOUNTS)
    assert ["D1:C1:champion (line 3)"] == list(reasons(book, Stream.DEAL_CONTACTS))


def test_a_row_without_an_id_is_named_by_its_line(tmp_path: Path) -> None:
    """Rows without an id are set aside one by one."""
    book = Book.open(written(tmp_path, accounts=",Nameless,,,,,,,,\n,Another,,,,,,,,\n"))

    assert {"(line 3)": "id is missing", "(line 4)": "id is missing"} == reasons(book, Stream.ACCOUNTS)


def test_what_points_at_a_row_set_aside_says_so(tmp_path: Path) -> None:
    """A link to a row that was set aside sets its own row aside and names the place of the other."""
    rows = {"accounts": "A2,Bad,,,odd,,,,,\n", "contacts": "C2,A2,Ben,,,,,,\n", "activities": "X2,call,,,,,,,,,,C2\n"}
    book = Book.open(written(tmp_path, **rows))

    assert {"C2": 'account_id "A2" is a row that was set aside (accounts.csv:3:10)'} == reasons(book, Stream.CONTACTS)
    assert {"X2": 'contact_ids "C2" is a row that was set aside (contacts.csv:3:4)'} == reasons(book, Stream.ACTIVITIES)


def test_lesser_links_to_nowhere_are_emptied(tmp_path: Path) -> None:
    """An owner, manager, parent or referrer that is not there is emptied with a warning; the row stays."""
    rows = {"users": "U2,Bob,,,U9,\n", "accounts": "A2,Other,U9,A9,,,,,,\n", "deals": "D2,A1,,,,,,,,,C9\n"}
    book = Book.open(written(tmp_path, **rows))
    report = book.report()

    assert {stream: {} for stream in Stream} == {stream: reasons(book, stream) for stream in Stream}
    assert [
        'users.csv:3:10: warning: manager_id "U9" is no row of users.csv; left empty',
        'accounts.csv:3:10: warning: owner_id "U9" is no row of users.csv; left empty',
        'accounts.csv:3:13: warning: parent_id "A9" is no row of accounts.csv; left empty',
        'deals.csv:3:15: warning: referred_by_contact_id "C9" is no row of contacts.csv; left empty',
    ] == [str(problem) for problem in report.problems]
    assert Count(records=2, cleared=2) == report.counts[Stream.ACCOUNTS]
    assert Account(id="A2", name="Other") == list(book.read(Stream.ACCOUNTS))[1]


def test_parents_and_managers_may_come_later_in_the_file(tmp_path: Path) -> None:
    """A link within a file may lead to a row further down."""
    rows = {"users": "U2,,,,U3,\nU3,,,,,\n", "accounts": "A2,,,A3,,,,,,\nA3,,,,,,,,,\n"}
    book = Book.open(written(tmp_path, **rows))

    assert () == book.problems()


def test_lines_stay_right_across_quoted_newlines(tmp_path: Path) -> None:
    """Byte order mark, CRLF, empty lines and newlines inside cells neither disturb the reading nor the places."""
    written(tmp_path)
    header = ",".join(COLUMNS[Stream.ACCOUNTS])
    rows = 'A1,"Two\r\nlines, ""quoted""",,,,,,,,\r\n\r\nA2,"One\nmore",,,odd,,,,,\r\n\r\nA3,Last,,,,,,,,'
    (tmp_path / "accounts.csv").write_bytes(f"\ufeff{header}\r\n{rows}".encode())
    book = Book.open(tmp_path)
    first, second, third = book.read(Stream.ACCOUNTS)

    assert Account(id="A1", name='Two\r\nlines, "quoted"') == first
    assert isinstance(second, SetAside)
    assert ('A2,"One\nmore",,,odd,,,,,', "accounts.csv:6:9") == (second.raw, str(second.place))
    assert Account(id="A3", name="Last") == third


@pytest.mark.parametrize("limit", [131_072, 64 * 1024 * 1024])
def test_an_open_quotation_mark_costs_only_its_row(tmp_path: Path, request: pytest.FixtureRequest, limit: int) -> None:
    """A cell that never ends is set aside; beyond all measure, the rows after it go on, whatever others let csv take."""
    before = csv.field_size_limit(limit)
    request.addfinalizer(lambda: csv.field_size_limit(before))
    tail = "".join(f"X{number},call,,,,,,,,,,\n" for number in range(10, 20_000))
    book = Book.open(written(tmp_path, activities=f'X2,call,,,,,,"never closed,,,,\n{tail}'))
    rows = list(book.read(Stream.ACTIVITIES))

    assert isinstance(rows[1], SetAside)
    assert "is a quotation mark left open?" in rows[1].reason
    assert "X19999" == rows[-1].id


def test_further_columns_become_custom_fields(tmp_path: Path) -> None:
    """Columns beyond the known ones are kept as text, empty ones left out, wherever they stand."""
    written(tmp_path)
    header = ",".join(["go_live_on", *COLUMNS[Stream.ACCOUNTS], "health"])
    (tmp_path / "accounts.csv").write_text(f"{header}\n2024-05-01,A1,Acme,,,,,,,,,\n,A2,Other,,,,,,,,,green\n")
    book = Book.open(tmp_path)

    assert ("go_live_on", "health") == book.custom_columns(Stream.ACCOUNTS)
    assert [
        Account(id="A1", name="Acme", custom={"go_live_on": "2024-05-01"}),
        Account(id="A2", name="Other", custom={"health": "green"}),
    ] == list(book.read(Stream.ACCOUNTS))


def test_further_columns_that_nobody_keeps_are_said(tmp_path: Path) -> None:
    """Activities keep no further fields: such a column is a warning, not a silence."""
    written(tmp_path)
    header = ",".join([*COLUMNS[Stream.ACTIVITIES], "mood"])
    (tmp_path / "activities.csv").write_text(f"{header}\nX1,call,,,,,,,,,,,good\n")
    book = Book.open(tmp_path)

    assert ((), ["X1"]) == (book.custom_columns(Stream.ACTIVITIES), ids(book, Stream.ACTIVITIES))
    assert ['activities.csv:1:96: warning: column "mood" is not read: activities keep no further fields'] == [
        str(problem) for problem in book.problems()
    ]


def test_a_report_lists_so_many_and_counts_the_rest(tmp_path: Path) -> None:
    """A thoroughly broken file does not fill the memory with its report."""
    bad = LISTED_PER_FILE + 5
    book = Book.open(written(tmp_path, activities="".join(f"B{number},odd,,,,,,,,,,\n" for number in range(bad))))
    report = book.report()

    assert "activities.csv: error: and 5 more problems like these" == str(report.problems[-1])
    assert Count(records=1, set_aside=bad) == report.counts[Stream.ACTIVITIES]


TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=12)
INSTANTS = st.integers(-2_000_000_000_000, 4_000_000_000_000)
CUSTOM = st.dictionaries(st.sampled_from(["go_live_on", "größe"]), TEXTS.filter(bool))
ACCOUNTS = st.builds(
    Account,
    id=st.just("A1"),
    name=TEXTS,
    status=st.none() | st.sampled_from(AccountStatus),
    tier=TEXTS,
    industry=TEXTS,
    annual_revenue=st.none() | st.floats(allow_nan=False, allow_infinity=False),
    created_at=st.none() | INSTANTS,
    do_not_contact=st.none() | st.booleans(),
    custom=CUSTOM,
)
ACTIVITIES = st.builds(
    Activity,
    id=st.just("X1"),
    kind=st.sampled_from(ActivityKind),
    direction=st.none() | st.sampled_from(Direction),
    at=st.none() | INSTANTS,
    ended_at=st.none() | INSTANTS,
    status=st.none() | st.sampled_from(ActivityStatus),
    automated=st.booleans(),
    subject=TEXTS,
)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(account=ACCOUNTS, activity=ACTIVITIES)
def test_what_is_written_is_read_back(account: Account, activity: Activity) -> None:
    """Whatever a record holds, the book gives it back as it was."""
    with tempfile.TemporaryDirectory() as folder:
        with BookWriter(Path(folder), {Stream.ACCOUNTS: ("go_live_on", "größe")}) as book:
            book.write(account)
            book.write(activity)
        found: Mapping[Stream, list[Record | SetAside]] = {
            stream: list(Book.open(Path(folder)).read(stream)) for stream in (Stream.ACCOUNTS, Stream.ACTIVITIES)
        }

    assert {Stream.ACCOUNTS: [account], Stream.ACTIVITIES: [activity]} == found
