"""A believable book of business of any size, from a seed.

Law: the same arguments give the same bytes, memory stays flat, and the book has no problems.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from pathlib import Path

from refsync.book import BookWriter
from refsync.model import Record, Stream, instant
from refsync_sandbox.generator.account import Scene, cases, parts, scene
from refsync_sandbox.generator.history import history
from refsync_sandbox.generator.motions import gratitude, motions
from refsync_sandbox.generator.network import network
from refsync_sandbox.generator.team import team

__all__ = ["write_book"]

FURTHER_COLUMNS = {
    Stream.ACCOUNTS: ("go_live_on", "roi_proven_on", "thanked_on", "value_added_on"),
    Stream.DEALS: ("source",),
}


def with_thanks(told: Scene, seed: int) -> Scene:
    """Return a scene in whose account it stands when they thanked us."""
    found = gratitude(told, seed)
    return replace(told, account=replace(told.account, custom={**told.account.custom, **found})) if found else told


def write_book(folder: Path, *, accounts: int, seed: int, now: datetime, second_accounts: float = 0.03) -> dict[str, int]:
    """Write a book of so many accounts as it stands at `now`, and return the number of rows of each file.

    `second_accounts` is the share of people who belong to a second account.
    """
    at, people = instant(now), team(accounts, seed)
    with BookWriter(folder, FURTHER_COLUMNS) as book:
        for user in people.users:
            book.write(user)
        for number in range(accounts):
            told = with_thanks(scene(number, seed, at, people), seed)
            before: tuple[Record, ...] = (told.account, *told.contacts, *told.deals, *parts(told), *cases(told))
            happened = tuple(history(told))
            for record in (*before, *happened, *motions(told, seed, happened), *network(told, seed, second_accounts)):
                book.write(record)
    return book.counts
