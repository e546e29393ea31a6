"""A task about a rep is linked to no customer, and every CRM takes it, once."""

from __future__ import annotations

from pathlib import Path

import pytest

from refsync.book.writing import BookWriter
from refsync.model import Account, AccountStatus, Activity, ActivityKind, ActivityStatus, Direction, User
from tests.system.served import NOW, served

DAY = 86_400_000


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a book: a rep with 24 customers, five of them in touch, and her manager."""
    with BookWriter(tmp_path) as writer:
        writer.write(User(id="boss", name="Bea Boss", email="bea@example.com"))
        writer.write(User(id="rep", name="Rita Rep", email="rita@example.com", manager_id="boss"))
        for number in range(24):
            account = Account(
                id=f"a{number:02}",
                name=f"Customer {number:02}",
                owner_id="rep",
                status=AccountStatus.CUSTOMER,
                created_at=NOW - 900 * DAY,
            )
            writer.write(account)
            if number < 5:
                writer.write(
                    Activity(
                        id=f"call{number}",
                        kind=ActivityKind.CALL,
                        direction=Direction.OUT,
                        at=NOW - 3 * DAY,
                        status=ActivityStatus.DONE,
                        owner_id="rep",
                        account_id=account.id,
                    )
                )
    return tmp_path


@pytest.mark.parametrize("crm", ["files", "salesforce", "hubspot"])
def test_the_manager_gets_one_task_about_the_rep(folder: Path, crm: str) -> None:
    """The share in touch is the same in every CRM, and so are the words; no account, person or deal is linked."""
    found = served(crm, folder)
    [task] = [row for (rule, _subject), row in found.tasks.items() if rule == "coverage-low"]

    assert "Rita Rep: 20% of 24 customers in touch" == task["subject"]
    assert ("boss", None, None) == (task["owner_id"], task["account_id"], task["contact_id"])
    assert not found.report.pushed or {} == found.report.pushed.rejected
    if crm != "files":
        assert 1 == sum("Rita Rep: 20%" in str(row["subject"]) for row in found.seen)
