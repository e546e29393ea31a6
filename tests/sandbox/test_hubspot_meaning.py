"""What HubSpot does by itself: an index that lags, dates that move, sums, histories, life cycles, introductions."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from refsync.book import Book
from refsync_sandbox.clock import Clock
from refsync_sandbox.hubspot import Settings
from tests.sandbox.hubspot_portal import NOW, Caller, served, write_book

COLUMNS = "id,source_contact_id,source_name,person_name,person_contact_id,account_id,deal_id,owner_id,status,status_since,made_at"
MORE = {
    "account_contacts": """id,account_id,contact_id,role
AC1,A2,C1,adviser
""",
    "introductions": f"""{COLUMNS},kind,note
I1,C1,,Finn Solo Sample,C3,A1,,U1,met,,2024-05-01T09:00:00Z,,
I2,C2,,Gus New,,A1,,U2,no answer,,2024-05-02T09:00:00Z,,
""",
}


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Book:
    return write_book(tmp_path_factory.mktemp("book"))


@pytest.fixture
def hubspot(book: Book) -> Iterator[Caller]:
    with served(book) as caller:
        yield caller


def a_task(**properties: str) -> dict[str, Any]:
    return {"properties": {"hs_timestamp": "2024-10-01T15:00:00Z", "hs_task_subject": "Call", **properties}}


def test_a_lagging_index_shows_what_was(book: Book) -> None:
    """Until the index has a change, a search finds the old version by its old values, and shows them."""
    clock = Clock(NOW)
    with served(book, clock=clock) as caller:
        company = caller.ids()["accounts"]["A1"]
        before = caller.record("companies", company)["updatedAt"]
        caller.turn(index_lag=30_000)
        caller.send("PATCH", f"/crm/v3/objects/companies/{company}", {"properties": {"name": "Renamed"}})

        def found(name: str) -> list[tuple[str, str]]:
            body = {"filters": [{"propertyName": "name", "operator": "EQ", "value": name}], "properties": ["name"]}
            results = caller.post("/crm/v3/objects/companies/search", body)["results"]
            return [(one["properties"]["name"], one["updatedAt"]) for one in results]

        old, new = found("Acme"), found("Renamed")
        read = caller.record("companies", company, "name")["properties"]["name"]
        caller.move_clock("2024-09-30T12:00:31Z")
        after = found("Acme"), [name for name, _ in found("Renamed")]

    assert ([("Acme", before)], [], "Renamed") == (old, new, read)
    assert ([], ["Renamed"]) == after


def test_an_archived_record_leaves_a_lagging_index_at_once(hubspot: Caller) -> None:
    """Archived records are never in a search."""
    hubspot.turn(index_lag=60_000)
    call = hubspot.ids()["activities"]["X2"]
    hubspot.send("PATCH", f"/crm/v3/objects/calls/{call}", {"properties": {"hs_call_title": "Changed"}})
    hubspot.send("DELETE", f"/crm/v3/objects/calls/{call}")

    assert 1 == hubspot.post("/crm/v3/objects/calls/search", {})["total"]


def test_tasks_move_by_themselves(hubspot: Caller) -> None:
    """A task is touched half a second after its creation and when it falls due; a task that is done then is not."""
    made = [hubspot.post("/crm/v3/objects/tasks", a_task(), 201) for _ in range(2)]
    hubspot.move_clock("2024-09-30T12:10:00Z")
    echoed = [hubspot.record("tasks", one["id"])["updatedAt"] for one in made]
    done = {"properties": {"hs_task_status": "COMPLETED"}}
    finished = hubspot.send("PATCH", f"/crm/v3/objects/tasks/{made[1]['id']}", done).json()["updatedAt"]
    hubspot.move_clock("2024-10-01T15:00:01Z")
    due = [hubspot.record("tasks", one["id"], "hs_task_is_overdue") for one in made]

    assert all(one["updatedAt"] < echo < "2024-09-30T12:00:30" for one, echo in zip(made, echoed, strict=True))
    assert ["2024-10-01T15:00:00Z", finished] == [one["updatedAt"] for one in due]
    assert ["true", "false"] == [one["properties"]["hs_task_is_overdue"] for one in due]


def test_tasks_of_the_book_fall_due_too(book: Book, tmp_path: Path) -> None:
    """An open task of the book that lies ahead moves when its time comes, and a moved one at its new time."""
    planned = "X10,task,,2024-10-02T10:00:00Z,,planned,false,Later,U1,A1,,\n"
    folder = tmp_path / "book"
    write_book(folder)
    with (folder / "activities.csv").open("a") as file:
        file.write(planned + planned.replace("X10", "X11"))
    with served(Book.open(folder)) as caller:
        ids = caller.ids()["activities"]
        later = {"properties": {"hs_timestamp": "2024-10-05T10:00:00Z"}}
        caller.send("PATCH", f"/crm/v3/objects/tasks/{ids['X11']}", later)
        caller.move_clock("2024-10-03T10:00:00Z")
        first = [caller.record("tasks", ids[name])["updatedAt"] for name in ("X10", "X11")]
        caller.move_clock("2024-10-06T10:00:00Z")
        second = [caller.record("tasks", ids[name])["updatedAt"] for name in ("X10", "X11")]

    assert ("2024-10-02T10:00:00Z", True) == (first[0], first[1] < "2024-10-01")
    assert ["2024-10-02T10:00:00Z", "2024-10-05T10:00:00Z"] == second


def test_sums_are_no_touches(hubspot: Caller) -> None:
    """The vendor's sums take planned meetings and overdue tasks for contacts, and move no modified date."""
    ids = hubspot.ids()
    contact, company = ids["contacts"]["C1"], ids["accounts"]["A1"]
    names = ("notes_last_contacted", "hs_engagements_last_contacted", "notes_last_updated", "num_notes")
    before = hubspot.record("contacts", contact, *names)
    link = {"to": {"id": contact}, "types": [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 204}]}
    hubspot.send("DELETE", f"/crm/v3/objects/meetings/{ids['activities']['X5']}")
    without = hubspot.record("contacts", contact, *names)
    hubspot.post("/crm/v3/objects/tasks", a_task(hs_timestamp="2024-09-01T15:00:00Z") | {"associations": [link]}, 201)
    after = hubspot.record("contacts", contact, *names)["properties"]
    noted = hubspot.record("companies", company, *names, "notes_next_activity_date")["properties"]

    assert "2024-10-05T10:00:00Z" == before["properties"]["notes_last_contacted"]
    assert ("2024-05-07T10:00:00Z", "5") == tuple(without["properties"][name] for name in ("notes_last_contacted", "num_notes"))
    assert before["updatedAt"] == without["updatedAt"]
    assert ("2024-05-07T10:00:00Z", "2024-09-01T15:00:00Z") == tuple(after[name] for name in names[:2])
    assert ("2024-05-07T10:00:00Z", "6", None) == (
        noted["notes_last_updated"],
        noted["num_notes"],
        noted["notes_next_activity_date"],
    )


def test_searches_know_the_sums(hubspot: Caller) -> None:
    """A sum can be searched for like any property."""
    recent = {"propertyName": "notes_last_contacted", "operator": "GTE", "value": "2024-10-01T00:00:00Z"}
    found = hubspot.post("/crm/v3/objects/companies/search", {"filters": [recent], "properties": ["name"]})

    assert ["Acme"] == [one["properties"]["name"] for one in found["results"]]


def test_calculated_values_change_silently(hubspot: Caller) -> None:
    """What HubSpot works out by itself leaves the modified date alone, and its history says who did it."""
    company = hubspot.ids()["accounts"]["A1"]
    before = hubspot.record("companies", company)["updatedAt"]
    hubspot.do("calculate", id=company, set={"tier": "platinum"})
    found = hubspot.get(f"/crm/v3/objects/companies/{company}?propertiesWithHistory=tier,name&properties=tier")
    history = found["propertiesWithHistory"]

    assert ("platinum", before) == (found["properties"]["tier"], found["updatedAt"])
    assert [("platinum", "CALCULATED"), ("gold", "IMPORT")] == [(one["value"], one["sourceType"]) for one in history["tier"]]
    assert ["Acme"] == [one["value"] for one in history["name"]]


def test_histories(hubspot: Caller) -> None:
    """Values come newest first with who wrote them, in reads, lists and batches, for 50 records at most."""
    contact = hubspot.ids()["contacts"]["C1"]
    for title in ("CTO", ""):
        hubspot.send("PATCH", f"/crm/v3/objects/contacts/{contact}", {"properties": {"jobtitle": title}})
    hubspot.change({"op": "change", "table": "contacts", "id": "C1", "set": {"title": "Chair"}})
    listed = hubspot.get("/crm/v3/objects/contacts?limit=50&propertiesWithHistory=jobtitle")["results"]
    wanted = {"inputs": [{"id": contact}], "propertiesWithHistory": ["jobtitle"], "properties": []}
    read = hubspot.post("/crm/v3/objects/contacts/batch/read", wanted)["results"]
    hubspot.get("/crm/v3/objects/contacts?limit=51&propertiesWithHistory=jobtitle", 400)

    found = next(one for one in listed if one["id"] == contact)["propertiesWithHistory"]["jobtitle"]
    assert found == read[0]["propertiesWithHistory"]["jobtitle"]
    expected = [("Chair", "CRM_UI"), ("", "INTEGRATION"), ("CTO", "INTEGRATION"), ("CEO", "IMPORT")]
    assert expected == [(one["value"], one["sourceType"]) for one in found]


def test_life_goes_forward(hubspot: Caller) -> None:
    """An integration cannot move a life cycle stage back without clearing it first; nobody says so."""
    company = hubspot.ids()["accounts"]["A1"]

    def stage(*values: str) -> str:
        for value in values:
            reply = hubspot.send("PATCH", f"/crm/v3/objects/companies/{company}", {"properties": {"lifecyclestage": value}})
            assert 200 == reply.status_code
        found: str = hubspot.record("companies", company, "lifecyclestage")["properties"]["lifecyclestage"]
        return found

    assert ("customer", "lead", "evangelist") == (stage("lead"), stage("", "lead"), stage("evangelist"))


def test_queues_are_owners(book: Book) -> None:
    """A queue owns records but is no person and has no address."""
    with served(book, settings=Settings(queues=("Support",))) as caller:
        found = caller.get("/crm/v3/owners")["results"]

    assert [("QUEUE", "Support", False)] == [
        (one["type"], one["lastName"], "email" in one or "userId" in one) for one in found if one["type"] != "PERSON"
    ]


def test_records_come_back_or_go_for_ever(hubspot: Caller) -> None:
    """A restored record is there again; an erased one, a person's data too, is nowhere."""
    ids = hubspot.ids()
    call, contact, company = ids["activities"]["X1"], ids["contacts"]["C1"], ids["accounts"]["A1"]
    hubspot.send("DELETE", f"/crm/v3/objects/calls/{call}")
    hubspot.do("restore", id=call)
    hubspot.send("POST", "/crm/v3/objects/contacts/gdpr-delete", {"objectId": contact})
    hubspot.do("erase", id=company)
    statuses = [
        hubspot.send("GET", f"/crm/v3/objects/{kind}/{one}?archived={archived}").status_code
        for kind, one in (("contacts", contact), ("companies", company))
        for archived in ("true", "false")
    ]

    assert call in [one["id"] for one in hubspot.get("/crm/v3/objects/calls")["results"]]
    assert ([404] * 4, {}) == (statuses, hubspot.ends("calls", call, "companies"))
    assert [ids["contacts"]["C2"]] == list(hubspot.ends("calls", call, "contacts"))
    assert None is hubspot.record("contacts", ids["contacts"]["C2"], "associatedcompanyid")["properties"]["associatedcompanyid"]


def test_one_stamp_for_all(hubspot: Caller) -> None:
    """An edit of many at once gives all of them one modified date."""
    hubspot.do("stamp", type="contacts", at="2024-09-29T10:00:00Z")
    found = hubspot.get("/crm/v3/objects/contacts?limit=100")["results"]

    assert {"2024-09-29T10:00:00Z"} == {one["updatedAt"] for one in found}


@pytest.mark.parametrize(
    "body", [{"steps": [{"do": "dance"}]}, {"steps": [{"do": "erase", "id": "7"}]}, {"settings": {"x": 1}}, {"do": []}, []]
)
def test_powers_that_nobody_has(hubspot: Caller, body: object) -> None:
    """What cannot be done is refused with what could be."""
    assert "one of restore, erase, calculate, stamp" in hubspot.post("/_sandbox/portal", body, 400)["error"]


def test_ids_in_text_order(book: Book) -> None:
    """A portal may sort ids as texts, so that 102 comes before 51."""
    by_id = {"sorts": [{"propertyName": "hs_object_id", "direction": "ASCENDING"}]}
    with served(book, settings=Settings(ids_as_text=True)) as caller:
        found = [one["id"] for one in caller.post("/crm/v3/objects/contacts/search", by_id)["results"]]
        beyond = {"filters": [{"propertyName": "hs_object_id", "operator": "GT", "value": found[0]}]}
        rest = [one["id"] for one in caller.post("/crm/v3/objects/contacts/search", by_id | beyond)["results"]]

    assert sorted(found) == found != sorted(found, key=int)
    assert sorted(one for one in found if int(one) > int(found[0])) == rest


def test_a_survivor_may_keep_its_id(book: Book) -> None:
    """In an account of the beta the first record of a merge keeps its id, and its associations."""
    with served(book, settings=Settings(merges_keep_id=True)) as caller:
        ids = caller.ids()
        kept, gone = ids["contacts"]["C1"], ids["contacts"]["C3"]
        made = caller.post("/crm/v3/objects/contacts/merge", {"primaryObjectId": kept, "objectIdToMerge": gone})
        ends = caller.ends("contacts", kept, "companies")

    assert (kept, f"{kept};{gone}") == (made["id"], made["properties"]["hs_merged_object_ids"])
    assert {ids["accounts"]["A1"]: [1, 279]} == ends


def test_long_searches(hubspot: Caller) -> None:
    """A body of more than 3,000 characters is refused, or only more of what is searched for, as the portal is set."""
    long = {"properties": ["name"] * 600}
    values = {"filters": [{"propertyName": "name", "operator": "IN", "values": ["x"] * 1000}]}
    statuses = [hubspot.send("POST", "/crm/v3/objects/companies/search", body).status_code for body in (long, values)]
    hubspot.turn(whole_search_body=False)
    statuses += [hubspot.send("POST", "/crm/v3/objects/companies/search", body).status_code for body in (long, values)]

    assert [400, 400, 200, 400] == statuses


def test_a_portal_that_keeps_no_unique_key(book: Book) -> None:
    """The key property may not be unique, and tasks may not get another unique one."""
    key = {"name": "other", "label": "O", "type": "string", "fieldType": "text", "groupName": "taskinformation"}
    with served(book, settings=Settings(key_unique=False, unique_tasks=False)) as caller:
        made = [caller.post("/crm/v3/objects/tasks", a_task(refsync_key="ab" * 32), 201)["id"] for _ in range(2)]
        by_key = caller.send("GET", f"/crm/v3/objects/tasks/{'ab' * 32}?idProperty=refsync_key").status_code
        unique = caller.send("POST", "/crm/v3/properties/tasks", key | {"hasUniqueValue": True}).status_code
        plain = caller.send("POST", "/crm/v3/properties/tasks", key).status_code

    assert (2, 400, 400, 201) == (len(set(made)), by_key, unique, plain)


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Book:
    return write_book(tmp_path_factory.mktemp("network"), MORE)


def test_introductions_of_a_book(network: Book) -> None:
    """The introduced person is a contact that names its referrer and how far it has come; a new one has no company."""
    names = ("firstname", "lastname", "hs_lead_status", "referred_by_contact_id", "hubspot_owner_id", "associatedcompanyid")
    with served(network) as caller:
        ids = caller.ids()
        known, new = (caller.record("contacts", ids["introductions"][name], *names) for name in ("I1", "I2"))

    contacts, users = ids["contacts"], ids["users"]
    assert (contacts["C3"], "OPEN_DEAL", contacts["C1"]) == (
        known["id"],
        known["properties"]["hs_lead_status"],
        known["properties"]["referred_by_contact_id"],
    )
    assert ["Gus", "New", "ATTEMPTED_TO_CONTACT", contacts["C2"], users["U2"], None] == [
        new["properties"][name] for name in names
    ]
    assert "2024-05-02T09:00:00Z" == new["createdAt"]


def test_introductions_by_label(network: Book) -> None:
    """A portal may keep them as associations between contacts, with a label that is read differently from each end."""
    with served(network, settings=Settings(introductions_by_label=True)) as caller:
        ids = caller.ids()
        person, source = ids["introductions"]["I2"], ids["contacts"]["C2"]
        path = "/crm/v4/associations/contacts/contacts/batch/read"
        found = caller.post(path, {"inputs": [{"id": person}, {"id": source}]})["results"]
        labels = {one["from"]["id"]: [kind["label"] for kind in one["to"][0]["associationTypes"]] for one in found}

    assert {person: [None, "Referred by"], source: [None, "Referred"]} == labels


def test_further_accounts_of_a_book(network: Book) -> None:
    """A further account is an association without label; the primary company stays."""
    with served(network) as caller:
        ids = caller.ids()
        contact, accounts = ids["contacts"]["C1"], ids["accounts"]
        ends = caller.ends("contacts", contact, "companies")
        primary = caller.record("contacts", contact, "associatedcompanyid")["properties"]["associatedcompanyid"]

    assert {accounts["A1"]: [1, 279], accounts["A2"]: [279]} == ends
    assert (accounts["A1"], f"{accounts['A2']}:{contact}") == (primary, ids["account_contacts"]["AC1"])


@pytest.mark.parametrize("labelled", [False, True])
def test_people_introduce_people(network: Book, *, labelled: bool) -> None:
    """People add, move on and forget introductions and further accounts."""
    with served(network, settings=Settings(introductions_by_label=labelled)) as caller:
        row = {"id": "I9", "source_contact_id": "C1", "person_name": "Hal Nine", "status": "new", "owner_id": "U1"}
        caller.change({"op": "add", "table": "introductions", "row": row})
        caller.change({"op": "add", "table": "account_contacts", "row": {"id": "AC9", "account_id": "A3", "contact_id": "C1"}})
        ids = caller.ids()
        person, contacts = ids["introductions"]["I9"], ids["contacts"]

        def shown() -> tuple[str, str | None, list[str]]:
            found = caller.record("contacts", person, "hs_lead_status", "referred_by_contact_id")["properties"]
            return found["hs_lead_status"], found["referred_by_contact_id"], list(caller.ends("contacts", person, "contacts"))

        first = shown()
        moved = {"status": "met", "source_contact_id": "C2", "person_name": "Hal Ten"}
        caller.change({"op": "change", "table": "introductions", "id": "I9", "set": moved})
        second = shown()
        caller.change(
            {"op": "delete", "table": "introductions", "id": "I9"}, {"op": "delete", "table": "account_contacts", "id": "AC9"}
        )
        third, accounts = shown(), caller.ends("contacts", contacts["C1"], "companies")
        refused = {"op": "change", "table": "account_contacts", "id": "AC1", "set": {"role": "boss"}}
        caller.change(refused, status=400)

    def source(name: str) -> tuple[str | None, list[str]]:
        return (None, [contacts[name]]) if labelled else (contacts[name], [])

    assert (("NEW", *source("C1")), ("OPEN_DEAL", *source("C2")), ("OPEN_DEAL", None, [])) == (first, second, third)
    assert {ids["accounts"]["A1"], ids["accounts"]["A2"]} == set(accounts)
