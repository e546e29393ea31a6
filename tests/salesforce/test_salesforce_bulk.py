"""First loads by query jobs of the Bulk API: the same records for fewer calls, whatever happens on the way."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from itertools import islice
from typing import Any

import pytest

from refsync.connector import Batch, Secret
from refsync.errors import ConnectorError, UnexpectedReply
from refsync.model import Activity, Record, Stream
from refsync_salesforce import bulk, first_load
from refsync_salesforce.bulk import Bulk
from refsync_salesforce.client import Client
from refsync_salesforce.connector import SalesforceConnector
from refsync_salesforce.failures import NotThere
from refsync_salesforce.first_load import FirstLoad
from refsync_salesforce.options import salesforce_options
from refsync_salesforce.people import People
from refsync_salesforce.schema import Schema
from refsync_salesforce.selections import Selections
from refsync_salesforce.sources import sources
from refsync_salesforce.window import Position
from refsync_salesforce.words import Terms
from refsync_sandbox.salesforce.secrets import CLIENT_ID, CLIENT_SECRET
from tests.salesforce.prepared import DATA, DATE, Org
from tests.salesforce.sandboxed import Hands, mirror

CREATED = {"id": "750000000000001AAA", "state": "UploadComplete", "createdDate": "2024-03-01T10:00:00.000+0000"}
DONE = {**CREATED, "state": "JobComplete", "numberRecordsProcessed": 2}
JOB = CREATED["id"]


@pytest.fixture(autouse=True)
def _hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Jobs of the sandbox advance when they are looked at: nobody has to wait."""
    monkeypatch.setattr(first_load, "LOOKS", (0.0,))


@pytest.fixture
def small_sets(monkeypatch: pytest.MonkeyPatch) -> None:
    """Results come in sets and batches of a few rows."""
    monkeypatch.setattr(bulk, "ROWS_A_SET", 9)
    monkeypatch.setattr(bulk, "PIECE", 4)


def bulked(hands: Hands, **options: Any) -> SalesforceConnector:
    return hands.connect(bulk_from=1, **options)


def held(found: Iterable[Batch]) -> dict[str, Record]:
    """Return what a mirror holds after these batches; the people of an activity stand in no order."""
    records = mirror(list(found))
    return {
        id_: replace(one, contact_ids=tuple(sorted(one.contact_ids))) if isinstance(one, Activity) else one
        for id_, one in records.items()
    }


def by_pages(hands: Hands, stream: Stream) -> dict[str, Record]:
    return held(hands.connect(bulk_from=0).read(stream, None))


def told(found: list[Batch]) -> list[str]:
    return [batch.partial for batch in found if batch.partial]


# --- the same as by pages ---------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("small_sets")
@pytest.mark.parametrize("stream", sorted(SalesforceConnector.streams))
def test_a_job_brings_what_pages_bring(hands: Hands, stream: Stream) -> None:
    """Archived and deleted rows, people of activities, every type of field: a job brings what pages bring."""
    hands.delete("Contact", next(iter(hands.ids("contacts").values())))
    hands.later(hours=1)
    found = list(bulked(hands).read(stream, None))

    assert by_pages(hands, stream) == held(found)
    assert [] == told(found)
    assert found[-1].cursor is not None


def test_a_job_costs_few_calls_and_leaves_nothing_behind(hands: Hands) -> None:
    """Jobs for the activities and for their people are begun side by side, looked at, fetched and deleted."""
    connector = bulked(hands)
    list(connector.read(Stream.USERS, None))
    hands.calls()
    list(connector.read(Stream.ACTIVITIES, None))
    calls = {name: count for name, count in hands.calls().items() if "describe" not in name}

    assert (6, 6, 6) == tuple(calls[name] for name in ("POST jobs/query", "GET jobs/query/job/results", "DELETE jobs/query/job"))
    assert "GET queryAll" not in calls


def test_small_objects_are_read_page_by_page(hands: Hands) -> None:
    """Below the threshold a job is not worth its calls."""
    connector = hands.connect(bulk_from=100_000)
    hands.calls()
    list(connector.read(Stream.CONTACTS, None))

    assert "POST jobs/query" not in hands.calls()


def test_what_changed_meanwhile_comes_with_the_next_read(hands: Hands) -> None:
    """The read after a job begins where the job was created, not at the latest row that it brought."""
    connector = bulked(hands)
    reading = connector.read(Stream.CONTACTS, None)
    begun = next(reading)
    hands.later(minutes=1)
    new = hands.create("Contact", LastName="Meanwhile")
    found = [begun, *reading]
    hands.later(minutes=20)
    after = list(connector.read(Stream.CONTACTS, found[-1].cursor))

    assert new not in mirror([batch for batch in found if batch.cursor])
    assert new in mirror(after)


# --- killed, late, refused --------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("small_sets")
def test_whoever_is_killed_goes_on_with_the_same_job(hands: Hands) -> None:
    """From the cursor of any batch another process ends with the same records, and begins no job that was begun already."""
    whole = by_pages(hands, Stream.ACTIVITIES)
    for number in (1, 2, 5, 9, 14, 20):
        begun = list(islice(bulked(hands).read(Stream.ACTIVITIES, None), number))
        cursor = next(batch.cursor for batch in reversed(begun) if batch.cursor is not None)
        hands.calls()
        rest = list(bulked(hands).read(Stream.ACTIVITIES, cursor))

        assert whole == held([*begun, *rest])
        assert "POST jobs/query" not in hands.calls()


def test_a_slow_job_ends_the_run_and_not_the_load(hands: Hands, monkeypatch: pytest.MonkeyPatch) -> None:
    """A job that is not done in time leaves the stream partial, with words; the next run goes on with the same job."""
    monkeypatch.setattr(first_load, "LOOKS", (1.0,))
    monkeypatch.setattr(first_load, "PATIENCE", 0.5)
    hands.org({"do": "bulk_jobs", "polls": 3})
    connector = bulked(hands)
    first = list(connector.read(Stream.CONTACTS, None))
    assert ["Salesforce is still gathering Contact for the first load; the next run goes on"] == told(first)

    hands.org({"do": "bulk_jobs", "polls": 0})
    hands.calls()
    second = list(connector.read(Stream.CONTACTS, first[-1].cursor or first[0].cursor))
    assert by_pages(hands, Stream.CONTACTS) == held(second)
    assert "POST jobs/query" not in hands.calls()


def test_waiting_can_be_stopped(hands: Hands, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """While a job is awaited the engine gets a chance to stop every two seconds."""
    monkeypatch.setattr(first_load, "LOOKS", (7.0,))
    hands.org({"do": "bulk_jobs", "polls": 1})
    client = Client(salesforce_options(settings(url=hands.url, client_id=CLIENT_ID, client_secret=Secret(CLIENT_SECRET))))
    slept: list[float] = []
    selections = Selections(Schema(client), sources(Terms(), {}))
    loading = FirstLoad(client, selections, 1, sleep=slept.append)
    asked = selections.of("Contact")
    assert asked is not None
    found = list(loading.read(asked, loading.begun(asked, Position(fields=asked.columns))))

    assert [2.0, 2.0, 2.0, 1.0] == slept
    assert [0, 0, 0, 0] == [len(loaded.rows) for loaded in found[:4]]


@pytest.mark.parametrize("state", ["failed", "aborted"])
def test_job_that_fails_is_read_page_by_page(hands: Hands, state: str) -> None:
    """A job that fails or is stopped by somebody is told, and the next run reads the object page by page."""
    connector = bulked(hands)
    reading = connector.read(Stream.CONTACTS, None)
    first = next(reading)
    (job,) = re.findall(r'"job":"(\w+)"', str(first.cursor))
    hands.end_job(job, state)
    rest = list(reading)

    assert 1 == len(told(rest))
    assert f"the job that reads Contact is {state.capitalize()}" in told(rest)[0]
    hands.calls()
    after = list(connector.read(Stream.CONTACTS, rest[-1].cursor))
    assert by_pages(hands, Stream.CONTACTS) == held(after)
    assert [] == told(after)
    assert "POST jobs/query" not in hands.calls()


def test_job_that_is_gone_is_begun_anew(hands: Hands) -> None:
    """A job that Salesforce has removed, after 7 days, is told; the next run begins another."""
    connector = bulked(hands)
    first = next(connector.read(Stream.CONTACTS, None))
    lost = str(first.cursor).replace('"job":"750', '"job":"759')
    (batch,) = list(connector.read(Stream.CONTACTS, lost))
    assert "Salesforce no longer knows the job that reads Contact" in batch.partial

    after = list(connector.read(Stream.CONTACTS, batch.cursor))
    assert by_pages(hands, Stream.CONTACTS) == held(after)


def test_object_that_the_bulk_api_refuses_is_read_page_by_page(hands: Hands) -> None:
    """A job that is refused when it is created costs nothing but the call."""
    hands.trouble({"kind": "status", "endpoint": "POST jobs/query", "status": 400, "body": '[{"errorCode": "INVALIDENTITY"}]'})
    found = list(bulked(hands).read(Stream.CONTACTS, None))

    assert by_pages(hands, Stream.CONTACTS) == held(found)
    assert [] == told(found)


def test_session_that_ends_in_the_middle_of_a_job(hands: Hands) -> None:
    """A session that ends between two steps of a job costs one more sign-in and no row."""
    connector = bulked(hands)
    found: list[Batch] = []
    for batch in connector.read(Stream.ACTIVITIES, None):
        found.append(batch)
        hands.org({"do": "end_sessions"})

    assert by_pages(hands, Stream.ACTIVITIES) == held(found)


@pytest.mark.usefixtures("small_sets")
def test_forgotten_set_of_results_is_fetched_from_the_beginning(hands: Hands) -> None:
    """Never from a dead locator: when Salesforce does not know a place, all results are read again."""
    whole = by_pages(hands, Stream.CONTACTS)
    connector = bulked(hands)
    begun = [batch for batch in connector.read(Stream.CONTACTS, None) if '"begun":true' in str(batch.cursor)]
    dead = re.sub(r'"locator":"[^"]*"', '"locator":"nowhere!"', str(begun[0].cursor))
    anew = next(connector.read(Stream.CONTACTS, None))
    (job,) = re.findall(r'"job":"(\w+)"', str(anew.cursor))
    rest = list(connector.read(Stream.CONTACTS, re.sub(r'"job":"\w+"', f'"job":"{job}"', dead)))

    assert whole == held(rest)


# --- the form of results ----------------------------------------------------------------------------------------------


@pytest.fixture
def jobs(org: Org, client: Client) -> Bulk:
    """The query jobs of a prepared org."""
    org.says("POST", "jobs/query", CREATED)
    org.says("GET", f"jobs/query/{JOB}", DONE)
    return Bulk(client)


def results(org: Org, body: str | bytes, **headers: str) -> None:
    given = {"Date": DATE, "Sforce-Locator": "null", "Sforce-NumberOfRecords": "2", **headers}
    org.mock.get(f"{DATA}/jobs/query/{JOB}/results", body=body, headers={name: one for name, one in given.items() if one})


def test_csv_is_read_by_its_own_rules(org: Org, jobs: Bulk) -> None:
    """Line breaks and quotes inside a value, `N/A`, U+0000, bytes that are no text, values of any length."""
    long = "x" * 200_000
    first = b'"001","two\r\nlines, ""quoted""","N/A","a\x00b"\n'
    results(org, b'"Id","Name","Type","Note"\n' + first + b'"002","' + long.encode() + b'","","\xff"\n')
    with_rows = jobs.results(JOB, "")

    expected = [["001", 'two\r\nlines, "quoted"', "N/A", "a?b"], ["002", long, "", "\ufffd"]]
    assert [expected] == list(with_rows.pieces)
    assert ("Id", "Name", "Type", "Note") == with_rows.names
    assert "" == with_rows.following


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        ("Id\n1\n2\n", {"Sforce-Locator": ""}),
        ("Id\n1\n2\n", {"Sforce-NumberOfRecords": ""}),
        ("Id\n1\n2\n", {"Sforce-NumberOfRecords": "many"}),
        ("Id\n1\n", {}),
        ("Id\n1\n2\n3\n", {}),
        ("Id,Name\n1\n2\n", {}),
        ("", {}),
        ("<html>proxy</html>", {}),
    ],
)
def test_set_that_is_not_whole_is_an_error(org: Org, jobs: Bulk, body: str, headers: dict[str, str]) -> None:
    """A missing header, too few rows, too many, or rows of another width are never taken for the end."""
    results(org, body, **headers)
    with pytest.raises(UnexpectedReply):
        list(jobs.results(JOB, "").pieces)


def test_empty_result_is_one(org: Org, jobs: Bulk) -> None:
    """A job that found nothing has results without a row, with a header or without."""
    results(org, "Id\n", **{"Sforce-NumberOfRecords": "0"})

    assert [] == list(jobs.results(JOB, "").pieces)


@pytest.mark.parametrize("told_of", [{}, {"id": "../x", "state": "InProgress"}, {"id": JOB, "state": "JobComplete"}])
def test_job_of_an_unknown_shape_is_an_error(org: Org, client: Client, told_of: dict[str, Any]) -> None:
    """A reply that does not tell id, state and time of a job is not believed."""
    org.says("POST", "jobs/query", told_of)
    with pytest.raises(UnexpectedReply):
        Bulk(client).create("SELECT Id FROM Task")


def test_job_that_is_not_there(org: Org, client: Client) -> None:
    """A job that Salesforce does not know is told from a broken reply."""
    org.says("GET", f"jobs/query/{JOB}", [{"errorCode": "NOT_FOUND", "message": ""}], status=404)
    with pytest.raises(NotThere):
        Bulk(client).look(JOB)


def test_download_that_breaks_off_may_be_repeated(hands: Hands) -> None:
    """A set of results whose body is cut is an error, not the end; repeated, it is whole."""
    hands.trouble({"kind": "cut", "endpoint": "GET jobs/query/job/results", "nth": 1})
    connector, found = bulked(hands), list[Batch]()
    with pytest.raises(ConnectorError):
        found.extend(connector.read(Stream.CONTACTS, None))
    cursor = next(iter(connector.read(Stream.CONTACTS, None))).cursor

    assert by_pages(hands, Stream.CONTACTS) == held(connector.read(Stream.CONTACTS, cursor))


# --- people -----------------------------------------------------------------------------------------------------------


def test_people_of_activities() -> None:
    """Each activity has the people that were added for it; others have none."""
    people = People()
    people.add([("a", "x"), ("b", "y"), ("a", "y")])
    people.complete()

    assert {"a": ["x", "y"], "b": ["y"]} == people.of(["a", "b", "c"])
    people.close()
