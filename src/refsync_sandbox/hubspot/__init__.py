"""A stand-in for HubSpot's CRM API: v3, v4 and the dated versions, over the records of a book of business.

Law: it refuses what HubSpot refuses and is as inconvenient as HubSpot is: that is what a connector has to be proved against.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from starlette.routing import BaseRoute, Mount

from refsync.book import Book
from refsync_sandbox.changes import Change
from refsync_sandbox.clock import Clock
from refsync_sandbox.crm import TaskView
from refsync_sandbox.hubspot.access import CLIENT_ID, CLIENT_SECRET, REFRESH_TOKEN, TOKEN, Access
from refsync_sandbox.hubspot.limits import PROFESSIONAL, Limits, Meter
from refsync_sandbox.hubspot.load import load
from refsync_sandbox.hubspot.people import People
from refsync_sandbox.hubspot.portal import Portal
from refsync_sandbox.hubspot.powers import Powers
from refsync_sandbox.hubspot.routes import label, may_write, table
from refsync_sandbox.hubspot.service import Service
from refsync_sandbox.hubspot.settings import Settings
from refsync_sandbox.hubspot.tasks import TaskViews
from refsync_sandbox.hubspot.troubles import FAULTS

__all__ = ["CLIENT_ID", "CLIENT_SECRET", "PROFESSIONAL", "REFRESH_TOKEN", "TOKEN", "HubSpot", "Limits", "Settings"]


class HubSpot:
    """The HubSpot side of the sandbox. Get one from `HubSpot.load`."""

    name = "hubspot"
    faults = FAULTS

    def __init__(self, portal: Portal, access: Access) -> None:
        self._portal = portal
        self._meter = Meter(portal.settings.limits, portal.settings.time_zone)
        self._service = Service(portal, access, self._meter, table(portal, access, self._meter))

    @classmethod
    def load(cls, book: Book, clock: Clock, *, token: str | None = None, settings: Settings | None = None) -> HubSpot:
        """Return a portal that holds a book; `token` is the bearer token that is accepted, `TOKEN` when it is None."""
        portal = Portal(clock, settings or Settings())
        load(book, portal)
        return cls(portal, Access(token or TOKEN, token_life=portal.settings.token_life))

    def routes(self) -> Sequence[BaseRoute]:
        """Return the control calls that only HubSpot has, and every version of the API."""
        return [*Powers(self._portal, self._meter).routes(), Mount("/", app=self._service)]

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
