"""The daemon as a service: a Salesforce and a HubSpot connection, people at work in both, and one of them going away."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests

from refsync.bundled import bundled
from refsync_sandbox.generator import write_book

CLIENT, SECRET = "service-test", "service-secret"


@dataclass
class Crm:
    """A sandbox in a process of its own that can be stopped and started again, with what was written to it."""

    name: str
    folder: Path
    port: int = 0
    process: subprocess.Popen[str] | None = field(default=None, repr=False)

    def start(self) -> None:
        command = [sys.executable, "-m", "refsync_sandbox", "--crm", self.name, "--book", str(self.folder / "book")]
        command += ["--port", str(self.port), "--journal", str(self.folder / f"{self.name}.journal")]
        command += ["--client-id", CLIENT, "--client-secret", SECRET, "--token", SECRET]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        self.port = int(json.loads(self.process.stdout.readline())["url"].rpartition(":")[2])

    def stop(self) -> None:
        assert self.process is not None
        self.process.terminate()
        self.process.wait(10)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def get(self, path: str) -> Any:
        return requests.get(f"{self.url}/_sandbox/{path}", timeout=10).json()

    def tasks(self) -> list[dict[str, Any]]:
        """Return our tasks."""
        return [task for task in self.get("tasks")["tasks"] if task["key"]]

    def change(self, *changes: dict[str, Any]) -> None:
        reply = requests.post(f"{self.url}/_sandbox/records", json={"changes": changes}, timeout=10)
        assert reply.ok, reply.text


@contextmanager
def service(folder: Path, crms: list[Crm], every: float) -> Iterator[subprocess.Popen[str]]:
    """Give a running daemon with a connection to each CRM."""
    (folder / "secret").write_text(SECRET)
    (folder / "secret").chmod(0o400)
    (folder / "rules").mkdir()
    for path in bundled("rules").glob("*.toml"):
        text = path.read_text().replace('mode     = "watch"', 'mode     = "live"')
        text = text.replace('settle       = "1 hour"', 'settle       = "0 hours"')
        text = text.replace("per_rep_per_day   = 5", "per_rep_per_day   = 100").replace(
            "per_rep_per_week  = 15", "per_rep_per_week  = 500"
        )
        (folder / "rules" / path.name).write_text(text)
    lines = []
    for crm in crms:
        lines += [f"[connection.{crm.name}]", f'connector = "{crm.name}"', f"every = {every}", f'url = "{crm.url}"']
        if crm.name == "salesforce":
            lines += [
                'domain = "service.my"',
                f'client_id = "{CLIENT}"',
                'client_secret = { file = "secret" }',
                "settle_seconds = 0",
            ]
        else:
            lines += ['token = { file = "secret" }']
    (folder / "config.toml").write_text("\n".join(lines))
    refsync = [sys.executable, "-c", "from refsync.cli.main import main; main()"]
    configured = ["--config", str(folder / "config.toml")]
    subprocess.run(
        [*refsync, "approve", "*", "--existing", "all", *configured], check=True, timeout=60, stdout=subprocess.DEVNULL
    )
    command = [*refsync, "daemon", *configured]
    with (folder / "daemon.log").open("w") as log:
        process = subprocess.Popen(command, stderr=log, text=True)
        try:
            yield process
        finally:
            process.kill()
            process.wait()


def within(seconds: float, what: str, holds: Callable[[], bool]) -> None:
    """Wait until something holds; fail when it does not in time."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, f"not within {seconds:.0f} s: {what}"
        time.sleep(0.2)


@dataclass
class Ticks:
    """The ticks of a daemon, as its log tells them."""

    log: Path

    def within_two(self, crm: Crm, what: str, holds: Callable[[], bool]) -> None:
        """Wait until something holds; fail when two ticks of the CRM that began from now on have ended without it."""
        seen = len(self._lines())
        end = time.monotonic() + 120
        while not holds():
            ended = self._whole(crm.name, seen) >= 2
            assert holds() or not ended, f"two ticks of {crm.name} ended without it: {what}"
            assert time.monotonic() < end, f"no two ticks of {crm.name} ended: {what}"
            time.sleep(0.1)

    def _whole(self, connection: str, since: int) -> int:
        """Return how many ticks of a connection both began and ended after a line of the log."""
        events = [line["event"] for line in self._lines()[since:] if line.get("connection") == connection]
        begun = events.index("tick_began") if "tick_began" in events else len(events)
        return events[begun:].count("tick_ended")

    def _lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.log.read_text().splitlines(keepends=True) if line.endswith("\n")]


def iso(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def account(name: str, owner: str, *, called: bool) -> list[dict[str, Any]]:
    """Return the changes that add a customer of a year with one person, perhaps called yesterday."""
    now = datetime.now(UTC)
    long_ago = iso(now - timedelta(days=400))
    changes: list[dict[str, Any]] = [
        {
            "op": "add",
            "table": "accounts",
            "row": {"id": name, "name": name, "owner_id": owner, "status": "customer", "tier": "A", "created_at": long_ago},
        },
        {
            "op": "add",
            "table": "contacts",
            "row": {
                "id": f"{name}-person",
                "account_id": name,
                "name": f"Person {name}",
                "owner_id": owner,
                "created_at": long_ago,
            },
        },
    ]
    return [*changes, call(name, owner, now - timedelta(days=1))] if called else changes


def call(name: str, owner: str, at: datetime, person: str | None = None) -> dict[str, Any]:
    row = {"id": f"{name}-call-{at.timestamp():.0f}", "kind": "call", "direction": "out", "at": iso(at), "status": "done"}
    return {
        "op": "add",
        "table": "activities",
        "row": {**row, "owner_id": owner, "account_id": name, "contact_ids": person or f"{name}-person", "subject": "Call"},
    }


def a_working_day(folder: Path, every: float, *, until: float = 0.0) -> None:
    """Play the whole scenario with ticks every so many seconds, and go on until at least so many seconds have passed."""
    began = time.monotonic()
    ticks = Ticks(folder / "daemon.log")
    write_book(folder / "book", accounts=40, seed=3, now=datetime.now(UTC))
    salesforce, hubspot = Crm("salesforce", folder), Crm("hubspot", folder)
    salesforce.start()
    hubspot.start()
    rep = next(line.split(",")[0] for line in (folder / "book" / "users.csv").read_text().splitlines()[1:] if ",true," in line)
    try:
        with service(folder, [salesforce, hubspot], every) as daemon:
            for crm in (salesforce, hubspot):
                within(60, f"{crm.name} has tasks", lambda crm=crm: len(crm.tasks()) > 3)  # type: ignore[misc]
                crm.change(*account("Frost", rep, called=False), *account("Warm", rep, called=True))
                deal = {"id": "Warm-deal", "account_id": "Warm", "name": "Warm deal", "stage": "proposal", "status": "open"}
                crm.change(
                    {"op": "add", "table": "deals", "row": {**deal, "owner_id": rep, "created_at": iso(datetime.now(UTC))}}
                )
                ticks.within_two(crm, f"{crm.name}: a new cold customer gets a task", lambda crm=crm: _has(crm, "Frost", "open"))  # type: ignore[misc]
                won_on = (datetime.now(UTC) - timedelta(days=10)).date().isoformat()
                won = {"status": "won", "stage": "closed_won", "closed_on": won_on}
                crm.change({"op": "change", "table": "deals", "id": "Warm-deal", "set": won})
                crm.change(call("Frost", rep, datetime.now(UTC)))
                ticks.within_two(crm, f"{crm.name}: a won deal is asked about", lambda crm=crm: _has(crm, "Warm", "open"))  # type: ignore[misc]
                ticks.within_two(crm, f"{crm.name}: a call closes the task", lambda crm=crm: _has(crm, "Frost", "done"))  # type: ignore[misc]
            hubspot.stop()
            salesforce.change(*account("Icy", rep, called=False))
            ticks.within_two(salesforce, "salesforce goes on while hubspot is away", lambda: _has(salesforce, "Icy", "open"))
            hubspot.start()
            hubspot.change(*account("Icy", rep, called=False))
            # a tick that is repeating calls to the missing CRM ends its patience first
            within(2 * every + 80, "hubspot is back", lambda: _has(hubspot, "Icy", "open"))
            time.sleep(max(2 * every, until - (time.monotonic() - began)))
            for crm in (salesforce, hubspot):
                assert {1} == set(Counter(task["key"] for task in crm.tasks()).values())
                assert {1} == {task["writes"] for task in crm.tasks() if task["status"] == "open"}
            assert daemon.poll() is None
            asked = time.monotonic()
            os.kill(daemon.pid, signal.SIGTERM)
            assert 0 == daemon.wait(15)
            assert time.monotonic() - asked < 10
    finally:
        salesforce.stop()
        hubspot.stop()
    lines = [json.loads(line) for line in (folder / "daemon.log").read_text().splitlines()]
    assert {"daemon_started", "tick_began", "tick_ended", "task_written", "task_closed", "daemon_ended"} <= {
        line["event"] for line in lines
    }
    assert all({"connection", "run"} <= set(line) for line in lines if line["event"] == "task_written")
    assert SECRET not in (folder / "daemon.log").read_text()


def _has(crm: Crm, name: str, status: str) -> bool:
    """Whether a customer has one task of ours in this state and no other."""
    of = [task for task in crm.tasks() if task["account"] and task["account"]["name"] == name]
    return [status] == [task["status"] for task in of]


def test_service_with_two_crms(tmp_path: Path) -> None:
    """Tasks come and go as people work, once each; a CRM that goes away disturbs no other; SIGTERM ends it in time."""
    a_working_day(tmp_path, every=2)


@pytest.mark.long
@pytest.mark.timeout(900)
def test_service_for_five_minutes(tmp_path: Path) -> None:
    """The same on a schedule of 20 seconds, for five minutes."""
    a_working_day(tmp_path, every=20, until=300)
