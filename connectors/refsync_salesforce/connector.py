"""One signed-in way to one Salesforce org: the promise of `refsync.connector`, kept by the modules beside this one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from pathlib import Path

from refsync.connector import Batch, Cursor, TaskWriter
from refsync.errors import AuthError, ConnectorError, Problem, UnexpectedReply
from refsync.model import Stream
from refsync_salesforce.capture import capture_problems
from refsync_salesforce.check import (
    SIGN_IN,
    excess_problems,
    object_problems,
    org_problems,
    task_problems,
    version_problems,
)
from refsync_salesforce.client import Client
from refsync_salesforce.first_load import FirstLoad
from refsync_salesforce.key import key_field_problem, marker_problem
from refsync_salesforce.marked import MarkedTasks
from refsync_salesforce.options import SalesforceOptions
from refsync_salesforce.read import Pace, Reader
from refsync_salesforce.schema import Schema
from refsync_salesforce.selections import Selections
from refsync_salesforce.setup import lay_out, own_fields, package
from refsync_salesforce.sources import sources
from refsync_salesforce.sweep import Sweeper
from refsync_salesforce.tasks import SalesforceTasks
from refsync_salesforce.window import ID
from refsync_salesforce.words import Terms


class SalesforceConnector:
    """One signed-in way to one org. Used by one thread at a time."""

    streams = frozenset(Stream)

    def __init__(
        self, options: SalesforceOptions, custom_fields: Mapping[Stream, frozenset[str]], client: Client | None = None
    ) -> None:
        self._options = options
        self._client = client or Client(options)
        self._schema = Schema(self._client)
        self._sources = sources(Terms(fields=options.fields, words=options.words, marker=options.allow_marker), custom_fields)
        pace = Pace(page_size=options.page_size, overlap=options.overlap_seconds, settle=options.settle_seconds)
        reading = self._client.reading(options.daily_share, options.calls_per_run)
        selections = Selections(self._schema, self._sources)
        self._reader = Reader(reading, selections, pace, FirstLoad(reading, selections, options.bulk_from))
        self._sweeper = Sweeper(reading, selections, self._reader, pace)

    @cached_property
    def org(self) -> str:
        """The org's 18-character id."""
        rows = self._client.rows("SELECT Id FROM Organization")
        found = rows[0].get("Id") if len(rows) == 1 else None
        if not isinstance(found, str) or len(found) != 18 or not ID.fullmatch(found):
            raise UnexpectedReply("Salesforce does not say which org this is")
        return found

    @property
    def tasks(self) -> TaskWriter | None:
        """The task writer; None as long as the org has no place for our key (`check` says how to make it)."""
        name = self._options.fields.task_key
        if self._schema.knows("Task") and key_field_problem(name, self._schema.of("Task")):
            self._schema.forget("Task")  # somebody may have made the field
        described = self._schema.of("Task")
        if not key_field_problem(name, described):
            return self._unique
        return None if not self._options.allow_marker or marker_problem(described) else self._marked

    @cached_property
    def _unique(self) -> SalesforceTasks:
        return SalesforceTasks(self._client, self._schema, self._options.fields.task_key)

    @cached_property
    def _marked(self) -> MarkedTasks:
        return MarkedTasks(self._client, self._schema)

    def set_up(self, folder: Path) -> Iterable[Problem]:
        """Write into the folder what an admin deploys: the key field of tasks, and a permission set of what refsync reads."""
        fields = self._options.fields
        named = {getattr(fields, option) for option in fields.model_fields_set}
        read = [source for found in self._sources.values() for source in found]
        own = own_fields(read, self._schema, named)
        return lay_out(folder, package(fields.task_key, self._options.api_version, own))

    def check(self) -> Iterable[Problem]:
        """Yield who we are in the org, what is missing and whether tasks can be written."""
        self._schema.forget()
        version = self._options.api_version
        try:
            if unserved := list(version_problems(self._client, version)):
                yield from unserved
                return
            yield from org_problems(self._client, version, self.org)
            yield from excess_problems(self._client, {one.object for found in self._sources.values() for one in found})
            for stream in self._sources:
                yield from object_problems(self._schema, self._sources[stream])
            yield from self._reader.absences.problems()
            yield from capture_problems(self._client, self._schema)
            yield from task_problems(self._schema, self._options.fields.task_key, marker=self._options.allow_marker)
        except AuthError as error:
            yield Problem(message=str(error), hint=SIGN_IN)
        except ConnectorError as error:
            yield Problem(message=str(error))

    def read(self, stream: Stream, since: Cursor | None) -> Iterator[Batch]:
        """Yield what is new since the cursor; everything when it is None. A run begins with the users."""
        if stream is Stream.USERS:
            self._reader.begin()
        return self._reader.read(stream, since)

    def sweep(self, stream: Stream, since: Cursor | None) -> Iterator[Batch]:
        """Yield what reads cannot see, as far as it is due."""
        return self._sweeper.sweep(stream, since)

    def close(self) -> None:
        self._client.close()
