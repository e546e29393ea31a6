"""Sweeping: what is due and what it costs, and what only a sweep can see."""

from __future__ import annotations

from typing import Any

import pytest

from refsync.connector import Batch
from refsync.errors import UnexpectedReply
from refsync.model import Activity, Contact, Stream
from refsync_salesforce.connector import SalesforceConnector
from refsync_salesforce.sweep import Progress, progress
from tests.salesforce.sandboxed import Hands, mirror

DAILY = {"hours": 24, "minutes": 1}


def first(connector: SalesforceConnector, stream: Stream) -> tuple[str, str]:
    """Read a stream whole and begin to sweep it; return both cursors."""
    read = list(connector.read(stream, None))[-1].cursor
    (noted,) = connector.sweep(stream, None)
    assert read is not None
    assert noted.cursor is not None
    return read, noted.cursor


def swept(hands: Hands, connector: SalesforceConnector, stream: Stream, read: str, cursor: str, **span: float) -> list[Batch]:
    """Let time pass and sweep after a read, as a tick does."""
    hands.later(**span)
    list(connector.read(stream, read))
    return list(connector.sweep(stream, cursor))


def listed(found: list[Batch]) -> set[str]:
    return {one for batch in found for one in (*batch.present, *(record.id for record in batch.records))}


@pytest.mark.parametrize("stream", sorted(SalesforceConnector.streams))
def test_nothing_is_asked_when_nothing_is_due(hands: Hands, stream: Stream) -> None:
    """The first sweep notes the time; a quarter of an hour later nothing is due. Neither costs a call."""
    connector = hands.connect()
    read = list(connector.read(stream, None))[-1].cursor
    hands.calls()
    (noted,) = connector.sweep(stream, None)
    assert {} == hands.calls()

    hands.later(minutes=15)
    list(connector.read(stream, read))
    hands.calls()
    assert [] == list(connector.sweep(stream, noted.cursor))
    assert {} == hands.calls()


@pytest.mark.parametrize("page_size", [5, 2000])
def test_the_daily_pass_lists_every_living_row(hands: Hands, page_size: int) -> None:
    """Once a day all ids of the stream are listed, deleted ones left out, and only the last batch is whole."""
    connector = hands.connect(page_size=page_size)
    read, cursor = first(connector, Stream.CONTACTS)
    known = mirror(list(hands.connect().read(Stream.CONTACTS, None)))
    gone = min(known)
    hands.delete("Contact", gone)
    found = swept(hands, connector, Stream.CONTACTS, read, cursor, **DAILY)

    assert set(known) - {gone} == listed(found)
    assert [False] * (len(found) - 1) + [True] == [batch.whole for batch in found]
    assert found[-1].cursor is not None
    assert [] == list(connector.sweep(Stream.CONTACTS, found[-1].cursor))


def test_purged_row_is_not_listed(hands: Hands) -> None:
    """A row that was removed for good is in no query; the list of ids shows that it is gone."""
    connector = hands.connect()
    read, cursor = first(connector, Stream.ACTIVITIES)
    task = hands.create("Task", Subject="Short-lived", TaskSubtype="Call")
    hands.org({"do": "purge", "id": task})
    found = swept(hands, connector, Stream.ACTIVITIES, read, cursor, **DAILY)

    known = mirror(list(hands.connect().read(Stream.ACTIVITIES, None)))
    assert set(known) <= listed(found)
    assert task not in listed(found)
    assert found[-1].whole


def test_pass_that_was_cut_short_goes_on(hands: Hands) -> None:
    """Whoever stops after any batch and goes on from its cursor has listed the same ids in the end."""
    connector = hands.connect(page_size=7)
    read, cursor = first(connector, Stream.ACTIVITIES)
    whole = swept(hands, connector, Stream.ACTIVITIES, read, cursor, **DAILY)
    assert len(whole) > 6

    for number in range(1, len(whole), 3):
        if (stopped := whole[number - 1].cursor) is not None:
            rest = list(hands.connect(page_size=7).read(Stream.USERS, None)) and list(connector.sweep(Stream.ACTIVITIES, stopped))
            assert listed(whole) == listed([*whole[:number], *rest])
            assert rest[-1].whole


def test_hidden_object_is_not_taken_for_an_empty_one(hands: Hands) -> None:
    """When an object that was listed before is hidden, the list without it is not whole."""
    connector = hands.connect()
    read, cursor = first(connector, Stream.ACTIVITIES)
    hands.org({"do": "hide_object", "object": "EmailMessage"})
    hands.later(**DAILY)
    anew = hands.connect()
    list(anew.read(Stream.ACTIVITIES, read))
    found = list(anew.sweep(Stream.ACTIVITIES, cursor))

    assert found
    assert not any(batch.whole for batch in found)


def test_row_that_appears_hours_late_is_found(hands: Hands) -> None:
    """A row of a transaction of hours is behind every window when it becomes visible; the daily pass goes back far enough."""
    connector = hands.connect()
    read, cursor = first(connector, Stream.CONTACTS)
    hands.later(hours=-5)
    late = hands.create("Contact", LastName="Late")
    hands.later(hours=6)
    ticked = list(connector.read(Stream.CONTACTS, read))
    assert late not in mirror(ticked)

    found = swept(hands, connector, Stream.CONTACTS, str(ticked[-1].cursor), cursor, **DAILY)
    assert late in mirror(found)


def relation(hands: Hands, task: str, contact: str) -> str:
    return hands.create("TaskRelation", TaskId=task, RelationId=contact)


def people(found: dict[str, Any], activity: str) -> set[str]:
    value = found[activity]
    assert isinstance(value, Activity)
    return set(value.contact_ids)


def test_cut_link_is_seen_within_a_day(hands: Hands) -> None:
    """A link that was removed moves no stamp and is in no query: the log of deletes tells, and the tasks are read anew."""
    one, two = list(hands.ids("contacts").values())[:2]
    task = hands.create("Task", Subject="Both", TaskSubtype="Call", WhoId=one)
    link = relation(hands, task, two)
    hands.later(hours=1)
    connector = hands.connect()
    read, cursor = first(connector, Stream.ACTIVITIES)
    known = mirror(list(connector.read(Stream.ACTIVITIES, None)))
    assert {one, two} == people(known, task)

    hands.delete("TaskRelation", link)
    hands.calls()
    hourly = swept(hands, connector, Stream.ACTIVITIES, read, cursor, hours=1, minutes=5)
    assert "Task" in progress(str(hourly[-1].cursor)).torn
    daily = swept(hands, connector, Stream.ACTIVITIES, read, str(hourly[-1].cursor), hours=23)

    assert {one} == people(mirror(daily, known), task)
    assert frozenset() == progress(str(daily[-1].cursor)).torn


def test_cut_link_of_which_the_org_tells_is_seen_within_the_hour(hands: Hands) -> None:
    """Where the org still shows what a cut link belonged to, that task alone is read anew, at once."""
    hands.org({"do": "show_deleted", "object": "TaskRelation"})
    one, two = list(hands.ids("contacts").values())[:2]
    task = hands.create("Task", Subject="Both", TaskSubtype="Call", WhoId=one)
    link = relation(hands, task, two)
    hands.later(hours=1)
    connector = hands.connect()
    read, cursor = first(connector, Stream.ACTIVITIES)
    hands.delete("TaskRelation", link)
    hourly = swept(hands, connector, Stream.ACTIVITIES, read, cursor, hours=1, minutes=5)

    assert [task] == list(mirror(hourly))
    assert {one} == people(mirror(hourly), task)
    assert frozenset() == progress(str(hourly[-1].cursor)).torn


def test_hourly_look_costs_one_call(hands: Hands) -> None:
    """Links of tasks and events are looked for in one call an hour."""
    connector = hands.connect()
    read, cursor = first(connector, Stream.ACTIVITIES)
    hands.later(hours=1, minutes=1)
    list(connector.read(Stream.ACTIVITIES, read))
    hands.calls()
    (noted,) = connector.sweep(Stream.ACTIVITIES, cursor)

    assert {"POST composite": 1} == hands.calls()
    assert frozenset() == progress(str(noted.cursor)).torn


def test_log_that_lags_is_asked_again_from_where_it_ended(hands: Hands) -> None:
    """What the log of deletes does not cover yet is asked for the next time."""
    connector = hands.connect()
    read, cursor = first(connector, Stream.ACTIVITIES)
    hands.org({"do": "replication_log", "behind_seconds": 1800})
    (noted,) = swept(hands, connector, Stream.ACTIVITIES, read, cursor, hours=2)
    done = progress(str(noted.cursor))

    assert 0 <= done.looked - done.links - 1_800_000 < 60_000


def test_merged_away_contact_takes_its_links_along(hands: Hands) -> None:
    """After a merge the rows that refer to the survivor are read in the same run, whether or not their stamp moved."""
    connector = hands.connect()
    cursors = {stream: list(connector.read(stream, None))[-1].cursor for stream in (Stream.ACCOUNTS, Stream.CONTACTS)}
    (gone, gone_id), (survivor, survivor_id) = list(hands.ids("accounts").items())[:2]
    moved = [
        one.id
        for one in mirror(list(connector.read(Stream.CONTACTS, None))).values()
        if isinstance(one, Contact) and one.account_id == gone_id
    ]
    assert moved
    hands.later(hours=1)
    hands.change({"op": "merge", "table": "accounts", "id": gone, "into": survivor})
    for one in moved:  # as if the platform had moved them without touching their stamp
        hands.org({"do": "stamp", "object": "Contact", "at": "2024-01-01T00:00:00Z", "where": f"Id = '{one}'"})
    hands.later(minutes=5)
    list(connector.read(Stream.ACCOUNTS, cursors[Stream.ACCOUNTS]))
    found = mirror(list(connector.read(Stream.CONTACTS, cursors[Stream.CONTACTS])))

    assert {survivor_id} == {found[one].account_id for one in moved}  # type: ignore[union-attr]


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"links": 1}', '{"daily": "2024-03-01T10:00:00Z"}', "null"])
def test_cursor_of_somebody_else_is_refused(text: str) -> None:
    """A text that is no cursor of a sweep is an error, not a beginning."""
    with pytest.raises(UnexpectedReply):
        progress(text)


def test_a_cursor_leads_back_to_its_progress() -> None:
    """What is written into a cursor is read out of it."""
    done = Progress(
        links=1_000,
        looked=2_000,
        daily=3_000,
        objects=frozenset({"Task", "Event"}),
        object="Task",
        id="00T000000000001AAA",
        torn=frozenset({"Event"}),
    )

    assert done == progress(done.cursor)
