"""The HubSpot connector: reads a portal's records and writes tasks, through HubSpot's own Python library.

`connect` is the entry point. The promise it keeps is in `refsync.connector`; what HubSpot is like, and who says so, stands at the
head of each module. Calls: client.py, by wire.py, transport.py, signin.py, limiter.py and budget.py; their meaning: replies.py.
Streams: read.py and sweep.py, from cursor.py on. Rows: search.py and fetch.py. Values: records.py, translate.py, activities.py,
introductions.py, pipelines.py and owners.py. Properties: objects.py and schema.py. Write-back: tasks.py and what it names. What
to do about it all: check.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from refsync.connector import Batch, ConnectionSettings, Cursor
from refsync.errors import AuthError, Problem, RecordRejected
from refsync.model import Stream
from refsync_hubspot import check, key
from refsync_hubspot.client import Client
from refsync_hubspot.limiter import Clocks
from refsync_hubspot.linked_tasks import LinkedTasks
from refsync_hubspot.options import HubSpotOptions, hubspot_options
from refsync_hubspot.read import Reader
from refsync_hubspot.records import Records
from refsync_hubspot.sweep import Sweeper
from refsync_hubspot.tasks import is_allowed, task_writer
from refsync_hubspot.transport import Limits
from refsync_hubspot.unique_tasks import UniqueTasks

__all__ = ["HubSpot", "connect"]


def connect(settings: ConnectionSettings) -> HubSpot:
    """Return the connector of a HubSpot connection. Raises ConfigError with everything that is wrong; calls nobody yet."""
    return HubSpot(settings, hubspot_options(settings))


class HubSpot:
    """One signed-in way to one HubSpot portal."""

    streams = frozenset(Stream)

    def __init__(
        self,
        settings: ConnectionSettings,
        chosen: HubSpotOptions,
        *,
        clocks: Clocks | None = None,
        limits: Limits | None = None,
    ) -> None:
        self._options = chosen
        self._custom = settings.custom_fields
        self._client = Client.of(chosen, settings.meter, clocks, limits)
        self._records = Records(self._client, chosen, settings.custom_fields)
        self._reader = Reader(self._records)
        self._sweeper = Sweeper(self._records)
        self._tasks: UniqueTasks | LinkedTasks | None = None

    @property
    def org(self) -> str:
        """The portal's id."""
        return str(self._client.for_writing.account["portalId"])

    @property
    def tasks(self) -> UniqueTasks | LinkedTasks | None:
        """What writes tasks; None while the portal keeps keys in a weaker way than the admin allows. Asks until it does not."""
        if self._tasks is None:
            self._tasks = task_writer(self._client.for_writing, self._options)
        return self._tasks

    def check(self) -> Iterator[Problem]:
        """Yield what a person should know: portal, rights, properties, key property, limits."""
        return check.problems(self._client, self._records, self._options, self._custom)

    def create_key_property(self) -> bool:
        """Create the task property for refsync's key unless it is there; return whether tasks can be written now."""
        return is_allowed(key.create_key_property(self._client.for_writing, self._options.key_property), self._options)

    def set_up(self, folder: Path) -> Iterator[Problem]:
        """Create the task property for refsync's key, and yield why that is not possible. Nothing is written into the folder."""
        try:
            self.create_key_property()
        except (AuthError, RecordRejected) as error:
            yield Problem(
                message=f"the task property {self._options.key_property} cannot be created: {error}",
                hint="give the token a schema write scope for this once, or create the property by hand: single-line text, with "
                'unique values; if nobody may, weakest_key = "body" keeps the key in the task',
            )

    def read(self, stream: Stream, since: Cursor | None) -> Iterator[Batch]:
        """Yield what is new since the cursor; everything when it is None."""
        return self._reader.read(stream, since)

    def sweep(self, stream: Stream, since: Cursor | None) -> Iterator[Batch]:
        """Yield what reads cannot see, when it is due: archived and deleted records, changed links, calculated values."""
        return self._sweeper.sweep(stream, since)

    def close(self) -> None:
        """Close the connections to HubSpot."""
        self._client.close()
