"""Calls to HubSpot, and what becomes of them: a good reply's body, or the error that a bad one is.

Law: raises `ConnectorError`s only. A call is a read or a write; what a failure of it means depends on which (replies.py). The way
of a call is in wire.py.
"""

from __future__ import annotations

from collections.abc import Iterator

from refsync.errors import UnexpectedReply
from refsync.meter import Meter
from refsync.model import Instant
from refsync_hubspot import replies
from refsync_hubspot.limiter import Clocks
from refsync_hubspot.options import HubSpotOptions
from refsync_hubspot.paths import Paths
from refsync_hubspot.replies import Answer, Json
from refsync_hubspot.transport import Limits, Reply
from refsync_hubspot.wire import Query, Wire

CLOCK_GOOD_FOR = 10.0
"""Seconds for which HubSpot's time may be reckoned from the last reply."""
NO_CONTENT = 204


class Client:
    """One signed-in way to one portal."""

    def __init__(self, wire: Wire, paths: Paths, *, reserved: bool = False) -> None:
        self.paths = paths
        self._wire = wire
        self._reserved = reserved

    @classmethod
    def of(cls, options: HubSpotOptions, meter: Meter, clocks: Clocks | None = None, limits: Limits | None = None) -> Client:
        """Return a client; nothing is called yet."""
        paths = Paths(options.api)
        return cls(Wire(options, paths, meter, clocks or Clocks(), limits), paths)

    @property
    def for_writing(self) -> Client:
        """The same way, with what the day keeps in reserve: for writing tasks, and for the reads that this takes."""
        return Client(self._wire, self.paths, reserved=True)

    def get(self, path: str, query: Query | None = None) -> Answer:
        """Read by GET."""
        return self._answer("GET", path, query, None, write=False)

    def find(self, path: str, query: Query | None = None) -> Json | None:
        """Read one thing by GET; None when HubSpot says 404."""
        reply = self._send("GET", path, query, None, write=False)
        return None if reply.status == 404 else self._checked(reply, write=False).body

    def ask(self, path: str, body: Json, query: Query | None = None) -> Answer:
        """Read by POST."""
        return self._answer("POST", path, query, body, write=False)

    def search(self, kind: str, body: Json) -> Answer:
        """Read one page of a search; it counts against a limit of its own."""
        return self.ask(self.paths.objects(kind, "search"), body)

    def write(self, method: str, path: str, body: Json) -> Answer:
        """Write. Raises RequestUncertain when it may or may not have happened, RecordRejected when it was refused."""
        return self._answer(method, path, None, body, write=True)

    def archive(self, path: str) -> None:
        """Archive the record at a path; answers 204 without a body. Raises as `write` does."""
        reply = self._send("DELETE", path, None, None, write=True)
        if reply.status != NO_CONTENT:
            self._checked(reply, write=True)

    def pages(self, path: str, query: Query, after: str | int | None = None) -> Iterator[tuple[Answer, str | int | None]]:
        """Yield the pages of a list from `after` on, each with where the next one begins (None: it is the last)."""
        passed = {str(after)}
        while True:
            found = self.get(path, {**query, **({} if after is None else {"after": after})})
            after = replies.next_after(found.body, passed)
            yield found, after
            if after is None:
                return

    def now(self, good_for: float = CLOCK_GOOD_FOR) -> Instant:
        """Return HubSpot's own time, never later than it is; asks for it when no reply came in so many seconds."""
        heard = self._wire.heard()
        if heard is None or heard[1] > good_for:
            self.get(self.paths.account())
            heard = self._wire.heard()
        if heard is None:
            raise UnexpectedReply("HubSpot: the reply does not say what time it is")
        return heard[0]

    @property
    def account(self) -> Json:
        """The portal's own data: `portalId`, `timeZone`; asked for once."""
        if self._wire.account is None:
            found = self.get(self.paths.account()).body
            if not isinstance(found.get("portalId"), int | str):
                raise UnexpectedReply("HubSpot: the account data hold no portalId")
            self._wire.account = found
        return self._wire.account

    @property
    def last_limits(self) -> dict[str, str]:
        """The rate limit headers of the last reply that had some."""
        return dict(self._wire.last_limits)

    def close(self) -> None:
        self._wire.close()

    def _answer(self, method: str, path: str, query: Query | None, body: Json | None, *, write: bool) -> Answer:
        return self._checked(self._send(method, path, query, body, write=write), write=write)

    def _send(self, method: str, path: str, query: Query | None, body: Json | None, *, write: bool) -> Reply:
        return self._wire.send(method, path, query, body, write=write, reserved=self._reserved)

    def _checked(self, reply: Reply, *, write: bool) -> Answer:
        if 200 <= reply.status <= 299:
            return replies.answer(reply.status, reply.headers, reply.data, write=write)
        raise self._wire.refusal(reply, write=write)
