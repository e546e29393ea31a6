"""The daemon: each connection on its own, next run from the last success, and an end within its time."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from datetime import UTC, datetime, timedelta

from refsync import daemon


def job(name: str, tick: object, *, every: float = 0.2, last: datetime | None = None) -> daemon.Job:
    return daemon.Job(name=name, every=every, tick=tick, last_success=lambda: last)  # type: ignore[arg-type]


def run_for(seconds: float, *jobs: daemon.Job) -> int:
    stop = threading.Event()
    threading.Timer(seconds, stop.set).start()
    return daemon.run(jobs, stop)


def test_a_slow_connection_does_not_delay_another() -> None:
    """While one tick hangs, the other connection runs on its schedule."""
    ran: list[float] = []
    hang = threading.Event()

    code = run_for(1.5, job("slow", lambda: hang.wait(1.4)), job("quick", lambda: ran.append(time.monotonic())))

    assert 0 == code
    assert len(ran) >= 2


def test_a_failing_tick_is_run_again() -> None:
    """An error that comes out of a tick neither ends the daemon nor its schedule."""
    tries: list[int] = []

    def fail() -> None:
        tries.append(1)
        raise RuntimeError("broken")

    assert 0 == run_for(1.0, job("broken", fail))
    assert len(tries) >= 2


def test_next_run_follows_from_the_last_success() -> None:
    """After a restart a connection that just succeeded waits for its interval; one that never did runs at once."""
    ran: list[str] = []
    just_now = datetime.now(UTC) - timedelta(seconds=1)

    run_for(
        1.0,
        job("fresh", lambda: ran.append("fresh"), every=3600, last=just_now),
        job("new", lambda: ran.append("new"), every=3600),
        job("overdue", lambda: ran.append("overdue"), every=3600, last=just_now - timedelta(hours=2)),
    )

    assert ["new", "overdue"] == sorted(ran)


def test_sigterm_ends_a_daemon_whose_worker_hangs() -> None:
    """SIGTERM exits 0 within ten seconds even when a tick ignores the stop event."""
    program = textwrap.dedent("""
        import threading, time
        from refsync import daemon
        def tick():
            print("ticking", flush=True)
            time.sleep(60)
        daemon.run([daemon.Job(name="hang", every=60, tick=tick, last_success=lambda: None)], threading.Event())
    """)
    process = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    assert process.stdout is not None
    while "ticking" not in process.stdout.readline():
        pass
    began = time.monotonic()
    os.kill(process.pid, signal.SIGTERM)

    assert 0 == process.wait(15)
    assert time.monotonic() - began < 10
