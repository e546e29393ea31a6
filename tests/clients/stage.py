"""Where a trial takes place: a book, a stand-in that speaks https, and a tunnel that leads a CRM's hosts to it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import requests

from refsync_sandbox.generator import write_book
from tests.clients.certificates import write_certificates
from tests.clients.tunnel import Tunnel

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
ACCOUNTS = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """One trial's place."""

    clients: Path
    """Holds each client's own environment."""
    scratch: Path
    """A folder for this trial alone."""

    def python(self, client: str) -> Path:
        """Return the folder of a Python client's commands."""
        return self.clients / client / "bin"

    @property
    def node(self) -> Path:
        """The folder of the node clients, with their packages."""
        return self.clients / "node"

    @contextmanager
    def crm(self, name: str, *hosts: str) -> Iterator[Crm]:
        """Give a running stand-in, and a tunnel that leads the hosts, such as `.salesforce.com`, to it."""
        write_book(self.scratch / "book", accounts=ACCOUNTS, seed=7, now=NOW)
        names = [name for host in hosts for name in (f"login{host}", f"test{host}", f"*.my{host}", f"*{host}")]
        authority, certificate, key = write_certificates(self.scratch, "localhost", *names)
        command = [sys.executable, "-m", "refsync_sandbox", "--crm", name, "--book", str(self.scratch / "book")]
        command += ["--now", NOW.isoformat().replace("+00:00", "Z")]
        with (
            _serving(command) as plain,
            _serving([*command, "--certificate", str(certificate), "--key", str(key)]) as secure,
            Tunnel(int(secure.rpartition(":")[2]), *hosts) as tunnel,
        ):
            yield Crm(plain=plain, secure=secure, tunnel=tunnel, authority=authority, home=self.scratch)


@dataclass(frozen=True, slots=True, kw_only=True)
class Crm:
    """A stand-in twice, each with the book of its own: over http, and behind the tunnel over https."""

    plain: str
    secure: str
    tunnel: Tunnel
    authority: Path
    home: Path

    @property
    def environment(self) -> Mapping[str, str]:
        """What leads a client's calls to the stand-in and lets it trust the certificate."""
        trusted = ("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS", "CURL_CA_BUNDLE")
        led = ("HTTPS_PROXY", "https_proxy")
        own = {"HOME": str(self.home), "CRM_URL": self.plain}
        return own | dict.fromkeys(trusted, str(self.authority)) | dict.fromkeys(led, self.tunnel.url)

    def control(self, path: str, body: Any) -> None:
        """Do something to both stand-ins through their control API."""
        for url in (self.plain, self.secure):
            reply = requests.post(f"{url}/_sandbox/{path}", json=body, timeout=10, verify=str(self.authority))
            assert reply.ok, reply.text

    def count(self, *tables: str) -> int:
        """Return how many records of the CRM stand for rows of the book's tables."""
        ids = requests.get(f"{self.plain}/_sandbox/ids", timeout=10).json()
        return len({crm_id for table in tables for crm_id in ids.get(table, {}).values()})


@contextmanager
def _serving(command: list[str]) -> Iterator[str]:
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield str(json.loads(process.stdout.readline())["url"])
        finally:
            process.terminate()
