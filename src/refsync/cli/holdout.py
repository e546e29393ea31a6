"""`refsync holdout`: whether the tasks of a rule change anything, told by those matches that get none."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any

import typer

from refsync import log
from refsync.cli.judging import rules_folder, stores
from refsync.cli.screen import dump, out, table
from refsync.cli.workspace import DEFAULT_CONFIG, ConfigOption, ConnectionOption, JsonOption, NowOption, RulesOption, parse_now
from refsync.model import iso
from refsync.rules.coverage.holdout import Compared, Side, compare
from refsync.rules.files.folder import load
from refsync.rules.rule import Kind
from refsync.store.engine import Store, rows

COLUMNS = ("rule", "what came of it", "with a task", "without", "difference", "95 of 100 times")
NUMBERS = COLUMNS[2:]


def holdout(
    days: Annotated[int, typer.Option("--days", min=1, help="So many days a match has for something to come of it.")] = 30,
    config: ConfigOption = DEFAULT_CONFIG,
    connection: ConnectionOption = None,
    rules: RulesOption = None,
    now: NowOption = None,
    json: JsonOption = False,
) -> None:
    """Compare what came of matches that get a task with those that a rule's `holdout` leaves out. Writes nothing."""
    log.configure("warning", for_people=not json)
    at = parse_now(now)
    loaded = load(rules_folder(rules, None, config))

    def compared(store: Store, name: str) -> tuple[Compared, ...]:
        with store.read() as db:
            return compare(partial(rows, db), loaded, name, at, days)

    with stores(None, config, connection, loaded, at, quiet=json) as found_in:
        found = {name: compared(store, name) for name, store in found_in}
    if json:
        shown = [{"connection": name, "rules": [_as_json(one) for one in told]} for name, told in found.items()]
        dump({"now": iso(at), "days": days, "connections": shown})
        return
    for name, told in found.items():
        if told:
            _show(f"Holdout of {name} at {iso(at)}, {days} days from each match", told, days)
        else:
            out.print(f'{name}: no rule has left anybody out yet; write holdout = "5%" in a rule that is live', markup=False)


def _show(title: str, told: tuple[Compared, ...], days: int) -> None:
    table(title, COLUMNS, map(_cells, told), right=NUMBERS)
    if any(one.young for one in told):
        out.print(f"{sum(one.young for one in told):,} matches are younger than {days} days and do not count yet")
    if any(one.difference for one in told):
        out.print("a difference may be chance where 0 lies within the last column")


def _cells(one: Compared) -> tuple[str, ...]:
    came = "an introduction" if one.kind is Kind.ASK else "a conversation"
    if one.difference is None:
        return one.rule, came, _side(one.given), _side(one.left_out), "-", "-"
    points, low, high = (round(100 * part) for part in one.difference)
    return one.rule, came, _side(one.given), _side(one.left_out), f"{points:+d} points", f"{low:+d} to {high:+d}"


def _side(side: Side) -> str:
    return "-" if side.share is None else f"{side.came:,} of {side.matches:,}, {side.share:.0%}"


def _as_json(one: Compared) -> dict[str, Any]:
    points, low, high = one.difference or (None, None, None)
    return {
        "rule": one.rule,
        "came": "introduction" if one.kind is Kind.ASK else "conversation",
        "with_task": {"matches": one.given.matches, "came": one.given.came},
        "without": {"matches": one.left_out.matches, "came": one.left_out.came},
        "young": one.young,
        "difference": points,
        "from": low,
        "to": high,
    }
