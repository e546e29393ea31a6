"""The REST API below `/services/data`.

Law: each call is signed in, counted against the org's daily limit, and answered with `Sforce-Limit-Info`; what is refused is
answered with a list of errors.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from refsync_sandbox.crm import OWN_FAULT, REPLAYED
from refsync_sandbox.salesforce import people
from refsync_sandbox.salesforce.asked import Asked
from refsync_sandbox.salesforce.calls import NEWEST, OLDEST, Answers, Call, known_version
from refsync_sandbox.salesforce.composite import Composite
from refsync_sandbox.salesforce.oauth import OAuth
from refsync_sandbox.salesforce.paths import read_path
from refsync_sandbox.salesforce.records import Records
from refsync_sandbox.salesforce.refusals import Refused, not_found
from refsync_sandbox.salesforce.replies import html, refusal, reply
from refsync_sandbox.salesforce.usage import Usage

LONGEST_URL = 16_384
_METHODS = ["GET", "POST", "PATCH", "PUT", "DELETE"]
_RESOURCES = ("composite", "jobs", "limits", "query", "queryAll", "sobjects")


class Part(Protocol):
    """A part of the API."""

    def answers(self) -> Answers:
        """Return what answers each call."""
        ...


class Api:
    """Answers calls over HTTP from its parts."""

    def __init__(self, records: Records, oauth: OAuth, usage: Usage, parts: Sequence[Part], asked: Asked) -> None:
        self._oauth, self._usage, self._asked = oauth, usage, asked
        inner = Composite(records, self._dispatch)
        self._answers = {name: answer for part in (*parts, inner) for name, answer in part.answers().items()}

    def routes(self) -> list[Route]:
        """Return the HTTP routes."""
        return [
            Route("/services/data", versions),
            Route("/services/data/", versions),
            Route("/services/data/{version}", self._call),
            Route("/services/data/{version}/{rest:path}", self._call, methods=_METHODS),
        ]

    async def _call(self, request: Request) -> Response:
        body = await request.body()
        if len(request.url.path) + len(request.url.query) > LONGEST_URL:
            return html(431, "Request Header Fields Too Large")
        try:
            answer = self._answer(request, body)
        except Refused as refused:
            answer = refusal(refused)
        answer.headers["Sforce-Limit-Info"] = self._usage.header()
        return answer

    def _answer(self, request: Request, body: bytes) -> Response:
        version = known_version(request.path_params["version"])
        if not request.scope.get(REPLAYED):
            if not self._oauth.accepts(request.headers.get("authorization", "")):
                raise Refused("INVALID_SESSION_ID", "Session expired or invalid", status=401)
            self._usage.take()
        base = f"/services/data/{version}"
        rest = request.path_params.get("rest", "").strip("/")
        if not rest:
            identity = f"{str(request.base_url).rstrip('/')}/id/{people.ORG_ID}/{people.INTEGRATION_ID}"
            return reply({name: f"{base}/{name}" for name in _RESOURCES} | {"identity": identity})
        found = read_path(rest)
        if found is None:
            raise not_found()
        fault = request.scope.get(OWN_FAULT)
        trouble = fault.name if fault else ""
        return self._dispatch(Call(request.method, found, base, request.query_params, request.headers, body, trouble))

    def _dispatch(self, call: Call) -> Response:
        """Answer one call, also one inside another. Raises Refused."""
        answer = self._answers.get(call.name)
        if answer is None:
            allowed = ",".join(call.found.methods)
            message = f"HTTP Method '{call.method}' not allowed. Allowed are {allowed}"
            raise Refused("METHOD_NOT_ALLOWED", message, status=405)
        self._asked.note(call)
        try:
            return answer(call)
        except Refused as refused:
            if refused.status != 300:
                raise
            return _choices(call, refused)


def _choices(call: Call, refused: Refused) -> Response:
    """Return the 300 of a key that several records carry: their paths."""
    own = f"{call.base}/sobjects/{call.parts['object']}"
    return reply([f"{own}/{record_id}" for record_id in refused.message.split(";")], 300)


async def versions(_request: Request) -> Response:
    """Answer the list of API versions; it needs no token."""
    numbers = range(OLDEST, NEWEST + 1)
    listed: list[dict[str, Any]] = [
        {"label": f"Release {n}", "url": f"/services/data/v{n}.0", "version": f"{n}.0"} for n in numbers
    ]
    return reply(listed)
