"""Judging: each shipped rule's one SELECT on SQLite beside a hand-written DuckDB query over the same rows, with equal results.

The book is synthetic and seeded: accounts, 3 people and 10 activities each on average, 7 in 10 of them touches, 3 milestones for
every 4 accounts. Both engines have their tables on disk and warm; the best of some rounds counts, interleaved.
"""

from __future__ import annotations

import csv
import random
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import duckdb
from sqlalchemy import Table

from refsync.bundled import bundled
from refsync.calendar import Duration, Unit
from refsync.company import Company
from refsync.model import Instant, parse_instant
from refsync.rules.compile import Compiled, compile_rule
from refsync.rules.files import load
from refsync.rules.rule import RuleSet
from refsync.store import tables
from refsync.store.engine import Store, open_store
from refsync.store.upsert import upsert

NOW = parse_instant("2026-11-20T12:00:00Z")
DAY = 86_400_000
USED = (
    tables.account,
    tables.user,
    tables.contact,
    tables.touch,
    tables.activity,
    tables.activity_contact,
    tables.milestone,
    tables.case,
)
Row = tuple[Any, ...]


def compare(*, accounts: int, rounds: int) -> Iterator[str]:
    """Yield a line per rule: rows, milliseconds of both engines, and their ratio."""
    rules = load(bundled("rules"), modes_live=True)
    with tempfile.TemporaryDirectory(prefix="refsync-bench-") as name:
        folder = Path(name)
        with open_store(f"sqlite:///{folder / 'bench.db'}") as store:
            peer = duckdb.connect(str(folder / "peer.duckdb"))
            for table in USED:
                rows = list(_rows(table, accounts))
                _load(store, peer, folder, table, rows)
            with store.write() as db:
                db.exec_driver_sql("ANALYZE")
            for rule, query in _QUERIES.items():
                yield _one(store, peer, rules, rule, query(rules.company), rounds)
            peer.close()


def _one(store: Store, peer: duckdb.DuckDBPyConnection, rules: RuleSet, name: str, query: str, rounds: int) -> str:
    rule = rules.rule(name)
    assert rule is not None, name
    brief, full = (compile_rule(rule, rules, "c", NOW, brief=less) for less in (True, False))
    only_ids = brief.statement.with_only_columns(brief.statement.selected_columns["subject_id"])

    def ids() -> set[str]:
        with store.read() as db:
            return set(db.execute(only_ids).scalars())

    def ranked() -> set[str]:
        return matches(brief)

    def facts() -> set[str]:
        return matches(full)

    def matches(compiled: Compiled) -> set[str]:
        with store.read() as db:
            rows = db.execute(compiled.statement).mappings()
            return {compiled.match(cast("Mapping[str, Any]", row)).subject_id for row in rows}

    def by_hand() -> set[str]:
        return {row[0] for row in peer.execute(query).fetchall()}

    mine, hers = ids(), by_hand()
    assert mine == hers == ranked() == facts(), f"{name}: {sorted(mine ^ hers)[:3]} only on one side"
    best = {side: min(_timed(side) for _round in range(rounds)) * 1000 for side in (ids, ranked, facts, by_hand)}
    told = (("SQLite", ids, " (goal 4)"), ("as matches to rank", ranked, ""), ("with every fact of every match", facts, ""))
    times = "; ".join(f"{label} {best[side]:,.0f} ms, ratio {best[side] / best[by_hand]:.1f}{goal}" for label, side, goal in told)
    return f"rule {name}: {len(mine):,} matches, identical sets; DuckDB by hand {best[by_hand]:,.0f} ms; {times}"


def _timed(call: Callable[[], object]) -> float:
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


def _load(store: Store, peer: duckdb.DuckDBPyConnection, folder: Path, table: Table, rows: Sequence[Row]) -> None:
    with store.write() as db:
        for start in range(0, len(rows), 50_000):
            upsert(db, table, rows[start : start + 50_000])
    path = folder / f"{table.name}.csv"
    with path.open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    columns = ", ".join(f"'{column.name}': '{_duck_type(column.type.python_type)}'" for column in table.columns)
    peer.execute(
        f"CREATE TABLE {table.name} AS SELECT * FROM read_csv('{path}', header=false, columns={{{columns}}}, nullstr='')"
    )
    path.unlink()


def _duck_type(kind: type) -> str:
    return {int: "BIGINT", float: "DOUBLE", bool: "BOOLEAN"}.get(kind, "VARCHAR")


def _rows(table: Table, accounts: int) -> Iterator[Row]:
    """Yield rows of one table in its column order; seeded by the table's name."""
    chance = random.Random(table.name)
    make: Callable[[int, random.Random], Iterator[dict[str, Any]]] = _MAKERS[table.name]
    for number in range(accounts):
        for values in make(number, chance):
            yield tuple(
                {"connection": "c", **values}.get(column.name, _empty(column.type.python_type, column.nullable))
                for column in table.columns
            )


def _empty(kind: type, nullable: bool | None) -> Any:
    return None if nullable else {str: "", int: 0, bool: False}.get(kind, 0.0)


def _past(chance: random.Random, days: float) -> Instant:
    return NOW - int(chance.random() * days * DAY)


def _accounts(number: int, chance: random.Random) -> Iterator[dict[str, Any]]:
    yield {
        "id": f"a{number}",
        "name": f"Account {number}",
        "owner_id": f"u{number % 300}",
        "status": "customer" if chance.random() < 0.6 else "prospect",
        "tier": chance.choice("AABBBCCCCC"),
        "annual_revenue": float(number),
        "created_at": _past(chance, 1500),
        "do_not_contact": chance.random() < 0.005,
    }


def _users(number: int, _chance: random.Random) -> Iterator[dict[str, Any]]:
    if number < 300:
        yield {"id": f"u{number}", "name": f"User {number}", "active": True}


def _contacts(number: int, _chance: random.Random) -> Iterator[dict[str, Any]]:
    for person in range(3):
        yield {"id": f"p{number}-{person}", "account_id": f"a{number}", "name": f"Person {number}-{person}"}


def _touches(number: int, chance: random.Random) -> Iterator[dict[str, Any]]:
    lively = chance.random()
    for each in range(int(14 * lively)):
        at = _past(chance, 60 + 900 * (1 - lively))
        person = f"p{number}-{each % 3}"
        yield {
            "activity_id": f"t{number}-{each}",
            "contact_id": person,
            "account_id": f"a{number}",
            "at": at,
            "channel": "call",
            "two_way": 1,
        }


def _activities(number: int, chance: random.Random) -> Iterator[dict[str, Any]]:
    for each in range(9):
        yield {
            "id": f"n{number}-{each}",
            "kind": "email",
            "direction": "out",
            "at": _past(chance, 900),
            "status": "done",
            "account_id": f"a{number}",
            "not_touch": "e-mail we sent",
        }
    if chance.random() < 0.15:
        at = NOW + int((chance.random() * 60 - 30) * DAY)
        yield {
            "id": f"k{number}",
            "kind": "task",
            "at": at,
            "status": "planned",
            "account_id": f"a{number}",
            "not_touch": "a task",
        }
    if chance.random() < 0.05:
        at = NOW + int(chance.random() * 30 * DAY)
        yield {
            "id": f"m{number}",
            "kind": "meeting",
            "at": at,
            "status": "planned",
            "account_id": f"a{number}",
            "not_touch": "planned",
        }


def _links(number: int, chance: random.Random) -> Iterator[dict[str, Any]]:
    if chance.random() < 0.5:
        yield {"activity_id": f"n{number}-0", "contact_id": f"p{number}-0"}


def _milestones(number: int, chance: random.Random) -> Iterator[dict[str, Any]]:
    for kind in ("signed", "implemented", "roi"):
        if chance.random() < 0.25:
            yield {
                "id": f"{kind}:{number}",
                "kind": kind,
                "account_id": f"a{number}",
                "reached": _past(chance, 900),
                "evidence": "",
            }


def _cases(number: int, chance: random.Random) -> Iterator[dict[str, Any]]:
    if chance.random() < 0.1:
        closed = None if chance.random() < 0.3 else NOW - DAY
        yield {
            "id": f"s{number}",
            "account_id": f"a{number}",
            "escalated": chance.random() < 0.5,
            "opened_at": _past(chance, 90),
            "closed_at": closed,
        }


_MAKERS: dict[str, Callable[[int, random.Random], Iterator[dict[str, Any]]]] = {
    "account": _accounts,
    "crm_user": _users,
    "contact": _contacts,
    "touch": _touches,
    "activity": _activities,
    "activity_contact": _links,
    "milestone": _milestones,
    "support_case": _cases,
}


def _ago(company: Company, days: int) -> Instant:
    return company.calendar.ago(NOW, Duration(days, Unit.DAYS))


def _neglected(company: Company) -> str:
    threshold = f"CASE a.tier WHEN 'A' THEN {_ago(company, 30)} WHEN 'B' THEN {_ago(company, 60)} ELSE {_ago(company, 120)} END"
    stale = company.calendar.ago(NOW, company.stale_task)
    soon = company.calendar.until(NOW, Duration(14, Unit.DAYS))
    long_ago = company.calendar.ago(NOW, Duration(2, Unit.YEARS))
    return f"""
        WITH last AS (
            SELECT account_id, max("at") AS touched, max("at") FILTER (WHERE two_way = 1) AS talked
            FROM touch WHERE "at" <= {NOW} GROUP BY account_id
        ), busy AS (
            SELECT account_id FROM activity
            WHERE kind = 'task' AND status = 'planned' AND "at" >= {stale}
               OR kind = 'meeting' AND status IN ('planned', 'done') AND "at" > {NOW} AND "at" < {soon}
        )
        SELECT a.id FROM account a LEFT JOIN last ON last.account_id = a.id
        WHERE a.status = 'customer' AND a.created_at < {_ago(company, 30)} AND NOT coalesce(a.do_not_contact, false)
          AND (last.touched IS NULL OR last.touched < {threshold})
          AND NOT coalesce(last.talked < {long_ago}, false)
          AND a.id NOT IN (SELECT account_id FROM busy)
          AND a.id NOT IN (SELECT account_id FROM support_case WHERE escalated AND closed_at IS NULL)
    """


def _ask(company: Company) -> str:
    long_ago = company.calendar.ago(NOW, Duration(2, Unit.YEARS))
    return f"""
        WITH last AS (SELECT account_id, max("at") AS talked FROM touch WHERE "at" <= {NOW} AND two_way = 1 GROUP BY account_id)
        SELECT m.id FROM milestone m JOIN account a ON a.id = m.account_id LEFT JOIN last ON last.account_id = a.id
        WHERE m.kind IN ('signed', 'implemented', 'roi') AND a.status = 'customer' AND NOT coalesce(a.do_not_contact, false)
          AND m.reached >= {_ago(company, 120)} AND m.reached < {_ago(company, 6)}
          AND last.talked >= {long_ago}
          AND a.id NOT IN (SELECT account_id FROM support_case WHERE escalated AND closed_at IS NULL)
    """


_QUERIES: dict[str, Callable[[Company], str]] = {
    "reconnect-neglected-customer": _neglected,
    "ask-referral-after-milestone": _ask,
}
