"""Armed faults: each goes wrong in its own way, before or after the CRM did its work, and the same seed gives the same faults."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from refsync.book import Book
from refsync_sandbox.clock import Clock
from refsync_sandbox.faults import Fault, Faults, Kind
from refsync_sandbox.generator import write_book
from refsync_sandbox.hubspot import TOKEN, HubSpot
from refsync_sandbox.journal import Journal
from refsync_sandbox.server import Sandbox

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
LIST = "/crm/objects/2026-03/tasks"
LABEL = "GET /crm/objects/2026-03/tasks"
TASK = {"properties": {"hs_task_subject": "Call", "hs_timestamp": "2026-11-25T10:00:00Z"}}


class Client:
    """Somebody who calls the sandbox and arms it."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.headers["Authorization"] = f"Bearer {TOKEN}"

    def arm(self, **fault: Any) -> None:
        reply = self._session.post(f"{self.url}/_sandbox/faults", json={"faults": [fault]}, timeout=5)
        assert reply.ok, reply.text

    def control(self, method: str, path: str, body: object = None) -> requests.Response:
        return self._session.request(method, f"{self.url}/_sandbox/{path}", json=body, timeout=5)

    def get(self, timeout: float = 5) -> requests.Response:
        return self._session.get(self.url + LIST, timeout=timeout, allow_redirects=False)

    def create(self) -> requests.Response:
        return self._session.post(self.url + LIST, json=TASK, timeout=5)

    def tasks(self) -> int:
        return sum(task["subject"] == "Call" for task in self.control("GET", "tasks").json()["tasks"])


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("book")
    write_book(folder, accounts=5, seed=1, now=NOW)
    return folder


@pytest.fixture
def client(book: Path) -> Iterator[Client]:
    clock = Clock(NOW)
    with Sandbox(HubSpot.load(Book.open(book), clock), clock) as running:
        yield Client(running.url)


@pytest.mark.parametrize("kind", ["close", "reset", "short"])
def test_connection_ends_without_a_whole_reply(client: Client, kind: str) -> None:
    """A closed, reset or cut-off connection is an error for the caller, once; the next call goes well."""
    client.arm(kind=kind, endpoint=LABEL, times=1)
    with pytest.raises(requests.RequestException):
        client.get()

    assert client.get().ok


def test_reset_is_a_reset(client: Client) -> None:
    """A reset is seen as one on the wire, not as an orderly end."""
    client.arm(kind="reset")
    host, port = client.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=5) as line:
        line.sendall(f"GET {LIST} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
        with pytest.raises(ConnectionResetError):
            line.recv(100)


def test_hang_lasts_its_time(client: Client) -> None:
    """A hanging call gives nothing until the caller loses patience, and then the sandbox does."""
    client.arm(kind="hang", seconds=0.6, endpoint=LABEL)
    with pytest.raises(requests.Timeout):
        client.get(timeout=0.2)
    with pytest.raises(requests.ConnectionError):
        client.get(timeout=5)


def test_status_with_headers_and_body(client: Client) -> None:
    """Any status can be answered, with headers, as JSON or as a page for people."""
    client.arm(kind="status", status=429, headers={"Retry-After": "3600"}, body='{"policyName":"DAILY"}', times=1)
    client.arm(kind="status", status=503, body="<html>down</html>", times=1)
    limited, down = client.get(), client.get()

    assert (429, "3600", "DAILY") == (limited.status_code, limited.headers["Retry-After"], limited.json()["policyName"])
    assert (503, "text/html") == (down.status_code, down.headers["Content-Type"])


def test_bodies_of_the_wrong_shape(client: Client) -> None:
    """A success may be empty, an empty object, a page, or cut in its middle with a length that fits."""
    whole = client.get().content
    for kind in ("empty", "object", "html", "cut"):
        client.arm(kind=kind, times=1)
    empty, plain, html, cut = (client.get() for _ in range(4))

    assert (b"", b"{}", "text/html") == (empty.content, plain.content, html.headers["Content-Type"])
    assert whole[: len(whole) // 2] == cut.content
    assert {200} == {reply.status_code for reply in (empty, plain, html, cut)}


def test_redirect_to_another_host(client: Client) -> None:
    """A redirect names the place it is told to."""
    client.arm(kind="redirect", location="http://169.254.169.254/")

    assert "http://169.254.169.254/" == client.get().headers["Location"]


def test_byte_by_byte(client: Client) -> None:
    """A dripping reply keeps within the silence limit of a client, and yet takes its time."""
    client.arm(kind="drip", seconds=0.02, times=1)

    assert client.get().json() == client.get().json()


@pytest.mark.parametrize("kind", ["close", "status"])
def test_before_and_after_the_crm_did_its_work(client: Client, kind: str) -> None:
    """`before` leaves nothing behind; `after` has created the task although the caller saw a failure."""
    for when, tasks in (("before", 0), ("after", 1)):
        client.arm(kind=kind, when=when, endpoint="POST *", times=1)
        with suppress(requests.RequestException):
            assert not client.create().ok
        assert tasks == client.tasks()


def test_nth_call_of_an_endpoint(client: Client) -> None:
    """A fault can wait for the n-th call of one endpoint; other endpoints do not count."""
    client.arm(kind="status", nth=2, endpoint=LABEL)
    client.create()

    assert [200, 503, 200] == [client.get().status_code for _ in range(3)]
    (armed,) = client.control("GET", "faults").json()["faults"]
    assert (3, 1) == (armed["met"], armed["struck"])


def test_disarmed(client: Client) -> None:
    """After DELETE everything goes well; the control API never fails."""
    client.arm(kind="close")
    assert client.control("GET", "health").ok
    client.control("DELETE", "faults")

    assert client.get().ok


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({}, "faults"),
        ({"faults": [{"kind": "colse"}]}, "faults[0].kind"),
        ({"faults": [{"kind": "close", "endpont": "x"}]}, 'did you mean "endpoint"?'),
    ],
)
def test_bad_fault_is_refused(client: Client, body: object, words: str) -> None:
    """What cannot be armed is refused with its place."""
    reply = client.control("POST", "faults", body)

    assert 400 == reply.status_code
    assert words in reply.json()["error"]


def test_call_that_never_happened_is_not_replayed(book: Path, tmp_path: Path) -> None:
    """The journal keeps what the CRM carried out, and nothing else."""
    for _start in range(2):
        clock = Clock(NOW)
        with Sandbox(HubSpot.load(Book.open(book), clock), clock, journal=Journal(tmp_path / "journal")) as running:
            client = Client(running.url)
            before = client.tasks()
            client.arm(kind="status", when="before", endpoint="POST *", times=1)
            client.create()
            client.create()

            assert before + 1 == client.tasks()


@given(st.integers(), st.floats(0, 1))
def test_same_seed_same_faults(seed: int, probability: float) -> None:
    """A seeded fault strikes the same calls each time, and about as often as it should."""

    def struck() -> list[bool]:
        faults = Faults()
        faults.arm([Fault(kind=Kind.CLOSE, probability=probability, seed=seed)])
        return [faults.strike("GET x") is not None for _ in range(400)]

    assert struck() == struck()
    assert abs(sum(struck()) / 400 - probability) < 0.2


@pytest.mark.parametrize(
    ("kind", "found"),
    [
        ("lone_surrogate", b"\\ud800"),
        ("not_a_number", b": NaN"),
        ("null_character", b"\\u0000"),
        ("huge_number", b": 9999999999999999999999999999999999999999"),
        ("long_text", b"x" * 300_000),
        ("wrong_encoding", b"Stra\xdfe"),
        ("repeated_key", b'"hs_createdate": "first", "hs_createdate": "second"'),
    ],
)
def test_a_value_that_is_spoilt(client: Client, kind: str, found: bytes) -> None:
    """One value of the reply is what no CRM should send; the rest is as it was."""
    client.create()
    client.arm(kind=kind, endpoint=LABEL, about="hs_createdate", times=1)

    spoilt, whole = client.get().content, client.get().json()

    assert 1 == spoilt.count(found)
    assert all(str(row["id"]).encode() in spoilt for row in whole["results"])


def test_a_body_that_unpacks_to_very_much(client: Client) -> None:
    """A small body may be a large one."""
    client.arm(kind="gzip_bomb", endpoint=LABEL, times=1)
    reply = requests.get(client.url + LIST, timeout=5, stream=True)
    assert int(reply.headers["content-length"]) < 100_000
    assert "gzip" == reply.headers["content-encoding"]
