"""The HubSpot sandbox against HubSpot's own Python library: its high-level calls, unmodified.

The library's models, with their own validation on, judge every reply; what they refuse is no reply of HubSpot's.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import hubspot
import pytest
from hubspot.crm.associations.v4 import BatchInputPublicFetchAssociationsBatchRequest
from hubspot.crm.companies import PublicObjectSearchRequest
from hubspot.crm.contacts import SimplePublicObjectInputForCreate as NewContact
from hubspot.crm.objects import BatchInputSimplePublicObjectBatchInput
from hubspot.crm.objects.tasks import (
    BatchInputSimplePublicObjectBatchInputForCreate,
    BatchReadInputSimplePublicObjectId,
    SimplePublicObjectInput,
    SimplePublicObjectInputForCreate,
)
from hubspot.crm.objects.tasks.exceptions import ApiException
from hubspot.crm.properties import PropertyCreate

from refsync.book import Book
from tests.sandbox.hubspot_portal import Caller, served, write_book

KEY = "ab" * 32
TO_COMPANY = {"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 192}


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Book:
    return write_book(tmp_path_factory.mktemp("book"))


@pytest.fixture
def caller(book: Book) -> Iterator[Caller]:
    with served(book) as found:
        yield found


@pytest.fixture
def client(caller: Caller) -> Any:
    """The library as strict as it can be: a reply that lacks what its models need is an error."""
    return hubspot.HubSpot(access_token=caller.token, host=caller.url, base_url=caller.url, client_side_validation=True)


@pytest.fixture
def lenient(caller: Caller) -> Any:
    """The library as it comes: its models of batch errors ask for `links`, which HubSpot does not send."""
    return hubspot.HubSpot(access_token=caller.token, host=caller.url, base_url=caller.url)


def task(company: str, **properties: str) -> dict[str, Any]:
    return {
        "properties": {"hs_timestamp": "2024-10-01T15:00:00Z", "hs_task_subject": "Call", **properties},
        "associations": [{"to": {"id": company}, "types": [TO_COMPANY]}],
    }


def test_pages_of_contacts(client: Any) -> None:
    """Contacts come page by page, with times as times and associations inline."""
    first = client.crm.contacts.basic_api.get_page(limit=2, properties=["email", "jobtitle"], associations=["companies"])
    second = client.crm.contacts.basic_api.get_page(limit=2, after=first.paging.next.after, archived=False)

    assert (2, 1, None) == (len(first.results), len(second.results), second.paging)
    assert first.results[0].created_at < first.results[0].updated_at
    assert "contact_to_company" in [one.type for one in first.results[0].associations["companies"].results]


@pytest.mark.parametrize("kind", ["contacts", "companies", "deals", "tickets"])
def test_everything_at_once(client: Any, kind: str) -> None:
    """`get_all` walks all pages."""
    found = getattr(client.crm, kind).get_all()

    assert len({one.id for one in found}) == len(found) >= 2


@pytest.mark.parametrize("kind", ["calls", "communications", "emails", "meetings", "notes", "tasks"])
def test_pages_of_engagements(client: Any, kind: str) -> None:
    """Every engagement has a page of its own."""
    found = getattr(client.crm.objects, kind).basic_api.get_page(limit=100, properties=["hs_timestamp"])

    assert all(one.properties["hs_timestamp"].endswith("Z") for one in found.results)


def test_a_batch_of_tasks(client: Any, caller: Caller) -> None:
    """Tasks are created with their associations, many at once, and read back by their key."""
    company = caller.ids()["accounts"]["A1"]
    batch_api = client.crm.objects.tasks.batch_api
    keys = [f"{number:064x}" for number in range(100)]
    inputs = BatchInputSimplePublicObjectBatchInputForCreate(inputs=[task(company, refsync_key=key) for key in keys])

    made = batch_api.create(inputs)
    wanted = BatchReadInputSimplePublicObjectId(
        properties=["refsync_key"], properties_with_history=[], id_property="refsync_key", inputs=[{"id": key} for key in keys]
    )
    read = batch_api.read(wanted)

    assert (100, "COMPLETE") == (len(made.results), made.status)
    assert keys == sorted(one.properties["refsync_key"] for one in read.results)
    assert {company: [192]} == caller.ends("tasks", made.results[7].id, "companies")


def test_a_batch_with_one_that_exists(lenient: Any, caller: Caller) -> None:
    """The library takes a mixed reply for what it is: results and errors."""
    company = caller.ids()["accounts"]["A1"]
    batch_api = lenient.crm.objects.tasks.batch_api
    inputs = [task(company, refsync_key=KEY) | {"objectWriteTraceId": str(number)} for number in range(2)]

    found = batch_api.create(BatchInputSimplePublicObjectBatchInputForCreate(inputs=inputs))

    assert (1, ["CONFLICT"]) == (len(found.results), [one.category for one in found.errors])
    assert [found.results[0].id] == found.errors[0].context["existingId"]


def test_the_life_of_a_task(client: Any, caller: Caller) -> None:
    """A task is created, read by its key, changed and archived."""
    basic_api = client.crm.objects.tasks.basic_api
    made = basic_api.create(SimplePublicObjectInputForCreate(**task(caller.ids()["accounts"]["A1"], refsync_key=KEY)))
    read = basic_api.get_by_id(KEY, id_property="refsync_key", properties=["hs_task_status"])
    changed = basic_api.update(made.id, SimplePublicObjectInput(properties={"hs_task_status": "COMPLETED"}))
    basic_api.archive(made.id)
    gone = basic_api.get_by_id(made.id, archived=True)

    assert (made.id, "NOT_STARTED") == (read.id, read.properties["hs_task_status"])
    assert ("COMPLETED", True) == (changed.properties["hs_task_status"], changed.updated_at > made.updated_at)
    assert (True, True) == (gone.archived, gone.archived_at is not None)
    with pytest.raises(ApiException) as missing:
        basic_api.get_by_id(made.id)
    assert 404 == missing.value.status


def test_search(client: Any) -> None:
    """A typed search request finds what it says."""
    wanted = PublicObjectSearchRequest(
        filter_groups=[{"filters": [{"propertyName": "name", "operator": "EQ", "value": "Acme"}]}],
        sorts=["name"],
        properties=["name"],
        limit=10,
        after="0",
    )
    found = client.crm.companies.search_api.do_search(wanted)

    assert (1, "Acme") == (found.total, found.results[0].properties["name"])


def test_owners(client: Any) -> None:
    """Owners who are there and those who left are models both."""
    owners_api = client.crm.owners.owners_api
    here, gone = owners_api.get_page(), owners_api.get_page(archived=True)
    one = owners_api.get_by_id(owner_id=int(here.results[0].id), archived=False)

    assert (["Ada", ""], ["Cleo"]) == ([one.first_name for one in here.results], [one.first_name for one in gone.results])
    assert "ada@example.com" == one.email


def test_associations(client: Any, lenient: Any, caller: Caller) -> None:
    """Associations of many come with labels, those without any as errors; so does one record's."""
    ids = caller.ids()
    inputs = [{"id": ids["contacts"]["C1"]}, {"id": ids["contacts"]["C3"]}]
    v4 = client.crm.associations.v4
    asked = BatchInputPublicFetchAssociationsBatchRequest(inputs=inputs)
    many = lenient.crm.associations.v4.batch_api.get_page("contacts", "companies", asked)
    one = v4.basic_api.get_page("contacts", ids["contacts"]["C1"], "companies")
    labels = v4.schema.definitions_api.get_all("deals", "contacts")

    assert ["Primary", None] == [type_.label for type_ in many.results[0].to[0].association_types]
    assert 1 == many.num_errors
    assert ids["accounts"]["A1"] == str(one.results[0].to_object_id)
    assert {"champion", "primary", "economic buyer", None} == {found.label for found in labels.results}


def test_merge(client: Any, caller: Caller) -> None:
    """The library's merge gives the survivor."""
    ids = caller.ids()["contacts"]
    made = client.crm.contacts.basic_api.create(NewContact(properties={"email": "new@example.com"}))
    found = client.crm.contacts.basic_api.merge({"primaryObjectId": ids["C1"], "objectIdToMerge": made.id})

    assert f"{ids['C1']};{made.id}" == found.properties["hs_merged_object_ids"]


def test_definitions(client: Any) -> None:
    """Properties, groups, pipelines and schemas are models too."""
    new = PropertyCreate(name="mood", label="Mood", type="string", field_type="text", group_name="taskinformation")
    made = client.crm.properties.core_api.create("tasks", new)
    found = client.crm.properties.core_api.get_all("tasks")
    groups = client.crm.properties.groups_api.get_all("tasks")
    deals = client.crm.pipelines.pipelines_api.get_all("deals")

    assert made.name in [one.name for one in found.results]
    assert ["refsync_key"] == [one.name for one in found.results if one.has_unique_value]
    assert ["taskinformation"] == [one.name for one in groups.results]
    assert "Signed" in [one.label for one in deals.results[0].stages]
    assert [] == client.crm.schemas.core_api.get_all().results


def test_a_new_access_token(client: Any, caller: Caller) -> None:
    """The library's own call turns a refresh token into an access token that works."""
    granted = client.oauth.tokens_api.create(
        grant_type="refresh_token",
        client_id="sandbox-client",
        client_secret="sandbox-secret",
        refresh_token="sandbox-refresh-token",
    )
    signed_in = hubspot.HubSpot(access_token=granted.access_token, host=caller.url, base_url=caller.url)

    assert (1800, 2) == (granted.expires_in, len(signed_in.crm.owners.owners_api.get_page().results))


def test_every_type_through_the_generic_calls(client: Any, caller: Caller) -> None:
    """The calls that take the type as a name work for every type, also by id."""
    kinds = {"0-1": "contacts", "0-2": "companies", "0-3": "deals", "0-5": "tickets", "0-27": "tasks", "0-48": "calls"}
    for number, name in kinds.items():
        by_name, by_number = (client.crm.objects.basic_api.get_page(kind, limit=100) for kind in (name, number))
        assert [one.id for one in by_name.results] == [one.id for one in by_number.results]
    deal = caller.ids()["deals"]["D2"]
    changes = BatchInputSimplePublicObjectBatchInput(inputs=[{"id": deal, "properties": {"dealname": "Renamed"}}])

    found = client.crm.objects.batch_api.update("deals", changes)

    assert "Renamed" == found.results[0].properties["dealname"]
