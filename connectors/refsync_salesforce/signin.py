"""Signing in to one org, when it is needed and no more often.

Law: one sign-in at a time; a session that ended is replaced once, by whoever met it first. After a refusal nobody tries again for
a growing time, so that a wrong key neither locks the user out nor uses up the 3,600 sign-ins an hour that Salesforce allows
(help article 000381578).
"""

from __future__ import annotations

import re
import threading
import warnings
from collections.abc import Callable, MutableMapping
from dataclasses import dataclass, field
from hashlib import sha256
from time import monotonic
from typing import Any

import requests
from simple_salesforce.exceptions import SalesforceError
from simple_salesforce.login import SalesforceLogin

from refsync.errors import AuthError, ConnectorError, RateLimited, UnexpectedReply
from refsync_salesforce.failures import sign_in_failure
from refsync_salesforce.library import Library
from refsync_salesforce.options import SalesforceOptions
from refsync_salesforce.transport import Seen

PAUSES = (0.0, 300.0, 1800.0, 3600.0)
"""Seconds without a sign-in after the first, second, third and each later refusal in a row. One alone may be an accident."""


@dataclass(slots=True)
class Breaker:
    """Keeps us from signing in again and again where we are refused."""

    clock: Callable[[], float] = monotonic
    _refusals: int = 0
    _until: float = 0.0
    _reason: ConnectorError | None = field(default=None)

    def open(self, reason: AuthError | RateLimited) -> None:
        """Let nobody sign in for a while."""
        longest = reason.retry_after if isinstance(reason, RateLimited) else PAUSES[min(self._refusals, len(PAUSES) - 1)]
        self._refusals += 1
        self._until, self._reason = self.clock() + longest, reason

    def close(self) -> None:
        """Forget all refusals: a signed-in call was answered."""
        self._refusals, self._until, self._reason = 0, 0.0, None

    def check(self) -> None:
        """Raise what was refused last, while it is too early to try again."""
        left = self._until - self.clock()
        if self._reason is None or left <= 0:
            return
        if isinstance(self._reason, RateLimited):
            raise RateLimited(str(self._reason), retry_after=left)
        raise AuthError(f"{self._reason} (refsync signs in again in {max(1, round(left / 60))} min, or when it is restarted)")


def breaker_of(kept: MutableMapping[str, Any], options: SalesforceOptions) -> Breaker:
    """Return the breaker of these credentials, which outlives the connector: it is made anew after a refusal."""
    secrets = (one.reveal() if one else "" for one in (options.client_secret, options.private_key, options.access_token))
    parts = (options.domain, options.client_id, options.username, *secrets)
    found: Breaker = kept.setdefault(f"sign-in {sha256(chr(0).join(parts).encode()).hexdigest()}", Breaker())
    return found


class SignIn:
    """The one way to a signed-in library."""

    def __init__(self, options: SalesforceOptions, session: requests.Session, seen: Seen, breaker: Breaker) -> None:
        self._options, self._session, self._seen = options, session, seen
        self._lock = threading.Lock()
        self._library: Library | None = None
        self._generation = 0
        """How often we have signed in."""
        self._breaker = breaker

    def library(self, ended: int = 0) -> tuple[Library, int]:
        """Return a library that is signed in later than generation `ended`, and its generation. Raises ConnectorError."""
        with self._lock:
            if self._library is None or self._generation <= ended:
                self._library = None
                self._library = self._signed_in()
                self._generation += 1
            return self._library, self._generation

    def refused(self) -> AuthError:
        """Return the error for a session that ended right after we signed in; nobody signs in again for a while."""
        error = AuthError("Salesforce ends the session right after signing us in")
        self._breaker.open(error)
        return error

    def answered(self) -> None:
        """Note that a signed-in call was answered."""
        self._breaker.close()

    def _signed_in(self) -> Library:
        chosen = self._options
        if chosen.access_token is not None:
            if self._generation:
                raise AuthError("the access token has expired, and a token alone cannot be renewed")
            token, instance = chosen.access_token.reveal(), chosen.instance
        else:
            self._breaker.check()
            try:
                token, instance = self._login()
            except (AuthError, RateLimited) as error:
                self._breaker.open(error)
                raise
        return Library(token=token, instance=instance, version=chosen.api_version, session=self._session)

    def _login(self) -> tuple[str, str]:
        chosen = self._options
        try:
            with warnings.catch_warnings(action="ignore"):  # the library prints the app's key; our error says the same
                token, instance = SalesforceLogin(
                    session=self._session,
                    domain=chosen.domain or "login",
                    consumer_key=chosen.client_id,
                    consumer_secret=chosen.client_secret.reveal() if chosen.client_secret else None,
                    username=chosen.username or None,
                    privatekey=chosen.private_key.reveal() if chosen.private_key else None,
                )
        except (SalesforceError, requests.RequestException, ValueError, TypeError, AttributeError, RecursionError) as error:
            raise sign_in_failure(error, self._seen.status) from None
        if not isinstance(token, str) or not token or not re.fullmatch(r"[\w.-]+(:\d+)?", instance):
            raise UnexpectedReply("the reply to the sign-in has no usable token and instance")
        return token, instance
