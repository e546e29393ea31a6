"""The stage of the demo: a book, a stand-in CRM in a process of its own, and a config.toml that points at it."""

from __future__ import annotations

import csv
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import requests

from refsync.book import Book
from refsync.errors import RefsyncError
from refsync.model import Instant, Stream, iso

CLIENT_ID = "refsync-demo"
SECRET = "only-for-the-demo"  # noqa: S105 - of a CRM that lives for the length of the demo, on loopback
STARTS_WITHIN_S = 300


@dataclass(frozen=True, slots=True)
class Sandbox:
    """A running stand-in CRM."""

    url: str

    def get(self, path: str) -> Any:
        """Return what its control API answers."""
        with requests.Session() as session:
            session.trust_env = False
            reply = session.get(f"{self.url}/_sandbox/{path}", timeout=60)
            reply.raise_for_status()
            return orjson.loads(reply.content)


@contextmanager
def sandbox(crm: str, book: Path, now: Instant) -> Iterator[Sandbox]:
    """Give a stand-in CRM that serves a book on loopback and takes `now` for the present; it ends with the block."""
    command = [sys.executable, "-m", "refsync_sandbox", "--crm", crm, "--book", str(book), "--now", iso(now)]
    command += ["--client-id", CLIENT_ID, "--client-secret", SECRET] if crm == "salesforce" else ["--token", SECRET]
    process = subprocess.Popen(  # noqa: S603 - our own module; in a session of its own Ctrl-C reaches us only
        command, stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    try:
        line = process.stdout.readline() if process.stdout else ""
        if not line:
            raise RefsyncError(f"the stand-in {crm} did not start (exit code {process.wait()})")
        yield Sandbox(url=orjson.loads(line)["url"])
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def generate(folder: Path, accounts: int, seed: int, now: Instant) -> None:
    """Write a believable book of business. Deterministic for its arguments."""
    command = [sys.executable, "-m", "refsync_sandbox", "generate", "--accounts", str(accounts), "--seed", str(seed)]
    command += ["--now", iso(now), str(folder)]
    done = subprocess.run(command, check=False, start_new_session=True)  # noqa: S603 - our own module
    if done.returncode:
        raise RefsyncError("the book could not be generated")


def copy_book(book: Path, to: Path) -> None:
    """Copy the CSV files of a book, so that tasks are written beside the copy."""
    to.mkdir(parents=True, exist_ok=True)
    for path in sorted(book.glob("*.csv")):
        shutil.copyfile(path, to / path.name)


def columns(book: Path) -> tuple[str, ...]:
    """Return the further columns that the accounts of a book have."""
    return Book.open(book).custom_columns(Stream.ACCOUNTS)


def write_config(folder: Path, crm: str, book: Path, running: Sandbox | None) -> Path:
    """Write the config.toml of the demo and the secret beside it; return its path."""
    secret = folder / "demo.secret"
    secret.write_text(SECRET)
    secret.chmod(0o400)
    lines = ['store = "refsync.db"', 'rules = "rules"', "", "[connection.demo]", f'connector = "{crm}"', 'every = "1 minute"']
    match crm:
        case "salesforce":
            lines += ['domain = "demo.my"', f'client_id = "{CLIENT_ID}"', 'client_secret = { file = "demo.secret" }']
            lines += [f'url = "{running.url}"', "settle_seconds = 0"] if running else []
        case "hubspot":
            lines += ['token = { file = "demo.secret" }']
            lines += [f'url = "{running.url}"', *_people(book, running)] if running else []
        case _:
            lines += [f"folder = {_quoted(str(book.resolve()))}"]
    path = folder / "config.toml"
    path.write_text("\n".join(lines) + "\n")
    return path


def _people(book: Path, running: Sandbox) -> Iterator[str]:
    """Yield what HubSpot does not keep of owners: their managers and time zones, by owner id."""
    ids: Mapping[str, str] = running.get("ids")["users"]
    with (book / "users.csv").open(encoding="utf-8-sig", newline="") as file:
        users: dict[str, Mapping[str, str]] = {row["id"]: row for row in csv.DictReader(file)}
    yield "[connection.demo.users]"
    for user in users.values():
        if user["id"] in ids:
            manager = _quoted(ids.get(user["manager_id"], ""))
            yield f"{_quoted(ids[user['id']])} = {{ manager = {manager}, time_zone = {_quoted(user['time_zone'])} }}"


def _quoted(text: str) -> str:
    return orjson.dumps(text).decode()  # a JSON string is a TOML string
