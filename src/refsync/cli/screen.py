"""What commands show: tables and colour for people on a terminal, JSON for machines, problems with their place."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from refsync.book import Book
from refsync.errors import Problem

WIDE = 140
"""Columns where there is no terminal to ask."""

out = Console(highlight=False, soft_wrap=True, markup=False, width=None if sys.stdout.isatty() else WIDE)
err = Console(stderr=True, highlight=False, soft_wrap=True, markup=False)

COLOURS = {"error": "bold red", "warning": "yellow", "hint": "cyan"}


def dump(value: object) -> None:
    """Print a value as JSON on standard output."""
    sys.stdout.write(orjson.dumps(value, option=orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS).decode() + "\n")


def show_problems(problems: Iterable[Problem]) -> None:
    """Print problems on standard error, each with its place and what to do."""
    for problem in problems:
        where = f"[bold]{escape(str(problem.place))}[/]: " if problem.place else ""
        err.print(f"{where}[{COLOURS[problem.severity]}]{problem.severity}[/]: {escape(problem.message)}", markup=True)
        if problem.hint:
            err.print(f"  [dim]=[/] {escape(problem.hint)}", markup=True)


def show_book(folder: Path, *, most: int = 20) -> None:
    """Print what is wrong in a book of business and how many rows are set aside. Raises BookError when it cannot be read."""
    report = Book.open(folder).report()
    aside = sum(count.set_aside for count in report.counts.values())
    show_problems(report.problems[:most])
    if len(report.problems) > most:
        err.print(f"… and {len(report.problems) - most:,} more", markup=False)
    if report.problems:
        err.print(f"{plural(aside, 'row')} of {folder} set aside, the rest goes on", markup=False)


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]], *, right: Sequence[str] = ()) -> None:
    """Print a table; columns named in `right` are numbers."""
    shown = Table(title=title, title_justify="left", title_style="bold", header_style="dim", box=None, pad_edge=False)
    for column in columns:
        shown.add_column(column, justify="right" if column in right else "left", overflow="fold")
    for row in rows:
        shown.add_row(*("" if cell is None else Text(str(cell)) for cell in row))
    out.print(shown)


Report = Callable[[str, int], None]
"""Told what is being done and how many of it are done."""


@contextmanager
def progress(*, quiet: bool) -> Iterator[Report]:
    """Give a function that shows how far long work is: a live display on a terminal, a line a step elsewhere."""
    if quiet and not err.is_terminal:
        yield lambda _step, _done: None
    elif err.is_terminal:
        with _live() as report:
            yield report
    else:
        yield _Lines()


class _Lines:
    """Prints a step when it begins, and then each time its number has grown tenfold or by 50,000."""

    def __init__(self) -> None:
        self._shown: dict[str, int] = {}

    def __call__(self, step: str, done: int) -> None:
        last = self._shown.get(step)
        if last is None or done >= max(10 * last, 1000) or done - last >= 50_000:
            self._shown[step] = done
            err.print(f"{step}: {done:,}" if done else f"{step} …", markup=False)


@contextmanager
def _live() -> Iterator[Report]:
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(bar_width=20), TextColumn("{task.fields[count]}"))
    with Progress(*columns, TimeElapsedColumn(), console=err, transient=True) as shown:
        tasks: dict[str, TaskID] = {}

        def report(step: str, done: int) -> None:
            if step not in tasks:
                for task in shown.tasks:
                    shown.update(task.id, total=1, completed=1)
                tasks[step] = shown.add_task(step, total=None, count="")
            shown.update(tasks[step], count=f"{done:,}" if done else "")

        yield report


def plural(count: int, one: str, many: str = "") -> str:
    """Return `1 task`, `2 tasks`."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def listed(counts: Mapping[str, Any]) -> str:
    """Return `12 a, 3 b`."""
    return ", ".join(f"{value:,} {name}" for name, value in counts.items())
