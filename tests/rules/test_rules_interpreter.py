"""The compiled SQL beside a plain interpreter, on random books, random lines and random instants."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, StaticPool, create_engine

from refsync.calendar import Calendar, parse_duration
from refsync.company import Company
from refsync.errors import Place
from refsync.model import instant
from refsync.rules.facts import FACTS
from refsync.rules.phrases import parse
from refsync.rules.rule import Condition, Kind, Mode, Rule, RuleSet, Segment, TaskTemplate, Text, When
from refsync.store.tables import metadata
from tests.rules.interpreter import Customer, Happened, World
from tests.rules.mirror import Mirror

PLACE = Place("x.toml")
SPANS = {"A": {"wait": "30 days"}, "B": {"wait": "2 months"}, "": {"wait": "1 year"}}
LENGTHS = ["6 hours", "1 day", "30 days", "5 business days", "2 weeks", "1 month", "2 months", "2 years", "{wait}"]
PAST = [*(form.format(length) for form in ("in the last {}", "not in the last {}", "more than {} ago") for length in LENGTHS)]
PAST += ["between 7 and 120 days ago", "between 0 and 1 days ago", "never", "ever"]
NUMBERS: list[object] = [0, 1, "at least 1", "at least 2", "at most 1", "more than 1", "less than 1", "between 1 and 2"]
TEXTS: list[object] = ["A", ["A", "B"], {"not": "A"}, {"not": ["A", "B"]}, {"contains": "a"}, {"contains": ["x", "B"]}]
LINES: dict[str, list[object]] = {
    "account.last_touch": list(PAST),
    "account.last_two_way": list(PAST),
    "account.created": [*PAST, "in the next 2 days"],
    "account.next_meeting": ["in the next 14 days", "in the next 1 days", "never", "ever"],
    "account.open_tasks": NUMBERS,
    "account.annual_revenue": NUMBERS,
    "account.do_not_contact": [True, False],
    "account.status": ["customer", {"not": "customer"}],
    "account.tier": TEXTS,
}
LINE = st.sampled_from([(fact, phrase) for fact, phrases in LINES.items() for phrase in phrases])
SOME = st.lists(LINE, min_size=1, max_size=2)

ZONES = ["UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Pacific/Auckland"]
FAR = [119, 120, 121, 122, 364, 365, 366, 367, 729, 730, 731, 732]
SIX_HOURS = 6 * 3_600_000
NIGHTS = [date(2026, 3, 29), date(2026, 10, 25), date(2026, 3, 8), date(2026, 11, 1), date(2024, 2, 29), date(2026, 12, 31)]
"""Nights with a change of clock, the end of a month and of a year, a leap day."""


@st.composite
def worlds(draw: st.DrawFn) -> tuple[World, list[Customer]]:
    zone = draw(st.sampled_from(ZONES))
    today = draw(st.sampled_from(NIGHTS)) + timedelta(days=draw(st.integers(-2, 400)))
    minutes = draw(st.sampled_from([0, 1, 90, 150, 719, 1439]))
    now = datetime.combine(today, time(minutes // 60, minutes % 60), ZoneInfo(zone)).astimezone(UTC)
    days = st.sampled_from([*range(-2, 3), -14, -15, *range(5, 9), *range(13, 16), *range(27, 33), *range(58, 63), *FAR])

    def moment(days: int, off: int) -> datetime:
        return datetime.combine(today - timedelta(days=days), time(), ZoneInfo(zone)).astimezone(UTC) + timedelta(
            milliseconds=off
        )

    nearby = [now + timedelta(milliseconds=off) for off in (0, 1, -SIX_HOURS, -SIX_HOURS - 1)]
    moments = st.builds(moment, days, st.sampled_from([-1, 0, 1, 3_600_000])) | st.sampled_from(nearby)
    customers = [
        Customer(
            id=name,
            status=draw(st.sampled_from(["customer", None])),
            tier=draw(st.sampled_from(["A", "B", ""])),
            revenue=draw(st.sampled_from([None, 0.0, 1.0, 1.5])),
            created=draw(st.none() | moments),
            do_not_contact=draw(st.sampled_from([None, True, False])),
            people=(f"{name}-p", f"{name}-q", "both"),
            deals=(f"{name}-d",),
        )
        for name in ("a", "b")
    ]
    happened = st.builds(
        Happened,
        kind=st.sampled_from(["call", "email", "meeting", "message", "note", "task"]),
        direction=st.sampled_from(["in", "out", None]),
        status=st.sampled_from(["done", "planned", "cancelled", "no_show", "bounced", None]),
        at=st.none() | moments,
        automated=st.sampled_from([False, False, True]),
        account=st.sampled_from(["a", "b", None]),
        deal=st.sampled_from(["a-d", "b-d", None]),
        people=st.lists(st.sampled_from(["a-p", "a-q", "b-p", "both"]), unique=True, max_size=2).map(tuple),
        ours=st.sampled_from([False, False, True]),
    )  # fmt: skip
    return World(now, zone, tuple(draw(st.lists(happened, max_size=6))), SPANS), customers


@pytest.fixture(scope="module")
def db() -> Iterator[Connection]:
    engine = create_engine("sqlite://", poolclass=StaticPool)
    with engine.connect() as connection:
        metadata.create_all(connection)
        connection.commit()
        yield connection
    engine.dispose()


def fill(mirror: Mirror, world: World, customers: list[Customer]) -> None:
    known = set[str]()
    for one in customers:
        created = instant(one.created) if one.created else None
        mirror.account(
            id=one.id,
            status=one.status,
            tier=one.tier,
            annual_revenue=one.revenue,
            created_at=created,
            do_not_contact=one.do_not_contact,
        )  # fmt: skip
        for person in one.people:
            if person in known:
                mirror.add("account_contact", {"account_id": one.id, "contact_id": person})
            else:
                mirror.contact(id=person, account_id=one.id)
        known |= {*one.people}
        for deal in one.deals:
            mirror.add("deal", {"id": deal, "account_id": one.id})
    for row in world.happened:
        mirror.activity(
            instant(row.at) if row.at else None,
            row.people,
            kind=row.kind,
            direction=row.direction,
            status=row.status,
            automated=row.automated,
            account_id=row.account,
            deal_id=row.deal,
            task_key="x" if row.ours else "",
        )


def condition(fact: str, phrase: object) -> Condition:
    return Condition(fact=fact, phrase=parse(phrase, FACTS[fact].type), text=str(phrase), place=PLACE)


def rule_of(when: When, unless: tuple[Condition, ...] = ()) -> Rule:
    task = TaskTemplate(do="call", subject=Text())
    fixed = {"name": "rule", "title": "", "kind": Kind.CARE, "mode": Mode.LIVE, "place": PLACE}
    return Rule(for_each="account", when=when, unless=unless, task=task, **fixed)  # type: ignore[arg-type]


def rules_of(rule: Rule, zone: str, spans: dict[str, dict[str, str]] = SPANS) -> RuleSet:
    segments = tuple(
        Segment(
            name=tier or "rest",
            when=(condition("account.tier", tier),) if tier else (),
            parameters={name: parse_duration(length) for name, length in lengths.items()},
            place=PLACE,
        )
        for tier, lengths in spans.items()
    )
    company = Company(calendar=Calendar(zone))
    return RuleSet(company=company, segments=segments, suppressions=(), rules=(rule,), folder=Path("rules"))


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(worlds(), SOME, st.lists(LINE, max_size=1), st.lists(SOME, max_size=2))
def test_sql_and_interpreter_agree(
    db: Connection,
    world: tuple[World, list[Customer]],
    when: list[tuple[str, object]],
    unless: list[tuple[str, object]],
    blocks: list[list[tuple[str, object]]],
) -> None:
    """For any rule, book and instant the SELECT yields exactly the accounts for which the lines hold."""
    known, customers = world
    lines = When(
        all=tuple(condition(*one) for one in when), any=tuple(tuple(condition(*one) for one in block) for block in blocks)
    )
    rule = rule_of(lines, tuple(condition(*one) for one in unless))
    expected = [
        customer.id
        for customer in customers
        if all(known.holds(customer, *one) for one in when)
        and not any(known.holds(customer, *one) for one in unless)
        and (not blocks or any(all(known.holds(customer, *one) for one in block) for block in blocks))
    ]
    try:
        mirror = Mirror(db)
        fill(mirror, known, customers)

        assert mirror.matched(rules_of(rule, known.zone), "rule", instant(known.now)) == expected
    finally:
        db.rollback()
