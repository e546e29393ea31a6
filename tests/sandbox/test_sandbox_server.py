"""The server around a CRM side: control API, counting, dates, loopback, restart."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from ipaddress import IPv4Address
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from refsync.errors import UserError
from refsync_sandbox.changes import BadChange, Change, read_changes
from refsync_sandbox.clock import Clock
from refsync_sandbox.crm import TaskView
from refsync_sandbox.journal import Journal
from refsync_sandbox.server import Sandbox, serve

NOW = datetime(2024, 9, 30, 12, tzinfo=UTC)


class Notebook:
    """The smallest CRM: it remembers the texts it is sent."""

    name = "notebook"
    faults: Mapping[str, str] = MappingProxyType({})

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.changes: list[Change] = []

    def routes(self) -> Sequence[BaseRoute]:
        async def add(request: Request) -> Response:
            self.lines.append((await request.body()).decode())
            return Response(status_code=204)

        async def lines(_request: Request) -> Response:
            return JSONResponse(self.lines)

        return [Route("/lines", lines), Route("/lines/{number}", add, methods=["POST"])]

    def endpoint(self, method: str, path: str) -> str:
        return path.split("/")[1]

    def writes(self, method: str, path: str) -> bool:
        return method == "POST"

    def tasks(self) -> Sequence[TaskView]:
        return ()

    def ids(self) -> Mapping[str, Mapping[str, str]]:
        return {"accounts": {"A1": "1"}}

    def change(self, changes: Sequence[Change]) -> Sequence[Mapping[str, Any]]:
        for change in changes:
            if change.id == "missing":
                raise change.bad("id", "no such record")
        self.changes.extend(changes)
        return [{"id": change.id} for change in changes]


@pytest.fixture
def running() -> Iterator[Sandbox]:
    with Sandbox(Notebook(), Clock(NOW)) as sandbox:
        yield sandbox


def test_dates_come_from_the_crms_clock(running: Sandbox) -> None:
    """Every reply carries one Date header, the CRM's time, not the machine's."""
    reply = requests.get(f"{running.url}/lines", timeout=5)
    moved = requests.post(f"{running.url}/_sandbox/clock", json={"now": "2025-01-01T00:00:00Z"}, timeout=5)

    assert 0 <= (parsedate_to_datetime(reply.headers["Date"]) - NOW).total_seconds() < 5
    assert moved.headers["Date"].startswith("Wed, 01 Jan 2025")


def test_calls_are_counted_by_endpoint_and_control_calls_are_not(running: Sandbox) -> None:
    """The counts name method and endpoint, and can be reset."""
    requests.get(f"{running.url}/lines", timeout=5)
    requests.post(f"{running.url}/lines/7", timeout=5)
    requests.post(f"{running.url}/lines/8", timeout=5)

    counted = requests.get(f"{running.url}/_sandbox/requests", timeout=5).json()
    requests.delete(f"{running.url}/_sandbox/requests", timeout=5)
    after = requests.get(f"{running.url}/_sandbox/requests", timeout=5).json()

    assert counted == {"total": 3, "by_endpoint": {"POST lines": 2, "GET lines": 1}}
    assert after == {"total": 0, "by_endpoint": {}}


def test_bad_changes_are_refused_by_index_and_field(running: Sandbox) -> None:
    """A change that cannot be made gives 400 with its place, and none of the request is carried out."""
    fine = {"op": "delete", "table": "accounts", "id": "A1"}
    missing = {"op": "delete", "table": "accounts", "id": "missing"}

    reply = requests.post(f"{running.url}/_sandbox/records", json={"changes": [fine, missing]}, timeout=5)

    assert reply.status_code == 400
    assert reply.json() == {
        "error": "changes[1].id: no such record",
        "index": 1,
        "field": "id",
        "message": "no such record",
    }
    assert isinstance(running.crm, Notebook)
    assert running.crm.changes == []


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ([], "changes"),
        ({"changes": ["x"]}, ""),
        ({"changes": [{"op": "ad", "table": "accounts"}]}, "op"),
        ({"changes": [{"op": "add", "table": "acounts"}]}, "table"),
        ({"changes": [{"op": "add", "table": "accounts"}]}, "row"),
        ({"changes": [{"op": "add", "table": "accounts", "row": {"name": "A"}, "id": "1"}]}, "id"),
        ({"changes": [{"op": "change", "table": "accounts", "set": {"name": "A"}}]}, "id"),
        ({"changes": [{"op": "change", "table": "accounts", "id": "1", "set": {"created_at": "yesterday"}}]}, "set.created_at"),
        ({"changes": [{"op": "change", "table": "deals", "id": "1", "set": {"status": "wonn"}}]}, "set.status"),
        ({"changes": [{"op": "change", "table": "tasks", "key": "1", "set": {"status": "closed"}}]}, "set.status"),
        ({"changes": [{"op": "change", "table": "tasks", "key": "1", "set": {"colour": "red"}}]}, "set.colour"),
        ({"changes": [{"op": "change", "table": "accounts", "id": "1", "set": {"name": {"a": 1}}}]}, "set.name"),
        ({"changes": [{"op": "merge", "table": "deals", "id": "1", "into": "2"}]}, "table"),
        ({"changes": [{"op": "merge", "table": "accounts", "id": "1"}]}, "into"),
    ],
)
def test_malformed_changes_name_the_field(body: object, field: str) -> None:
    """Whatever is wrong with the form of a change, the field at fault is named."""
    with pytest.raises(BadChange) as refused:
        read_changes(body)

    assert field == refused.value.field


def test_cells_are_read_as_the_book_reads_them() -> None:
    """JSON values and book texts mean the same; an empty cell is None."""
    row = {
        "id": "X",
        "kind": "call",
        "at": "2024-03-01T10:00:00Z",
        "automated": False,
        "contact_ids": ["C1", "C2"],
        "owner_id": "",
    }
    change = read_changes({"changes": [{"op": "add", "table": "activities", "row": row}]})[0]

    assert change.id == "X"
    assert change.values == {
        "kind": "call",
        "at": 1709287200000,
        "automated": False,
        "contact_ids": ("C1", "C2"),
        "owner_id": None,
    }


def test_a_journal_brings_writes_back_after_a_restart(tmp_path: Path) -> None:
    """Writes of the first life are there in the second, at their own time; the clock does not fall back behind them."""
    journal = tmp_path / "journal"
    with Sandbox(Notebook(), Clock(NOW), journal=Journal(journal)) as first:
        requests.post(f"{first.url}/_sandbox/clock", json={"now": "2024-10-02T00:00:00Z"}, timeout=5)
        requests.post(f"{first.url}/lines/1", data="grüß".encode(), timeout=5)
        requests.post(
            f"{first.url}/_sandbox/records", json={"changes": [{"op": "delete", "table": "accounts", "id": "A1"}]}, timeout=5
        )
    crm, clock = Notebook(), Clock(NOW)
    with Sandbox(crm, clock, journal=Journal(journal)):
        pass

    assert crm.lines == ["grüß"]
    assert [change.id for change in crm.changes] == ["A1"]
    assert clock.now() >= datetime(2024, 10, 2, tzinfo=UTC)


def test_it_listens_on_loopback_only() -> None:
    """An address others could reach is refused before anything is served."""
    with pytest.raises(UserError, match="loopback only"):
        serve(Notebook(), Clock(NOW), host="192.0.2.1")


def test_https_with_a_given_certificate(tmp_path: Path) -> None:
    """With a certificate and its key it speaks https, to those who trust the certificate."""
    tls = certificate(tmp_path)

    with Sandbox(Notebook(), Clock(NOW), tls=tls) as running:
        assert running.url.startswith("https://127.0.0.1:")
        reply = requests.get(f"{running.url}/_sandbox/health", timeout=5, verify=str(tls[0]))
        assert "notebook" == reply.json()["crm"]
        with pytest.raises(requests.exceptions.SSLError):
            requests.get(f"{running.url}/_sandbox/health", timeout=5)


def test_a_certificate_that_cannot_be_used(tmp_path: Path) -> None:
    """Files that are no certificate are named."""
    (tmp_path / "no.pem").write_text("nothing")

    with pytest.raises(UserError, match=r"cannot serve https with .*no\.pem"):
        serve(Notebook(), Clock(NOW), tls=(tmp_path / "no.pem", tmp_path / "no.pem"))


def test_the_date_header_can_be_off(tmp_path: Path) -> None:
    """A skew moves the `Date` header and nothing else; it is taken back with 0."""
    with Sandbox(Notebook(), Clock(NOW)) as running:
        clock = f"{running.url}/_sandbox/clock"
        told = requests.post(clock, json={"skew_seconds": -600}, timeout=5)
        assert NOW - timedelta(seconds=600) <= parsedate_to_datetime(told.headers["Date"]) < NOW - timedelta(seconds=500)
        assert told.json()["now"].startswith("2024-09-30T12:00")
        assert 400 == requests.post(clock, json={"later": 1}, timeout=5).status_code
        assert 0.0 == requests.post(clock, json={"skew_seconds": 0}, timeout=5).json()["skew_seconds"]


def certificate(folder: Path) -> tuple[Path, Path]:
    """Return a self-signed certificate for loopback, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sandbox")])
    now = datetime.now(UTC)
    built = (
        x509.CertificateBuilder(name, name, key.public_key(), 1, now - timedelta(days=1), now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    files = folder / "certificate.pem", folder / "key.pem"
    files[0].write_bytes(built.public_bytes(serialization.Encoding.PEM))
    files[1].write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return files
