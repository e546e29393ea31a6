"""What simple-salesforce does with an org; runs in its own environment and tells of each step as a line of JSON."""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Callable
from typing import Any

from simple_salesforce.api import Salesforce
from simple_salesforce.exceptions import SalesforceMalformedRequest, SalesforceMoreThanOneRecord

KEY = "refsync_key__c"


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
    user: dict[str, Any] = {name: os.environ[f"CRM_{name.upper()}"] for name in ("username", "password", "security_token")}
    app: dict[str, Any] = {name: os.environ[f"CRM_{name.upper()}"] for name in ("consumer_key", "consumer_secret")}
    contacts = int(os.environ["CRM_CONTACTS"])
    sf: Any = Salesforce(**user, version="62.0")
    step("sign in by SOAP", lambda: expect(sf.session_id.startswith("00D"), f"session of {sf.sf_instance}"))
    step("sign in by client credentials", lambda: str(Salesforce(**app, domain="acme.my", version="62.0").sf_instance))

    def query() -> str:
        found = sf.query("SELECT Id, Name, Account.Name FROM Contact WHERE Email != null ORDER BY Name LIMIT 5")
        return expect(
            found["totalSize"] == 5 and found["done"] and found["records"][0]["Account"]["Name"], "5 rows with a parent"
        )

    def query_all() -> str:
        pages = sf.query("SELECT Id FROM Contact")
        found = sf.query_all("SELECT Id FROM Contact")
        told = f"{len(found['records'])} rows, {len(pages['records'])} a page"
        return expect(len(found["records"]) == contacts == len(list(sf.query_all_iter("SELECT Id FROM Contact"))), told)

    def describe() -> str:
        names = [one["name"] for one in sf.describe()["sobjects"]]
        fields = {one["name"]: one for one in sf.Task.describe()["fields"]}
        return expect("Task" in names and fields[KEY]["externalId"], f"{len(names)} objects, Task has {len(fields)} fields")

    def records() -> str:
        made = sf.Contact.create({"LastName": "Trial"})["id"]
        sf.Contact.update(made, {"FirstName": "Ada"})
        name = sf.Contact.get(made)["Name"]
        sf.Contact.delete(made)
        gone = sf.query(f"SELECT Id, IsDeleted FROM Contact WHERE Id = '{made}'", include_deleted=True)
        return expect(name == "Ada Trial" and gone["records"][0]["IsDeleted"], "made, changed, read, deleted, seen by queryAll")

    def upsert() -> str:
        first = sf.Task.upsert(f"{KEY}/{'a' * 64}", {"Subject": "one"})
        second = sf.Task.upsert(f"{KEY}/{'a' * 64}", {"Subject": "two"})
        found = sf.Task.get_by_custom_id(KEY, "a" * 64)["Subject"]
        return expect((first, second, found) == (201, 200, "two"), f"{first}, then {second}")

    def refusals() -> str:
        try:
            sf.query("SELECT Nothing FROM Contact")
        except SalesforceMalformedRequest as error:
            return expect("INVALID_FIELD" in str(error.content), "INVALID_FIELD")
        raise AssertionError("an unknown column was accepted")

    def several() -> str:
        for _ in range(2):
            sf.Contact.create({"LastName": "Twin", "Email": "twin@example.com"})
        try:
            sf.Contact.upsert("Email/twin@example.com", {"Title": "x"})
        except SalesforceMoreThanOneRecord as error:
            return expect(len(list(error.content)) == 2, "300 with 2 paths")
        raise AssertionError("an ambiguous upsert was accepted")

    def bulk2() -> str:
        pages = list(sf.bulk2.Contact.query("SELECT Id, Name, Email FROM Contact", max_records=200))
        rows = [row for page in pages for row in csv.DictReader(io.StringIO(page))]
        told = f"{len(rows)} rows in {len(pages)} pages"
        return expect(len({row["Id"] for row in rows}) == len(rows) >= contacts and len(pages) > 1, told)

    def limits() -> str:
        found = sf.limits()["DailyApiRequests"]
        return expect(sf.api_usage["api-usage"].total == found["Max"], f"{found['Remaining']} of {found['Max']} calls left")

    steps = {
        "query": query,
        "query_all with paging": query_all,
        "describe": describe,
        "create, update, get, delete": records,
        "upsert by external id": upsert,
        "refused column": refusals,
        "upsert that names several": several,
        "bulk2 query": bulk2,
        "limits": limits,
    }
    for name, act in steps.items():
        step(name, act)


if __name__ == "__main__":
    main()
