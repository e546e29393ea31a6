"""The HubSpot connector: reads a portal's records and writes tasks, through HubSpot's own Python library.

`connect` is the entry point. The promise it keeps is in `refsync.connector`; what HubSpot is like, and who says so, stands at the
head of each module: client.py (calls), transport.py (their way), replies.py (what they mean), read.py and fetch.py (streams),
translate.py and activities.py (records), tasks.py and key.py (write-back), check.py.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from refsync.connector import Batch, ConnectionSettings, Cursor
from refsync.connector import options as checked
from refsync.errors import Problem
from refsync.model import Stream
from refsync_hubspot import check, key
from refsync_hubspot.client import Client
from refsync_hubspot.key import KeyState
from refsync_hubspot.options import HubSpotOptions
from refsync_hubspot.read import Reader
from refsync_hubspot.replies import MissingScope
from refsync_hubspot.tasks import Tasks
from refsync_hubspot.transport import Limits

__all__ = ["HubSpot", "connect"]


def connect(settings: ConnectionSettings) -> HubSpot:
    """Return the connector of a HubSpot connection. Raises ConfigError with everything that is wrong; calls nobody yet."""
    given = dict(settings.options)
    if isinstance(given.get("ca_file"), str):
        given["ca_file"] = settings.base / given["ca_file"]
    return HubSpot(settings, checked(HubSpotOptions, replace(settings, options=given)))


class HubSpot:
    """One signed-in way to one HubSpot portal."""

    streams = frozenset(
        {
            Stream.USERS,
            Stream.ACCOUNTS,
            Stream.CONTACTS,
            Stream.DEALS,
            Stream.DEAL_CONTACTS,
            Stream.CASES,
            Stream.ACTIVITIES,
        }
    )

    def __init__(
        self,
        settings: ConnectionSettings,
        chosen: HubSpotOptions,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
        limits: Limits | None = None,
    ) -> None:
        self._options = chosen
        self._custom = settings.custom_fields
        self._client = Client(chosen, clock=clock, sleep=sleep, limits=limits)
        self._reader = Reader(self._client, chosen, settings.custom_fields)
        self._tasks: Tasks | None = None

    @property
    def org(self) -> str:
        """The portal's id."""
        return str(self._client.account["portalId"])

    @property
    def tasks(self) -> Tasks | None:
        """What writes tasks; None while the portal shows no unique key property. Asks HubSpot until there is one."""
        if self._tasks is None and self._has_key():
            self._tasks = Tasks(self._client, self._options.key_property)
        return self._tasks

    def check(self) -> Iterator[Problem]:
        """Yield what a person should know: portal, rights, properties, key property, limits."""
        return check.problems(self._client, self._reader, self._options, self._custom)

    def create_key_property(self) -> bool:
        """Create the task property for refsync's key unless it is there; return whether tasks can be written now."""
        return key.create_key_property(self._client, self._options.key_property) is KeyState.UNIQUE

    def set_up(self, folder: Path) -> Iterator[Problem]:
        """Create the task property for refsync's key; `check` says what is still missing. Nothing is written into the folder."""
        self.create_key_property()
        return iter(())

    def read(self, stream: Stream, since: Cursor | None) -> Iterator[Batch]:
        """Yield what is new since the cursor; everything when it is None."""
        return self._reader.read(stream, since)

    def sweep(self, stream: Stream, since: Cursor | None) -> Iterator[Batch]:
        """Yield archived records as deleted, and all links of deals."""
        return self._reader.sweep(stream, since)

    def _has_key(self) -> bool:
        try:
            return key.key_state(self._client, self._options.key_property) is KeyState.UNIQUE
        except MissingScope:
            return False

    def close(self) -> None:
        """Close the connections to HubSpot."""
        self._client.close()
