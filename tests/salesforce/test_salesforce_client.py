"""Calls to an org: signing in, time limits, what is an error and which one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import requests

from refsync.connector import Secret
from refsync.errors import (
    AuthError,
    ConnectorError,
    RateLimited,
    RecordRejected,
    RequestUncertain,
    TransientError,
    UnexpectedReply,
)
from refsync.model import parse_instant
from refsync_salesforce.client import Client, decoded
from refsync_salesforce.failures import LocatorGone, NotThere, SchemaChanged, told
from refsync_salesforce.options import salesforce_options
from refsync_salesforce.transport import Seen
from tests.salesforce.prepared import DATA, HOST, ROW, Org, Settings, error_of, read, write


def test_signs_in_once_for_many_calls(org: Org, client: Client) -> None:
    """The token is asked for at the first call and kept."""
    org.says("GET", "queryAll/", org.answer(ROW))

    assert [[ROW], [ROW]] == [read(client), read(client)]
    assert 1 == org.logins.call_count


def test_signs_in_anew_when_the_session_ends(org: Org, client: Client) -> None:
    """An ended session costs one sign-in and the call is repeated, also when the refusal is a page of HTML."""
    org.says("GET", "queryAll/", "<html>Session expired</html>", status=401)
    org.says("GET", "queryAll/", org.answer(ROW))

    assert [ROW] == read(client)
    assert 2 == org.logins.call_count


@pytest.mark.parametrize("act", [read, write])
@pytest.mark.parametrize(
    "body",
    [
        [{"message": "Session expired or invalid", "errorCode": "INVALID_SESSION_ID"}],
        {"error": "a dict"},
        "<html>Please log in</html>",
    ],
)
def test_lasting_401_ends_after_two_logins(org: Org, client: Client, act: Callable[[Client], Any], body: Any) -> None:
    """A session that is refused again right after a sign-in is an AuthError, not an endless circle of sign-ins."""
    for method, path in (("GET", "queryAll/"), ("POST", "composite/sobjects")):
        org.says(method, path, body, status=401)

    assert AuthError is type(error_of(act, client))
    assert 2 == org.logins.call_count


def test_expiry_told_with_a_400_counts_as_expiry(org: Org, client: Client) -> None:
    """The Bulk API tells an ended session with status 400 and an object."""
    org.says("GET", "queryAll/", {"exceptionCode": "InvalidSessionId", "exceptionMessage": "Invalid session id"}, status=400)
    org.says("GET", "queryAll/", org.answer(ROW))

    assert [ROW] == read(client)


def test_ready_token_is_not_renewed(org: Org, settings: Settings) -> None:
    """A token without a way to sign in ends with an AuthError, and nobody is asked for another."""
    org.says("GET", "queryAll/", [{"message": "", "errorCode": "INVALID_SESSION_ID"}], status=401)
    token = settings(client_secret=None, access_token=Secret("t"), instance="acme.my.salesforce.com")

    assert "the access token has expired" in str(error_of(read, Client(salesforce_options(token))))
    assert 0 == org.logins.call_count


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (400, '{"error": "invalid_client", "error_description": "invalid client credentials"}', AuthError),
        (400, '{"error": "invalid_grant", "error_description": "user hasn\'t approved this consumer"}', AuthError),
        (503, "<html>maintenance</html>", TransientError),
        (503, '{"error": "server_error"}', TransientError),
        (429, "{}", TransientError),
        (403, '{"error": "LOGIN_RATE_EXCEEDED"}', RateLimited),
        (400, '{"error": "invalid_grant", "error_description": "login rate exceeded"}', RateLimited),
        (200, "<html>hello</html>", UnexpectedReply),
        (200, "[]", UnexpectedReply),
        (200, '{"access_token": "t"}', UnexpectedReply),
        (200, '{"access_token": null, "instance_url": "https://acme.my.salesforce.com"}', UnexpectedReply),
        (200, '{"access_token": "t", "instance_url": "https://acme.my.salesforce.com/../x?y"}', UnexpectedReply),
    ],
)
@pytest.mark.filterwarnings("error::UserWarning")
def test_refused_sign_in_is_told_from_a_broken_one(
    org: Org, client: Client, status: int, body: str, kind: type[ConnectorError]
) -> None:
    """Only what a person has to mend is an AuthError; trouble at the token endpoint passes."""
    org.mock.replace("POST", f"{HOST}/services/oauth2/token", body=body, status=status)

    assert kind is type(error_of(read, client))


def test_token_never_leaves_for_a_foreign_host(org: Org, client: Client) -> None:
    """A token reply that names another instance is not believed."""
    org.mock.replace(
        "POST",
        f"{HOST}/services/oauth2/token",
        json={"access_token": "t", "instance_url": "https://salesforce.com.example.org"},
    )

    assert "a host that is not its own" in str(error_of(read, client))
    assert 1 == len(org.mock.calls)


@pytest.mark.parametrize(
    ("status", "code", "reading", "writing"),
    [
        (400, "INVALID_FIELD", SchemaChanged, SchemaChanged),
        (400, "INVALID_TYPE", SchemaChanged, SchemaChanged),
        (400, "MALFORMED_QUERY", SchemaChanged, SchemaChanged),
        (400, "INVALID_QUERY_LOCATOR", LocatorGone, LocatorGone),
        (400, "REQUIRED_FIELD_MISSING", UnexpectedReply, RecordRejected),
        (400, "UNABLE_TO_LOCK_ROW", TransientError, TransientError),
        (403, "API_DISABLED_FOR_ORG", AuthError, AuthError),
        (403, "INSUFFICIENT_ACCESS", UnexpectedReply, RecordRejected),
        (404, "NOT_FOUND", NotThere, NotThere),
        (404, "", NotThere, NotThere),
        (300, "", UnexpectedReply, UnexpectedReply),
        (410, "GONE", UnexpectedReply, UnexpectedReply),
        (414, "", UnexpectedReply, UnexpectedReply),
        (431, "", UnexpectedReply, UnexpectedReply),
        (400, "DUPLICATE_VALUE", UnexpectedReply, RecordRejected),
        (400, "ENTITY_IS_DELETED", UnexpectedReply, RecordRejected),
        (400, "FIELD_CUSTOM_VALIDATION_EXCEPTION", UnexpectedReply, RecordRejected),
        (400, "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", UnexpectedReply, RecordRejected),
        (400, "INACTIVE_OWNER_OR_USER", UnexpectedReply, RecordRejected),
        (400, "INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY", UnexpectedReply, RecordRejected),
        (400, "INVALID_FIELD_FOR_INSERT_UPDATE", UnexpectedReply, RecordRejected),
        (400, "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", UnexpectedReply, RecordRejected),
        (400, "STRING_TOO_LONG", UnexpectedReply, RecordRejected),
        (400, "MALFORMED_ID", UnexpectedReply, RecordRejected),
        (400, "INVALIDENTITY", UnexpectedReply, RecordRejected),
        (500, "", TransientError, RequestUncertain),
        (502, "", TransientError, RequestUncertain),
        (500, "UNKNOWN_EXCEPTION", TransientError, RequestUncertain),
        (503, "SERVER_UNAVAILABLE", TransientError, RequestUncertain),
        (504, "", TransientError, RequestUncertain),
        (400, "QUERY_TIMEOUT", TransientError, RequestUncertain),
    ],
)
def test_refusals_by_their_code(
    org: Org, client: Client, status: int, code: str, reading: type[ConnectorError], writing: type[ConnectorError]
) -> None:
    """Each refusal is the error by which one recovers; after a write, trouble of the server leaves the outcome open."""
    for method, path in (("GET", "queryAll/"), ("POST", "composite/sobjects")):
        org.says(method, path, [{"message": "no", "errorCode": code}] if code else "<html>no</html>", status=status)

    assert (reading, writing) == (type(error_of(read, client)), type(error_of(write, client)))


@pytest.mark.parametrize(
    ("message", "pause"),
    [("TotalRequests Limit exceeded.", 900), ("ConcurrentRequests (Concurrent API Requests) Limit exceeded.", 30)],
)
def test_used_up_limit_is_no_end_of_data(org: Org, client: Client, message: str, pause: float) -> None:
    """A limit of the org is RateLimited with a fitting pause, although it looks like a lack of rights."""
    org.says("GET", "queryAll/", [{"message": message, "errorCode": "REQUEST_LIMIT_EXCEEDED"}], status=403)
    error = error_of(read, client)

    assert isinstance(error, RateLimited)
    assert pause == error.retry_after


@pytest.mark.parametrize(
    "body",
    [
        "",
        "{",
        "null",
        "7",
        "[]",
        "{}",
        '{"records": [], "done": true}',
        '{"records": null, "done": true, "totalSize": 0}',
        '{"records": [1], "done": true, "totalSize": 1}',
        '{"records": [], "done": "true", "totalSize": 0}',
        '{"records": [{}], "done": false, "totalSize": 9}',
        '{"records": [], "done": false, "totalSize": 9, "nextRecordsUrl": "/services/data/v62.0/query/01g-2000"}',
        '{"records": [{}], "done": false, "totalSize": 9, "nextRecordsUrl": "https://example.org/services/data/"}',
        '{"records": [{}], "done": false, "totalSize": 9, "nextRecordsUrl": "/services/data/../oauth2/revoke"}',
        "<html>proxy</html>",
    ],
)
def test_broken_page_is_never_the_end(org: Org, client: Client, body: str) -> None:
    """A successful reply of another shape is an error, not an empty answer."""
    org.says("GET", "queryAll/", body)

    assert UnexpectedReply is type(error_of(read, client))


@pytest.mark.parametrize("body", ["", "{", "{}", "[]", "null", '[{"success": true}, {"success": true}]', "[1]"])
def test_write_with_an_odd_reply_is_uncertain(org: Org, client: Client, body: str) -> None:
    """A successful reply that does not tell of each row leaves open what was written."""
    org.says("POST", "composite/sobjects", body)

    assert RequestUncertain is type(error_of(write, client))


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_redirects_are_not_followed(org: Org, client: Client, status: int) -> None:
    """A redirect is an error wherever it leads; nobody is called there."""
    org.says("GET", "queryAll/", "", status=status, headers={"Location": "http://169.254.169.254/latest"})

    assert "points to another address" in str(error_of(read, client))
    assert 2 == len(org.mock.calls)


def test_follows_a_long_answer(org: Org, client: Client) -> None:
    """The parts of an answer are joined, each asked for once at the address that was given."""
    org.says("GET", "queryAll/", org.answer(ROW, done=False, totalSize=2, nextRecordsUrl="/services/data/v62.0/query/01g-1"))
    org.says("GET", "query/01g-1", org.answer(ROW, totalSize=2))

    assert [ROW, ROW] == read(client)


def test_part_that_goes_on_with_itself_is_refused(org: Org, client: Client) -> None:
    """An answer whose next part is the same part again would never end."""
    again = org.answer(ROW, done=False, totalSize=9, nextRecordsUrl="/services/data/v62.0/query/01g-1")
    org.says("GET", "queryAll/", again)
    org.says("GET", "query/01g-1", again)

    assert UnexpectedReply is type(error_of(read, client))


def test_stops_when_done_even_with_a_further_address(org: Org, client: Client) -> None:
    """`done` decides: an address beside it is not followed."""
    org.says("GET", "queryAll/", org.answer(ROW, nextRecordsUrl="/services/data/v62.0/query/01g-1"))

    assert [ROW] == read(client)


def test_unknown_object_has_no_description(org: Org, client: Client) -> None:
    """An object that the org does not show is None; a broken description is an error."""
    org.says("GET", "sobjects/Task/describe", [{"message": "", "errorCode": "NOT_FOUND"}], status=404)
    org.says("GET", "sobjects/Event/describe", {})

    assert client.describe("Task") is None
    with pytest.raises(UnexpectedReply):
        client.describe("Event")


def test_what_no_store_keeps_is_replaced() -> None:
    """Half of a surrogate pair and U+0000, which JSON can carry, become question marks; everything else stays."""
    surrogate = b'{"Name": "a\\ud83db", "Mail": "\\ud83d\\ude00", "n": [1.5, null]}'
    nul = b'{"Name": "a\\u0000b", "Path": "c:\\\\u0000"}'

    assert {"Name": "a?b", "Mail": "😀", "n": [1.5, None]} == decoded(surrogate)
    assert {"Name": "a?b", "Path": "c:\\u0000"} == decoded(nul)


@pytest.mark.parametrize("body", [b"", b"{", b'{"a": NaN}', b"\xff"])
def test_no_json_is_a_value_error(body: bytes) -> None:
    """What is no JSON by the standard is refused."""
    with pytest.raises(ValueError):  # noqa: PT011 # any of its kinds
        decoded(body)


@pytest.mark.parametrize(
    ("header", "usage"),
    [
        ("api-usage=18/100000", (18, 100000)),
        ("api-usage=25/5000; per-app-api-usage=17/250(appName=sample-connected-app)", (25, 5000)),
        ("per-app-api-usage=17/250(appName=x); api-usage=25/5000", (25, 5000)),
        ("nonsense", None),
    ],
)
def test_usage_is_read_from_any_form_of_the_header(org: Org, client: Client, header: str, usage: tuple[int, int] | None) -> None:
    """The org's usage is found beside per-app figures; a header of an unknown form is no error."""
    org.says("GET", "queryAll/", org.answer(), headers={"Sforce-Limit-Info": header})
    read(client)

    assert usage == client.usage


def test_usage_is_read_from_errors_too(org: Org, client: Client) -> None:
    """A refused call tells the usage as well."""
    org.says("GET", "queryAll/", [{"errorCode": "X"}], status=400, headers={"Sforce-Limit-Info": "api-usage=9/10"})
    error_of(read, client)

    assert (9, 10) == client.usage


def test_time_is_the_crm_s_own(org: Org, client: Client) -> None:
    """The present time is that of the last good reply; before one there is none."""
    with pytest.raises(UnexpectedReply):
        client.now()
    org.says("GET", "queryAll/", org.answer())
    read(client)

    assert 0 <= client.now() - parse_instant("2024-03-01T10:00:00Z") < 60_000


def test_broken_date_is_ignored() -> None:
    """A Date that cannot be read leaves the time unknown."""
    seen, reply = Seen(), requests.Response()
    reply.status_code, reply.headers["Date"] = 200, "yesterday"
    seen.note(reply)

    assert seen.now() is None


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("\nFROM Task WHERE Email = 'ann@acme.example'\n  ^\nERROR at Row:1:Column:286\nfield 'X' can not", "field 'X' can not"),
        ("SELECT Id FROM Contact WHERE Name = 'Ann'", "(statement)"),
        ("see https://acme.my.salesforce.com/x?sid=1 now", "see (address) now"),
        ("owner ann.lee@acme.example is inactive", "owner (e-mail) is inactive"),
        ("<html><body>Down for\n maintenance</body></html>", "Down for maintenance"),
    ],
)
def test_errors_hold_no_statements_addresses_or_people(said: str, shown: str) -> None:
    """What the CRM says is shown without what could be personal or secret."""
    assert shown == told(said)


def test_errors_hold_no_token(org: Org, client: Client) -> None:
    """Neither the secret nor the token stands in an error."""
    org.mock.get(f"{DATA}/queryAll/", body=requests.ConnectionError("Bearer token at https://acme.my.salesforce.com/secret"))
    error = error_of(read, client)

    assert "secret" not in str(error)
    assert "token" not in str(error)
