"""What hubspot-sdk does with a portal on dated paths, refusing replies that its schema does not know; one JSON line a step."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from typing import Any

from hubspot_sdk import ConflictError, HubSpot

TO_COMPANY = [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 192}]


def step(name: str, act: Callable[[], str]) -> None:
    try:
        told, ok = act(), True
    except Exception as error:  # noqa: BLE001 # whatever goes wrong is told
        told, ok = f"{type(error).__name__}: {str(error)[:300]}", False
    print(json.dumps({"name": name, "ok": ok, "told": told}), flush=True)


def expect(condition: object, told: str) -> str:
    assert condition, told
    return told


def main() -> None:
    contacts = int(os.environ["CRM_CONTACTS"])
    options: dict[str, Any] = {"base_url": os.environ["CRM_URL"], "access_token": os.environ["CRM_TOKEN"]}
    strict: Any = HubSpot(**options, _strict_response_validation=True)
    lenient: Any = HubSpot(**options)
    crm = strict.crm

    def listed() -> str:
        found = [one.id for one in lenient.crm.objects.contacts.list(limit=100)]
        return expect(len(set(found)) == contacts, f"{len(found)} contacts, page by page")

    def search() -> str:
        group = {"filters": [{"propertyName": "lastmodifieddate", "operator": "GTE", "value": "0"}]}
        asked = {"filter_groups": [group], "sorts": ["hs_object_id"], "properties": ["createdate"], "limit": 200, "after": "0"}
        found = crm.objects.contacts.search(**asked)
        return expect(found.total == contacts, f"{found.total} found")

    def task() -> str:
        company = lenient.crm.objects.companies.list(limit=1).results[0].id
        link = {"to": {"id": company}, "types": TO_COMPANY}
        properties = {"hs_timestamp": "2026-12-01T10:00:00Z", "refsync_key": "cd" * 32}
        made = lenient.crm.objects.tasks.create(properties=properties, associations=[link])
        try:
            lenient.crm.objects.tasks.create(properties=properties, associations=[link])
        except ConflictError as error:
            found = lenient.crm.associations.batch.get("companies", from_object_type="tasks", inputs=[{"id": made.id}])
            same = str(found.results[0].to[0].to_object_id) == company
            return expect(same and error.status_code == 409, "created once, associated, refused the second time")
        raise AssertionError("created twice")

    def read() -> str:
        ids = [{"id": one.id} for one in lenient.crm.objects.calls.list(limit=50).results]
        found = crm.objects.calls.batch.get(inputs=ids, properties=["hs_object_id"], properties_with_history=[])
        return expect(len(found.results) == len(ids), f"{len(ids)} calls")

    def definitions() -> str:
        owners, stages = crm.owners.list(), crm.pipelines.list("deals").results[0].stages
        properties = crm.properties.list("tasks").results
        return expect(owners.results and stages and properties, f"{len(properties)} properties of tasks")

    def account() -> str:
        details, usage = strict.account.get(), strict.account.get_daily_private_apps_usage()
        return expect(usage.results[0].current_usage > 0, f"portal {details.portal_id}, zone {details.time_zone}")

    def retried() -> str:
        found = crm.owners.list()
        return expect(found.results, "a 429 and a 503 were waited out")

    step("list with paging", listed)
    step("search", search)
    step("create a task with associations", task)
    step("batch read", read)
    step("owners, properties, pipelines", definitions)
    step("account and its usage", account)
    step("retry after 429 and 503", retried)


if __name__ == "__main__":
    main()
