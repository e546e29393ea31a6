"""Answers to queries, page by page.

Law: what a query found is fixed when it is first run; later pages show those records as they are by then. A locator that is too
old, or pushed out by ten newer ones, is gone (salesforce.md 4, Paging).
"""

from __future__ import annotations

import sqlite3
from array import array
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache

import orjson

from refsync_sandbox.clock import Clock
from refsync_sandbox.salesforce.grammar import parse
from refsync_sandbox.salesforce.ids import nth_id
from refsync_sandbox.salesforce.plans import Plan, Planner
from refsync_sandbox.salesforce.refusals import Refused
from refsync_sandbox.salesforce.schema import Schema
from refsync_sandbox.salesforce.soql import Fault

PAGE = 2_000
SMALLEST_PAGE = 200
OPEN_LOCATORS = 10
IDLE = timedelta(minutes=15)


@dataclass(slots=True, kw_only=True)
class _Open:
    """A query whose pages are still being fetched."""

    plan: Plan
    rows: array[int]
    size: int
    used: datetime
    name: str = ""
    """Its locator, once there is one."""
    spent: int = 0
    """Up to which row its locators cannot be used any more."""


class Queries:
    """Runs queries on one database."""

    def __init__(self, database: sqlite3.Connection, schema: Schema, clock: Clock) -> None:
        self._database, self._schema, self._clock = database, schema, clock
        self._open: dict[str, _Open] = {}
        self._opened = 0
        self.page = PAGE
        """How many rows a page has at most, whatever is asked for: wide rows come in smaller pages."""
        self._plan = lru_cache(maxsize=256)(self._planned)

    def run(self, text: str, base: str, *, everything: bool, size: int = PAGE, trouble: str = "") -> bytes:
        """Return the first page of a query as JSON. `base` is the path of the API version. Raises Refused.

        `trouble` is `short_page`, `empty_page`, `same_page_again` or `locator_once` when that is to happen.
        """
        plan = self._plan(text, everything, (self._clock.now().toordinal(), self._schema.revision))
        if plan.columns:
            return self._aggregates(plan)
        rows = array("q", (number for (number,) in self._database.execute(plan.find, plan.values)))
        if plan.count_only:
            return _body(len(rows), [], "")
        size = min(max(SMALLEST_PAGE, min(size, PAGE)), self.page)
        return self._page(_Open(plan=plan, rows=rows, size=size, used=self._clock.now()), 0, base, trouble)

    def more(self, locator: str, base: str, *, trouble: str = "") -> bytes:
        """Return a later page by the last part of its URL. Raises Refused when the locator is unknown or too old."""
        name, _, offset = locator.partition("-")
        asked = self._open.get(name)
        now = self._clock.now()
        if asked is None or not offset.isdecimal() or int(offset) < asked.spent or now - asked.used > IDLE:
            raise Refused("INVALID_QUERY_LOCATOR", "invalid query locator")
        asked.used = now
        return self._page(asked, int(offset), base, trouble)

    def forget(self) -> None:
        """Let every locator given so far be gone."""
        self._open.clear()

    def _planned(self, text: str, everything: bool, _as_of: tuple[int, int]) -> Plan:
        try:
            return Planner(self._schema, everything=everything, today=self._clock.now().date()).plan(parse(text))
        except Fault as fault:
            raise fault.in_text(text) from None

    def _page(self, asked: _Open, start: int, base: str, trouble: str) -> bytes:
        size = max(1, min(asked.size, len(asked.rows) - start) // 2) if trouble == "short_page" else asked.size
        end = start if trouble == "empty_page" else start + size
        numbers = orjson.dumps(asked.rows[start:end].tolist()).decode()
        values = {**asked.plan.values, "page": numbers, "base": f"{base}/sobjects/"}
        rows = [row for (row,) in self._database.execute(asked.plan.show, values)]
        if trouble == "locator_once":
            asked.spent = end
        following = start if trouble == "same_page_again" else end
        more = f"{base}/query/{self._locator(asked)}-{following}" if following < len(asked.rows) else ""
        return _body(len(asked.rows), rows, more)

    def _locator(self, asked: _Open) -> str:
        """Return the name that an unfinished query is kept under; the oldest of too many is dropped."""
        if not asked.name:
            self._opened += 1
            asked.name = nth_id("0r8", self._opened)
            self._open[asked.name] = asked
            if len(self._open) > OPEN_LOCATORS:
                del self._open[next(iter(self._open))]
        return asked.name

    def _aggregates(self, plan: Plan) -> bytes:
        records = [
            {"attributes": {"type": "AggregateResult"}, **dict(zip(plan.columns, row, strict=True))}
            for row in self._database.execute(plan.find, plan.values)
        ]
        return orjson.dumps({"totalSize": len(records), "done": True, "records": records})


def _body(total: int, rows: list[str], more: str) -> bytes:
    following = f'"nextRecordsUrl":"{more}",' if more else ""
    done = "false" if more else "true"
    return f'{{"totalSize":{total},"done":{done},{following}"records":[{",".join(rows)}]}}'.encode()
