"""refsync is killed at any moment of a tick, over real HTTP; two processes and two databases want the same CRM."""

from __future__ import annotations

import random
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from refsync.finding import State
from refsync.model import parse_instant
from refsync.store.engine import open_store
from refsync.sync.session import Session
from refsync.sync.tick import Report
from tests.faults import workplace
from tests.faults.workplace import NOW, Crm

WAIT_MS = 61_000


def sync(config: Path, *more: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", "from refsync.cli.main import main; main()", "sync", "--config", str(config)]
    command += ["--rules", str(config.parent.parent / "rules"), "--now", NOW, *more]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def tick(config: Path, *, later_ms: int = 0) -> Report:
    """Run a tick in this process, with a clock that is so far ahead."""
    folder = config.parent
    with open_store(f"sqlite:///{folder / 'refsync.db'}") as store:
        session = Session(workplace.connection(config), store, lambda: workplace.rules(folder.parent))
        try:
            now = parse_instant(NOW)
            return session.tick(now=now, approved=True, clock=lambda: time.time_ns() // 1_000_000 + later_ms)
        finally:
            session.close()


def killed_again_and_again(folder: Path, name: str, kills: int, seed: int) -> None:
    """Kill runs at random moments, let one come to its end, and compare with a run that nobody disturbed."""
    moments = random.Random(seed)
    workplace.make(folder, accounts=40)
    with workplace.sandbox(folder, name) as crm:
        config = workplace.configure(folder, name, crm.url, "undisturbed")
        workplace.approve(config)
        sync(config).communicate(timeout=60)
        requests = crm.requests()
        expected = {task["key"] for task in crm.tasks()}
        assert 5 < len(expected)
    with workplace.sandbox(folder, name) as crm:
        config = workplace.configure(folder, name, crm.url)
        workplace.approve(config)
        for _ in range(kills):
            kill_at(crm, sync(config), crm.requests() + moments.randint(1, requests))
        tick(config, later_ms=WAIT_MS)
        once_each(crm, config, expected)
        report = tick(config, later_ms=2 * WAIT_MS)
        assert report.pushed is not None
        assert (0, 0, 0) == (report.pushed.created, report.pushed.adopted, report.pushed.closed)
        once_each(crm, config, expected)


def kill_at(crm: Crm, process: subprocess.Popen[str], requests: int) -> None:
    """Kill a process as soon as the CRM has had so many requests in all, perhaps while it answers the last one."""
    while process.poll() is None and crm.requests() < requests:
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=30)


def once_each(crm: Crm, config: Path, expected: set[str]) -> None:
    """Every task is there, written once, and the ledger knows each as open."""
    assert dict.fromkeys(expected, 1) == dict(Counter(task["key"] for task in crm.tasks()))
    assert {("open", 1)} == {(task["status"], task["writes"]) for task in crm.tasks()}
    known = workplace.findings(config.parent / "refsync.db", crm.name)
    assert expected == {finding.key for finding in known if finding.state is State.OPEN}
    assert State.SENDING not in {finding.state for finding in known}


def test_killed_at_any_moment(tmp_path: Path) -> None:
    """After three kills of the process no task is missing, doubled, or unknown."""
    killed_again_and_again(tmp_path, "salesforce", kills=3, seed=1)


@pytest.mark.long
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("name", ["salesforce", "hubspot"])
@pytest.mark.parametrize("seed", range(40))
def test_killed_hundreds_of_times(tmp_path: Path, name: str, seed: int) -> None:
    """The same with 400 kills, of both CRMs."""
    killed_again_and_again(tmp_path, name, kills=5, seed=seed)


def test_second_process_is_refused_and_second_database_adopts(tmp_path: Path) -> None:
    """The second process on a database says why not; an older copy of the database and an empty one adopt every task."""
    workplace.make(tmp_path, accounts=40)
    with workplace.sandbox(tmp_path, "salesforce") as crm:
        config = workplace.configure(tmp_path, "salesforce", crm.url)
        older = workplace.configure(tmp_path, "salesforce", crm.url, "older")
        with open_store(f"sqlite:///{config.parent / 'refsync.db'}"):
            second = sync(config)
            said, _ = second.communicate(timeout=30)
            assert 0 != second.returncode
            assert "Traceback" not in said
            assert "stop it first" in said
        shutil.copy(config.parent / "refsync.db", older.parent / "refsync.db")
        written = tick(config)
        assert written.pushed is not None
        expected = {task["key"] for task in crm.tasks()}
        assert written.pushed.created == len(expected) > 5
        for other in (older, workplace.configure(tmp_path, "salesforce", crm.url, "empty")):
            report = tick(other)
            assert report.pushed is not None
            assert (0, len(expected)) == (report.pushed.created, report.as_json()["adopted"])
            once_each(crm, other, expected)
