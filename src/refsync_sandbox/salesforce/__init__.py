"""The Salesforce side of the sandbox: an org that serves a book over REST."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

from starlette.routing import BaseRoute

from refsync.book import Book
from refsync_sandbox.changes import Change
from refsync_sandbox.clock import Clock
from refsync_sandbox.crm import TaskView
from refsync_sandbox.salesforce.administration import Administration, Org
from refsync_sandbox.salesforce.api import Api
from refsync_sandbox.salesforce.asked import Asked
from refsync_sandbox.salesforce.bulk import Bulk
from refsync_sandbox.salesforce.database import connect
from refsync_sandbox.salesforce.edits import Edits
from refsync_sandbox.salesforce.finding import Finder
from refsync_sandbox.salesforce.jobs import Jobs
from refsync_sandbox.salesforce.load import load
from refsync_sandbox.salesforce.oauth import OAuth
from refsync_sandbox.salesforce.paths import label_of
from refsync_sandbox.salesforce.policies import Policies
from refsync_sandbox.salesforce.queries import Queries
from refsync_sandbox.salesforce.reading import Reading
from refsync_sandbox.salesforce.records import Records
from refsync_sandbox.salesforce.replication import Replication
from refsync_sandbox.salesforce.secrets import Secrets, key_pair
from refsync_sandbox.salesforce.signin import SignIn
from refsync_sandbox.salesforce.soap import Soap
from refsync_sandbox.salesforce.troubles import FAULTS, Troubles
from refsync_sandbox.salesforce.usage import Usage
from refsync_sandbox.salesforce.views import ids, tasks
from refsync_sandbox.salesforce.writing import Writing

__all__ = ["Salesforce", "Secrets", "key_pair"]


class Salesforce:
    """An org. Get one from `Salesforce.load`."""

    name = "salesforce"
    faults: Mapping[str, str] = FAULTS

    def __init__(self, book: Book, clock: Clock, secrets: Secrets) -> None:
        self._database = connect()
        loaded = load(self._database, book, clock)
        self.set_aside = loaded.set_aside
        """Rows of the book that could not be read and are not served."""
        schema = loaded.schema
        policies = Policies(self._database, schema, clock)
        records = Records(self._database, schema, clock, loaded.counters, policies)
        org = Org(
            database=self._database,
            schema=schema,
            records=records,
            finder=Finder(self._database, schema, records),
            policies=policies,
            queries=Queries(self._database, schema, clock),
            bulk=Bulk(self._database, schema, clock),
            replication=Replication(self._database, clock),
            usage=Usage(clock),
            oauth=OAuth(secrets, clock),
            clock=clock,
        )
        self.oauth = org.oauth
        self._administration = Administration(org)
        reading = Reading(org.database, schema, org.queries, org.replication, org.usage, org.bulk)
        parts = (reading, Writing(schema, records), Jobs(org.bulk))
        self._api = Api(records, org.oauth, org.usage, parts, Asked.told_by(os.environ))
        self._troubles = Troubles(org.queries, org.bulk)
        self._edits = Edits(org.finder, schema, records, clock)

    @classmethod
    def load(cls, book: Book, clock: Clock, secrets: Secrets | None = None) -> Salesforce:
        """Return an org that holds a book, by the clock's time. Rows of the book that cannot be read are left out."""
        return cls(book, clock, secrets or Secrets())

    def routes(self) -> Sequence[BaseRoute]:
        own = (*SignIn(self.oauth).routes(), *Soap(self.oauth).routes(), *self._api.routes())
        return [*(self._troubles.around(route) for route in own), *self._administration.routes()]

    def endpoint(self, method: str, path: str) -> str:
        return label_of(path)

    def writes(self, method: str, path: str) -> bool:
        return method in ("POST", "PATCH", "DELETE") and path.startswith("/services/data/")

    def tasks(self) -> Sequence[TaskView]:
        return tasks(self._database)

    def ids(self) -> Mapping[str, Mapping[str, str]]:
        return ids(self._database)

    def change(self, changes: Sequence[Change]) -> Sequence[Mapping[str, Any]]:
        return self._edits.change(changes)
