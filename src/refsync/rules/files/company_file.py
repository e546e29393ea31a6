"""company.toml: what a company decides for all its rules."""

from __future__ import annotations

import re
from collections.abc import Collection
from datetime import date, datetime, time
from fnmatch import fnmatchcase
from zoneinfo import ZoneInfo, available_timezones

from refsync.calendar import Calendar, Duration, unknown_holidays
from refsync.company import AskLimits, Away, Company, KindAndDirection, Limits, TouchPolicy
from refsync.errors import Problem, did_you_mean
from refsync.model import ActivityKind, Direction, Stream
from refsync.rules.files.table import Table
from refsync.rules.rule import Kind
from refsync.toml_source import TomlSource

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
FEEDS = (*(stream.value for stream in Stream), "escalations")
TOUCHING = (ActivityKind.CALL, ActivityKind.MEETING, ActivityKind.EMAIL, ActivityKind.MESSAGE, ActivityKind.NOTE)
TOUCHES = {
    f"{kind.value}{way}": (kind, found) for kind in TOUCHING for way, found in (("", None), *((f" {d}", d) for d in Direction))
}
IGNORABLE = ("automated", "bounced", "no_show")
ASSIGNEES = ("contact.owner", "account.owner", "deal.owner", "account.owner.manager", "introduction.rep", "rep", "rep.manager")
NAMED = ("user:", "queue:")
"""How somebody is named: by e-mail, or a user or queue by name."""
AWAY = ("use next", "wait until back")


def read_company(source: TomlSource, rules: Collection[str], problems: list[Problem]) -> Company:
    """Return the settings, but for the milestones of facts.toml; what is wrong is noted and left at its default."""
    table, default = Table(source, problems), Company()
    touch, stale = _touch(table.table("touch"), default)
    limits, ask = _limits(table.table("limits"), rules)
    freshness, silent_owner = _freshness(table.table("freshness"))
    assign, away = _assign(table.table("assign"))
    found = Company(
        calendar=_calendar(table),
        task_hours=_task_hours(table, default.task_hours),
        settle=table.duration("settle", default.settle),
        freshness=freshness or default.freshness,
        silent_owner=silent_owner,
        touch=touch,
        stale_task=stale,
        assign=assign or default.assign,
        away=away,
        limits=limits,
        ask=ask,
        first_wins=_order(table.table("order"), rules),
    )
    table.done()
    return found


def _calendar(table: Table) -> Calendar:
    zone = table.text("time_zone", "UTC")
    if not _is_zone(zone):
        hint = did_you_mean(zone, available_timezones()) or "write an IANA name such as Europe/Berlin"
        table.note(f'there is no time zone "{zone}"', hint, at=("time_zone",))
        zone = "UTC"
    named = table.texts("working_days", DAYS[:5], choices=DAYS)
    if table.data.get("working_days") == []:
        table.note("a week needs a working day", at=("working_days",))
    holidays = table.texts("holidays")
    for unknown in unknown_holidays(holidays):
        hint = "write a country or subdivision such as DE or DE-BY"
        table.note_item("holidays", unknown, f'no public holidays are known for "{unknown}"', hint)
    known = tuple(name for name in holidays if name not in unknown_holidays(holidays))
    return Calendar(zone, frozenset(DAYS.index(day) for day in named or DAYS[:5]), known, _closed(table))


def _is_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (ValueError, OSError, KeyError):  # ZoneInfoNotFoundError is a KeyError; a folder of zones is an OSError
        return False
    return True


def _closed(table: Table) -> frozenset[date]:
    days = table.data["closed"] if table.has("closed") else []
    if not isinstance(days, list) or not all(isinstance(day, date) and not isinstance(day, datetime) for day in days):
        table.note("closed must be a list of days", "write closed = [2026-12-24], without quotes", at=("closed",))
        return frozenset()
    return frozenset(days)


def _task_hours(table: Table, default: tuple[time, time]) -> tuple[time, time]:
    text = table.text("task_hours", "09:00-17:00")
    found = re.fullmatch(r"(\d\d):(\d\d)-(\d\d):(\d\d)", text)
    try:
        if not found:
            raise ValueError(text)
        begin, end = time(int(found[1]), int(found[2])), time(int(found[3]), int(found[4]))
        if begin >= end:
            raise ValueError(text)
    except ValueError:
        table.note(f'"{text}" is no span of hours', 'write task_hours = "09:00-17:00"', at=("task_hours",))
        return default
    return begin, end


def _freshness(table: Table | None) -> tuple[dict[str, Duration], Duration | None]:
    """Return how old each feed may be, and for how long a rep may be silent."""
    if table is None:
        return {}, None
    silent = table.length(table.data["silent_owner"], "silent_owner") if table.has("silent_owner") else None
    found = {}
    for feed in table.data:
        if feed in FEEDS:
            found[feed] = table.duration(feed, Duration(6, Company().settle.unit))
    table.known.update(FEEDS)
    table.done()
    return found, silent


def _touch(table: Table | None, default: Company) -> tuple[TouchPolicy, Duration]:
    if table is None:
        return default.touch, default.stale_task
    kinds = _kinds(table, "kinds", default.touch.kinds)
    two_way = _kinds(table, "two_way", default.touch.two_way & kinds)
    for kind, direction in sorted(two_way, key=str):
        if (kind, direction) not in kinds and (kind, None) not in kinds:
            name = f"{kind.value} {direction.value}" if direction else kind.value
            table.note_item("two_way", name, f'"{name}" is two-way but no touch', "add it to kinds")
    policy = TouchPolicy(
        kinds=kinds,
        two_way=two_way,
        ignore=frozenset(table.texts("ignore", IGNORABLE, choices=IGNORABLE)),
        unconfirmed_meetings=table.yes_no("unconfirmed_meetings", default=False),
    )
    stale = table.duration("stale_task", default.stale_task)
    table.done()
    return policy, stale


def _kinds(table: Table, key: str, default: frozenset[KindAndDirection]) -> frozenset[KindAndDirection]:
    if not table.has(key):
        return default
    return frozenset(TOUCHES[name] for name in table.texts(key, choices=TOUCHES))


def _assign(table: Table | None) -> tuple[tuple[str, ...], Away]:
    if table is None:
        return (), "use next"
    waits = table.text("away", AWAY[0], choices=AWAY) == AWAY[1]
    found = read_assignees(table, "to")
    table.done()
    return found, "wait until back" if waits else "use next"


def read_assignees(table: Table, key: str, subject: str = "", *, others: Collection[str] = ()) -> tuple[str, ...]:
    """Return a list of who may get a task; without a subject, of any rule. `others` may be named, too. What is wrong is noted."""
    named = table.texts(key)
    known = (*ASSIGNEES, *others)
    for entry in named:
        about = entry.partition(".")[0]
        if entry in NAMED or (entry not in known and not entry.startswith(NAMED)):
            hint = did_you_mean(entry, known) or f"one of: {', '.join(known)}, user:<e-mail>, queue:<name>"
            table.note_item(key, entry, f'nobody is called "{entry}"', hint)
        elif about in ("introduction", "rep") and subject not in ("", about):
            table.note_item(key, entry, f"{entry} is known to rules about {about}s only")
        elif subject == "rep" and entry in ASSIGNEES and about != "rep":
            table.note_item(key, entry, f"a rep has no {about}", 'write "rep.manager"')
    return named


def _limits(table: Table | None, rules: Collection[str]) -> tuple[Limits, AskLimits]:
    if table is None:
        return Limits(), AskLimits()
    plain = Limits()
    limits = Limits(
        per_rep_per_day=table.integer("per_rep_per_day", plain.per_rep_per_day),
        per_rep_per_week=table.integer("per_rep_per_week", plain.per_rep_per_week),
        per_account_open=table.integer("per_account_open", plain.per_account_open),
        new_tasks_per_run=table.integer("new_tasks_per_run", plain.new_tasks_per_run),
        times_the_usual=table.integer("times_the_usual", plain.times_the_usual),
        plan_lasts=table.duration("plan_lasts", plain.plan_lasts),
    )
    ask = _ask_limits(table.table("ask"), rules)
    table.done()
    return limits, ask


def _ask_limits(table: Table | None, rules: Collection[str]) -> AskLimits:
    default = AskLimits()
    if table is None:
        return default
    names = table.texts("not_while_open", default.not_while_open)
    _check_names(table, "not_while_open", names, [*rules, *(kind.value for kind in Kind)])
    found = AskLimits(
        per_account_open=table.integer("per_account_open", default.per_account_open),
        per_account_every=_every(table, "per_account_every", default.per_account_every),
        per_person_every=_every(table, "per_person_every", default.per_person_every),
        not_while_open=names,
    )
    table.done()
    return found


def _every(table: Table, key: str, default: Duration | None) -> Duration | None:
    """Return a pause; "never" asks for none."""
    if table.data.get(key) == "never":
        table.has(key)
        return None
    return table.length(table.data[key], key) if table.has(key) else default


def _order(table: Table | None, rules: Collection[str]) -> tuple[str, ...]:
    if table is None:
        return ()
    names = table.texts("first_wins")
    _check_names(table, "first_wins", names, rules)
    table.done()
    return names


def _check_names(table: Table, key: str, names: Collection[str], known: Collection[str]) -> None:
    for name in names:
        if key not in table.data or any(fnmatchcase(rule, name) for rule in known):
            continue
        if any(char in name for char in "*?["):
            table.note_item(key, name, f'no rule fits "{name}"', severity="hint")
        else:
            table.note_item(key, name, f'no rule is called "{name}"', did_you_mean(name, known))
