"""Who is away in Salesforce: the out-of-office messages of users, over HTTP, and what they mean."""

from __future__ import annotations

from typing import Any

import pytest

from refsync.model import Record, Stream, User, iso, parse_instant
from refsync_salesforce.absences import absence
from refsync_salesforce.connector import SalesforceConnector
from tests.salesforce.sandboxed import NOW, Hands, mirror

DAY = 86_400_000
PRESENT = int(NOW.timestamp()) * 1000
START, END = PRESENT - 2 * DAY, PRESENT + 5 * DAY
WITHOUT = '"errorCode": "INVALID_TYPE", "message": "sObject type \'OutOfOffice\' is not supported."'


class Reads:
    """What a mirror holds of the users, read after read."""

    def __init__(self, connector: SalesforceConnector) -> None:
        self._connector = connector
        self._cursor: str | None = None
        self._held: dict[str, Record] = {}

    def of(self, user_id: str) -> User:
        batches = list(self._connector.read(Stream.USERS, self._cursor))
        assert not any(batch.partial or batch.set_aside for batch in batches)
        self._cursor, self._held = batches[-1].cursor, mirror(batches, self._held)
        found = self._held[user_id]
        assert isinstance(found, User)
        return found

    def away(self, user_id: str) -> tuple[int | None, int | None]:
        user = self.of(user_id)
        return user.away_from, user.away_until


@pytest.fixture
def rep(hands: Hands) -> tuple[str, str]:
    """A user by book id and by CRM id."""
    return next(iter(hands.ids("users").items()))


def set_(hands: Hands, rep: tuple[str, str], **columns: object) -> None:
    values = {name: iso(at) if isinstance(at, int) else at for name, at in columns.items()}
    hands.change({"op": "change", "table": "users", "id": rep[0], "set": values})


def test_an_absence_comes_and_goes(hands: Hands, rep: tuple[str, str]) -> None:
    """An absence that somebody enters, moves and takes back is known with the next read; the rest of the user stays as it is."""
    reads = Reads(hands.connect())
    before = reads.of(rep[1])
    assert (None, None) == (before.away_from, before.away_until)
    set_(hands, rep, away_from=START, away_until=END)
    away = reads.of(rep[1])
    assert (START, END) == (away.away_from, away.away_until)
    assert (before.name, before.email, before.time_zone, True) == (away.name, away.email, away.time_zone, away.active)
    set_(hands, rep, away_until=END + 9 * DAY)
    assert (START, END + 9 * DAY) == reads.away(rep[1])
    set_(hands, rep, away_from="", away_until="")
    assert before == reads.of(rep[1])


def test_a_change_of_the_user_leaves_the_absence(hands: Hands, rep: tuple[str, str]) -> None:
    """A user who is renamed, or gets another manager, while away is as away as before, and so is one of a first read."""
    set_(hands, rep, away_from=START, away_until=END)
    reads = Reads(hands.connect())
    assert (START, END) == reads.away(rep[1])
    hands.later(minutes=15)
    set_(hands, rep, name="Renamed Rep")
    hands.later(minutes=15)
    user = reads.of(rep[1])

    assert ("Renamed Rep", START, END) == (user.name, user.away_from, user.away_until)


def test_the_daily_sweep_leaves_the_absence(hands: Hands, rep: tuple[str, str]) -> None:
    """What is read again once a day, because it may have become visible late, is as away as before."""
    set_(hands, rep, name="Renamed Rep", away_from=START, away_until=END)
    hands.later(minutes=15)
    connector = hands.connect()
    held = mirror(list(connector.read(Stream.USERS, None)))
    (begun,) = connector.sweep(Stream.USERS, None)
    hands.later(hours=25)
    list(connector.read(Stream.ACCOUNTS, None))  # the connector learns that it is later
    swept = list(connector.sweep(Stream.USERS, begun.cursor))
    user = mirror(swept, held)[rep[1]]

    assert rep[1] in {record.id for batch in swept[:-1] for record in batch.records}
    assert isinstance(user, User)
    assert ("Renamed Rep", START, END) == (user.name, user.away_from, user.away_until)


def test_who_came_back_early_is_there(hands: Hands, rep: tuple[str, str]) -> None:
    """A message whose end somebody moved into the past ends the absence: there is nobody to wait for."""
    set_(hands, rep, away_from=START - 9 * DAY, away_until=END)
    reads = Reads(hands.connect())
    reads.of(rep[1])
    set_(hands, rep, away_until=START)

    assert (START - 9 * DAY, START) == reads.away(rep[1])


@pytest.mark.parametrize(
    "step",
    [
        {"do": "hide_object", "object": "OutOfOffice"},
        {"do": "hide_field", "object": "OutOfOffice", "field": "EndDate"},
        {"do": "hide_field", "object": "OutOfOffice", "field": "UserId"},
    ],
)
def test_an_org_that_does_not_show_it(hands: Hands, rep: tuple[str, str], step: dict[str, Any]) -> None:
    """Where messages, or what is needed of them, are hidden, everybody counts as there, and users are read as ever."""
    set_(hands, rep, away_from=START, away_until=END)
    hands.org(step)

    assert (None, None) == Reads(hands.connect()).away(rep[1])


def test_an_org_that_refuses_what_it_describes(hands: Hands, rep: tuple[str, str]) -> None:
    """A refusal of the messages alone stops no read of the users; of an org without them `refsync check` tells."""
    set_(hands, rep, away_from=START, away_until=END)
    hands.trouble({"kind": "status", "status": 400, "body": f"[{{{WITHOUT}}}]", "endpoint": "GET queryAll", "nth": 2})
    user = Reads(hands.connect()).of(rep[1])
    assert [1] == [fault["struck"] for fault in hands.armed()]
    hands.calm()

    assert (None, None) == (user.away_from, user.away_until)
    hands.org({"do": "hide_object", "object": "OutOfOffice"})
    (told,) = (one for one in hands.connect().check() if "away" in one.message)
    assert ("hint", True) == (told.severity, "everybody counts as there" in told.message)


def row(start: str, end: str, **more: object) -> dict[str, Any]:
    return {"StartDate": f"{start}T00:00:00.000+0000", "EndDate": f"{end}T00:00:00.000+0000", **more}


@pytest.mark.parametrize(
    ("rows", "days"),
    [
        ([], None),
        ([row("2026-11-01", "2026-11-01")], ("2026-11-01", "2026-11-02")),
        ([row("2026-11-01", "2026-11-09", IsEnabled=True, IsDeleted=False)], ("2026-11-01", "2026-11-10")),
        ([row("2026-11-01", "2026-11-09", IsEnabled=False)], None),
        ([row("2026-11-01", "2026-11-09", IsDeleted=True)], None),
        ([row("2026-12-01", "2026-12-24"), row("2026-11-01", "2026-11-09")], ("2026-12-01", "2026-12-25")),
        ([{"StartDate": None, "EndDate": None}, {"StartDate": "soon", "EndDate": 7}, {}], None),
    ],
)
def test_what_messages_mean(rows: list[dict[str, Any]], days: tuple[str, str] | None) -> None:
    """The last day counts as a whole; what is deleted, switched off or cannot be read is no absence."""
    wanted = days and tuple(parse_instant(f"{day}T00:00:00Z") for day in days)

    assert wanted == absence(rows)
