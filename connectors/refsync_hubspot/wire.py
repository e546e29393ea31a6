"""The way to one portal: each call signed in, no faster than allowed, within the day's budget, and counted.

The library's typed calls take a broken reply for an empty one and cost 32 times the time, and its retries would post a create
twice (hubspot-api-python issues 117, 331, 460). So everything goes through `call_api` of one kept API object: its sign-in, its
connections and its error classes, with our time limits and no retry.
Law: raises `ConnectorError`s only; what a reply means is left to others, but for 401, after which a renewed token is tried once.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import orjson
from hubspot import Client as Library
from hubspot.crm.objects.exceptions import ApiException

from refsync.errors import AuthError, ConnectorError, RateLimited, RequestUncertain, TransientError
from refsync.meter import Meter
from refsync.model import Instant, instant, moment
from refsync_hubspot import replies
from refsync_hubspot.budget import Budget, BudgetSpent
from refsync_hubspot.limiter import Clocks, Limiter, Pace
from refsync_hubspot.options import HubSpotOptions
from refsync_hubspot.paths import Paths
from refsync_hubspot.replies import Json
from refsync_hubspot.signin import Bearer, OAuth, SignIn
from refsync_hubspot.transport import Limits, Lost, Reply, Transport

Query = Mapping[str, Any]

SECOND_MS = 1_000
PACKED = "text/plain"
"""What the library has to be told so that it leaves a body as it is; the transport says that it is JSON."""
LONG_WAIT = 60.0
"""Seconds; when HubSpot asks to wait longer than this, no call goes out until then."""
TOO_LONG = 120.0
"""Seconds; when it asks to wait longer than this, nobody waits: the read ends as partial."""
_REFUSED = frozenset({401, 530})
"""530 is what Cloudflare says of a malformed token (seen on real portals)."""


class Wire:
    """Sends calls to one portal, and knows its clock and limits from the replies."""

    def __init__(self, options: HubSpotOptions, paths: Paths, meter: Meter, clocks: Clocks, limits: Limits | None = None) -> None:
        self._clocks = clocks
        self._library = _library(options)
        self._transport = Transport(self._library.rest_client.pool_manager, options.host, limits or Limits())
        self._library.rest_client.pool_manager = self._transport
        self._token_url = options.host + paths.token()
        self._sign_in = self._signed_in(options)
        self._pace = Pace(options.general_limit, fixed=options.requests_per_10_seconds is not None)
        self._searches_allowed = options.search_limit
        self._general = Limiter("hubspot calls", meter, clocks)
        self._searches = Limiter("hubspot searches", meter, clocks)
        self.budget = Budget(options.requests_per_day, meter, now=clocks.now, watches_failures=not options.url)
        self._closed_until = 0.0
        self._closed_for = 0.0
        self._dated: tuple[Instant, float] | None = None
        self.account: Json | None = None
        """The portal's own data, once somebody has asked for them."""
        self.last_limits: Mapping[str, str] = {}
        """The rate limit headers of the last reply that had some."""

    def send(self, method: str, path: str, query: Query | None, body: Json | None, *, write: bool, reserved: bool) -> Reply:
        """Return the reply, whatever its status; `reserved` calls may use what the day keeps for writing.

        Raises RequestUncertain for a write of which nothing is known, TransientError when nothing came of it, RateLimited and
        BudgetSpent when it was not sent, and AuthError.
        """
        self.budget.check(writing=reserved)
        if (left := self._closed_until - self._clocks.clock()) > 0:
            raise _limit("HubSpot has asked to wait", left, self._closed_for)
        token = self._sign_in.token()
        reply = self._called(token, method, path, query, body, write=write)
        if reply.status in _REFUSED and self._sign_in.renews(token):
            reply = self._called(self._sign_in.token(), method, path, query, body, write=write)
        if reply.status not in _REFUSED:
            self._sign_in.accepted()
        return reply

    def heard(self) -> tuple[Instant, float] | None:
        """Return HubSpot's time, reckoned from its last dated reply, and how many seconds ago that came."""
        if self._dated is None:
            return None
        ago = self._clocks.clock() - self._dated[1]
        return self._dated[0] + int(ago * 1000), ago

    def refusal(self, reply: Reply, *, write: bool) -> ConnectorError:
        """Return the error that a reply outside 2xx stands for; after a long wait is asked for, nothing goes out until then."""
        left = self.seconds_of_day_left() if reply.status == 429 else 0.0
        error = replies.refusal(reply.status, reply.headers, reply.data, write=write, seconds_of_day_left=left)
        if not isinstance(error, RateLimited):
            return error
        if error.retry_after > LONG_WAIT:
            self._closed_for, self._closed_until = error.retry_after, self._clocks.clock() + error.retry_after
        return _limit(str(error), error.retry_after, error.retry_after)

    def seconds_of_day_left(self) -> float:
        """Return the seconds until the account's midnight, when the daily limit begins anew; an hour when that is not known."""
        if self.account is None or (heard := self.heard()) is None:
            return 3600.0
        try:
            here = moment(heard[0]).astimezone(ZoneInfo(str(self.account.get("timeZone"))))
        except (ZoneInfoNotFoundError, ValueError):
            return 3600.0
        midnight = datetime.combine(here.date() + timedelta(days=1), datetime.min.time(), here.tzinfo)
        return midnight.timestamp() - here.timestamp()

    def close(self) -> None:
        self._transport.clear()

    def _called(self, token: str, method: str, path: str, query: Query | None, body: Json | None, *, write: bool) -> Reply:
        """Send one call and return its reply. The library raises for those outside 2xx; the transport keeps the reply."""
        if path.endswith("/search"):
            self._searches.wait(self._searches_allowed, SECOND_MS)
        else:
            self._general.wait(self._pace.allowed, self._pace.interval_ms)
        self.budget.count()
        self._library.configuration.access_token = token
        try:
            reply: Reply = self._library.call_api(
                path,
                method,
                {},
                list((query or {}).items()),
                {"Accept": "application/json", "Accept-Encoding": "gzip", **({} if body is None else {"Content-Type": PACKED})},
                body=None if body is None else orjson.dumps(body),
                auth_settings=["oauth2"],
                response_types_map={},
                _preload_content=False,
                _return_http_data_only=True,
                _request_timeout=(self._transport.limits.connect, self._transport.limits.read),
            )
        except ApiException as error:
            reply = Reply(status=error.status, headers=error.headers, data=error.body.encode())
        except Lost as lost:
            raise _lost(lost, write=write) from None
        self._remember(reply)
        return reply

    def _remember(self, reply: Reply) -> None:
        heard = self._clocks.clock()
        try:
            self._dated = (instant(parsedate_to_datetime(reply.headers["date"])), heard)
        except (KeyError, ValueError):
            self._dated = None
        if reply.status >= 400:
            self.budget.count_failure()
        limits = {name.lower(): value for name, value in reply.headers.items() if "ratelimit" in name.lower()}
        if limits:
            self.last_limits = limits
            self._pace.learn(limits)
            self.budget.learn(limits, self.seconds_of_day_left)

    def _signed_in(self, options: HubSpotOptions) -> SignIn:
        if options.token:
            return Bearer(options.token)
        secrets = {"client_secret": options.client_secret, "refresh_token": options.refresh_token}
        form = {"client_id": options.client_id, **{name: secret.reveal() for name, secret in secrets.items() if secret}}
        return OAuth(form, self._ask_for_token, self._clocks.clock)

    def _ask_for_token(self, form: Mapping[str, str]) -> Mapping[str, Any]:
        """Ask the token endpoint; an error of the form itself means that the app or its refresh token is not accepted."""
        headers = {"content-type": "application/x-www-form-urlencoded", "accept": "application/json"}
        try:
            reply = self._transport.request("POST", self._token_url, body=urlencode(form), headers=headers)
        except Lost as lost:
            raise _lost(lost, write=False) from None
        if 200 <= reply.status <= 299:
            return replies.answer(reply.status, reply.headers, reply.data, write=False).body
        if reply.status in (400, 401, 403):
            words = replies.said(reply.status, reply.headers, reply.data)
            raise AuthError(f"HubSpot renews no access token: {words}; install the app anew and set its refresh_token")
        raise self.refusal(reply, write=False)


def _library(options: HubSpotOptions) -> Any:
    """Return the library's own client, made once and kept: each access makes a new one with a new pool of connections."""
    chosen = {"ssl_ca_cert": options.ca_file and str(options.ca_file), "proxy": options.proxy or None}
    library = Library.create(access_token="", host=options.host, base_url=options.host, retry=False, **chosen)
    return library.crm.objects.basic_api.api_client


def _limit(words: str, left: float, whole: float) -> RateLimited:
    """Return the error of a wait that HubSpot asks for: how much of it is left, and how long it is as a whole."""
    if whole > TOO_LONG:
        return BudgetSpent(f"API limit: {words}; refsync goes on when the wait is over", retry_after=left)
    return RateLimited(words, retry_after=left)


def _lost(lost: Lost, *, write: bool) -> ConnectorError:
    kind = RequestUncertain if write and lost.sent else TransientError
    return kind(f"HubSpot: {lost}")
