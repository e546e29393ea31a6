"""Rows that cannot be read: one of each kind, for books that must be read all the same."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

from refsync.book import COLUMNS, Book, file_name
from refsync.model import Stream

BROKEN: dict[Stream, tuple[dict[str, str], ...]] = {
    Stream.USERS: ({"id": ""}, {"active": "perhaps"}),
    Stream.ACCOUNTS: (
        {"status": "customr"},
        {"created_at": "yesterday"},
        {"created_at": "2024-01-01T00:00:00"},
        {"created_at": "1850-01-01T00:00:00Z"},
        {"annual_revenue": "a lot"},
        {"do_not_contact": "maybe"},
    ),
    Stream.CONTACTS: ({"account_id": "A-nowhere"}, {"account_id": "odd-accounts-0"}, {"created_at": "2024-02-30T00:00:00Z"}),
    Stream.DEALS: ({"closed_on": "30.09.2024"}, {"status": "wonn"}, {"account_id": "A-nowhere"}, {"amount": "nan"}),
    Stream.DEAL_CONTACTS: ({"deal_id": "D-nowhere"}, {"contact_id": "odd-contacts-0"}, {"deal_id": ""}),
    Stream.ACCOUNT_CONTACTS: ({"account_id": "A-nowhere"}, {"contact_id": ""}),
    Stream.INTRODUCTIONS: ({"status": "perhaps"}, {"account_id": "A-nowhere"}, {"made_at": "soon"}),
    Stream.CASES: ({"account_id": "A-nowhere"}, {"escalated": "very"}),
    Stream.ACTIVITIES: (
        {"kind": "cal"},
        {"kind": ""},
        {"direction": "sideways"},
        {"at": "2026-11-01 10:00"},
        {"at": "soon"},
        {"status": "finished"},
        {"account_id": "A-nowhere"},
        {"account_id": "odd-accounts-1"},
        {"deal_id": "odd-deals-0"},
        {"contact_ids": "C-000000-1;C-nowhere"},
    ),
}
"""Per stream, the cell that spoils an otherwise good row."""


def spoil(folder: Path) -> dict[Stream, int]:
    """Append broken rows, a second row of an id and a cut-off row to each file, and return how many must be set aside.

    What can be read of the book stays what it was.
    """
    book = Book.open(folder)
    first: dict[Stream, str] = {
        stream: row.id for stream in Stream if stream is not Stream.DEAL_CONTACTS for row in islice(book.read(stream), 1)
    }
    counts = {}
    for stream, spoilt in BROKEN.items():
        rows = [_row(stream, f"odd-{stream.value}-{number}", cells, first) for number, cells in enumerate(spoilt)]
        rows += [_row(stream, first[stream], {}, first)] if stream in first else []
        with (folder / file_name(stream)).open("a", encoding="utf-8", newline="") as text:
            text.write("".join(f"{row}\r\n" for row in rows) + "cut,off\r\n")
        counts[stream] = len(rows) + 1
    return counts


def _row(stream: Stream, identity: str, cells: dict[str, str], first: dict[Stream, str]) -> str:
    good = {
        "id": identity,
        "kind": "call",
        "status": "done" if stream is Stream.ACTIVITIES else "",
        "at": "2026-11-01T10:00:00Z",
        "deal_id": first[Stream.DEALS],
        "contact_id": first[Stream.CONTACTS],
        "role": identity,
    }
    if stream is Stream.ACCOUNT_CONTACTS:
        good["account_id"] = first[Stream.ACCOUNTS]
    if stream is Stream.ACTIVITIES and not cells:
        good["deal_id"] = ""
    return ",".join((good | cells).get(name, "") for name in COLUMNS[stream])
