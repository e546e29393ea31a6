"""HubSpot in a bad week: three calls in ten go wrong in one of its many ways, and few calls are allowed.

What must hold, whichever way the portal keeps refsync's keys: in the end the mirror is what an undisturbed first sync brings, no
task is there twice, and HubSpot never counts more calls of ours than we may make in ten seconds, nor more searches in a second.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
from sqlalchemy import select

from refsync.book import Book
from refsync.bundled import bundled
from refsync.calendar import Duration, Unit
from refsync.connector import ConnectionSettings, Secret
from refsync.errors import ConnectorError, LeaseLost
from refsync.finding import State
from refsync.model import moment, parse_instant
from refsync.rules.files.folder import load
from refsync.store import ledger
from refsync.store.budget import StoreMeter
from refsync.store.engine import Store, open_store
from refsync.store.tables import TABLE_OF, activity_contact
from refsync.sync.retry import Patience
from refsync.sync.tick import tick
from refsync_hubspot import HubSpot
from refsync_hubspot.limiter import Clocks
from refsync_hubspot.options import HubSpotOptions
from refsync_hubspot.transport import Limits as Patient
from refsync_sandbox.clock import Clock
from refsync_sandbox.generator import write_book
from refsync_sandbox.hubspot import HubSpot as Portal
from refsync_sandbox.hubspot import Settings
from refsync_sandbox.hubspot.access import CLIENT_ID, CLIENT_SECRET, REFRESH_TOKEN, TOKEN
from refsync_sandbox.hubspot.limits import Limits
from refsync_sandbox.server import Sandbox

NOW = moment(parse_instant("2026-11-20T12:00:00Z"))
SHARE = 0.3
ALLOWED = Limits(private_app=40, oauth_app=40, search=4)
"""What the account may; refsync takes half of it."""
OURS = {"requests_per_10_seconds": 20, "searches_per_second": 2}
PATIENCE = Patience(attempts=8, first_pause=0.5, longest_pause=2.0, longest_retry_after=30.0)
SIGN_IN: Mapping[str, Mapping[str, Any]] = {
    "unique": {"token": Secret(TOKEN)},
    "property": {"token": Secret(TOKEN)},
    "body": {"client_id": CLIENT_ID, "client_secret": Secret(CLIENT_SECRET), "refresh_token": Secret(REFRESH_TOKEN)},
}
"""How refsync signs in, by the way in which the portal keeps keys: both ways to sign in are tried."""

REFUSED = ("secondly-limit", "ten-secondly-limit", "limit-by-category", "locked", "migrating", "server-error", "bare-error")
STRANGE = ("error-page", "not-utf-8", "accepted", "json-text")
LINE = ("close", "reset", "cut", "short", "empty", "object", "html")
PAGES = ("empty-page", "short-page", "same-page")
SEARCHES = (*PAGES, "row-outside", "out-of-order")
GROUPS: Mapping[str, tuple[str, ...]] = {
    "GET *": (*REFUSED, *STRANGE, *LINE, "same-page", "missing-scope", "unauthorized", "token-expires"),
    "POST *search": (*REFUSED, *STRANGE, *LINE, *SEARCHES),
    "POST *batch/read": (*REFUSED, *STRANGE, *LINE, "some-fail"),
    "POST *batch/create": (*REFUSED, *STRANGE, *LINE, "some-fail"),
    "POST */objects*/tasks": (*REFUSED, *STRANGE, *LINE),
    "PATCH *": (*REFUSED, *STRANGE, *LINE),
}
"""What goes wrong with which calls: each call belongs to one group."""


def catalogue(seed: int, groups: Mapping[str, tuple[str, ...]] = GROUPS, share: float = SHARE) -> Iterator[dict[str, Any]]:
    """Yield faults of every kind, so likely that such a share of each group's calls go wrong; of writes half of them after."""
    number = seed * 1000
    for endpoint, names in groups.items():
        whens = ("before", "after") if is_write(endpoint) else ("before",)
        likely = 1 - (1 - share) ** (1 / (len(names) * len(whens)))
        for name in names:
            for when in whens:
                number += 1
                kind = {"kind": name} if name in LINE else {"kind": "own", "name": name}
                yield {**kind, "endpoint": endpoint, "when": when, "probability": likely, "seed": number}


def is_write(endpoint: str) -> bool:
    return endpoint.startswith(("PATCH", "POST */objects")) or endpoint.endswith("create")


class Waiting(threading.Event):
    """A stop event that is never set, and lets time pass for whoever waits for it."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self._clock = clock

    def wait(self, timeout: float | None = None) -> bool:
        self.sleep(timeout or 0)
        return False

    def sleep(self, seconds: float) -> None:
        self._clock.move_to(self._clock.now() + timedelta(seconds=seconds))


@dataclass
class Week:
    """refsync beside a portal, for which time passes only when somebody waits."""

    url: str
    clock: Clock
    way: str

    def __post_init__(self) -> None:
        loaded = load(bundled("rules"), modes_live=True)
        limits = replace(loaded.company.limits, per_rep_per_day=500, per_rep_per_week=500)
        self.rules = replace(loaded, company=replace(loaded.company, settle=Duration(0, Unit.HOURS), limits=limits))

    def tick(self, store: Store, minutes: float = 0, **options: Any) -> None:
        """Let time pass and run a tick by a connector that has just started."""
        waiting = Waiting(self.clock)
        waiting.sleep(minutes * 60)
        connector = self._connector(store)
        given: dict[str, Any] = {"clock": self.clock.instant, "patience": PATIENCE, "approved": True, "stop": waiting, **options}
        try:
            tick(store, "acme", "hubspot", connector, self.rules, now=self.clock.instant(), **given)
        finally:
            connector.close()

    def bad_hours(self, store: Store, faults: Iterable[Mapping[str, Any]], ticks: int) -> Counter[str]:
        """Run ticks of which some fail, and return what went wrong how often."""
        self.control("POST", "faults", {"faults": list(faults)})
        for _ in range(ticks):
            with suppress(ConnectorError, LeaseLost):  # time leaps while somebody waits: no lease lasts as long
                self.tick(store, minutes=20)
        struck = Counter[str]()
        for one in self.control("GET", "faults")["faults"]:
            struck[one["name"] or one["kind"]] += one["struck"]
        self.control("DELETE", "faults")
        return +struck

    def control(self, method: str, what: str, body: Any = None) -> Any:
        reply = requests.request(method, f"{self.url}/_sandbox/{what}", json=body, timeout=30)
        assert reply.ok, reply.text
        return reply.json()

    def _connector(self, store: Store) -> HubSpot:
        options = {"url": self.url, "weakest_key": self.way, **OURS, **SIGN_IN[self.way]}
        settings = ConnectionSettings(id="acme", options=options, meter=StoreMeter(store, "acme"))
        clocks = Clocks(
            clock=lambda: self.clock.instant() / 1000,
            now=self.clock.instant,
            sleep=Waiting(self.clock).sleep,
        )
        return HubSpot(settings, HubSpotOptions.model_validate(options), clocks=clocks, limits=Patient(connect=2, read=2, call=4))


@contextmanager
def portal(folder: Path, way: str, accounts: int) -> Iterator[Week]:
    """Give a portal with a book of customers that keeps keys in one of the ways."""
    write_book(folder / "book", accounts=accounts, seed=5, now=NOW, second_accounts=0.1)
    clock = Clock(NOW)
    settings = Settings(limits=ALLOWED, key_property="" if way == "body" else "refsync_key", key_unique=way == "unique")
    with Sandbox(Portal.load(Book.open(folder / "book"), clock, settings=settings), clock) as sandbox:
        yield Week(sandbox.url, clock, way)


def mirrored(store: Store) -> dict[str, set[tuple[Any, ...]]]:
    """Return every row of the mirror by table."""
    with store.read() as db:
        return {table.name: {tuple(row) for row in db.execute(select(table))} for table in (*TABLE_OF.values(), activity_contact)}


def bad_week(folder: Path, way: str, seed: int, *, accounts: int, ticks: int) -> tuple[Counter[str], Counter[str]]:
    """Live through bad hours, hours that are bad for writes only, and good ones, and compare with an undisturbed sync.

    Returns what went wrong how often, in the hours of either kind.
    """
    with portal(folder, way, accounts) as week, open_store("sqlite://") as store, open_store("sqlite://") as fresh:
        struck = week.bad_hours(store, catalogue(seed), ticks)
        writes = {endpoint: names for endpoint, names in GROUPS.items() if is_write(endpoint)}
        calls = week.control("GET", "requests")["total"]
        lost = week.bad_hours(store, catalogue(seed, writes, share=0.6), ticks=4)
        for _ in range(4):
            week.tick(store, minutes=20)
        week.tick(fresh, minutes=1, dry_run=True)
        keys = Counter(task["key"] for task in week.control("GET", "tasks")["tasks"] if task["key"])
        counted = week.control("GET", "limits")
        with store.read() as db:
            states = Counter(finding.state for finding in ledger.everything(db, "acme"))

        assert 0.2 < struck.total() / calls < 0.4
        assert mirrored(fresh) == mirrored(store)
        assert {1} == set(keys.values())
        assert len(keys) == states[State.OPEN]
        assert 0 == states[State.SENDING]
        app = "oauth_app" if way == "body" else "private_app"
        assert counted[app]["calls"] > 100 < counted["search"]["calls"] * 10
        assert [0, 0] == [counted[limit]["refused"] for limit in (app, "search")]
        assert counted[app]["most"] <= ALLOWED.private_app
        assert counted["search"]["most"] <= ALLOWED.search
        return struck, lost


@pytest.mark.parametrize("way", ["unique", *(pytest.param(way, marks=pytest.mark.long) for way in SIGN_IN if way != "unique")])
def test_bad_hours(tmp_path: Path, way: str) -> None:
    """After some bad hours everything is as if nothing had happened."""
    struck, lost = bad_week(tmp_path, way, seed=1, accounts=12, ticks=4)

    assert struck.total() > 25
    assert lost


@pytest.mark.long
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("way", SIGN_IN)
@pytest.mark.parametrize("seed", range(10))
def test_bad_weeks(tmp_path: Path, way: str, seed: int) -> None:
    """The same for many seeds and a hundred bad ticks each, with every kind of fault."""
    struck, _ = bad_week(tmp_path, way, seed, accounts=40, ticks=100)

    assert {*REFUSED, *STRANGE, *LINE, *SEARCHES} <= set(struck)
