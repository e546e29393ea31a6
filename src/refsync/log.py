"""Logs: one JSON object a line, the event one action word, everything else a key. Nothing secret or personal."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any, TextIO

import structlog

HIDDEN = "…"
SECRET_KEYS = re.compile(r"token|secret|password|authorization|private_key|api_key|cookie", re.IGNORECASE)
SECRET_TEXT = re.compile(
    r"(?i)\b(bearer\s+)[\w.~+/!-]+=*"  # a header
    r"|\b(?:access_token|refresh_token|client_secret|assertion)=[^&\s\"']+"  # a form
    r"|\b00D\w{12,15}![\w.]+"  # a Salesforce session
    r"|\bpat-[a-z0-9]+-[0-9a-f-]{20,}"  # a HubSpot token
    r"|\beyJ[\w-]+\.[\w-]+\.[\w-]+"  # a JWT
)
E_MAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")


def clean(text: str) -> str:
    """Return a text without anything that looks like a secret or an e-mail address."""
    return E_MAIL.sub(HIDDEN, SECRET_TEXT.sub(HIDDEN, text))


def redact(_logger: object, _name: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Hide secrets and e-mail addresses in a log event: by the name of the key, and wherever a text holds one."""
    return {key: HIDDEN if SECRET_KEYS.search(key) else _redacted(value) for key, value in event.items()}


def _redacted(value: Any) -> Any:
    match value:
        case str():
            return clean(value)
        case dict():
            return redact(None, "", value)
        case list() | tuple():
            return [_redacted(item) for item in value]
        case bool() | int() | float() | None:
            return value
        case _:
            return clean(str(value))


def configure(level: str = "info", *, stream: TextIO | None = None, for_people: bool = False) -> None:
    """Send the logs of refsync and of its libraries to a stream (standard error): JSON lines, or aligned text for people."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    tracebacks = structlog.processors.ExceptionRenderer(
        structlog.tracebacks.ExceptionDictTransformer(show_locals=False)  # a token may be an argument
    )
    target = stream or sys.stderr
    renderer: structlog.typing.Processor = structlog.processors.JSONRenderer()
    if for_people:
        renderer = structlog.dev.ConsoleRenderer(colors=target.isatty())
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(level.upper())),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(target)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, tracebacks, redact, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level.upper())
    for name in ("apscheduler", "urllib3", "hubspot", "alembic", "simple_salesforce"):
        logging.getLogger(name).setLevel(max(root.level, logging.WARNING))
