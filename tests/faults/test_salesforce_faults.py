"""Salesforce in a bad week: three calls in ten go wrong in one of its many ways, and the day's calls are few.

What must hold: in the end the mirror is what an undisturbed first sync brings, no task is there twice, and the org never counts
more calls of ours than we may make.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from refsync.book import Book
from refsync.errors import ConnectorError
from refsync.finding import State
from refsync.store.engine import Store, open_store
from refsync.store.tables import TABLE_OF, activity_contact
from refsync.sync.retry import Patience
from refsync_salesforce import first_load
from refsync_sandbox.clock import Clock
from refsync_sandbox.generator import write_book
from refsync_sandbox.salesforce import Salesforce
from refsync_sandbox.server import Sandbox
from tests.salesforce.company import Company
from tests.salesforce.sandboxed import NOW, Hands

SHARE, OWN_SHARE = 0.3, 0.01
CALLS_A_DAY = 400
READS = 0.8
"""The share of the day's calls at which reading stops; writing stops at 95 %."""
DAYS = 20

READING = (
    *("session_expired", "session_expired_html", "session_expired_object", "concurrent_limit", "unavailable", "unavailable_html"),
    *("unknown_exception", "query_timeout", "locator_gone", "short_page", "empty_page", "next_at_the_end", "no_next"),
    *("same_page_again", "other_order", "other_total"),
)
JOBS = ("session_expired_bulk", "job_failed", "job_aborted", "no_result_headers", "unavailable")
WRITING = ("some_rows_locked", "duplicate_race", "row_locked", "unavailable", "unknown_exception", "session_expired")
ANYWHERE = ("close", "reset", "cut", "short", "empty", "object", "html")


def catalogue(seed: int) -> list[dict[str, Any]]:
    """Return faults of every kind: three calls in ten go wrong on the line, and some more in Salesforce's own ways."""
    lines = [{"kind": kind, "when": when} for kind in ANYWHERE for when in ("before", "after")]
    own = [
        *({"name": name, "endpoint": "GET query*"} for name in READING),
        *({"name": name, "endpoint": "GET jobs/query/*"} for name in JOBS),
        *({"name": name, "endpoint": "* composite/sobjects"} for name in WRITING),
        *({"name": name, "endpoint": "* composite/sobjects", "when": "after"} for name in ("unavailable", "unknown_exception")),
        {"name": "unavailable_html", "endpoint": "POST *"},
    ]
    likely = 1 - (1 - SHARE) ** (1 / len(lines))
    armed = [
        *({"kind": "own", "probability": OWN_SHARE, **one} for one in own),
        *({"probability": likely, **one} for one in lines),
    ]
    return [one | {"seed": seed * 1000 + number} for number, one in enumerate(armed)]


class Week:
    """refsync and its org, day after day."""

    def __init__(self, hands: Hands, store: Store, **options: Any) -> None:
        self.hands = hands
        self.company = Company(hands, store, daily_share=READS, page_size=20, **options)
        self.company.patience = Patience(attempts=4, first_pause=0.001, longest_pause=0.005, longest_retry_after=0.1)
        self.spent: list[int] = []
        """How many calls the org counted in each day."""

    def day(self, ticks: int) -> None:
        """Let a day pass, with its ticks; whatever goes wrong ends a tick and not the day."""
        self.hands.later(days=1)
        for _ in range(ticks):
            with suppress(ConnectorError):
                self.company.tick(minutes=20)
        self.spent.append(self.hands.crm._administration._org.usage.used)


def mirrored(store: Store) -> dict[str, set[tuple[Any, ...]]]:
    """Return every row of the mirror by table."""
    with store.read() as db:
        return {table.name: {tuple(row) for row in db.execute(select(table))} for table in (*TABLE_OF.values(), activity_contact)}


@pytest.fixture
def in_no_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let query jobs be looked at without a pause."""
    monkeypatch.setattr(first_load, "LOOKS", (0.001,))


@pytest.fixture
def org(tmp_path: Path) -> Iterator[Hands]:
    """An org with a book of a few customers, and few calls a day."""
    write_book(tmp_path / "book", accounts=15, seed=5, now=NOW)
    clock = Clock(NOW)
    crm = Salesforce.load(Book.open(tmp_path / "book"), clock)
    with Sandbox(crm, clock) as sandbox:
        hands = Hands(sandbox, crm)
        hands.org({"do": "limit", "most": CALLS_A_DAY})
        yield hands


def bad_week(hands: Hands, seed: int, days: int, **options: Any) -> Counter[str]:
    """Live through bad days and some good ones, compare with an undisturbed sync, and return what went wrong how often."""
    with open_store("sqlite://") as store, open_store("sqlite://") as fresh:
        week = Week(hands, store, **options)
        hands.trouble(*catalogue(seed))
        hands.calls()
        for _ in range(days):
            week.day(ticks=3)
        calls, struck = sum(hands.calls().values()), Counter[str]()
        for one in hands.armed():
            struck[one["name"] or one["kind"]] += one["struck"]
        assert 0.25 < struck.total() / calls < 0.45
        hands.calm()
        for _ in range(2):
            week.day(ticks=3)
        hands.org({"do": "limit", "most": 100_000})
        Company(hands, fresh).tick(dry_run=True, minutes=1)
        keys = Counter(one["key"] for one in hands.tasks() if one["key"])
        known = {one.key: one.state for one in week.company.findings()}

        assert mirrored(fresh) == mirrored(store)
        assert keys
        assert {1} == set(keys.values())
        assert State.SENDING not in known.values()
        assert max(week.spent) <= 0.95 * CALLS_A_DAY
        return struck


@pytest.mark.parametrize("bulk_from", [0, 10])
def test_bad_days(org: Hands, in_no_time: None, bulk_from: int) -> None:
    """After two bad days, page by page or by query jobs, everything is as if nothing had happened."""
    assert bad_week(org, seed=1, days=2, bulk_from=bulk_from).total() > 20


@pytest.mark.long
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("bulk_from", [0, 10])
@pytest.mark.parametrize("seed", range(10))
def test_bad_months(org: Hands, in_no_time: None, bulk_from: int, seed: int) -> None:
    """The same for many seeds and 20 bad days each, with every kind of reading fault."""
    struck = bad_week(org, seed=seed, days=DAYS, bulk_from=bulk_from)

    assert {*READING, *ANYWHERE} <= {name for name, times in struck.items() if times}
