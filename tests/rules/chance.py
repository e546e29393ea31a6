"""Books and rules at random: few records, close to the edges that decide, and any line that the grammar allows.

Boundary days and the millisecond before them, zones, nights with a change of clock, ends of months and years, leap days, what
never happened and what nobody knows are in it on purpose.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from types import MappingProxyType
from typing import TypeVar
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from refsync.rules.facts.registry import known_facts
from refsync.rules.phrases import FactType
from refsync.rules.rule import OwnFact
from tests.rules.interpreter import Clock, Line, Part, Spoken, Stop
from tests.rules.network import Network
from tests.rules.records import Brought, Colleague, Customer, Did, Escalated, Happened, Human, Reached, Sale

T = TypeVar("T")
PARTS = (
    Part(
        "key",
        (("account.tier", "A"),),
        {
            "wait": "30 days",
            "reconnect_after": "30 days",
            "touch_people": "30 days",
            "long_silence": "30 days",
            "ask_after": ["roi", "signed"],
            "thank_steps": ["call", "email", "handwritten note"],
        },
    ),
    Part(
        "core",
        (("account.tier", ["B", "C"]), ("account.status", "customer")),
        {
            "wait": "2 months",
            "reconnect_after": "2 months",
            "touch_people": "2 weeks",
            "long_silence": "1 year",
            "ask_after": ["roi"],
            "thank_steps": ["call"],
        },
    ),
    Part(
        "rest",
        (),
        {
            "wait": "1 year",
            "reconnect_after": "1 year",
            "touch_people": "2 months",
            "long_silence": "1 year",
            "ask_after": ["signed", "implemented"],
            "thank_steps": ["email"],
        },
    ),
)
OWN = {"health": "text", "seats": "number", "vip": "yes/no", "renewal": "date", "seen": "time"}
OWN_FACTS = tuple(
    OwnFact(name=f"account.{name}", subject="account", type=kind, fields={"files": f"{name}__c"}) for name, kind in OWN.items()
)
FACTS = known_facts(OWN_FACTS)
LENGTHS = ["6 hours", "0 days", "1 day", "30 days", "5 business days", "2 weeks", "1 month", "2 months", "2 years"]
PAST = [
    f for form in ("in the last {}", "not in the last {}", "more than {} ago") for f in map(form.format, [*LENGTHS, "{wait}"])
]
PAST += ["between 7 and 120 days ago", "between 0 and 1 days ago", "between 1 and 6 hours ago", "between 1 and 2 months ago"]
PAST += ["between 1 and 5 business days ago", "never", "ever"]
NEXT = [f"in the next {length}" for length in LENGTHS if length not in ("0 days", "2 years")]
NUMBERS: list[object] = [0, 1, 1.5, "at least 1", "at least 2", "at most 1", "at most 0", "more than 1", "more than 0"]
SHARES: list[object] = [0, 100, "at least 50", "less than 50", "between 30 and 70"]
NUMBERS += ["less than 1", "less than 2", "between 1 and 2"]
YES_NO: list[object] = [True, False]
AHEAD = {"account.next_meeting", "contact.next_meeting"}
TEXTS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "account.status": ("customer", "prospect", "former"),
        "account.tier": ("A", "B", "C"),
        "account.industry": ("retail", "Public Sector"),
        "account.health": ("green", "amber"),
        "contact.title": ("CEO", "Head of IT"),
        "contact.role": ("decision maker", "champion", "user"),
        "contact.involved_in": ("sale", "implementation"),
        "deal.status": ("open", "won", "lost"),
        "deal.stage": ("Negotiation", "100% done"),
        "milestone.kind": ("signed", "implemented", "roi", "value added"),
        "milestone.evidence": ("deal", "go_live_on = 2026"),
        "introduction.status": ("new", "in contact", "met", "won", "lost"),
        "introduction.kind": ("other division", "peer elsewhere"),
        "introduction.note": ("Old colleagues", "50% sure"),
        "introduction.source.name": ("a-p", "Somebody"),
        "introduction.person.name": ("b-p", "Nobody_known"),
    }
)
"""What texts of the book may be; of others the names of records."""
NAMES = ("a", "b", "a-p", "a-d", "Rita", "Bo")


def phrases(name: str) -> list[object]:
    """Return phrases that fit a fact."""
    if name in AHEAD:
        return [*NEXT, "never", "ever"]
    match FACTS[name].type:
        case FactType.TIME:
            looks_back = name.partition(".")[2].startswith(("last_", "thanked_", "told", "back_"))
            return list(PAST) if looks_back else [*PAST, *NEXT]
        case FactType.NUMBER:
            return SHARES if name in ("rep.coverage", "rep.prospect_share") else NUMBERS
        case FactType.YES_NO:
            return YES_NO
        case FactType.TEXT:
            first, *others = TEXTS.get(name, NAMES)
            plain: list[object] = [first, [first, *others], [others[-1]], {"not": first}, {"not": others}]
            whole_words = name == "contact.involved_in"
            return plain if whole_words else [*plain, {"contains": first[:3].upper()}, {"contains": [others[0][-3:], "%"]}]


SUBJECTS = ("account", "contact", "deal", "milestone", "introduction", "rep")
LINES: Mapping[str, list[Line]] = MappingProxyType(
    {
        subject: [
            (name, phrase)
            for name, fact in FACTS.items()
            if fact.in_conditions and fact.subject == subject
            for phrase in phrases(name)
        ]
        for subject in SUBJECTS
    }
)
"""Every line there is about a subject."""
SEGMENT: list[Line] = [
    ("segment", "key"),
    ("segment", {"not": ["key", "rest"]}),
    ("segment.ask_after", "roi"),
    ("segment.ask_after", {"not": "signed"}),
]
MILESTONE: list[Line] = [("milestone.kind", "{ask_after}")]

ZONES = ["UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Pacific/Auckland", "Africa/Cairo"]
NIGHTS = [date(2026, 3, 29), date(2026, 10, 25), date(2026, 3, 8), date(2026, 11, 1), date(2026, 4, 24), date(2024, 2, 29)]
NIGHTS += [date(2026, 12, 31), date(2026, 5, 31)]
"""Nights with a change of clock (in Cairo at midnight), a leap day, the ends of a month and of a year."""
BACK = [*range(-2, 3), -14, -15, *range(5, 9), *range(13, 16), *range(27, 33), *range(58, 63), 119, 120, 121]
BACK += [364, 365, 366, 367, 729, 730, 731, 732]
SIX_HOURS = 6 * 3_600_000
ACCOUNTS, PEOPLE, DEALS = ("a", "b", "c"), ("a-p", "a-q", "b-p", "x-p"), ("a-d", "a-e", "b-d", "x-d")


@st.composite
def clocks(draw: st.DrawFn) -> Clock:
    zone = draw(st.sampled_from(ZONES))
    today = draw(st.sampled_from(NIGHTS)) + timedelta(days=draw(st.sampled_from([-2, -1, 0, 1, 2]) | st.integers(-2, 400)))
    minutes = draw(st.sampled_from([0, 1, 90, 150, 719, 1439]))
    return Clock(datetime.combine(today, time(minutes // 60, minutes % 60), ZoneInfo(zone)).astimezone(UTC), zone)


def _second(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%S.000Z")


@st.composite
def networks(draw: st.DrawFn) -> Network:
    """Draw a book of three accounts as it stands at a random instant."""
    clock = draw(clocks())
    edges = [clock.midnight(clock.today() - timedelta(days=days)) for days in BACK]
    near = [clock.now + timedelta(milliseconds=off) for off in (0, 1, -SIX_HOURS, -SIX_HOURS - 1, SIX_HOURS - 1, SIX_HOURS)]
    offs = [timedelta(milliseconds=off) for off in (-1, 0, 1, 3_600_000)]
    moments = st.sampled_from([*(edge + off for edge in edges for off in offs), *near])
    maybe = st.none() | moments
    days = st.none() | st.sampled_from([clock.today() - timedelta(days=back) for back in BACK])
    users = st.sampled_from([None, "r", "s", "gone"])
    here = st.sampled_from([*ACCOUNTS, None])
    roles = st.sampled_from(["champion", "Decision_Maker", "User", ""])

    def text(name: str) -> st.SearchStrategy[str]:
        return st.sampled_from(["", *TEXTS[name]])

    def some(of: Callable[..., T], most: int, **fields: st.SearchStrategy[object]) -> tuple[T, ...]:
        return tuple(draw(st.lists(st.builds(of, **fields), min_size=1, max_size=most)))

    def numbered(of: Callable[..., T], most: int, letter: str, **fields: st.SearchStrategy[object]) -> tuple[T, ...]:
        rows = draw(st.lists(st.fixed_dictionaries(fields), min_size=2, max_size=most))
        return tuple(of(id=f"{letter}{number}", **row) for number, row in enumerate(rows))

    own = st.fixed_dictionaries(
        {},
        optional={
            "health__c": st.sampled_from(["green", "amber", ""]),
            "seats__c": st.sampled_from(["1", "1.5", "-1", "--1", "two", "", "1.2.3", ".5", "-", "1 "]),
            "vip__c": st.sampled_from(["true", "No", "1", "maybe", ""]),
            "renewal__c": days.map(str) | st.sampled_from(["soon", "0000-00-00", "0001-01-01", "2026-13-01", "2026-02-29", ""]),
            "seen__c": moments.map(_second) | st.sampled_from(["", "2026-11-20T10:00:00+02:00", "2026-11-31T10:00:00Z", "now"]),
        },
    )
    return Network(
        clock=clock,
        parts=PARTS,
        colleagues=(
            Colleague(id="r", name="Rita", active=draw(st.booleans()), manager=draw(users)),
            Colleague(id="s", name="Bo", active=True, manager=None),
        ),
        customers=tuple(
            Customer(
                id=name,
                name=draw(st.sampled_from([name, name.upper(), ""])),
                parent=draw(st.sampled_from([None, "c", "a"])),
                owner=draw(users),
                status=draw(st.sampled_from(["customer", "customer", "prospect", None])),
                tier=draw(st.sampled_from(["A", "B", "C", ""])),
                industry=draw(text("account.industry")),
                revenue=draw(st.sampled_from([None, 0.0, 1.0, 1.5])),
                created=draw(maybe),
                do_not_contact=draw(st.sampled_from([None, True, False])),
                custom=draw(own),
            )
            for name in ACCOUNTS
        ),
        people=tuple(
            Human(
                id=name,
                account=name[0] if name[0] in ACCOUNTS else None,
                title=draw(text("contact.title")),
                opted_out=draw(st.sampled_from([None, True, False])),
                created=draw(maybe),
                parts=tuple(
                    draw(st.dictionaries(st.sampled_from(DEALS), roles, max_size=2)).items(),
                ),
                further=("c",) if name == "a-p" else (),
            )
            for name in PEOPLE
        ),
        sales=tuple(
            Sale(
                id=name,
                account=name[0] if name[0] in ACCOUNTS else None,
                owner=draw(users),
                status=draw(st.sampled_from(["open", "won", "lost", None])),
                closed=draw(days),
                created=draw(maybe),
                amount=draw(st.sampled_from([None, 0.0, 1.0, 1.5])),
                currency=draw(st.sampled_from(["EUR", "USD"])),
                stage=draw(text("deal.stage")),
                referred=draw(st.booleans()),
            )
            for name in DEALS
        ),
        brought=numbered(
            Brought,
            3,
            "i",
            account=here,
            source=st.sampled_from([*PEOPLE, None]),
            source_name=text("introduction.source.name"),
            person=st.sampled_from([*PEOPLE, None]),
            person_name=text("introduction.person.name"),
            owner=users,
            deal=st.sampled_from([*DEALS, None]),
            status=st.sampled_from([*TEXTS["introduction.status"][:3], None]),
            since=maybe,
            made=maybe,
            kind=text("introduction.kind"),
            note=text("introduction.note"),
        ),
        reached=numbered(
            Reached,
            4,
            "m",
            account=st.sampled_from(ACCOUNTS),
            kind=st.sampled_from(TEXTS["milestone.kind"]),
            at=moments,
            evidence=text("milestone.evidence"),
        ),
        cases=some(Escalated, 3, account=st.sampled_from(ACCOUNTS), escalated=st.booleans(), closed=maybe),
        did=some(
            Did,
            4,
            account=st.sampled_from(ACCOUNTS),
            about=st.sampled_from(["i0", "i1", "a"]),
            rule=st.sampled_from(["rule", "first", "another"]),
            kind=st.sampled_from(["ask", "thanks", "care"]),
            do=st.sampled_from(["call", "email", "handwritten note"]),
            state=st.sampled_from(["done", "open", "snoozed", "dismissed"]),
            owner=st.sampled_from(["r", "s"]),
            opened=moments,
            closed=maybe,
            person=st.sampled_from([*PEOPLE, None]),
        ),
        happened=some(
            Happened,
            6,
            kind=st.sampled_from(["call", "email", "meeting", "message", "note", "task"]),
            direction=st.sampled_from(["in", "out", None]),
            status=st.sampled_from(["done", "done", "done", "planned", "cancelled", "no_show", "bounced", None]),
            at=maybe,
            automated=st.sampled_from([False, False, False, True]),
            account=here,
            deal=st.sampled_from([*DEALS, None]),
            owner=users,
            people=st.lists(st.sampled_from(PEOPLE), unique=True, max_size=2).map(tuple),
            ours=st.sampled_from([False, False, False, True]),
        ),
    )


ACCOUNT_LINES = st.sampled_from(LINES["account"])
KINDS = ("ask", "care", "thanks", "follow-up")


@st.composite
def rules(draw: st.DrawFn) -> Spoken:
    """Draw a rule about any subject."""
    subject = draw(st.sampled_from(list(LINES)))
    own = LINES[subject] + (MILESTONE if subject == "milestone" else [])
    line = st.sampled_from(own)
    if subject != "rep":
        line = line | line | ACCOUNT_LINES | st.sampled_from(SEGMENT)
    needs = draw(st.lists(ACCOUNT_LINES, max_size=1)) if subject != "rep" else []
    return Spoken(
        subject=subject,
        kind=draw(st.sampled_from(KINDS)),
        when=tuple(draw(st.lists(line, max_size=1) | st.lists(line, min_size=1, max_size=2))),
        blocks=tuple(map(tuple, draw(st.just([]) | st.lists(st.lists(line, min_size=1, max_size=2), min_size=2, max_size=3)))),
        unless=tuple(draw(st.lists(line, max_size=1))),
        needs=tuple(needs),
        first="care" if needs else "",
    )


@st.composite
def stops(draw: st.DrawFn) -> tuple[Stop, ...]:
    """Draw up to two reasons to leave customers alone."""
    today = date(2026, 11, 20)
    person: tuple[Line, ...] = (("contact.do_not_contact", True),)
    escalated: tuple[Line, ...] = (("account.open_escalations", "at least 1"),)
    lines = st.lists(ACCOUNT_LINES, min_size=1, max_size=2).map(tuple)
    kinds = st.lists(st.sampled_from(KINDS), min_size=1, unique=True).map(tuple)
    until = st.none() | st.integers(-500, 500).map(lambda days: today + timedelta(days=days))
    plain = st.builds(Stop, lines=lines | st.just(person), stops=kinds, until=until)
    resuming = st.builds(
        Stop,
        lines=lines.map(lambda more: (*escalated, *more)) | st.just(escalated),
        stops=kinds,
        until=until,
        resume=st.sampled_from(["5 business days", "2 weeks"]),
    )
    return tuple(draw(st.just([]) | st.lists(plain | resuming, max_size=2)))
