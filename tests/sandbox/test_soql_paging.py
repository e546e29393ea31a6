"""Pages: locators, and the keyset window that refsync reads with."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from functools import lru_cache

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from refsync_sandbox.clock import Clock
from refsync_sandbox.salesforce.database import connect, create, index
from refsync_sandbox.salesforce.ids import nth_id
from refsync_sandbox.salesforce.objects import standard
from refsync_sandbox.salesforce.queries import Queries
from refsync_sandbox.salesforce.refusals import Refused
from tests.sandbox.salesforce_org import DATA, NOW

SCHEMA = standard()
START = "2024-01-01T00:00:00Z"


def queries(seconds: list[int], clock: Clock | None = None) -> Queries:
    """Return an org of accounts, each changed so many seconds after the start."""
    database = connect()
    create(database, SCHEMA)
    rows = ((nth_id("001", n), f"2024-01-01T00:{s // 60:02d}:{s % 60:02d}.000+0000") for n, s in enumerate(seconds))
    database.executemany("INSERT INTO Account (Id, SystemModstamp) VALUES (?, ?)", rows)
    index(database, SCHEMA)
    return Queries(database, SCHEMA, clock or Clock(NOW))


@lru_cache
def empty() -> Queries:
    return queries([])


def window(asked: Queries, size: int) -> Iterator[tuple[str, str]]:
    """Yield (stamp, id) of all accounts by keyset pages of a size."""
    stamp, last = START, "000000000000000AAA"
    while True:
        text = (
            f"SELECT Id, SystemModstamp FROM Account WHERE SystemModstamp >= {stamp} AND SystemModstamp < 2024-02-01T00:00:00Z "
            f"AND (SystemModstamp > {stamp} OR Id > '{last}') ORDER BY SystemModstamp, Id LIMIT {size}"
        )
        page = orjson.loads(asked.run(text, DATA, everything=True))["records"]
        for row in page:
            yield row["SystemModstamp"], row["Id"]
        if len(page) < size:
            return
        stamp, last = page[-1]["SystemModstamp"].replace(".000+0000", "Z"), page[-1]["Id"]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 5), max_size=40), st.integers(1, 12))
def test_keyset_pages_bring_every_row_once_and_in_order(seconds: list[int], size: int) -> None:
    """However many rows share a stamp and wherever pages end, none is lost, repeated or out of order."""
    found = list(window(queries(seconds), size))

    expected = sorted((f"2024-01-01T00:00:{s:02d}.000+0000", nth_id("001", n)) for n, s in enumerate(seconds))
    assert expected == found


def pages(asked: Queries, text: str, size: int) -> Iterator[dict[str, object]]:
    page = orjson.loads(asked.run(text, DATA, everything=True, size=size))
    yield page
    while not page["done"]:
        page = orjson.loads(asked.more(page["nextRecordsUrl"].removeprefix(f"{DATA}/query/"), DATA))
        yield page


def test_locators_lead_through_all_pages() -> None:
    """A result larger than a page says so, and its URLs lead to every row once; the total is told on each page."""
    found = list(pages(queries([0] * 501), "SELECT Id FROM Account ORDER BY Id", 200))

    assert [200, 200, 101] == [len(page["records"]) for page in found]  # type: ignore[arg-type]
    assert {501} == {page["totalSize"] for page in found}
    assert "nextRecordsUrl" not in found[-1]


@pytest.mark.parametrize(("asked", "given"), [(1, 200), (200, 200), (700, 700), (9_000, 2_000)])
def test_the_batch_size_is_kept_within_bounds(asked: int, given: int) -> None:
    """A page has 200 to 2,000 rows, whatever is asked for."""
    first = next(pages(queries([0] * 2_100), "SELECT Id FROM Account", asked))

    assert given == len(first["records"])  # type: ignore[arg-type]


def test_old_locators_are_gone() -> None:
    """A locator that was idle for long, was pushed out by newer ones, or never was, is refused."""
    clock = Clock(NOW)
    asked = queries([0] * 300, clock)
    text = "SELECT Id FROM Account"
    first = orjson.loads(asked.run(text, DATA, everything=True, size=200))["nextRecordsUrl"].removeprefix(f"{DATA}/query/")
    asked.more(first, DATA)

    clock.move_to(clock.now() + timedelta(minutes=16))
    with pytest.raises(Refused, match="invalid query locator"):
        asked.more(first, DATA)

    second = orjson.loads(asked.run(text, DATA, everything=True, size=200))["nextRecordsUrl"].removeprefix(f"{DATA}/query/")
    for _ in range(10):
        asked.run(text, DATA, everything=True, size=200)
    with pytest.raises(Refused, match="invalid query locator"):
        asked.more(second, DATA)
    with pytest.raises(Refused, match="invalid query locator"):
        empty().more("0r8000000000000AAA-200", DATA)
