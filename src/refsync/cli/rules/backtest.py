"""`refsync rules backtest`: what the rules would have done over the last weeks."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

import typer

from refsync import log
from refsync.cli.judging import BookOption, rules_folder, stores
from refsync.cli.screen import dump, out, plural, table
from refsync.cli.workspace import DEFAULT_CONFIG, ConfigOption, ConnectionOption, JsonOption, NowOption, RulesOption, parse_now
from refsync.model import iso
from refsync.rules.files.folder import load
from refsync.rules.what_if import with_setting
from refsync.sync.dry_run.backtest import Backtest, backtest

NUMBERS = ("matches", "tasks", "cleared", "expired", "backlog")


def run_backtest(
    days: Annotated[int, typer.Option("--days", min=1, max=730, help="How many days back.")] = 90,
    sets: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="SEGMENT.PARAMETER=VALUE", help="Play it a second time with this setting."),
    ] = None,
    config: ConfigOption = DEFAULT_CONFIG,
    connection: ConnectionOption = None,
    book: BookOption = None,
    rules: RulesOption = None,
    now: NowOption = None,
    json: JsonOption = False,
) -> None:
    """Play the rules over past working days: tasks, what touches would have closed, what would have expired, per week and rep.

    Every rule that is not off plays as if it were live, on the data as it was known by each day. Nobody ticks anything off.
    """
    log.configure("warning", for_people=not json)
    at = parse_now(now)
    loaded = load(rules_folder(rules, book, config))
    ways = {"": loaded}
    if sets:
        tried = loaded
        for setting in sets:
            tried = with_setting(tried, setting)
        ways[", ".join(sets)] = tried
    told: dict[str, dict[str, Backtest]] = {}
    with stores(book, config, connection, loaded, at, quiet=json) as found_in:
        for of, store in found_in:
            with store.read() as db:
                told[of] = {way: backtest(db, of, played, at, days) for way, played in ways.items()}
    if json:
        dump({"now": iso(at), "days": days, "connections": {of: _as_json(ways) for of, ways in told.items()}})
        return
    for of, played_ways in told.items():
        for way, one in played_ways.items():
            _show(of, way, one)


def _as_json(ways: dict[str, Backtest]) -> list[dict[str, Any]]:
    return [{"with": way, **asdict(one)} for way, one in ways.items()]


def _show(connection: str, way: str, told: Backtest) -> None:
    heading = f"{connection}, {plural(told.days, 'working day')}" + (f", with {way}" if way else ", as the rules stand")
    rows = [(week.begins, *(f"{getattr(week, number):,}" for number in NUMBERS)) for week in told.weeks]
    table(heading, ("week of", *NUMBERS), rows, right=NUMBERS)
    out.print()
    words = ("tasks", "cleared", "expired", "open")
    table(
        "By rep", ("rep", *words), [(name, *(counts[word] for word in words)) for name, counts in told.reps.items()], right=words
    )
    out.print()
    table("By rule", ("rule", "tasks"), list(told.rules.items()), right=("tasks",))
    out.print(f"\nTaken as they are today: {', '.join(told.as_of_today)}. Nobody ticks anything off in a backtest.\n")
