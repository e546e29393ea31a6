"""Runs each connection's tick on its schedule until it is told to end. No sync logic.

Laws: one connection never delays another (a worker and a lease each); a tick that failed is only ever that connection's; the
next run follows from the last success in the store, so a restart loop still runs. APScheduler's traps that are answered here:
issues #157, #285, #465, #515, #567 and #870 of agronholm/apscheduler.
"""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import structlog
from apscheduler.events import EVENT_JOB_ERROR, EVENT_JOB_MAX_INSTANCES, EVENT_JOB_MISSED, JobEvent
from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.jobstores.memory import MemoryJobStore
from apscheduler.schedulers.background import BackgroundScheduler

from refsync.signals import stop_on_signals

log = structlog.get_logger()

HEARTBEAT_S = 5
HEARTBEAT_LOST_S = 30
CLOCK_JUMP_S = 30
GRACE_S = 8
"""Seconds that workers get to end after a signal; the service manager is promised 10."""
EXIT_SCHEDULER_DIED = 70


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What the daemon does for one connection."""

    name: str
    every: float
    """Seconds."""
    tick: Callable[[], None]
    """Runs one tick; never raises for a reason that concerns this connection alone."""
    last_success: Callable[[], datetime | None]


@dataclass(slots=True)
class _Pulse:
    """The life signs that the supervisor watches, on the monotonic clock."""

    beat_at: float = field(default_factory=time.monotonic)
    offset: float = field(default_factory=lambda: time.time() - time.monotonic())

    def beat(self) -> None:
        self.beat_at = time.monotonic()

    def age(self) -> float:
        return time.monotonic() - self.beat_at

    def clock_jump(self) -> float:
        """Return by how many seconds the wall clock has moved against the monotonic clock since the last call."""
        offset = time.time() - time.monotonic()
        jump, self.offset = offset - self.offset, offset
        return jump


def run(jobs: Sequence[Job], stop: threading.Event) -> int:
    """Run the jobs until the stop event is set (SIGTERM and SIGINT set it). Return the exit code.

    0: ended as asked; 70: the scheduler died and the service manager should start the daemon anew.
    """
    stop_on_signals(stop)
    scheduler = _scheduler(len(jobs))
    pulse = _Pulse()
    _schedule(scheduler, jobs, pulse)
    scheduler.start()
    log.info("daemon_started", connections=[job.name for job in jobs], pid=os.getpid())
    _notify("READY=1")
    code = _supervise(scheduler, jobs, pulse, stop)
    log.info("daemon_stopping")
    _notify("STOPPING=1")
    _end(scheduler, stop)
    log.info("daemon_ended", code=code)
    return code


def _scheduler(connections: int) -> BackgroundScheduler:
    scheduler = BackgroundScheduler(
        timezone=UTC,
        jobstores={"default": MemoryJobStore()},  # jobs come from the config at every start
        executors={"default": ThreadPoolExecutor(connections + 2)},
        job_defaults={"misfire_grace_time": None, "coalesce": True, "max_instances": 1},
    )
    scheduler.add_listener(_note, EVENT_JOB_ERROR | EVENT_JOB_MISSED | EVENT_JOB_MAX_INSTANCES)
    return scheduler


def _schedule(scheduler: BackgroundScheduler, jobs: Sequence[Job], pulse: _Pulse) -> None:
    now = datetime.now(UTC)
    for job in jobs:
        last = job.last_success()
        due = max(now, last + timedelta(seconds=job.every)) if last else now
        scheduler.add_job(job.tick, "interval", seconds=job.every, id=job.name, next_run_time=due, replace_existing=True)
    scheduler.add_job(pulse.beat, "interval", seconds=HEARTBEAT_S, id=" heartbeat", next_run_time=now, replace_existing=True)


def _supervise(scheduler: BackgroundScheduler, jobs: Sequence[Job], pulse: _Pulse, stop: threading.Event) -> int:
    while not stop.wait(1.0):
        if pulse.age() > HEARTBEAT_LOST_S:
            log.error("scheduler_died", silent_s=round(pulse.age()))
            return EXIT_SCHEDULER_DIED
        if abs(jump := pulse.clock_jump()) > CLOCK_JUMP_S:
            log.warning("clock_jumped", seconds=round(jump))
            _schedule(scheduler, jobs, pulse)  # a step back would stop every job for as long
        _notify("WATCHDOG=1")
    return 0


def _end(scheduler: BackgroundScheduler, stop: threading.Event) -> None:
    """End the workers, or the process when they do not end: shutdown itself knows no time limit (apscheduler#157)."""
    stop.set()
    ended = threading.Thread(target=scheduler.shutdown, name="shutdown", daemon=True)
    ended.start()
    ended.join(GRACE_S)
    if ended.is_alive():
        log.warning("workers_abandoned", after_s=GRACE_S)
        os._exit(0)  # what they did is committed or will be repeated; interpreter exit would wait for them


def _note(event: JobEvent) -> None:
    names: Mapping[int, str] = {
        EVENT_JOB_ERROR: "job_failed",
        EVENT_JOB_MISSED: "job_missed",
        EVENT_JOB_MAX_INSTANCES: "tick_skipped",
    }
    error = getattr(event, "exception", None)
    log.warning(names[event.code], connection=event.job_id, error=str(error) if error else None)


def _notify(state: str) -> None:
    """Tell systemd (sd_notify(3)); does nothing elsewhere."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    if address.startswith("@"):
        address = "\0" + address[1:]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
        channel.connect(address)
        channel.sendall(state.encode())
