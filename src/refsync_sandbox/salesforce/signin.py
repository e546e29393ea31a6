"""The sign-in paths over HTTP: token, userinfo and identity."""

from __future__ import annotations

from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from refsync_sandbox.salesforce import people
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
            Route("/id/{org}/{user}", self._user_info, methods=["GET"]),
        ]

    async def _token(self, request: Request) -> Response:
        form = dict(parse_qsl((await request.body()).decode("utf-8", "replace")))
        try:
            return reply(self._oauth.token(form, request.headers.get("authorization", ""), str(request.base_url).rstrip("/")))
        except SignInRefused as refused:
            return reply({"error": refused.error, "error_description": refused.description}, 400)

    async def _user_info(self, request: Request) -> Response:
        if not self._oauth.accepts(request.headers.get("authorization", "")):
            return Response("Bad_OAuth_Token", 403, media_type="text/html")
        base = str(request.base_url).rstrip("/")
        own = f"{base}/id/{people.ORG_ID}/{people.INTEGRATION_ID}"
        return reply(
            {
                "sub": own,
                "id": own,
                "user_id": people.INTEGRATION_ID,
                "organization_id": people.ORG_ID,
                "preferred_username": people.INTEGRATION_NAME,
                "username": people.INTEGRATION_NAME,
                "display_name": "Integration User",
                "name": "Integration User",
                "email": people.INTEGRATION_NAME,
                "user_type": "STANDARD",
                "active": True,
                "urls": {
                    "rest": f"{base}/services/data/v{{version}}/",
                    "sobjects": f"{base}/services/data/v{{version}}/sobjects/",
                },
            }
        )
