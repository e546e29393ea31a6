"""The REST API below `/services/data`.

Law: each call is signed in, counted against the org's daily limit, and answered with `Sforce-Limit-Info`; a write is one
transaction.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from refsync_sandbox.clock import Clock
from refsync_sandbox.crm import REPLAYED
from refsync_sandbox.salesforce import people
from refsync_sandbox.salesforce.bulk import DAILY_JOBS, Bulk
from refsync_sandbox.salesforce.calls import NEWEST, OLDEST, Call, escaped, known_version
from refsync_sandbox.salesforce.collections import Collections
from refsync_sandbox.salesforce.describe import described, described_briefly, described_globally
from refsync_sandbox.salesforce.ids import long_id
from refsync_sandbox.salesforce.jobs import Jobs
from refsync_sandbox.salesforce.oauth import OAuth
from refsync_sandbox.salesforce.paths import read_path
from refsync_sandbox.salesforce.queries import Queries
from refsync_sandbox.salesforce.records import Actor, Records
from refsync_sandbox.salesforce.refusals import Refused, not_found
from refsync_sandbox.salesforce.replies import html, nothing, raw, refusal, reply
from refsync_sandbox.salesforce.schema import Schema, SObject
from refsync_sandbox.salesforce.upserts import upsert

INTEGRATION = Actor(user_id=people.INTEGRATION_ID, kind="integration")
LONGEST_URL = 16_384


Answer: TypeAlias = Callable[[Call], Response]


class Api:
    """Answers calls from the records of one org."""

    def __init__(
        self, database: sqlite3.Connection, schema: Schema, records: Records, queries: Queries, oauth: OAuth, clock: Clock
    ) -> None:
        self._database, self._schema, self._records, self._queries = database, schema, records, queries
        self._oauth, self._clock = oauth, clock
        self._collections = Collections(records, schema, INTEGRATION)
        self.bulk = Bulk(database, schema, clock)
        self.daily_limit = 100_000
        self._used = 0
        self._answers: Mapping[str, Answer] = {
            "limits": self._limits,
            "limits/recordCount": self._record_count,
            "query": lambda call: self._query(call, everything=False),
            "queryAll": lambda call: self._query(call, everything=True),
            "query/{locator}": self._more,
            "queryAll/{locator}": self._more,
            "sobjects": lambda call: reply(described_globally(self._schema, call.base)),
            "sobjects/{object}": self._object,
            "sobjects/{object}/describe": lambda call: reply(described(self._schema, self._subject(call), call.base)),
            "sobjects/{object}/deleted": self._deleted,
            "sobjects/{object}/updated": self._updated,
            "sobjects/{object}/{id}": self._record,
            "sobjects/{object}/{field}/{value}": self._by_key,
            "composite/sobjects": self._collection,
            "composite/sobjects/{object}": self._fetch,
            "composite/sobjects/{object}/{field}": self._upsert_many,
            **Jobs(self.bulk).answers(),
        }

    def routes(self) -> list[Route]:
        """Return the HTTP routes."""
        return [
            Route("/services/data", versions),
            Route("/services/data/", versions),
            Route("/services/data/{version}", self._call),
            Route("/services/data/{version}/{rest:path}", self._call, methods=["GET", "POST", "PATCH", "PUT", "DELETE"]),
        ]

    # -- round every call --------------------------------------------------------------------------------------------------

    async def _call(self, request: Request) -> Response:
        body = await request.body()
        if len(request.url.path) + len(request.url.query) > LONGEST_URL:
            return html(431, "Request Header Fields Too Large")
        self._used += 1
        try:
            answer = self._answer(request, body)
        except Refused as refused:
            answer = self._several(request, refused) if refused.status == 300 else refusal(refused)
        answer.headers["Sforce-Limit-Info"] = f"api-usage={self._used}/{self.daily_limit}"
        return answer

    def _answer(self, request: Request, body: bytes) -> Response:
        if not (request.scope.get(REPLAYED) or self._oauth.accepts(request.headers.get("authorization", ""))):
            raise Refused("INVALID_SESSION_ID", "Session expired or invalid", status=401)
        version = request.path_params["version"]
        base = f"/services/data/{known_version(version)}"
        rest = request.path_params.get("rest", "").strip("/")
        if not rest:
            identity = f"{str(request.base_url).rstrip('/')}/id/{people.ORG_ID}/{people.INTEGRATION_ID}"
            named = {name: f"{base}/{name}" for name in ("limits", "query", "queryAll", "sobjects", "composite")}
            return reply(named | {"identity": identity})
        found = read_path(rest)
        if found is None:
            raise not_found()
        if request.method not in found.methods:
            allowed = ",".join(found.methods)
            message = f"HTTP Method '{request.method}' not allowed. Allowed are {allowed}"
            raise Refused("METHOD_NOT_ALLOWED", message, status=405)
        return self._answers[found.pattern](Call(request, found, base, body))

    def _several(self, request: Request, refused: Refused) -> Response:
        base = request.url.path.rsplit("/", 2)[0]
        return reply([f"{base}/{record_id}" for record_id in refused.message.split(";")], 300)

    # -- reading -----------------------------------------------------------------------------------------------------------

    def _limits(self, _call: Call) -> Response:
        return reply(
            {
                "DailyApiRequests": {"Max": self.daily_limit, "Remaining": max(0, self.daily_limit - self._used)},
                "DailyBulkV2QueryJobs": {"Max": DAILY_JOBS, "Remaining": self.bulk.left},
                "DailyBulkV2QueryFileStorageMB": {"Max": 976_562, "Remaining": 976_562},
            }
        )

    def _record_count(self, call: Call) -> Response:
        """Empty objects are left out, as in recorded replies."""
        wanted = [name for name in call.query.get("sObjects", "").split(",") if name] or list(self._schema.objects)
        subjects = [subject for name in wanted if (subject := self._schema.find(name))]
        counts = [(one.name, self._database.execute(f'SELECT count(*) FROM "{one.name}"').fetchone()[0]) for one in subjects]  # noqa: S608
        return reply({"sObjects": [{"count": count, "name": name} for name, count in counts if count]})

    def _query(self, call: Call, *, everything: bool) -> Response:
        text = call.query.get("q")
        if not text:
            raise Refused("MALFORMED_QUERY", "The query parameter 'q' is required")
        return raw(self._queries.run(text, call.base, everything=everything, size=call.batch_size()))

    def _more(self, call: Call) -> Response:
        return raw(self._queries.more(call.parts["locator"], call.base))

    def _subject(self, call: Call) -> SObject:
        found = self._schema.find(call.parts["object"])
        if found is None:
            raise not_found()
        return found

    def _shown(self, subject: SObject, condition: str, value: str, names: str, base: str) -> list[dict[str, Any]]:
        """Return the live records that match, as JSON objects with the named fields, or all."""
        wanted = [name.strip() for name in names.split(",") if name.strip()] or list(subject.fields)
        text = f"SELECT {', '.join(wanted)} FROM {subject.name} WHERE {condition} = '{escaped(value)}'"  # noqa: S608 - SOQL
        body = orjson.loads(self._queries.run(text, base, everything=True))
        return [row for row in body["records"] if row.get("IsDeleted") is not True]

    def _deleted(self, call: Call) -> Response:
        subject = self._subject(call)
        start, end = call.span()
        rows = (
            self._database.execute(
                f'SELECT Id, SystemModstamp FROM "{subject.name}" WHERE IsDeleted AND SystemModstamp >= ? AND SystemModstamp < ?'  # noqa: S608
                " ORDER BY SystemModstamp, Id",
                (start, end),
            )
            if "IsDeleted" in subject.fields
            else ()
        )
        gone = [{"id": record_id, "deletedDate": at} for record_id, at in rows]
        return reply({"deletedRecords": gone, "earliestDateAvailable": start, "latestDateCovered": end})

    def _updated(self, call: Call) -> Response:
        subject = self._subject(call)
        start, end = call.span()
        live = " AND NOT IsDeleted" if "IsDeleted" in subject.fields else ""
        statement = f'SELECT Id FROM "{subject.name}" WHERE SystemModstamp >= ? AND SystemModstamp < ?{live}'  # noqa: S608
        ids = [record_id for (record_id,) in self._database.execute(statement, (start, end))]
        return reply({"ids": ids, "latestDateCovered": end})

    # -- writing -----------------------------------------------------------------------------------------------------------

    def _object(self, call: Call) -> Response:
        subject = self._subject(call)
        if call.method == "GET":
            return reply(described_briefly(subject, call.base))
        with self._records.transaction():
            record_id = self._records.create(subject, call.object(), INTEGRATION)
        location = f"{call.base}/sobjects/{subject.name}/{record_id}"
        return reply({"id": record_id, "success": True, "errors": []}, 201, {"Location": location})

    def _record(self, call: Call) -> Response:
        subject = self._subject(call)
        record_id = long_id(call.parts["id"])
        if record_id is None or self._schema.of_id(record_id) is not subject or self._records.find(subject, record_id) is None:
            raise not_found("Provided external ID field does not exist or is not accessible: " + call.parts["id"])
        if call.method == "GET":
            rows = self._shown(subject, "Id", record_id, call.query.get("fields", ""), call.base)
            if not rows:
                raise Refused("ENTITY_IS_DELETED", "entity is deleted", status=404)
            return reply(rows[0])
        try:
            with self._records.transaction():
                if call.method == "DELETE":
                    self._records.delete(subject, record_id, INTEGRATION)
                else:
                    self._records.update(subject, record_id, call.object(), INTEGRATION)
        except Refused as refused:
            if refused.code == "ENTITY_IS_DELETED":
                refused.status = 404
            raise
        return nothing()

    def _by_key(self, call: Call) -> Response:
        subject, field, value = self._subject(call), call.parts["field"], call.parts["value"]
        found = subject.find(field)
        if found is None or not found.id_lookup:
            raise not_found(f"Provided external ID field does not exist or is not accessible: {field}")
        if call.method == "PATCH":
            with self._records.transaction():
                result = upsert(self._records, INTEGRATION, subject, field, value, call.object())
            return reply(result, 201 if result["created"] else 200)
        rows = self._shown(subject, found.name, value, call.query.get("fields", ""), call.base)
        if not rows:
            raise not_found()
        if call.method == "GET":
            return reply(rows[0])
        with self._records.transaction():
            for match in self._records.with_key(subject, found, value):
                self._records.delete(subject, match["Id"], INTEGRATION)
        return nothing()

    def _collection(self, call: Call) -> Response:
        if call.method == "POST":
            return reply(self._collections.create(call.json()))
        if call.method == "PATCH":
            return reply(self._collections.update(call.json()))
        ids = [one for one in call.query.get("ids", "").split(",") if one]
        return reply(self._collections.delete(ids, all_or_none=call.query.get("allOrNone") == "true"))

    def _fetch(self, call: Call) -> Response:
        """Answer a list in the order of the ids asked for; null for those that are not there."""
        subject = self._subject(call)
        asked = (
            call.json() if call.method == "POST" else {name: call.query.get(name, "").split(",") for name in ("ids", "fields")}
        )
        names = ",".join(["Id", *(name for name in asked["fields"] if name != "Id")])
        rows = [self._shown(subject, "Id", one, names, call.base) if long_id(one) else [] for one in asked["ids"]]
        return reply([found[0] if found else None for found in rows])

    def _upsert_many(self, call: Call) -> Response:
        return reply(self._collections.upsert(self._subject(call), call.parts["field"], call.json()))


async def versions(_request: Request) -> Response:
    """Answer the list of API versions; it needs no token."""
    numbers = range(OLDEST, NEWEST + 1)
    return reply([{"label": f"Release {n}", "url": f"/services/data/v{n}.0", "version": f"{n}.0"} for n in numbers])
