"""What dlt's REST client does with a portal: pages by our links, and a search by its cursor; one JSON line a step."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from typing import Any

from dlt.sources.helpers.rest_client import RESTClient
from dlt.sources.helpers.rest_client.auth import BearerTokenAuth
from dlt.sources.helpers.rest_client.paginators import JSONLinkPaginator, JSONResponseCursorPaginator


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
    contacts = int(os.environ["CRM_CONTACTS"])
    client = RESTClient(
        base_url=os.environ["CRM_URL"],
        auth=BearerTokenAuth(token=os.environ["CRM_TOKEN"]),
        paginator=JSONLinkPaginator(next_url_path="paging.next.link"),
    )

    def walked(path: str, **query: Any) -> list[Any]:
        return [row for page in client.paginate(path, params=query, data_selector="results") for row in page]

    def links() -> str:
        found = walked("/crm/v3/objects/contacts", limit=50, properties="email,createdate", associations="companies")
        whole = all("email" in row["properties"] for row in found)
        return expect(whole and len({row["id"] for row in found}) == contacts, f"{len(found)} contacts by links")

    def dated() -> str:
        found = walked("/crm/objects/2026-09/0-49", limit=100, archived="false")
        return expect(len({row["id"] for row in found}) == len(found) > 100, f"{len(found)} emails by links")

    def owners() -> str:
        here, gone = walked("/crm/v3/owners/", limit=5), walked("/crm/v3/owners/", limit=5, archived="true")
        return expect(len(here) > 5, f"{len(here)} owners, {len(gone)} who left")

    def search() -> str:
        pages = client.paginate(
            "/crm/v3/objects/contacts/search",
            method="POST",
            json={"limit": 50, "sorts": ["hs_object_id"], "filterGroups": []},
            paginator=JSONResponseCursorPaginator(cursor_path="paging.next.after", cursor_body_path="after"),
            data_selector="results",
        )
        found = [row["id"] for page in pages for row in page]
        return expect(len(set(found)) == contacts, f"{len(found)} contacts by search")

    def properties() -> str:
        found = client.get("/properties/v2/company/properties").json()
        return expect({"name", "domain"} <= {one["name"] for one in found}, f"{len(found)} properties of companies")

    def retried() -> str:
        found = client.get("/crm/v3/schemas")
        return expect(found.ok, "two 429 were waited out")

    step("lists by links", links)
    step("dated lists by links", dated)
    step("owners with a slash at the end", owners)
    step("search by cursor", search)
    step("properties of version 2", properties)
    step("retry after 429", retried)


if __name__ == "__main__":
    main()
