"""The compiled SQL beside a plain interpreter for people, deals, introductions and groups, on random books and instants."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, StaticPool, create_engine

from refsync.model import instant
from refsync.rules.rule import When
from refsync.store.tables import metadata
from tests.rules.interpreter import Happened, World
from tests.rules.mirror import Mirror
from tests.rules.network import Brought, Did, Group, Human, Network, Reached, Sale
from tests.rules.test_rules_interpreter import NIGHTS, NUMBERS, PAST, ZONES, condition, rule_of, rules_of

SPANS = {
    "A": {"touch_people": "30 days", "wait": "30 days", "long_silence": "30 days"},
    "": {"touch_people": "2 months", "wait": "1 year", "long_silence": "1 year"},
}
COUNTS: list[object] = [*NUMBERS]
STATUSES: list[object] = ["open", ["won", "lost"], {"not": "won"}]
LINES: dict[str, dict[str, list[object]]] = {
    "account": {
        "account.divisions": COUNTS,
        "account.divisions_without_deal": COUNTS,
        "account.came_by_referral": [True, False],
        "account.back_in_touch": list(PAST),
        "account.last_introduction": list(PAST),
        "account.last_value_added": list(PAST),
        "account.last_ask": list(PAST),
        "account.open_deals": COUNTS,
        "account.reachable_people": COUNTS,
        "account.cold_people": COUNTS,
    },
    "contact": {
        "contact.last_touch": list(PAST),
        "contact.next_meeting": ["in the next 14 days", "never", "ever"],
        "contact.last_ask": list(PAST),
        "contact.do_not_contact": [True, False],
        "contact.created": list(PAST),
        "contact.role": ["decision maker", ["champion", "user"], {"not": "champion"}, {"contains": "MAKER"}],
        "contact.involved_in": ["sale", ["sale", "implementation"], {"not": "sale"}],
    },
    "deal": {
        "deal.status": STATUSES,
        "deal.stage": [{"contains": "nego"}, {"contains": ["x", "100%"]}],
        "deal.amount": COUNTS,
        "deal.created": list(PAST),
        "deal.closed": list(PAST),
        "deal.close_planned": [*PAST, "in the next 14 days"],
        "deal.by_introduction": [True, False],
        "deal.last_touch": list(PAST),
    },
    "introduction": {
        "introduction.status": ["new", ["won", "lost"], {"not": "met"}],
        "introduction.status_since": list(PAST),
        "introduction.made": list(PAST),
        "introduction.last_touch": list(PAST),
        "introduction.thanked_by_call": list(PAST),
        "introduction.thanked_by_email": list(PAST),
        "introduction.thanked_by_note": list(PAST),
    },
}
LINE = {
    subject: st.sampled_from([(fact, phrase) for fact, phrases in facts.items() for phrase in phrases])
    for subject, facts in LINES.items()
}
ASKED = st.sampled_from(list(LINES)).flatmap(
    lambda subject: st.tuples(
        st.just(subject), st.lists(LINE[subject], min_size=1, max_size=2), st.lists(LINE[subject], max_size=1)
    )
)  # fmt: skip
PEOPLE, DEALS, ACCOUNTS = ("a-p", "a-q", "b-p"), ("a-d", "a-e", "b-d"), ("a", "b", "c")


@st.composite
def networks(draw: st.DrawFn) -> Network:
    zone = draw(st.sampled_from(ZONES))
    today = draw(st.sampled_from(NIGHTS)) + timedelta(days=draw(st.integers(-2, 400)))
    now = datetime.combine(today, time(draw(st.sampled_from([0, 9, 23])), 30), ZoneInfo(zone)).astimezone(UTC)
    back = st.sampled_from([*range(-2, 3), -14, -15, 7, 8, 29, 30, 31, 60, 61, 62, 119, 121, 365, 366, 731])
    moments = back.flatmap(
        lambda days: st.sampled_from([-1, 0, 3_600_000]).map(
            lambda off: (
                datetime.combine(today - timedelta(days=days), time(), ZoneInfo(zone)).astimezone(UTC)
                + timedelta(milliseconds=off)
            )
        )
    )
    people = tuple(
        Human(
            id=person,
            account=person[0],
            opted_out=draw(st.sampled_from([None, True, False])),
            created=draw(st.none() | moments),
            parts=tuple(
                draw(
                    st.lists(
                        st.tuples(st.sampled_from(DEALS), st.sampled_from(["champion", "Decision_Maker", "User", ""])),
                        max_size=2,
                        unique_by=lambda part: part[0],
                    )
                )
            ),
        )
        for person in PEOPLE
    )
    sales = tuple(
        Sale(
            id=deal,
            account=deal[0],
            status=draw(st.sampled_from(["open", "won", "lost", None])),
            closed=draw(st.none() | back.map(lambda days: today - timedelta(days=days))),
            created=draw(st.none() | moments),
            amount=draw(st.sampled_from([None, 0.0, 1.0, 1.5])),
            stage=draw(st.sampled_from(["", "Negotiation", "100% done"])),
            referred=draw(st.booleans()),
        )
        for deal in DEALS
    )
    happened = st.builds(
        Happened,
        kind=st.sampled_from(["call", "email", "meeting", "task"]),
        direction=st.sampled_from(["in", "out", None]),
        status=st.sampled_from(["done", "done", "planned", "cancelled"]),
        at=st.none() | moments,
        automated=st.sampled_from([False, False, True]),
        account=st.sampled_from(["a", "b", None]),
        deal=st.sampled_from([*DEALS, None]),
        people=st.lists(st.sampled_from(PEOPLE), unique=True, max_size=2).map(tuple),
        ours=st.sampled_from([False, False, True]),
    )
    brought = st.builds(
        Brought,
        id=st.just(""),
        account=st.sampled_from(ACCOUNTS),
        source=st.sampled_from([*PEOPLE, None]),
        person=st.sampled_from([*PEOPLE, None]),
        deal=st.sampled_from([*DEALS, None]),
        status=st.sampled_from(["new", "in contact", "met", None]),
        since=st.none() | moments,
        made=st.none() | moments,
    )
    made = tuple(replace(one, id=f"i{number}") for number, one in enumerate(draw(st.lists(brought, max_size=3))))
    did = st.builds(
        Did,
        account=st.sampled_from(ACCOUNTS),
        about=st.sampled_from(["i0", "i1", "a"]),
        kind=st.sampled_from(["ask", "thanks"]),
        do=st.sampled_from(["call", "email", "handwritten note"]),
        state=st.sampled_from(["done", "open", "dismissed"]),
        opened=moments,
        closed=st.none() | moments,
        person=st.sampled_from([*PEOPLE, None]),
    )
    reached = st.builds(Reached, account=st.sampled_from(ACCOUNTS), kind=st.sampled_from(["value added", "roi"]), at=moments)
    return Network(
        world=World(now, zone, tuple(draw(st.lists(happened, max_size=5))), SPANS),
        groups=tuple(Group(id=account, parent=draw(st.sampled_from([None, "c", "a"]))) for account in ACCOUNTS),
        people=people,
        sales=sales,
        brought=made,
        reached=tuple(draw(st.lists(reached, max_size=2))),
        did=tuple(draw(st.lists(did, max_size=3))),
        tiers={account: draw(st.sampled_from(["A", ""])) for account in ACCOUNTS},
    )


@pytest.fixture(scope="module")
def db() -> Iterator[Connection]:
    engine = create_engine("sqlite://", poolclass=StaticPool)
    with engine.connect() as connection:
        metadata.create_all(connection)
        connection.commit()
        yield connection
    engine.dispose()


def ms(at: datetime | None) -> int | None:
    return instant(at) if at else None


def fill(mirror: Mirror, known: Network) -> None:
    for group in known.groups:
        mirror.account(id=group.id, parent_id=group.parent, tier=known.tiers[group.id])
    for human in known.people:
        mirror.contact(id=human.id, account_id=human.account, do_not_contact=human.opted_out, created_at=ms(human.created))
        for deal, role in human.parts:
            mirror.add("deal_contact", {"deal_id": deal, "contact_id": human.id, "role": role})
    for sale in known.sales:
        row: dict[str, Any] = {"status": sale.status, "closed_on": sale.closed.isoformat() if sale.closed else None}
        row |= {"amount": sale.amount, "stage": sale.stage, "created_at": ms(sale.created)}
        row |= {"referred_by_contact_id": "x" if sale.referred else None}
        mirror.add("deal", {"id": sale.id, "account_id": sale.account, **row})
    for one in known.brought:
        row = {"source_contact_id": one.source, "person_contact_id": one.person, "deal_id": one.deal, "status": one.status}
        row |= {"account_id": one.account, "status_since": ms(one.since), "made_at": ms(one.made)}
        mirror.add("introduction", {"id": one.id, **row})
    for number, reached in enumerate(known.reached):
        row = {"kind": reached.kind, "account_id": reached.account, "reached": ms(reached.at)}
        mirror.add("milestone", {"id": f"m{number}", **row})
    for number, did in enumerate(known.did):
        row = {"key": f"k{number}", "kind": did.kind, "do": did.do, "state": did.state, "account_id": did.account}
        row |= {"subject_kind": "introduction", "subject_id": did.about, "contact_id": did.person}
        mirror.add("finding", {**row, "opened_at": ms(did.opened), "closed_at": ms(did.closed)})
    for event in known.world.happened:
        row = {"kind": event.kind, "direction": event.direction, "status": event.status, "automated": event.automated}
        row |= {"account_id": event.account, "deal_id": event.deal, "task_key": "x" if event.ours else ""}
        mirror.activity(ms(event.at), event.people, **row)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(networks(), ASKED)
def test_sql_and_interpreter_agree_on_every_subject(
    db: Connection, known: Network, asked: tuple[str, list[tuple[str, object]], list[tuple[str, object]]]
) -> None:
    """For any book and instant the SELECT yields exactly the subjects for which the lines hold."""
    subject, when, unless = asked
    subjects: dict[str, tuple[Any, ...]] = {"account": known.groups, "contact": known.people, "deal": known.sales}
    lines = When(all=tuple(condition(*one) for one in when))
    rule = replace(rule_of(lines, tuple(condition(*one) for one in unless)), for_each=subject)  # type: ignore[arg-type]
    expected = [
        one.id
        for one in subjects.get(subject, known.brought)
        if all(known.holds(one, *line) for line in when) and not any(known.holds(one, *line) for line in unless)
    ]
    try:
        mirror = Mirror(db)
        fill(mirror, known)

        assert expected == mirror.matched(rules_of(rule, known.world.zone, SPANS), "rule", instant(known.world.now))
    finally:
        db.rollback()
