"""The pipelines of deals and tickets and their stages.

Law: a record holds the internal id of its stage, never the label; whether a deal is closed or won is a fact about its stage.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from refsync.model import DealStatus, Instant
from refsync_sandbox.hubspot.kinds import DEAL, TICKET, Kind

_EPOCH = "1970-01-01T00:00:00Z"
"""HubSpot gives this as the time at which a stage of its own was made."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """One step of a pipeline; `won` is None where winning means nothing (tickets)."""

    id: str
    label: str
    closed: bool = False
    won: bool | None = None

    def as_json(self, order: int) -> dict[str, Any]:
        """Return the stage as the pipelines API shows it: its metadata are texts."""
        if self.won is None:
            metadata = {"isClosed": str(self.closed).lower(), "ticketState": "CLOSED" if self.closed else "OPEN"}
        else:
            probability = "1.0" if self.won else "0.0" if self.closed else "0.5"
            metadata = {"isClosed": str(self.closed).lower(), "probability": probability}
        return {
            "label": self.label,
            "displayOrder": order,
            "metadata": metadata,
            "id": self.id,
            "createdAt": _EPOCH,
            "updatedAt": _EPOCH,
            "writePermissions": "CRM_PERMISSIONS_ENFORCEMENT",
            "archived": False,
        }


class Pipeline:
    """The one pipeline of deals, or of tickets."""

    def __init__(self, pipeline_id: str, label: str, stages: tuple[Stage, ...]) -> None:
        self.id = pipeline_id
        self.label = label
        self.stages: dict[str, Stage] = {stage.id: stage for stage in stages}

    def stage(self, label: str, *, closed: bool, won: bool | None) -> Stage:
        """Return the stage with this label and meaning, which is added when there is none yet."""
        for found in self.stages.values():
            if (found.label, found.closed, found.won) == (label, closed, won):
                return found
        stage_id = stem = re.sub(r"[^a-z0-9]+", "", label.lower()) or "stage"
        number = 2
        while stage_id in self.stages:
            stage_id, number = f"{stem}{number}", number + 1
        self.stages[stage_id] = Stage(id=stage_id, label=label, closed=closed, won=won)
        return self.stages[stage_id]

    def as_json(self) -> dict[str, Any]:
        return {
            "label": self.label,
            "displayOrder": 0,
            "id": self.id,
            "stages": [stage.as_json(order) for order, stage in enumerate(self.stages.values())],
            "createdAt": _EPOCH,
            "updatedAt": _EPOCH,
            "archived": False,
        }


def first_pipelines() -> dict[Kind, Pipeline]:
    """Return the pipelines of a new portal."""
    deals = (
        Stage(id="appointmentscheduled", label="Appointment Scheduled", won=False),
        Stage(id="contractsent", label="Contract Sent", won=False),
        Stage(id="closedwon", label="Closed Won", closed=True, won=True),
        Stage(id="closedlost", label="Closed Lost", closed=True, won=False),
    )
    tickets = (Stage(id="1", label="New"), Stage(id="4", label="Closed", closed=True))
    return {DEAL: Pipeline("default", "Sales Pipeline", deals), TICKET: Pipeline("0", "Support Pipeline", tickets)}


def deal_stage(pipeline: Pipeline, label: str, status: DealStatus | None) -> Stage:
    """Return the stage of a deal of the book. Where the book names no stage, the status does."""
    closed, won = status in (DealStatus.WON, DealStatus.LOST), status is DealStatus.WON
    return pipeline.stage(label or ("Closed Won" if won else "Closed Lost" if closed else "Open"), closed=closed, won=won)


def ticket_stage(pipeline: Pipeline, label: str, closed_at: Instant | None) -> Stage:
    """Return the stage of a support case of the book. Where the book names no status, its end does."""
    closed = closed_at is not None
    return pipeline.stage(label or ("Closed" if closed else "New"), closed=closed, won=None)


def deal_status(stage: Stage) -> DealStatus:
    """Return what a stage says of its deals."""
    return DealStatus.WON if stage.won else DealStatus.LOST if stage.closed else DealStatus.OPEN
