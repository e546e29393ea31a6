"""Rules as frozen values, and what a rule says about one customer. Pure: no database, no files, no clock.

`files.load` makes them, `compile` and `explain` read them, `plan` decides from a `Match` and its `Rule`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from fnmatch import fnmatchcase
from pathlib import Path
from types import MappingProxyType
from typing import Literal, NamedTuple, TypeAlias

from refsync.calendar import Duration, Unit
from refsync.company import Company
from refsync.errors import Place
from refsync.model import Instant
from refsync.rules.phrases import Phrase

Value: TypeAlias = str | int | float | bool | None
"""The value of a fact; an instant is an int of milliseconds, None is unknown."""

SubjectKind: TypeAlias = Literal["account", "contact", "deal", "milestone", "introduction", "rep"]
STATES = frozenset({"account", "contact", "rep"})
"""Subjects whose facts come and go; all others are events."""


class Kind(StrEnum):
    """Which limits apply to a rule's tasks."""

    ASK = "ask"
    CARE = "care"
    THANKS = "thanks"
    FOLLOW_UP = "follow-up"


class Mode(StrEnum):
    LIVE = "live"
    WATCH = "watch"
    """Evaluated and reported; writes nothing."""
    OFF = "off"


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """One line of a rule: a fact and the phrase it is to fulfil."""

    fact: str
    phrase: Phrase
    text: str
    """The phrase as it stands in the file, for instance `"in the last 90 days"` with its quotes."""
    place: Place

    def __str__(self) -> str:
        return f"{self.fact} = {self.text}"


@dataclass(frozen=True, slots=True, kw_only=True)
class When:
    """All lines of `all` must hold and, where there are blocks in `any`, all lines of at least one of them."""

    all: tuple[Condition, ...] = ()
    any: tuple[tuple[Condition, ...], ...] = ()

    @property
    def lines(self) -> tuple[Condition, ...]:
        return self.all + tuple(line for block in self.any for line in block)


@dataclass(frozen=True, slots=True, kw_only=True)
class Placeholder:
    """A part of a text that is filled in: `{name|form|fallback}`."""

    name: str
    form: str = ""
    """date, age, names, or empty: as it is. A time without a form is a date."""
    fallback: str = "unknown"


@dataclass(frozen=True, slots=True)
class Text:
    """A text with placeholders, already taken apart and checked."""

    parts: tuple[str | Placeholder, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """Return the names of the facts and parameters that the text shows."""
        return tuple(part.name for part in self.placeholders)

    @property
    def placeholders(self) -> tuple[Placeholder, ...]:
        return tuple(part for part in self.parts if isinstance(part, Placeholder))


@dataclass(frozen=True, slots=True, kw_only=True)
class Escalation:
    """Who hears of a task that nobody does, and when. It happens once a task."""

    after: Duration
    """How long after its due day; nothing happens before that has passed."""
    to: tuple[str, ...]
    """Who gets a task about it: the first active person of these, as in `assign`; `manager` is the manager of whoever has it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskTemplate:
    """What is written when a rule wins."""

    do: str
    """call, email, handwritten note, meeting or to-do; or `{parameter}`, a text that each segment sets: see `texts.write`."""
    subject: Text
    text: Text = field(default_factory=Text)
    priority: str = "normal"
    """urgent, high, normal or low."""
    due: Duration = Duration(3, Unit.BUSINESS_DAYS)
    with_: tuple[str, ...] = ()
    """Who to talk to, in order of preference, as in people.py. Empty: nobody in particular."""
    expire: Duration | None = Duration(30, Unit.BUSINESS_DAYS)
    """How long after it was opened the task is closed as expired; None: never."""
    ask_for: tuple[str, ...] = ()
    """Which introductions to ask for: `other division`, `peer elsewhere`."""
    close_when: tuple[Condition, ...] = ()
    """The task closes by itself once all of these hold. Empty: that of a state once a line of `when` no longer holds."""
    assign: tuple[str, ...] = ()
    """Who gets it: the first active person of these; empty: as the company decided for all rules."""
    escalate: Escalation | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Repeat:
    """When the same subject may get this rule's task again. None: never (for states: not in this lapse)."""

    after_done: Duration | None = None
    after_dismissed: Duration | None = None
    after_expired: Duration | None = None
    at_most: int | None = None
    """How many tasks in all; None: as many as the waiting times allow."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One rule file. Its name is the name of the file without `.toml`."""

    name: str
    title: str
    for_each: SubjectKind
    """What the rule is about: an `account`, `contact` or `rep` is a state and may come again, the others are events and
    come once."""
    kind: Kind
    mode: Mode
    task: TaskTemplate
    when: When = field(default_factory=When)
    unless: tuple[Condition, ...] = ()
    needs: tuple[Condition, ...] = ()
    """Must hold too, but a rep can bring it about; facts of the account only."""
    otherwise: str = ""
    """The rule whose task is written while `needs` does not hold; empty when there is no `needs`."""
    only_for_otherwise: bool = False
    """Never starts by itself, only through another rule's `needs`."""
    renamed_from: tuple[str, ...] = ()
    """Its former names, the oldest first: what was found under them is still this rule's."""
    repeat: Repeat = field(default_factory=Repeat)
    holdout: float = 0.0
    """The share of findings, from 0 to 1, that get no task, to compare with those that do; drawn from a finding's key."""
    place: Place

    @property
    def names(self) -> tuple[str, ...]:
        """Its name and its former ones."""
        return (self.name, *self.renamed_from)

    @property
    def key_name(self) -> str:
        """The name that keys are made of: the first one it had, so that a renamed rule knows its tasks."""
        return self.renamed_from[0] if self.renamed_from else self.name

    @property
    def is_event(self) -> bool:
        return self.for_each not in STATES

    def speaks_before(self, other: Rule) -> bool:
        """Say whether this rule, which `other` names in `otherwise`, may do for it what the mode of `other` calls for."""
        return self.mode is Mode.LIVE or (self.mode is Mode.WATCH and other.mode is not Mode.LIVE)


Setting: TypeAlias = Duration | tuple[str, ...] | float | str
"""The value of a segment's parameter."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """A group of accounts; each account is in the first one whose lines all hold."""

    name: str
    when: tuple[Condition, ...] = ()
    parameters: Mapping[str, Setting] = field(default_factory=dict)
    """Every parameter, those of `[defaults]` included."""
    place: Place


@dataclass(frozen=True, slots=True, kw_only=True)
class Suppression:
    """A reason to leave a customer alone."""

    name: str
    when: tuple[Condition, ...]
    """All of these; facts of the account, or `contact.do_not_contact`, which is looked at when the person is picked."""
    stops: frozenset[Kind]
    until: date | None = None
    """The last day on which it stops; None: for good."""
    resume: Duration | None = None
    """How long it still stops after its reason has ended."""
    why: str = ""
    place: Place

    @property
    def about_person(self) -> bool:
        return any(line.fact.startswith("contact.") for line in self.when)


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnFact:
    """A fact that facts.toml reads from fields of the CRM."""

    name: str
    subject: SubjectKind
    type: str
    """text, number, yes/no, date or time."""
    fields: Mapping[str, str]
    """connector -> the CRM's name of the field."""
    values: tuple[str, ...] = ()
    meaning: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleSet:
    """A folder of rules, checked as a whole."""

    company: Company
    segments: tuple[Segment, ...]
    suppressions: tuple[Suppression, ...]
    rules: tuple[Rule, ...]
    """By name; the files that are `off` too."""
    folder: Path
    own_facts: tuple[OwnFact, ...] = ()
    digest: str = ""
    """A hash of the files they were read from: other files, other digest."""
    _by_name: Mapping[str, Rule] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Look up once which rule each name means."""
        former = {name: rule for rule in reversed(self.rules) for name in rule.renamed_from}
        object.__setattr__(self, "_by_name", {**former, **{rule.name: rule for rule in self.rules}})

    def rule(self, name: str) -> Rule | None:
        """Return the rule that has this name, or had it."""
        return self._by_name.get(name)

    def segment(self, name: str) -> Segment | None:
        return next((segment for segment in self.segments if segment.name == name), None)

    def rank(self, name: str) -> int:
        """Return a rule's place in `[order] first_wins`, 0 first; rules that are not named come last, all with the same place."""
        order = self.company.first_wins
        return next((place for place, pattern in enumerate(order) if fnmatchcase(name, pattern)), len(order))


class Match(NamedTuple):
    """One row of a rule's SELECT: a subject for which all of `when` holds and nothing of `unless` and the suppressions.

    A tuple, because a run makes one of each row before any limit: a frozen dataclass takes twenty times as long to make.
    """

    rule: str
    subject_kind: SubjectKind
    subject_id: str
    account_id: str
    """Empty when the rule is about a rep."""
    account_name: str
    """The name of the account; of a rep their own."""
    deal_id: str | None
    contact_id: str | None
    """The person of the subject: the milestone's, the contact itself, the source of an introduction."""
    owner_id: str | None
    """The owner of the account; of a rep they themselves."""
    segment: str
    ready: bool
    """False when `needs` does not hold: the rule in `otherwise` speaks first."""
    lapse_at: Instant | None
    """The last touch, with which the lapse began; None: never one, or not a rule about a lapse."""
    episode: str
    """`never` or the instant of `lapse_at` for rules about a lapse, else empty."""
    waiting_episode: str
    """For the `otherwise` rule: `never` or the instant of the time fact in `needs`; empty without such a fact."""
    score: float
    """How pressing, never negative: for a lapse its length as a multiple of the threshold (inf: never touched), for an event
    the days since then, else 0."""
    revenue: float | None
    facts: Mapping[str, Value]
    """Every fact that the rule, its texts or the texts of its `otherwise` rule read, by name; of a `brief` match fewer."""
    person_id: str | None = None
    """The person introduced, who may belong to another account."""
    rep_id: str | None = None
    """Who of us received the introduction."""
    cold_before: Instant | None = None
    """With whom nobody was in touch since, is cold; None: the segment has no `touch_people`."""
    names: Mapping[str, tuple[str, ...]] = MappingProxyType({})
    """What counts counted, by the name of the fact, for texts that name it."""
    person_cold: bool = False
    """`needs` holds for the account, but nobody whom the task could name is in touch: `ready` is False."""
    asked_id: str = ""
    """Then the one whom the task would name: the `otherwise` task is about this person."""
    subject_name: str = ""
    """What people call the subject."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Who to talk to."""

    id: str
    account_id: str
    name: str
    owner_id: str | None
    last_touch: Instant | None
    last_two_way: Instant | None
    chosen_as: str
    """The entry of `with` that led here, for instance `best contact`."""
    title: str = ""
    role: str = ""
    """A role on a deal of the account, in small letters."""
