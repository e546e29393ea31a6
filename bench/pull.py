"""Pulling activities: refsync's connector and store beside a bare loop of requests, orjson and sqlite3 over the same pages.

Each variant runs in a process of its own against the same stand-in CRM. The first refsync run is recorded, so that the bare loop
sends exactly the same requests; it stores every record of every page with one upsert, 1,000 rows a transaction, unchecked.
What is timed is the first load of the activities inside a whole pull, with the touches and milestones derived at its end.
"""

from __future__ import annotations

import codecs
import csv
import json
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import ceil
from pathlib import Path
from statistics import median
from typing import Any
from urllib.parse import parse_qs, urlsplit

import orjson
import requests
import urllib3

from refsync import config, process
from refsync.bundled import bundled
from refsync.cli import stage
from refsync.model import Stream, parse_instant
from refsync.registry import connect
from refsync.rules.files.folder import load
from refsync.store import lease, mirror
from refsync.store.database.sqlite import journal_mode
from refsync.store.engine import open_store
from refsync.sync.pull import pull
from refsync.sync.run import Run

NOW = parse_instant("2026-11-20T12:00:00Z")
ACTIVITIES_PER_ACCOUNT = 9
"""Of the generated books, rounded up."""
MEMORY_MB = 120
RATIO = 0.65


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """One way to load the activities of a CRM."""

    name: str
    crm: str
    options: tuple[str, ...] = ()
    """Further lines of the connection in config.toml."""
    most_requests: float
    """How many times the least number of requests it may take."""


WAYS: Mapping[str, tuple[Way, ...]] = {
    "salesforce": (
        Way(name="REST", crm="salesforce", options=("bulk_from = 0",), most_requests=1.02),
        Way(name="Bulk 2.0", crm="salesforce", options=("bulk_from = 1",), most_requests=1.02),
    ),
    "hubspot": (Way(name="lists", crm="hubspot", most_requests=1.05),),
}


def compare(crm: str, *, activities: int, rounds: int) -> Iterator[str]:
    """Yield a line per way: rows a second of both, their ratio, the requests beside the fewest possible, and the peak memory."""
    with tempfile.TemporaryDirectory(prefix="refsync-bench-") as name:
        folder = Path(name)
        stage.generate(folder / "book", ceil(activities / ACTIVITIES_PER_ACCOUNT), 1, NOW)
        with stage.sandbox(crm, folder / "book", NOW) as sandbox:
            (folder / "rules").mkdir()
            if crm == "salesforce":  # jobs are complete when first looked at: how often that takes is not ours
                steps = [{"do": "bulk_jobs", "polls": 0}]
                requests.post(f"{sandbox.url}/_sandbox/org", json={"steps": steps}, timeout=60).raise_for_status()
            for way in WAYS[crm]:
                _configure(folder, way, sandbox)
                yield _compare(folder, way, rounds)


def _configure(folder: Path, way: Way, sandbox: stage.Sandbox) -> None:
    (folder / "demo.secret").unlink(missing_ok=True)
    path = stage.write_config(folder, way.crm, folder / "book", sandbox)
    head, *rest = path.read_text().split("\n[connection.demo.", 1)
    path.write_text("\n".join([head, *way.options, *(f"[connection.demo.{table}" for table in rest)]) + "\n")


def _compare(folder: Path, way: Way, rounds: int) -> str:
    recorded = _run("record", folder)
    ours, bare = [], []
    for _round in range(rounds):
        ours.append(_run("refsync", folder))
        bare.append(_run("bare", folder))
    rows, took = recorded["rows"], recorded["requests"]
    our_rate, bare_rate = (rows / median(run["seconds"] for run in runs) for runs in (ours, bare))
    least = bare[0]["least"]
    return (
        f"pull {way.crm} by {way.name}: {rows:,} activities; refsync {our_rate:,.0f} rows/s, bare loop {bare_rate:,.0f} rows/s "
        f"(stored {bare[0]['rows']:,} records); ratio {our_rate / bare_rate:.2f} (goal {RATIO}); "
        f"{took:,} requests, at least {least:,}: {took / least:.3f} (goal {way.most_requests}); "
        f"peak memory {max(run['peak_mb'] for run in ours):.0f} MB (goal {MEMORY_MB})"
    )


def _run(variant: str, folder: Path) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "bench.pull", variant, str(folder)], check=True, stdout=subprocess.PIPE, text=True
    )
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def main(variant: str, folder: Path) -> None:
    """Run one variant in this process and print what it took."""
    process.settle()  # as the command line does
    calls: list[dict[str, Any]] = []
    if variant == "record":
        _record(calls)
    counted, seconds = _bare(folder) if variant == "bare" else _pull(folder, calls)
    if variant == "record":
        (folder / "calls.json").write_bytes(orjson.dumps(calls))
    print(json.dumps({"seconds": seconds, "requests": len(calls), "peak_mb": _peak_mb(), **counted}))


def _peak_mb() -> float:
    """Return the most memory this process has held at a time.

    Not by getrusage(): what it tells begins with the memory of the process that started this one (signal->maxrss survives exec).
    """
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) / 1000


def _pull(folder: Path, calls: list[dict[str, Any]]) -> tuple[dict[str, int], float]:
    """Pull everything into a new store; return the activities, and the seconds from their first request to the end."""
    shutil.rmtree(folder / "store", ignore_errors=True)
    (folder / "store").mkdir()
    connection = config.load(folder / "config.toml").connections[0]
    began, reached = time.perf_counter(), False

    def progress(step: str, done: int) -> None:
        nonlocal began, reached
        if step == f"pull {Stream.ACTIVITIES}" and not reached:  # said again while a job of the CRM is awaited
            reached = True
            calls.clear()
            began = time.perf_counter()

    connector = connect(connection.connector, connection.settings({}))
    with open_store(f"sqlite:///{folder / 'store' / 'bench.db'}") as store:
        token = lease.acquire(store, "bench", "bench", 86_400_000, NOW)
        assert token is not None
        run = Run(
            id="bench",
            connection="bench",
            store=store,
            connector=connector,
            rules=load(bundled("rules")),
            milestones=(),
            now=NOW,
            token=token,
            clock=lambda: NOW,
            stop=threading.Event(),
            progress=progress,
        )
        pulled = pull(run)
        seconds = time.perf_counter() - began
        assert not pulled.partial, pulled.partial
        with store.read() as db:
            held = mirror.counts(db, "bench")[Stream.ACTIVITIES]
    connector.close()
    return {"rows": held}, seconds


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


@dataclass(slots=True)
class _Needed:
    """The fewest requests that can bring what was brought: full pages of each kind, and one description of each object."""

    items: dict[tuple[str, int], int] = field(default_factory=dict)
    """How many of a kind came, by the kind and how many of it a request can bring."""
    jobs: int = 0
    """Query jobs: each is created, asked for once and deleted."""

    def add(self, kind: str, most: int, items: int) -> None:
        self.items[kind, most] = self.items.get((kind, most), 0) + items

    @property
    def requests(self) -> int:
        return sum(ceil(items / most) for (_, most), items in self.items.items()) + 3 * self.jobs


def _bare(folder: Path) -> tuple[dict[str, int], float]:
    calls = orjson.loads((folder / "calls.json").read_bytes())
    (folder / "bare.db").unlink(missing_ok=True)
    began = time.perf_counter()
    db = sqlite3.connect(folder / "bare.db", isolation_level=None)
    db.execute(f"PRAGMA journal_mode={journal_mode()}")
    db.execute("PRAGMA synchronous=FULL")
    db.execute("CREATE TABLE record (id TEXT PRIMARY KEY, stamp TEXT, fields TEXT)")
    needed, rows, waiting = _Needed(), 0, list[tuple[str, str, bytes]]()
    with requests.Session() as session:
        session.trust_env = False
        for record in _answers(session, calls, needed):
            waiting.append(record)
            rows += 1
            if len(waiting) == 1000:
                _store(db, waiting)
                waiting.clear()
    _store(db, waiting)
    db.close()
    return {"rows": rows, "least": needed.requests}, time.perf_counter() - began


def _answers(session: requests.Session, calls: Sequence[Mapping[str, Any]], needed: _Needed) -> Iterator[tuple[str, str, bytes]]:
    """Yield the records of the recorded calls, sent again."""
    most: dict[str, int] = {}
    for call in calls:
        job = urlsplit(call["url"]).path.partition("/jobs/query/")[2]
        if job.endswith("/results"):
            most.setdefault(job, int(parse_qs(urlsplit(call["url"]).query)["maxRecords"][0]))
    of_jobs = iter(most.values())
    for call in calls:
        if urlsplit(call["url"]).path.endswith("/jobs/query") and call["method"] == "POST":
            yield from _job(session, call, next(of_jobs), needed)
        elif "/jobs/query/" not in call["url"]:
            reply = session.request(call["method"], call["url"], headers=call["headers"], data=call["body"], timeout=60)
            yield from _records(call, orjson.loads(reply.content), needed)


def _job(session: requests.Session, call: Mapping[str, Any], most: int, needed: _Needed) -> Iterator[tuple[str, str, bytes]]:
    """Yield the records of a recorded query job, run again."""
    headers = {name: value for name, value in call["headers"].items() if name.lower() != "content-length"}
    job = orjson.loads(session.post(call["url"], headers=headers, data=call["body"], timeout=60).content)["id"]
    while orjson.loads(session.get(f"{call['url']}/{job}", headers=headers, timeout=60).content)["state"] != "JobComplete":
        time.sleep(0.01)
    needed.jobs += 1
    locator = ""
    while locator != "null":
        query: dict[str, str | int] = {"maxRecords": most, **({"locator": locator} if locator else {})}
        with session.get(f"{call['url']}/{job}/results", params=query, headers=headers, stream=True, timeout=60) as reply:
            for row in csv.DictReader(codecs.iterdecode(reply.raw, "utf-8")):
                needed.add(job, most, 1)
                yield row.get("Id") or "-".join(row.values()), row.get("SystemModstamp") or "", orjson.dumps(row)
            locator = reply.headers["Sforce-Locator"]
    session.delete(f"{call['url']}/{job}", headers=headers, timeout=60)


def _records(call: Mapping[str, Any], page: Any, needed: _Needed) -> Iterator[tuple[str, str, bytes]]:
    if not isinstance(page, dict):
        return
    for part in page.get("compositeResponse") or ():
        yield from _records(call, part["body"], needed)
    path = urlsplit(call["url"]).path
    if path.endswith("/describe"):
        needed.add(path, 1, 1)
    elif "/associations/" in path:
        needed.add(path, 1000, len(orjson.loads(call["body"])["inputs"]))
    elif "results" in page:
        needed.add(path, 100, len(page["results"]))
    for record in page.get("records") or page.get("results") or ():
        if "attributes" in record:
            needed.add(record["attributes"]["type"], 2000, 1)
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
