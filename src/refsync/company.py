"""What a company decided for all rules: the content of company.toml and of the milestone mapping, as values.

`rules/` reads the files; the store, the planner and the connectors' field choice read these values.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, time
from typing import Literal, TypeAlias

from refsync.calendar import Calendar, Duration, Unit, at_hour
from refsync.model import ActivityKind, Direction, Instant, Stream

Away: TypeAlias = Literal["use next", "wait until back"]
KindAndDirection = tuple[ActivityKind, Direction | None]
"""An activity kind with the direction that counts; None: any direction."""

CONVERSATIONS: frozenset[KindAndDirection] = frozenset(
    {
        (ActivityKind.CALL, None),
        (ActivityKind.MEETING, None),
        (ActivityKind.EMAIL, Direction.IN),
        (ActivityKind.MESSAGE, Direction.IN),
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class TouchPolicy:
    """What counts as being in touch."""

    kinds: frozenset[KindAndDirection] = CONVERSATIONS
    two_way: frozenset[KindAndDirection] = CONVERSATIONS
    """Those in which the customer took part."""
    ignore: frozenset[str] = frozenset({"automated", "bounced", "no_show"})
    """Of: automated, bounced, no_show. Cancelled activities and our own tasks never count."""
    unconfirmed_meetings: bool = False
    """Whether a meeting that is still `planned` counts once its time has passed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MilestoneField:
    """A CRM field whose date says that a milestone was reached."""

    kind: str
    """`implemented`, `roi`."""
    stream: Stream
    """accounts or deals."""
    field: str
    """The CRM's own name of the field, as in `Record.custom`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    per_rep_per_day: int = 5
    per_rep_per_week: int = 15
    per_account_open: int = 2
    """Open asks and care tasks of an account; thanks and follow-ups always pass."""
    new_tasks_per_run: int = 400
    """A run that would write more new tasks writes none of them and waits for an admin."""
    times_the_usual: int = 5
    """So does one that would bring a day to more than so many times the usual number, if that is more than 20; 0: never."""
    plan_lasts: Duration = Duration(3, Unit.DAYS)
    """How long a plan can be carried out, and an approval of it holds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AskLimits:
    per_account_open: int = 1
    per_account_every: Duration | None = Duration(180, Unit.DAYS)
    per_person_every: Duration | None = Duration(365, Unit.DAYS)
    not_while_open: tuple[str, ...] = ("reconnect-*", "thanks")
    """Rule names, patterns of them, or kinds: no ask while one of these is open at the account."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Company:
    calendar: Calendar = field(default_factory=Calendar)
    task_hours: tuple[time, time] = (time(9), time(17))
    settle: Duration = Duration(1, Unit.HOURS)
    """How long the condition of a state rule must hold before its task is written."""
    freshness: Mapping[str, Duration] = field(default_factory=lambda: {"activities": Duration(6, Unit.HOURS)})
    """Per feed (stream name, or `escalations` for cases): with older data than this, nothing is judged."""
    silent_owner: Duration | None = None
    """A rep with customers and no activity for so long is not captured: their book cannot be judged. None: not looked at."""
    touch: TouchPolicy = field(default_factory=TouchPolicy)
    stale_task: Duration = Duration(14, Unit.DAYS)
    """An open task overdue by more than this is no plan."""
    assign: tuple[str, ...] = ("contact.owner", "account.owner", "deal.owner", "account.owner.manager")
    """Who gets a task: the first active person of these; `user:<e-mail>` names one, `queue:<name>` a user or queue by name."""
    away: Away = "use next"
    """What becomes of a task whose owner is away: the next in the list gets it, or it waits until they are back."""
    limits: Limits = field(default_factory=Limits)
    ask: AskLimits = field(default_factory=AskLimits)
    first_wins: tuple[str, ...] = ()
    """Rule names or patterns: who wins when several rules want the same account. Rules not named come last."""
    milestones: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """milestone kind -> connector name -> `Object.Field` there, from facts.toml."""
    facts: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """Name of a company's own fact -> connector name -> field there, from facts.toml."""

    def due_at(self, day: date, zone: str = "") -> Instant:
        """Return when a task is due that is due on a day: at the end of the working hours of a time zone, or else our own."""
        return at_hour(day, self.task_hours[1], zone or self.calendar.zone)


OBJECTS: Mapping[str, Stream] = {
    "account": Stream.ACCOUNTS,
    "accounts": Stream.ACCOUNTS,
    "company": Stream.ACCOUNTS,
    "opportunity": Stream.DEALS,
    "deal": Stream.DEALS,
    "deals": Stream.DEALS,
}
"""The names under which facts.toml may speak of a stream, in lower case."""


SUBJECTS: Mapping[str, Stream] = {
    "account": Stream.ACCOUNTS,
    "contact": Stream.CONTACTS,
    "deal": Stream.DEALS,
    "introduction": Stream.INTRODUCTIONS,
}
"""What a company's own fact is about, by the first word of its name."""


def custom_fields(company: Company, connector: str) -> Mapping[Stream, frozenset[str]]:
    """Return the further CRM fields that the company's milestones and own facts are read from, per stream."""
    wanted: dict[Stream, set[str]] = {}
    for mapped in milestone_fields(company, connector):
        wanted.setdefault(mapped.stream, set()).add(mapped.field)
    for name, fields in company.facts.items():
        if connector in fields:
            wanted.setdefault(SUBJECTS[name.partition(".")[0]], set()).add(fields[connector])
    return {stream: frozenset(names) for stream, names in wanted.items()}


def milestone_fields(company: Company, connector: str) -> tuple[MilestoneField, ...]:
    """Return the milestone fields that are mapped for a connector, ordered by kind."""
    found = []
    for kind, per_connector in sorted(company.milestones.items()):
        if mapped := per_connector.get(connector):
            name, _, crm_field = mapped.partition(".")
            found.append(MilestoneField(kind=kind, stream=OBJECTS[name.lower()], field=crm_field))
    return tuple(found)
