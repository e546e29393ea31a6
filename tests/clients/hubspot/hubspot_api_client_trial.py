"""What hubspot-api-client does with a portal by its typed calls; tells of each step as a line of JSON."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from typing import Any

import hubspot
from hubspot.crm.associations.v4 import BatchInputPublicFetchAssociationsBatchRequest
from hubspot.crm.contacts import PublicObjectSearchRequest
from hubspot.crm.objects import tasks

KEY = "ab" * 32


def step(name: str, act: Callable[[], str]) -> None:
    try:
        told, ok = act(), True
    except Exception as error:  # noqa: BLE001 # whatever goes wrong is told
        told, ok = f"{type(error).__name__}: {str(error)[:200]}", False
    print(json.dumps({"name": name, "ok": ok, "told": told}), flush=True)


def expect(condition: object, told: str) -> str:
    assert condition, told
    return told


def main() -> None:
    url, token, contacts = os.environ["CRM_URL"], os.environ["CRM_TOKEN"], int(os.environ["CRM_CONTACTS"])
    client: Any = hubspot.HubSpot(access_token=token, host=url, base_url=url, client_side_validation=True)
    lenient: Any = hubspot.HubSpot(access_token=token, host=url, base_url=url)
    company = client.crm.companies.basic_api.get_page(limit=1).results[0].id

    def everything() -> str:
        found = client.crm.contacts.get_all(properties=["email"])
        return expect(len({one.id for one in found}) == contacts, f"{len(found)} contacts")

    def search() -> str:
        groups = [{"filters": [{"propertyName": "lastmodifieddate", "operator": "GTE", "value": "0"}]}]
        wanted = PublicObjectSearchRequest(
            filter_groups=groups, sorts=["hs_object_id"], properties=["email"], limit=50, after="0"
        )
        found = client.crm.contacts.search_api.do_search(wanted)
        return expect(found.total == contacts and found.paging.next.after == "50", f"{found.total} found")

    def batch() -> str:
        link = {"to": {"id": company}, "types": [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 192}]}
        inputs = [
            {"properties": {"hs_timestamp": "2026-12-01T10:00:00Z", "refsync_key": f"{number:064x}"}, "associations": [link]}
            for number in range(100)
        ]
        made = client.crm.objects.tasks.batch_api.create(tasks.BatchInputSimplePublicObjectBatchInputForCreate(inputs=inputs))
        again = [one | {"objectWriteTraceId": str(place)} for place, one in enumerate(inputs[:2])]
        mixed = lenient.crm.objects.tasks.batch_api.create(tasks.BatchInputSimplePublicObjectBatchInputForCreate(inputs=again))
        taken = [one.context["existingId"][0] for one in mixed.errors]
        return expect(taken == [one.id for one in made.results[:2]], f"{len(made.results)} made, {len(taken)} in conflict")

    def associations() -> str:
        asked = BatchInputPublicFetchAssociationsBatchRequest(inputs=[{"id": company}])
        found = client.crm.associations.v4.batch_api.get_page("companies", "tasks", asked)
        return expect(len(found.results[0].to) >= 100, f"{len(found.results[0].to)} tasks of one company")

    def definitions() -> str:
        owners = client.crm.owners.owners_api.get_page()
        properties = client.crm.properties.core_api.get_all("tasks")
        stages = client.crm.pipelines.pipelines_api.get_all("deals").results[0].stages
        return expect(owners.results and stages and properties.results, f"{len(owners.results)} owners, {len(stages)} stages")

    def refusal() -> str:
        try:
            client.crm.contacts.basic_api.get_by_id("7")
        except hubspot.crm.contacts.ApiException as error:
            return expect(error.status == 404 and json.loads(error.body)["correlationId"], "404 with a correlation id")
        raise AssertionError("no refusal")

    def raw() -> str:
        found = client.api_request({"path": "/crm/objects/2026-09/contacts", "qs": {"limit": 1}})
        return expect(len(found.json()["results"]) == 1, "a dated path through base_url")

    def token_of() -> str:
        app = {"client_id": "sandbox-client", "client_secret": "sandbox-secret", "refresh_token": "sandbox-refresh-token"}
        granted = client.oauth.tokens_api.create(grant_type="refresh_token", **app)
        info = client.oauth.access_tokens_api.get(granted.access_token)
        return expect(info.hub_id and granted.expires_in == 1800, f"token of portal {info.hub_id}")

    step("get_all", everything)
    step("search", search)
    step("batch create with conflicts", batch)
    step("associations", associations)
    step("owners, properties, pipelines", definitions)
    step("refused record", refusal)
    step("api_request", raw)
    step("OAuth", token_of)


if __name__ == "__main__":
    main()
