"""`refsync coverage`: how much of the book is in touch, what was asked and what came of it, and the referral check-list."""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterable, Sequence
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from refsync import log
from refsync.calendar import Duration, Unit
from refsync.cli.judging import BookOption, rules_folder, stores
from refsync.cli.screen import dump, out, table
from refsync.cli.workspace import DEFAULT_CONFIG, ConfigOption, ConnectionOption, JsonOption, NowOption, RulesOption, parse_now
from refsync.errors import UserError
from refsync.model import Instant, iso
from refsync.rules.coverage.checklist import Answer, answers
from refsync.rules.coverage.figures import COUNTED, Coverage, Figures, Row, measure
from refsync.rules.files.folder import load
from refsync.rules.rule import RuleSet
from refsync.store.engine import Database, Store, rows


class By(StrEnum):
    REP = "rep"
    TEAM = "team"
    SEGMENT = "segment"


COLUMNS = (
    "customers",
    "in touch",
    "cold people",
    "to prospects",
    "asks",
    "introductions",
    "revenue from referrals",
    "check-list",
)
MARKS = {True: "yes", False: "NO", None: "-"}


def coverage(
    by: Annotated[By, typer.Option("--by", help="One line for each of these.")] = By.REP,
    days: Annotated[int, typer.Option("--days", min=1, help="Asks, introductions and revenue of so many days.")] = 365,
    as_csv: Annotated[bool, typer.Option("--csv", help="CSV: one line each, with every figure and answer.")] = False,
    plot: Annotated[Path | None, typer.Option("--plot", help="Draw the coverage into this SVG file.")] = None,
    config: ConfigOption = DEFAULT_CONFIG,
    connection: ConnectionOption = None,
    book: BookOption = None,
    rules: RulesOption = None,
    now: NowOption = None,
    json: JsonOption = False,
) -> None:
    """Show the share of the book in touch, asks, introductions, revenue from referrals and the check-list. Writes nothing."""
    if json and as_csv:
        raise UserError("--json and --csv exclude each other")
    if plot and plot.suffix.lower() != ".svg":
        raise UserError(f"--plot {plot}: the name of the picture must end in .svg")
    log.configure("warning", for_people=not json)
    at = parse_now(now)
    loaded = load(rules_folder(rules, book, config))
    with stores(book, config, connection, loaded, at, quiet=json or as_csv) as found_in:
        found = {name: _measured(store, name, loaded, at, days) for name, store in found_in}
    if plot:
        for name, measured in found.items():
            path = plot if len(found) == 1 else plot.with_stem(f"{plot.stem}-{name}")
            path.write_text(picture(measured, by, at), encoding="utf-8")
    if json:
        shown = [{"connection": name, **as_json(one, by, loaded)} for name, one in found.items()]
        dump({"now": iso(at), "by": by.value, "days": days, "connections": shown})
    elif as_csv:
        _write_csv(found, by, loaded)
    else:
        for name, measured in found.items():
            show(measured, by, loaded, title=f"Coverage of {name} at {iso(at)}, by {by}; events of {days} days")
        if plot:
            out.print(f"drawn into {plot}" if len(found) == 1 else f"drawn beside {plot}", markup=False)


def _measured(store: Store, connection: str, rules: RuleSet, now: Instant, days: int) -> Coverage:
    with store.read() as db:
        return measured_in(db, connection, rules, now, days)


def measured_in(db: Database, connection: str, rules: RuleSet, now: Instant, days: int = 365) -> Coverage:
    """Return the coverage of a connection."""
    time = Duration(days, Unit.DAYS)
    return measure(partial(rows, db), rules, connection, now, time)


def show(found: Coverage, by: By, rules: RuleSet, *, title: str) -> None:
    """Print the table, and the check-list of everybody beside that of all."""
    rows = found.rows(by.value)
    total = Row(id="", name="all", team="", figures=found.all)
    table(title, (by.value, *COLUMNS), (_cells(row, rules) for row in (*rows, total)), right=COLUMNS)
    told = {row.name: answers(row.figures, rules.segments) for row in (*rows, total)}
    numbers = [str(number) for number in range(1, 1 + len(told["all"]))]
    out.print()
    table("Check-list", (by.value, *numbers), ((name, *(MARKS[one.yes] for one in given)) for name, given in told.items()))
    out.print()
    asked = ((number, one.question, MARKS[one.yes], one.figures) for number, one in zip(numbers, told["all"], strict=True))
    table("", ("", "question", "all", "figures of all"), asked)


def _cells(row: Row, rules: RuleSet) -> tuple[str, ...]:
    f, given = row.figures, answers(row.figures, rules.segments)
    return (
        row.name,
        f"{f.customers:,}",
        _per_cent(f.coverage),
        f"{f.cold:,} of {f.people:,}",
        _per_cent(f.prospect_share),
        f"{f.asks:,}" + (f" (+{f.asks_open:,} open)" if f.asks_open else ""),
        f"{f.introductions:,}",
        _money(f),
        _score(given),
    )


def _per_cent(share: int | None) -> str:
    return "-" if share is None else f"{share}%"


def _money(figures: Figures) -> str:
    return ", ".join(f"{amount:,.0f} {currency}".strip() for currency, amount in sorted(figures.revenue.items())) or "-"


def _score(given: Sequence[Answer]) -> str:
    judged = [one.yes for one in given if one.yes is not None]
    return f"{sum(judged)} of {len(judged)}"


def as_json(found: Coverage, by: By, rules: RuleSet) -> dict[str, Any]:
    """Return the figures and answers of everybody, and of all."""
    rows = [{"id": row.id, "name": row.name, "team": row.team, **_figures(row.figures, rules)} for row in found.rows(by.value)]
    return {"rows": rows, "all": _figures(found.all, rules)}


def _figures(figures: Figures, rules: RuleSet) -> dict[str, Any]:
    counted = {name: getattr(figures, name) for name in COUNTED}
    shares = {"coverage": figures.coverage, "prospect_share": figures.prospect_share, "revenue": dict(figures.revenue)}
    return {**shares, **counted, "checklist": [one.as_json() for one in answers(figures, rules.segments)]}


def _write_csv(found: dict[str, Coverage], by: By, rules: RuleSet) -> None:
    """Print a line for each row, revenue by currency and every answer in a column of its own."""
    measured = list(found.values())
    currencies = sorted({currency for one in measured for currency in one.all.revenue})
    questions = range(1, 1 + len(answers(Figures(), rules.segments)))
    heads = ["connection", by.value, "team", "coverage", "prospect_share", *COUNTED]
    heads += [f"revenue {currency}".strip() for currency in currencies] + [f"question {number}" for number in questions]
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(heads)
    for name, one in found.items():
        total = Row(id="", name="all", team="", figures=one.all)
        for row in (*one.rows(by.value), total):
            f = row.figures
            money = [f"{f.revenue.get(currency, 0):.2f}" for currency in currencies]
            marks = [{True: "yes", False: "no", None: ""}[given.yes] for given in answers(f, rules.segments)]
            counted = [getattr(f, column) for column in COUNTED]
            writer.writerow(
                [_plain(name), _plain(row.name), _plain(row.team), f.coverage, f.prospect_share, *counted, *money, *marks]
            )


def _plain(text: str) -> str:
    """Return a text that no spreadsheet takes for a formula (OWASP: CSV injection)."""
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text


def picture(found: Coverage, by: By, now: Instant) -> str:
    """Return the coverage as a picture: everybody beside the figure of their team, or of all."""
    from refsync.cli.chart import Bar, draw  # here: no other command should wait for what draws

    teams = {team.name: team.figures.coverage for team in found.teams}

    def beside(row: Row) -> int | None:
        return teams.get(row.team or "no manager") if by is By.REP else found.all.coverage

    bars = (Bar(name=row.name, share=row.figures.coverage, beside=beside(row)) for row in _largest(found.rows(by.value)))
    word = "of their team" if by is By.REP else "of all"
    return draw(f"Customers in touch, in per cent, {iso(now)[:10]}", list(bars), beside=word)


def _largest(rows: Iterable[Row], most: int = 40) -> list[Row]:
    """Return the rows with customers, the largest books first if there are too many for a picture, in their order."""
    known = [row for row in rows if row.figures.customers]
    kept = sorted(known, key=lambda row: -row.figures.customers)[:most]
    return [row for row in known if row in kept]
