"""Reading ahead: the same items in the same order, made while others are in use, by one thread at a time."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from itertools import islice

import pytest
import structlog

from refsync.ahead import ahead


def test_items_come_out_in_order_each_once() -> None:
    """What is made is what is given out."""
    with ahead(iter(range(1000))) as items:
        assert list(range(1000)) == list(items)


def test_next_item_is_made_while_one_is_in_use() -> None:
    """The second item comes into being although nobody has asked for it yet; the third does not."""
    made = [threading.Event() for _ in range(3)]

    def making() -> Iterator[int]:
        for number, event in enumerate(made):
            event.set()
            yield number

    with ahead(making()) as items:
        first = next(items)
        second_is_made = made[1].wait(5)
        third_is_made = made[2].is_set()

    assert (0, True, False) == (first, second_is_made, third_is_made)


def test_error_comes_after_what_was_made_before_it() -> None:
    """Items before an error are not lost by reading ahead."""

    def making() -> Iterator[int]:
        yield 1
        yield 2
        raise LookupError("broken")

    with ahead(making()) as items:
        taken = list(islice(items, 2))
        with pytest.raises(LookupError, match="broken"):
            next(items)

    assert [1, 2] == taken


def test_whoever_stops_early_waits_for_the_call_under_way() -> None:
    """After the block no thread is left that still uses what makes the items."""
    in_call, may_end = threading.Event(), threading.Event()
    left: list[str] = []

    def making() -> Iterator[int]:
        yield 1
        in_call.set()
        may_end.wait(5)
        left.append("the call has ended")
        yield 2

    def stop_early() -> None:
        with ahead(making()) as items:
            next(items)
            in_call.wait(5)
            threading.Timer(0.05, may_end.set).start()

    stop_early()

    assert ["the call has ended"] == left


def test_log_lines_of_the_other_thread_name_the_run() -> None:
    """What is bound to log lines is bound to those that are written while reading ahead, too."""
    seen = []

    def making() -> Iterator[int]:
        seen.append(structlog.contextvars.get_contextvars().get("run"))
        yield 1

    with structlog.contextvars.bound_contextvars(run="r1"), ahead(making()) as items:
        list(items)

    assert ["r1"] == seen
