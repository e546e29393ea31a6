"""Windows and cursors: pure, and for any rows nothing is skipped."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from refsync.errors import UnexpectedReply
from refsync.model import iso, parse_instant
from refsync_salesforce.description import Child, Description, Field
from refsync_salesforce.sources import Source
from refsync_salesforce.window import Position, Selection, cursor, positions, selection

DAY = parse_instant("2024-03-01T00:00:00Z")
FIELD = Field(type="string", filterable=True)
TASK = Source(
    object="Task",
    attributes={"subject": "Subject", "who": "Who.Name"},
    custom=("X__c",),
    child="TaskRelation",
    read=lambda _row, _custom: None,
)


def described(*names: str, child: bool = False) -> Description:
    children = {"TaskRelation": Child(relationship="TaskRelations", field="TaskId")} if child else {}
    fields = {name: replace(FIELD, relationship=name.removesuffix("Id")) for name in names}
    return Description(fields=fields, children=children)


def asked(*names: str) -> Selection:
    return selection(TASK, described("Id", "SystemModstamp", *names), None)


def row(at: int, id_: str) -> dict[str, Any]:
    return {"Id": id_, "SystemModstamp": iso(at).replace("Z", ".000+0000")}


def test_first_load_begins_at_the_beginning_of_time() -> None:
    """Without a position there is no lower bound."""
    statement = asked().statement(Position().window(DAY, 600), 2000)

    assert (
        "SELECT Id, SystemModstamp FROM Task WHERE SystemModstamp < 2024-03-01T00:00:00Z ORDER BY SystemModstamp, Id LIMIT 2000"
    ) == statement


def test_next_window_begins_before_the_end_of_the_last() -> None:
    """Rows that became visible late are seen by the overlap."""
    statement = asked().statement(Position(done=DAY).window(DAY + 900_000, 600), 2000)

    assert "WHERE SystemModstamp >= 2024-02-29T23:50:00Z AND SystemModstamp < 2024-03-01T00:15:00Z ORDER" in statement


def test_page_edge_within_one_stamp() -> None:
    """Behind a row, its own stamp goes on by id: nothing is skipped and nothing repeated."""
    position = Position().window(DAY, 600).behind([row(DAY - 5000, "00T000000000001AAA")], "SystemModstamp")

    assert (
        "SystemModstamp >= 2024-02-29T23:59:55Z AND SystemModstamp < 2024-03-01T00:00:00Z"
        " AND (SystemModstamp > 2024-02-29T23:59:55Z OR Id > '00T000000000001AAA')"
    ) in asked().statement(position, 2000)


def test_only_described_fields_are_asked_for() -> None:
    """A field that the org does not show is left out; a parent's field needs the reference; people come by sub-query."""
    whole = described("Id", "SystemModstamp", "Subject", "WhoId", "IsDeleted", child=True)
    found = selection(TASK, whole, described("RelationId"))

    assert ("Id", "SystemModstamp", "IsDeleted", "Subject", "Who.Name", "(SELECT RelationId FROM TaskRelations)") == found.columns


@pytest.mark.parametrize(
    ("shown", "stamp"),
    [
        ({"SystemModstamp": True, "CreatedDate": True}, "SystemModstamp"),
        ({"SystemModstamp": False, "LastModifiedDate": True}, "LastModifiedDate"),
        ({"SystemModstamp": False, "CreatedDate": True}, "CreatedDate"),
        ({"LoginTime": True}, "LoginTime"),
    ],
)
def test_stamp_column_must_be_filterable(shown: dict[str, bool], stamp: str) -> None:
    """The first column that can be filtered tells the changes."""
    fields = {name: Field(type="datetime", filterable=filterable) for name, filterable in shown.items()}

    assert stamp == selection(TASK, Description(fields=fields, children={}), None).stamp


def test_object_without_a_stamp_cannot_be_read() -> None:
    """Without a column that can be filtered there is no window, and it is said."""
    with pytest.raises(UnexpectedReply):
        selection(TASK, described("Id"), None)


@pytest.mark.parametrize(
    "rows",
    [
        [row(DAY - 2000, "00T000000000002AAA"), row(DAY - 3000, "00T000000000001AAA")],
        [row(DAY, "00T000000000001AAA")],
        [row(DAY - 20_000, "00T000000000001AAA")],
        [row(DAY - 9000, "00T000000000009AAA")],
        [{"Id": "00T000000000001AAA"}],
        [{"Id": "' OR Id > '", "SystemModstamp": "2024-02-29T23:59:55Z"}],
    ],
)
def test_rows_must_follow_on(rows: list[dict[str, Any]]) -> None:
    """Rows out of order, outside the window, or the same place again are an error: a cursor must not pass unseen rows."""
    position = Position(upper=DAY, at=DAY - 9000, id="00T000000000009AAA")
    with pytest.raises(UnexpectedReply):
        position.behind(rows, "SystemModstamp")


def test_unreadable_row_among_others_is_no_place_to_go_on_from() -> None:
    """One row without a stamp does not stop the page; the position is behind the others."""
    rows = [row(DAY - 3000, "00T000000000001AAA"), {"Id": "00T000000000002AAA", "SystemModstamp": "soon"}]

    assert "00T000000000001AAA" == Position().window(DAY, 0).behind(rows, "SystemModstamp").id


seconds = st.integers(min_value=DAY // 1000 - 10**8, max_value=DAY // 1000).map(lambda second: second * 1000)
ids = st.from_regex(r"00T[A-Za-z0-9]{15}", fullmatch=True)
standing = st.builds(
    Position,
    done=st.none() | seconds,
    upper=st.none() | seconds,
    at=st.none() | seconds,
    id=st.just("") | ids,
    fields=st.lists(st.sampled_from(["Id", "Subject", "(SELECT RelationId FROM TaskRelations)"]), unique=True).map(tuple),
)


@given(st.dictionaries(st.sampled_from(["Task", "Event", "EmailMessage"]), standing))
def test_cursors_come_back_as_they_were(given_: dict[str, Position]) -> None:
    """A cursor is text and loses nothing."""
    assert given_ == positions(cursor(given_))


@pytest.mark.parametrize(
    "text", ["x", "[]", '{"Task": 1}', '{"Task": {"id": "\' OR", "fields": []}}', '{"Task": {"done": "now"}}']
)
def test_foreign_cursor_is_refused(text: str) -> None:
    """A text that is no cursor of ours is an error, and never ends up in a statement."""
    with pytest.raises(UnexpectedReply):
        positions(text)


@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 40)), unique=True, max_size=40),
    st.integers(1, 5),
)
def test_any_rows_on_any_stamps_are_each_seen_once(found: list[tuple[int, int]], size: int) -> None:
    """Paging by (stamp, id) meets every row exactly once, also when one stamp has more rows than a page."""
    rows = sorted((DAY + second * 1000, f"00T0000000000{number:02d}AAA") for second, number in found)
    position, seen = Position().window(DAY + 10_000, 600), []
    while page := [key for key in rows if position.at is None or key > (position.at, position.id)][:size]:
        seen += page
        position = position.behind([row(*key) for key in page], "SystemModstamp")

    assert rows == seen
