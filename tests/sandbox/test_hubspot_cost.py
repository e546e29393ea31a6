"""What a call costs the HubSpot sandbox: its questions to the database do not grow with the page."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from starlette.datastructures import QueryParams

from refsync.model import instant
from refsync_sandbox.clock import Clock
from refsync_sandbox.hubspot import Settings
from refsync_sandbox.hubspot.associations import Associations
from refsync_sandbox.hubspot.batches import Batches
from refsync_sandbox.hubspot.call import Call, Reply
from refsync_sandbox.hubspot.kinds import COMPANY, CONTACT
from refsync_sandbox.hubspot.objects import Objects
from refsync_sandbox.hubspot.portal import INTEGRATION, NewLink, Portal
from tests.sandbox.hubspot_portal import NOW


@pytest.fixture(scope="module")
def portal() -> Iterator[Portal]:
    """1,000 contacts of one company."""
    portal = Portal(Clock(NOW), Settings())
    company = portal.create(COMPANY, {"name": "Acme"}, by=INTEGRATION, now=instant(NOW))
    plain = portal.links.plain(CONTACT, COMPANY)
    assert plain
    with portal.records.transaction():
        for number in range(1000):
            some = {"firstname": "Ada", "email": f"ada{number}@example.com"}
            portal.create(CONTACT, some, [NewLink(company.id, plain)], by=INTEGRATION, now=instant(NOW))
    yield portal
    portal.records.close()


def questions(portal: Portal, handler: Callable[[Call], Reply], path: dict[str, str], body: Any = None, **query: str) -> int:
    """Return how many statements a call runs."""
    asked: list[str] = []
    call = Call(
        path=path,
        route="/",
        query=QueryParams(query),
        body=body,
        base="http://127.0.0.1",
        now=instant(NOW),
        indexed=instant(NOW),
    )
    portal.records.database.set_trace_callback(asked.append)
    try:
        assert handler(call).body["results"]
    finally:
        portal.records.database.set_trace_callback(None)
    return len(asked)


def test_a_list_asks_once(portal: Portal) -> None:
    """A page of 100 with ten properties costs as many statements as one of 1."""
    names = ",".join(one.name for one in list(portal.catalogue.all(CONTACT))[:10])
    path, handler = {"type": "contacts"}, Objects(portal).list

    assert 1 == questions(portal, handler, path, limit="100", properties=names)
    assert 1 == questions(portal, handler, path, limit="1", properties=names)


def test_associations_of_a_thousand_ask_once(portal: Portal) -> None:
    """What 1,000 records are associated with is one statement."""
    inputs = [{"id": str(row.id)} for row in portal.records.page(CONTACT, 0, 1000)]
    ends = {"from": "contacts", "to": "companies"}

    assert 1 == questions(portal, Associations(portal).batch_read, ends, {"inputs": inputs})


def test_a_walk_searches_once(portal: Portal) -> None:
    """The first page of a walk by ids looks for the whole list, the next ones read their rows alone."""
    path, handler = {"type": "contacts"}, Objects(portal).search
    ids = [row.id for row in portal.records.page(CONTACT, 0, 1000)]

    def page(last: int) -> int:
        filters = [{"propertyName": "hs_object_id", "operator": "GT", "value": str(last)}]
        body = {"limit": 200, "sorts": ["hs_object_id"], "filterGroups": [{"filters": filters}]}
        return questions(portal, handler, path, body)

    assert [2, 1, 1] == [page(last) for last in (0, ids[199], ids[399])]


def test_a_batch_reads_once(portal: Portal) -> None:
    """100 records by id are one statement."""
    inputs = [{"id": str(row.id)} for row in portal.records.page(CONTACT, 0, 100)]

    assert 1 == questions(portal, Batches(portal, Objects(portal)).read, {"type": "contacts"}, {"inputs": inputs})
