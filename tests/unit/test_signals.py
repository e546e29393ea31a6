"""The first signal asks for an end, whatever the main thread is doing; the second is one."""

from __future__ import annotations

import signal
import subprocess
import sys
import textwrap

import pytest


def run(program: str) -> subprocess.CompletedProcess[str]:
    """Run a program that gets signals. Raises TimeoutExpired when it hangs."""
    head = """
        import os, signal, sys, threading, time
        import structlog
        from refsync.signals import stop_on_signals
        stop = stop_on_signals(threading.Event())
    """
    text = textwrap.dedent(head) + textwrap.dedent(program)
    return subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, timeout=20, check=False)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_sets_the_event(number: signal.Signals) -> None:
    """SIGINT and SIGTERM end the wait."""
    done = run(f"""
        os.kill(os.getpid(), {number})
        assert stop.wait(10)
    """)

    assert 0 == done.returncode, done


def test_a_signal_may_come_while_the_event_is_being_asked() -> None:
    """The main thread holds the event's own lock when the signal comes: nothing waits for ever."""
    done = run("""
        with stop._cond:
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(0.1)
        assert stop.wait(10)
    """)

    assert 0 == done.returncode, done


def test_a_signal_may_come_while_a_line_is_being_logged() -> None:
    """The main thread holds the log's lock when the signal comes: nothing waits for ever."""
    done = run("""
        class Screen:
            def write(self, text):
                if "first" in text:
                    os.kill(os.getpid(), signal.SIGTERM)
                    time.sleep(0.1)
            def flush(self):
                pass
        structlog.configure(logger_factory=structlog.PrintLoggerFactory(Screen()), cache_logger_on_first_use=False)
        structlog.get_logger().info("first")
        assert stop.wait(10)
    """)

    assert 0 == done.returncode, done


def test_the_second_signal_ends_the_process() -> None:
    """Who asks twice does not want to wait: the process dies by the signal, as shells and service managers know it."""
    done = run("""
        os.kill(os.getpid(), signal.SIGTERM)
        stop.wait()
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(30)
    """)

    assert -signal.SIGTERM == done.returncode, done
