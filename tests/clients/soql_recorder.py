"""A pytest plugin that writes down every statement of SOQL that the Salesforce connector sends, in whatever kind of call.

`REFSYNC_SOQL=file pytest -p tests.clients.soql_recorder …`; each line of the file is a statement, as JSON. It hears what is sent
by this process, also to an org that is no sandbox; what a CLI or daemon sends, the sandbox writes down (`REFSYNC_SANDBOX_SOQL`).
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from refsync_salesforce.transport import Transport

recorded: set[str] = set()


def pytest_configure(config: pytest.Config) -> None:
    send = Transport.send

    def noted(transport: Transport, request: requests.PreparedRequest, *given: Any, **more: Any) -> requests.Response:
        recorded.update(statements(request))
        return send(transport, request, *given, **more)

    Transport.send = noted  # type: ignore[method-assign,assignment]
    config.add_cleanup(lambda: setattr(Transport, "send", send))


def pytest_sessionfinish() -> None:
    Path(os.environ["REFSYNC_SOQL"]).write_text("".join(f"{json.dumps(one)}\n" for one in sorted(recorded)))


def statements(request: requests.PreparedRequest) -> Iterator[str]:
    """Yield the statements in a request: in its address, in those of the calls within it, or as the query of a Bulk job."""
    yield from _asked(request.url or "")
    try:
        body = json.loads(request.body or b"null")
    except ValueError:
        return
    if not isinstance(body, dict):
        return
    if isinstance(body.get("query"), str):
        yield body["query"]
    for inner in body.get("batchRequests") or body.get("compositeRequest") or ():
        yield from _asked(str(inner.get("url", "")))


def _asked(url: str) -> list[str]:
    parts = urlsplit(url)
    return parse_qs(parts.query).get("q", []) if parts.path.rstrip("/").endswith(("query", "queryAll")) else []
