"""Several calls in one: composite and batch."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.sandbox.salesforce_org import DATA, Caller, served, write_book


@pytest.fixture(scope="module")
def org(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Caller]:
    with served(write_book(tmp_path_factory.mktemp("book"))) as caller:
        yield caller


def step(name: str, method: str, path: str, body: Any = None, **headers: str) -> dict[str, Any]:
    return {"referenceId": name, "method": method, "url": f"{DATA}/{path}", "body": body, "httpHeaders": headers}


def composite(org: Caller, *steps: dict[str, Any], all_or_none: bool = False) -> list[dict[str, Any]]:
    reply = org.call("POST", "composite", json={"allOrNone": all_or_none, "compositeRequest": steps})
    assert 200 == reply.status_code, reply.text
    results: list[dict[str, Any]] = reply.json()["compositeResponse"]
    return results


def count(org: Caller, subject: str, name: str) -> int:
    return len(org.rows(f"SELECT Id FROM {subject} WHERE Subject = '{name}'"))


def test_calls_use_each_others_results(org: Caller) -> None:
    """A call refers to fields of earlier results in its path, query and body."""
    made, told, found, task = composite(
        org,
        step("account", "POST", "sobjects/Account", {"Name": "Composed"}),
        step("told", "GET", "sobjects/Account/@{account.id}?fields=Name"),
        step("found", "GET", "query?q=SELECT Id, Name FROM Account WHERE Id = '@{account.id}'"),
        step("task", "POST", "sobjects/Task", {"Subject": "For @{told.Name}", "WhatId": "@{found.records[0].Id}"}),
    )

    assert [201, 200, 200, 201] == [one["httpStatusCode"] for one in (made, told, found, task)]
    assert made["httpHeaders"] == {"Location": f"{DATA}/sobjects/Account/{made['body']['id']}"}
    assert "Composed" == told["body"]["Name"]
    (row,) = org.rows(f"SELECT Subject, WhatId FROM Task WHERE Id = '{task['body']['id']}'")
    assert row == {"Subject": "For Composed", "WhatId": made["body"]["id"]}


def test_each_call_fails_alone(org: Caller) -> None:
    """A failing call has its status and errors in the reply; what refers to it is halted; the rest is carried out."""
    bad, dependent, good = composite(
        org,
        step("bad", "POST", "sobjects/Task", {"Nothing": 1}),
        step("dependent", "POST", "sobjects/Task", {"Subject": "x", "WhatId": "@{bad.id}"}),
        step("good", "POST", "sobjects/Task", {"Subject": "Stands alone"}),
    )

    assert (400, "INVALID_FIELD") == (bad["httpStatusCode"], bad["body"][0]["errorCode"])
    assert (400, "PROCESSING_HALTED") == (dependent["httpStatusCode"], dependent["body"][0]["errorCode"])
    assert 201 == good["httpStatusCode"]
    assert 1 == count(org, "Task", "Stands alone")


def test_all_or_none(org: Caller) -> None:
    """With allOrNone one failure undoes every call, and the others say so."""
    good, bad, after = composite(
        org,
        step("good", "POST", "sobjects/Task", {"Subject": "Undone"}),
        step("bad", "POST", "sobjects/Task", {"Nothing": 1}),
        step("after", "GET", "query?q=SELECT+COUNT()+FROM+Task"),
        all_or_none=True,
    )

    assert ["PROCESSING_HALTED", "INVALID_FIELD", "PROCESSING_HALTED"] == [
        one["body"][0]["errorCode"] for one in (good, bad, after)
    ]
    assert 0 == count(org, "Task", "Undone")


def test_collections_and_pages_inside(org: Caller) -> None:
    """Collections and queryAll work inside; errors of a query are those of the query."""
    rows = [{"attributes": {"type": "Task"}, "Subject": "Inner", "Status": word} for word in ("Completed", "Not Started")]
    made, seen, wrong, missing = composite(
        org,
        step("made", "POST", "composite/sobjects", {"allOrNone": False, "records": rows}),
        step("seen", "GET", "queryAll?q=SELECT+Id+FROM+Task+WHERE+Subject='Inner'"),
        step("wrong", "GET", "query/?q=select count() from XYZZY"),
        step("missing", "GET", "sobjects/Foo"),
    )

    assert [True, True] == [one["success"] for one in made["body"]]
    assert 2 == seen["body"]["totalSize"]
    assert (400, "INVALID_TYPE") == (wrong["httpStatusCode"], wrong["body"][0]["errorCode"])
    assert (404, "NOT_FOUND") == (missing["httpStatusCode"], missing["body"][0]["errorCode"])


def test_describe_inside_is_not_sent_twice(org: Caller) -> None:
    """What has not changed is answered with 304 and no body, inside and outside."""
    since = org.call("GET", "sobjects/Task/describe").headers["Last-Modified"]

    (inner,) = composite(org, step("d", "GET", "sobjects/Task/describe", **{"If-Modified-Since": since}))

    assert (304, None, since) == (inner["httpStatusCode"], inner["body"], inner["httpHeaders"]["Last-Modified"])
    again = org.call("GET", "sobjects", headers={"If-Modified-Since": since})
    assert (304, b"") == (again.status_code, again.content)
    assert 200 == org.call("GET", "sobjects", headers={"If-Modified-Since": "Wed, 01 Jan 2014 00:00:00 GMT"}).status_code


@pytest.mark.parametrize(
    ("steps", "code"),
    [
        ([step(f"q{n}", "GET", "query?q=SELECT+Id+FROM+Task") for n in range(6)], "LIMIT_EXCEEDED"),
        ([step(f"q{n}", "GET", "sobjects") for n in range(26)], "LIMIT_EXCEEDED"),
        ([step("a", "GET", "sobjects"), step("a", "GET", "sobjects")], "INVALID_INPUT"),
        ([step("a b", "GET", "sobjects")], "JSON_PARSER_ERROR"),
        ([], "JSON_PARSER_ERROR"),
    ],
)
def test_what_a_composite_refuses(org: Caller, steps: list[dict[str, Any]], code: str) -> None:
    """Too many calls or queries, names twice or missing: the whole is refused."""
    reply = org.call("POST", "composite", json={"compositeRequest": steps})

    assert (400, code) == (reply.status_code, reply.json()[0]["errorCode"])


def test_a_composite_is_one_call(org: Caller) -> None:
    """Inner calls do not count against the daily limit."""

    def used() -> int:
        return int(org.call("GET", "limits").headers["Sforce-Limit-Info"].split("=")[1].split("/")[0])

    before = used()
    composite(org, *(step(f"n{n}", "GET", "sobjects/User") for n in range(10)))

    assert before + 2 == used()


def test_batch(org: Caller) -> None:
    """A batch answers each call with status and result, and can stop at the first error."""
    requests = [
        {"method": "POST", "url": "v62.0/sobjects/Task", "richInput": {"Subject": "Batched"}},
        {"method": "GET", "url": "v62.0/sobjects/Task/nonsense"},
        {"method": "GET", "url": "v62.0/limits"},
    ]

    body = org.call("POST", "composite/batch", json={"batchRequests": requests}).json()
    halted = org.call("POST", "composite/batch", json={"haltOnError": True, "batchRequests": requests}).json()

    assert (True, [201, 404, 200]) == (body["hasErrors"], [one["statusCode"] for one in body["results"]])
    assert "DailyApiRequests" in body["results"][2]["result"]
    assert [201, 404, 412] == [one["statusCode"] for one in halted["results"]]
    assert 2 == count(org, "Task", "Batched")
