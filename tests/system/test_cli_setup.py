"""A CRM that is not prepared for tasks: check says so; check --setup creates what it can and lays out the rest."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import requests

from refsync.cli.stage import SECRET, sandbox, write_config
from refsync.model import instant
from refsync_sandbox.generator import write_book

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


def _check(folder: Path, *options: str) -> Any:
    command = [sys.executable, "-c", "from refsync.cli.main import main; main()", "check", "--json", *options]
    return json.loads(subprocess.run(command, cwd=folder, capture_output=True, check=False, timeout=60).stdout)


def test_setup_creates_the_key_property_that_check_misses(tmp_path: Path) -> None:
    """check alone writes nothing, however often; --setup mends what it reported."""
    write_book(tmp_path / "book", accounts=10, seed=2, now=NOW)
    init = [sys.executable, "-c", "from refsync.cli.main import main; main()", "init", str(tmp_path / "made")]
    subprocess.run(init, check=True, capture_output=True)
    (tmp_path / "made" / "rules").rename(tmp_path / "rules")
    with sandbox("hubspot", tmp_path / "book", instant(NOW)) as running:
        write_config(tmp_path, "hubspot", tmp_path / "book", running)
        address = f"{running.url}/crm/v3/properties/tasks/refsync_key"
        requests.delete(address, headers={"Authorization": f"Bearer {SECRET}"}, timeout=10).raise_for_status()
        missing, still_missing, mended = _check(tmp_path), _check(tmp_path), _check(tmp_path, "--setup")

    assert (1, 1, 0) == (missing["errors"], still_missing["errors"], mended["errors"])
    assert any("--setup" in problem["hint"] for problem in missing["problems"])


def test_setup_lays_out_what_salesforce_needs(tmp_path: Path) -> None:
    """check alone leaves no file; --setup writes an sf project beside the configuration and says how to deploy it."""
    write_book(tmp_path / "book", accounts=10, seed=2, now=NOW)
    init = [sys.executable, "-c", "from refsync.cli.main import main; main()", "init", str(tmp_path / "made")]
    subprocess.run(init, check=True, capture_output=True)
    (tmp_path / "made" / "rules").rename(tmp_path / "rules")
    with sandbox("salesforce", tmp_path / "book", instant(NOW)) as running:
        write_config(tmp_path, "salesforce", tmp_path / "book", running)
        _check(tmp_path)
        assert not list(tmp_path.glob("setup-*"))
        told = _check(tmp_path, "--setup")

    (folder,) = tmp_path.glob("setup-*")
    assert (folder / "manifest" / "package.xml").is_file()
    assert any("sf project deploy start" in problem["hint"] for problem in told["problems"])
