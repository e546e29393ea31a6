"""What a process settles before it works: one heap for all threads, quick turns among them, and a collector with less to look at.

glibc gives each thread a heap of its own, and what one thread frees there no other uses. A batch is made by one thread and stored
by another, so that half of what was free lay idle (measured: 7 of 120 MB).

One thread at a time has the interpreter. Whoever comes back from the database waits for it until the thread that computes has had
its turn, and the database waits, too. Turns of 0.1 ms instead of 5 ms keep that short.

Python's garbage collector goes through all objects again and again while many new ones are made. Those of the imported modules
stay for as long as the process lives, so it is told to leave them out; and it looks at the others less often, because hundreds of
thousands of matches and findings are no garbage while a run judges them (measured: a fifth of judging was spent on that).
"""

from __future__ import annotations

import ctypes
import gc
import sys
from contextlib import suppress

M_ARENA_MAX = -8
"""glibc's malloc.h; see `man mallopt`."""
TURN = 0.0001
"""Seconds after which a thread that computes lets another one that waits go on."""

COLLECT = (20_000, 20, 20)
"""How many new objects the collector lets pass before it looks at them, and how many such looks before one at older ones."""


def settle() -> None:
    """Prepare the process, once it has imported its modules and before any thread is started."""
    gc.freeze()
    gc.set_threshold(*COLLECT)
    sys.setswitchinterval(TURN)
    with suppress(OSError, AttributeError):  # one heap only where the C library is glibc
        ctypes.CDLL(None).mallopt(M_ARENA_MAX, 1)
