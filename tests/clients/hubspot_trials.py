"""Clients of HubSpot: its own libraries for Python and node, its successor on dated paths, and dlt's REST client."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from refsync_sandbox.hubspot import TOKEN
from tests.clients.stage import Crm, Stage
from tests.clients.trial import Trial, told_by

HERE = Path(__file__).parent / "hubspot"
NOT_SERVED = "the stand-in does not serve what refsync does not use"


def environment(crm: Crm) -> Mapping[str, str]:
    """Return what a client needs to call the stand-in over http; the tunnel is for clients with built-in hosts."""
    direct = {"HTTPS_PROXY": "", "https_proxy": ""}
    contacts = crm.count("contacts", "introductions")  # who was introduced is a contact, too
    return {**crm.environment, **direct, "CRM_TOKEN": TOKEN, "CRM_CONTACTS": str(contacts)}


def _faults(crm: Crm, *faults: Mapping[str, Any]) -> None:
    crm.control("faults", {"faults": [{"kind": "own", **fault} for fault in faults]})


def hubspot_api_client(stage: Stage) -> Trial:
    """Its typed calls, with its own validation on: it is here already, since refsync uses its transport."""
    with stage.crm("hubspot", ".hubapi.com") as crm:
        steps = told_by([sys.executable, HERE / "hubspot_api_client_trial.py"], environment(crm))
    return Trial(
        client="hubspot-api-client 12.0.0",
        expected=(
            "get_all",
            "search",
            "batch create with conflicts",
            "associations",
            "owners, properties, pipelines",
            "refused record",
            "api_request",
            "OAuth",
            "ran to its end",
        ),
        steps=steps,
        cannot={
            "validation of mixed replies": "its models require `links` and `errors`, which HubSpot does not send",
            "dated paths by typed calls": "it knows numbered paths alone",
            "lists, imports, exports, marketing, CMS": NOT_SERVED,
        },
    )


def hubspot_sdk(stage: Stage) -> Trial:
    """Dated paths; replies that its schema does not know are errors, where its schema is right."""
    with stage.crm("hubspot", ".hubapi.com") as crm:
        owners = "GET /crm/owners/2026-03"
        _faults(crm, {"name": "ten-secondly-limit", "headers": {"Retry-After": "1"}, "endpoint": owners, "nth": 2})
        _faults(crm, {"name": "server-error", "endpoint": owners, "nth": 3})
        steps = told_by([stage.python("hubspot-sdk") / "python", HERE / "hubspot_sdk_trial.py"], environment(crm))
    return Trial(
        client="hubspot-sdk 0.1.0a9",
        expected=(
            "list with paging",
            "search",
            "create a task with associations",
            "batch read",
            "owners, properties, pipelines",
            "account and its usage",
            "retry after 429 and 503",
            "ran to its end",
        ),
        steps=steps,
        cannot={
            "strict reading of null properties": "its schema has property values as texts, and HubSpot sends null for empty ones",
            "strict reading of associations": "its schema has `toObjectId` as a text, and HubSpot sends a number",
            "2026-09": "it knows 2026-03 alone",
        },
    )


def dlt(stage: Stage) -> Trial:
    """Its REST client, set as its HubSpot source sets it: `paging.next.link` leads to the next page."""
    with stage.crm("hubspot", ".hubapi.com") as crm:
        _faults(crm, {"name": "ten-secondly-limit", "endpoint": "GET /crm/v3/schemas", "times": 2})
        steps = told_by([stage.python("dlt") / "python", HERE / "dlt_trial.py"], environment(crm))
    return Trial(
        client="dlt 1.31.0 (REST client)",
        expected=(
            "lists by links",
            "dated lists by links",
            "owners with a slash at the end",
            "search by cursor",
            "properties of version 2",
            "retry after 429",
            "ran to its end",
        ),
        steps=steps,
        cannot={"its HubSpot source as it stands": "it is a template in a repository, in no registry"},
    )


def hubspot_node(stage: Stage) -> Trial:
    """Lists, searches, batches, and its own retries on our refusals."""
    with stage.crm("hubspot", ".hubapi.com") as crm:
        module = stage.node / "hubspot_trial.mjs"
        module.write_text((HERE / module.name).read_text())
        steps = told_by(["node", module], environment(crm))
    return Trial(
        client="@hubspot/api-client 14.0.1",
        expected=(
            "list",
            "getAll",
            "search",
            "batch create, read, update, archive",
            "conflict",
            "associations",
            "owners, properties, pipelines",
            "retry after the 429 of a search",
            "retry after the 429 of ten seconds",
            "retry after 502",
            "no retry after a daily limit",
            "OAuth",
            "ran to its end",
        ),
        steps=steps,
        cannot={"dated paths by typed calls": "it knows numbered paths alone"},
    )


TRIALS: Mapping[str, Callable[[Stage], Trial]] = MappingProxyType(
    {
        "hubspot-api-client": hubspot_api_client,
        "hubspot-sdk": hubspot_sdk,
        "dlt": dlt,
        "hubspot-node": hubspot_node,
    }
)
