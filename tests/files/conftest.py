"""A small book and its connector."""

from __future__ import annotations

from pathlib import Path

import pytest

from refsync.book import BookWriter
from refsync.connector import ConnectionSettings, Connector
from refsync.model import Account, Activity, ActivityKind, Contact, Deal, DealContact, User
from refsync_files import connect


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return the folder of a book with one record of each kind but cases."""
    with BookWriter(tmp_path) as book:
        book.write(User(id="U1", name="Ann Example"))
        book.write(Account(id="A1", name="Acme", owner_id="U1"))
        book.write(Contact(id="C1", account_id="A1"))
        book.write(Deal(id="D1", account_id="A1"))
        book.write(DealContact(id="D1:C1:champion", deal_id="D1", contact_id="C1", role="champion"))
        book.write(Activity(id="X1", kind=ActivityKind.CALL, account_id="A1", contact_ids=("C1",)))
    return tmp_path


@pytest.fixture
def connector(folder: Path) -> Connector:
    return connect(ConnectionSettings(id="book", options={"folder": folder}))
