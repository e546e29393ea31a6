"""Coverage in figures: per rep, per team (those who report to one manager), per segment, and of all.

The law: what is counted is added up and nothing else, so that the reps of a team make the team and all teams make the whole.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Literal, TypeAlias

from refsync.calendar import Duration, Unit
from refsync.errors import Problem, RuleError
from refsync.model import Instant
from refsync.rules.coverage import counted
from refsync.rules.query.compile import conditions_of
from refsync.rules.query.conditions import Conditions
from refsync.rules.query.instants import instant_of
from refsync.rules.rule import RuleSet, Segment
from refsync.rules.why.explain import Execute

By: TypeAlias = Literal["rep", "team", "segment"]
LATELY = Duration(90, Unit.DAYS)
"""How far back the check-list looks at introductions and their thanks."""
ASKED_LATELY = Duration(30, Unit.DAYS)
FOLLOWED_WITHIN = Duration(2, Unit.BUSINESS_DAYS)
THANKED_WITHIN = Duration(5, Unit.BUSINESS_DAYS)
ANSWERED = ("in contact", "met", "won", "lost", "declined")
OUTCOMES = ("met", "won", "lost")
MEASURES: Mapping[str, type] = {
    "reconnect_after": Duration,
    "touch_people": Duration,
    "long_silence": Duration,
    "ask_after": tuple,
}
"""What each segment must set for its customers to be measured."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What was counted. Everything but `revenue` is a number of customers, people, touches, tasks, introductions or deals."""

    customers: int = 0
    in_touch: int = 0
    """Of the customers: somebody was in touch within `reconnect_after` of their segment."""
    first_customers: int = 0
    """Those of the first segment in segments.toml, the most important one; in touch: the next."""
    first_in_touch: int = 0
    never: int = 0
    """Customers to whom nobody ever spoke, though they are known for longer than `reconnect_after`."""
    silent: int = 0
    """Customers whose last conversation is longer ago than `long_silence`."""
    people: int = 0
    """People with a part in the sale or the implementation at these customers."""
    cold: int = 0
    """Those of them to whom nobody spoke within `touch_people`."""
    touches: int = 0
    """Of the last 30 days, by the rep, whoever they went to."""
    to_prospects: int = 0
    asks: int = 0
    """Tasks to ask that were done in the time of the report; what was asked without a task is not known."""
    asks_lately: int = 0
    """Of the last 30 days."""
    asks_open: int = 0
    earned: int = 0
    """Milestones of 7 to 120 days ago after which the segment asks."""
    earned_asked: int = 0
    introductions: int = 0
    """Made in the time of the report."""
    answered: int = 0
    """Of these: the person introduced is in contact or further, or has declined."""
    lately: int = 0
    """Introductions of the last 90 days."""
    to_follow: int = 0
    """Of the last 90 days, and made more than two business days ago."""
    followed: int = 0
    """Of these: we turned to the person within two business days."""
    call_owed: int = 0
    """Of the last 90 days, made more than five business days ago, where the segment thanks by call."""
    called: int = 0
    email_owed: int = 0
    emailed: int = 0
    note_owed: int = 0
    noted: int = 0
    outcomes: int = 0
    """Introductions of the last 90 days that came to something more than five business days ago."""
    told: int = 0
    """Of these: the source heard of it."""
    deals: int = 0
    """Won in the time of the report, and came of an introduction."""
    revenue: Mapping[str, float] = field(default_factory=dict)
    """What these are worth, by currency; an empty text: the CRM says none."""

    @property
    def coverage(self) -> int | None:
        """The share of customers in touch, in per cent, rounded down as the fact rep.coverage; None without customers."""
        return self.in_touch * 100 // self.customers if self.customers else None

    @property
    def prospect_share(self) -> int | None:
        """The share of touches that went to prospects, in per cent, rounded down; None without touches."""
        return self.to_prospects * 100 // self.touches if self.touches else None

    def __add__(self, other: Figures) -> Figures:
        counted: dict[str, Any] = {name: getattr(self, name) + getattr(other, name) for name in COUNTED}
        currencies = dict.fromkeys((*self.revenue, *other.revenue))
        revenue = {one: self.revenue.get(one, 0.0) + other.revenue.get(one, 0.0) for one in currencies}
        return Figures(**counted, revenue=revenue)


COUNTED = tuple(one.name for one in fields(Figures) if one.name != "revenue")


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """The figures of one rep, team or segment."""

    id: str
    """The user's, the manager's, or the segment's name."""
    name: str
    team: str
    """Of a rep: the name of the manager; else empty."""
    figures: Figures


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """The figures of a connection at an instant."""

    reps: tuple[Row, ...]
    teams: tuple[Row, ...]
    segments: tuple[Row, ...]
    all: Figures

    def rows(self, by: By) -> tuple[Row, ...]:
        return {"rep": self.reps, "team": self.teams, "segment": self.segments}[by]


def measure(execute: Execute, ruleset: RuleSet, connection_id: str, now: Instant, time: Duration) -> Coverage:
    """Return the coverage of a connection; asks, introductions and revenue are those of so much time before now.

    Raises RuleError when a segment does not set what it takes.
    """
    _check(ruleset)
    conditions = conditions_of(ruleset, connection_id, now)
    cells = _cells(execute, conditions, ruleset, conditions.calendar.ago(now, time))
    people = {row["id"]: row for row in execute(counted.reps(conditions))}
    reps = _added(cells, lambda rep, _segment: rep)
    for row in execute(counted.touches_by_rep(conditions)):
        reps[row["of"]] += Figures(touches=row["touches"], to_prospects=row["to_prospects"])
    segments = _added(cells, lambda _rep, segment: segment)
    for row in execute(counted.touches_by_segment(conditions)):
        segments[row["of"]] += Figures(touches=row["touches"], to_prospects=row["to_prospects"])
    return _coverage(reps, people, segments, ruleset.segments)


def _coverage(
    reps: Mapping[str, Figures], people: Mapping[str, Any], segments: Mapping[int, Figures], known: tuple[Segment, ...]
) -> Coverage:
    def name(user: str) -> str:
        return str(people[user]["name"]) if user in people else ""

    def manager(rep: str) -> str:
        return str(people[rep]["manager_id"] or "") if rep in people else ""

    teams: defaultdict[str, Figures] = defaultdict(Figures)
    for rep, found in reps.items():
        teams[manager(rep)] += found
    shown = (
        Row(id=rep, name=name(rep) or rep or "nobody", team=name(manager(rep)), figures=found) for rep, found in reps.items()
    )
    led = (Row(id=one, name=name(one) or "no manager", team="", figures=found) for one, found in teams.items())
    parts = (Row(id=one.name, name=one.name, team="", figures=segments.get(place, Figures())) for place, one in enumerate(known))
    return Coverage(
        reps=tuple(sorted(shown, key=lambda row: (row.team, row.name, row.id))),
        teams=tuple(sorted(led, key=lambda row: (row.name, row.id))),
        segments=tuple(parts),
        all=sum(reps.values(), Figures()),
    )


Cells: TypeAlias = Mapping[tuple[str, int], Figures]
"""The figures of each rep in each segment."""


def _cells(execute: Execute, conditions: Conditions, ruleset: RuleSet, since: Instant) -> Cells:
    now, calendar = conditions.scope.now, conditions.calendar
    found: defaultdict[tuple[str, int], Figures] = defaultdict(Figures)
    lately = calendar.ago(now, ASKED_LATELY)
    for statement in (counted.book(conditions), counted.asks(conditions, since, lately), counted.earned(conditions)):
        for row in execute(statement):
            cell, counts = _cell(row)
            if "customers" in counts and cell[1] == 0:
                counts |= {"first_customers": counts["customers"], "first_in_touch": counts["in_touch"]}
            found[cell] += Figures(**counts)
    for row in execute(counted.won_by_referral(conditions, since)):
        cell, won = _cell(row)
        found[cell] += Figures(deals=won["deals"], revenue={won["currency"]: float(won["revenue"])})
    for row in execute(counted.introductions(conditions, min(since, calendar.ago(now, LATELY)))):
        cell, told = _cell(row)
        found[cell] += _introduced(told, ruleset.segments[cell[1]], conditions, since)
    return found


def _cell(row: Mapping[str, Any]) -> tuple[tuple[str, int], dict[str, Any]]:
    values = dict(row)
    return (values.pop("rep") or "", values.pop("segment")), values


def _introduced(told: Mapping[str, Any], segment: Segment, conditions: Conditions, since: Instant) -> Figures:
    """Return what one introduction adds."""
    now, calendar = conditions.scope.now, conditions.calendar
    made, status = told["made"], told["status"] or ""
    steps = segment.parameters.get("thank_steps", ("call", "email"))
    steps = steps if isinstance(steps, tuple) else (str(steps),)
    lately = made >= calendar.ago(now, LATELY)
    owed = lately and calendar.until(made, THANKED_WITHIN) <= now
    to_follow = lately and calendar.until(made, FOLLOWED_WITHIN) <= now
    in_time = told["followed"] is not None and told["followed"] < calendar.until(made, FOLLOWED_WITHIN)
    has_outcome = lately and status in OUTCOMES and _is_past(told["status_since"], conditions)
    thanks = {step: owed and any(step in one for one in steps) for step in ("call", "email", "note")}
    thanked = {step: due and told[f"thanked_by_{step}"] is not None for step, due in thanks.items()}
    return Figures(
        introductions=int(made >= since),
        answered=int(made >= since and status in ANSWERED),
        lately=int(lately),
        to_follow=int(to_follow),
        followed=int(to_follow and (in_time or (told["followed"] is None and status in ANSWERED))),
        call_owed=int(thanks["call"]),
        called=int(thanked["call"]),
        email_owed=int(thanks["email"]),
        emailed=int(thanked["email"]),
        note_owed=int(thanks["note"]),
        noted=int(thanked["note"]),
        outcomes=int(has_outcome),
        told=int(has_outcome and told["told"] is not None),
    )


def _is_past(found: object, conditions: Conditions) -> bool:
    """Return whether something has been so for more than the days within which the source hears of it."""
    at = None if found is None else instant_of(found, conditions.calendar)
    return at is not None and conditions.calendar.until(at, THANKED_WITHIN) <= conditions.scope.now


def _added(cells: Cells, by: Any) -> defaultdict[Any, Figures]:
    found: defaultdict[Any, Figures] = defaultdict(Figures)
    for cell, figures in cells.items():
        found[by(*cell)] += figures
    return found


def _check(ruleset: RuleSet) -> None:
    """Raise RuleError for what a segment does not set and the report is measured by."""
    problems = list(_lacking(ruleset))
    if problems:
        raise RuleError(problems)


def _lacking(ruleset: RuleSet) -> Iterator[Problem]:
    for segment in ruleset.segments:
        for name, kind in MEASURES.items():
            if not isinstance(segment.parameters.get(name), kind):
                word = "length of time" if kind is Duration else "list of milestones"
                yield Problem(
                    message=f'coverage is measured by {name}, which segment "{segment.name}" does not set as a {word}',
                    hint=f"set {name} in [defaults] of segments.toml",
                    place=segment.place,
                )
