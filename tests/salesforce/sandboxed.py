"""A Salesforce sandbox with a small book, and what people and other programs do to it."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import requests

from refsync.connector import Batch, ConnectionSettings, Secret
from refsync.model import Record, Stream
from refsync_salesforce import connect
from refsync_salesforce.connector import SalesforceConnector
from refsync_sandbox.salesforce import Salesforce
from refsync_sandbox.salesforce.bulk_job import State
from refsync_sandbox.salesforce.secrets import CLIENT_ID, CLIENT_SECRET
from refsync_sandbox.server import Sandbox

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


class Hands:
    """What somebody does to the CRM of a running sandbox."""

    def __init__(self, sandbox: Sandbox, crm: Salesforce) -> None:
        self.sandbox, self.crm = sandbox, crm
        self._token = ""

    @property
    def url(self) -> str:
        return self.sandbox.url

    def connect(self, custom_fields: Mapping[Stream, frozenset[str]] | None = None, **options: Any) -> SalesforceConnector:
        """Return a connector; an option set to None is left out."""
        given = {"domain": "acme.my", "client_id": CLIENT_ID, "client_secret": Secret(CLIENT_SECRET), "url": self.url, **options}
        kept = {name: value for name, value in given.items() if value is not None}
        return connect(ConnectionSettings(id="sandbox", options=kept, custom_fields=custom_fields or {}))

    def later(self, **span: float) -> None:
        """Let time pass for the CRM."""
        self.sandbox.clock.move_to(self.sandbox.clock.now() + timedelta(**span))

    def change(self, *changes: dict[str, Any]) -> list[str]:
        """Change records as people do; return their ids."""
        reply = requests.post(f"{self.url}/_sandbox/records", json={"changes": changes}, timeout=10)
        assert reply.ok, reply.text
        return [result["id"] for result in reply.json()["results"]]

    def ids(self, table: str) -> dict[str, str]:
        """Return the CRM id of each record of the book."""
        found: dict[str, str] = requests.get(f"{self.url}/_sandbox/ids", timeout=10).json().get(table, {})
        return found

    def create(self, name: str, **fields: Any) -> str:
        """Create a record as another program does; return its id."""
        return str(self._api("POST", f"sobjects/{name}", json=fields).json()["id"])

    def update(self, name: str, record_id: str, **fields: Any) -> None:
        """Change a record as another program does."""
        self._api("PATCH", f"sobjects/{name}/{record_id}", json=fields)

    def delete(self, name: str, record_id: str) -> None:
        """Delete a record as another program does."""
        self._api("DELETE", f"sobjects/{name}/{record_id}")

    def tasks(self) -> list[dict[str, Any]]:
        """Return the tasks a rep would see, deleted ones too."""
        found: list[dict[str, Any]] = requests.get(f"{self.url}/_sandbox/tasks", timeout=10).json()["tasks"]
        return found

    def calls(self) -> dict[str, int]:
        """Return how often each endpoint was called since the last time, and begin to count again."""
        counted: dict[str, int] = requests.get(f"{self.url}/_sandbox/requests", timeout=10).json()["by_endpoint"]
        requests.delete(f"{self.url}/_sandbox/requests", timeout=10)
        return counted

    def org(self, *steps: dict[str, Any]) -> None:
        """Let an admin or the platform do something to the org; no stamp moves unless the step says so."""
        reply = requests.post(f"{self.url}/_sandbox/org", json={"steps": steps}, timeout=10)
        assert reply.ok, reply.text

    def end_job(self, job: str, state: str) -> None:
        """Let a job of the Bulk API end otherwise than by completing: `failed` by the platform, or `aborted` by an admin."""
        if state == "aborted":
            self._api("PATCH", f"jobs/query/{job}", json={"state": "Aborted"})
        else:
            self.crm._administration._org.bulk.end(job, State.FAILED, "Query timed out")  # no step does it

    def trouble(self, *faults: dict[str, Any]) -> None:
        """Let calls go wrong from now on, beside what goes wrong already."""
        reply = requests.post(f"{self.url}/_sandbox/faults", json={"faults": faults}, timeout=10)
        assert reply.ok, reply.text

    def armed(self) -> list[dict[str, Any]]:
        """Return the faults that are armed, and how often each has struck."""
        found: list[dict[str, Any]] = requests.get(f"{self.url}/_sandbox/faults", timeout=10).json()["faults"]
        return found

    def calm(self) -> None:
        """Let everything go well again."""
        requests.delete(f"{self.url}/_sandbox/faults", timeout=10)

    def _api(self, method: str, path: str, **more: Any) -> requests.Response:
        with suppress(requests.HTTPError):
            return self._asked(method, path, **more)
        self._token = ""
        return self._asked(method, path, **more)

    def _asked(self, method: str, path: str, **more: Any) -> requests.Response:
        if not self._token:
            grant = {"grant_type": "client_credentials", "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}
            self._token = requests.post(f"{self.url}/services/oauth2/token", data=grant, timeout=10).json()["access_token"]
        headers = {"Authorization": f"Bearer {self._token}"}
        reply = requests.request(method, f"{self.url}/services/data/v62.0/{path}", headers=headers, timeout=10, **more)
        reply.raise_for_status()
        return reply


def mirror(batches: list[Batch], known: dict[str, Record] | None = None) -> dict[str, Record]:
    """Return what a mirror holds after these batches."""
    held = dict(known or {})
    for batch in batches:
        held |= {record.id: record for record in batch.records}
        for gone in (*batch.deleted, *(merge.gone for merge in batch.merged)):
            held.pop(gone, None)
    return held
