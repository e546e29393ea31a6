"""The pipelines of deals and tickets: what their stages are called, and what a deal in one of them is. Pure.

A stage's id is HubSpot's own; its label is what people see. Source: developers.hubspot.com, pipelines: the metadata are texts.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from refsync.model import DealStatus
from refsync_hubspot import values


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """A stage of a deal or ticket pipeline."""

    label: str
    status: DealStatus | None = None
    """What a deal in this stage is, for deals that do not say so themselves."""


def stages(pipelines: Iterable[dict[str, Any]]) -> dict[tuple[str, str], Stage]:
    """Return the stages of pipelines by pipeline and stage id; a stage's metadata are texts (`isClosed`, `probability`)."""
    return {
        (str(pipeline["id"]), str(stage["id"])): Stage(label=str(stage.get("label") or stage["id"]), status=_stage_status(stage))
        for pipeline in pipelines
        for stage in pipeline.get("stages", ())
    }


def _stage_status(stage: dict[str, Any]) -> DealStatus | None:
    metadata = stage.get("metadata") or {}
    closed = values.truth(metadata.get("isClosed"))
    if closed is None:
        return None
    if not closed:
        return DealStatus.OPEN
    return DealStatus.WON if values.number(metadata.get("probability")) == 1 else DealStatus.LOST
