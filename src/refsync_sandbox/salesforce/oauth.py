"""Sign-in: OAuth 2.0 tokens for one app and one user.

Law: a token is valid until its time has passed on the CRM's clock; a JWT is judged by the real time, since it is signed by the
client's clock. Refusals carry the error words of the OAuth endpoint, an object and not a list (restforce fixtures; wording of
the client and JWT errors: from memory, unverified).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

import jwt

from refsync_sandbox.clock import Clock
from refsync_sandbox.salesforce import people
from refsync_sandbox.salesforce.secrets import Secrets

LIFETIME = timedelta(hours=2)
JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_AUDIENCE = re.compile(r"https://(login|test|[a-z0-9-]+(--[a-z0-9-]+\.sandbox)?\.my)\.salesforce\.com/?")


class SignInRefused(Exception):
    """No token is given."""

    def __init__(self, error: str, description: str) -> None:
        super().__init__(description)
        self.error, self.description = error, description


class OAuth:
    """Gives tokens and knows which are valid."""

    def __init__(self, secrets: Secrets, clock: Clock) -> None:
        self._secrets, self._clock = secrets, clock
        self._tokens: dict[str, datetime] = {}
        self._grants: Mapping[str, Callable[[Mapping[str, str], tuple[str, str]], None]] = {
            "client_credentials": self._client_credentials,
            "password": self._password,
            "refresh_token": self._refresh,
            JWT_BEARER: self._jwt,
        }

    def token(self, form: Mapping[str, str], authorization: str, base: str) -> dict[str, Any]:
        """Return the body of a successful sign-in; `base` is the URL of the org. Raises SignInRefused."""
        grant = self._grants.get(form.get("grant_type", ""))
        if grant is None:
            raise SignInRefused("unsupported_grant_type", "grant type not supported")
        grant(form, _client(form, authorization))
        return self._given(base)

    def log_in(self, username: str, password: str, base: str) -> dict[str, Any]:
        """Return the body of a sign-in with user name and password, the security token behind it or not. Raises SignInRefused."""
        self._known_user(username, password)
        return self._given(base)

    def _given(self, base: str) -> dict[str, Any]:
        now = self._clock.now()
        token = f"{people.ORG_ID[:15]}!{hashlib.sha256(f'{now.timestamp()}/{len(self._tokens)}'.encode()).hexdigest()}"
        self._tokens[token] = now + LIFETIME
        return {
            "access_token": token,
            "instance_url": base,
            "id": f"{base}/id/{people.ORG_ID}/{people.INTEGRATION_ID}",
            "token_type": "Bearer",
            "issued_at": str(int(now.timestamp() * 1000)),
            "signature": base64.b64encode(hashlib.sha256(token.encode()).digest()).decode(),
        }

    def accepts(self, authorization: str) -> bool:
        """Whether an Authorization header holds a token that is valid now."""
        kind, _, token = authorization.partition(" ")
        if kind.lower() not in ("bearer", "oauth") or not token:
            return False
        if self._secrets.access_token and token == self._secrets.access_token:
            return True
        return token in self._tokens and self._clock.now() < self._tokens[token]

    def expire_all(self) -> None:
        """Make every token given so far invalid, as when an admin ends the sessions."""
        self._tokens.clear()

    def _known_client(self, client: tuple[str, str]) -> None:
        if client[0] != self._secrets.client_id:
            raise SignInRefused("invalid_client_id", "client identifier invalid")
        if client[1] != self._secrets.client_secret:
            raise SignInRefused("invalid_client", "invalid client credentials")

    def _known_user(self, username: str, password: str) -> None:
        known = (self._secrets.password, self._secrets.password + self._secrets.security_token)
        if username != self._secrets.username or password not in known:
            raise SignInRefused("invalid_grant", "authentication failure")

    def _client_credentials(self, _form: Mapping[str, str], client: tuple[str, str]) -> None:
        self._known_client(client)

    def _password(self, form: Mapping[str, str], client: tuple[str, str]) -> None:
        self._known_client(client)
        self._known_user(form.get("username", ""), form.get("password", ""))

    def _refresh(self, form: Mapping[str, str], client: tuple[str, str]) -> None:
        self._known_client(client)
        if form.get("refresh_token") != self._secrets.refresh_token:
            raise SignInRefused("invalid_grant", "expired access/refresh token")

    def _jwt(self, form: Mapping[str, str], _client: tuple[str, str]) -> None:
        if not self._secrets.public_key:
            raise SignInRefused("invalid_grant", "user hasn't approved this consumer")
        try:
            claims = jwt.decode(
                form.get("assertion", ""),
                self._secrets.public_key,
                algorithms=["RS256"],
                options={"verify_aud": False, "require": ["iss", "sub", "aud", "exp"]},
            )
        except jwt.ExpiredSignatureError:
            raise SignInRefused("invalid_grant", "expired authorization code") from None
        except jwt.InvalidTokenError:
            raise SignInRefused("invalid_grant", "invalid assertion") from None
        if claims["iss"] != self._secrets.client_id:
            raise SignInRefused("invalid_client_id", "client identifier invalid")
        if not _AUDIENCE.fullmatch(str(claims["aud"])):
            raise SignInRefused("invalid_grant", "audience is invalid")
        if claims["sub"] != self._secrets.username:
            raise SignInRefused("invalid_grant", "user hasn't approved this consumer")


def _client(form: Mapping[str, str], authorization: str) -> tuple[str, str]:
    """Return the consumer key and secret, from a Basic header or the form."""
    kind, _, encoded = authorization.partition(" ")
    if kind.lower() != "basic":
        return form.get("client_id", ""), form.get("client_secret", "")
    try:
        name, _, secret = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return "", ""
    return name, secret
