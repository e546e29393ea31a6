"""How a connection signs in: with a token that was given, or with one that OAuth renews before it ends.

Law: one renewal at a time, and no hammering. A token is renewed five minutes before its end, and once when HubSpot refuses one
that it had accepted before; a new token that is refused is not renewed, for the next one would fare no better, and a renewal that
was refused is not asked for again.
Source: developers.hubspot.com, "Working with OAuth": access tokens live 1,800 s, and their expiry is to be kept.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from refsync.connector import Secret
from refsync.errors import AuthError, UnexpectedReply

RENEW_BEFORE = 300.0
"""Seconds before its end at which a token is renewed."""

AskForToken = Callable[[Mapping[str, str]], Mapping[str, Any]]
"""Posts a form to the token endpoint and returns the reply's JSON. Raises ConnectorErrors."""


class SignIn(Protocol):
    """Where the bearer token of a call comes from."""

    def token(self) -> str:
        """Return the token for the next call. Raises ConnectorErrors when none is to be had."""
        ...

    def accepted(self) -> None:
        """Note that HubSpot took the last token."""
        ...

    def renews(self, refused: str) -> bool:
        """Return whether a call that was refused with this token may be sent once more with another one."""
        ...


class Bearer:
    """A service key, or the access token of a private app: there is no other one."""

    def __init__(self, token: Secret) -> None:
        self._token = token

    def token(self) -> str:
        return self._token.reveal()

    def accepted(self) -> None: ...

    def renews(self, refused: str) -> bool:
        return False


class OAuth:
    """The access tokens of an OAuth app, by its refresh token."""

    def __init__(self, form: Mapping[str, str], ask: AskForToken, clock: Callable[[], float]) -> None:
        self._form = {"grant_type": "refresh_token", **form}
        self._ask = ask
        self._clock = clock
        self._lock = threading.Lock()
        self._token = ""
        self._renew_at = 0.0
        self._proven = False
        """Whether HubSpot has taken the token at least once."""
        self._refused = ""
        """Why no token is to be had, once HubSpot has said so."""

    def token(self) -> str:
        with self._lock:
            if not self._token or self._clock() >= self._renew_at:
                self._renew()
            return self._token

    def accepted(self) -> None:
        self._proven = True

    def renews(self, refused: str) -> bool:
        with self._lock:
            if refused == self._token and self._proven:
                self._renew()
            return refused != self._token

    def _renew(self) -> None:
        if self._refused:
            raise AuthError(self._refused)
        try:
            found = self._ask(self._form)
        except AuthError as error:
            self._refused = str(error)
            raise
        token, seconds = found.get("access_token"), found.get("expires_in")
        if not isinstance(token, str) or not token.isascii() or not token.isprintable() or not token:
            raise UnexpectedReply("HubSpot: the reply of the token endpoint holds no access token")
        if not isinstance(seconds, int) or seconds <= 0:
            raise UnexpectedReply("HubSpot: the reply of the token endpoint does not say how long the token is good")
        self._token, self._proven = token, False
        self._renew_at = self._clock() + max(seconds - RENEW_BEFORE, seconds / 2)
