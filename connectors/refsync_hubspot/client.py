"""Calls to HubSpot: one signed-in client of hubspot-api-client, used raw.

The library's typed calls take a broken reply for an empty one and cost 32 times the time, and its retries would post a create
twice (hubspot-api-python issues 117, 331, 460). So everything goes through `call_api` of one kept API object: its sign-in, its
connections and its error classes, with our time limits, our checks and no retry.
Law: raises `ConnectorError`s only. A call is a read or a write; what a failure of it means depends on which (replies.py).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import cached_property
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from hubspot import Client as Library
from hubspot.crm.objects.exceptions import ApiException

from refsync.errors import ConnectorError, RequestUncertain, TransientError, UnexpectedReply
from refsync.model import Instant, instant, moment
from refsync_hubspot import replies
from refsync_hubspot.limiter import Limiter
from refsync_hubspot.options import HubSpotOptions
from refsync_hubspot.paths import Paths
from refsync_hubspot.replies import Answer, Json
from refsync_hubspot.transport import Limits, Lost, Reply, Transport

CLOCK_GOOD_FOR = 10.0
"""Seconds for which HubSpot's time may be reckoned from the last reply."""

Query = Mapping[str, Any]


class Client:
    """One signed-in way to one portal."""

    def __init__(
        self,
        options: HubSpotOptions,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
        limits: Limits | None = None,
    ) -> None:
        self.paths = Paths(options.api)
        self._clock = clock
        self._library = _library(options)
        self._transport = Transport(self._library.rest_client.pool_manager, options.host, limits or Limits())
        self._library.rest_client.pool_manager = self._transport
        self._general = Limiter(options.general_limit, 10, clock=clock, sleep=sleep)
        self._search = Limiter(options.search_limit, 1, clock=clock, sleep=sleep)
        self._dated: tuple[Instant, float] | None = None
        self.last_limits: Mapping[str, str] = {}
        """The rate limit headers of the last reply that had some."""

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
        self._search.wait()
        return self.ask(self.paths.objects(kind, "search"), body)

    def write(self, method: str, path: str, body: Json) -> Answer:
        """Write. Raises RequestUncertain when it may or may not have happened, RecordRejected when it was refused."""
        return self._answer(method, path, None, body, write=True)

    def pages(self, path: str, query: Query, after: str | int | None = None) -> Iterator[tuple[Answer, str | int | None]]:
        """Yield the pages of a list from `after` on, each with where the next one begins (None: it is the last)."""
        passed = {str(after)}
        while True:
            found = self.get(path, {**query, **({} if after is None else {"after": after})})
            after = replies.next_after(found.body, passed)
            yield found, after
            if after is None:
                return

    def now(self) -> Instant:
        """Return HubSpot's own time, never later than it is; asks for it when no reply is recent."""
        if self._dated is None or self._clock() - self._dated[1] > CLOCK_GOOD_FOR:
            self.get(self.paths.account())
        if self._dated is None:
            raise UnexpectedReply("HubSpot: the reply does not say what time it is")
        at, heard = self._dated
        return at + int((self._clock() - heard) * 1000)

    @cached_property
    def account(self) -> Json:
        """The portal's own data: `portalId`, `timeZone`."""
        found = self.get(self.paths.account()).body
        if not isinstance(found.get("portalId"), int | str):
            raise UnexpectedReply("HubSpot: the account data hold no portalId")
        return found

    def close(self) -> None:
        self._transport.clear()

    def _answer(self, method: str, path: str, query: Query | None, body: Json | None, *, write: bool) -> Answer:
        return self._checked(self._send(method, path, query, body, write=write), write=write)

    def _checked(self, reply: Reply, *, write: bool) -> Answer:
        if 200 <= reply.status <= 299:
            return replies.answer(reply.status, reply.headers, reply.data, write=write)
        left = self._seconds_of_day_left() if reply.status == 429 else 0.0
        raise replies.refusal(reply.status, reply.headers, reply.data, write=write, seconds_of_day_left=left)

    def _send(self, method: str, path: str, query: Query | None, body: Json | None, *, write: bool) -> Reply:
        if not path.endswith("/search"):
            self._general.wait()
        try:
            reply = self._called(method, path, query, body)
        except Lost as lost:
            raise _lost(lost, write=write) from None
        self._remember(reply)
        return reply

    def _called(self, method: str, path: str, query: Query | None, body: Json | None) -> Reply:
        """Return the reply, whatever its status. The library raises for those outside 2xx; the transport keeps the reply."""
        try:
            found: Reply = self._library.call_api(
                path,
                method,
                {},
                list((query or {}).items()),
                {"Accept": "application/json"},
                body=body,
                auth_settings=["oauth2"],
                response_types_map={},
                _preload_content=False,
                _return_http_data_only=True,
                _request_timeout=(self._transport.limits.connect, self._transport.limits.read),
            )
        except ApiException as error:
            return Reply(status=error.status, headers=error.headers, data=error.body.encode())
        return found

    def _remember(self, reply: Reply) -> None:
        heard = self._clock()
        try:
            self._dated = (instant(parsedate_to_datetime(reply.headers["date"])), heard)
        except (KeyError, ValueError):
            self._dated = None
        limits = {name.lower(): value for name, value in reply.headers.items() if "ratelimit" in name.lower()}
        self.last_limits = limits or self.last_limits

    def _seconds_of_day_left(self) -> float:
        """Return the seconds until the account's midnight, when the daily limit begins anew; an hour when that is not known."""
        known = self.__dict__.get("account")
        if known is None or self._dated is None:
            return 3600.0
        try:
            here = moment(self._dated[0]).astimezone(ZoneInfo(str(known.get("timeZone"))))
        except (ZoneInfoNotFoundError, ValueError):
            return 3600.0
        midnight = datetime.combine(here.date() + timedelta(days=1), datetime.min.time(), here.tzinfo)
        return midnight.timestamp() - here.timestamp()


def _library(options: HubSpotOptions) -> Any:
    """Return the library's own client, made once and kept: each access makes a new one with a new pool of connections."""
    chosen = {"ssl_ca_cert": options.ca_file and str(options.ca_file), "proxy": options.proxy or None}
    library = Library.create(access_token=options.token.reveal(), host=options.host, base_url=options.host, retry=False, **chosen)
    return library.crm.objects.basic_api.api_client


def _lost(lost: Lost, *, write: bool) -> ConnectorError:
    kind = RequestUncertain if write and lost.sent else TransientError
    return kind(f"HubSpot: {lost}")
