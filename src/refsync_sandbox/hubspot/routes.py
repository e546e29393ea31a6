"""Which path is which call: every version of HubSpot's API side by side.

Law: all versions answer from the same records in the same forms; what differs is where a call is and whether it is there at all
(one record's associations have a GET in v4 and 2026-03, none in 2026-09).
Source: HubSpot's changelog, "Legacy APIs and legacy apps: what's going unsupported and when", and its API reference.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias
from urllib.parse import parse_qsl

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from refsync_sandbox.crm import REPLAYED
from refsync_sandbox.hubspot.access import Access, Allowance
from refsync_sandbox.hubspot.account import Account
from refsync_sandbox.hubspot.associations import Associations
from refsync_sandbox.hubspot.call import Call, Refusal, Reply, correlation_id, not_valid
from refsync_sandbox.hubspot.objects import Objects
from refsync_sandbox.hubspot.portal import Portal

DATES = ("2026-03", "2026-09")

Handler: TypeAlias = Callable[[Call], Reply]
_Table: TypeAlias = Sequence[tuple[str, str, Handler]]


@dataclass(frozen=True, slots=True)
class Service:
    """Answers calls: sign-in, limits, body, errors and headers are the same for all of them."""

    portal: Portal
    access: Access
    allowance: Allowance

    def route(self, method: str, path: str, handler: Handler) -> Route:
        """Return the route that answers one call."""
        searching = path.endswith("/search")

        async def answer(request: Request) -> Response:
            found, headers = correlation_id(), {}
            try:
                now = self.portal.clock.instant()
                if not request.scope.get(REPLAYED):
                    self.access.check(request.headers.get("authorization", ""), now)
                    if not searching:
                        self.allowance.take()
                        headers = self.allowance.headers()
                body = _loaded(await request.body()) if method in ("POST", "PUT", "PATCH") else None
                call = Call(
                    path=request.path_params,
                    route=request.url.path,
                    query=request.query_params,
                    body=body,
                    base=str(request.base_url).rstrip("/"),
                    now=now,
                )
                with self.portal.records.transaction():
                    reply = handler(call)
            except Refusal as refusal:
                reply = Reply(body=refusal.as_json(found), status=refusal.status)
            return _response(reply, headers | {"x-hubspot-correlation-id": found})

        return Route(path, answer, methods=[method])

    def sign_in(self, path: str) -> Route:
        """Return the route on which a refresh token is turned into an access token; it needs no other."""

        async def renew(request: Request) -> Response:
            found = correlation_id()
            try:
                form = {str(name): str(value) for name, value in _form(await request.body())}
                reply = Reply(body=self.access.renew(form, self.portal.clock.instant()))
            except Refusal as refusal:
                reply = Reply(body=refusal.as_json(found), status=refusal.status)
            return _response(reply, {"x-hubspot-correlation-id": found})

        return Route(path, renew, methods=["POST"])


def routes(service: Service) -> list[Route]:
    """Return every route of the API, the busiest first."""
    objects, associations, account = Objects(service.portal), Associations(service.portal), Account(service.portal)
    paths: list[tuple[str, str, Handler]] = []
    for head in ("/crm/v3/objects", *(f"/crm/objects/{date}" for date in DATES)):
        paths += _below(head, _objects(objects))
    for head in ("/crm/v4/associations", *(f"/crm/associations/{date}" for date in DATES)):
        paths += _below(head, _associations(associations))
    for head in ("/crm/v4/objects", *(f"/crm/objects/{date}" for date in DATES)):
        default = "/{type}/{id}/associations/default/{to}/{other}"
        paths.append(("PUT", head + default, associations.put_default))
        if not head.endswith("2026-09"):
            paths.append(("GET", head + "/{type}/{id}/associations/{to}", associations.of_one))
    for area, table in (("owners", _owners(account)), ("pipelines", _pipelines(account)), ("properties", _properties(account))):
        for head in (f"/crm/v3/{area}", *(f"/crm/{area}/{date}" for date in DATES)):
            paths += _below(head, table)
    for head in ("/crm/v3/schemas", "/crm-object-schemas/v3/schemas", *(f"/crm-object-schemas/{date}/schemas" for date in DATES)):
        paths += _below(head, [("GET", "", account.schemas), ("GET", "/{type}", account.schema)])
    paths += [("GET", f"/account-info/{version}/details", account.details) for version in ("v3", *DATES)]
    paths.append(("GET", "/properties/v2/{type}/properties", account.old_properties))
    tokens = [service.sign_in(f"/oauth/{version}/token") for version in ("v1", *DATES)]
    return [*(service.route(*path) for path in paths), *tokens]


def _below(head: str, table: _Table) -> Iterator[tuple[str, str, Handler]]:
    return ((method, head + path, handler) for method, path, handler in table)


def _objects(objects: Objects) -> _Table:
    return [
        ("GET", "/{type}", objects.list),
        ("POST", "/{type}/search", objects.search),
        ("POST", "/{type}/batch/read", objects.batch_read),
        ("POST", "/{type}/batch/create", objects.batch_create),
        ("POST", "/{type}/batch/update", objects.batch_update),
        ("POST", "/{type}/batch/upsert", objects.batch_upsert),
        ("POST", "/{type}/batch/archive", objects.batch_archive),
        ("POST", "/{type}/merge", objects.merge),
        ("POST", "/{type}", objects.create),
        ("GET", "/{type}/{id}", objects.get),
        ("PATCH", "/{type}/{id}", objects.patch),
        ("DELETE", "/{type}/{id}", objects.archive),
    ]


def _associations(associations: Associations) -> _Table:
    return [
        ("POST", "/{from}/{to}/batch/read", associations.batch_read),
        ("POST", "/{from}/{to}/batch/create", associations.batch_create),
        ("POST", "/{from}/{to}/batch/associate/default", associations.batch_default),
        ("POST", "/{from}/{to}/batch/archive", associations.batch_archive),
        ("POST", "/{from}/{to}/batch/labels/archive", associations.batch_archive_labels),
        ("GET", "/{from}/{to}/labels", associations.labels),
        ("POST", "/{from}/{to}/labels", associations.create_label),
    ]


def _owners(account: Account) -> _Table:
    return [("GET", "", account.owners), ("GET", "/", account.owners), ("GET", "/{id}", account.owner)]


def _pipelines(account: Account) -> _Table:
    return [
        ("GET", "/{type}", account.pipelines),
        ("GET", "/{type}/{id}", account.pipeline),
        ("GET", "/{type}/{id}/stages", account.stages),
    ]


def _properties(account: Account) -> _Table:
    return [
        ("GET", "/{type}/groups", account.groups),
        ("POST", "/{type}/groups", account.create_group),
        ("POST", "/{type}/batch/create", account.batch_create_properties),
        ("POST", "/{type}/batch/read", account.batch_read_properties),
        ("GET", "/{type}", account.properties),
        ("POST", "/{type}", account.create_property),
        ("GET", "/{type}/{name}", account.property),
        ("PATCH", "/{type}/{name}", account.patch_property),
        ("DELETE", "/{type}/{name}", account.archive_property),
    ]


_ONE_RECORD = re.compile(r"^(/crm/(?:v[34]/objects|objects/[\d-]+)/[^/]+)/(?!(?:search|batch|merge)(?:/|$))[^/]+(.*)$")
_OTHER_END = re.compile(r"^(.*/associations/default/[^/]+)/[^/]+$")
_ONE_OWNER = re.compile(r"^(/crm/(?:v3/owners|owners/[\d-]+))/[^/]+$")
_ONE_PROPERTY = re.compile(r"^(/crm/(?:v3/properties|properties/[\d-]+)/[^/]+)/(?!(?:groups|batch)(?:/|$))[^/]+$")
_READING = ("/search", "/batch/read", "/token")


def label(path: str) -> str:
    """Return a path with its ids and names taken out, for counting."""
    path = _OTHER_END.sub(r"\1/{id}", _ONE_RECORD.sub(r"\1/{id}\2", path))
    return _ONE_PROPERTY.sub(r"\1/{name}", _ONE_OWNER.sub(r"\1/{id}", path)).rstrip("/")


def may_write(method: str, path: str) -> bool:
    """Whether such a call may change records."""
    return method in ("PUT", "PATCH", "DELETE") or (method == "POST" and not path.endswith(_READING))


def _loaded(body: bytes) -> object:
    if not body:
        return None
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise not_valid(f"Invalid input JSON: {error}") from None


def _form(body: bytes) -> list[tuple[str, str]]:
    return parse_qsl(body.decode("utf-8", "replace"))


def _response(reply: Reply, headers: dict[str, str]) -> Response:
    kind = {} if reply.body is None else {"content-type": "application/json;charset=utf-8"}
    return Response(reply.content(), reply.status, {**kind, **headers, **reply.headers})
