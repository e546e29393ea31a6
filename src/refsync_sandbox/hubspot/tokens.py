"""The OAuth API: access tokens for refresh tokens, and what is known about a token.

Law: these calls need no token of their own and count against no limit.
"""

from __future__ import annotations

from collections.abc import Mapping

from refsync_sandbox.hubspot.access import SCOPES, Access
from refsync_sandbox.hubspot.call import Call, Reply
from refsync_sandbox.hubspot.portal import Portal


class Tokens:
    """Handlers of the OAuth API."""

    def __init__(self, access: Access, portal: Portal) -> None:
        self._access = access
        self._portal = portal

    def renew(self, call: Call) -> Reply:
        """Turn a refresh token into an access token."""
        form = call.body if isinstance(call.body, Mapping) else {}
        return Reply(body=self._access.renew(form, call.now))

    def describe(self, call: Call) -> Reply:
        """Answer whose an access token is, what it may do and how long it is good."""
        token = call.path["token"]
        body = {
            "token": token,
            "user": "admin@example.com",
            "hub_domain": "example.com",
            "scopes": list(SCOPES),
            "hub_id": self._portal.settings.portal_id,
            "app_id": 1,
            "expires_in": self._access.lifetime(token, call.now),
            "user_id": 1,
            "token_type": "access",
        }
        return Reply(body=body)
