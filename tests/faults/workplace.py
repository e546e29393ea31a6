"""A book, a stand-in CRM in a process of its own, and refsync with its rules live: what the tests of faults run against."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

import requests
from sqlalchemy import select

from refsync.bundled import bundled
from refsync.calendar import Duration, Unit
from refsync.config import Connection
from refsync.config import load as load_config
from refsync.finding import Finding
from refsync.model import moment, parse_instant
from refsync.rules.files.folder import load
from refsync.rules.rule import RuleSet
from refsync.store import ledger
from refsync.store.engine import open_store
from refsync.store.tables import TABLE_OF, activity_contact
from refsync_sandbox.generator import write_book

NOW = "2026-11-20T12:00:00Z"
CLIENT, SECRET = "faults", "faults-secret"


def make(folder: Path, *, accounts: int, now: datetime | None = None, per_day: int = 500) -> None:
    """Write a book and rules that are live, do not wait, and give each rep so many tasks a day, or as many as there are."""
    write_book(folder / "book", accounts=accounts, seed=5, now=now or moment(parse_instant(NOW)))
    (folder / "secret").write_text(SECRET)
    (folder / "secret").chmod(0o400)
    (folder / "rules").mkdir()
    for path in bundled("rules").glob("*.toml"):
        text = path.read_text().replace('mode     = "watch"', 'mode     = "live"')
        text = text.replace('settle       = "1 hour"', 'settle       = "0 hours"')
        for limit, count in (("per_rep_per_day   = 5", per_day), ("per_rep_per_week  = 15", 500)):
            text = text.replace(limit, f"{limit.split()[0]} = {count}")
        (folder / "rules" / path.name).write_text(text)


@cache
def rules(folder: Path) -> RuleSet:
    found = load(folder / "rules")
    assert found.company.settle == Duration(0, Unit.HOURS)
    return found


@dataclass
class Crm:
    """A running sandbox."""

    name: str
    url: str
    process: subprocess.Popen[str]

    def requests(self) -> int:
        """Return how many calls it has had."""
        return int(requests.get(f"{self.url}/_sandbox/requests", timeout=10).json()["total"])

    def wind(self, now: str) -> None:
        """Set its clock."""
        requests.post(f"{self.url}/_sandbox/clock", json={"now": now}, timeout=10).raise_for_status()

    def call(self, account_id: str, at: str) -> None:
        """Let somebody talk to a customer."""
        talked = {"kind": "call", "direction": "in", "status": "done", "at": at, "account_id": account_id}
        change = {"op": "add", "table": "activities", "row": talked}
        requests.post(f"{self.url}/_sandbox/records", json={"changes": [change]}, timeout=10).raise_for_status()

    def tasks(self) -> list[dict[str, Any]]:
        """Return our tasks."""
        found = requests.get(f"{self.url}/_sandbox/tasks", timeout=10).json()["tasks"]
        return [task for task in found if task["key"]]


@contextmanager
def sandbox(folder: Path, name: str, now: str = NOW) -> Iterator[Crm]:
    """Give a sandbox with the folder's book."""
    command = [sys.executable, "-m", "refsync_sandbox", "--crm", name, "--book", str(folder / "book"), "--now", now]
    command += ["--client-id", CLIENT, "--client-secret", SECRET, "--token", SECRET]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield Crm(name, json.loads(process.stdout.readline())["url"], process)
        finally:
            process.terminate()


def configure(folder: Path, name: str, url: str, home: str = "home") -> Path:
    """Write a config.toml with one connection and a database of its own, and return its path."""
    at = folder / home
    at.mkdir(exist_ok=True)
    shutil.copy(folder / "secret", at / "secret")
    sign_in = ['token = { file = "secret" }']
    if name == "salesforce":
        sign_in = ['domain = "faults.my"', f'client_id = "{CLIENT}"', 'client_secret = { file = "secret" }', "settle_seconds = 0"]
    lines = [f"[connection.{name}]", f'connector = "{name}"', f'url = "{url}"', *sign_in]
    (at / "config.toml").write_text("\n".join(lines))
    return at / "config.toml"


def connection(config: Path) -> Connection:
    (found,) = load_config(config).connections
    return replace(found)


def findings(database: Path, connection: str) -> list[Finding]:
    with open_store(f"sqlite:///{database}", read_only=True) as store, store.read() as db:
        return ledger.everything(db, connection)


def mirrored(database: Path) -> dict[str, set[tuple[Any, ...]]]:
    """Return every row of the mirror by table, without our own tasks, whose ids are the CRM's choice."""
    with open_store(f"sqlite:///{database}", read_only=True) as store, store.read() as db:
        found = {
            table.name: {tuple(row) for row in db.execute(select(table))} for table in (*TABLE_OF.values(), activity_contact)
        }
        activity = next(table for table in TABLE_OF.values() if table.name == "activity")
        ours = set(db.execute(select(activity.c.id).where(activity.c.task_key != "")).scalars())
    return {name: {row for row in rows if not ours & set(row)} for name, rows in found.items()}
