"""One query job of the Bulk API: where it stands, and what is told of it.

Shapes: amp-labs/bulk/read-launch-job-account.json and typed/bulk2_query_job_complete.json of the wire examples.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from refsync_sandbox.salesforce import people
from refsync_sandbox.salesforce.plans import Plan


class State(StrEnum):
    """Where a job stands."""

    UPLOAD_COMPLETE = "UploadComplete"
    IN_PROGRESS = "InProgress"
    JOB_COMPLETE = "JobComplete"
    FAILED = "Failed"
    ABORTED = "Aborted"

    @property
    def over(self) -> bool:
        return self in (State.JOB_COMPLETE, State.FAILED, State.ABORTED)


@dataclass(slots=True, kw_only=True)
class Job:
    """A query, the row numbers of what it found, and how far it has come."""

    id: str
    operation: str
    object: str
    delimiter: str
    ending: str
    version: str
    created: str
    moved: str
    plan: Plan
    rows: array[int]
    ordered: bool
    state: State = State.UPLOAD_COMPLETE
    polls: int = 0
    error: str = ""

    def told(self) -> dict[str, Any]:
        """Return what the reply to its creation says."""
        return {
            "id": self.id,
            "operation": self.operation,
            "object": self.object,
            "createdById": people.INTEGRATION_ID,
            "createdDate": self.created,
            "systemModstamp": self.moved,
            "state": self.state.value,
            "concurrencyMode": "Parallel",
            "contentType": "CSV",
            "apiVersion": float(self.version.removeprefix("v")),
            "lineEnding": self.ending,
            "columnDelimiter": self.delimiter,
        }

    def told_when_asked(self) -> dict[str, Any]:
        """Return what its status says: all of that, and how much was done."""
        more = {
            "jobType": "V2Query",
            "numberRecordsProcessed": len(self.rows) if self.state is State.JOB_COMPLETE else 0,
            "retries": 0,
            "totalProcessingTime": 0,
            "isPkChunkingSupported": not self.ordered,
        }
        return self.told() | more | ({"errorMessage": self.error} if self.error else {})
