"""SOQL over HTTP: what it finds, and what is refused in which words."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.sandbox.salesforce_org import Caller, served, write_book


@pytest.fixture(scope="module")
def org(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Caller]:
    with served(write_book(tmp_path_factory.mktemp("book"))) as caller:
        yield caller


def names(org: Caller, where: str, subject: str = "Account") -> list[str]:
    return [row["Name"] for row in org.rows(f"SELECT Name FROM {subject} WHERE {where} ORDER BY Name")]


CRANE = 'O\'Crane "big" Ltd'


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ("Name = 'acme'", ["Acme"]),
        ("Name != 'Acme'", ["Bolt", CRANE]),
        (r"Name LIKE 'O\'cr%'", [CRANE]),
        ("Name LIKE '_olt'", ["Bolt"]),
        ("Industry = null", ["Bolt", CRANE]),
        ("Industry = ''", ["Bolt", CRANE]),
        ("Industry != null", ["Acme"]),
        ("Industry != 'education'", ["Bolt", CRANE]),
        ("NOT Industry = 'education'", ["Bolt", CRANE]),
        ("NOT (Industry = 'education' OR Name = 'Bolt')", [CRANE]),
        ("AnnualRevenue > 99", ["Acme", "Bolt"]),
        ("AnnualRevenue <= 99.5", ["Bolt"]),
        ("Name IN ('acme', 'bolt') AND (Tier__c = null OR Tier__c = 'silver')", ["Bolt"]),
        ("Industry NOT IN ('education')", ["Bolt", CRANE]),
        ("Do_Not_Contact__c = true", ["Bolt"]),
        ("CreatedDate >= 2024-01-11T09:00:00Z AND CreatedDate < 2024-02-01T00:00:00+00:00", ["Bolt"]),
        ("CreatedDate > 2024-01-11T09:00:00.999Z", [CRANE]),
        ("CreatedDate > 2024-01-11T10:30:00+02:00", ["Bolt", CRANE]),
        ("CreatedDate = YESTERDAY", [CRANE]),
        ("CreatedDate >= LAST_N_DAYS:7", [CRANE]),
        ("CreatedDate < THIS_MONTH", ["Acme", "Bolt"]),
        ("Go_Live_On__c = 2024-03-01", ["Acme"]),
        ("Go_Live_On__c > 2024-03-01", [CRANE]),
        ("Owner.IsActive = false", [CRANE]),
        ("Owner.Name = 'ada example' AND Owner.Profile.Name = 'Standard User'", ["Acme"]),
        ("Parent.Name = 'Bolt'", ["Acme"]),
        ("Id IN (SELECT AccountId FROM Contact WHERE Title = 'CEO')", ["Acme"]),
        ("Account.Name = 'Bolt'", ["Bolt"]),
    ],
)
def test_conditions(org: Caller, where: str, expected: list[str]) -> None:
    """Conditions find what they find in Salesforce."""
    assert expected == names(org, where)


def test_order_limit_and_offset(org: Caller) -> None:
    """Several orders, nulls first unless told otherwise, limit and offset."""
    assert ["Bolt", CRANE, "Acme"] == [row["Name"] for row in org.rows("SELECT Name FROM Account ORDER BY Industry, Name")]
    assert "Acme" == org.rows("SELECT Name FROM Account ORDER BY Industry NULLS LAST LIMIT 1")[0]["Name"]
    assert ["Bolt"] == [row["Name"] for row in org.rows("SELECT Name FROM Account ORDER BY Name DESC LIMIT 1 OFFSET 1")]


def test_parents_and_children_come_with_the_row(org: Caller) -> None:
    """A parent is an object or null; children are a small result, or null when there are none."""
    query = "SELECT Name, Referred_By__r.Name, (SELECT Contact.Name, Role, IsPrimary FROM OpportunityContactRoles ORDER BY Role) "
    won, talks = org.rows(query + "FROM Opportunity ORDER BY Name")

    assert won["Referred_By__r"] == {"Name": "Finn Solo Sample"}
    roles = [(row["Contact"]["Name"], row["Role"], row["IsPrimary"]) for row in won["OpportunityContactRoles"]["records"]]
    assert roles == [("Dan Demo", "champion", True), ("Eve", "sponsor", False)]
    assert talks["Referred_By__r"] is None
    assert talks["OpportunityContactRoles"] is None


def test_parents_of_several_objects(org: Caller) -> None:
    """What.Name and Relation.Name find the record whatever it is."""
    query = (
        "SELECT Subject, What.Name, What.Type, (SELECT Relation.Name FROM TaskRelations) FROM Task WHERE TaskSubtype = 'Call' "
    )
    found = {row["Subject"]: row for row in org.rows(query + "ORDER BY Subject")}

    assert found["Call one"]["What"] == {"Name": "Acme", "Type": "Account"}
    assert found["Call two"]["What"] == {"Name": "Acme one", "Type": "Opportunity"}
    people = [row["Relation"]["Name"] for row in found["Call one"]["TaskRelations"]["records"]]
    assert people == ["Dan Demo", "Eve"]


def test_ids_in_conditions(org: Caller) -> None:
    """15 and 18 characters name the same record; ids that differ only by case do not."""
    one, other, _ = org.ids("accounts").values()

    assert one[:15].upper() == other[:15].upper()
    assert names(org, f"Id = '{one}'") == names(org, f"Id = '{one[:15]}'") == ["Acme"]
    assert names(org, f"Id = '{other}'") == ["Bolt"]


def test_query_hides_what_is_archived(org: Caller) -> None:
    """Events and closed tasks older than 365 days are seen by queryAll only."""
    task, event = "SELECT Subject FROM Task WHERE Subject = 'Old to-do'", "SELECT Subject, IsArchived FROM Event"

    assert [] == org.rows(task)
    assert [{"Subject": "Old to-do"}] == org.rows(task, everything=True)
    assert [{"Subject": "Meet", "IsArchived": False}] == org.rows(event)
    assert {"Subject": "Meet long ago", "IsArchived": True} in org.rows(event, everything=True)


def test_counts_and_groups(org: Caller) -> None:
    """COUNT() answers with the number alone; groups come as AggregateResults."""
    counted = org.call("GET", "query", params={"q": "SELECT COUNT() FROM Contact"}).json()
    grouped = org.rows("SELECT AccountId, COUNT(Id) people, MAX(CreatedDate) FROM Contact GROUP BY AccountId ORDER BY AccountId")

    assert counted == {"totalSize": 3, "done": True, "records": []}
    accounts = org.ids("accounts")
    assert [(row["AccountId"], row["people"]) for row in grouped] == [(accounts["A1"], 2), (accounts["A2"], 1)]
    assert grouped[0]["expr0"] == "2024-01-13T09:00:00.000+0000"


def test_rows_have_the_form_of_the_rest_api(org: Caller) -> None:
    """Attributes with type and URL, stamps with +0000, numbers, truth and null as JSON has them."""
    query = "SELECT Id, Name, AnnualRevenue, Seats__c, Pilot__c, Industry, CreatedDate FROM Account WHERE Name LIKE 'O%'"
    (row,) = org.call("GET", "query/", params={"q": query}).json()["records"]

    crane = org.ids("accounts")["A3"]
    assert row == {
        "attributes": {"type": "Account", "url": f"/services/data/v62.0/sobjects/Account/{crane}"},
        "Id": crane,
        "Name": CRANE,
        "AnnualRevenue": None,
        "Seats__c": 2.5,
        "Pilot__c": False,
        "Industry": None,
        "CreatedDate": "2024-09-29T12:00:00.000+0000",
    }


@pytest.mark.parametrize(
    ("query", "code", "words"),
    [
        ("SELECT Id, Foo FROM Account", "INVALID_FIELD", "Column:12\nNo such column 'Foo' on entity 'Account'."),
        ("SELECT Id FROM Accout", "INVALID_TYPE", "Column:16\nsObject type 'Accout' is not supported."),
        ("SELECT Id FROM Account WHERE Foo__c = 1", "INVALID_FIELD", "No such column 'Foo__c'"),
        ("SELECT Id, Boss.Name FROM Account", "INVALID_FIELD", "Didn't understand relationship 'Boss' in field path."),
        ("SELECT Id, (SELECT Id FROM Persons) FROM Account", "INVALID_TYPE", "Didn't understand relationship 'Persons' in FROM"),
        ("SELECT Id, Id FROM Account", "INVALID_FIELD", "duplicate field selected: Id"),
        (
            "SELECT Id FROM Task WHERE Description = 'x'",
            "INVALID_FIELD",
            "field 'Description' can not be filtered in a query call",
        ),
        ("SELECT Id FROM Task ORDER BY Description", "INVALID_FIELD", "field 'Description' can not be sorted in a query call"),
        (
            "SELECT Id FROM Task WHERE SystemModstamp > '2024-01-01T00:00:00Z'",
            "INVALID_FIELD",
            "value of filter criterion for field 'SystemModstamp' must be of type dateTime and should not be enclosed in quotes",
        ),
        ("SELECT Id FROM Account WHERE Name = 5", "INVALID_FIELD", "must be of type string and should be enclosed in quotes"),
        ("SELECT Id FROM Account WHERE Id = '123'", "INVALID_QUERY_FILTER_OPERATOR", "invalid ID field: 123"),
        ("SELECT Id FROM Account WHERE Id IN ()", "MALFORMED_QUERY", "Column:37\nunexpected token: ')'"),
        ("SELECT Id FROM Account WHERE A = 1 AND B = 2 OR C = 3", "MALFORMED_QUERY", "unexpected token: 'OR'"),
        ("SELECT Id FROMM Account", "MALFORMED_QUERY", "ERROR at Row:1:Column:11\nunexpected token: 'FROMM'"),
        ("SELECT Id FROM", "MALFORMED_QUERY", "unexpected token: '<EOF>'"),
        ("SELECT Id FROM Account OFFSET 2001", "NUMBER_OUTSIDE_VALID_RANGE", "Maximum SOQL offset allowed is 2000"),
        ("SELECT FIELDS(ALL) FROM Account", "MALFORMED_QUERY", "must have a LIMIT of at most 200"),
        ("SELECT Name, COUNT(Id) FROM Account", "MALFORMED_QUERY", "Field must be grouped or aggregated: Name"),
    ],
)
def test_refusals(org: Caller, query: str, code: str, words: str) -> None:
    """What Salesforce refuses is refused with its code, the place and its words."""
    found, message = org.refusal(query)

    assert code == found
    assert words in message
    assert "\nERROR at Row:1:Column:" in message


def test_the_mark_stands_under_the_fault(org: Caller) -> None:
    """The message shows the last 32 characters before the fault and a mark under it, as recorded replies do."""
    _, message = org.refusal("SELECT Name,BillingCity,IsDeleted FROM Accout")

    _, piece, mark, place, *_ = message.split("\n")
    assert (piece, mark, place) == ("Name,BillingCity,IsDeleted FROM Accout", " " * 32 + "^", "ERROR at Row:1:Column:40")


def test_a_query_too_long_for_a_get_is_answered_by_the_web_server(org: Caller) -> None:
    """Beyond 16,384 characters the answer is 431 with HTML, as real servers give it."""
    reply = org.call("GET", "query", params={"q": "SELECT Id FROM Account WHERE Name = '" + "x" * 17_000 + "'"})

    assert reply.status_code == 431
    assert reply.headers["Content-Type"].startswith("text/html")


def test_nothing_in_a_text_can_leave_its_quotes(org: Caller, tmp_path: Path) -> None:
    """Quotes, backslashes and SQL in texts are texts."""
    assert [] == names(org, r"Name = '\' OR \'1\' = \'1'")
    assert [] == names(org, "Name = '\"; DROP TABLE Account; --'")
