"""What the HubSpot connector's tests talk to: the sandbox over HTTP, and a stub for what no proper CRM would answer."""

from __future__ import annotations

import json
import math
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import urllib3

from refsync.book import Book, BookWriter
from refsync.connector import Batch, ConnectionSettings, Secret
from refsync.model import Instant, Record, Stream, iso, moment, parse_instant
from refsync.store.engine import Store, open_store
from refsync_hubspot import HubSpot, cursor
from refsync_hubspot.limiter import Clocks
from refsync_hubspot.objects import object_types
from refsync_hubspot.options import HubSpotOptions
from refsync_sandbox.clock import Clock
from refsync_sandbox.hubspot import HubSpot as Crm
from refsync_sandbox.hubspot import Settings
from refsync_sandbox.server import Sandbox
from tests.hubspot.small_book import BOOK

NOW = parse_instant("2024-09-30T12:00:00Z")
TOKEN = "pat-na1-canary-0000-1111-2222"
DATE = "Mon, 30 Sep 2024 12:00:00 GMT"


@dataclass(frozen=True)
class Canned:
    """One reply."""

    body: Any = None
    """A value for JSON, or bytes as they are."""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    how: Callable[[BaseHTTPRequestHandler], None] | None = None
    """Something else than a reply, such as a reset."""


@dataclass
class Seen:
    """One request."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: Any


class Stub:
    """A server on loopback that answers the next canned reply."""

    def __init__(self) -> None:
        self.seen: list[Seen] = []
        self.replies: list[Canned] = []
        self.standing: dict[str, Any] = {}
        stub = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_one_request(self) -> None:
                try:
                    super().handle_one_request()
                except ConnectionError:
                    self.close_connection = True

            def _reply(self) -> None:
                length = int(self.headers.get("content-length") or 0)
                sent = self.rfile.read(length)
                seen = Seen(self.command, self.path, dict(self.headers), stub.read(dict(self.headers), sent))
                standing = stub.standing.get(seen.path.partition("?")[0])
                if standing is None:
                    stub.seen.append(seen)
                canned = (
                    stub.replies.pop(0) if standing is None else Canned(body=standing(seen) if callable(standing) else standing)
                )
                if canned.how:
                    canned.how(self)
                    return
                data = canned.body if isinstance(canned.body, bytes) else json.dumps(canned.body).encode()
                self.send_response_only(canned.status)
                headers = {"content-type": "application/json;charset=utf-8", "date": DATE, "content-length": str(len(data))}
                for name, value in (headers | dict(canned.headers)).items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_: Any) -> None: ...

        for method in ("GET", "POST", "PATCH"):
            setattr(Handler, f"do_{method}", Handler._reply)
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    @staticmethod
    def read(headers: Mapping[str, str], sent: bytes) -> Any:
        """Return what a body holds: a form as text, anything else as JSON."""
        if "form" in headers.get("content-type", ""):
            return sent.decode()
        return json.loads(sent) if sent else None

    def will(self, body: Any = None, status: int = 200, **more: Any) -> None:
        """Answer this next."""
        self.replies.append(Canned(body=body, status=status, **more))

    def always(self, path: str, body: Any) -> None:
        """Answer this, or what it makes of a request, whenever a path is asked for; such requests are not among those seen."""
        self.standing[path] = body

    def opens(self, stream: Stream, *lacking: str) -> None:
        """Answer what a first read asks before it reads: the time, and the definitions of the properties it wants."""
        self.will({"portalId": 1, "timeZone": "UTC"})
        for kind in object_types(HubSpotOptions(token=Secret(TOKEN)))[stream]:
            self.will({"results": [{"name": name} for name in kind.wanted if name not in lacking]})

    def paths(self) -> list[str]:
        return [seen.path.partition("?")[0] for seen in self.seen]

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def stub() -> Iterator[Stub]:
    running = Stub()
    yield running
    running.close()


class Ticking:
    """A monotonic clock that only sleeping moves."""

    def __init__(self) -> None:
        self.at = 1000.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.at

    @property
    def clocks(self) -> Clocks:
        """This clock, as a connector takes it."""
        return Clocks(clock=self, now=lambda: int(self.at * 1000), sleep=self.sleep)

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.at += seconds


Connect = Callable[..., HubSpot]


@pytest.fixture
def ticking() -> Ticking:
    return Ticking()


@pytest.fixture
def connect_to(ticking: Ticking) -> Iterator[Connect]:
    """Return a function that connects to a URL with a clock that only sleeping and `later` move."""
    made: list[HubSpot] = []

    def connect_to(url: str, *, custom: Mapping[Any, frozenset[str]] | None = None, **more: Any) -> HubSpot:
        given = {"token": Secret(TOKEN), "url": url} | more
        settings = ConnectionSettings(id="test", options=given, custom_fields=custom or {})
        chosen = HubSpotOptions.model_validate(given)
        made.append(HubSpot(settings, chosen, clocks=ticking.clocks))
        return made[-1]

    yield connect_to
    for each in made:
        each.close()


class Portal:
    """A running sandbox, as its control API shows it."""

    def __init__(self, url: str, ticking: Ticking) -> None:
        self.url = url
        self._ticking = ticking
        self._http = urllib3.PoolManager(retries=False)
        self._now = NOW

    def change(self, *changes: Mapping[str, Any]) -> list[str]:
        """Do what people do, and return the ids."""
        return [result["id"] for result in self._call("POST", "records", {"changes": changes})["results"]]

    def later(self, minutes: float) -> None:
        """Let time pass for HubSpot and for the connector."""
        self._now += math.ceil(minutes * 60_000)
        self._call("POST", "clock", {"now": iso(self._now)})
        self._ticking.at += minutes * 60

    @property
    def now(self) -> Instant:
        return self._now

    def ids(self, table: str) -> dict[str, str]:
        """Return the CRM ids by book id."""
        found: dict[str, str] = self._call("GET", "ids")[table]
        return found

    def tasks(self) -> list[dict[str, Any]]:
        """Return refsync's tasks as reps see them."""
        return [task for task in self._call("GET", "tasks")["tasks"] if task["key"]]

    def calls(self) -> dict[str, int]:
        """Return how often each endpoint was called since the last time."""
        found: dict[str, int] = self._call("GET", "requests")["by_endpoint"]
        self._call("DELETE", "requests")
        return found

    def trouble(self, *faults: Mapping[str, Any]) -> None:
        """Let calls go wrong from now on, beside what goes wrong already."""
        self._call("POST", "faults", {"faults": faults})

    def calm(self) -> None:
        """Let everything go well again."""
        self._call("DELETE", "faults")

    def do(self, step: str, **what: Any) -> None:
        """Let happen what HubSpot does by itself."""
        self._call("POST", "portal", {"steps": [{"do": step, **what}]})

    def limits(self) -> dict[str, dict[str, int]]:
        """Return how many calls there were, how many were refused, and the most in any stretch, by limit."""
        found: dict[str, dict[str, int]] = self._call("GET", "limits")
        return found

    def post(self, path: str, body: Any) -> Any:
        """Call HubSpot's API as another app would."""
        reply = self._http.request("POST", self.url + path, json=body, headers={"Authorization": f"Bearer {TOKEN}"})
        return reply.json() if reply.data else None

    def delete(self, path: str) -> None:
        """Call HubSpot's API as another app would."""
        self._http.request("DELETE", self.url + path, headers={"Authorization": f"Bearer {TOKEN}"})

    def _call(self, method: str, what: str, body: Any = None) -> Any:
        reply = self._http.request(method, f"{self.url}/_sandbox/{what}", **({} if body is None else {"json": body}))
        found = reply.json()
        assert reply.status == 200, found
        return found


@pytest.fixture
def serve(tmp_path: Path, ticking: Ticking) -> Iterator[Callable[..., Portal]]:
    """Return a function that serves records as a HubSpot portal."""
    running: list[Sandbox] = []

    def serve(records: Iterable[Record], custom: Mapping[Stream, Sequence[str]] | None = None, **settings: Any) -> Portal:
        with BookWriter(tmp_path / "book", custom) as writer:
            for record in records:
                writer.write(record)
        clock = Clock(moment(NOW))
        crm = Crm.load(Book.open(tmp_path / "book"), clock, token=TOKEN, settings=Settings(**settings))
        running.append(Sandbox(crm, clock))
        running[-1].__enter__()
        return Portal(running[-1].url, ticking)

    yield serve
    for each in running:
        each.__exit__(None, None, None)


@pytest.fixture
def store() -> Iterator[Store]:
    """Return an empty store in memory."""
    with open_store("sqlite://") as opened:
        yield opened


def seen(stream: Stream, upper: str, custom: Mapping[str, bool] | None = None) -> str:
    """Return the cursor of a stream of which everything before a time was read, and all properties are there."""
    kinds = object_types(HubSpotOptions(token=Secret(TOKEN)))[stream]
    names = {kind.name: {**dict.fromkeys(kind.wanted, True), **(custom or {})} for kind in kinds}
    states = {kind.name: cursor.Seen(upper=parse_instant(upper)) for kind in kinds}
    return cursor.Place(states=states, shown=cursor.Shown(at=NOW - 3_600_000, names=names)).dumped()


@pytest.fixture
def portal(serve: Callable[..., Portal]) -> Portal:
    """Return a portal that holds the small book."""
    return serve(BOOK, {Stream.ACCOUNTS: ("implemented_on",)})


@pytest.fixture(params=["v3", "2026-03", "2026-09"])
def api(request: pytest.FixtureRequest) -> str:
    """Return each version of the API."""
    return str(request.param)


_PARENT = {Stream.DEAL_CONTACTS: "deal_id", Stream.ACCOUNT_CONTACTS: "contact_id"}


class Mirror:
    """What refsync would hold after storing the batches of a connector, but that what a whole sweep misses goes at once."""

    def __init__(self, connector: HubSpot) -> None:
        self._connector = connector
        self.held: dict[Stream, dict[str, Record]] = {stream: {} for stream in Stream}
        self.cursors: dict[tuple[str, Stream], str] = {}
        self.aside: dict[str, str] = {}
        self.partial: list[str] = []
        self.lacking: dict[Stream, frozenset[str]] = {}
        self._listed: dict[tuple[str, Stream], set[str]] = {}

    def read(self, *streams: Stream, sweep: bool = False, batches: int | None = None) -> list[Batch]:
        """Read or sweep streams from where they stand and store every batch, or only so many."""
        stored = []
        for stream in streams or tuple(stream for stream in Stream if stream in self._connector.streams):
            place = ("sweep" if sweep else "read", stream)
            step = self._connector.sweep if sweep else self._connector.read
            for batch in step(stream, self.cursors.get(place)):
                self._store(place, stream, batch)
                stored.append(batch)
                if batch.cursor is not None:
                    self.cursors[place] = batch.cursor
                if batches is not None and len(stored) >= batches:
                    break
        return stored

    def sweep(self, *streams: Stream) -> list[Batch]:
        """Sweep streams."""
        return self.read(*streams, sweep=True)

    def _store(self, place: tuple[str, Stream], stream: Stream, batch: Batch) -> None:
        held, listed = self.held[stream], self._listed.setdefault(place, set())
        for link in list(held.values()):
            if getattr(link, _PARENT.get(stream, ""), None) in batch.whole_for:
                del held[link.id]
        held |= {record.id: record for record in batch.records}
        listed |= set(batch.present)
        if batch.whole:
            listed |= {record.id for record in batch.records}
            for each in set(held) - listed:
                del held[each]
            listed.clear()
        for gone in (*batch.deleted, *(merge.gone for merge in batch.merged)):
            held.pop(gone, None)
        self.aside |= {each.id: each.reason for each in batch.set_aside}
        self.partial += [batch.partial] if batch.partial else []
        if batch.lacking is not None:
            self.lacking[stream] = batch.lacking


@pytest.fixture
def mirror_of() -> Callable[[HubSpot], Mirror]:
    """Return what makes an empty mirror of a connector."""
    return Mirror
