"""HubSpot's records as refsync's values."""

from __future__ import annotations

import json
from datetime import date, datetime
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from refsync.connector import Merge, Secret
from refsync.model import (
    Account,
    AccountStatus,
    Activity,
    Case,
    Contact,
    Deal,
    DealContact,
    DealStatus,
    User,
    parse_instant,
)
from refsync_hubspot import translate, values
from refsync_hubspot.activities import KINDS, activity_of
from refsync_hubspot.options import HubSpotOptions, Person
from refsync_hubspot.owners import absence, users
from refsync_hubspot.translate import Translated, Vocabulary, translated
from tests.hubspot.raw import NOON, PLAIN, PRIMARY, VOCABULARY, row, to


def test_company() -> None:
    """A company becomes an account, its texts numbers and instants."""
    company = row(
        name="Acme",
        hubspot_owner_id="7",
        hs_parent_company_id="100",
        lifecyclestage="customer",
        tier="A",
        industry="Rail",
        annualrevenue="5000.50",
        createdate="2024-03-01T12:00:00.000Z",
        do_not_contact="false",
        implemented_on="2024-02-01",
    )

    assert [
        Account(
            id="101",
            name="Acme",
            owner_id="7",
            parent_id="100",
            status=AccountStatus.CUSTOMER,
            tier="A",
            industry="Rail",
            annual_revenue=5000.5,
            created_at=NOON,
            do_not_contact=False,
            custom={"implemented_on": "2024-02-01"},
        )
    ] == list(translate.account(company, {}, VOCABULARY))


def test_null_and_empty_mean_unknown() -> None:
    """A property that is null, empty or absent leaves its field empty."""
    company = row(name=None, hubspot_owner_id="", annualrevenue="", createdate=None, lifecyclestage=None, do_not_contact="")

    assert [Account(id="101")] == list(translate.account(company, {}, VOCABULARY))


@pytest.mark.parametrize(
    ("stage", "status"),
    [
        ("customer", AccountStatus.CUSTOMER),
        ("former_customer", AccountStatus.FORMER),
        ("lead", AccountStatus.PROSPECT),
        ("12345", AccountStatus.FORMER),
        ("", None),
    ],
)
def test_lifecycle_stages(stage: str, status: AccountStatus | None) -> None:
    """Lifecycle stages say what an account is; a portal's own ones by option."""
    options = HubSpotOptions(token=Secret("x"), account_status={"12345": AccountStatus.FORMER})
    (found,) = translate.account(row(lifecyclestage=stage), {}, Vocabulary(options=options))

    assert status == found.status


def test_account_of_a_contact() -> None:
    """The company labelled primary wins over the property, and the property over the oldest association."""
    linked = {"companies": [to(9, PLAIN), to(30, PLAIN, PRIMARY)]}
    plain = {"companies": [to(30, PLAIN), to(9, PLAIN)]}
    accounts = [
        next(translate.contact(person, links, VOCABULARY)).account_id
        for person, links in (
            (row(associatedcompanyid="9"), linked),
            (row(associatedcompanyid="30"), plain),
            (row(), plain),
            (row(), {}),
        )
    ]

    assert ["30", "30", "9", None] == accounts


def test_contact_who_opted_out_of_mail_is_not_contacted() -> None:
    """Either property forbids; none says nothing."""
    said = [
        next(translate.contact(row(do_not_contact=own, hs_email_optout=mail), {}, VOCABULARY)).do_not_contact
        for own, mail in (("false", "true"), ("true", None), ("false", None), (None, ""))
    ]

    assert [True, True, False, None] == said


def test_contact() -> None:
    """Names are joined; a single one stays alone."""
    person = row(firstname="Ada", lastname="Byron", email="ada@x.example", phone="1", jobtitle="CTO", hubspot_owner_id="7")

    assert [Contact(id="101", name="Ada Byron", email="ada@x.example", phone="1", title="CTO", owner_id="7")] == list(
        translate.contact(person, {}, VOCABULARY)
    )
    assert "Byron" == next(translate.contact(row(lastname="Byron"), {}, VOCABULARY)).name


@pytest.mark.parametrize(
    ("facts", "stage", "status"),
    [
        ({"hs_is_closed": "true", "hs_is_closed_won": "true", "hs_is_closed_lost": "false"}, "s1", DealStatus.WON),
        ({"hs_is_closed": "true", "hs_is_closed_won": "false"}, "s2", DealStatus.LOST),
        ({"hs_is_closed_lost": "true"}, "s1", DealStatus.LOST),
        ({"hs_is_closed": "false", "hs_is_closed_won": "false"}, "s2", DealStatus.OPEN),
        ({}, "s2", DealStatus.WON),
        ({}, "s1", DealStatus.OPEN),
        ({"hs_is_closed": "true"}, "s2", DealStatus.WON),
        ({}, "unknown", None),
    ],
)
def test_deal_status(facts: dict[str, str], stage: str, status: DealStatus | None) -> None:
    """The deal's own facts decide, and where it has none, its stage."""
    (found,) = translate.deal(row(pipeline="default", dealstage=stage, **facts), {}, VOCABULARY)

    assert status == found.status


def test_deal() -> None:
    """The stage goes by its label, the day by UTC, and only of a decided deal."""
    properties = {
        "dealname": "Big",
        "pipeline": "default",
        "dealstage": "s2",
        "amount": "120000",
        "deal_currency_code": "EUR",
        "closedate": "2024-03-05T23:59:59Z",
        "createdate": "1709294400000",
        "referred_by_contact_id": "55",
    }
    links = {"companies": [to(9, ("HUBSPOT_DEFINED", 341, None)), to(30, ("HUBSPOT_DEFINED", 5, "Primary"))]}
    (won,) = translate.deal(row(**properties, hs_is_closed_won="true"), links, VOCABULARY)
    (still_open,) = translate.deal(row(**properties, hs_is_closed="false", hs_is_closed_won="false"), links, VOCABULARY)

    assert (
        Deal(
            id="101",
            account_id="30",
            name="Big",
            stage="Closed Won",
            status=DealStatus.WON,
            amount=120000,
            currency="EUR",
            created_at=NOON,
            closed_on=date(2024, 3, 5),
            referred_by_contact_id="55",
        )
        == won
    )
    assert still_open.closed_on is None


def test_deal_contacts() -> None:
    """The first label of the portal's own is the role; "primary" marks the primary contact."""
    links = {
        "contacts": [
            to(5, ("HUBSPOT_DEFINED", 3, None), ("USER_DEFINED", 40, "primary"), ("USER_DEFINED", 41, "champion")),
            to(6, ("HUBSPOT_DEFINED", 3, None)),
        ]
    }

    assert [
        DealContact(id="101:5", deal_id="101", contact_id="5", role="champion", is_primary=True),
        DealContact(id="101:6", deal_id="101", contact_id="6"),
    ] == list(translate.deal_contacts(row(), links, VOCABULARY))


def test_ticket() -> None:
    """A ticket becomes a case with the label of its stage."""
    ticket = row(
        subject="Broken",
        hs_ticket_priority="HIGH",
        hs_pipeline="0",
        hs_pipeline_stage="1",
        escalated="true",
        createdate="2024-03-01T12:00:00Z",
        closed_date="",
    )
    links = {"companies": [to(30, ("HUBSPOT_DEFINED", 26, "Primary"))]}

    assert [
        Case(id="101", account_id="30", subject="Broken", priority="HIGH", status="New", escalated=True, opened_at=NOON)
    ] == list(translate.case(ticket, links, VOCABULARY))


def test_owners() -> None:
    """Archived owners and queues are never active; managers come from the options, by e-mail address, and zones, if there is one.

    User objects say the other zones, and absences; what they say of nobody, or of no zone, counts for nothing.
    """
    options = HubSpotOptions(
        token=Secret("x"), users={"Ada@X.example": Person(manager="bob@x.example", time_zone="Europe/Berlin")}
    )
    owners = [
        {"id": "1", "email": "ada@x.example", "firstName": "Ada", "lastName": "Byron", "type": "PERSON", "archived": False},
        {"id": "2", "email": "bob@x.example", "lastName": "Bob", "type": "PERSON", "archived": False},
        {"id": "3", "type": "PERSON", "archived": True},
        {"id": "4", "email": "queue@x.example", "type": "QUEUE", "archived": False},
    ]
    away = f'[{{"startTimestamp": {NOON}, "endTimestamp": {NOON + 9}}}]'
    profiles: list[dict[str, Any]] = [
        {"hubspot_owner_id": "2", "hs_standard_time_zone": "Asia/Tokyo", "hs_out_of_office_hours": away},
        {"hubspot_owner_id": "1", "hs_standard_time_zone": "Asia/Tokyo", "hs_out_of_office_hours": None},
        {"hubspot_owner_id": None, "hs_standard_time_zone": "Asia/Tokyo", "hs_out_of_office_hours": away},
        {"hubspot_owner_id": "4", "hs_standard_time_zone": "Mars"},
    ]

    assert [
        User(id="1", name="Ada Byron", email="ada@x.example", manager_id="2", time_zone="Europe/Berlin"),
        User(id="2", name="Bob", email="bob@x.example", time_zone="Asia/Tokyo", away_from=NOON, away_until=NOON + 9),
        User(id="3", active=False),
        User(id="4", email="queue@x.example", active=False),
    ] == users(owners, profiles, options, NOON).records


HOUR = 3_600_000


@pytest.mark.parametrize(
    ("ranges", "found"),
    [
        ([], None),
        ([(1, 2)], (1, 2)),
        ([(-9, 0), (25, 29)], (25, 29)),
        ([(50, 60), (-5, 7)], (-5, 7)),
        ([(-3, 5), (20, 29), (44, 53), (77, 80)], (-3, 53)),
        ([(-90, 100), (-80, -70)], (-90, 100)),
    ],
)
def test_absences(ranges: list[tuple[int, int]], found: tuple[int, int] | None) -> None:
    """Of several absences the present or next one counts; those with less than a day between are one."""
    text = json.dumps([{"startTimestamp": NOON + start * HOUR, "endTimestamp": NOON + end * HOUR} for start, end in ranges])
    wanted = found and tuple(NOON + hours * HOUR for hours in found)

    assert wanted == absence(text, NOON)


@given(
    st.one_of(st.none(), st.text(), st.integers(), st.recursive(st.text() | st.integers() | st.none(), st.lists).map(json.dumps))
)
@example('[{"startTimestamp": "1", "endTimestamp": null}, 7, {"startTimestamp": 9e99, "endTimestamp": 1}]')
@example('[{"startTimestamp": 5, "endTimestamp": 5}, {}]')
def test_absences_that_are_none(text: object) -> None:
    """A text that holds no list of ranges says that nobody is away."""
    assert absence(text, 0) is None


def test_merges() -> None:
    """Both properties name what was merged away; a record that kept its id is not merged into itself."""
    person = row("103", hs_merged_object_ids="201;202;103", hs_calculated_merged_vids="201:1704164645410;204:1704164645411")

    assert [Merge(gone=gone, survivor="103") for gone in ("201", "202", "204")] == list(translate.merges(person))


def run(*rows: dict[str, Any], loose: bool = False) -> Translated:
    """Translate calls."""
    return translated(rows, {}, activity_of("calls"), VOCABULARY, loose=loose)


@pytest.mark.parametrize(
    "time", ["1970-01-19T20:00:00Z", "1709294400", "0", "yesterday", "2024-03-01T12:00:00", "1899-01-01T00:00:00Z"]
)
def test_impossible_times_are_set_aside(time: str) -> None:
    """Seconds read as milliseconds, and what is no time, set the record aside with its raw form; the others go on."""
    found = run(row("1", hs_timestamp=time), row("2", hs_timestamp="1709294400000"))

    assert ["2"] == [record.id for record in found.records if isinstance(record, Activity)]
    assert ("1", row("1", hs_timestamp=time)) == (found.set_aside[0].id, json.loads(found.set_aside[0].raw))


@pytest.mark.parametrize("text", ["\ud83d", "a\x00b"])
def test_text_that_no_database_takes_is_set_aside(text: str) -> None:
    """Half a surrogate pair and U+0000 are kept out, when the reply may hold them."""
    found = run(row("1", hs_call_title=text), row("2", hs_call_title="🎉"), loose=True)

    assert (["1"], 1) == ([each.id for each in found.set_aside], len(found.records))


@given(st.dictionaries(st.sampled_from(["hs_timestamp", "hubspot_owner_id", "hs_object_source", "hs_call_status"]), st.text()))
def test_no_text_stops_a_batch(properties: dict[str, str]) -> None:
    """Whatever the texts of one record, it is read or set aside."""
    found = run(row("1", **properties), row("2"))

    assert 2 == len(found.records) + len(found.set_aside)


@given(st.sampled_from(sorted(KINDS)), st.recursive(st.none() | st.text() | st.integers(), st.lists, max_leaves=3))
def test_no_value_of_another_type_stops_a_batch(kind: str, value: Any) -> None:
    """Values of the wrong type are read or set aside too."""
    bad = row("1")
    bad["properties"] |= dict.fromkeys(("hs_timestamp", "hs_call_status", "hs_email_status", "hs_object_source"), value)
    found = translated([bad, row("2")], {}, activity_of(kind), VOCABULARY)

    assert 2 == len(found.records) + len(found.set_aside)


@given(st.datetimes(min_value=datetime(1971, 1, 2)))  # noqa: DTZ001
def test_instants_agree_with_the_models(moment: Any) -> None:
    """An ISO text means the same instant as in a book."""
    text = moment.isoformat() + "Z"

    assert parse_instant(text) == values.at(text)
