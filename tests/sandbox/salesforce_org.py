"""A small Salesforce org for tests, and the plain and the library way to call it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter

from refsync.book import Book
from refsync_sandbox.clock import Clock
from refsync_sandbox.salesforce import Salesforce, Secrets
from refsync_sandbox.salesforce.secrets import CLIENT_ID, CLIENT_SECRET
from refsync_sandbox.server import Sandbox

NOW = datetime(2024, 9, 30, 12, tzinfo=UTC)
DATA = "/services/data/v62.0"

FILES = {
    "users": """id,name,email,active,manager_id,time_zone
U1,Ada Example,Ada@example.com,true,U2,Europe/Berlin
U2,Ben,ben@example.com,true,,
U3,Cleo Gone,cleo@example.com,false,,
""",
    "accounts": """id,name,owner_id,parent_id,status,tier,industry,annual_revenue,created_at,do_not_contact,go_live_on,seats,pilot
A1,Acme,U1,A2,customer,gold,education,1250000,2024-01-10T09:00:00Z,false,2024-03-01,10,true
A2,Bolt,U2,,former,,,99.5,2024-01-11T09:00:00Z,true,,,
A3,"O'Crane ""big"" Ltd",U3,,prospect,,,,,,2024-05-02,2.5,false
""",
    "contacts": """id,account_id,name,email,phone,title,owner_id,created_at,do_not_contact
C1,A1,Dan Demo,Dan@Example.com,+1555,CEO,U1,2024-01-12T09:00:00Z,false
C2,A1,Eve,eve@example.com,,,U1,2024-01-13T09:00:00.250Z,true
C3,A2,Finn Solo Sample,,,,,,
""",
    "deals": """id,account_id,name,stage,status,amount,currency,owner_id,created_at,closed_on,referred_by_contact_id
D1,A1,Acme one,Signed,won,5000,EUR,U1,2024-02-01T09:00:00Z,2024-03-15,C3
D2,A2,Bolt one,Talks,open,24400.5,USD,U2,2024-02-02T09:00:00Z,,
""",
    "deal_contacts": """deal_id,contact_id,role,is_primary
D1,C1,champion,true
D1,C2,sponsor,false
""",
    "cases": """id,account_id,subject,priority,status,escalated,opened_at,closed_at
K1,A1,Broken,high,open,true,2024-04-01T09:00:00Z,
K2,A2,Slow,low,closed,false,2024-04-02T09:00:00Z,2024-04-05T10:00:00Z
""",
    "activities": """id,kind,direction,at,ended_at,status,automated,subject,owner_id,account_id,deal_id,contact_ids
X1,call,out,2024-05-01T10:00:00Z,,done,false,Call one,U1,A1,,C1;C2
X2,call,in,2024-05-02T10:00:00Z,,no_show,false,Call two,U1,,D1,C1
X3,call,out,2024-12-01T10:00:00Z,,planned,false,Call later,U1,A1,,C1
X4,email,in,2024-05-03T10:00:00Z,,done,false,Mail in,U1,A1,,C1;C2
X5,email,out,2024-05-04T10:00:00Z,,bounced,true,Mail out,U2,,D2,C3
X6,meeting,,2024-05-05T10:00:00Z,2024-05-05T11:00:00Z,done,false,Meet,U1,A1,,C1;C2
X7,meeting,,2023-01-05T10:00:00Z,2023-01-05T11:00:00Z,done,false,Meet long ago,U2,,,C3
X8,message,out,2024-05-06T10:00:00Z,,done,false,Hello,U1,A1,,C2
X9,note,,2024-05-07T10:00:00Z,,done,false,A note,U1,A1,,
X10,task,,2024-10-09T10:00:00Z,,planned,false,Prepare offer,U1,A1,,C1
X11,task,,2023-02-09T10:00:00Z,,done,false,Old to-do,U2,A2,,
""",
}
"""A book of business; `go_live_on`, `seats` and `pilot` become custom fields."""


def write_book(folder: Path) -> Path:
    """Write the small book and return its folder."""
    for name, text in FILES.items():
        (folder / f"{name}.csv").write_text(text)
    return folder


def org(folder: Path, secrets: Secrets | None = None, now: datetime = NOW) -> tuple[Salesforce, Clock]:
    """Return an org with the book of a folder, and its clock."""
    clock = Clock(now)
    return Salesforce.load(Book.open(folder), clock, secrets), clock


class Caller:
    """Calls a running org without any client library."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.session = requests.Session()
        self.session.trust_env = False
        self.sign_in()

    def sign_in(self) -> None:
        """Get a new token."""
        form = {"grant_type": "client_credentials", "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}
        token = self.session.post(f"{self.sandbox.url}/services/oauth2/token", data=form, timeout=5).json()["access_token"]
        self.session.headers["Authorization"] = f"Bearer {token}"

    def call(self, method: str, path: str, **more: Any) -> requests.Response:
        """Return the reply to a call below the API version."""
        return self.session.request(method, f"{self.sandbox.url}{DATA}/{path}", timeout=10, **more)

    def rows(self, text: str, *, everything: bool = False) -> list[dict[str, Any]]:
        """Return all rows of a query, every page of it, without their attributes."""
        body = self.call("GET", "queryAll" if everything else "query", params={"q": text}).json()
        rows = [_bare(row) for row in body["records"]]
        while not body["done"]:
            body = self.session.get(self.sandbox.url + body["nextRecordsUrl"], timeout=10).json()
            rows += [_bare(row) for row in body["records"]]
        return rows

    def refusal(self, text: str) -> tuple[str, str]:
        """Return the error code and message that a query is refused with."""
        reply = self.call("GET", "query", params={"q": text})
        assert reply.status_code == 400, reply.text
        (error,) = reply.json()
        return error["errorCode"], error["message"]

    def ids(self, table: str) -> Mapping[str, str]:
        """Return the Salesforce ids of a book table."""
        found: dict[str, str] = self.session.get(f"{self.sandbox.url}/_sandbox/ids", timeout=5).json()[table]
        return found

    def people(self, *changes: Mapping[str, Any]) -> requests.Response:
        """Make changes as people do."""
        return self.session.post(f"{self.sandbox.url}/_sandbox/records", json={"changes": changes}, timeout=5)

    def org(self, *steps: Mapping[str, Any]) -> None:
        """Do something to the org as its admin or the platform does."""
        reply = self.session.post(f"{self.sandbox.url}/_sandbox/org", json={"steps": steps}, timeout=5)
        assert reply.status_code == 200, reply.text

    def bad_step(self, step: Mapping[str, Any]) -> str:
        """Return why a step is refused."""
        reply = self.session.post(f"{self.sandbox.url}/_sandbox/org", json={"steps": [step]}, timeout=5)
        assert reply.status_code == 400, reply.text
        return str(reply.json()["error"])

    def tasks(self) -> dict[str, dict[str, Any]]:
        """Return the tasks a rep sees, by id."""
        listed = self.session.get(f"{self.sandbox.url}/_sandbox/tasks", timeout=5).json()["tasks"]
        return {task["id"]: task for task in listed}


def _bare(row: dict[str, Any]) -> dict[str, Any]:
    return {name: _bare(value) if isinstance(value, dict) else value for name, value in row.items() if name != "attributes"}


class Loopback(HTTPAdapter):
    """Sends what a client means for *.salesforce.com to a running org instead."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self._url = url

    def send(self, request: requests.PreparedRequest, *args: Any, **more: Any) -> requests.Response:
        asked = urlsplit(request.url or "")
        request.url = self._url + str(asked.path) + (f"?{asked.query}" if asked.query else "")
        return super().send(request, *args, **more)


def library_session(url: str) -> requests.Session:
    """Return a session for client libraries that insist on https://*.salesforce.com."""
    session = requests.Session()
    session.trust_env = False
    session.mount("https://", Loopback(url))
    return session


@contextmanager
def served(folder: Path, secrets: Secrets | None = None) -> Iterator[Caller]:
    """Serve the book of a folder and yield a signed-in caller."""
    crm, clock = org(folder, secrets)
    with Sandbox(crm, clock) as running:
        yield Caller(running)
