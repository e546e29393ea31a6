"""A stand-in for HubSpot's CRM API: v3, v4 and the dated versions, over the records of a book of business.

Law: it refuses what HubSpot refuses and is as inconvenient as HubSpot is: that is what a connector has to be proved against.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from starlette.routing import BaseRoute

from refsync.book import Book
from refsync_sandbox.changes import Change
from refsync_sandbox.clock import Clock
from refsync_sandbox.crm import TaskView
from refsync_sandbox.hubspot.access import CLIENT_ID, CLIENT_SECRET, REFRESH_TOKEN, TOKEN, Access, Allowance
from refsync_sandbox.hubspot.load import load
from refsync_sandbox.hubspot.people import People
from refsync_sandbox.hubspot.portal import Portal, Settings
from refsync_sandbox.hubspot.routes import Service, label, may_write, routes
from refsync_sandbox.hubspot.tasks import TaskViews

__all__ = ["CLIENT_ID", "CLIENT_SECRET", "REFRESH_TOKEN", "TOKEN", "HubSpot", "Settings"]


class HubSpot:
    """The HubSpot side of the sandbox. Get one from `HubSpot.load`."""

    name = "hubspot"
    faults: Mapping[str, str] = MappingProxyType({})

    def __init__(self, portal: Portal, access: Access) -> None:
        self._portal = portal
        self._service = Service(portal, access, Allowance(portal.settings.calls_per_interval))

    @classmethod
    def load(cls, book: Book, clock: Clock, *, token: str | None = None, settings: Settings | None = None) -> HubSpot:
        """Return a portal that holds a book; `token` is the bearer token that is accepted, `TOKEN` when it is None."""
        portal = Portal(clock, settings or Settings())
        load(book, portal)
        return cls(portal, Access(token or TOKEN))

    def routes(self) -> Sequence[BaseRoute]:
        """Return the routes of every version of the API."""
        return routes(self._service)

    def endpoint(self, _method: str, path: str) -> str:
        """Return the path of a call with ids removed."""
        return label(path)

    def writes(self, method: str, path: str) -> bool:
        """Whether such a call may change records."""
        return may_write(method, path)

    def tasks(self) -> Sequence[TaskView]:
        """Return every task, also deleted ones, oldest first."""
        return TaskViews(self._portal).all()

    def ids(self) -> Mapping[str, Mapping[str, str]]:
        """Return the CRM id of each record by book table and book id."""
        return self._portal.records.book_ids()

    def change(self, changes: Sequence[Change]) -> Sequence[Mapping[str, Any]]:
        """Carry out changes as people would, all or none. Raises BadChange for the first that cannot be done."""
        return People(self._portal).change(changes)
