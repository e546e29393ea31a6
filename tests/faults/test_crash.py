"""refsync is killed at any moment of a tick, over real HTTP; two processes and two databases want the same CRM."""

from __future__ import annotations

import csv
import multiprocessing
import random
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from refsync.finding import State
from refsync.model import iso, parse_instant
from refsync.store.engine import open_store
from refsync.sync.session import Session
from refsync.sync.tick import Report
from tests.faults import workplace
from tests.faults.workplace import NOW, Crm

WAIT_MS = 61_000
DAY = 24 * 3_600_000
FORK = multiprocessing.get_context("fork")  # the rules and the libraries are loaded already: a kill takes no second


def sync(config: Path, *more: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", "from refsync.cli.main import main; main()", "sync", "--config", str(config)]
    command += ["--rules", str(config.parent.parent / "rules"), "--now", NOW, *more]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def tick(config: Path, *, now: str = NOW, later_ms: int = 0, planned: Callable[[], None] = lambda: None) -> Report:
    """Run a tick in this process, with a clock that is so far ahead; `planned` is called before it plans and writes."""
    folder = config.parent

    def progress(step: str, _done: int) -> None:
        if step == "plan":
            planned()

    with open_store(f"sqlite:///{folder / 'refsync.db'}") as store:
        session = Session(workplace.connection(config), store, lambda: workplace.rules(folder.parent))
        try:
            clock = partial(_ahead, later_ms)
            return session.tick(now=parse_instant(now), approved=True, clock=clock, progress=progress)
        finally:
            session.close()


def _ahead(later_ms: int) -> int:
    return time.time_ns() // 1_000_000 + later_ms


@dataclass(frozen=True)
class Lasted:
    """How long a tick took, in seconds: before it planned and wrote, and from then on."""

    reading: float
    writing: float


class Days:
    """Days of a company: each morning somebody calls a customer, and refsync writes and closes tasks."""

    def __init__(self, crm: Crm, config: Path) -> None:
        self.crm, self.config = crm, config
        self._accounts = [row["id"] for row in csv.DictReader((config.parent.parent / "book" / "accounts.csv").open())]
        self._later = 0

    def morning(self, day: int) -> str:
        """Let the day begin and return when that is."""
        now = iso(parse_instant(NOW) + day * DAY)
        self.crm.wind(now)
        self.crm.call(self._accounts[7 * day % len(self._accounts)], now)
        return now

    def tick(self, now: str) -> Lasted:
        """Run a tick that nobody disturbs, when whatever was under way before it has timed out."""
        began, planned = time.monotonic(), []
        tick(self.config, now=now, later_ms=self._time_out(), planned=lambda: planned.append(time.monotonic()))
        return Lasted(planned[0] - began, time.monotonic() - planned[0])

    def killed_tick(self, now: str, usual: Lasted, moments: random.Random) -> bool:
        """Run a tick in a process of its own and kill that, mostly while it writes; return whether it was still at work."""
        heard, told = FORK.Pipe(duplex=False)
        options = {"now": now, "later_ms": self._time_out(), "planned": partial(told.send, "planned")}
        child = FORK.Process(target=tick, args=(self.config,), kwargs=options)
        child.start()
        if moments.random() < 0.8:
            heard.poll(30)
            child.join(moments.random() * usual.writing)
        else:
            child.join(moments.random() * usual.reading)
        child.kill()
        child.join()
        return child.exitcode == -signal.SIGKILL

    def _time_out(self) -> int:
        self._later += WAIT_MS
        return self._later

    def ledger(self) -> dict[str, State]:
        return {found.key: found.state for found in workplace.findings(self.config.parent / "refsync.db", self.crm.name)}


@dataclass(frozen=True)
class Peace:
    """What becomes of a company that nobody disturbs."""

    usual: list[Lasted]
    tasks: list[tuple[str, str, int]]
    ledger: dict[str, State]


@cache
def undisturbed(name: str, days: int) -> Peace:
    with TemporaryDirectory(prefix="refsync-peace-") as at:
        workplace.make(folder := Path(at), accounts=60, per_day=2)
        with workplace.sandbox(folder, name) as crm:
            company = Days(crm, workplace.configure(folder, name, crm.url))
            usual = [company.tick(company.morning(day)) for day in range(days)]
            return Peace(usual, shown(crm), company.ledger())


def killed_again_and_again(folder: Path, name: str, seed: int, *, days: int, a_day: int, most: int) -> int:
    """Kill some ticks of each day at random moments, `most` in all and mostly while they write, then let one end their work.

    Tasks and ledger are then those of a company that nobody disturbed. Returns how many ticks were killed.
    """
    peace, moments = undisturbed(name, days), random.Random(seed)
    workplace.make(folder, accounts=60, per_day=2)
    with workplace.sandbox(folder, name) as crm:
        disturbed = Days(crm, workplace.configure(folder, name, crm.url))
        kills = 0
        for day, lasted in enumerate(peace.usual):
            now = disturbed.morning(day)
            tries = (disturbed.killed_tick(now, lasted, moments) for _ in range(10 * a_day))  # some end before their time
            kills += len(list(islice((killed for killed in tries if killed), min(a_day, most - kills))))
            disturbed.tick(now)
            assert State.SENDING not in disturbed.ledger().values()
            assert {1} == set(Counter(task["key"] for task in crm.tasks()).values())
        assert peace.tasks == shown(crm)
        assert peace.ledger == disturbed.ledger()
    return kills


def shown(crm: Crm) -> list[tuple[str, str, int]]:
    """Return our tasks by key, with the state in which reps see them and how often refsync has written them."""
    return sorted((task["key"], task["status"], task["writes"]) for task in crm.tasks())


@pytest.mark.parametrize("name", ["salesforce", "hubspot"])
def test_killed_at_any_moment(tmp_path: Path, name: str) -> None:
    """After two kills of the process no task is missing, doubled, or unknown."""
    assert 0 < killed_again_and_again(tmp_path, name, 1, days=2, a_day=1, most=2)


@pytest.mark.long
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("name", ["salesforce", "hubspot"])
@pytest.mark.parametrize("seed", range(50))
def test_killed_a_thousand_times(tmp_path: Path, name: str, seed: int, record_property: Callable[[str, object], None]) -> None:
    """The same with 1,000 kills of each CRM's ticks, some in a row."""
    kills = killed_again_and_again(tmp_path, name, seed, days=10, a_day=3, most=20)

    record_property("kills", kills)
    assert 20 == kills


def test_second_process_is_refused(tmp_path: Path) -> None:
    """The second process on a database says why not, and what to do."""
    workplace.make(tmp_path, accounts=10)
    with workplace.sandbox(tmp_path, "salesforce") as crm:
        config = workplace.configure(tmp_path, "salesforce", crm.url)
        with open_store(f"sqlite:///{config.parent / 'refsync.db'}"):
            second = sync(config)
            said, _ = second.communicate(timeout=60)
    assert 0 != second.returncode
    assert "Traceback" not in said
    assert "stop it first" in said


@pytest.mark.parametrize("name", ["salesforce", "hubspot"])
def test_lost_and_older_databases_adopt(tmp_path: Path, name: str) -> None:
    """A database restored from yesterday and an empty one take over every task that they do not know, and write none."""
    workplace.make(tmp_path, accounts=40, per_day=3)
    with workplace.sandbox(tmp_path, name) as crm:
        here = Days(crm, workplace.configure(tmp_path, name, crm.url))
        here.tick(here.morning(0))
        yesterdays = {task["key"] for task in crm.tasks()}
        older = workplace.configure(tmp_path, name, crm.url, "older")
        shutil.copy(here.config.parent / "refsync.db", older.parent / "refsync.db")
        now = here.morning(1)
        here.tick(now)
        expected = shown(crm)
        open_now = {task["key"] for task in crm.tasks() if task["status"] == "open"}
        assert len(yesterdays) < len(expected)
        for other in (older, workplace.configure(tmp_path, name, crm.url, "empty")):
            pushed, known = tick(other, now=now).as_json(), Days(crm, other).ledger()
            assert 0 == pushed["created"]
            assert open_now == {key for key, state in known.items() if state is State.OPEN}
            assert State.SENDING not in known.values()
            assert expected == shown(crm)
