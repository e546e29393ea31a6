"""What holds for every test: no connection leaves this machine, and what the HubSpot stand-in answers is HubSpot's.

And a PostgreSQL, started when the first test asks for it.
"""

from __future__ import annotations

import ipaddress
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from tests.answers import Answers
from tests.postgresql import Unavailable, server

LOCAL_NAMES = {"localhost", "", None}


class OutboundRefusedError(OSError):
    """A test tried to reach something that is not on this machine."""


def _is_local(host: Any) -> bool:
    if isinstance(host, bytes):
        host = host.decode()
    if host in LOCAL_NAMES:
        return True
    try:
        return ipaddress.ip_address(host).is_loopback or host in {"0.0.0.0", "::"}  # noqa: S104 - to bind, not to reach
    except ValueError:
        return False


def _refuse_outbound(event: str, arguments: tuple[Any, ...]) -> None:
    if event == "socket.connect":
        address = arguments[1]
        if isinstance(address, tuple) and not _is_local(address[0]):
            raise OutboundRefusedError(f"a test may not connect to {address[0]}")
    elif event == "socket.getaddrinfo" and not _is_local(arguments[0]):
        raise OutboundRefusedError(f"a test may not look up {arguments[0]}")


sys.addaudithook(_refuse_outbound)


@pytest.fixture(scope="session")
def _answers() -> Iterator[Answers]:
    answers = Answers()
    end = answers.watch()
    yield answers
    end()


@pytest.fixture(autouse=True)
def _answers_are_hubspots(_answers: Answers) -> Iterator[None]:
    """Fail the test in which the HubSpot stand-in answers what HubSpot's own library cannot decode."""
    yield
    _answers.judge()


@pytest.fixture(scope="session")
def postgresql() -> Iterator[str]:
    """Give the address of a PostgreSQL database, for `postgresql.schema`; skip, and say why, where there is none."""
    with ExitStack() as stack:
        try:
            address = stack.enter_context(server())
        except Unavailable as reason:
            pytest.skip(str(reason))
        yield address
