"""Judging: each shipped rule's one SELECT beside a hand-written DuckDB query over the same rows; a whole tick; one record.

All shipped rules are live. Sets are equal or it fails: the subjects of each rule on each engine, and who gets which task after
arbitration. DuckDB holds its tables in memory with its own number of threads, refsync's are on disk and warm. Every side is timed
fetching what a run ranks by, best of some rounds. REFSYNC_BENCH_BOOK names a folder in which the book is kept for the next time.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import duckdb

from bench.arbitration_by_hand import arbitration
from bench.rules_book import CONNECTION, NOW, write
from bench.rules_by_hand import COLUMNS, QUERIES, Cuts
from bench.rules_engines import duck, postgres, sqlite
from refsync import process
from refsync.bundled import bundled
from refsync.model import Stream
from refsync.plan import Approval, People, plan
from refsync.rules.files.folder import load
from refsync.rules.query.compile import compile_rule
from refsync.rules.rule import Match, Mode, Rule, RuleSet
from refsync.rules.why.explain import why
from refsync.store import tables
from refsync.store.database.bulk import in_bulk
from refsync.store.engine import Store
from refsync.store.records import directory
from refsync.sync.evaluate import judged, matches_and_ledger

Result = TypeVar("Result")
Task = tuple[str, str, str]
"""The rule that speaks, whom its task is about, and who gets it."""
MOST = 4
"""How many times DuckDB's time refsync may take."""
FASTER = 100
"""How many times faster one record is to be explained than all rules are judged."""
ROUNDS_OF_ONE_RECORD = 8
"""Rounds of what takes tens of milliseconds: so few that PostgreSQL still plans each statement anew, as for a command."""


def compare(*, accounts: int, rounds: int) -> Iterator[str]:
    """Yield a line per rule, one for the whole tick, and one for the explanation of a record."""
    process.settle()  # as the command line does
    rules = _live()
    kept = os.environ.get("REFSYNC_BENCH_BOOK")
    with nullcontext(kept) if kept else tempfile.TemporaryDirectory(prefix="refsync-bench-") as name:
        book = Path(name)
        if not (book / "account.csv").exists():
            write(book, accounts)
        peer = duck(book)
        with sqlite(book, book / "bench.db") as store, postgres(book) as other:
            sides = {"SQLite": store} | ({"PostgreSQL": other} if other else {})
            if not other:
                yield "PostgreSQL: no server found (REFSYNC_TEST_PG, or initdb and pg_ctl)"
            for rule in judged(rules):
                yield _one(peer, sides, rules, rule, rounds)
            yield _tick(peer, sides, rules, rounds)
            for side, where in sides.items():
                yield _explained(side, where, rules)
        peer.close()


def _live() -> RuleSet:
    """Return the shipped rules, all live, and asking during the sale, which a company must choose, chosen."""
    rules = load(bundled("rules"))
    chosen = ("signed", "implemented", "roi", "during the sale")
    segments = tuple(replace(one, parameters={**one.parameters, "ask_after": chosen}) for one in rules.segments)
    return replace(rules, segments=segments, rules=tuple(replace(rule, mode=Mode.LIVE) for rule in rules.rules))


def _one(peer: duckdb.DuckDBPyConnection, sides: dict[str, Store], rules: RuleSet, rule: Rule, rounds: int) -> str:
    query = QUERIES[rule.name](Cuts(rules.company))

    def by_hand() -> set[str]:
        return {row[0] for row in peer.execute(f"SELECT {', '.join(COLUMNS)} FROM ({query})").fetchall()}

    hers, best = by_hand(), _best(by_hand, rounds)
    parts = [f"{rule.name:32} {len(hers):7,} matches  DuckDB {best:6,.0f} ms"]
    for side, store in sides.items():
        statement = compile_rule(rule, rules, CONNECTION, NOW, brief=True).statement

        def ours(store: Store = store, statement: Any = statement) -> set[str]:
            with store.read() as db:
                return {row[0] for row in in_bulk(db, statement)}

        mine = ours()
        assert mine == hers, f"{rule.name} on {side}: {sorted(mine ^ hers)[:3]} only on one side"
        took = _best(ours, rounds)
        parts.append(f"{side} {took:6,.0f} ms, ratio {took / best:4.1f}")
    return "  ".join(parts)


def _tick(peer: duckdb.DuckDBPyConnection, sides: dict[str, Store], rules: RuleSet, rounds: int) -> str:
    query = arbitration(rules)

    def by_hand() -> set[Task]:
        return {(row[0], row[1], row[2]) for row in peer.execute(query).fetchall()}

    hers, best = by_hand(), _best(by_hand, rounds)
    parts = [f"all rules with arbitration: {len(hers):,} tasks  DuckDB {best:,.0f} ms"]
    for side, store in sides.items():

        def ours(store: Store = store) -> set[Task]:
            return _tasks(store, rules)

        mine = ours()
        assert mine == hers, f"the tasks on {side}: {sorted(mine - hers)[:3]} only here, {sorted(hers - mine)[:3]} only there"
        took = _best(ours, rounds)
        parts.append(f"{side} {took:,.0f} ms, ratio {took / best:.1f}")
    return "  ".join(parts) + f"  (goal {MOST})"


def _tasks(store: Store, rules: RuleSet) -> set[Task]:
    """Judge all rules and arbitrate, as a run does."""
    found, past = matches_and_ledger(store, judged(rules), rules, CONNECTION, NOW)
    matches = [match for some in found.values() for match in some]
    with store.read() as db:
        people = People(
            users=directory.users(db, CONNECTION),
            contact_owner=directory.owners(db, CONNECTION, Stream.CONTACTS, _named(matches, "contact_id")),
            deal_owner=directory.owners(db, CONNECTION, Stream.DEALS, _named(matches, "deal_id")),
        )
    planned = plan(matches, rules=rules, ledger=past, people=people, org="", now=NOW, approval=Approval(everything=True))
    return {(wish.rule.name, wish.subject_id, wish.owner_id) for wish in (*planned.write, *planned.notice)}


def _named(matches: list[Match], field: str) -> set[str]:
    found = (getattr(match, field) for match in matches if match.subject_kind != "account")
    return {one for one in found if one}


def _explained(side: str, store: Store, rules: RuleSet) -> str:
    """Compare every rule's SELECT about one account with the same in full, and say what the whole of `refsync why` takes.

    It is the account that most rules match: there every line of a rule is asked, what keeps an account away included.
    """
    asked = [rule for rule in judged(rules) if rule.for_each != "rep"]
    full = [compile_rule(rule, rules, CONNECTION, NOW, brief=True).statement for rule in asked]
    with store.read() as db:
        matched = Counter(row.account_id for statement in full for row in db.execute(statement))
    account_id = min(matched, key=lambda one: (-matched[one], one))
    there = [compile_rule(rule, rules, CONNECTION, NOW, brief=True, accounts=(account_id,)).statement for rule in asked]
    single = [statement.where(tables.account.c.id == account_id) for statement in there]

    def run(statements: Sequence[Any]) -> None:
        with store.read() as db:
            for statement in statements:
                db.execute(statement).all()

    def whole() -> None:
        with store.read() as db:
            assert why(lambda asked: [dict(row) for row in db.execute(asked).mappings()], rules, CONNECTION, account_id, NOW)

    run(single)
    whole()
    every, one, told = _best(lambda: run(full), 1), _best(lambda: run(single), ROUNDS_OF_ONE_RECORD), _best(whole, 3)
    share = f"1/{every / one:.0f} of all accounts (goal 1/{FASTER})"
    return f"{side}: one account by every rule {one:,.1f} ms, {share}; `refsync why` {told:,.0f} ms"


def _best(call: Callable[[], Result], rounds: int) -> float:
    """Return the milliseconds of the quickest of some rounds."""
    times = []
    for _round in range(rounds):
        began = time.perf_counter()
        call()
        times.append(time.perf_counter() - began)
    return min(times) * 1000
