"""The HTTP side of query jobs: paths under `jobs/query`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Mapping

from starlette.responses import Response, StreamingResponse

from refsync_sandbox.salesforce.bulk import Bulk
from refsync_sandbox.salesforce.calls import Call
from refsync_sandbox.salesforce.replies import nothing, reply


class Jobs:
    """Answers calls about query jobs."""

    def __init__(self, bulk: Bulk) -> None:
        self._bulk = bulk

    def answers(self) -> Mapping[str, Callable[[Call], Response]]:
        """Return what answers each path."""
        return {"jobs/query": self._all, "jobs/query/{job}": self._one, "jobs/query/{job}/results": self._results}

    def _all(self, call: Call) -> Response:
        if call.method == "GET":
            return reply(self._bulk.listed())
        return reply(self._bulk.create(call.object(), call.version))

    def _one(self, call: Call) -> Response:
        job = call.parts["job"]
        if call.method == "DELETE":
            self._bulk.delete(job)
            return nothing()
        return reply(self._bulk.abort(job, call.object()) if call.method == "PATCH" else self._bulk.poll(job))

    def _results(self, call: Call) -> Response:
        """Answer a set; 204 while the job is not complete, as the guide says of requests that fail."""
        asked = call.query
        found = self._bulk.results(call.parts["job"], call.version, asked.get("locator", ""), asked.get("maxRecords", ""))
        if found is None:
            return nothing()
        headers = {"Sforce-Locator": found.locator, "Sforce-NumberOfRecords": str(found.rows)}
        return StreamingResponse(_steps(found.text), 200, headers, media_type="text/csv")


async def _steps(text: Iterator[bytes]) -> AsyncIterator[bytes]:
    """Yield in the server's own thread, which is the one that uses the database."""
    for piece in text:
        yield piece
