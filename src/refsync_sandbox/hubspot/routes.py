"""Which path is which call: every version of HubSpot's API side by side.

Law: all versions answer from the same records in the same forms; what differs is where a call is and whether it is there at all
(one record's associations have a GET in v4 and 2026-03, none in 2026-09).
Source: HubSpot's changelog, "Legacy APIs and legacy apps: what's going unsupported and when", and its API reference.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TypeAlias

from refsync_sandbox.hubspot.access import Access
from refsync_sandbox.hubspot.account import Account
from refsync_sandbox.hubspot.associations import Associations
from refsync_sandbox.hubspot.batches import Batches
from refsync_sandbox.hubspot.definitions import Definitions
from refsync_sandbox.hubspot.limits import Meter
from refsync_sandbox.hubspot.objects import Objects
from refsync_sandbox.hubspot.old_associations import OldAssociations
from refsync_sandbox.hubspot.portal import Portal
from refsync_sandbox.hubspot.service import Entry, Handler
from refsync_sandbox.hubspot.tokens import Tokens
from refsync_sandbox.hubspot.users import Users

DATES = ("2026-03", "2026-09")

_Table: TypeAlias = Sequence[tuple[str, str, Handler]]


def table(portal: Portal, access: Access, meter: Meter) -> Iterator[tuple[str, str, Entry]]:
    """Yield every call of the API: method, path and what answers it."""
    for method, path, handler in _calls(portal, meter):
        yield method, path, Entry(handler, searching=path.endswith("/search"))
    tokens = Tokens(access, portal)
    for version in ("v1", *DATES):
        yield "POST", f"/oauth/{version}/token", Entry(tokens.renew, open=True)
    yield "GET", "/oauth/v1/access-tokens/{token}", Entry(tokens.describe, open=True)


def _calls(portal: Portal, meter: Meter) -> Iterator[tuple[str, str, Handler]]:
    objects, associations, account = Objects(portal), Associations(portal), Account(portal, meter)
    definitions, old, users = Definitions(portal), OldAssociations(portal), Users(portal)
    for head in ("/crm/v3/objects", *(f"/crm/objects/{date}" for date in DATES)):
        yield from _below(head, _objects(objects, Batches(portal, objects)))
        yield from _below(f"{head}/users", [("GET", "", users.list), ("GET", "/{id}", users.get)])
    yield from _below("/crm/v3/objects/{type}/{id}/associations", _old_links(old))
    yield from _below("/crm/v3/associations/{from}/{to}", _old_batches(old))
    for head in ("/crm/v4/associations", *(f"/crm/associations/{date}" for date in DATES)):
        yield from _below(head, _associations(associations))
    for head in ("/crm/v4/objects", *(f"/crm/objects/{date}" for date in DATES)):
        yield from _below(f"{head}/{{type}}/{{id}}/associations", _links(associations, single=not head.endswith("2026-09")))
    areas = {"owners": _owners(account), "pipelines": _pipelines(account), "properties": _properties(definitions)}
    for area, rows in areas.items():
        for head in (f"/crm/v3/{area}", *(f"/crm/{area}/{date}" for date in DATES)):
            yield from _below(head, rows)
    for head in ("/crm/v3/schemas", "/crm-object-schemas/v3/schemas", *(f"/crm-object-schemas/{date}/schemas" for date in DATES)):
        yield from _below(head, [("GET", "", definitions.schemas), ("GET", "/{type}", definitions.schema)])
    for version in ("v3", *DATES):
        yield "GET", f"/account-info/{version}/details", account.details
        yield "GET", f"/account-info/{version}/api-usage/daily/private-apps", account.usage
    yield "GET", "/properties/v2/{type}/properties", definitions.old_properties
    yield "GET", "/properties/v2/{type}/properties/named/{name}", definitions.property


def _below(head: str, table: _Table) -> Iterator[tuple[str, str, Handler]]:
    return ((method, head + path, handler) for method, path, handler in table)


def _objects(objects: Objects, batches: Batches) -> _Table:
    return [
        ("GET", "/{type}", objects.list),
        ("POST", "/{type}/search", objects.search),
        ("POST", "/{type}/batch/read", batches.read),
        ("POST", "/{type}/batch/create", batches.create),
        ("POST", "/{type}/batch/update", batches.update),
        ("POST", "/{type}/batch/upsert", batches.upsert),
        ("POST", "/{type}/batch/archive", batches.archive),
        ("POST", "/{type}/merge", objects.merge),
        ("POST", "/{type}/gdpr-delete", objects.erase),
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


def _links(associations: Associations, *, single: bool) -> _Table:
    """The associations of one record; 2026-09 has no GET of them."""
    rows: _Table = [
        ("PUT", "/default/{to}/{other}", associations.put_default),
        ("PUT", "/{to}/{other}", associations.put),
        ("DELETE", "/{to}/{other}", associations.delete),
    ]
    return [*rows, ("GET", "/{to}", associations.of_one)] if single else rows


def _old_links(old: OldAssociations) -> _Table:
    """The associations of one record as version 3 has them."""
    return [
        ("GET", "/{to}", old.of_one),
        ("PUT", "/{to}/{other}/{association}", old.put),
        ("DELETE", "/{to}/{other}/{association}", old.delete),
    ]


def _old_batches(old: OldAssociations) -> _Table:
    return [
        ("POST", "/batch/read", old.batch_read),
        ("POST", "/batch/create", old.batch_create),
        ("POST", "/batch/archive", old.batch_archive),
        ("GET", "/types", old.types),
    ]


def _owners(account: Account) -> _Table:
    return [("GET", "", account.owners), ("GET", "/{id}", account.owner)]


def _pipelines(account: Account) -> _Table:
    return [
        ("GET", "/{type}", account.pipelines),
        ("GET", "/{type}/{id}", account.pipeline),
        ("GET", "/{type}/{id}/stages", account.stages),
    ]


def _properties(definitions: Definitions) -> _Table:
    return [
        ("GET", "/{type}/groups", definitions.groups),
        ("GET", "/{type}/groups/{name}", definitions.group),
        ("POST", "/{type}/groups", definitions.create_group),
        ("POST", "/{type}/batch/create", definitions.batch_create_properties),
        ("POST", "/{type}/batch/read", definitions.batch_read_properties),
        ("POST", "/{type}/batch/archive", definitions.batch_archive_properties),
        ("GET", "/{type}", definitions.properties),
        ("POST", "/{type}", definitions.create_property),
        ("GET", "/{type}/{name}", definitions.property),
        ("PATCH", "/{type}/{name}", definitions.patch_property),
        ("DELETE", "/{type}/{name}", definitions.archive_property),
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
