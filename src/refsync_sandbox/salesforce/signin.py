"""The sign-in paths over HTTP: token, userinfo and identity."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from refsync_sandbox.salesforce import people
from refsync_sandbox.salesforce.ids import long_id
from refsync_sandbox.salesforce.oauth import OAuth, SignInRefused
from refsync_sandbox.salesforce.replies import reply


class SignIn:
    """Answers sign-in calls."""

    def __init__(self, oauth: OAuth) -> None:
        self._oauth = oauth

    def routes(self) -> list[Route]:
        """Return the HTTP routes."""
        return [
            Route("/services/oauth2/token", self._token, methods=["POST"]),
            Route("/services/oauth2/userinfo", self._user_info, methods=["GET", "POST"]),
            Route("/id/{org}/{user}", self._identity, methods=["GET"]),
        ]

    async def _token(self, request: Request) -> Response:
        form = dict(parse_qsl((await request.body()).decode("utf-8", "replace")))
        try:
            return reply(self._oauth.token(form, request.headers.get("authorization", ""), str(request.base_url).rstrip("/")))
        except SignInRefused as refused:
            return reply({"error": refused.error, "error_description": refused.description}, 400)

    async def _user_info(self, request: Request) -> Response:
        own = self._own(request)
        if isinstance(own, Response):
            return own
        return reply(
            _person(own, request)
            | {
                "sub": own,
                "preferred_username": people.INTEGRATION_NAME,
                "name": "Integration User",
                "email_verified": True,
                "given_name": "Integration",
                "family_name": "User",
                "zoneinfo": "Europe/Berlin",
                "updated_at": "2024-01-01T00:00:00Z",
            }
        )

    async def _identity(self, request: Request) -> Response:
        own = self._own(request)
        if isinstance(own, Response):
            return own
        asked = (long_id(request.path_params["org"]), long_id(request.path_params["user"]))
        if asked != (people.ORG_ID, people.INTEGRATION_ID):
            return Response("Wrong_Org_Id", 403, media_type="text/html")
        more = {"asserted_user": True, "username": people.INTEGRATION_NAME, "display_name": "Integration User"}
        return reply({"id": own, **_person(own, request), **more, "last_modified_date": "2024-01-01T00:00:00Z"})

    def _own(self, request: Request) -> str | Response:
        """Return the address of the user's identity, or the refusal of a token that is not valid."""
        if not self._oauth.accepts(request.headers.get("authorization", "")):
            return Response("Bad_OAuth_Token", 403, media_type="text/html")
        return f"{_base(request)}/id/{people.ORG_ID}/{people.INTEGRATION_ID}"


def _base(request: Request) -> str:
    return str(request.base_url).rstrip("/")


def _person(own: str, request: Request) -> dict[str, Any]:
    base = _base(request)
    return {
        "user_id": people.INTEGRATION_ID,
        "organization_id": people.ORG_ID,
        "nickname": "integration.user",
        "email": people.INTEGRATION_NAME,
        "user_type": "STANDARD",
        "language": "en_US",
        "locale": "en_US",
        "utcOffset": 3_600_000,
        "active": True,
        "profile": f"{base}/{people.INTEGRATION_ID}",
        "urls": {
            "rest": f"{base}/services/data/v{{version}}/",
            "sobjects": f"{base}/services/data/v{{version}}/sobjects/",
            "query": f"{base}/services/data/v{{version}}/query/",
            "identity": own,
        },
    }
