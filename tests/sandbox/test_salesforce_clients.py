"""simple-salesforce's own high-level calls, unmodified, against the sandbox."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import requests
from simple_salesforce.api import Salesforce as Library
from simple_salesforce.exceptions import (
    SalesforceAuthenticationFailed,
    SalesforceExpiredSession,
    SalesforceMalformedRequest,
    SalesforceMoreThanOneRecord,
    SalesforceResourceNotFound,
)
from simple_salesforce.login import SalesforceLogin

from refsync_sandbox.salesforce import Secrets, key_pair
from refsync_sandbox.salesforce.secrets import CLIENT_ID, CLIENT_SECRET, USERNAME
from tests.sandbox.salesforce_org import Caller, library_session, served, write_book

WRONG = "wrong"


@dataclass(frozen=True)
class Served:
    caller: Caller
    session: requests.Session
    private_key: str

    def library(self) -> Any:
        """Return a library client; it finds objects by any attribute, which no type can say."""
        return Library(
            domain="acme.my",
            consumer_key=CLIENT_ID,
            consumer_secret=CLIENT_SECRET,
            session=self.session,
            version="62.0",
        )


@pytest.fixture(scope="module")
def org(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    private, public = key_pair()
    with served(write_book(tmp_path_factory.mktemp("book")), Secrets().trusting(public)) as caller:
        yield Served(caller, library_session(caller.sandbox.url), private)


def said(refused: pytest.ExceptionInfo[Any]) -> Any:
    """Return the body of a refusal; the library declares it as bytes and gives what the JSON said."""
    return refused.value.content


def test_sign_in_with_client_credentials(org: Served) -> None:
    """The right secret gives a token and the org's address; a wrong one is refused as Salesforce does."""
    token, instance = SalesforceLogin(
        domain="acme.my", consumer_key=CLIENT_ID, consumer_secret=CLIENT_SECRET, session=org.session
    )
    assert token.startswith("00D")
    assert org.caller.sandbox.url == f"http://{instance}"

    with pytest.raises(SalesforceAuthenticationFailed) as refused:
        SalesforceLogin(domain="acme.my", consumer_key=CLIENT_ID, consumer_secret=WRONG, session=org.session)
    assert refused.value.code == "invalid_client"
    with pytest.raises(SalesforceAuthenticationFailed) as refused:
        SalesforceLogin(domain="acme.my", consumer_key=WRONG, consumer_secret=WRONG, session=org.session)
    assert refused.value.code == "invalid_client_id"


@pytest.mark.filterwarnings("ignore:[\\s\\S]*self-authorize")
def test_sign_in_with_a_signed_assertion(org: Served) -> None:
    """The JWT is verified: the right key signs in, another key, user or audience does not."""
    more: dict[str, Any] = {"consumer_key": CLIENT_ID, "session": org.session}
    token, _ = SalesforceLogin(domain="acme.my", username=USERNAME, privatekey=org.private_key, **more)
    assert token.startswith("00D")

    other, _ = key_pair()
    refusals: tuple[dict[str, Any], ...] = (
        {"domain": "acme.my", "username": USERNAME, "privatekey": other},
        {"domain": "acme.my", "username": "eve@example.com", "privatekey": org.private_key},
        {"domain": "acme.elsewhere", "username": USERNAME, "privatekey": org.private_key},
    )
    for given in refusals:
        with pytest.raises(SalesforceAuthenticationFailed) as refused:
            SalesforceLogin(**given, **more)
        assert refused.value.code == "invalid_grant"


def test_sign_in_over_soap(org: Served) -> None:
    """User name, password and security token sign in by SOAP; a wrong password is refused, and so are versions without it."""
    secrets = Secrets()
    given: dict[str, Any] = {"username": USERNAME, "session": org.session, "sf_version": "59.0"}
    token, _ = SalesforceLogin(password=secrets.password, security_token=secrets.security_token, **given)
    assert token.startswith("00D")

    with pytest.raises(SalesforceAuthenticationFailed) as refused:
        SalesforceLogin(password=WRONG, security_token="", **given)
    assert "INVALID_LOGIN" == refused.value.code
    with pytest.raises(SalesforceAuthenticationFailed) as refused:
        SalesforceLogin(password=secrets.password, security_token="", **{**given, "sf_version": "65.0"})
    assert "UNSUPPORTED_API_VERSION" == refused.value.code


def test_who_is_signed_in(org: Served) -> None:
    """userinfo and the identity address name the user and the org; a bad token is refused."""
    base, session = org.caller.sandbox.url, org.caller.session
    info = session.get(f"{base}/services/oauth2/userinfo", timeout=5).json()
    identity = session.get(info["sub"], timeout=5).json()

    assert (USERNAME, USERNAME) == (info["preferred_username"], identity["username"])
    assert info["organization_id"] == identity["organization_id"]
    assert 403 == requests.get(f"{base}/services/oauth2/userinfo", timeout=5).status_code
    assert 403 == session.get(f"{base}/id/00D000000000000AAA/{identity['user_id']}", timeout=5).status_code


def test_queries_page_by_page(org: Served) -> None:
    """query_all and query_all_iter follow the pages; include_deleted asks queryAll."""
    library = org.library()
    for number in range(3):
        rows = [{"attributes": {"type": "Account"}, "Name": f"Bulk {number} {n}"} for n in range(200)]
        library.restful("composite/sobjects", method="POST", json={"allOrNone": False, "records": rows})
    headers = {"Sforce-Query-Options": "batchSize=200"}
    query = "SELECT Id, Name FROM Account WHERE Name LIKE 'Bulk%' ORDER BY Id"

    whole = library.query_all(query, headers=headers)
    each = list(library.query_all_iter(query, headers=headers))
    first = library.query(query, headers=headers)

    assert (600, True) == (whole["totalSize"], whole["done"])
    assert whole["records"] == each
    assert (600, 200, False) == (first["totalSize"], len(first["records"]), first["done"])
    archived = "SELECT Id FROM Event WHERE Subject = 'Meet long ago'"
    assert 0 == library.query(archived)["totalSize"]
    assert 1 == library.query_all(archived, include_deleted=True)["totalSize"]


def test_describe(org: Served) -> None:
    """Describe shows what a client needs to know of each field."""
    library = org.library()
    task = {field["name"]: field for field in library.Task.describe()["fields"]}
    key = task["refsync_key__c"]

    wanted = ("type", "length", "externalId", "unique", "caseSensitive", "filterable", "createable", "updateable", "custom")
    assert [key[name] for name in wanted] == ["string", 64, True, True, True, True, True, True, True]
    assert not task["Description"]["filterable"]
    assert not task["AccountId"]["createable"]
    assert task["WhoId"]["referenceTo"] == ["Contact", "Lead"]
    assert "Deferred" in [value["value"] for value in task["Status"]["picklistValues"]]
    assert "Type" not in task
    listed = {one["name"]: one["keyPrefix"] for one in library.describe()["sobjects"]}
    assert (listed["Account"], listed["Task"], listed["EmailMessage"]) == ("001", "00T", "02s")


def test_custom_columns_are_typed_by_their_values(org: Served) -> None:
    """A further column of the book is a custom field of the type its cells have."""
    found = {field["name"]: field["type"] for field in org.library().Account.describe()["fields"] if field["custom"]}

    assert found["Go_Live_On__c"] == "date"
    assert found["Seats__c"] == "double"
    assert found["Pilot__c"] == "boolean"


def test_a_task_from_creation_to_deletion(org: Served) -> None:
    """create, get, update, get_by_custom_id, upsert and delete do what they say; a deleted task is seen by queryAll only."""
    library = org.library()
    account = library.query("SELECT Id, OwnerId FROM Account WHERE Name = 'Acme'")["records"][0]
    fields = {"Subject": "Call Ada", "WhatId": account["Id"], "OwnerId": account["OwnerId"], "refsync_key__c": "k1"}

    made = library.Task.create({**fields, "ActivityDate": "2024-10-02"})
    assert made["success"] is True
    task = library.Task.get(made["id"])
    assert (task["AccountId"], task["IsClosed"], task["Status"]) == (account["Id"], False, "Not Started")
    assert 204 == library.Task.update(made["id"], {"Status": "Completed"})
    found = library.Task.get_by_custom_id("refsync_key__c", "k1")
    assert (found["Id"], found["IsClosed"]) == (made["id"], True)
    assert 200 == library.Task.upsert("refsync_key__c/k1", {"Subject": "Again"})
    assert 201 == library.Task.upsert("refsync_key__c/k2", {"Subject": "Another"})
    assert 204 == library.Task.delete(made["id"])
    with pytest.raises(SalesforceResourceNotFound):
        library.Task.get(made["id"])
    query = "SELECT IsDeleted FROM Task WHERE refsync_key__c = 'k1'"
    assert 0 == library.query(query)["totalSize"]
    assert library.query(query, include_deleted=True)["records"][0]["IsDeleted"] is True


def test_a_key_is_taken_once(org: Served) -> None:
    """A second task with a key is refused and names the first; a soft-deleted one does not count."""
    library = org.library()
    first = library.Task.create({"Subject": "One", "refsync_key__c": "Only"})
    library.Task.create({"Subject": "Other case", "refsync_key__c": "only"})

    with pytest.raises(SalesforceMalformedRequest) as refused:
        library.Task.create({"Subject": "Two", "refsync_key__c": "Only"})
    (error,) = said(refused)
    assert error["errorCode"] == "DUPLICATE_VALUE"
    assert error["message"] == f"duplicate value found: refsync_key__c duplicates value on record with id: {first['id']}"
    library.Task.delete(first["id"])
    assert library.Task.create({"Subject": "Three", "refsync_key__c": "Only"})["success"]


def test_several_matches_of_an_upsert(org: Served) -> None:
    """An upsert by a field that several records share is answered with 300 and the list of them."""
    library = org.library()
    for _ in range(2):
        library.Contact.create({"LastName": "Twin", "Email": "Twin@Example.com"})

    with pytest.raises(SalesforceMoreThanOneRecord) as refused:
        library.Contact.upsert("Email/twin@example.com", {"LastName": "Changed"})
    assert all(url.startswith("/services/data/v62.0/sobjects/Contact/003") for url in said(refused))


def test_a_token_ends_with_its_time(org: Served) -> None:
    """Two hours on, a token is refused with INVALID_SESSION_ID; the library signs in again by itself."""
    library = org.library()
    direct: Any = Library(session_id=library.session_id, instance=library.sf_instance, session=org.session, version="62.0")
    org.caller.sandbox.crm.oauth.expire_all()  # type: ignore[attr-defined]

    with pytest.raises(SalesforceExpiredSession) as refused:
        direct.query("SELECT Id FROM User")
    assert said(refused) == [{"message": "Session expired or invalid", "errorCode": "INVALID_SESSION_ID"}]
    assert library.query("SELECT Id FROM User")["totalSize"] == 5


def test_the_columns_of_a_query(org: Served) -> None:
    """`columns=true` tells the columns of a query, parents and children as columns of their own, without running it."""
    query = "SELECT Id, Owner.Name, Owner.Email, (SELECT LastName FROM Contacts) FROM Account"

    told = org.library().restful("query", params={"q": query, "columns": "true"})

    assert ("Account", "001", True) == (told["entityName"], told["keyPrefix"], told["idSelected"])
    assert ["Id", "Owner", "Contacts"] == [one["columnName"] for one in told["columnMetadata"]]
    inner = [[one["columnName"] for one in column["joinColumns"]] for column in told["columnMetadata"]]
    assert [[], ["Name", "Email"], ["LastName"]] == inner


def test_limits_and_usage(org: Served) -> None:
    """Each call counts; the header and `limits` agree about how many are left."""
    library = org.library()
    left = library.limits()["DailyApiRequests"]
    usage = library.api_usage["api-usage"]

    assert (usage.used, usage.total) == (left["Max"] - left["Remaining"], left["Max"])
    counts = {
        one["name"]: one["count"] for one in library.restful("limits/recordCount", params={"sObjects": "Case,User"})["sObjects"]
    }
    assert counts == {"Case": 2, "User": 5}
