"""The planner: who gets a task, who waits, and that a plan carried out leaves nothing to plan."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from refsync.calendar import Duration, Unit
from refsync.company import Company, Limits
from refsync.errors import Place
from refsync.finding import Finding, State
from refsync.model import User, instant
from refsync.plan import Approval, People, Plan, Standing, plan
from refsync.rules.rule import Kind, Match, Mode, Repeat, Rule, RuleSet, TaskTemplate, Text

NOW = instant(datetime(2026, 11, 20, 9, tzinfo=UTC))  # a Friday
DAY = 86_400_000
AT_ONCE = Duration(0, Unit.HOURS)


def rule(name: str, kind: Kind = Kind.CARE, **changes: object) -> Rule:
    task = TaskTemplate(do="call", subject=Text(("Call",)), due=Duration(3, Unit.BUSINESS_DAYS))
    made = Rule(name=name, title=name, for_each="account", kind=kind, mode=Mode.LIVE, task=task, place=Place(name))
    return replace(made, **changes)  # type: ignore[arg-type]


RECONNECT = rule(
    "reconnect-lapse",
    repeat=Repeat(after_done=Duration(30, Unit.DAYS), after_dismissed=None, after_expired=Duration(30, Unit.DAYS)),
)
FIRST = rule("reconnect-before-asking", only_for_otherwise=True)
ASK = rule("ask", Kind.ASK, for_each="milestone", otherwise="reconnect-before-asking")
COMPANY = Company(settle=AT_ONCE, first_wins=("reconnect-before-asking", "reconnect*", "ask*"))
REPS = {"rep": User(id="rep", email="rep@example.com", manager_id="boss"), "boss": User(id="boss")}


def rules(company: Company = COMPANY, *more: Rule) -> RuleSet:
    return RuleSet(company=company, segments=(), suppressions=(), rules=(ASK, FIRST, RECONNECT, *more), folder=Path())


def match(rule: str = "reconnect-lapse", account: str = "a1", **changes: object) -> Match:
    event = rule == "ask"
    made = Match(
        rule=rule,
        subject_kind="milestone" if event else "account",
        subject_id=f"signed:{account}" if event else account,
        account_id=account,
        account_name=f"Account {account}",
        deal_id=None,
        contact_id=None,
        owner_id="rep",
        segment="core",
        ready=True,
        lapse_at=None if event else NOW - 100 * DAY,
        episode="" if event else str(NOW - 100 * DAY),
        waiting_episode="",
        score=1.0,
        revenue=None,
        facts={},
    )
    return made._replace(**changes)  # type: ignore[arg-type]


def planned(
    *matches: Match, ledger: list[Finding] | None = None, now: int = NOW, rule_set: RuleSet | None = None, **options: object
) -> Plan:
    return plan(
        matches,
        rules=rule_set or rules(),
        ledger=ledger or [],
        people=People(users=REPS),
        org="org",
        now=now,
        **options,  # type: ignore[arg-type]
    )


def carried_out(done: Plan, now: int = NOW) -> list[Finding]:
    """Return the ledger after a plan was carried out without trouble."""
    written = [
        Finding(
            key=wish.key,
            rule=wish.rule.name,
            kind=wish.rule.kind,
            subject_kind=wish.subject_kind,
            subject_id=wish.subject_id,
            episode=wish.episode,
            n=wish.n,
            account_id=wish.match.account_id,
            contact_id=wish.match.contact_id,
            owner_id=wish.owner_id,
            state=State.OPEN if wish in done.write else State.PENDING,
            due_on=wish.due_on,
            due_at=wish.due_at,
            task_id=f"T{wish.key[:8]}",
            opened_at=now,
        )
        for wish in (*done.write, *done.notice)
    ]
    return [*written, *(behind for wish in done.write for behind in wish.behind)]


def test_match_gets_a_task_due_in_working_days() -> None:
    """A match becomes a task of the account's owner, due three working days from now."""
    (wish,) = planned(match()).write

    assert ("rep", date(2026, 11, 25)) == (wish.owner_id, wish.due_on)


def test_second_plan_is_empty() -> None:
    """A match whose task is open is neither written nor held again."""
    ledger = carried_out(planned(match()))

    assert Plan() == planned(match(), ledger=ledger)


def test_one_task_an_account() -> None:
    """Of two rules that want the same account the first in the company's order wins; the other is held with its name."""
    done = planned(match(), match("ask"))

    assert ["reconnect-lapse"] == [wish.rule.name for wish in done.write]
    assert ["order: reconnect-lapse"] == [held.reason for held in done.held]


def test_departed_owner_falls_back_to_the_manager() -> None:
    """A task never goes to somebody inactive."""
    people = People(users={**REPS, "rep": replace(REPS["rep"], active=False)})
    done = plan([match()], rules=rules(), ledger=[], people=people, org="org", now=NOW)

    assert ["boss"] == [wish.owner_id for wish in done.write]


def test_nobody_active_is_held_not_lost() -> None:
    """Without an active person in the chain the match is held and says so."""
    done = plan([match()], rules=rules(), ledger=[], people=People(users={}), org="org", now=NOW)

    assert {"assign: nobody active": 1} == done.held_by


def test_cap_per_day_counts_what_was_given_today() -> None:
    """A rep gets no more than the cap in a day, the most overdue first."""
    company = replace(COMPANY, limits=Limits(per_rep_per_day=2))
    wanted = [match(account=f"a{n}", score=float(n)) for n in range(5)]
    first = planned(*wanted, rule_set=rules(company))
    again = planned(*wanted, ledger=carried_out(first), rule_set=rules(company))

    assert ["a4", "a3"] == [wish.match.account_id for wish in first.write]
    assert {"limits.per_rep_per_day": 3} == again.held_by


def test_cap_per_week() -> None:
    """The week's cap holds when the day's does not."""
    company = replace(COMPANY, limits=Limits(per_rep_per_day=5, per_rep_per_week=2))
    done = planned(*(match(account=f"a{n}") for n in range(5)), rule_set=rules(company))

    assert {"limits.per_rep_per_week": 3} == done.held_by


def test_rules_take_turns() -> None:
    """Under a cap no rule takes all places: they take turns in the company's order."""
    other = rule("stay")
    company = replace(COMPANY, limits=Limits(per_rep_per_day=3))
    wanted = [match(account=f"a{n}", score=9.0) for n in range(5)] + [match("stay", account=f"b{n}") for n in range(5)]
    done = planned(*wanted, rule_set=rules(company, other))

    assert {"reconnect-lapse": 2, "stay": 1} == Counter(wish.rule.name for wish in done.write)


def test_too_many_at_once_writes_nothing() -> None:
    """More tasks than new_tasks_per_run wait for approval, all of them."""
    company = replace(COMPANY, limits=Limits(per_rep_per_day=9, new_tasks_per_run=2))
    wanted = [match(account=f"a{n}") for n in range(3)]

    assert {"limits.new_tasks_per_run": 3} == planned(*wanted, rule_set=rules(company)).held_by
    assert 3 == len(planned(*wanted, rule_set=rules(company), approval=Approval(everything=True)).write)


def test_state_must_settle_first() -> None:
    """With a settle time the first sight is only noted; the task comes once the condition has held."""
    company = replace(COMPANY, settle=Duration(1, Unit.HOURS))
    first = planned(match(), rule_set=rules(company))
    ledger = carried_out(first)
    soon = planned(match(), ledger=ledger, now=NOW + 60_000, rule_set=rules(company))
    later = planned(match(), ledger=ledger, now=NOW + 3_600_000, rule_set=rules(company))

    assert ((), 1) == (first.write, len(first.notice))
    assert Plan() == soon
    assert [first.notice[0].key] == [wish.key for wish in later.write]


def test_condition_that_did_not_last_is_forgotten() -> None:
    """A pending finding that no longer matches is dropped."""
    company = replace(COMPANY, settle=Duration(1, Unit.HOURS))
    ledger = carried_out(planned(match(), rule_set=rules(company)))

    assert (ledger[0].key,) == planned(ledger=ledger, rule_set=rules(company)).forget


def test_call_logged_late_does_not_raise_it_again() -> None:
    """A touch that became known later, but before the finding was opened, begins no new lapse."""
    ledger = [found._replace(state=State.DISMISSED, closed_at=NOW) for found in carried_out(planned(match()))]
    late = match(lapse_at=NOW - 90 * DAY, episode=str(NOW - 90 * DAY))

    assert {"repeat.after_dismissed": 1} == planned(late, ledger=ledger, now=NOW + 40 * DAY).held_by


def test_new_lapse_after_a_real_touch_is_a_new_task() -> None:
    """A touch after the finding begins a new lapse, with a key of its own."""
    ledger = [found._replace(state=State.DISMISSED, closed_at=NOW) for found in carried_out(planned(match()))]
    touched = NOW + DAY
    (wish,) = planned(match(lapse_at=touched, episode=str(touched)), ledger=ledger, now=NOW + 200 * DAY).write

    assert ledger[0].key != wish.key


def test_done_without_touch_comes_back_after_its_pause() -> None:
    """`after_done` brings the task back with the next number, not earlier."""
    ledger = [found._replace(state=State.DONE, closed_at=NOW) for found in carried_out(planned(match()))]

    assert {"repeat.after_done": 1} == planned(match(), ledger=ledger, now=NOW + 29 * DAY).held_by
    assert [1] == [wish.n for wish in planned(match(), ledger=ledger, now=NOW + 32 * DAY).write]


def test_event_comes_once() -> None:
    """A milestone is asked about once, ever."""
    ledger = [found._replace(state=State.DONE, closed_at=NOW - 300 * DAY) for found in carried_out(planned(match("ask")))]

    assert {"repeat": 1} == planned(match("ask"), ledger=ledger).held_by


def test_ask_waits_behind_a_reconnect() -> None:
    """An ask whose needs are not met becomes the otherwise rule's task, and is kept as waiting behind it."""
    first = planned(match("ask", ready=False, waiting_episode="never"))
    ledger = carried_out(first)

    assert ["reconnect-before-asking"] == [wish.rule.name for wish in first.write]
    assert [State.OPEN, State.WAITING] == [found.state for found in ledger]
    assert Plan() == planned(match("ask", ready=False, waiting_episode="never"), ledger=ledger)


@pytest.mark.parametrize(
    ("ask", "first", "held"), [("live", "watch", 1), ("live", "off", 1), ("watch", "off", 1), ("watch", "watch", 0)]
)
def test_nothing_comes_first_through_a_rule_that_may_not(ask: str, first: str, held: int) -> None:
    """A live ask writes nothing through a rule that only watches or is off; the match is held and says why."""
    modes = (replace(ASK, mode=Mode(ask)), replace(FIRST, mode=Mode(first)))
    found = planned(match("ask", ready=False, waiting_episode="never"), rule_set=replace(rules(), rules=modes))

    assert (1 - held, held) == (len(found.write), found.held_by.get(f"otherwise: reconnect-before-asking is {first}", 0))


def test_waiting_ask_is_written_once_its_needs_are_met() -> None:
    """After the reconnect the ask follows, with the key under which it waited."""
    opened, waiting = carried_out(planned(match("ask", ready=False, waiting_episode="never")))
    (wish,) = planned(match("ask"), ledger=[opened._replace(state=State.CLEARED, closed_at=NOW), waiting]).write

    assert ("ask", waiting.key) == (wish.rule.name, wish.key)


def test_no_ask_while_a_reconnect_is_open() -> None:
    """not_while_open holds an ask, also one that is ready."""
    ledger = carried_out(planned(match()))

    assert {"limits.ask.not_while_open": 1} == planned(match("ask"), ledger=ledger).held_by


def test_asked_account_is_left_in_peace() -> None:
    """An account that was asked is not asked about another milestone for half a year."""
    ledger = [found._replace(state=State.DONE, closed_at=NOW) for found in carried_out(planned(match("ask")))]
    other = match("ask", subject_id="signed:other")

    assert {"limits.ask.per_account_every": 1} == planned(other, ledger=ledger, now=NOW + 100 * DAY).held_by
    assert 1 == len(planned(other, ledger=ledger, now=NOW + 190 * DAY).write)


def test_cause_gone_clears_and_frozen_rules_do_not_end() -> None:
    """A finding whose cause is gone is cleared with the reason; nothing ends under a rule that may not be judged."""
    (found,) = carried_out(planned(match()))
    gone = {found.key: "in touch again"}

    assert [State.CLEARED] == [ending.state for ending in planned(ledger=[found], standing=Standing(gone=gone)).end]
    seen = Standing(gone=gone)
    assert () == planned(ledger=[found], standing=seen, frozen=frozenset({"reconnect-lapse"}), now=NOW + 400 * DAY).end


def test_old_task_expires() -> None:
    """A task nobody does is closed as expired after the rule's time."""
    (found,) = carried_out(planned(match()))

    assert () == planned(match(), ledger=[found], now=NOW + 30 * DAY).end
    assert [State.EXPIRED] == [ending.state for ending in planned(match(), ledger=[found], now=NOW + 60 * DAY).end]


accounts = st.integers(0, 8).map("a{}".format)
matches = st.lists(
    st.builds(
        match,
        st.sampled_from(["reconnect-lapse", "ask"]),
        accounts,
        ready=st.booleans(),
        score=st.floats(0, 10),
        waiting_episode=st.just("never"),
    ),
    max_size=20,
    unique_by=lambda made: (made.rule, made.subject_id),
)


@given(matches, st.integers(1, 5), st.booleans())
def test_a_plan_carried_out_leaves_nothing_to_write(wanted: list[Match], cap: int, later: bool) -> None:
    """After any plan the same facts give an empty plan, on that day; never a key twice, never above the cap."""
    company = replace(COMPANY, limits=Limits(per_rep_per_day=cap))
    first = planned(*wanted, rule_set=rules(company))
    again = planned(*wanted, ledger=carried_out(first), now=NOW + later * 60_000, rule_set=rules(company))
    keys = [wish.key for wish in first.write]

    assert len(keys) == len(set(keys)) <= cap
    if len(keys) == cap or not first.held:
        assert () == again.write
    assert not set(keys) & {wish.key for wish in again.write}
    assert not {wish.match.account_id for wish in first.write} & {
        wish.match.account_id for wish in again.write if wish.rule.kind == "ask"
    }


@given(matches)
def test_order_of_matches_does_not_matter(wanted: list[Match]) -> None:
    """The same facts give the same plan, however the rows came."""
    assert {wish.key for wish in planned(*wanted).write} == {wish.key for wish in planned(*reversed(wanted)).write}


def test_a_renamed_rule_keeps_its_tasks() -> None:
    """What was found under a former name is the rule's: it is open, it counts for repetition, and keys stay the same."""
    before = planned(match())
    renamed = replace(RECONNECT, name="reconnect-cold", renamed_from=("reconnect-lapse",))
    after = RuleSet(company=COMPANY, segments=(), suppressions=(), rules=(renamed,), folder=Path())

    def again(*ledger: Finding) -> Plan:
        found = [match("reconnect-cold", episode=match().episode, lapse_at=match().lapse_at)]
        return plan(found, rules=after, ledger=ledger, people=People(users=REPS), org="org", now=NOW)

    assert [wish.key for wish in again().write] == [wish.key for wish in before.write]
    old = Finding(key=before.write[0].key, rule="reconnect-lapse", kind="care", subject_kind="account", subject_id="a1")
    stands = old._replace(episode=before.write[0].episode, state=State.OPEN, opened_at=NOW - DAY, account_id="a1", task_id="t")
    assert again(stands).write == ()
    assert [one.reason for one in again(stands._replace(state=State.DONE, closed_at=NOW - DAY)).held] == ["repeat.after_done"]
    late = stands._replace(opened_at=NOW - 60 * DAY)
    assert [one.state for one in again(late).end] == [State.EXPIRED]


def test_a_rule_may_say_who_gets_its_task() -> None:
    """The rule's own list comes instead of the company's; who received the introduction is known to it."""
    rule_ = replace(RECONNECT, task=replace(RECONNECT.task, assign=("introduction.rep", "account.owner.manager")))
    own = RuleSet(company=COMPANY, segments=(), suppressions=(), rules=(rule_,), folder=Path())
    users = {**REPS, "scout": User(id="scout")}

    def owner(rep_id: str | None) -> list[str]:
        found = [match(rep_id=rep_id)]
        return [wish.owner_id for wish in plan(found, rules=own, ledger=(), people=People(users=users), org="o", now=NOW).write]

    assert (owner("scout"), owner(None), owner("gone")) == (["scout"], ["boss"], ["boss"])


def test_people_settle_and_introductions_do_not() -> None:
    """A person that went cold is a state and waits for `settle`, an introduction is an event and does not."""
    company = replace(COMPANY, settle=Duration(1, Unit.HOURS))
    for subject, settles in (("contact", True), ("introduction", False)):
        one = replace(RECONNECT, for_each=subject)  # type: ignore[arg-type]
        own = RuleSet(company=company, segments=(), suppressions=(), rules=(one,), folder=Path())
        found = plan([match(subject_kind=subject)], rules=own, ledger=(), people=People(users=REPS), org="o", now=NOW)
        assert (len(found.notice), len(found.write)) == ((1, 0) if settles else (0, 1))


def test_an_account_gets_one_ask_or_care_task_a_day() -> None:
    """The rule that lost to another one does not get its turn in the next run of the same day, only on a later one."""
    other = rule("reconnect-people")
    had = Finding(
        key="k", rule="reconnect-lapse", kind="care", subject_kind="account", subject_id="a1", account_id="a1", task_id="t"
    )

    def held(opened_at: int) -> list[str]:
        before = had._replace(episode=match().episode, state=State.OPEN, opened_at=opened_at, owner_id="rep")
        found = plan(
            [match("reconnect-people")], rules=rules(COMPANY, other), ledger=[before], people=People(users=REPS), org="o", now=NOW
        )
        return [one.reason for one in found.held]

    assert (["order: reconnect-lapse"], []) == (held(NOW - 1000), held(NOW - DAY))
