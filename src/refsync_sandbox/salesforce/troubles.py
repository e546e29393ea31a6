"""Salesforce's own faults, as `{"kind": "own", "name": ...}` arms them: what only Salesforce says and does.

Law: a refusal with `when: before` leaves nothing behind, with `when: after` the call is carried out first; what is spoilt in a
reply was a proper reply before. Words and shapes: typed/errors.json of the wire examples, with how sure each is; `done:true`
with a next URL: recorded (read-opportunity-with-contacts.json).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType
from typing import Any, TypeAlias

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from refsync_sandbox.crm import OWN_FAULT, UNDONE
from refsync_sandbox.faults import Fault, When
from refsync_sandbox.salesforce.bulk import Bulk
from refsync_sandbox.salesforce.bulk_job import State
from refsync_sandbox.salesforce.objects import KEY_FIELD
from refsync_sandbox.salesforce.queries import Queries
from refsync_sandbox.salesforce.refusals import Refused
from refsync_sandbox.salesforce.replies import html, refusal, reply

Endpoint: TypeAlias = Callable[[Request], Awaitable[Response]]

_MAINTENANCE = "<html><head><title>We are down for maintenance.</title></head><body>Sorry for the inconvenience.</body></html>"


def _listed(code: str, message: str, status: int) -> Callable[[Fault], Response]:
    return lambda fault: refusal(Refused(code, fault.about or message, status=status))


def _no_column(fault: Fault) -> Response:
    subject, _, field = (fault.about or "Task.CallType").rpartition(".")
    text = f"\nSELECT {field} FROM {subject}\n       ^\nERROR at Row:1:Column:8\nNo such column '{field}' on entity '{subject}'."
    return refusal(Refused("INVALID_FIELD", text))


_SESSION = "Session expired or invalid"
REFUSALS: Mapping[str, tuple[str, Callable[[Fault], Response]]] = MappingProxyType(
    {
        "session_expired": ("401 with a list", _listed("INVALID_SESSION_ID", _SESSION, 401)),
        "session_expired_html": ("401 with a page", lambda _fault: html(401, "Unauthorized")),
        "session_expired_object": (
            "401 with an object",
            lambda _fault: reply({"message": _SESSION, "errorCode": "INVALID_SESSION_ID"}, 401),
        ),
        "session_expired_bulk": (
            "400 with an object and exceptionCode InvalidSessionId, as the Bulk API says it",
            lambda _fault: reply({"exceptionCode": "InvalidSessionId", "exceptionMessage": "Invalid session id"}, 400),
        ),
        "invalid_auth_header": ("400 INVALID_AUTH_HEADER", _listed("INVALID_AUTH_HEADER", "INVALID_HEADER_TYPE", 400)),
        "request_limit": (
            "403: the day's calls are used up",
            _listed("REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.", 403),
        ),
        "concurrent_limit": (
            "403: too many long calls at once",
            _listed("REQUEST_LIMIT_EXCEEDED", "ConcurrentRequests (Concurrent API Requests) Limit exceeded.", 403),
        ),
        "long_transactions": (
            "403: too many long transactions at once",
            _listed("REQUEST_LIMIT_EXCEEDED", "ConcurrentPerOrgLongTxn Limit exceeded.", 403),
        ),
        "api_disabled": (
            "403: the whole API is closed to us",
            _listed("API_DISABLED_FOR_ORG", "The REST API is not enabled for this Organization.", 403),
        ),
        "no_access": (
            "403: this object is closed to us",
            _listed("INSUFFICIENT_ACCESS", "insufficient access rights on object id", 403),
        ),
        "unavailable": ("503 with a list", _listed("SERVER_UNAVAILABLE", "maintenance", 503)),
        "unavailable_html": ("503 with a page", lambda _fault: Response(_MAINTENANCE, 503, media_type="text/html")),
        "unknown_exception": (
            "500 UNKNOWN_EXCEPTION",
            _listed("UNKNOWN_EXCEPTION", "An unexpected error occurred. Please include this ErrorId: 1234567-890", 500),
        ),
        "query_timeout": ("400 QUERY_TIMEOUT", _listed("QUERY_TIMEOUT", "Your query request was running for too long.", 400)),
        "no_column": ("400 INVALID_FIELD: a field (`about`: `Task.CallType`) is hidden or was removed", _no_column),
        "row_locked": (
            "400 UNABLE_TO_LOCK_ROW for the whole call",
            _listed("UNABLE_TO_LOCK_ROW", "unable to obtain exclusive access to this record", 400),
        ),
        "retired": ("410: the API version is gone", _listed("GONE", "API version is retired", 410)),
        "too_long": ("431 with a page", lambda _fault: html(431, "Request Header Fields Too Large")),
        "invalid_grant": (
            "400: no token is given (at `POST oauth2/token`)",
            lambda fault: reply({"error": "invalid_grant", "error_description": fault.about or "authentication failure"}, 400),
        ),
        "login_rate": (
            "400: too many sign-ins (at `POST oauth2/token`)",
            lambda _fault: reply({"error": "invalid_grant", "error_description": "login rate exceeded"}, 400),
        ),
    }
)
"""Faults that answer in place of the org: what they are, and the reply. `about` replaces the message."""

SPOILT: Mapping[str, str] = MappingProxyType(
    {
        "some_rows_locked": "every second row of a collection is refused with UNABLE_TO_LOCK_ROW, the others are written",
        "duplicate_race": "what was created is answered with DUPLICATE_VALUE, as if another had been faster",
        "locator_gone": "400 INVALID_QUERY_LOCATOR; every locator given so far is gone",
        "locator_once": "a locator (at `GET query/locator`) cannot be used again; the next one can",
        "short_page": "a page has half of its rows, and a locator to the rest",
        "empty_page": "a page has no rows, and a locator to them",
        "next_at_the_end": "the last page says done and gives a next URL all the same",
        "no_next": "a page says that it is not the last and gives no next URL",
        "same_page_again": "the next URL leads to the same page",
        "other_order": "the rows of a page come in reverse order",
        "other_total": "totalSize says one row fewer",
        "job_failed": "a Bulk job has failed (at `GET jobs/query/job`)",
        "job_aborted": "a Bulk job was aborted by somebody (at `GET jobs/query/job`)",
        "no_result_headers": "a set of results without Sforce-Locator and Sforce-NumberOfRecords",
    }
)
"""Faults that need the org's own answer, and what they do to it."""

FAULTS: Mapping[str, str] = MappingProxyType({name: what for name, (what, _) in REFUSALS.items()} | dict(SPOILT))


class Troubles:
    """Lets calls to one org go wrong."""

    def __init__(self, queries: Queries, bulk: Bulk) -> None:
        self._queries, self._bulk = queries, bulk

    def around(self, route: Route) -> Route:
        """Return a route whose calls go wrong as armed."""
        endpoint: Endpoint = route.endpoint

        async def troubled(request: Request) -> Response:
            fault = request.scope.get(OWN_FAULT)
            return await (self._strike(fault, request, endpoint) if fault else endpoint(request))

        return Route(route.path, troubled, methods=sorted(route.methods or {"GET"}))

    async def _strike(self, fault: Fault, request: Request, endpoint: Endpoint) -> Response:
        if fault.name in REFUSALS:
            if fault.when is When.AFTER:
                await endpoint(request)
            else:
                request.scope[UNDONE] = True
            return REFUSALS[fault.name][1](fault)
        if fault.name == "locator_gone":
            self._queries.forget()
        if fault.name in ("job_failed", "job_aborted"):
            state = State.FAILED if fault.name == "job_failed" else State.ABORTED
            self._end_job(request, state, fault.about)
        answer = await endpoint(request)
        spoil = _SPOIL.get(fault.name)
        return spoil(answer) if spoil and answer.status_code < 300 else answer

    def _end_job(self, request: Request, state: State, reason: str) -> None:
        job = request.url.path.rstrip("/").rsplit("/", 1)[-1]
        error = reason or ("InvalidBatch : Failed to process query" if state is State.FAILED else "")
        try:
            self._bulk.end(job, state, error)
        except Refused:
            return  # there is no such job, as the endpoint will say itself


def _body(answer: Response) -> Any:
    try:
        return orjson.loads(getattr(answer, "body", b""))  # a set of results has none: it is made while it is sent
    except orjson.JSONDecodeError:
        return None


def _again(answer: Response, body: Any, status: int | None = None) -> Response:
    kept = {name: value for name, value in answer.headers.items() if name.lower() not in ("content-length", "content-type")}
    return reply(body, status or answer.status_code, kept)


def _page(change: Callable[[dict[str, Any]], None]) -> Callable[[Response], Response]:
    """Return what changes the body of a page of a query; other replies stay as they are."""

    def spoilt(answer: Response) -> Response:
        body = _body(answer)
        if not isinstance(body, dict) or not isinstance(body.get("records"), list):
            return answer
        change(body)
        return _again(answer, body)

    return spoilt


def _next_at_the_end(body: dict[str, Any]) -> None:
    if body["done"]:
        body["nextRecordsUrl"] = "/services/data/v62.0/query/0r8000000000000AAA-2000"


def _no_next(body: dict[str, Any]) -> None:
    body["done"] = False
    body.pop("nextRecordsUrl", None)


def _other_order(body: dict[str, Any]) -> None:
    body["records"].reverse()


def _other_total(body: dict[str, Any]) -> None:
    body["totalSize"] -= 1


def _duplicate(answer: Response) -> Response:
    """Return a creation as refused because somebody else's record has the key."""
    body = _body(answer)
    made = body[0] if isinstance(body, list) and body else body
    if not isinstance(made, dict) or not made.get("id"):
        return answer
    message = f"duplicate value found: {KEY_FIELD} duplicates value on record with id: {made['id']}"
    refused = Refused("DUPLICATE_VALUE", message)
    return _again(answer, [refused.as_row(), *body[1:]]) if isinstance(body, list) else refusal(refused)


def _without_headers(answer: Response) -> Response:
    for name in ("Sforce-Locator", "Sforce-NumberOfRecords"):
        if name in answer.headers:
            del answer.headers[name]
    return answer


_SPOIL: Mapping[str, Callable[[Response], Response]] = MappingProxyType(
    {
        "duplicate_race": _duplicate,
        "next_at_the_end": _page(_next_at_the_end),
        "no_next": _page(_no_next),
        "other_order": _page(_other_order),
        "other_total": _page(_other_total),
        "no_result_headers": _without_headers,
    }
)
"""Faults that change a reply; the others are known to what makes it."""
