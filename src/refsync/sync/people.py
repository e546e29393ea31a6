"""Who could be given a task, as the mirror knows them."""

from __future__ import annotations

from collections.abc import Iterable

from refsync.model import Stream
from refsync.plan import About, People
from refsync.rules.rule import Match
from refsync.store.engine import Database
from refsync.store.records import directory


def people_of(db: Database, connection: str, matches: Iterable[Match], about: Iterable[About]) -> People:
    """Return who could be given a task: everybody, and who owns the people and deals of these subjects."""
    events: list[Match | About] = [*(match for match in matches if match.subject_kind != "account"), *about]
    return People(
        users=directory.users(db, connection),
        contact_owner=directory.owners(db, connection, Stream.CONTACTS, {one.contact_id for one in events if one.contact_id}),
        deal_owner=directory.owners(db, connection, Stream.DEALS, {one.deal_id for one in events if one.deal_id}),
    )
