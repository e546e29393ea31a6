"""Tasks live in tasks.csv beside what people keep there."""

from __future__ import annotations

import csv
import fcntl
from datetime import date
from pathlib import Path

import pytest

from refsync.connector import Connector, OutcomeKind, TaskChange, TaskWriter
from refsync.errors import TransientError, UnexpectedReply
from refsync.model import Task, TaskStatus, parse_instant
from refsync_files import FilesConnector
from refsync_files.sheet import SheetFile
from refsync_files.translate import TASK_COLUMNS

NOW = parse_instant("2026-11-20T12:00:00Z")


def task(key: str = "a" * 64, **rest: str) -> Task:
    fields = {
        "rule": "some-rule",
        "subject": "Call Acme",
        "text": "Long ago.",
        "do": "call",
        "priority": "high",
        "owner_id": "U1",
    }
    return Task(key=key, due_on=date(2026, 11, 25), due_at=NOW, **(fields | rest))


def rows(folder: Path) -> list[list[str]]:
    with (folder / "tasks.csv").open(encoding="utf-8", newline="") as text:
        return list(csv.reader(text))


@pytest.fixture
def writer(folder: Path) -> TaskWriter:
    return FilesConnector(folder, "files", lambda: NOW).tasks


def test_a_task_is_a_row(folder: Path, writer: TaskWriter) -> None:
    """The file is made with its header, and a task fills one row."""
    (outcome,) = writer.create([task(account_id="A1", contact_id="C1")])
    header, row = rows(folder)

    assert list(TASK_COLUMNS) == header
    assert {
        "key": "a" * 64,
        "id": outcome.task_id,
        "rule": "some-rule",
        "subject": "Call Acme",
        "text": "Long ago.",
        "do": "call",
        "priority": "high",
        "due_on": "2026-11-25",
        "owner_id": "U1",
        "account_id": "A1",
        "contact_id": "C1",
        "deal_id": "",
        "status": "open",
        "created_at": "2026-11-20T12:00:00Z",
        "closed_at": "",
    } == dict(zip(header, row, strict=True))


def test_no_cell_begins_a_formula(folder: Path, writer: TaskWriter) -> None:
    """What a spreadsheet would run is written with a quotation mark in front."""
    writer.create([task(subject="=HYPERLINK(1)", text="+1 555", account_id="@A1")])
    row = dict(zip(*rows(folder), strict=True))

    assert ("'=HYPERLINK(1)", "'+1 555", "'@A1") == (row["subject"], row["text"], row["account_id"])


def test_what_people_keep_in_the_file_stays(folder: Path, writer: TaskWriter) -> None:
    """Columns, rows and cells that are not ours come out as they went in, wherever they stand."""
    header = ["mood", *TASK_COLUMNS]
    theirs = [["good", *[""] * len(TASK_COLUMNS)], ["=SUM(1)"], ["", "", "", "", 'mine: "x", y\nz', *[""] * 11]]
    with (folder / "tasks.csv").open("w", encoding="utf-8", newline="") as text:
        csv.writer(text).writerows([header, *theirs])
    (created,) = writer.create([task()])
    writer.change([TaskChange(key="a" * 64, task_id=created.task_id, close=True)])
    found = rows(folder)

    assert [header, *theirs] == found[:-1]
    row = dict(zip(header, found[-1], strict=True))
    assert ("", "done", "2026-11-20T12:00:00Z") == (row["mood"], row["status"], row["closed_at"])


@pytest.mark.parametrize(
    ("word", "status"),
    [("", "open"), ("Open", "open"), ("DONE", "done"), (" completed ", "done"), ("deleted", "deleted"), ("maybe", "open")],
)
def test_people_may_write_a_status_in_their_way(folder: Path, writer: TaskWriter, word: str, status: str) -> None:
    """Case and spaces do not matter; a word nobody knows leaves the task open."""
    writer.create([task()])
    header, row = rows(folder)
    row[header.index("status")] = word
    with (folder / "tasks.csv").open("w", encoding="utf-8", newline="") as text:
        csv.writer(text).writerows([header, row])

    assert TaskStatus(status) is writer.find([task()])["a" * 64].status


def test_a_due_day_that_is_none_is_unknown(folder: Path, writer: TaskWriter) -> None:
    """A person may write anything as the due day."""
    writer.create([task()])
    path = folder / "tasks.csv"
    path.write_text(path.read_text().replace("2026-11-25", "next week"))

    assert writer.find([task()])["a" * 64].due_on is None


def test_a_removed_row_is_gone(folder: Path, writer: TaskWriter) -> None:
    """A row that a person removed is missing and changes no more; the ledger knows that it was there."""
    (created,) = writer.create([task()])
    (folder / "tasks.csv").unlink()
    (outcome,) = writer.change([TaskChange(key="a" * 64, task_id=created.task_id, close=True)])

    assert ({}, OutcomeKind.CONFLICT) == (dict(writer.find([task()])), outcome.kind)
    assert not (folder / "tasks.csv").exists()


def test_nothing_new_leaves_the_file_alone(folder: Path, writer: TaskWriter) -> None:
    """A create that only adopts does not touch the file."""
    writer.create([task()])
    before = (folder / "tasks.csv").stat().st_ino
    writer.create([task()])

    assert before == (folder / "tasks.csv").stat().st_ino


def test_only_one_process_writes(folder: Path, writer: TaskWriter) -> None:
    """While another process holds the lock, nothing is written and trying again is right."""
    with (folder / "tasks.lock").open("w") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(TransientError, match="another process is writing"):
            writer.create([task()])

    assert not (folder / "tasks.csv").exists()
    assert [OutcomeKind.WRITTEN] == [outcome.kind for outcome in writer.create([task()])]


def test_what_a_person_saves_meanwhile_is_not_overwritten(folder: Path, writer: TaskWriter) -> None:
    """A file that was saved after it was read is not replaced."""
    writer.create([task()])
    file = SheetFile(folder)
    sheet = file.load()
    (folder / "tasks.csv").write_text("saved by a person, with more in it than before\n" * 9)
    with pytest.raises(TransientError, match="somebody saved"):
        file.save(sheet)

    assert (folder / "tasks.csv").read_text().startswith("saved by a person")


def test_permissions_of_the_file_stay(folder: Path, writer: TaskWriter) -> None:
    """Who may read and write tasks.csv is for people to say."""
    writer.create([task()])
    (folder / "tasks.csv").chmod(0o664)
    writer.create([task("b" * 64)])

    assert 0o664 == (folder / "tasks.csv").stat().st_mode & 0o777


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"key,id,subject\n", 'missing column "rule"'), (b"key,id\nM\xfcnchen\n", "save it as UTF-8")],
)
def test_a_file_that_is_no_task_sheet_is_left_alone(folder: Path, writer: TaskWriter, content: bytes, message: str) -> None:
    """A tasks.csv without our columns or in another encoding is reported and not overwritten."""
    (folder / "tasks.csv").write_bytes(content)
    with pytest.raises(UnexpectedReply, match=message):
        writer.create([task()])

    assert content == (folder / "tasks.csv").read_bytes()


def test_a_folder_that_is_gone_is_trouble(folder: Path, connector: Connector) -> None:
    """Without its folder a connector raises what sync understands."""
    gone = FilesConnector(folder / "gone", "files", lambda: NOW)
    with pytest.raises(TransientError):
        gone.tasks.create([task()])
