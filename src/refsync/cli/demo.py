"""`refsync demo`: a stand-in CRM, two real ticks over HTTP, what a rep would now see, and the coverage of the book."""

from __future__ import annotations

import resource
import shutil
import sys
import tempfile
import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from refsync import config as configuration
from refsync import log
from refsync.bundled import bundled
from refsync.calendar import Duration, Unit
from refsync.cli import coverage, stage
from refsync.cli.screen import Report, dump, err, listed, out, plural, progress, show_book, table
from refsync.cli.workspace import JsonOption, NowOption, RulesOption, parse_now
from refsync.company import Limits
from refsync.errors import UserError
from refsync.finding import WITH_TASK, Finding
from refsync.model import Instant, Stream, TaskStatus, iso
from refsync.rules.files.folder import load
from refsync.rules.rule import Mode, RuleSet, Setting
from refsync.store import ledger
from refsync.store.engine import Store, open_store
from refsync.store.records import directory
from refsync.sync.session import Session


class Crm(StrEnum):
    SALESFORCE = "salesforce"
    HUBSPOT = "hubspot"
    FILES = "files"


SHOWN_TASKS = 12
PICTURE = "coverage.svg"
ROOM = 30
"""So many tasks a rep and day, that each rule gets its turns; a real day has fewer."""
THANKS = {"thanked": "thanked_on", "value added": "value_added_on"}
"""Milestones that the shipped rules wait for, and the columns in which a generated book has them."""


def demo(
    crm: Annotated[Crm, typer.Option("--crm", help="Which CRM to stand in for.")] = Crm.SALESFORCE,
    book: Annotated[Path | None, typer.Option("--book", help="A folder of CSV files; it is not changed.")] = None,
    accounts: Annotated[int, typer.Option("--accounts", min=1, help="Without --book: how many accounts to generate.")] = 300,
    seed: Annotated[int, typer.Option("--seed", help="The seed of the generated book.")] = 7,
    rules: RulesOption = None,
    now: NowOption = None,
    keep: Annotated[Path | None, typer.Option("--keep", help="Keep the book, the database and the config here.")] = None,
    json: JsonOption = False,
) -> None:
    """Run the main job end to end on a stand-in CRM: pull, judge, write tasks; then again, writing nothing."""
    log.configure("warning" if json else "error", for_people=not json)
    at, began = parse_now(now), time.monotonic()
    shipped = load(rules or bundled("rules"), modes_live=True)
    with _folder(keep) as folder, progress(quiet=json) as show:
        served = _book(folder, book, accounts, seed, at, show)
        loaded = _live(shipped, stage.columns(served))
        show(f"start {crm}", 0)
        with stage.sandbox(crm, served, at) if crm != Crm.FILES else nullcontext() as running:
            config = stage.write_config(folder, crm, served, running)
            shutil.copytree(loaded.folder, folder / "rules", dirs_exist_ok=True)
            with open_store(configuration.load(config).store) as store:
                result = _play(store, configuration.load(config), loaded, at, show)
            requests = running.get("requests") if running else {"total": 0, "by_endpoint": {}}
    seconds = time.monotonic() - began
    covered = result.pop("coverage")
    result = {"crm": crm.value, "now": iso(at), "requests": requests, **result, "cost": _cost(seconds)}
    if keep:
        (keep / PICTURE).write_text(coverage.picture(covered, coverage.By.REP, at), encoding="utf-8")
    if json:
        dump({**result, "coverage": coverage.as_json(covered, coverage.By.REP, loaded)})
    else:
        _show(result)
        out.print()
        coverage.show(covered, coverage.By.REP, loaded, title="Coverage by rep: the book, and the referrals of a year")
        _show_end(result, keep)
    raise typer.Exit(0 if result["ticks"][1]["created"] == 0 else 1)


def _live(rules: RuleSet, columns: Collection[str]) -> RuleSet:
    """Return the rules as a demo needs them: no waiting until a condition has settled, room for a task of every motion.

    Where the book's accounts have the days on which they thanked us, the rules that wait for these are live, too.
    """
    company = replace(rules.company, settle=Duration(0, Unit.HOURS), limits=_roomy(rules.company.limits))
    if not set(THANKS.values()) <= set(columns):
        return replace(rules, company=company)
    mapped = {kind: _field(column) for kind, column in THANKS.items()}
    awake = (replace(rule, mode=Mode.LIVE) if rule.mode is Mode.OFF else rule for rule in rules.rules)
    segments = tuple(replace(one, parameters=_asking_early(one.parameters)) for one in rules.segments)
    return replace(
        rules,
        company=replace(company, milestones={**mapped, **company.milestones}),
        rules=tuple(awake),
        segments=segments,
    )


def _roomy(limits: Limits) -> Limits:
    return replace(limits, per_rep_per_day=ROOM, per_rep_per_week=3 * ROOM)


def _field(column: str) -> dict[str, str]:
    """Return where each CRM keeps a further column of the book's accounts."""
    custom = "_".join(word.capitalize() for word in column.split("_"))
    return {"salesforce": f"Account.{custom}__c", "hubspot": f"company.{column}", "files": f"accounts.{column}"}


def _asking_early(parameters: Mapping[str, Setting]) -> dict[str, Setting]:
    """Return the settings of a segment that asks during the sale, too."""
    after = parameters.get("ask_after", ())
    return {**parameters, "ask_after": (*after, "during the sale") if isinstance(after, tuple) else after}


@contextmanager
def _folder(keep: Path | None) -> Iterator[Path]:
    if keep is None:
        with tempfile.TemporaryDirectory(prefix="refsync-demo-") as folder:
            yield Path(folder)
        return
    if keep.exists() and any(keep.iterdir()):
        raise UserError(f"--keep {keep}: the folder is not empty; nothing was changed")
    keep.mkdir(parents=True, exist_ok=True)
    yield keep


def _book(folder: Path, book: Path | None, accounts: int, seed: int, now: Instant, show: Report) -> Path:
    """Return a book that may be written to: a copy of the given one, or a generated one."""
    served = folder / "book"
    if book is not None:
        show_book(book)
        stage.copy_book(book, served)
    else:
        show(f"write a book of {accounts:,} accounts", 0)
        stage.generate(served, accounts, seed, now)
    return served


def _play(store: Store, settings: configuration.Settings, rules: RuleSet, now: Instant, show: Report) -> dict[str, Any]:
    """Run two ticks and return what they did and what a rep sees after them."""
    session = Session(settings.connections[0], store, lambda: rules)
    try:
        first = session.tick(now=now, approved=True, progress=show).as_json()
        second = session.tick(now=now, approved=True).as_json()
        tasks = _tasks(store, session, rules)
        with store.read() as db:
            covered = coverage.measured_in(db, session.connection.name, rules, now)
    finally:
        session.close()
    columns = ("matches", "created", "closed", "held", "held_by", "held_rules", "waiting", "rejected", "set_aside", "partial")
    return {
        "pulled": first["pulled"],
        "ticks": [{column: tick[column] for column in columns} for tick in (first, second)],
        "tasks": tasks,
        "coverage": covered,
    }


def _tasks(store: Store, session: Session, rules: RuleSet) -> list[dict[str, Any]]:
    """Return our tasks that the CRM itself shows as open, with names instead of ids."""
    connector, connection = session.connector(rules), session.connection.name
    with store.read() as db:
        written = ledger.in_state(db, connection, *WITH_TASK)
        accounts = directory.names(db, connection, Stream.ACCOUNTS, {found.account_id or "" for found in written})
        contacts = directory.names(db, connection, Stream.CONTACTS, {found.contact_id or "" for found in written})
        owners = directory.names(db, connection, Stream.USERS, {found.owner_id for found in written})
    states = connector.tasks.find([found.task for found in written]) if connector.tasks else {}

    def shown(found: Finding) -> dict[str, Any]:
        return {
            "key": found.key,
            "rule": found.rule,
            "subject": found.subject,
            "text": found.text,
            "due_on": found.due_on.isoformat(),
            "account": accounts.get(found.account_id or ""),
            "contact": contacts.get(found.contact_id or ""),
            "owner": owners.get(found.owner_id),
            "crm_id": states[found.key].task_id,
        }

    seen = [found for found in written if found.key in states and states[found.key].status is TaskStatus.OPEN]
    return sorted(map(shown, seen), key=lambda task: (task["due_on"], task["owner"] or "", task["account"] or "", task["rule"]))


def _cost(seconds: float) -> dict[str, float]:
    """Return seconds and the peak memory, in MB, of this process and of the largest one it started."""
    unit = 1e6 if sys.platform == "darwin" else 1e3  # ru_maxrss is in bytes there, in kB elsewhere
    peaks = {
        "peak_memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit,
        "peak_memory_sandbox_mb": resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / unit,
    }
    return {"seconds": round(seconds, 1), **{name: round(peak, 1) for name, peak in peaks.items()}}


def _show(result: dict[str, Any]) -> None:
    first, second = result["ticks"]
    out.print(f"[bold]refsync demo[/] on a stand-in {result['crm']}, {result['now']}", markup=True)
    out.print(f"pulled   {listed(result['pulled'])}")
    out.print(f"matches  {listed(first['matches'])}")
    room = f"a rep's day has room for {ROOM} in this demo"
    out.print(f"tasks    [bold]{first['created']}[/] created, {first['held']:,} held back; {room}", markup=True)
    for reason, count in first["held_by"].items():
        out.print(f"         {count:,} by {reason}")
    again = "nothing was written again" if second["created"] == 0 else f"{second['created']} were written again: a defect"
    out.print(f"run 2    {again}")
    for rule, reason in first["held_rules"].items():
        err.print(f"held     {rule}: {reason}", markup=False)
    tasks = result["tasks"]
    columns = ("due_on", "owner", "account", "subject")
    out.print()
    table("What reps see now", columns, ([task[column] for column in columns] for task in tasks[:SHOWN_TASKS]))
    if len(tasks) > SHOWN_TASKS:
        out.print(f"… and {len(tasks) - SHOWN_TASKS} more")
    for task in {task["rule"]: task for task in reversed(tasks)}.values():
        out.print(f"\n[bold]{escape(task['subject'])}[/]  [dim]{escape(task['owner'] or '')}, {task['due_on']}[/]", markup=True)
        out.print(task["text"], markup=False)


def _show_end(result: dict[str, Any], keep: Path | None) -> None:
    cost = result["cost"]
    out.print(
        f"\n{plural(result['requests']['total'], 'request')}, {cost['seconds']} s, peak memory {cost['peak_memory_mb']:.0f} MB"
        f" (stand-in CRM {cost['peak_memory_sandbox_mb']:.0f} MB)"
    )
    if keep:
        ended = "" if result["crm"] == Crm.FILES else " (the stand-in CRM has ended; what only reads the database still works)"
        out.print(f"the coverage as a picture: {keep / PICTURE}")
        out.print(f"kept in {keep}; look around: refsync status --config {keep / 'config.toml'}{ended}")
