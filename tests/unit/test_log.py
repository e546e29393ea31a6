"""Logs: JSON lines, one action word, nothing secret or personal."""

from __future__ import annotations

import io
import json
import logging

import pytest
import structlog

from refsync import log

CANARIES = [
    "Authorization: Bearer canary-token-123",
    "grant_type=x&client_secret=canary-secret",
    "00D000000000001AAA!canary.session",
    "pat-eu1-12345678-canary-0123-456789abcdef".replace("canary", "abcd"),
    "eyJhbGciOi.canarypayload.signature",
    "canary.person@example.com",
]


@pytest.mark.parametrize("text", CANARIES)
def test_texts_are_cleaned(text: str) -> None:
    """Whatever looks like a secret or an e-mail address is cut out of a text."""
    assert "canary" not in log.clean(f"it said {text} and failed")
    assert "abcd-0123" not in log.clean(text)


def test_events_are_json_lines_without_secrets() -> None:
    """Keys that name secrets are hidden, also nested ones, and bound values are there."""
    stream = io.StringIO()
    log.configure("info", stream=stream)
    with structlog.contextvars.bound_contextvars(connection="acme"):
        structlog.get_logger().info("task_written", access_token="canary", nested={"client_secret": "canary"}, task="00T1")
    line = json.loads(stream.getvalue())

    assert ("task_written", "acme", "00T1", "info") == (line["event"], line["connection"], line["task"], line["level"])
    assert "canary" not in stream.getvalue()


def test_tracebacks_show_no_variables() -> None:
    """An exception is logged without the values of arguments, one of which may be a token."""
    stream = io.StringIO()
    log.configure("info", stream=stream)

    def call(token: str) -> None:
        raise ValueError(f"refused {len(token)}")

    try:
        call("canary-argument")
    except ValueError:
        structlog.get_logger().exception("tick_crashed")

    assert "canary" not in stream.getvalue()
    assert "refused 15" in stream.getvalue()


def test_libraries_log_through_the_same_door() -> None:
    """A warning of a library is a JSON line too, and cleaned."""
    stream = io.StringIO()
    log.configure("info", stream=stream)
    logging.getLogger("urllib3").warning("retrying canary.person@example.com")

    assert "canary" not in stream.getvalue()
    assert "retrying" in json.loads(stream.getvalue())["event"]
