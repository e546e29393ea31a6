"""What SIGTERM and SIGINT do: the first asks for an end, the second is one.

A signal's handler runs in the main thread between any two of its instructions, also while that thread holds the lock of an event
or of a log. A handler that sets the event or logs would then wait for that lock for ever (docs.python.org, "signal": no locks in
handlers). This one does what may be done anywhere: it puts the signal into a SimpleQueue, whose `put` is promised to be
reentrant, and a thread of its own sets the event. It does no more: a daemon thread that is writing when the process ends ends it
by a fatal error.
"""

from __future__ import annotations

import signal
import threading
from queue import SimpleQueue
from types import FrameType

ENDING = (signal.SIGINT, signal.SIGTERM)


def stop_on_signals(stop: threading.Event) -> threading.Event:
    """Return the event, which SIGINT or SIGTERM sets from now on; the next of them ends the process at once.

    For the main thread alone. What a process that ends at once did is committed or will be repeated.
    """
    received = SimpleQueue[int]()

    def receive(number: int, _frame: FrameType | None) -> None:
        for each in ENDING:
            signal.signal(each, signal.SIG_DFL)
        received.put(number)

    def pass_on() -> None:
        received.get()
        stop.set()

    threading.Thread(target=pass_on, name="signals", daemon=True).start()
    for number in ENDING:
        signal.signal(number, receive)
    return stop
