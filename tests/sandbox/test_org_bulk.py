"""Query jobs of Bulk API 2.0: created, polled, fetched set by set, refused."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import Any

import pytest
from simple_salesforce.api import Salesforce as Library

from tests.sandbox.salesforce_org import Caller, library_session, served, write_book

ALL = "SELECT Id, Name, LastModifiedDate, IsDeleted, AnnualRevenue, Description, Owner.Name FROM Account"


@pytest.fixture(scope="module")
def org(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Caller]:
    with served(write_book(tmp_path_factory.mktemp("book"))) as caller:
        for number in range(3):
            records = [{"attributes": {"type": "Contact"}, "LastName": f"{number} {n}"} for n in range(200)]
            caller.call("POST", "composite/sobjects", json={"records": records})
        yield caller


def job(org: Caller, query: str, operation: str = "queryAll", **more: str) -> str:
    reply = org.call("POST", "jobs/query", json={"operation": operation, "query": query, **more})
    assert 200 == reply.status_code, reply.text
    return str(reply.json()["id"])


def complete(org: Caller, query: str, **more: str) -> str:
    made = job(org, query, **more)
    while org.call("GET", f"jobs/query/{made}").json()["state"] != "JobComplete":
        pass
    return made


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


def refused(org: Caller, query: str) -> tuple[int, str]:
    reply = org.call("POST", "jobs/query", json={"operation": "query", "query": query})
    (error,) = reply.json()
    return reply.status_code, error["errorCode"]


def test_a_job_goes_through_its_states(org: Caller) -> None:
    """A job is answered with UploadComplete, works for a while, and tells how many records it found when it is complete."""
    made = org.call("POST", "jobs/query", json={"operation": "query", "query": "SELECT Id FROM Case"}).json()

    assert ("UploadComplete", "Case", "query", 62.0) == (made["state"], made["object"], made["operation"], made["apiVersion"])
    assert 204 == org.call("GET", f"jobs/query/{made['id']}/results").status_code
    working, done = (org.call("GET", f"jobs/query/{made['id']}").json() for _ in range(2))
    assert ("InProgress", 0) == (working["state"], working["numberRecordsProcessed"])
    assert ("JobComplete", 2, "V2Query") == (done["state"], done["numberRecordsProcessed"], done["jobType"])
    listed = org.call("GET", "jobs/query").json()
    assert made["id"] in [one["id"] for one in listed["records"]]


def test_the_results_are_csv_as_salesforce_writes_it(org: Caller) -> None:
    """Every value is quoted, quotes are doubled, line breaks stay, nothing is empty, stamps end in Z, lines in LF."""
    text = 'two\nlines, a "quote" and\r\na \x00'
    account = org.call("POST", "sobjects/Account", json={"Name": "N/A", "Description": text}).json()["id"]
    made = complete(org, f"{ALL} WHERE Id = '{account}'")

    reply = org.call("GET", f"jobs/query/{made}/results")

    assert ("text/csv; charset=utf-8", "null", "1") == (
        reply.headers["content-type"],
        reply.headers["Sforce-Locator"],
        reply.headers["Sforce-NumberOfRecords"],
    )
    lines = reply.text.split("\n", 1)
    assert lines[0] == '"Id","Name","LastModifiedDate","IsDeleted","AnnualRevenue","Description","Owner.Name"'
    assert '""quote""' in lines[1]
    assert reply.text.endswith('","Integration User"\n')
    (row,) = rows(reply.text)
    assert (account, "N/A", "false", "", text) == (
        row["Id"],
        row["Name"],
        row["IsDeleted"],
        row["AnnualRevenue"],
        row["Description"],
    )
    assert row["LastModifiedDate"].endswith(".000Z")


def test_sets_lead_from_one_to_the_next(org: Caller) -> None:
    """maxRecords cuts the result into sets whose locators can be used again; each carries the header; the last says null."""
    made = complete(org, "SELECT Id FROM Task", operation="queryAll")
    whole = [row["Id"] for row in rows(org.call("GET", f"jobs/query/{made}/results").text)]

    found, locator, counts = [], "", []
    while locator != "null":
        reply = org.call("GET", f"jobs/query/{made}/results", params={"maxRecords": "2", "locator": locator})
        again = org.call("GET", f"jobs/query/{made}/results", params={"maxRecords": "2", "locator": locator})
        assert reply.text == again.text
        found += [row["Id"] for row in rows(reply.text)]
        counts.append(int(reply.headers["Sforce-NumberOfRecords"]))
        locator = reply.headers["Sforce-Locator"]

    assert whole == found
    assert [2] * (len(whole) // 2) + [len(whole) % 2] * (len(whole) % 2) == counts
    assert 400 == org.call("GET", f"jobs/query/{made}/results", params={"locator": "nonsense"}).status_code


def test_rows_come_in_no_order_unless_asked_for(org: Caller) -> None:
    """Without ORDER BY or LIMIT a result is not in the order of Ids; with ORDER BY it is."""

    def ids(query: str) -> list[str]:
        return [row["Id"] for row in rows(org.call("GET", f"jobs/query/{complete(org, query)}/results").text)]

    loose, sorted_ids = ids("SELECT Id FROM Contact"), ids("SELECT Id FROM Contact ORDER BY Id")
    assert sorted(loose) == sorted_ids
    assert loose != sorted_ids


def test_query_and_query_all(org: Caller) -> None:
    """A queryAll job gives archived and deleted rows, too."""
    query = "SELECT Id FROM Event WHERE Subject = 'Meet long ago'"

    counts = [
        org.call("GET", f"jobs/query/{complete(org, query, operation=one)}/results").headers["Sforce-NumberOfRecords"]
        for one in ("query", "queryAll")
    ]

    assert ["0", "1"] == counts


def test_other_delimiters_and_line_ends(org: Caller) -> None:
    """Columns and lines end as the job asked for."""
    made = complete(org, "SELECT Id, Subject FROM Case", columnDelimiter="PIPE", lineEnding="CRLF")

    text = org.call("GET", f"jobs/query/{made}/results").content.decode()

    assert text.startswith('"Id"|"Subject"\r\n"500')
    assert 3 == text.count("\r\n")


def test_a_job_is_aborted_and_deleted(org: Caller) -> None:
    """A running job can be aborted, a complete one cannot; what is over can be deleted and is gone."""
    running, done = job(org, "SELECT Id FROM Case"), complete(org, "SELECT Id FROM Case")

    assert 400 == org.call("DELETE", f"jobs/query/{running}").status_code
    assert "Aborted" == org.call("PATCH", f"jobs/query/{running}", json={"state": "Aborted"}).json()["state"]
    assert "Aborted" == org.call("GET", f"jobs/query/{running}").json()["state"]
    refusal = org.call("PATCH", f"jobs/query/{done}", json={"state": "Aborted"})
    (error,) = refusal.json()
    assert (400, "INVALIDJOBSTATE") == (refusal.status_code, error["errorCode"])
    assert "Aborting already Completed Job not allowed" == error["message"]
    assert [204, 204] == [org.call("DELETE", f"jobs/query/{one}").status_code for one in (running, done)]
    assert 404 == org.call("GET", f"jobs/query/{done}").status_code


def test_results_are_bound_to_the_version_of_the_job(org: Caller) -> None:
    """Another API version than the job was made with is refused with 409."""
    made = complete(org, "SELECT Id FROM Case")

    reply = org.session.get(f"{org.sandbox.url}/services/data/v61.0/jobs/query/{made}/results", timeout=5)

    assert 409 == reply.status_code


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("SELECT Id, (SELECT Id FROM Contacts) FROM Account", "FEATURENOTENABLED"),
        ("SELECT COUNT() FROM Account", "FEATURENOTENABLED"),
        ("SELECT Type, COUNT(Id) FROM Account GROUP BY Type", "FEATURENOTENABLED"),
        ("SELECT Id FROM Account LIMIT 5 OFFSET 2", "FEATURENOTENABLED"),
        ("SELECT FIELDS(ALL) FROM Account LIMIT 5", "FEATURENOTENABLED"),
        ("SELECT Id FROM TaskStatus", "INVALIDENTITY"),
        ("SELECT Id FROM Nothing", "INVALID_TYPE"),
        ("SELECT Nothing FROM Account", "INVALID_FIELD"),
        ("SELECT Id FROM", "MALFORMED_QUERY"),
    ],
)
def test_what_bulk_refuses(org: Caller, query: str, code: str) -> None:
    """What the Bulk API does not run is refused when the job is created."""
    assert (400, code) == refused(org, query)


def test_a_job_is_counted(org: Caller) -> None:
    """Each job takes one of the day's."""
    before = org.call("GET", "limits").json()["DailyBulkV2QueryJobs"]["Remaining"]
    job(org, "SELECT Id FROM Case")

    assert before - 1 == org.call("GET", "limits").json()["DailyBulkV2QueryJobs"]["Remaining"]


def test_the_library_reads_a_job(org: Caller) -> None:
    """simple-salesforce's own Bulk 2.0 client gets every row, set by set."""
    token = str(org.session.headers["Authorization"]).removeprefix("Bearer ")
    library: Any = Library(
        session_id=token, instance="acme.my.salesforce.com", session=library_session(org.sandbox.url), version="62.0"
    )

    query = "SELECT Id, Name FROM Contact WHERE Name LIKE '1 %' ORDER BY Id"
    sets = list(library.bulk2.Contact.query(query, max_records=150, wait=0.01))

    assert [150, 50] == [len(rows(one)) for one in sets]
