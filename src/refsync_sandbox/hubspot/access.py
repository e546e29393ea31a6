"""Who may call: the token of a service key or private app, and the OAuth app beside it.

Law: a call without a token that is valid now changes and shows nothing. Tokens and secrets here open nothing but this sandbox.
Source: HubSpot's OAuth guide (30 minutes, refresh tokens that stay the same).
"""

from __future__ import annotations

from collections.abc import Mapping

from refsync.model import Instant
from refsync_sandbox.hubspot.call import Refusal
from refsync_sandbox.hubspot.limits import App

TOKEN = "sandbox-token"  # noqa: S105 - public by design
"""The bearer token that is accepted when none is chosen."""
CLIENT_ID, CLIENT_SECRET, REFRESH_TOKEN = "sandbox-client", "sandbox-secret", "sandbox-refresh-token"
TOKEN_LIFE = 1_800_000
"""Milliseconds for which an access token of the OAuth endpoint is good (documented: 1,800 s)."""
_ACCESS = "sandbox-access-"
SCOPES = (
    "oauth",
    "crm.objects.contacts.read",
    "crm.objects.contacts.write",
    "crm.objects.companies.read",
    "crm.objects.deals.read",
    "crm.objects.owners.read",
    "crm.schemas.contacts.write",
    "sales-email-read",
    "tickets",
)
"""What this account's apps may do."""


class Access:
    """Checks and renews tokens."""

    def __init__(self, token: str = TOKEN, *, token_life: int = TOKEN_LIFE) -> None:
        self._token = token
        self._life = token_life
        self._ended: Instant = 0

    def check(self, authorization: str, now: Instant) -> App:
        """Return whose token the `Authorization` header holds. Raises Refusal (401) unless it is valid now."""
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise unknown_token("Authentication credentials not found. Send an access token in the Authorization header.")
        if token == self._token:
            return App.PRIVATE
        expiry = self._expiry(token)
        if expiry is None:
            raise unknown_token("The access token is not known.")
        if expiry <= now:
            raise expired_token((now - expiry) // 1000)
        return App.OAUTH

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
        granted = max(now, self._ended + 1)
        return {
            "token_type": "bearer",
            "refresh_token": REFRESH_TOKEN,
            "access_token": f"{_ACCESS}{granted}-{granted + self._life}",
            "expires_in": self._life // 1000,
        }

    def end_sessions(self, now: Instant) -> None:
        """Let every access token that was granted until now have expired, as when HubSpot ends sessions early."""
        self._ended = now

    def lifetime(self, token: str, now: Instant) -> int:
        """Return for how many seconds a token is still good. Raises Refusal (404) for one that is not known."""
        expiry = self._expiry(token)
        if expiry is None:
            raise Refusal(404, "", "access token not found")
        return max(0, (expiry - now) // 1000)

    def _expiry(self, token: str) -> Instant | None:
        granted, _, expiry = token.removeprefix(_ACCESS).partition("-")
        if not (token.startswith(_ACCESS) and granted.isdecimal() and expiry.isdecimal()):
            return None
        return min(int(expiry), self._ended) if int(granted) <= self._ended else int(expiry)


def unknown_token(message: str) -> Refusal:
    """Return the refusal of a call whose token is none."""
    return Refusal(401, "INVALID_AUTHENTICATION", message)


def expired_token(seconds: int) -> Refusal:
    """Return the refusal of a call whose token was good once."""
    return Refusal(401, "EXPIRED_AUTHENTICATION", f"The OAuth token used to make this call expired {seconds} second(s) ago.")
