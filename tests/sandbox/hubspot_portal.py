"""A small HubSpot sandbox for tests, and a caller that knows nothing but HTTP."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any

import requests

from refsync.book import Book
from refsync_sandbox.clock import Clock
from refsync_sandbox.hubspot import TOKEN, HubSpot, Settings
from refsync_sandbox.journal import Journal
from refsync_sandbox.server import Sandbox

NOW = datetime(2024, 9, 30, 12, tzinfo=UTC)
KEY = "ab" * 32

FILES = {
    "users": """id,name,email,active,manager_id,time_zone
U1,Ada Example,ada@example.com,true,,Europe/Berlin
U2,Ben,ben@example.com,true,,
U3,Cleo Gone,cleo@example.com,false,,
""",
    "accounts": """id,name,owner_id,parent_id,status,tier,industry,annual_revenue,created_at,do_not_contact,implemented_on
A1,Acme,U1,A2,customer,gold,education,1250000,2024-01-10T09:00:00Z,false,2024-03-01
A2,Bolt,U2,,former,,,99.5,2024-01-11T09:00:00Z,true,
A3,Crane,U3,,prospect,,,,,,
""",
    "contacts": """id,account_id,name,email,phone,title,owner_id,created_at,do_not_contact
C1,A1,Dan Demo,dan@example.com,+1555,CEO,U1,2024-01-12T09:00:00Z,false
C2,A1,Eve,eve@example.com,,,U1,2024-01-13T09:00:00.250Z,true
C3,,Finn Solo Sample,,,,,,
""",
    "deals": """id,account_id,name,stage,status,amount,currency,owner_id,created_at,closed_on,referred_by_contact_id
D1,A1,Acme one,Signed,won,5000,EUR,U1,2024-02-01T09:00:00Z,2024-03-15,C2
D2,A2,Bolt one,Talks,open,24400.5,USD,U2,2024-02-02T09:00:00Z,,
""",
    "deal_contacts": """deal_id,contact_id,role,is_primary
D1,C1,champion,true
D1,C2,economic buyer,false
""",
    "cases": """id,account_id,subject,priority,status,escalated,opened_at,closed_at
K1,A1,Broken,HIGH,New,true,2024-04-01T09:00:00Z,
K2,A2,Slow,low,Solved,false,2024-04-02T09:00:00Z,2024-04-03T09:00:00Z
""",
    "activities": """id,kind,direction,at,ended_at,status,automated,subject,owner_id,account_id,deal_id,contact_ids
X1,call,out,2024-05-01T10:00:00Z,,done,false,Check-in,U1,A1,D1,C1;C2
X2,call,out,2024-05-02T10:00:00Z,,no_show,false,Missed,U1,A1,,C1
X3,email,in,2024-05-03T10:00:00Z,,done,false,Re: hello,U1,A1,,C1
X4,email,out,2024-05-04T10:00:00Z,,bounced,true,Newsletter,U1,A1,,C1
X5,meeting,,2024-10-05T10:00:00Z,2024-10-05T11:00:00Z,planned,false,Review,U1,A1,D1,C1
X6,note,,2024-05-06T10:00:00Z,,done,false,Remember,U1,A1,,
X7,message,in,2024-05-07T10:00:00Z,,done,false,Hi,U1,A1,,C1
X8,task,,2024-05-08T10:00:00Z,,planned,false,Call back,U2,A2,,
X9,task,,2024-05-09T10:00:00Z,,done,false,Sent,U2,A2,,
""",
}


def write_book(folder: Path, more: Mapping[str, str] = MappingProxyType({})) -> Book:
    """Return the small book, written into a folder with more files by name."""
    folder.mkdir(exist_ok=True)
    for name, text in {**FILES, **more}.items():
        (folder / f"{name}.csv").write_text(text)
    return Book.open(folder)


@dataclass(frozen=True)
class Caller:
    """Calls a sandbox as any HTTP client does."""

    url: str
    token: str = TOKEN

    def send(self, method: str, path: str, body: object = None, **headers: str) -> requests.Response:
        """Return the reply to one call."""
        sign_in = {"authorization": f"Bearer {self.token}"} if self.token else {}
        return requests.request(method, self.url + path, json=body, headers=sign_in | headers, timeout=10)

    def get(self, path: str, status: int = 200) -> Any:
        return self._expect(self.send("GET", path), status)

    def post(self, path: str, body: object, status: int = 200) -> Any:
        return self._expect(self.send("POST", path, body), status)

    def _expect(self, reply: requests.Response, status: int) -> Any:
        assert status == reply.status_code, reply.text
        return reply.json() if reply.content else None

    def ids(self) -> Mapping[str, Mapping[str, str]]:
        found: Mapping[str, Mapping[str, str]] = self.get("/_sandbox/ids")
        return found

    def change(self, *changes: Mapping[str, Any], status: int = 200) -> Any:
        """Let people make changes."""
        return self.post("/_sandbox/records", {"changes": list(changes)}, status)

    def turn(self, **settings: Any) -> None:
        """Turn settings of the portal."""
        self.post("/_sandbox/portal", {"settings": settings})

    def do(self, step: str, **what: Any) -> None:
        """Let the portal do something by itself."""
        self.post("/_sandbox/portal", {"steps": [{"do": step, **what}]})

    def fail(self, name: str, **fault: Any) -> None:
        """Arm one of HubSpot's own faults."""
        self.post("/_sandbox/faults", {"faults": [{"kind": "own", "name": name, **fault}]})

    def move_clock(self, now: str) -> None:
        self.post("/_sandbox/clock", {"now": now})

    def record(self, kind: str, record_id: str, *names: str) -> dict[str, Any]:
        """Return a record with the named properties."""
        found: dict[str, Any] = self.get(f"/crm/v3/objects/{kind}/{record_id}?properties={','.join(names)}")
        return found

    def ends(self, origin: str, record_id: str, target: str) -> dict[str, list[int]]:
        """Return the types of each association of a record, by the id at the other end."""
        path = f"/crm/v4/associations/{origin}/{target}/batch/read"
        results = self.send("POST", path, {"inputs": [{"id": record_id}]}).json()["results"]
        entries = results[0]["to"] if results else []
        return {str(one["toObjectId"]): [type_["typeId"] for type_ in one["associationTypes"]] for one in entries}


@contextmanager
def served(
    book: Book, *, settings: Settings | None = None, clock: Clock | None = None, journal: Journal | None = None
) -> Iterator[Caller]:
    """Serve a book and give a caller."""
    clock = clock or Clock(NOW)
    with Sandbox(HubSpot.load(book, clock, settings=settings), clock, journal=journal) as running:
        yield Caller(running.url)


def a_task(**properties: str) -> dict[str, Any]:
    """Return the body that creates a task."""
    return {"properties": {"hs_timestamp": "2024-10-01T15:00:00Z", "hs_task_subject": "Call", **properties}}
