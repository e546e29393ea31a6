"""A folder is read whole when it has changed, and not at all when it has not."""

from __future__ import annotations

from pathlib import Path

import pytest

from refsync.book import Book
from refsync.connector import Batch, ConnectionSettings, Connector
from refsync.errors import ConfigError, TransientError, UnexpectedReply
from refsync.model import Account, Activity, Stream
from refsync_files import connect
from refsync_files.read import BATCH


def ids(batches: list[Batch]) -> list[str]:
    return [record.id for batch in batches for record in batch.records]


def append(folder: Path, name: str, text: str) -> None:
    with (folder / name).open("a", encoding="utf-8", newline="") as file:
        file.write(text)


def test_a_changed_file_is_read_whole(folder: Path, connector: Connector) -> None:
    """A file is read whole; after that only when it has changed, and then whole again."""
    first = list(connector.read(Stream.ACCOUNTS, None))
    cursor = first[-1].cursor

    assert (["A1"], [False, True]) == (ids(first), [batch.whole for batch in first])
    assert [] == list(connector.read(Stream.ACCOUNTS, cursor))
    append(folder, "accounts.csv", "A2,Other,,,,,,,,\r\n")
    second = list(connector.read(Stream.ACCOUNTS, cursor))
    assert (["A1", "A2"], True) == (ids(second), second[-1].whole)
    assert second[-1].cursor not in {None, cursor}


def test_the_cursor_outlives_the_connector(folder: Path, connector: Connector) -> None:
    """The cursor says what the files hold, not who read them."""
    cursors = {stream: list(connector.read(stream, None))[-1].cursor for stream in Stream}
    other = connect(ConnectionSettings(id="other", options={"folder": str(folder)}))

    assert {stream: [] for stream in Stream} == {stream: list(other.read(stream, cursors[stream])) for stream in Stream}


def test_an_empty_stream_ends_with_a_cursor(connector: Connector) -> None:
    """A stream without rows is one batch that says: that is all there is."""
    (batch,) = connector.read(Stream.CASES, None)

    assert ((), True) == (batch.records, batch.whole)
    assert batch.cursor


def test_large_files_come_in_batches(folder: Path, connector: Connector) -> None:
    """Batches hold a thousand rows; only the last one has the cursor."""
    append(folder, "activities.csv", "".join(f"Y{number},call,,,,,,,,,,\r\n" for number in range(2 * BATCH)))
    batches = list(connector.read(Stream.ACTIVITIES, None))

    assert [BATCH, BATCH, 1, 0] == [len(batch.records) for batch in batches]
    assert [None, None, None] == [batch.cursor for batch in batches[:-1]]
    assert batches[-1].cursor
    assert batches[-1].whole


def test_bad_rows_are_set_aside_in_their_batch(folder: Path, connector: Connector) -> None:
    """A row that cannot be read comes with its reason beside the good ones."""
    append(folder, "activities.csv", "X2,cal,,,,,,,,,,\r\nX3,call,,,,,,,,,,\r\n")
    batches = list(connector.read(Stream.ACTIVITIES, None))

    assert ["X1", "X3"] == ids(batches)
    assert ["X2"] == [aside.id for batch in batches for aside in batch.set_aside]


def test_a_stream_is_read_again_when_what_it_points_at_changes(folder: Path, connector: Connector) -> None:
    """A person whose account was taken away is set aside, though contacts.csv is as it was."""
    cursor = list(connector.read(Stream.CONTACTS, None))[-1].cursor
    header, *_ = (folder / "accounts.csv").read_text().splitlines()
    (folder / "accounts.csv").write_text(f"{header}\n")
    batches = list(connector.read(Stream.CONTACTS, cursor))

    assert ([], ["C1"]) == (ids(batches), [aside.id for batch in batches for aside in batch.set_aside])


def test_a_change_of_no_concern_is_none(folder: Path, connector: Connector) -> None:
    """Accounts are not read again because an activity was added."""
    cursor = list(connector.read(Stream.ACCOUNTS, None))[-1].cursor
    append(folder, "activities.csv", "X2,call,,,,,,,,,,\r\n")

    assert [] == list(connector.read(Stream.ACCOUNTS, cursor))


def test_a_file_that_changes_while_it_is_read_is_partial(folder: Path, connector: Connector) -> None:
    """Half a file must not pass for the whole of it: no cursor, not whole, and the reason."""
    append(folder, "activities.csv", "".join(f"Y{number},call,,,,,,,,,,\r\n" for number in range(2 * BATCH)))
    reading = connector.read(Stream.ACTIVITIES, None)
    batches = [next(reading)]
    append(folder, "activities.csv", "X2,call,,,,,,,,,,\r\n")
    batches += reading

    assert "activities.csv changed while activities were read" == batches[-1].partial
    assert [None] * len(batches) == [batch.cursor for batch in batches]
    assert not any(batch.whole for batch in batches)


def test_columns_that_move_between_two_streams_are_noticed(folder: Path, connector: Connector) -> None:
    """A file whose header changes after another stream was read is read by its new header."""
    list(connector.read(Stream.USERS, None))
    lines = (folder / "accounts.csv").read_text().splitlines()
    (folder / "accounts.csv").write_text("\n".join(",".join(reversed(line.split(","))) for line in lines) + "\n")
    found = [record for batch in connector.read(Stream.ACCOUNTS, None) for record in batch.records]

    assert [Account(id="A1", name="Acme", owner_id="U1")] == found


def test_a_broken_book_stops_the_read(folder: Path, connector: Connector) -> None:
    """A missing file or column stops every stream, with the first problem and how many more there are in the message."""
    (folder / "users.csv").write_text("id,name\n")
    with pytest.raises(UnexpectedReply, match=r'users\.csv:1: missing column "email" \(and 3 more'):
        list(connector.read(Stream.ACCOUNTS, None))


def test_a_file_that_cannot_be_read_may_be_later(folder: Path, connector: Connector) -> None:
    """What the file system refuses is trouble that may pass."""
    (folder / "accounts.csv").unlink()
    (folder / "accounts.csv").mkdir()
    with pytest.raises(TransientError):
        list(connector.read(Stream.ACCOUNTS, None))


def test_rows_of_tasks_are_activities(folder: Path, connector: Connector) -> None:
    """Ours and people's rows of tasks.csv are tasks; those of people count as theirs."""
    columns = "key,id,rule,subject,text,do,priority,due_on,owner_id,account_id,contact_id,deal_id,status,created_at,closed_at"
    ours = "abc,T-abc,some-rule,Call Acme,,,,2026-11-25,U1,A1,C1,,open,,"
    theirs = ",,,Send the offer,,,,,U1,A1,,,Done,,"
    dropped = "def,T-def,,,,,,,,,,,deleted,,"
    (folder / "tasks.csv").write_text(f"{columns}\n{ours}\n\n{theirs}\n{theirs}\n{dropped}\n")
    found = [record for batch in connector.read(Stream.ACTIVITIES, None) for record in batch.records]
    tasks = [record for record in found if isinstance(record, Activity) and record.kind == "task"]

    assert [("abc", "planned", 1795608000000), ("", "done", None)] == [(task.task_key, task.status, task.at) for task in tasks]
    assert ("T-abc", "Call Acme", "U1", "A1", ("C1",)) == (
        tasks[0].id,
        tasks[0].subject,
        tasks[0].owner_id,
        tasks[0].account_id,
        tasks[0].contact_ids,
    )


def test_a_sweep_finds_nothing(connector: Connector) -> None:
    """Reads are whole, so that nothing is left for a sweep."""
    assert [] == list(connector.sweep(Stream.ACCOUNTS, None))


def test_check_says_all_that_is_wrong(folder: Path, connector: Connector) -> None:
    """Rows set aside, links emptied and statuses nobody understands come out of `check`, each in its place."""
    append(folder, "accounts.csv", "A2,Other,U9,,,,,,,\r\nA3,Bad,,,odd,,,,,\r\n")
    columns = "key,id,rule,subject,text,do,priority,due_on,owner_id,account_id,contact_id,deal_id,status,created_at,closed_at"
    (folder / "tasks.csv").write_text(f"{columns}\nabc,T-abc,,,,,,,,,,,don,,\n")

    assert [
        'accounts.csv:3:10: warning: owner_id "U9" is no row of users.csv; left empty',
        'accounts.csv:4:10: error: status: "odd" is none of customer, prospect, former',
        'tasks.csv: warning: task T-abc: the status "don" is taken as open = did you mean "done"?',
    ] == [str(problem) for problem in connector.check()]


def test_check_survives_a_book_that_cannot_be_opened(folder: Path, connector: Connector) -> None:
    """Every missing file and an unusable tasks.csv are said at once."""
    (folder / "users.csv").unlink()
    (folder / "tasks.csv").write_text("not,a,task,sheet\n")
    found = [str(problem) for problem in connector.check()]

    assert 2 == len(found)
    assert "the file users.csv is missing" in found[0]
    assert 'tasks.csv:1: missing column "key"' in found[1]


def test_options_are_checked(folder: Path) -> None:
    """An unknown option and a missing folder are said at once."""
    with pytest.raises(ConfigError) as caught:
        connect(ConnectionSettings(id="book", options={"foldr": str(folder)}))
    found = {problem.message: problem.hint for problem in caught.value.problems}

    assert {
        'connection "book" needs the option "folder"': "",
        'connection "book" has no option "foldr"': 'did you mean "folder"?',
    } == found


def test_the_org_is_an_option(folder: Path, connector: Connector) -> None:
    """The organisation is `files` unless told otherwise, wherever the folder lies."""
    other = connect(ConnectionSettings(id="book", options={"folder": folder, "org": "north"}))

    assert ("files", "north") == (connector.org, other.org)


def test_reading_what_the_book_says(folder: Path, connector: Connector) -> None:
    """The connector yields exactly the records of the book."""
    book = Book.open(folder)
    for stream in Stream:
        found = [record for batch in connector.read(stream, None) for record in batch.records]
        assert list(book.read(stream)) == found
