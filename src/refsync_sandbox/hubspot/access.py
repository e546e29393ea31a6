"""Who may call, and how often.

Law: a call without a token that is valid now changes and shows nothing. Tokens and secrets here open nothing but this sandbox.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass

from refsync.model import Instant
from refsync_sandbox.hubspot.call import Refusal

TOKEN = "sandbox-token"  # noqa: S105 - public by design
"""The bearer token that is accepted when none is chosen."""
CLIENT_ID, CLIENT_SECRET, REFRESH_TOKEN = "sandbox-client", "sandbox-secret", "sandbox-refresh-token"
TOKEN_LIFE = 1_800_000
"""Milliseconds for which an access token of the OAuth endpoint is good (documented: 1,800 s)."""
_ACCESS = "sandbox-access-"

INTERVAL = 10.0
"""Seconds in which calls are counted together."""


@dataclass(frozen=True, slots=True)
class Access:
    """The token of a service key or private app, and the OAuth app beside it."""

    token: str = TOKEN

    def check(self, authorization: str, now: Instant) -> None:
        """Raise Refusal unless the `Authorization` header holds a token that is valid now."""
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise _unknown("Authentication credentials not found. Send an access token in the Authorization header.")
        if token == self.token:
            return
        expiry = token.removeprefix(_ACCESS)
        if not token.startswith(_ACCESS) or not expiry.isdecimal():
            raise _unknown("The access token is not known.")
        if int(expiry) <= now:
            raise Refusal(
                401,
                "EXPIRED_AUTHENTICATION",
                f"The OAuth token used to make this call expired {(now - int(expiry)) // 1000} second(s) ago.",
            )

    def renew(self, form: Mapping[str, str], now: Instant) -> dict[str, object]:
        """Return a new access token for a refresh token. Raises Refusal for a form that does not hold what this app was given.

        The token says itself until when it is good, so that a restart of the sandbox ends no session.
        """
        if form.get("grant_type") != "refresh_token":
            raise Refusal(400, "", "unsupported grant_type", error="unsupported_grant_type")
        if (form.get("client_id"), form.get("client_secret")) != (CLIENT_ID, CLIENT_SECRET):
            raise Refusal(400, "", "missing or invalid client id or secret", error="invalid_client")
        if form.get("refresh_token") != REFRESH_TOKEN:
            raise Refusal(400, "BAD_REFRESH_TOKEN", "missing or invalid refresh token", error="invalid_grant")
        return {
            "token_type": "bearer",
            "refresh_token": REFRESH_TOKEN,
            "access_token": f"{_ACCESS}{now + TOKEN_LIFE}",
            "expires_in": TOKEN_LIFE // 1000,
        }


def _unknown(message: str) -> Refusal:
    return Refusal(401, "INVALID_AUTHENTICATION", message)


class Allowance:
    """How many calls an interval allows, counted in real time: a stand-in of the rolling limit."""

    def __init__(self, most: int) -> None:
        self.most = most
        self._calls: deque[float] = deque()

    def take(self) -> None:
        """Count one call. Raises Refusal when the interval has none left."""
        now = time.monotonic()
        while self._calls and self._calls[0] <= now - INTERVAL:
            self._calls.popleft()
        if len(self._calls) >= self.most:
            raise Refusal(
                429,
                "",
                "You have reached your ten_secondly_rolling limit.",
                errorType="RATE_LIMIT",
                policyName="TEN_SECONDLY_ROLLING",
                groupName="publicapi:private-app-api-calls-ten-secondly",
            )
        self._calls.append(now)

    def headers(self) -> dict[str, str]:
        """Return what replies other than those of search say about the limit."""
        return {
            "x-hubspot-ratelimit-max": str(self.most),
            "x-hubspot-ratelimit-remaining": str(self.most - len(self._calls)),
            "x-hubspot-ratelimit-interval-milliseconds": str(int(INTERVAL * 1000)),
        }
