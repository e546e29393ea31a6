"""`python -m refsync_sandbox` as a process."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import requests

from tests.sandbox.salesforce_org import write_book


def started(*arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "refsync_sandbox", *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def test_it_says_where_it_answers_and_ends_on_sigterm(tmp_path: Path) -> None:
    """One JSON line when it accepts connections, answers under that URL, exit code 0 on SIGTERM."""
    book = write_book(tmp_path)
    with started("--crm", "salesforce", "--book", str(book), "--now", "2024-09-30T12:00:00Z") as process:
        assert process.stdout is not None
        said = json.loads(process.stdout.readline())
        health = requests.get(f"{said['url']}/_sandbox/health", timeout=5).json()
        process.send_signal(signal.SIGTERM)
        code = process.wait(10)

    assert (said["crm"], said["pid"]) == ("salesforce", process.pid)
    assert health["now"].startswith("2024-09-30T12:00")
    assert code == 0


def test_a_book_that_is_not_there(tmp_path: Path) -> None:
    """What has to be fixed is said without a traceback, exit code 2."""
    with started("--crm", "salesforce", "--book", str(tmp_path / "nowhere")) as process:
        _, errors = process.communicate(timeout=10)

    assert process.returncode == 2
    assert "there is no folder" in errors
    assert "Traceback" not in errors
