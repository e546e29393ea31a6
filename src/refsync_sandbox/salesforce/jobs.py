"""The HTTP side of query jobs: paths under `jobs/query`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

from starlette.responses import Response, StreamingResponse

from refsync_sandbox.salesforce.bulk import Bulk
from refsync_sandbox.salesforce.calls import Answers, Call
from refsync_sandbox.salesforce.replies import nothing, reply


class Jobs:
    """Answers calls about query jobs."""

    def __init__(self, bulk: Bulk) -> None:
        self._bulk = bulk

    def answers(self) -> Answers:
        """Return what answers each call."""
        one = "jobs/query/{job}"
        return {
            "GET jobs/query": lambda _call: reply(self._bulk.listed()),
            "POST jobs/query": lambda call: reply(self._bulk.create(call.object(), call.version)),
            f"GET {one}": lambda call: reply(self._bulk.poll(call.parts["job"])),
            f"PATCH {one}": lambda call: reply(self._bulk.abort(call.parts["job"], call.object())),
            f"DELETE {one}": self._delete,
            f"GET {one}/results": self._results,
        }

    def _delete(self, call: Call) -> Response:
        self._bulk.delete(call.parts["job"])
        return nothing()

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
