"""Leads with a referrer, people of several accounts, person accounts, and ids in the order of creation."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.sandbox.salesforce_org import FILES, Caller, served, write_book

NETWORK = {
    "accounts": FILES["accounts"]
    .replace("go_live_on,", "person,go_live_on,")
    .replace(",false,2024-03-01", ",false,,2024-03-01")
    .replace(",true,,,\n", ",true,,,,\n")
    .replace(",,2024-05-02", ",,,2024-05-02")
    + "P1,Pia Person,U1,,customer,,,,2024-01-20T09:00:00Z,false,true,,,\n"
    + "P2,Olaf Own,U2,,prospect,,,,2024-01-05T09:00:00Z,false,true,,,\n",
    "contacts": FILES["contacts"] + "C4,P1,Pia Person,Pia@example.com,+1,Potter,U1,2024-01-02T09:00:00Z,false\n",
    "account_contacts": "id,account_id,contact_id,role\nM1,A2,C1,board member\n",
    "introductions": "id,source_contact_id,source_name,person_name,person_contact_id,account_id,deal_id,owner_id,status,"
    """status_since,made_at,kind,note,region
N1,C1,,Gus New,,A1,,U1,new,2024-05-01T09:00:00Z,2024-05-01T09:00:00Z,peer elsewhere,Old friends,North
N2,C3,,Finn Solo Sample,C3,A2,D1,U2,met,2024-02-03T09:00:00Z,2024-02-01T09:00:00Z,,,
N3,C2,,Hal,,A1,,,declined,2024-06-01T09:00:00Z,2024-05-20T09:00:00Z,,,South
N4,C1,,Ida Idle,,A1,,U1,no answer,2024-06-01T09:00:00Z,2024-05-20T09:00:00Z,,,
N5,C1,,Joe Busy,,A1,,U1,in contact,2024-06-01T09:00:00Z,2024-05-20T09:00:00Z,,,
N6,C1,,Kay Lost,,A1,D2,U1,lost,2024-06-01T09:00:00Z,2024-05-20T09:00:00Z,,,
""",
}


@pytest.fixture(scope="module")
def org(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Caller]:
    folder = write_book(tmp_path_factory.mktemp("book"))
    for name, text in NETWORK.items():
        (folder / f"{name}.csv").write_text(text)
    with served(folder) as caller:
        yield caller


def test_introductions_are_leads(org: Caller) -> None:
    """Each says who introduced, who was introduced and how far it has come; a converted one names contact and deal."""
    contacts, deals = org.ids("contacts"), org.ids("deals")
    rows = org.rows(
        "SELECT Name, Status, IsConverted, ConvertedDate, ConvertedContactId, ConvertedOpportunityId, Referred_By__c, "
        "CreatedDate, LeadSource, Description, Region__c FROM Lead ORDER BY Name"
    )
    found = {row["Name"]: row for row in rows}

    assert ("Open - Not Contacted", False, contacts["C1"]) == tuple(
        found["Gus New"][name] for name in ("Status", "IsConverted", "Referred_By__c")
    )
    assert ("peer elsewhere", "Old friends", "North", "2024-05-01T09:00:00.000+0000") == tuple(
        found["Gus New"][name] for name in ("LeadSource", "Description", "Region__c", "CreatedDate")
    )
    met = found["Finn Solo Sample"]
    assert (True, "2024-02-03", contacts["C3"], deals["D1"]) == tuple(
        met[name] for name in ("IsConverted", "ConvertedDate", "ConvertedContactId", "ConvertedOpportunityId")
    )
    statuses = {name: row["Status"] for name, row in found.items()}
    assert "Closed - Not Converted" == statuses["Hal"]
    assert "Working - No Answer" == statuses["Ida Idle"]
    assert "Working - Contacted" == statuses["Joe Busy"]
    assert (True, None) == (found["Kay Lost"]["IsConverted"], found["Hal"]["ConvertedDate"])


def test_a_converted_lead_cannot_be_changed(org: Caller) -> None:
    """An open lead can be written, a converted one is refused."""
    ids = org.ids("introductions")

    assert 204 == org.call("PATCH", f"sobjects/Lead/{ids['N1']}", json={"Title": "CEO"}).status_code
    (error,) = org.call("PATCH", f"sobjects/Lead/{ids['N2']}", json={"Title": "CEO"}).json()
    assert "CANNOT_UPDATE_CONVERTED_LEAD" == error["errorCode"]


def test_introductions_change_as_people_change_them(org: Caller) -> None:
    """People add introductions and move them on."""
    row = {"id": "N9", "source_contact_id": "C2", "person_name": "Lou Late", "status": "new", "made_at": "2024-09-01T09:00:00Z"}
    added = org.people({"op": "add", "table": "introductions", "row": row})
    assert 200 == added.status_code, added.text
    moved = {"status": "met", "person_contact_id": "C3"}
    org.people({"op": "change", "table": "introductions", "id": "N9", "set": moved})

    (lead,) = org.rows("SELECT FirstName, LastName, IsConverted, ConvertedContactId FROM Lead WHERE Name = 'Lou Late'")
    wanted = {"FirstName": "Lou", "LastName": "Late", "IsConverted": True, "ConvertedContactId": org.ids("contacts")["C3"]}
    assert wanted == lead


def test_people_of_several_accounts(org: Caller) -> None:
    """A further account is an indirect relation; the person's own account is a direct one, which follows a change of it."""
    accounts, contacts = org.ids("accounts"), org.ids("contacts")

    def relations(contact: str) -> set[tuple[str, bool, str | None]]:
        query = f"SELECT AccountId, IsDirect, Roles, IsActive FROM AccountContactRelation WHERE ContactId = '{contact}'"
        return {(row["AccountId"], row["IsDirect"], row["Roles"]) for row in org.rows(query) if row["IsActive"]}

    further = (accounts["A2"], False, "board member")
    assert {(accounts["A1"], True, None), further} == relations(contacts["C1"])
    assert set() == relations(contacts["C4"])
    org.call("PATCH", f"sobjects/Contact/{contacts['C1']}", json={"AccountId": accounts["A3"]})
    assert {(accounts["A3"], True, None), further} == relations(contacts["C1"])
    org.call("PATCH", f"sobjects/Contact/{contacts['C1']}", json={"AccountId": accounts["A1"]})


def test_a_person_account_is_kept_twice(org: Caller) -> None:
    """It is an account with the person's names and the contact behind it: the book's, or one made up."""
    contacts = org.ids("contacts")
    fields = "Id, Name, FirstName, LastName, IsPersonAccount, PersonContactId, PersonEmail, PersonTitle"
    found = {row["Name"]: row for row in org.rows(f"SELECT {fields} FROM Account")}

    pia, olaf = found["Pia Person"], found["Olaf Own"]
    assert ("Pia", "Person", True, contacts["C4"], "pia@example.com", "Potter") == tuple(
        pia[name] for name in fields.split(", ")[2:]
    )
    assert (False, None, None) == tuple(found["Acme"][name] for name in ("IsPersonAccount", "PersonContactId", "LastName"))
    (shadow,) = org.rows(f"SELECT Name, AccountId, IsPersonAccount FROM Contact WHERE Id = '{olaf['PersonContactId']}'")
    assert {"Name": "Olaf Own", "AccountId": olaf["Id"], "IsPersonAccount": True} == shadow


def test_one_half_of_a_person_follows_the_other(org: Caller) -> None:
    """A change of either half is a change of both, stamps too."""
    account, contact = org.ids("accounts")["P1"], org.ids("contacts")["C4"]

    def both() -> tuple[list[str], set[str]]:
        (one,) = org.rows(f"SELECT Name, PersonEmail, SystemModstamp FROM Account WHERE Id = '{account}'")
        (other,) = org.rows(f"SELECT Name, Email, SystemModstamp FROM Contact WHERE Id = '{contact}'")
        return [one["Name"], one["PersonEmail"], other["Name"], other["Email"]], {one["SystemModstamp"], other["SystemModstamp"]}

    org.call("PATCH", f"sobjects/Account/{account}", json={"LastName": "Paul", "PersonEmail": "paul@example.com"})
    assert ["Pia Paul", "paul@example.com", "Pia Paul", "paul@example.com"] == both()[0]
    assert 1 == len(both()[1])
    org.call("PATCH", f"sobjects/Contact/{contact}", json={"FirstName": "Mia"})
    assert ["Mia Paul", "Mia Paul"] == both()[0][::2]


def test_without_such_people_there_are_no_such_fields(tmp_path: Path) -> None:
    """An org without person accounts and further accounts shows neither fields nor object for them."""
    with served(write_book(tmp_path)) as plain:
        fields = [one["name"] for one in plain.call("GET", "sobjects/Account/describe").json()["fields"]]
        assert "IsPersonAccount" not in fields
        assert 404 == plain.call("GET", "sobjects/AccountContactRelation/describe").status_code


@pytest.mark.parametrize("subject", ["Account", "Contact", "Opportunity", "Lead", "Case", "Task", "Event", "EmailMessage"])
def test_ids_follow_creation(org: Caller, subject: str) -> None:
    """Of what came with the book, the later record has the greater id."""
    rows = org.rows(f"SELECT Id, CreatedDate FROM {subject} ORDER BY Id", everything=True)

    created = [row["CreatedDate"] for row in rows]
    assert sorted(created) == created


def test_links_survive_the_numbering(org: Caller) -> None:
    """Whoever took part in an activity still does: relations point at the records they were loaded with."""
    rows = org.rows("SELECT Subject, WhoId, (SELECT RelationId FROM TaskRelations) FROM Task", everything=True)

    contacts = org.ids("contacts")
    found = {row["Subject"]: {one["RelationId"] for one in (row["TaskRelations"] or {"records": []})["records"]} for row in rows}
    assert {contacts["C1"], contacts["C2"]} == found["Call one"]
    assert {contacts["C2"]} == found["Hello"]
    assert set() == found["Old to-do"]
