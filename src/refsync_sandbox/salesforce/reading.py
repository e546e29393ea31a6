"""Calls that read: queries, describe, counts, limits, and what changed in a span of time."""

from __future__ import annotations

import sqlite3
from typing import Any

import orjson
from starlette.responses import Response

from refsync_sandbox.salesforce.bulk import DAILY_JOBS, Bulk
from refsync_sandbox.salesforce.calls import Answers, Call, escaped
from refsync_sandbox.salesforce.columns import columns_of
from refsync_sandbox.salesforce.describe import described, described_briefly, described_globally
from refsync_sandbox.salesforce.ids import long_id
from refsync_sandbox.salesforce.queries import Queries
from refsync_sandbox.salesforce.refusals import Refused, no_record, not_found, several
from refsync_sandbox.salesforce.replication import Replication
from refsync_sandbox.salesforce.replies import dated, raw, reply
from refsync_sandbox.salesforce.schema import Schema, SObject
from refsync_sandbox.salesforce.usage import Usage


class Reading:
    """Answers calls that change nothing."""

    def __init__(
        self,
        database: sqlite3.Connection,
        schema: Schema,
        queries: Queries,
        replication: Replication,
        usage: Usage,
        bulk: Bulk,
    ) -> None:
        self._database, self._schema, self._queries = database, schema, queries
        self._replication, self._usage, self._bulk = replication, usage, bulk

    def answers(self) -> Answers:
        """Return what answers each call."""
        return {
            "GET limits": self._limits,
            "GET limits/recordCount": self._record_count,
            "GET query": self._query,
            "GET queryAll": self._query,
            "GET query/{locator}": self._more,
            "GET queryAll/{locator}": self._more,
            "GET sobjects": self._all,
            "GET sobjects/{object}": self._briefly,
            "GET sobjects/{object}/describe": self._describe,
            "GET sobjects/{object}/deleted": lambda call: reply(self._replication.deleted(self._subject(call), call.query)),
            "GET sobjects/{object}/updated": lambda call: reply(self._replication.updated(self._subject(call), call.query)),
            "GET sobjects/{object}/{id}": self._record,
            "GET sobjects/{object}/{field}/{value}": self._by_key,
            "GET composite/sobjects/{object}": self._fetch,
            "POST composite/sobjects/{object}": self._fetch,
        }

    def _subject(self, call: Call) -> SObject:
        return self._schema.named(call.parts["object"])

    # -- the org ---------------------------------------------------------------------------------------------------------------

    def _limits(self, _call: Call) -> Response:
        return reply(
            {
                "DailyApiRequests": {"Max": self._usage.most, "Remaining": self._usage.left},
                "DailyBulkV2QueryJobs": {"Max": DAILY_JOBS, "Remaining": self._bulk.left},
                "DailyBulkV2QueryFileStorageMB": {"Max": 976_562, "Remaining": 976_562},
            }
        )

    def _record_count(self, call: Call) -> Response:
        """Empty objects are left out, as in recorded replies."""
        wanted = [name for name in call.query.get("sObjects", "").split(",") if name] or list(self._schema.objects)
        subjects = [subject for name in wanted if (subject := self._schema.find(name))]
        counts = [(one.name, self._database.execute(f'SELECT count(*) FROM "{one.name}"').fetchone()[0]) for one in subjects]  # noqa: S608
        return reply({"sObjects": [{"count": count, "name": name} for name, count in counts if count]})

    def _all(self, call: Call) -> Response:
        return dated(call.headers, self._schema.changed, lambda: described_globally(self._schema, call.base))

    def _briefly(self, call: Call) -> Response:
        return reply(described_briefly(self._subject(call), call.base))

    def _describe(self, call: Call) -> Response:
        subject = self._subject(call)
        return dated(call.headers, self._schema.changed, lambda: described(self._schema, subject, call.base))

    # -- records ---------------------------------------------------------------------------------------------------------------

    def _query(self, call: Call) -> Response:
        text = call.query.get("q")
        if not text:
            raise Refused("MALFORMED_QUERY", "The query parameter 'q' is required")
        if call.query.get("columns") == "true":
            return reply(columns_of(self._schema, text))
        everything = call.found.pattern == "queryAll"
        size = call.batch_size()
        return raw(self._queries.run(text, call.base, everything=everything, size=size, trouble=call.trouble))

    def _more(self, call: Call) -> Response:
        return raw(self._queries.more(call.parts["locator"], call.base, trouble=call.trouble))

    def _record(self, call: Call) -> Response:
        subject, given = self._subject(call), call.parts["id"]
        record_id = long_id(given)
        if record_id is None or self._schema.of_id(record_id) is not subject:
            raise no_record(given)
        rows = self._live(call, "Id", record_id, call.query.get("fields", ""))
        if rows:
            return reply(rows[0])
        if self._rows(call, f"Id = '{record_id}'", "Id"):
            raise Refused("ENTITY_IS_DELETED", "entity is deleted", status=404)
        raise no_record(given)

    def _by_key(self, call: Call) -> Response:
        found = self._subject(call).key(call.parts["field"])
        rows = self._live(call, found.name, call.parts["value"], call.query.get("fields", ""))
        if not rows:
            raise not_found()
        if len(rows) > 1:
            raise several(row["attributes"]["url"].rsplit("/", 1)[1] for row in rows)
        return reply(rows[0])

    def _fetch(self, call: Call) -> Response:
        """Answer a list in the order of the ids asked for; null for those that are not there."""
        asked = (
            call.json() if call.method == "POST" else {name: call.query.get(name, "").split(",") for name in ("ids", "fields")}
        )
        names = ",".join(["Id", *(name for name in asked["fields"] if name != "Id")])
        rows = [self._live(call, "Id", one, names) if long_id(one) else [] for one in asked["ids"]]
        return reply([found[0] if found else None for found in rows])

    def _live(self, call: Call, field: str, value: str, names: str) -> list[dict[str, Any]]:
        """Return the records that carry a value and are not deleted, archived ones too, with the named fields or all."""
        live = " AND IsDeleted = false" if "IsDeleted" in self._subject(call).fields else ""
        return self._rows(call, f"{field} = '{escaped(value)}'{live}", names)

    def _rows(self, call: Call, condition: str, names: str) -> list[dict[str, Any]]:
        subject = self._subject(call)
        wanted = [name.strip() for name in names.split(",") if name.strip()] or [one.name for one in subject.shown]
        text = f"SELECT {', '.join(wanted)} FROM {subject.name} WHERE {condition}"  # noqa: S608 - SOQL, judged like any
        rows: list[dict[str, Any]] = orjson.loads(self._queries.run(text, call.base, everything=True))["records"]
        return rows
