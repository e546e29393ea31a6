"""Rows as refsync's values: pure, each rule of the field map once, and what holds for any row."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from refsync.model import AccountStatus, ActivityKind, ActivityStatus, DealStatus, Direction, instant, moment, parse_instant
from refsync_salesforce import activities, translate
from refsync_salesforce.values import Unreadable, as_text, stamp
from refsync_salesforce.words import Terms

TERMS = Terms()
WHO, WHO_2, LEAD = "003000000000001AAA", "003000000000002AAA", "00Q000000000001AAA"
ACCOUNT, DEAL, CASE = "001000000000001AAA", "006000000000001AAA", "500000000000001AAA"
TEN = parse_instant("2024-03-01T10:00:00Z")
NOON = parse_instant("2024-03-01T12:00:00Z")
AT = "2024-03-01T10:00:00.000+0000"


def task(**changed: Any) -> Any:
    row = {
        "Id": "00T000000000001AAA",
        "Status": "Completed",
        "IsClosed": True,
        "CompletedDateTime": AT,
        "ActivityDate": "2024-03-02",
    }
    return activities.task_activity(row | changed, TERMS)


def event(**changed: Any) -> Any:
    row = {"Id": "00U000000000001AAA", "StartDateTime": AT, "EndDateTime": "2024-03-01T11:00:00.000+0000", "IsChild": False}
    return activities.event_activity(row | changed, TERMS)


def email(**changed: Any) -> Any:
    row = {"Id": "02s000000000001AAA", "MessageDate": AT, "Status": "3", "Incoming": False, "IsBounced": False}
    return activities.email_activity(row | changed)


# --- activities -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "kind"),
    [
        ({"TaskSubtype": "Call"}, ActivityKind.CALL),
        ({"TaskSubtype": "Email"}, ActivityKind.EMAIL),
        ({"TaskSubtype": "ListEmail"}, ActivityKind.EMAIL),
        ({"TaskSubtype": "Cadence"}, ActivityKind.EMAIL),
        ({"TaskSubtype": "LinkedIn"}, ActivityKind.MESSAGE),
        ({"TaskSubtype": "Task"}, ActivityKind.TASK),
        ({"TaskSubtype": "Something new"}, ActivityKind.TASK),
        ({"TaskSubtype": None}, ActivityKind.TASK),
        ({"TaskSubtype": "Task", "Type": "Call"}, ActivityKind.CALL),
        ({"Type": "Meeting"}, ActivityKind.MEETING),
        ({"TaskSubtype": "Task", "CallType": "Outbound"}, ActivityKind.CALL),
        ({"Subject": "Call with Ann"}, ActivityKind.TASK),
        ({"TaskSubtype": "Call", "refsync_key__c": "ab" * 32}, ActivityKind.TASK),
    ],
)
def test_kind_of_a_task_row(fields: dict[str, Any], kind: ActivityKind) -> None:
    """The subtype decides, then the older Type, then a call's own field; never the subject. Our own tasks are tasks."""
    assert kind is task(**fields).kind


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({}, ActivityStatus.DONE),
        ({"IsClosed": False, "Status": "Not Started"}, ActivityStatus.PLANNED),
        ({"Status": "Cancelled"}, ActivityStatus.CANCELLED),
        ({"CallDisposition": "No answer"}, ActivityStatus.NO_SHOW),
        ({"CallDisposition": "BOUNCED "}, ActivityStatus.BOUNCED),
        ({"CallDisposition": "Reached"}, ActivityStatus.DONE),
        ({"IsClosed": False, "CallDisposition": "No answer"}, ActivityStatus.PLANNED),
        ({"IsClosed": None}, None),
    ],
)
def test_status_of_a_task_row(fields: dict[str, Any], status: ActivityStatus | None) -> None:
    """Closed is done unless the org's words say that nobody was reached; an unknown state stays unknown."""
    assert status is task(**fields).status


def test_when_a_task_took_place() -> None:
    """A closed task took place when it was completed; an open one is to take place at noon of its day; a due date is no touch."""
    assert TEN == task().at
    assert NOON == task(IsClosed=False, ActivityDate="2024-03-01").at
    assert NOON == task(CompletedDateTime=None, ActivityDate="2024-03-01").at
    assert task(CompletedDateTime=None, ActivityDate=None).at is None
    assert "ab" == task(refsync_key__c="ab").task_key


def test_direction_of_calls() -> None:
    """Inbound came from the customer; internal calls have no direction."""
    found = [task(CallType=word).direction for word in ("Inbound", "Outbound", "Internal", None)]

    assert [Direction.IN, Direction.OUT, None, None] == found


def test_automated_mail_among_tasks() -> None:
    """List mails and cadences are automated; a rep's own mail is not."""
    assert [True, True, False] == [task(TaskSubtype=kind).automated for kind in ("ListEmail", "Cadence", "Email")]


def test_links_of_an_activity() -> None:
    """The primary person stands first, each contact once; leads and deleted links are left out."""
    relations = [
        {"RelationId": WHO_2},
        {"RelationId": WHO},
        {"RelationId": LEAD},
        {"RelationId": None},
        {"RelationId": "003000000000003AAA", "IsDeleted": True},
    ]
    found = task(WhoId=WHO, WhatId=DEAL, AccountId=ACCOUNT, TaskRelations=relations)

    assert (ACCOUNT, DEAL, (WHO, WHO_2)) == (found.account_id, found.deal_id, found.contact_ids)
    assert (ACCOUNT, None) == (task(WhatId=ACCOUNT).account_id, task(WhatId=ACCOUNT).deal_id)
    assert (None, None) == (task(WhatId=CASE).account_id, task(WhatId=CASE).deal_id)
    assert () == task(WhoId=LEAD).contact_ids


def test_series_and_copies_are_no_activities() -> None:
    """The head of a series is not a meeting, and an invitee's copy is the same meeting again."""
    assert [None, None, None] == [event(IsChild=True), event(IsRecurrence=True), task(IsRecurrence=True)]


@pytest.mark.parametrize(
    ("outcome", "status"),
    [
        ("Completed", ActivityStatus.DONE),
        ("Planned", ActivityStatus.PLANNED),
        ("Cancelled", ActivityStatus.CANCELLED),
        ("No show", ActivityStatus.NO_SHOW),
        ("", ActivityStatus.DONE),
        (None, ActivityStatus.DONE),
        ("Rescheduled", None),
    ],
)
def test_outcome_of_a_meeting(outcome: str | None, status: ActivityStatus | None) -> None:
    """Without an outcome a meeting counts as held, since the platform keeps none; a word nobody explained proves nothing."""
    assert status is event(Outcome__c=outcome).status


def test_times_of_a_meeting() -> None:
    """A meeting has a start and an end; an all-day one without times has its day."""
    assert (TEN, TEN + 3_600_000) == (event().at, event().ended_at)
    assert NOON == event(StartDateTime=None, EndDateTime=None, ActivityDate="2024-03-01").at


@pytest.mark.parametrize(
    ("fields", "status", "direction"),
    [
        ({}, ActivityStatus.DONE, Direction.OUT),
        ({"Incoming": True}, ActivityStatus.DONE, Direction.IN),
        ({"Incoming": None}, ActivityStatus.DONE, None),
        ({"IsBounced": True}, ActivityStatus.BOUNCED, Direction.OUT),
        ({"Status": "5"}, ActivityStatus.PLANNED, Direction.OUT),
    ],
)
def test_mails(fields: dict[str, Any], status: ActivityStatus, direction: Direction | None) -> None:
    """A draft is planned, a bounced mail reached nobody, Incoming says who began."""
    assert (status, direction) == (email(**fields).status, email(**fields).direction)


def test_people_and_subject_of_a_mail() -> None:
    """A mail's people come from its relations; it belongs to what it is related to."""
    found = email(RelatedToId=DEAL, CreatedById="005000000000001AAA", EmailMessageRelations=[{"RelationId": WHO}])

    assert (DEAL, (WHO,), "005000000000001AAA") == (found.deal_id, found.contact_ids, found.owner_id)
    assert [True, False] == [email(AutomationType=kind).automated for kind in ("AiAutomated", "AiAssisted")]


# --- records ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("Customer - Direct", AccountStatus.CUSTOMER),
        ("customer", AccountStatus.CUSTOMER),
        ("Former Customer", AccountStatus.FORMER),
        ("Prospect", AccountStatus.PROSPECT),
        ("Partner", None),
        (None, None),
    ],
)
def test_status_of_an_account(word: str | None, status: AccountStatus | None) -> None:
    """An account's status is read from the beginning of its type; other types mean nothing."""
    assert status is translate.account({"Id": ACCOUNT, "Type": word}, TERMS).status


def test_account_with_custom_fields() -> None:
    """Mapped fields become values, further ones text by their described type; empty ones are left out."""
    row = {
        "Id": ACCOUNT,
        "Name": "Acme",
        "Tier__c": "Gold",
        "Do_Not_Contact__c": True,
        "AnnualRevenue": 12,
        "CreatedDate": AT,
        "Go_Live_Date__c": "2024-02-01",
        "Seats__c": 12.0,
        "Note__c": None,
    }
    custom = tuple(
        (name, as_text(kind)) for name, kind in (("Go_Live_Date__c", "date"), ("Seats__c", "double"), ("Note__c", "string"))
    )
    found = translate.account(row, TERMS, custom)

    assert ("Acme", "Gold", True, 12.0, TEN) == (
        found.name,
        found.tier,
        found.do_not_contact,
        found.annual_revenue,
        found.created_at,
    )
    assert {"Go_Live_Date__c": "2024-02-01", "Seats__c": "12"} == found.custom


@pytest.mark.parametrize(
    ("kind", "value", "text"),
    [
        ("datetime", AT, "2024-03-01T10:00:00Z"),
        ("date", "2024-03-01", "2024-03-01"),
        ("boolean", True, "true"),
        ("boolean", False, "false"),
        ("currency", 1.5, "1.5"),
        ("int", 3, "3"),
        ("string", "x", "x"),
    ],
)
def test_custom_values_as_text(kind: str, value: object, text: str) -> None:
    """Values are written the way a book of business writes them."""
    assert text == as_text(kind)(value)


@pytest.mark.parametrize(
    ("fields", "refused"),
    [
        ({}, None),
        ({"DoNotCall": None}, None),
        ({"HasOptedOutOfEmail": False, "DoNotCall": False}, False),
        ({"HasOptedOutOfEmail": False, "Do_Not_Contact__c": True}, True),
        ({"DoNotCall": True}, True),
    ],
)
def test_one_opt_out_is_an_opt_out(fields: dict[str, Any], refused: bool | None) -> None:
    """Any of the opt-outs counts; no known field means unknown."""
    assert refused is translate.contact({"Id": WHO, **fields}, TERMS).do_not_contact


def test_names_of_people() -> None:
    """A name is first and last, or the last alone."""
    found = [
        translate.contact({"Id": WHO, "FirstName": first, "LastName": last}, TERMS).name
        for first, last in (("Ann", "Lee"), (None, "Lee"), (None, None))
    ]

    assert ["Ann Lee", "Lee", ""] == found


@pytest.mark.parametrize(
    ("closed", "won", "status", "closed_on"),
    [
        (False, False, DealStatus.OPEN, None),
        (True, True, DealStatus.WON, date(2024, 3, 1)),
        (True, False, DealStatus.LOST, date(2024, 3, 1)),
        (None, None, None, None),
    ],
)
def test_status_of_a_deal(closed: bool | None, won: bool | None, status: DealStatus | None, closed_on: date | None) -> None:
    """The flags decide, not the stage's label; a planned close date is not the day it was closed."""
    row = {"Id": DEAL, "IsClosed": closed, "IsWon": won, "StageName": "Closed Won", "CloseDate": "2024-03-01"}
    found = translate.deal(row, TERMS)

    assert (status, closed_on) == (found.status, found.closed_on)


@pytest.mark.parametrize(
    ("fields", "active"),
    [
        ({}, True),
        ({"IsActive": False}, False),
        ({"Profile": None}, False),
        ({"Profile": {"Name": "Chatter Expert"}}, False),
        ({"Name": "Automated Process"}, False),
        ({"Name": "Platform Integration User"}, False),
        ({"Profile": {"Name": "Minimum Access - API Only Integrations"}}, False),
        ({"UserType": "AutomatedProcess"}, False),
        ({"UserType": "Standard"}, True),
    ],
)
def test_users_of_the_platform_are_nobody(fields: dict[str, Any], active: bool) -> None:
    """A user without a profile, or one that the platform made for itself, never gets a task, although it is active."""
    row = {"Id": "005000000000001AAA", "Name": "Ann Lee", "IsActive": True, "Profile": {"Name": "Standard User"}}

    assert active is translate.user(row | fields).active


def test_open_case_has_no_end() -> None:
    """A case that was opened again keeps its old closing time in the CRM; it is open all the same."""
    row = {"Id": CASE, "IsClosed": False, "ClosedDate": AT, "CreatedDate": AT, "IsEscalated": True}

    assert (None, TEN, True) == (
        translate.case(row).closed_at,
        translate.case(row).opened_at,
        translate.case(row).escalated,
    )


@pytest.mark.parametrize(
    "fields", [{"Amount": 10**400}, {"Amount": "12"}, {"Amount": True}, {"CreatedDate": "9999-12-31T00:00:00Z"}, {"Name": {}}]
)
def test_mistaken_values_are_unreadable(fields: dict[str, Any]) -> None:
    """A number no store keeps, a text for a number and a year that nobody means set a record aside."""
    with pytest.raises(Unreadable):
        translate.deal({"Id": DEAL, **fields}, TERMS)


def test_deal_contact_needs_both_ends() -> None:
    """A link without a deal or a person cannot be read."""
    with pytest.raises(Unreadable):
        translate.deal_contact({"Id": "00K000000000001AAA", "OpportunityId": DEAL})

    assert WHO == translate.deal_contact({"Id": "00K000000000001AAA", "OpportunityId": DEAL, "ContactId": WHO}).contact_id


# --- laws -------------------------------------------------------------------------------------------------------------

moments = st.integers(parse_instant("1900-01-01T00:00:00Z") // 1000, parse_instant("2200-01-01T00:00:00Z") // 1000).map(
    lambda second: moment(second * 1000)
)


@given(moments)
def test_stamps_are_read_exactly(at: datetime) -> None:
    """Any second comes back as the instant it was, in the form of REST and in that of CSV."""
    text = at.strftime("%Y-%m-%dT%H:%M:%S.000")

    assert instant(at) == stamp(f"{text}+0000") == stamp(f"{text}Z")
    assert at == moment(stamp(f"{text}+0000"))


@given(st.text(max_size=30) | st.none() | st.integers() | st.booleans())
def test_other_texts_are_no_stamps(text: object) -> None:
    """Anything else is unreadable, never a wrong time and never another error."""
    try:
        found = stamp(text)
    except Unreadable:
        return
    assert isinstance(text, str)
    assert parse_instant(text) == found


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8) | st.just(AT),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=4), inner, max_size=2),
    max_leaves=4,
)
NAMES = """
    Id Name Subject IsClosed IsWon Amount CreatedDate CloseDate ActivityDate WhoId WhatId AccountId Profile Email TaskSubtype
    CompletedDateTime MessageDate Incoming StartDateTime Status UserType Type CallType CallDisposition AutomationType
    OpportunityId ContactId IsPrimary X__c
"""
FIELDS = st.sampled_from(NAMES.split())


@given(st.dictionaries(FIELDS, ANYTHING, max_size=6))
def test_any_row_is_read_or_unreadable(row: dict[str, Any]) -> None:
    """Whatever a field holds, a row becomes a value or is set aside; it never ends the run."""
    row.setdefault("Id", "001000000000001AAA")
    custom = (("X__c", as_text("double")), ("X__c", as_text("datetime")))
    for read in (
        lambda: translate.user(row, custom),
        lambda: translate.account(row, TERMS, custom),
        lambda: translate.contact(row, TERMS),
        lambda: translate.deal(row, TERMS),
        lambda: translate.deal_contact(row),
        lambda: translate.case(row),
        lambda: activities.task_activity(row, TERMS),
        lambda: activities.event_activity(row, TERMS),
        lambda: activities.email_activity(row),
    ):
        try:
            found = read()
        except Unreadable:
            continue
        assert found is None or isinstance(found.id, str)
