"""Salesforce's own faults: each is there by name, says what Salesforce says, and leaves behind what it should."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from refsync_sandbox.salesforce.troubles import FAULTS, REFUSALS
from tests.sandbox.salesforce_org import Caller, served, write_book

TASKS = "SELECT Id, Subject FROM Task ORDER BY Id"


@pytest.fixture(scope="module")
def org(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Caller]:
    with served(write_book(tmp_path_factory.mktemp("book"))) as caller:
        yield caller


@pytest.fixture(autouse=True)
def disarmed(org: Caller) -> Iterator[None]:
    yield
    org.session.delete(f"{org.sandbox.url}/_sandbox/faults", timeout=5)


def arm(org: Caller, name: str, **more: Any) -> None:
    fault = {"kind": "own", "name": name, "times": 1, **more}
    reply = org.session.post(f"{org.sandbox.url}/_sandbox/faults", json={"faults": [fault]}, timeout=5)
    assert reply.status_code == 200, reply.text


def tasks(org: Caller, subject: str) -> int:
    return len(org.rows(f"SELECT Id FROM Task WHERE Subject = '{subject}'"))


def test_faults_are_listed_with_what_they_do(org: Caller) -> None:
    """The control API tells every fault of its own; one that is not known is refused with the nearest."""
    listed = org.session.get(f"{org.sandbox.url}/_sandbox/faults", timeout=5).json()["own"]
    wrong = {"faults": [{"kind": "own", "name": "row_lokced"}]}

    assert dict(FAULTS) == listed
    refused = org.session.post(f"{org.sandbox.url}/_sandbox/faults", json=wrong, timeout=5)
    assert (400, True) == (refused.status_code, "row_locked" in refused.json()["error"])


STATUSES = {
    "session_expired": (401, "INVALID_SESSION_ID"),
    "session_expired_html": (401, ""),
    "session_expired_object": (401, "INVALID_SESSION_ID"),
    "session_expired_bulk": (400, "InvalidSessionId"),
    "invalid_auth_header": (400, "INVALID_AUTH_HEADER"),
    "request_limit": (403, "TotalRequests Limit exceeded."),
    "concurrent_limit": (403, "ConcurrentRequests"),
    "long_transactions": (403, "ConcurrentPerOrgLongTxn"),
    "api_disabled": (403, "API_DISABLED_FOR_ORG"),
    "no_access": (403, "INSUFFICIENT_ACCESS"),
    "unavailable": (503, "SERVER_UNAVAILABLE"),
    "unavailable_html": (503, "<html>"),
    "unknown_exception": (500, "UNKNOWN_EXCEPTION"),
    "query_timeout": (400, "QUERY_TIMEOUT"),
    "no_column": (400, "No such column 'CallType' on entity 'Task'"),
    "row_locked": (400, "UNABLE_TO_LOCK_ROW"),
    "retired": (410, "GONE"),
    "too_long": (431, "Bad Message 431"),
    "invalid_grant": (400, "invalid_grant"),
    "login_rate": (400, "login rate exceeded"),
}


def test_every_refusal_is_looked_at() -> None:
    """The cases below are all refusals that there are."""
    assert set(REFUSALS) == set(STATUSES)


@pytest.mark.parametrize("name", STATUSES)
def test_what_a_refusal_says_and_leaves_behind(org: Caller, name: str) -> None:
    """Before the call nothing is written, after it the task is there; either way the same words."""
    status, words = STATUSES[name]
    for when, count in (("before", 0), ("after", 1)):
        arm(org, name, when=when, endpoint="POST sobjects/Task")
        reply = org.call("POST", "sobjects/Task", json={"Subject": name})
        assert (status, True) == (reply.status_code, words in reply.text)
        assert count == tasks(org, name)


def test_a_token_that_is_not_given(org: Caller) -> None:
    """The token endpoint can be out of order, too."""
    arm(org, "unavailable_html", endpoint="POST oauth2/token")
    assert 503 == org.session.post(f"{org.sandbox.url}/services/oauth2/token", timeout=5).status_code


def page(org: Caller, name: str, path: str = "queryAll") -> dict[str, Any]:
    arm(org, name, endpoint="GET queryAll")
    body: dict[str, Any] = org.call("GET", path, params={"q": TASKS}).json()
    return body


def rest(org: Caller, body: dict[str, Any]) -> list[str]:
    found = [row["Id"] for row in body["records"]]
    while "nextRecordsUrl" in body:
        body = org.session.get(org.sandbox.url + body["nextRecordsUrl"], timeout=5).json()
        found += [row["Id"] for row in body["records"]]
    return found


def test_pages_that_are_not_what_they_should_be(org: Caller) -> None:
    """Short, empty, repeated, reversed pages, and ends that contradict themselves."""
    whole = [row["Id"] for row in org.rows(TASKS, everything=True)]

    short = page(org, "short_page")
    assert (len(whole) // 2, False, len(whole)) == (len(short["records"]), short["done"], short["totalSize"])
    assert whole == rest(org, short)
    empty = page(org, "empty_page")
    assert ([], False) == (empty["records"], empty["done"])
    assert whole == rest(org, empty)
    again = page(org, "same_page_again")
    assert whole + whole == rest(org, again)
    ended = page(org, "next_at_the_end")
    assert (True, True) == (ended["done"], "nextRecordsUrl" in ended)
    assert 400 == org.session.get(org.sandbox.url + ended["nextRecordsUrl"], timeout=5).status_code
    lost = page(org, "no_next")
    assert (False, False) == (lost["done"], "nextRecordsUrl" in lost)
    assert whole[::-1] == rest(org, page(org, "other_order"))
    assert len(whole) - 1 == page(org, "other_total")["totalSize"]


def test_a_locator_that_is_gone(org: Caller) -> None:
    """It is refused, and so is every other one."""
    org.org({"do": "pages", "most": 2})
    first, second = (org.call("GET", "queryAll", params={"q": TASKS}).json()["nextRecordsUrl"] for _ in range(2))
    org.org({"do": "pages", "most": 2000})

    arm(org, "locator_gone", endpoint="GET query/locator")
    for url in (first, second):
        reply = org.session.get(org.sandbox.url + url, timeout=5)
        assert (400, "INVALID_QUERY_LOCATOR") == (reply.status_code, reply.json()[0]["errorCode"])


def test_a_locator_that_can_be_used_once(org: Caller) -> None:
    """It gives its page, and is refused the second time; the next one goes on."""
    org.org({"do": "pages", "most": 2})
    url = org.sandbox.url + org.call("GET", "queryAll", params={"q": TASKS}).json()["nextRecordsUrl"]
    arm(org, "locator_once", endpoint="GET query/locator")

    first, again = org.session.get(url, timeout=5), org.session.get(url, timeout=5)
    following = org.session.get(org.sandbox.url + first.json()["nextRecordsUrl"], timeout=5)
    org.org({"do": "pages", "most": 2000})

    assert [200, 400, 200] == [reply.status_code for reply in (first, again, following)]


def test_some_rows_of_a_collection_are_locked(org: Caller) -> None:
    """Every second row is refused, and only the others are written."""
    arm(org, "some_rows_locked")
    rows = [{"attributes": {"type": "Task"}, "Subject": f"Row {n}"} for n in range(4)]

    results = org.call("POST", "composite/sobjects", json={"records": rows}).json()

    assert [True, False, True, False] == [one["success"] for one in results]
    assert "UNABLE_TO_LOCK_ROW" == results[1]["errors"][0]["statusCode"]
    assert [1, 0, 1, 0] == [tasks(org, f"Row {n}") for n in range(4)]


def test_a_key_that_another_took_first(org: Caller) -> None:
    """A creation is refused with DUPLICATE_VALUE and the id of the record that is there."""
    arm(org, "duplicate_race", endpoint="POST sobjects/Task")
    reply = org.call("POST", "sobjects/Task", json={"Subject": "Raced", "refsync_key__c": "raced"})
    arm(org, "duplicate_race", endpoint="POST composite/sobjects")
    row = {"attributes": {"type": "Task"}, "Subject": "Raced", "refsync_key__c": "raced, too"}
    (second,) = org.call("POST", "composite/sobjects", json={"records": [row]}).json()

    (error,) = reply.json()
    assert (400, "DUPLICATE_VALUE") == (reply.status_code, error["errorCode"])
    assert error["message"].rsplit(" ", 1)[1] in [one["Id"] for one in org.rows("SELECT Id FROM Task WHERE Subject = 'Raced'")]
    assert (False, "DUPLICATE_VALUE") == (second["success"], second["errors"][0]["statusCode"])
    assert 2 == tasks(org, "Raced")


@pytest.mark.parametrize(("name", "state"), [("job_failed", "Failed"), ("job_aborted", "Aborted")])
def test_a_job_that_does_not_complete(org: Caller, name: str, state: str) -> None:
    """A job ends otherwise and stays so, without results."""
    made = org.call("POST", "jobs/query", json={"operation": "query", "query": "SELECT Id FROM Task"}).json()["id"]
    arm(org, name, endpoint="GET jobs/query/job")

    first, second = (org.call("GET", f"jobs/query/{made}").json() for _ in range(2))

    assert [state, state] == [first["state"], second["state"]]
    assert (state == "Failed") == ("errorMessage" in first)
    assert 204 == org.call("GET", f"jobs/query/{made}/results").status_code


def test_results_without_their_headers(org: Caller) -> None:
    """A set of results may come without locator and count."""
    made = org.call("POST", "jobs/query", json={"operation": "query", "query": "SELECT Id FROM Task"}).json()["id"]
    while org.call("GET", f"jobs/query/{made}").json()["state"] != "JobComplete":
        pass
    arm(org, "no_result_headers")

    bare, whole = (org.call("GET", f"jobs/query/{made}/results") for _ in range(2))

    assert ("Sforce-Locator" in bare.headers, "Sforce-NumberOfRecords" in bare.headers) == (False, False)
    assert "null" == whole.headers["Sforce-Locator"]
    assert bare.text == whole.text
