"""What keeps a match from its task though its lines hold: a silent rep, a draw, a cold person."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date

import pytest

from refsync.bundled import bundled
from refsync.calendar import Duration, Unit
from refsync.finding import Finding, State
from refsync.model import (
    Account,
    AccountStatus,
    Activity,
    ActivityKind,
    ActivityStatus,
    Contact,
    Deal,
    DealStatus,
    Direction,
    Instant,
    User,
    parse_instant,
)
from refsync.rules.files.folder import load
from refsync.rules.rule import RuleSet
from refsync.store import ledger
from refsync.store.engine import Store, open_store
from refsync.sync.tick import Report, tick
from refsync.testing.memory import MemoryConnector, MemoryCrm

NOW = parse_instant("2026-11-20T09:00:00Z")
DAY = 86_400_000
SHIPPED = load(bundled("rules"), modes_live=True)
RULES = replace(SHIPPED, company=replace(SHIPPED.company, settle=Duration(0, Unit.HOURS)))


@pytest.fixture
def store() -> Iterator[Store]:
    with open_store("sqlite://") as opened:
        yield opened


def account(name: str, owner: str) -> Account:
    status = AccountStatus.CUSTOMER
    return Account(id=name, name=name, owner_id=owner, status=status, tier="A", created_at=NOW - 900 * DAY)


def call(name: str, days_ago: float, account_id: str, people: tuple[str, ...] = (), owner: str = "loud") -> Activity:
    return Activity(
        id=name,
        kind=ActivityKind.CALL,
        direction=Direction.OUT,
        at=NOW - int(days_ago * DAY),
        status=ActivityStatus.DONE,
        owner_id=owner,
        account_id=account_id,
        contact_ids=people,
    )


def run(store: Store, crm: MemoryCrm, rules: RuleSet, now: Instant = NOW) -> Report:
    return tick(store, "crm", "memory", MemoryConnector(crm), rules, now=now, approved=True, clock=lambda: now)


def findings(store: Store, *states: State) -> list[Finding]:
    with store.read() as db:
        return [found for found in ledger.everything(db, "crm") if not states or found.state in states]


def book() -> MemoryCrm:
    """Return two reps with a neglected customer each; of one nothing is captured."""
    reps = [User(id=name, name=name.title(), email=f"{name}@example.com") for name in ("loud", "quiet")]
    silent = [account("neglected by loud", "loud"), account("neglected by quiet", "quiet")]
    return MemoryCrm([*reps, *silent, account("elsewhere", "loud"), call("recent", 2, "elsewhere")])


def test_the_book_of_a_silent_rep_is_not_judged(store: Store) -> None:
    """Who shows no activity at all is not told of neglected customers; the report names them; the others go on."""
    rules = replace(RULES, company=replace(RULES.company, silent_owner=Duration(10, Unit.BUSINESS_DAYS)))
    report = run(store, book(), rules)
    assert report.judged is not None

    assert ["neglected by loud"] == [found.account_id for found in findings(store)]
    assert {"held.silent_owner: Quiet": 1} == {
        reason: count for reason, count in report.judged.plan.held_by.items() if reason.startswith("held.")
    }


def test_nobody_is_silent_unless_the_company_asks(store: Store) -> None:
    """Without the setting every book is judged."""
    run(store, book(), RULES)

    assert ["neglected by loud", "neglected by quiet"] == sorted(str(found.account_id) for found in findings(store))


def test_what_a_rep_has_does_not_expire_while_they_are_silent(store: Store) -> None:
    """No data is no reason to close a task as expired."""
    crm, rules = book(), replace(RULES, company=replace(RULES.company, silent_owner=Duration(10, Unit.BUSINESS_DAYS)))
    crm.put(call("last seen", 9, "neglected by quiet", owner="quiet"))
    crm.put(replace(call("long ago", 60, "neglected by quiet", owner="quiet"), id="last seen"))
    run(store, crm, RULES)
    later = NOW + 45 * DAY
    crm.put(call("still here", -44, "elsewhere"))
    run(store, crm, rules, later)
    states = {str(found.account_id): found.state for found in findings(store) if found.opened_at == NOW}

    assert {"neglected by loud": State.EXPIRED, "neglected by quiet": State.OPEN} == states


def test_a_holdout_is_left_out_and_always_the_same(store: Store) -> None:
    """About the share that the rule says gets no task, run after run the same ones, and each says why."""
    rep = User(id="loud", name="Loud", email="loud@example.com")
    crm = MemoryCrm([rep, *(account(f"customer {number}", "loud") for number in range(60))])
    held_out = tuple(replace(rule, holdout=0.4) if rule.name == "reconnect-neglected-customer" else rule for rule in RULES.rules)
    limits = replace(RULES.company.limits, per_rep_per_day=100, per_rep_per_week=100)
    rules = replace(RULES, rules=held_out, company=replace(RULES.company, limits=limits))
    first = run(store, crm, rules).judged
    second = run(store, crm, rules, NOW + 60_000).judged
    assert first
    assert second
    left_out = [{held.match.account_id for held in judged.plan.held if held.reason == "holdout"} for judged in (first, second)]

    assert 12 <= len(left_out[0]) <= 36
    assert left_out[0] == left_out[1]
    assert 60 == len(left_out[0]) + len(findings(store))


def test_an_ask_waits_for_the_one_who_is_to_be_asked(store: Store) -> None:
    """Acme is warm, but the only one it could be asked of is not: first a conversation with her, then the ask."""
    rep = User(id="loud", name="Loud", email="loud@example.com")
    carla = Contact(id="carla", account_id="Acme", name="Carla", owner_id="loud")
    won = Deal(id="deal", account_id="Acme", name="Deal", status=DealStatus.WON, owner_id="loud", closed_on=date(2026, 11, 6))
    crm = MemoryCrm([rep, account("Acme", "loud"), carla, won, call("switchboard", 3, "Acme")])
    run(store, crm, RULES)
    assert [
        ("ask-referral-after-milestone", State.WAITING, None),
        ("reconnect-before-asking", State.OPEN, "carla"),
    ] == sorted((found.rule, found.state, found.contact_id) for found in findings(store))
    run(store, crm, RULES, NOW + DAY)
    assert 2 == len(findings(store, State.WAITING, State.OPEN))

    crm.put(call("with Carla", -2, "Acme", ("carla",)))
    run(store, crm, RULES, NOW + 3 * DAY)
    assert {
        "reconnect-before-asking": (State.CLEARED, "carla"),
        "ask-referral-after-milestone": (State.OPEN, "carla"),
    } == {found.rule: (found.state, found.contact_id) for found in findings(store)}
