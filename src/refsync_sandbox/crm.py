"""What one wire side (Salesforce, HubSpot) gives to the server around it.

Law: a side owns its records; the server owns counting, the control API, the clock and the journal. All calls come from the
server's one event loop, one after the other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Protocol

from starlette.routing import BaseRoute

from refsync_sandbox.changes import Change


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """A record a task points at."""

    id: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskView:
    """A task as a rep sees it, whoever made it, and who has written it how often."""

    key: str
    """refsync's key; empty for everybody else's tasks."""
    id: str
    subject: str
    text: str
    due: date | str | None
    """A plain date, or an ISO instant where the CRM keeps a time."""
    status: str
    """open, done or deferred, whatever the CRM calls it."""
    crm_status: str
    """The CRM's own word for the status."""
    priority: str
    type: str
    """The CRM's own word for what is to be done."""
    owner: Named | None
    account: Named | None
    contact: Named | None
    deal: Named | None
    deleted: bool
    writers: tuple[str, ...]
    """Who wrote it, in order of first writing: `integration` (over the API) or `person` (through the control API); empty for
    a task that came with the book."""
    writes: int
    """How often it was written since the book was loaded; its creation counts."""


class Crm(Protocol):
    """One side of the sandbox."""

    name: str
    """salesforce or hubspot."""
    faults: Mapping[str, str]
    """The CRM's own faults (`"kind": "own"`) by name, with what happens; the side carries them out itself."""

    def routes(self) -> Sequence[BaseRoute]:
        """Return the side's own HTTP routes."""
        ...

    def endpoint(self, method: str, path: str) -> str:
        """Return a short label of a call with ids removed, such as `query` or `sobjects/Task/describe`."""
        ...

    def writes(self, method: str, path: str) -> bool:
        """Whether such a call may change records: those calls are journalled and replayed after a restart."""
        ...

    def tasks(self) -> Sequence[TaskView]:
        """Return every task, also deleted ones, oldest first."""
        ...

    def ids(self) -> Mapping[str, Mapping[str, str]]:
        """Return the CRM id of each record by book table and book id."""
        ...

    def change(self, changes: Sequence[Change]) -> Sequence[Mapping[str, Any]]:
        """Carry out changes as people would, all or none; one result each, at least with the CRM `id`.

        Raises BadChange for the first that cannot be done.
        """
        ...


REPLAYED = "refsync_sandbox.replayed"
"""Set in the ASGI scope of a call that is replayed from the journal: it needs no token."""
UNDONE = "refsync_sandbox.undone"
"""Set in the ASGI scope of a call that changed nothing: it must not be replayed."""
OWN_FAULT = "refsync_sandbox.fault"
"""Set in the ASGI scope of a call that is to go wrong in the CRM's own way: the armed fault."""
