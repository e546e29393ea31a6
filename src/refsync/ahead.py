"""Reading ahead: the CRM is asked for the next part while the last one is worked on.

The law: batches come out in order, each once, and an error after those that came before it. Whoever stops early waits until the
call under way has ended (each has its own deadline), so that a connector is never used by two threads at a time.
"""

from __future__ import annotations

import contextvars
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import islice
from typing import TypeVar

Item = TypeVar("Item")


@contextmanager
def ahead(items: Iterator[Item]) -> Iterator[Iterator[Item]]:
    """Give the same items; while one is in use the next is already being made, in a thread that lives as long as the block."""
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="read ahead") as thread:
        yield _taken(thread, items)


def _taken(thread: ThreadPoolExecutor, items: Iterator[Item]) -> Iterator[Item]:
    logged_as = contextvars.copy_context()

    def make() -> list[Item]:
        return logged_as.run(lambda: list(islice(items, 1)))

    coming = thread.submit(make)
    while item := coming.result():
        coming = thread.submit(make)
        yield item.pop()  # kept nowhere here while the next one is awaited
