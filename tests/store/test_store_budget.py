"""Calls counted in the store: never more than are allowed, over all processes, and few commits."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from threading import Thread

from hypothesis import given, settings
from hypothesis import strategies as st

from refsync.store.budget import SKEW_MS, StoreMeter
from refsync.store.engine import Database, Store, open_store

DAY = 86_400_000
names = count(1)


def used(meter: StoreMeter, allowed: int, *, now: int = 5, window_ms: int = DAY) -> int:
    """Take calls one by one until none is left, and return how many there were."""
    for taken in range(allowed + 1):
        if meter.take("calls", 1, allowed=allowed, window_ms=window_ms, now=now) != now:
            return taken
    return allowed + 1


@settings(max_examples=60, deadline=None)
@given(
    allowed=st.sampled_from([1, 3, 10, 37]),
    window_ms=st.sampled_from([1000, 10_000]),
    steps=st.lists(
        st.tuples(st.integers(0, 1), st.integers(1, 4), st.sampled_from([0, 0, 1, 400, 1000, 9000]), st.booleans()), max_size=60
    ),
)
def test_no_window_holds_more_than_is_allowed(
    store: Store, allowed: int, window_ms: int, steps: list[tuple[int, int, int, bool]]
) -> None:
    """Whoever takes how much whenever, and whoever dies with a block in hand: the windows keep to the limit."""
    connection, now = f"budget-{next(names)}", 0
    meters = [StoreMeter(store, connection), StoreMeter(store, connection)]
    counted = Counter[int]()
    for who, calls, later, dies in steps:
        now += later
        if dies:
            meters[who] = StoreMeter(store, connection)
        again = meters[who].take("calls", calls, allowed=allowed, window_ms=window_ms, now=now)
        assert again == now or again == now - now % window_ms + window_ms
        counted[now // window_ms] += calls if again == now else 0
        assert counted[now // window_ms] <= meters[who].spent("calls", window_ms=window_ms, now=now) <= allowed

    assert all(calls <= allowed for calls in counted.values())


def test_one_process_can_use_all_of_a_window(store: Store, connection: str) -> None:
    """Blocks lose nothing to a process that is alone, and the next window begins with all calls."""
    meter = StoreMeter(store, connection)

    assert (57, 57) == (used(meter, 57), used(meter, 57, now=DAY + 5))


def test_calls_are_not_commits(store: Store, connection: str) -> None:
    """A limit is taken in ten blocks, a very large one in blocks of a hundred."""
    commits = Commits(store)
    meter = StoreMeter(commits, connection)
    used(meter, 500)
    small, commits.count = commits.count, 0
    for _ in range(500):
        meter.take("many", 1, allowed=1_000_000, window_ms=DAY, now=5)

    assert (11, 5) == (small, commits.count)


class Commits(Store):
    """Counts the write transactions of another store."""

    def __init__(self, store: Store) -> None:
        super().__init__(store._writer, store._reader, store._meaning)
        self.count = 0

    @contextmanager
    def write(self) -> Iterator[Database]:
        self.count += 1
        with super().write() as db:
            yield db


def test_two_threads_share_a_meter(store: Store, connection: str) -> None:
    """Threads that take from one meter together get what is allowed, each call once."""
    meter, found = StoreMeter(store, connection), list[int]()
    threads = [Thread(target=lambda: found.append(used(meter, 300))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert 300 == sum(found)


def test_a_block_that_is_larger_than_the_limit_now_is_not_used(store: Store, connection: str) -> None:
    """A limit that falls counts at once, though calls of the old one are in hand."""
    meter = StoreMeter(store, connection)
    for _ in range(3):
        meter.take("calls", 1, allowed=100, window_ms=DAY, now=5)

    assert (DAY, 3) == (meter.take("calls", 1, allowed=3, window_ms=DAY, now=5), meter.spent("calls", window_ms=DAY, now=5))


def test_a_clock_that_is_ahead_opens_no_second_window(store: Store, connection: str) -> None:
    """When another machine's clock is a little ahead, both count in its window; a clock that was far ahead is forgotten."""
    ahead, behind = StoreMeter(store, connection), StoreMeter(store, connection)
    assert 10 == used(ahead, 10, now=1000, window_ms=1000)
    assert 0 == used(behind, 10, now=999, window_ms=1000)

    assert 10 == used(StoreMeter(store, connection), 10, now=60_000, window_ms=1000)
    assert 10 == used(behind, 10, now=60_000 - SKEW_MS - 1000, window_ms=1000)


PROCESS = """
import sys
from sqlalchemy import make_url
from refsync.store.database import sqlite
from refsync.store.budget import StoreMeter
from refsync.store.engine import Store

url = make_url(sys.argv[1])  # without the file lock, which keeps a second writer away from SQLite
meter = StoreMeter(Store(sqlite.write_engine(url), sqlite.read_engine(url), lambda error: None), "c")
print("ready", flush=True)
sys.stdin.readline()
taken = 0
while meter.take("calls", 1, allowed=2000, window_ms=86_400_000, now=5) == 5:
    taken += 1
print(taken)
"""


def test_two_processes_keep_to_one_limit(tmp_path: Path) -> None:
    """Two processes that take as much as they can get no more than the limit together, and lose at most a block."""
    url = f"sqlite:///{tmp_path / 'refsync.db'}"
    open_store(url).close()
    running = [
        subprocess.Popen([sys.executable, "-c", PROCESS, url], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    for process in running:
        assert process.stdout
        assert "ready\n" == process.stdout.readline()
    taken = [int(process.communicate("go\n", timeout=60)[0]) for process in running]

    assert 1900 <= sum(taken) <= 2000


def test_a_thread_waits_for_the_write_of_another(tmp_path: Path) -> None:
    """While the tick's thread is writing, a thread that reads from the CRM waits for a moment and then gets its calls."""
    with open_store(f"sqlite:///{tmp_path / 'refsync.db'}") as store:
        meter, found = StoreMeter(store, "c"), list[int]()
        thread = Thread(target=lambda: found.append(used(meter, 20)))
        with store.write():
            thread.start()
            thread.join(0.1)
            waited = thread.is_alive()
        thread.join(10)

    assert (True, [20]) == (waited, found)
