"""Trouble with a CRM or a command as a person sees it: what, where, what to do, the exit code, and nothing secret."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from refsync.model import moment, parse_instant
from refsync_sandbox.generator import write_book

NOW = "2026-11-20T12:00:00Z"
SECRET = "canary-of-a-secret"


class _Page(BaseHTTPRequestHandler):
    """Something that is no CRM: it answers everything with a web page."""

    def do_GET(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        page = b"<html>[/] welcome</html>"
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(page)))
        self.end_headers()
        self.wfile.write(page)

    do_POST = do_GET  # noqa: N815 - the name http.server looks for

    def log_message(self, *_of_each_request: object) -> None:
        pass


@pytest.fixture
def page() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Page) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture
def folder(tmp_path: Path, page: str) -> Path:
    """Return a folder with a HubSpot that is none, and a book that is fine."""
    write_book(tmp_path / "book", accounts=20, seed=2, now=moment(parse_instant(NOW)))
    refsync(tmp_path, "init")
    (tmp_path / "token").write_text(SECRET)
    (tmp_path / "token").chmod(0o400)
    crm = f'[connection.crm]\nconnector = "hubspot"\ntoken = {{ file = "token" }}\nurl = "{page}"\n'
    (tmp_path / "config.toml").write_text(f'{crm}[connection.book]\nconnector = "files"\nfolder = "book"\n')
    return tmp_path


def refsync(folder: Path, *arguments: str, code: int = 0) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from refsync.cli.main import main; main()", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120, cwd=folder)
    assert code == done.returncode, f"{arguments}: {done.stdout}\n{done.stderr}"
    shown = done.stdout + done.stderr
    assert "Traceback" not in shown
    assert SECRET not in shown
    assert "\x1b" not in shown
    return done


def test_a_crm_that_is_none_does_not_keep_the_others_from_their_tick(folder: Path) -> None:
    """sync says of each connection what became of it; exit code 1 when one failed, 2 when all did."""
    crm, book = json.loads(refsync(folder, "sync", "--now", NOW, "--json", code=1).stdout)["connections"]
    alone = refsync(folder, "sync", "--now", NOW, "--connection", "crm", code=2)

    assert ("failed", "done") == (crm["outcome"], book["outcome"])
    assert "not JSON" in crm["error"]
    assert "crm  failed  " in alone.stderr


def test_check_says_which_connection_is_meant(folder: Path) -> None:
    """A problem of a connection has the place of its table in config.toml."""
    assert "config.toml:1:13: error: HubSpot" in refsync(folder, "check", code=1).stderr


def test_rules_that_only_watch_are_said_to_write_nothing(folder: Path) -> None:
    """After init nothing is written although rules match, and sync says why."""
    done = refsync(folder, "sync", "--now", NOW, "--connection", "book")

    assert 'nothing is written until mode = "live"' in done.stdout


@pytest.mark.parametrize(
    "arguments",
    [("status",), ("why", "Nobody"), ("rules", "preview", "no-rule"), ("sync", "--connection", "none"), ("init",)],
    ids=" ".join,
)
def test_a_command_that_cannot_run_is_json_too(folder: Path, arguments: tuple[str, ...]) -> None:
    """With --json the problems stand on standard output, as one document."""
    found = json.loads(refsync(folder, *arguments, "--json", code=2).stdout)

    assert found["errors"] == len(found["problems"]) > 0


@pytest.mark.parametrize("text", ["9999-12-31T23:59:59Z", "0001-01-01"])
def test_a_now_at_the_end_of_the_calendar_is_refused(folder: Path, text: str) -> None:
    """No year is left to count in."""
    done = refsync(folder, "rules", "preview", "reconnect-neglected-customer", "--book", "book", "--now", text, code=2)

    assert "between 1900 and 9000" in done.stderr


@pytest.mark.parametrize(
    "arguments",
    [("init", "config.toml"), ("demo", "--keep", "token"), ("sandbox", "--port", "70000"), ("sandbox", "--crm", "sugar")],
    ids=" ".join,
)
def test_what_cannot_be_used_is_named(folder: Path, arguments: tuple[str, ...]) -> None:
    """A file where a folder is needed, a port or CRM that is none: exit code 2 and the word that is wrong."""
    done = refsync(folder, *arguments, code=2)

    assert arguments[-1] in done.stderr or arguments[-2] in done.stderr
    assert "defect" not in done.stderr
