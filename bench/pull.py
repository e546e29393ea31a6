"""Pulling activities: refsync's connector and store beside a bare loop of requests, orjson and sqlite3 over the same pages.

Each variant runs in a process of its own against the same stand-in CRM. The first refsync run is recorded, so that the bare loop
sends exactly the same requests; it stores every record of every page with one upsert, 1,000 rows a transaction, unchecked.
"""

from __future__ import annotations

import json
import resource
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

import orjson
import requests
import urllib3

from refsync import config
from refsync.cli import stage
from refsync.company import Company
from refsync.model import Stream, parse_instant
from refsync.registry import connect
from refsync.store import mirror
from refsync.store.engine import open_store
from refsync.store.sqlite import journal_mode

NOW = parse_instant("2026-11-20T12:00:00Z")
ACTIVITIES_PER_ACCOUNT = 10


def compare(crm: str, *, activities: int, rounds: int) -> str:
    """Return a line: rows a second of both, their ratio, and the peak memory of the pull."""
    with tempfile.TemporaryDirectory(prefix="refsync-bench-") as name:
        folder = Path(name)
        stage.generate(folder / "book", activities // ACTIVITIES_PER_ACCOUNT, 1, NOW)
        with stage.sandbox(crm, folder / "book", NOW) as sandbox:
            stage.write_config(folder, crm, folder / "book", sandbox)
            (folder / "rules").mkdir()
            recorded = _run("record", folder)
            ours, bare = [], []
            for _round in range(rounds):
                ours.append(_run("refsync", folder))
                bare.append(_run("bare", folder))
    rows = recorded["rows"]
    our_rate, bare_rate = (rows / median(run["seconds"] for run in runs) for runs in (ours, bare))
    memory = max(run["peak_mb"] for run in ours)
    return (
        f"pull {crm}: {rows:,} activities in {recorded['requests']:,} requests; refsync {our_rate:,.0f} rows/s, "
        f"bare loop {bare_rate:,.0f} rows/s (stored {bare[0]['rows']:,} records); "
        f"ratio {our_rate / bare_rate:.2f} (goal 0.65); peak memory {memory:.0f} MB"
    )


def _run(variant: str, folder: Path) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "bench.pull", variant, str(folder)], check=True, stdout=subprocess.PIPE, text=True
    )
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def main(variant: str, folder: Path) -> None:
    """Run one variant in this process and print what it took."""
    calls: list[dict[str, Any]] = []
    if variant == "record":
        _record(calls)
    began = time.perf_counter()
    rows = _bare(folder) if variant == "bare" else _pull(folder)
    seconds = time.perf_counter() - began
    if variant == "record":
        (folder / "calls.json").write_bytes(orjson.dumps(calls))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
    print(json.dumps({"seconds": seconds, "rows": rows, "requests": len(calls), "peak_mb": peak}))


def _pull(folder: Path) -> int:
    """Read the activities with the real connector into a new store, a batch and its cursor a transaction."""
    shutil.rmtree(folder / "store", ignore_errors=True)
    (folder / "store").mkdir()
    connection = config.load(folder / "config.toml").connections[0]
    connector = connect(connection.connector, connection.settings({}))
    rows = 0
    with open_store(f"sqlite:///{folder / 'store' / 'bench.db'}") as store:
        for batch in connector.read(Stream.ACTIVITIES, None):
            with store.write() as db:
                mirror.write_batch(db, "bench", Stream.ACTIVITIES, batch, company=Company(), milestones=(), now=NOW)
            rows += len(batch.records)
    connector.close()
    return rows


def _record(calls: list[dict[str, Any]]) -> None:
    """Note every request that leaves this process, whichever library sends it."""
    send, urlopen = requests.Session.send, urllib3.PoolManager.urlopen

    def sent(self: requests.Session, request: requests.PreparedRequest, **options: Any) -> requests.Response:
        body = request.body.decode() if isinstance(request.body, bytes) else request.body
        reply = send(self, request, **options)
        calls.append({"method": request.method, "url": reply.url, "headers": dict(request.headers), "body": body})
        return reply

    def opened(self: urllib3.PoolManager, method: str, url: str, redirect: bool = True, **options: Any) -> Any:
        body = options.get("body")
        text = body.decode() if isinstance(body, bytes) else body
        calls.append({"method": method, "url": url, "headers": dict(options.get("headers") or {}), "body": text})
        return urlopen(self, method, url, redirect, **options)

    requests.Session.send = sent  # type: ignore[method-assign]
    urllib3.PoolManager.urlopen = opened  # type: ignore[method-assign]


def _bare(folder: Path) -> int:
    calls = orjson.loads((folder / "calls.json").read_bytes())
    (folder / "bare.db").unlink(missing_ok=True)
    db = sqlite3.connect(folder / "bare.db", isolation_level=None)
    db.execute(f"PRAGMA journal_mode={journal_mode()}")
    db.execute("PRAGMA synchronous=FULL")
    db.execute("CREATE TABLE record (id TEXT PRIMARY KEY, stamp TEXT, fields TEXT)")
    rows, waiting = 0, list[tuple[str, str, bytes]]()
    with requests.Session() as session:
        session.trust_env = False
        for call in calls:
            reply = session.request(call["method"], call["url"], headers=call["headers"], data=call["body"], timeout=60)
            for record in _records(orjson.loads(reply.content)):
                waiting.append(record)
                rows += 1
            while len(waiting) >= 1000:
                _store(db, waiting[:1000])
                del waiting[:1000]
    _store(db, waiting)
    db.close()
    return rows


def _records(page: Any) -> Iterator[tuple[str, str, bytes]]:
    for record in page.get("records") or page.get("results") or () if isinstance(page, dict) else ():
        fields = record.get("properties", record)
        if identity := record.get("Id") or record.get("id"):
            yield identity, fields.get("SystemModstamp") or fields.get("hs_lastmodifieddate") or "", orjson.dumps(fields)


def _store(db: sqlite3.Connection, rows: list[tuple[str, str, bytes]]) -> None:
    db.execute("BEGIN IMMEDIATE")
    db.executemany(
        "INSERT INTO record VALUES (?, ?, ?) ON CONFLICT (id) DO UPDATE SET stamp = excluded.stamp, fields = excluded.fields",
        rows,
    )
    db.execute("COMMIT")


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
