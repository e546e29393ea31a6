"""A random book as the store has it, and a random rule as a checked folder of rules."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson

from refsync.calendar import Calendar, parse_duration
from refsync.company import Company, TouchPolicy
from refsync.errors import Place
from refsync.model import ActivityKind, Direction, instant
from refsync.rules.facts.registry import known_facts
from refsync.rules.phrases import FactType, parse
from refsync.rules.rule import Condition, Kind, Mode, Rule, RuleSet, Segment, Suppression, TaskTemplate, Text, When
from tests.rules.chance import OWN_FACTS, PARTS
from tests.rules.interpreter import Line, Part, Spoken, Stop
from tests.rules.mirror import Mirror
from tests.rules.network import Network
from tests.rules.records import Brought, Customer, Did, Happened, Sale

PLACE = Place("x.toml")
MAILS_TOO = TouchPolicy(kinds=frozenset({*TouchPolicy().kinds, (ActivityKind.EMAIL, Direction.OUT)}))


def fill(mirror: Mirror, known: Network) -> None:
    """Write a book into a store."""
    for table, rows in rows_of(known):
        mirror.add_all(table, rows)


def ms(at: datetime | None) -> int | None:
    return instant(at) if at else None


def rows_of(known: Network) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Yield the rows of a book by table, as the store has them."""
    yield "crm_user", [{"id": u.id, "name": u.name, "active": u.active, "manager_id": u.manager} for u in known.colleagues]
    yield "account", list(map(_account, known.customers))
    yield (
        "contact",
        [
            {"id": one.id, "name": one.id, "account_id": one.account, "title": one.title}
            | {"do_not_contact": one.opted_out, "created_at": ms(one.created)}
            for one in known.people
        ],
    )
    yield "account_contact", [{"account_id": other, "contact_id": one.id} for one in known.people for other in one.further]
    yield "deal", list(map(_deal, known.sales))
    parts = ((one.id, *part) for one in known.people for part in one.parts)
    yield "deal_contact", [{"contact_id": person, "deal_id": deal, "role": role} for person, deal, role in parts]
    yield "introduction", list(map(_introduction, known.brought))
    yield (
        "milestone",
        [
            {"id": one.id, "kind": one.kind, "account_id": one.account, "reached": ms(one.at), "evidence": one.evidence}
            for one in known.reached
        ],
    )
    yield (
        "support_case",
        [{"account_id": one.account, "escalated": one.escalated, "closed_at": ms(one.closed)} for one in known.cases],
    )
    yield "finding", [_finding(number, one) for number, one in enumerate(known.did)]
    yield "activity", [_activity(number, one) for number, one in enumerate(known.happened)]
    links = ((f"x{number}", person) for number, one in enumerate(known.happened) for person in one.people)
    yield "activity_contact", [{"activity_id": activity, "contact_id": person} for activity, person in links]


def _account(one: Customer) -> dict[str, Any]:
    row: dict[str, Any] = {"id": one.id, "name": one.name, "parent_id": one.parent, "owner_id": one.owner, "status": one.status}
    row |= {"tier": one.tier, "industry": one.industry, "annual_revenue": one.revenue, "created_at": ms(one.created)}
    return row | {"do_not_contact": one.do_not_contact, "custom": orjson.dumps(one.custom).decode() if one.custom else None}


def _deal(one: Sale) -> dict[str, Any]:
    row: dict[str, Any] = {"id": one.id, "name": one.id, "account_id": one.account, "owner_id": one.owner, "status": one.status}
    row |= {"closed_on": one.closed.isoformat() if one.closed else None, "amount": one.amount, "stage": one.stage}
    row |= {"currency": one.currency}
    return row | {"created_at": ms(one.created), "referred_by_contact_id": "x" if one.referred else None}


def _introduction(one: Brought) -> dict[str, Any]:
    row: dict[str, Any] = {"id": one.id, "source_contact_id": one.source, "source_name": one.source_name}
    row |= {"person_contact_id": one.person, "person_name": one.person_name, "owner_id": one.owner, "deal_id": one.deal}
    row |= {"account_id": one.account, "status": one.status, "kind": one.kind, "note": one.note}
    return row | {"status_since": ms(one.since), "made_at": ms(one.made)}


def _finding(number: int, one: Did) -> dict[str, Any]:
    row: dict[str, Any] = {"key": f"k{number}", "rule": one.rule, "kind": one.kind, "do": one.do, "state": one.state}
    row |= {"account_id": one.account, "subject_kind": "introduction", "subject_id": one.about, "contact_id": one.person}
    row |= {"owner_id": one.owner}
    return row | {"opened_at": ms(one.opened), "closed_at": ms(one.closed)}


def _activity(number: int, one: Happened) -> dict[str, Any]:
    row: dict[str, Any] = {"id": f"x{number}", "kind": one.kind, "direction": one.direction, "status": one.status}
    row |= {"automated": one.automated, "account_id": one.account, "deal_id": one.deal, "owner_id": one.owner}
    return row | {"at": ms(one.at), "task_key": "x" if one.ours else ""}


def ruleset(rule: Spoken, reasons: tuple[Stop, ...], zone: str) -> RuleSet:
    """Return the folder of rules that says the same."""
    first = _rule("first", Kind(rule.first), When()) if rule.first else None
    said = _rule(
        "rule",
        Kind(rule.kind),
        When(all=_conditions(rule.when), any=tuple(map(_conditions, rule.blocks))),
        for_each=rule.subject,
        unless=_conditions(rule.unless),
        needs=_conditions(rule.needs),
        otherwise="first" if first else "",
    )
    return RuleSet(
        company=Company(calendar=Calendar(zone), touch=MAILS_TOO),
        segments=tuple(map(_segment, PARTS)),
        suppressions=tuple(_suppression(str(number), stop) for number, stop in enumerate(reasons)),
        rules=(said, first) if first else (said,),
        folder=Path("rules"),
        own_facts=OWN_FACTS,
    )


def _rule(name: str, kind: Kind, when: When, **more: Any) -> Rule:
    subject = more.pop("for_each", "account")
    task = TaskTemplate(do="call", subject=Text())
    return Rule(name=name, title="", for_each=subject, kind=kind, mode=Mode.LIVE, task=task, when=when, place=PLACE, **more)


def _segment(part: Part) -> Segment:
    settings = {name: tuple(one) if isinstance(one, list) else parse_duration(one) for name, one in part.settings.items()}
    return Segment(name=part.name, when=_conditions(part.lines), parameters=settings, place=PLACE)


def _suppression(name: str, stop: Stop) -> Suppression:
    kinds = frozenset(map(Kind, stop.stops))
    resume = parse_duration(stop.resume) if stop.resume else None
    return Suppression(
        name=name, when=_conditions(stop.lines), stops=kinds, until=stop.until, resume=resume, place=PLACE
    )  # fmt: skip


def _conditions(lines: tuple[Line, ...]) -> tuple[Condition, ...]:
    facts = known_facts(OWN_FACTS)
    kinds = {name: FactType.TEXT if name.startswith("segment") else facts[name].type for name, _phrase in lines}
    return tuple(Condition(fact=name, phrase=parse(said, kinds[name]), text=str(said), place=PLACE) for name, said in lines)
