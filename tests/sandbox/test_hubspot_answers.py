"""The judge of the HubSpot stand-in's answers can tell, and looks at every call."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest

from refsync_sandbox.hubspot.call import Reply
from refsync_sandbox.hubspot.service import Service
from tests.answers import WITHOUT_MODEL, Answers, NotHubSpots, judge, numbered, shape
from tests.sandbox.hubspot_portal import served, write_book

CONTACT: dict[str, Any] = {
    "id": "51",
    "properties": {"email": "ada@example.com", "phone": None},
    "createdAt": "2024-01-12T09:00:00Z",
    "updatedAt": "2024-01-12T09:00:00.250Z",
    "archived": False,
}
LIST = "/crm/objects/2026-03/contacts"
ASSOCIATIONS = "/crm/associations/2026-09/0-1/companies/batch/read"
BATCH = {"status": "COMPLETE", "startedAt": "2024-01-12T09:00:00Z", "completedAt": "2024-01-12T09:00:00Z"}


def test_a_good_answer_passes() -> None:
    """What HubSpot was recorded to answer is taken: null properties, numbers for ids, errors with little in them."""
    judge("GET", LIST, 200, orjson.dumps({"results": [CONTACT]}))
    link = {"from": {"id": "51"}, "to": [{"toObjectId": 7, "associationTypes": []}]}
    error = {"status": "error", "category": "OBJECT_NOT_FOUND", "subCategory": "x", "message": "No company"}
    judge("POST", ASSOCIATIONS, 207, orjson.dumps(BATCH | {"results": [link], "errors": [error], "numErrors": 1}))
    judge("DELETE", f"{LIST}/51", 204, b"")


@pytest.mark.parametrize(
    "spoiled",
    [
        {"id": 51},
        {"id": None},
        {"createdAt": "soon"},
        {"createdAt": None},
        {"archived": "false"},
        {"properties": {"annualrevenue": 1250000}},
        {"properties": {"do_not_contact": True}},
        {"properties": None},
        {"properties": ["email"]},
    ],
)
def test_a_spoiled_record_does_not(spoiled: dict[str, Any]) -> None:
    """A value of the wrong kind, a time that is none or a missing field is found, however deep it lies."""
    with pytest.raises(NotHubSpots, match="GET /crm/objects/2026-03/contacts: 200"):
        judge("GET", LIST, 200, orjson.dumps({"results": [CONTACT, CONTACT | spoiled]}))


@pytest.mark.parametrize(
    ("method", "path", "status", "body"),
    [
        ("GET", LIST, 200, b'"OK"'),
        ("GET", LIST, 200, b"{}"),
        ("GET", LIST, 202, b'{"results":[]}'),
        ("GET", "/crm/v3/owners/", 200, b'{"results":[{"id":"1","type":"ROBOT","archived":false}]}'),
        ("POST", ASSOCIATIONS, 200, b'{"results":[],"status":"DONE"}'),
        ("POST", "/oauth/2026-03/token", 200, b'{"access_token":"x"}'),
        ("GET", "/crm/v3/butterflies", 200, b"{}"),
    ],
)
def test_wrong_answers_are_found(method: str, path: str, status: int, body: bytes) -> None:
    """Another shape, status or word than the library knows, and a call that it does not know, are no answers of HubSpot."""
    with pytest.raises(NotHubSpots):
        judge(method, path, status, body)


@pytest.mark.parametrize(
    ("path", "same"),
    [
        ("/crm/objects/2026-09/0-27/batch/read", "/crm/v3/objects/tasks/batch/read"),
        ("/crm/objects/2026-03/contact/51/associations/companies", "/crm/v4/objects/contacts/51/associations/companies"),
        ("/crm/pipelines/2026-03/deals", "/crm/v3/pipelines/deals"),
        ("/crm/v3/schemas", "/crm-object-schemas/v3/schemas"),
    ],
)
def test_dated_paths_have_the_models_of_numbered_ones(path: str, same: str) -> None:
    """The library knows numbered paths alone; the answers are the same."""
    assert same == numbered(path)


def test_forms_of_answers() -> None:
    """Answers are of one form when they differ in how many there are and what they say, not in what is there."""
    one, two, bare = {"results": [CONTACT]}, {"results": [CONTACT, CONTACT]}, {"results": [CONTACT | {"id": 5}]}

    assert shape(one) == shape(two) != shape(bare)


def test_a_spoiled_stand_in_is_caught(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever lets the stand-in answer with a number where HubSpot has a text is told of it, with the call."""
    answers, proper = Answers(), Service._answer

    def spoiled(service: Service, scope: Any, body: bytes) -> Reply:
        found = proper(service, scope, body)
        return Reply(body=orjson.loads(found.content()) | {"results": [CONTACT | {"id": 51}]}, status=found.status)

    with monkeypatch.context() as patched:
        patched.setattr(Service, "_answer", spoiled)
        end = answers.watch()
        with served(write_book(tmp_path / "book")) as caller:
            caller.get(LIST)
        end()
    with pytest.raises(NotHubSpots, match="51 is no str"):
        answers.judge()


def test_every_gap_has_its_reason() -> None:
    """What is not judged is named, and nothing that matters to refsync is among it."""
    assert all(WITHOUT_MODEL.values())
    assert not any(path.startswith(("/crm/v3/objects/[^/]+$", "/crm/v4")) for path in WITHOUT_MODEL)
