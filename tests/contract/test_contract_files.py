"""The files connector keeps the contract."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

import pytest

from refsync.connector import ConnectionSettings, Connector
from refsync.testing.contract import ConnectorContract, People
from refsync_files import connect


@dataclass
class Editor:
    """Somebody with tasks.csv open in a spreadsheet."""

    path: Path

    def delete(self, key: str) -> None:
        self._save([row for row in self._rows() if row["key"] != key])

    def complete(self, key: str) -> None:
        self._save([row | {"status": "Done"} if row["key"] == key else row for row in self._rows()])

    def give(self, key: str, owner_id: str) -> None:
        self._save([row | {"owner_id": owner_id} if row["key"] == key else row for row in self._rows()])

    def reword(self, key: str, subject: str) -> None:
        self._save([row | {"subject": subject} if row["key"] == key else row for row in self._rows()])

    def _rows(self) -> list[dict[str, str]]:
        with self.path.open(newline="") as text:
            return list(csv.DictReader(text))

    def _save(self, rows: list[dict[str, str]]) -> None:
        with self.path.open(newline="") as text:
            header = next(csv.reader(text))
        with self.path.open("w", newline="") as text:
            writer = csv.DictWriter(text, header)
            writer.writeheader()
            writer.writerows(rows)


def connected(folder: Path) -> Connector:
    return connect(ConnectionSettings(id="book", options={"folder": str(folder)}))


class TestFiles(ConnectorContract):
    @pytest.fixture
    def connector(self, small_book: Path) -> Connector:
        return connected(small_book)

    @pytest.fixture
    def people(self, small_book: Path) -> People:
        return Editor(small_book / "tasks.csv")

    @pytest.fixture
    def failing(self, small_book: Path) -> Connector:
        (small_book / "accounts.csv").unlink()
        (small_book / "tasks.csv").write_text("not,a,task,sheet\n")
        return connected(small_book)
