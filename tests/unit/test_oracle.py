"""The oracle itself is checked on books small enough to see the answer."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from tests.oracle import Milestone, milestones, neglected

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
HEADERS = {
    "accounts": "id,name,owner_id,parent_id,status,tier,industry,annual_revenue,created_at,do_not_contact"
    ",go_live_on,roi_proven_on",
    "contacts": "id,account_id,name,email,phone,title,owner_id,created_at,do_not_contact",
    "deals": "id,account_id,name,stage,status,amount,currency,owner_id,created_at,closed_on,referred_by_contact_id",
    "cases": "id,account_id,subject,priority,status,escalated,opened_at,closed_at",
    "activities": "id,kind,direction,at,ended_at,status,automated,subject,owner_id,account_id,deal_id,contact_ids",
}


def book(
    folder: Path,
    *activities: str,
    seat: str = "",
    status: str = "customer",
    tier: str = "A",
    created: str = "2024-01-01T00:00:00Z",
    opted_out: str = "false",
    milestones: str = ",",
    won: str = "",
    case: str = "",
    people: str = "",
) -> Path:
    """Write a book with the account A1, its person C1 and its deal D1."""
    rows = {
        "accounts": f"A1,Acme,,,{status},{tier},,,{created},{opted_out},{milestones}",
        "contacts": "C1,A1,,,,,,," + people,
        "deals": f"D1,A1,,,{'won' if won else 'open'},,,,,{won},",
        "cases": case,
        "activities": "\n".join(f"X{number},{row}" for number, row in enumerate(activities)),
    }
    if seat:
        (folder / "account_contacts.csv").write_text(f"id,account_id,contact_id,role\n{seat}\n")
    for name, header in HEADERS.items():
        (folder / f"{name}.csv").write_text(f"{header}\n{rows[name]}\n")
    return folder


def call(at: str, link: str = "A1,,") -> str:
    return f"call,out,{at},,done,false,,,{link}"


def test_never_touched_is_neglected(tmp_path: Path) -> None:
    """A customer nobody was ever in touch with is neglected."""
    assert {"A1": None} == neglected(book(tmp_path), NOW)


@pytest.mark.parametrize(
    ("at", "tier", "within"),
    [
        ("2026-10-21T00:00:00Z", "A", True),
        ("2026-10-20T23:59:59Z", "A", False),
        ("2026-09-21T00:00:00Z", "B", True),
        ("2026-09-20T23:59:59Z", "B", False),
        ("2026-07-23T00:00:00Z", "C", True),
        ("2026-07-22T23:59:59Z", "", False),
    ],
)
def test_the_whole_day_of_the_cut_off_is_within(tmp_path: Path, at: str, tier: str, *, within: bool) -> None:
    """A touch on the day so many days ago is within, one before its midnight is not."""
    assert ("A1" not in neglected(book(tmp_path, call(at), tier=tier), NOW)) == within


def test_days_are_counted_in_the_zone(tmp_path: Path) -> None:
    """Midnight is that of the company's zone."""
    folder = book(tmp_path, call("2026-10-20T22:30:00Z"))

    assert ({}, ["A1"]) == (neglected(folder, NOW, zone="Europe/Berlin"), list(neglected(folder, NOW)))


@pytest.mark.parametrize("link", ["A1,,", ",D1,", ",,C1"])
def test_a_touch_counts_however_it_is_linked(tmp_path: Path, link: str) -> None:
    """A touch with the account, with its deal or with its people is one with the account."""
    assert {} == neglected(book(tmp_path, call("2026-11-01T10:00:00Z", link)), NOW)


def test_a_touch_counts_for_further_accounts(tmp_path: Path) -> None:
    """A conversation with a person is one with every account that person belongs to, and so is a plan."""
    for row in ("call,out,2026-11-01T10:00:00Z,,done,false,,,B9,,C9", "task,,2026-11-06T12:00:00Z,,planned,false,,,,,C9"):
        folder = book(tmp_path, row, people="\nC9,B9,,,,,,,")
        assert ["A1"] == list(neglected(folder, NOW))
        assert {} == neglected(book(tmp_path, row, people="\nC9,B9,,,,,,,", seat="S1,A1,C9,board"), NOW)
        (folder / "account_contacts.csv").unlink()


@pytest.mark.parametrize(
    "row",
    [
        "email,out,2026-11-01T10:00:00Z,,done,false,,,A1,,",
        "email,in,2026-11-01T10:00:00Z,,done,true,,,A1,,",
        "email,in,2026-11-01T10:00:00Z,,bounced,false,,,A1,,",
        "email,,2026-11-01T10:00:00Z,,done,false,,,A1,,",
        "message,out,2026-11-01T10:00:00Z,,done,false,,,A1,,",
        "call,out,2026-11-01T10:00:00Z,,no_show,false,,,A1,,",
        "meeting,,2026-11-01T10:00:00Z,,planned,false,,,A1,,",
        "meeting,,2026-11-01T10:00:00Z,,cancelled,false,,,A1,,",
        "note,,2026-11-01T10:00:00Z,,done,false,,,A1,,",
        "task,,2026-11-01T12:00:00Z,,done,false,,,A1,,",
        "call,out,2026-11-21T10:00:00Z,,done,false,,,A1,,",
        "call,out,,,done,false,,,A1,,",
        "meeting,,2026-12-05T00:00:00Z,,planned,false,,,A1,,",
        "meeting,,2026-12-04T10:00:00Z,,cancelled,false,,,A1,,",
        "task,,2026-11-05T12:00:00Z,,planned,false,,,A1,,",
    ],
)
def test_what_is_no_touch_and_no_plan_changes_nothing(tmp_path: Path, row: str) -> None:
    """What we sent, what did not take place, what lies ahead and what was forgotten leave a customer neglected."""
    assert ["A1"] == list(neglected(book(tmp_path, row), NOW))


@pytest.mark.parametrize(
    "row",
    [
        "email,in,2026-11-01T10:00:00Z,,done,false,,,A1,,",
        "message,in,2026-11-01T10:00:00Z,,done,false,,,A1,,",
        "meeting,,2026-11-01T10:00:00Z,,done,false,,,A1,,",
        "meeting,,2026-12-04T23:59:59Z,,planned,false,,,A1,,",
        "meeting,,2026-12-04T10:00:00Z,,planned,false,,,,,C1",
        "task,,2026-11-06T12:00:00Z,,planned,false,,,A1,,",
        "task,,2027-11-06T12:00:00Z,,planned,false,,,,,C1",
        "task,,,,planned,false,,,,D1,",
    ],
)
def test_touches_and_plans_keep_a_customer_out(tmp_path: Path, row: str) -> None:
    """A real touch, a meeting in the next 14 days or an open task that is not long overdue: leave them."""
    assert {} == neglected(book(tmp_path, row), NOW)


def test_who_is_out_from_the_start(tmp_path: Path) -> None:
    """Prospects, brand-new customers, people who opted out and those silent for two years are not neglected."""
    for keep in ({"status": "prospect"}, {"created": "2026-10-21T00:00:00Z"}, {"opted_out": "true"}):
        assert {} == neglected(book(tmp_path, **keep), NOW)
    assert {} == neglected(book(tmp_path, call("2024-11-19T23:59:59Z")), NOW)
    assert ["A1"] == list(neglected(book(tmp_path, call("2024-11-20T00:00:00Z"), created="2024-01-01T00:00:00Z"), NOW))
    assert ["A1"] == list(neglected(book(tmp_path, created="2026-10-20T23:59:59Z"), NOW))


def test_an_escalation_stops_care_where_asked_for(tmp_path: Path) -> None:
    """An open escalated case keeps an account out only where that is wanted."""
    folder = book(tmp_path, case="K1,A1,,,,true,2026-11-01T00:00:00Z,")

    assert (["A1"], {}) == (list(neglected(folder, NOW)), neglected(folder, NOW, escalations_stop=True))


@pytest.mark.parametrize(
    ("day", "found"), [("2026-11-14", False), ("2026-11-13", True), ("2026-07-23", True), ("2026-07-22", False)]
)
def test_milestones_count_from_7_to_120_days(tmp_path: Path, day: str, *, found: bool) -> None:
    """Both days are included, for won deals and for the mapped fields alike."""
    folder = book(tmp_path, call("2026-11-01T10:00:00Z", "A1,,C1"), won=day, milestones=f"{day},{day}")
    reached = date.fromisoformat(day)
    expected = [
        Milestone("implemented", "A1", "", reached, True, ""),
        Milestone("roi", "A1", "", reached, True, ""),
        Milestone("signed", "A1", "D1", reached, True, ""),
    ]

    assert milestones(folder, NOW) == (expected if found else [])


@pytest.mark.parametrize(
    ("change", "ready", "suppressed"),
    [
        ({}, False, "long silence"),
        ({"at": "2026-08-22T00:00:00Z"}, True, ""),
        ({"at": "2026-08-22T00:00:00Z", "link": "A1,,"}, False, ""),
        ({"at": "2026-08-21T23:59:59Z"}, False, ""),
        ({"at": "2024-11-19T23:59:59Z"}, False, "long silence"),
        ({"at": "2026-11-01T00:00:00Z", "case": "K1,A1,,,,true,,"}, True, "open escalation"),
        ({"at": "2026-11-01T00:00:00Z", "case": "K1,A1,,,,true,,2026-11-02T00:00:00Z"}, True, ""),
        ({"at": "2026-11-01T00:00:00Z", "case": "K1,A1,,,,false,,"}, True, ""),
        ({"at": "2026-11-01T00:00:00Z", "opted_out": "true"}, True, "do not contact"),
    ],
)
def test_who_may_be_asked(tmp_path: Path, change: dict[str, str], *, ready: bool, suppressed: str) -> None:
    """A conversation with a person there within 90 days makes an ask ready; escalations, opt-outs and long silence stop it."""
    rest = {name: value for name, value in change.items() if name not in {"at", "link"}}
    activities = [call(change["at"], change.get("link", "A1,,C1"))] if "at" in change else []
    folder = book(tmp_path, *activities, won="2026-11-01", **rest)

    assert [(found.ready, found.suppressed) for found in milestones(folder, NOW)] == [(ready, suppressed)]
