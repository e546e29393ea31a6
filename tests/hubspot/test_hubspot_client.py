"""Calls to HubSpot: what each fault means for a read and for a write, and where a token may go."""

from __future__ import annotations

import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

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
from refsync.meter import LocalMeter
from refsync.model import Stream
from refsync_hubspot import HubSpot
from refsync_hubspot.client import Client
from refsync_hubspot.options import HubSpotOptions
from refsync_hubspot.replies import MissingScope, next_after, redacted
from refsync_hubspot.transport import Limits

CANARY_ADDRESS = "canary.person@customer.example"

Connect = Callable[..., HubSpot]


@pytest.fixture
def made(stub: Any, ticking: Any) -> Iterator[Callable[[Limits], Client]]:
    """Return what makes a client of the stub."""
    clients: list[Client] = []

    def make(limits: Limits) -> Client:
        options = HubSpotOptions(token=Secret("pat-na1-canary-0000-1111-2222"), url=stub.url)
        clients.append(Client.of(options, LocalMeter(), ticking.clocks, limits))
        return clients[-1]

    yield make
    for each in clients:
        each.close()


@pytest.fixture
def client(made: Callable[[Limits], Client]) -> Client:
    """Return a client of the stub."""
    return made(Limits())


@pytest.fixture
def hasty(made: Callable[[Limits], Client]) -> Client:
    """Return a client of the stub that waits for nothing long."""
    return made(Limits(connect=1, read=0.3, call=0.6))


def outcome(call: Callable[[], object]) -> ConnectorError:
    """Return the error that a call raises, which must be a connector's."""
    with pytest.raises(ConnectorError) as raised:
        call()
    return raised.value


def both(client: Client, stub: Any, status: int = 200, body: Any = None, **more: Any) -> tuple[ConnectorError, ConnectorError]:
    """Return what the same reply means to a read and to a write."""
    stub.will(body, status, **more)
    stub.will(body, status, **more)
    return outcome(lambda: client.get("/x")), outcome(lambda: client.write("POST", "/x", {"a": 1}))


def test_token_goes_into_the_header_and_nowhere_else(client: Client, stub: Any) -> None:
    """Every call carries the bearer token in its header only."""
    stub.will({"results": []})
    client.get("/crm/objects/2026-03/contacts", {"limit": 1})

    assert stub.seen[0].headers["Authorization"] == "Bearer pat-na1-canary-0000-1111-2222"
    assert "canary" not in stub.seen[0].path


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (b"<html>hello</html>", {"content-type": "text/html"}),
        (b'{"results": [{"id": "1"', {}),
        (b"[]", {}),
        (b'"done"', {}),
        (b"", {}),
        (b"{}", {"content-type": "text/plain"}),
    ],
)
def test_200_of_another_shape_is_no_end_and_no_success(client: Client, stub: Any, body: bytes, headers: dict[str, str]) -> None:
    """A 200 that is no JSON object stops a read and leaves a write uncertain."""
    read, write = both(client, stub, body=body, headers=headers)

    assert (UnexpectedReply, RequestUncertain) == (type(read), type(write))


@pytest.mark.parametrize("body", [{}, {"results": None}, {"results": "none"}, {"results": [1]}, {"results": [{"id": 1}]}])
def test_broken_page_is_never_the_end(connect_to: Connect, stub: Any, body: Any) -> None:
    """A list page without a list of records stops the read."""
    stub.opens(Stream.ACCOUNTS)
    stub.will(body)

    with pytest.raises(UnexpectedReply):
        list(connect_to(stub.url).read(Stream.ACCOUNTS, None))


@pytest.mark.parametrize("paging", ["next", {"next": "x"}, {"next": {}}, {"next": {"after": None}}, {"next": {"after": ""}}, 5])
def test_malformed_paging_is_never_the_end(paging: object) -> None:
    """Paging that cannot be understood is an error, not a last page."""
    with pytest.raises(UnexpectedReply):
        next_after({"paging": paging}, set())


def test_after_is_passed_back_as_it_came() -> None:
    """`after` stays the text or number that HubSpot sent, and pages that lead in a circle are refused."""
    passed = set[str]()

    assert ["00120", 120, None] == [next_after(page(after), passed) for after in ("00120", 120, None)]
    with pytest.raises(UnexpectedReply):
        next_after(page("120"), passed)


def page(after: object) -> dict[str, Any]:
    """Return a page with this place to go on."""
    return {"paging": {} if after is None else {"next": {"after": after}}}


@pytest.mark.parametrize("status", [408, 500, 502, 503, 504, 520, 521, 522, 523, 524, 599])
def test_server_trouble_is_transient_for_reads_and_uncertain_for_writes(client: Client, stub: Any, status: int) -> None:
    """After a 5xx a write may have happened."""
    read, write = both(client, stub, status, b"<html>bad gateway</html>", headers={"content-type": "text/html"})

    assert (TransientError, RequestUncertain) == (type(read), type(write))


@pytest.mark.parametrize("status", [401, 530])
def test_refused_token_is_an_auth_error(client: Client, stub: Any, status: int) -> None:
    """401 and Cloudflare's 530 mean that the token is not accepted, whatever the body."""
    read, write = both(client, stub, status, b"<html>no</html>", headers={"content-type": "text/html"})

    assert (AuthError, AuthError) == (type(read), type(write))


@pytest.mark.parametrize(
    "body",
    [
        {"category": "MISSING_SCOPES", "context": {"requiredGranularScopes": ["crm.objects.deals.read"]}},
        {"category": "MISSING_SCOPES", "errors": [{"context": {"requiredGranularScopes": ["crm.objects.deals.read"]}}]},
    ],
)
def test_missing_scope_is_named(client: Client, stub: Any, body: Any) -> None:
    """Both shapes of MISSING_SCOPES name the scope."""
    read, _ = both(client, stub, 403, body)

    assert isinstance(read, MissingScope)
    assert "crm.objects.deals.read" in str(read)


@pytest.mark.parametrize(
    ("status", "body", "headers", "seconds"),
    [
        (429, {"policyName": "TEN_SECONDLY_ROLLING", "errorType": "RATE_LIMIT"}, {}, 10),
        (429, {"policyName": "SECONDLY"}, {}, 1),
        (429, {"message": "You have reached your secondly limit."}, {}, 1),
        (429, {"message": "You have reached your ten_secondly_rolling limit."}, {}, 10),
        (429, {}, {"retry-after": "7"}, 7),
        (429, {}, {"retry-after": "3600"}, 900),
        (429, {"policyName": "DAILY"}, {}, 3600),
        (423, {}, {}, 2),
        (477, {}, {"retry-after": "30"}, 30),
    ],
)
def test_limits_say_how_long_to_wait(
    client: Client, stub: Any, status: int, body: Any, headers: dict[str, str], seconds: float
) -> None:
    """Every way to be told to slow down becomes RateLimited with a wait that is sensible, for reads and writes."""
    read, write = both(client, stub, status, body, headers=headers)

    assert isinstance(read, RateLimited)
    assert isinstance(write, RateLimited)
    assert (seconds, seconds) == (read.retry_after, write.retry_after)


def test_daily_limit_waits_for_the_accounts_midnight(client: Client, stub: Any) -> None:
    """The daily limit begins anew at midnight of the account's zone: 16 hours after 8:00 in New York."""
    stub.will({"portalId": 1, "timeZone": "US/Eastern"})
    stub.will({"policyName": "DAILY"}, 429)
    assert client.account["portalId"] == 1
    error = outcome(lambda: client.get("/x"))

    assert isinstance(error, RateLimited)
    assert error.retry_after == 16 * 3600


def test_validation_error_rejects_a_write_and_stops_a_read(client: Client, stub: Any) -> None:
    """A 400 names code and fields of a rejected write."""
    body = {
        "category": "VALIDATION_ERROR",
        "message": f"Property values were not valid for {CANARY_ADDRESS}",
        "correlationId": "c-1",
        "errors": [{"code": "PROPERTY_DOESNT_EXIST", "context": {"propertyName": ["tier"]}}],
    }
    read, write = both(client, stub, 400, body)

    assert UnexpectedReply is type(read)
    assert isinstance(write, RecordRejected)
    assert (write.code, write.fields) == ("PROPERTY_DOESNT_EXIST", ("tier",))
    assert "c-1" in str(write)
    assert CANARY_ADDRESS not in str(write)


def test_404_is_gone_for_who_looks_and_a_rejected_write(client: Client, stub: Any) -> None:
    """Looking for one thing, 404 says that it is not there; a list that is not there is no empty list; a write is refused."""
    stub.will({"category": "OBJECT_NOT_FOUND"}, 404)
    found = client.find("/x")
    read, write = both(client, stub, 404, {"category": "OBJECT_NOT_FOUND", "message": "no such contact"})

    assert found is None
    assert (UnexpectedReply, RecordRejected) == (type(read), type(write))


def test_conflict_names_itself(client: Client, stub: Any) -> None:
    """A unique value that is taken can be told from other refusals; HubSpot's bodies may lack anything."""
    _read, write = both(client, stub, 409, {"category": "CONFLICT"})
    _read, bare = both(client, stub, 409, {})

    assert isinstance(write, RecordRejected)
    assert isinstance(bare, RecordRejected)
    assert ("CONFLICT", "409") == (write.code, bare.code)


def test_search_past_its_end_is_no_end_of_data(client: Client, stub: Any) -> None:
    """The 400 that HubSpot answers past 10,000 results stops a read: nothing is taken for read that was not."""
    stub.will({"message": "There was a problem with the request: paging past 10000", "category": "VALIDATION_ERROR"}, 400)

    assert UnexpectedReply is type(outcome(lambda: client.search("contacts", {"after": 10_000})))


def test_unknown_object_type_is_our_mistake(client: Client, stub: Any) -> None:
    """A path that HubSpot cannot make out is no fault of the record."""
    read, write = both(client, stub, 400, {"message": "Unable to infer object type from: taks"})

    assert (UnexpectedReply, UnexpectedReply) == (type(read), type(write))


def test_error_body_that_is_no_utf_8(client: Client, stub: Any) -> None:
    """The status counts when the body cannot be decoded."""
    read, write = both(client, stub, 503, b"\xff\xfe<html>")

    assert (TransientError, RequestUncertain) == (type(read), type(write))


@pytest.mark.parametrize("status", [202, 204, 206])
def test_other_2xx_is_unexpected(client: Client, stub: Any, status: int) -> None:
    """An accepted-for-later reply proves nothing."""
    read, write = both(client, stub, status, b"" if status == 204 else {"results": []})

    assert (UnexpectedReply, RequestUncertain) == (type(read), type(write))


def test_redirect_to_another_host_is_not_followed(client: Client, stub: Any) -> None:
    """A redirect is an error; the token is sent nowhere else."""
    read, write = both(client, stub, 302, b"", headers={"location": "http://127.0.0.1:1/steal"})

    assert (UnexpectedReply, UnexpectedReply) == (type(read), type(write))
    assert len(stub.seen) == 2


def _reset(handler: BaseHTTPRequestHandler) -> None:
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    handler.close_connection = True
    handler.connection.close()


def _hang(handler: BaseHTTPRequestHandler) -> None:
    time.sleep(0.6)
    handler.close_connection = True


def _cut(handler: BaseHTTPRequestHandler) -> None:
    handler.wfile.write(b'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 90\r\n\r\n{"results": []')
    handler.close_connection = True


def _drip_head(handler: BaseHTTPRequestHandler) -> None:
    _drip(handler, b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n" + b"x-filler: y\r\n" * 20)


def _drip_body(handler: BaseHTTPRequestHandler) -> None:
    handler.wfile.write(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 500\r\n\r\n")
    _drip(handler, b" " * 500)


def _drip(handler: BaseHTTPRequestHandler, data: bytes) -> None:
    handler.close_connection = True
    for byte in data:
        handler.wfile.write(bytes([byte]))
        handler.wfile.flush()
        time.sleep(0.05)


@pytest.mark.parametrize("fault", [_reset, _hang, _cut, _drip_head, _drip_body])
def test_no_whole_reply_in_time(hasty: Client, stub: Any, fault: Callable[[BaseHTTPRequestHandler], None]) -> None:
    """A reset, a silence, a cut body and a byte now and then all end in time; a write is then uncertain."""
    began = time.monotonic()
    read, write = both(hasty, stub, how=fault)

    assert (TransientError, RequestUncertain) == (type(read), type(write))
    assert time.monotonic() - began < 2


def test_nothing_was_sent_when_nobody_listens(client: Client, stub: Any) -> None:
    """A refused connection is transient even for a write."""
    stub.close()

    assert TransientError is type(outcome(lambda: client.write("POST", "/x", {})))


def test_bad_certificate_is_refused_before_anything_is_sent(tmp_path: Path) -> None:
    """A server that speaks no proper TLS never gets the token."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        got: list[bytes] = []

        def answer() -> None:
            connection, _ = listening.accept()
            got.append(connection.recv(4096))
            connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
            connection.close()

        threading.Thread(target=answer, daemon=True).start()
        options = HubSpotOptions(token=Secret("canary"), url=f"https://127.0.0.1:{listening.getsockname()[1]}")
        error = outcome(lambda: Client.of(options, LocalMeter(), limits=Limits(connect=1, read=1, call=1)).get("/x"))

    assert TransientError is type(error)
    assert b"canary" not in got[0]


def test_oversized_body_is_refused(client: Client, stub: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A body beyond the cap is not read to its end."""
    from refsync_hubspot import transport

    monkeypatch.setattr(transport, "LARGEST_BODY", 1000)

    read, _ = both(client, stub, body={"results": [], "filler": "x" * 2000})

    assert UnexpectedReply is type(read)


def test_every_error_text_is_free_of_addresses_links_and_tokens() -> None:
    """What HubSpot says is passed on without what is personal or secret."""
    text = redacted(f"{CANARY_ADDRESS} at https://api.hubapi.com/x?email=a@b.example with Bearer abc and pat-na1-{'0' * 30}")

    assert text == "(address) at (link) with (token) and (token)"


def test_hubspots_clock_is_asked_for_only_when_no_reply_is_recent(client: Client, stub: Any, ticking: Any) -> None:
    """The time of the last reply goes on by the monotonic clock; an old one is asked for anew."""
    stub.will({"portalId": 1})
    first = client.now()
    ticking.at += 5
    second = client.now()
    stub.will({"portalId": 1})
    ticking.at += 20
    client.now()

    assert second - first == 5000
    assert len(stub.seen) == 2
