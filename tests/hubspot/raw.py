"""Records and associations as HubSpot sends them, and how this portal's values are to be understood."""

from __future__ import annotations

from typing import Any

from refsync.connector import Secret
from refsync.model import (
    DealStatus,
    parse_instant,
)
from refsync_hubspot.options import HubSpotOptions
from refsync_hubspot.pipelines import Stage
from refsync_hubspot.translate import Vocabulary

VOCABULARY = Vocabulary(
    options=HubSpotOptions(token=Secret("x")),
    custom=("implemented_on",),
    stages={
        ("default", "s1"): Stage(label="Proposal", status=DealStatus.OPEN),
        ("default", "s2"): Stage(label="Closed Won", status=DealStatus.WON),
        ("0", "1"): Stage(label="New"),
    },
)

NOON = parse_instant("2024-03-01T12:00:00Z")

PRIMARY = ("HUBSPOT_DEFINED", 1, "Primary")

PLAIN = ("HUBSPOT_DEFINED", 279, None)


def row(record_id: str = "101", /, **properties: Any) -> dict[str, Any]:
    """Return a record as HubSpot sends it."""
    return {"id": record_id, "properties": {"hs_object_id": record_id} | properties, "archived": False}


def to(target: int, *types: tuple[str, int, str | None]) -> dict[str, Any]:
    """Return one entry of an association reply."""
    return {
        "toObjectId": target,
        "associationTypes": [{"category": category, "typeId": number, "label": label} for category, number, label in types],
    }
