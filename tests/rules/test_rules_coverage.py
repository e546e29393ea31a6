"""Coverage beside plain Python: what the report counts is what a person would count in the same book."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from sqlalchemy import Connection

from refsync.calendar import Duration, Unit
from refsync.errors import RuleError
from refsync.model import instant
from refsync.rules.coverage.checklist import QUESTIONS, answers
from refsync.rules.coverage.figures import COUNTED, Coverage, Figures, measure
from refsync.rules.rule import RuleSet
from tests.rules.chance import networks
from tests.rules.interpreter import Spoken
from tests.rules.mirror import CONNECTION, Mirror
from tests.rules.network import Network, is_touch, is_two_way
from tests.rules.records import Brought, Customer, Happened
from tests.rules.stored import fill, ruleset

YEAR = Duration(365, Unit.DAYS)
RULE = Spoken("account", "care", ())


def measured(db: Connection, known: Network) -> Coverage:
    mirror, rules = Mirror(db), ruleset(RULE, (), known.clock.zone)
    fill(mirror, known)
    mirror.derive(rules.company)
    return measure(mirror.rows, rules, CONNECTION, instant(known.clock.now), YEAR)


QUIET = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large]


@settings(max_examples=50, deadline=None, suppress_health_check=QUIET)
@given(networks())
def test_figures_are_those_that_plain_python_counts(engines: Mapping[str, Connection], known: Network) -> None:
    """Each rep's customers, people, asks, introductions, thanks and revenue, on every engine; and all add up."""
    counted = Counted(known)
    expected = {rep: found for rep, found in counted.by_rep().items() if any(found.values())}
    for name, db in engines.items():
        try:
            found = measured(db, known)
        finally:
            db.rollback()
        by_rep = {row.id: {key: n for key in COUNTED if (n := getattr(row.figures, key))} for row in found.reps}
        assert expected == {rep: figures for rep, figures in by_rep.items() if figures}, name
        assert dict(counted.revenue) == {row.id: row.figures.revenue for row in found.reps if row.figures.revenue}, name
        whole = [found.all, *(sum((row.figures for row in rows), Figures()) for rows in (found.reps, found.teams))]
        assert whole == [found.all] * 3
        untouched = replace(sum((row.figures for row in found.segments), Figures()), touches=0, to_prospects=0)
        assert replace(found.all, touches=0, to_prospects=0) == untouched  # a touch may be of two segments


class Counted:
    """Counts by hand, rep by rep."""

    def __init__(self, known: Network) -> None:
        self.known = known
        self.clock = known.clock
        self.found: defaultdict[str, Counter[str]] = defaultdict(Counter)
        self.revenue: defaultdict[str, Counter[str]] = defaultdict(Counter)

    def by_rep(self) -> dict[str, dict[str, int]]:
        customers = [one for one in self.known.customers if one.owner and one.status == "customer"]
        for one in customers:
            self.found[one.owner or ""].update(self._customer(one))
        for did in self.known.did:
            if did.kind == "ask":
                done = did.closed or did.opened if did.state == "done" else None
                counts = {"asks": self._in(done, "365 days"), "asks_lately": self._in(done, "30 days")}
                self.found[did.owner].update({**counts, "asks_open": did.state in ("open", "snoozed")})
        for reached in self.known.reached:
            account = next(one for one in self.known.customers if one.id == reached.account)
            part = self.known.part_of(account.id)
            due = self.clock.holds(reached.at, "between 7 and 120 days ago")
            if account in customers and due and reached.kind in part.settings["ask_after"]:
                asks = [did for did in self.known.did if did.kind == "ask" and did.account == account.id]
                asked = any(did.state in ("done", "open", "snoozed") and did.opened >= reached.at for did in asks)
                self.found[account.owner or ""].update({"earned": 1, "earned_asked": asked})
        for sale in self.known.sales:
            referred = sale.referred or any(row.deal == sale.id for row in self.known.brought)
            first = self.clock.today() - timedelta(days=365)
            if sale.account and sale.status == "won" and referred and sale.closed and first <= sale.closed <= self.clock.today():
                self.found[sale.owner or self._owner(sale.account)].update({"deals": 1})
                self.revenue[sale.owner or self._owner(sale.account)].update({sale.currency: sale.amount or 0.0})
        for row in self.known.brought:
            if row.account and self._in(row.made, "365 days"):
                self.found[row.owner or self._owner(row.account)].update(self._introduction(row))
        for row_ in self.known.happened:
            self._touch(row_)
        return {rep: {name: int(n) for name, n in counted.items() if n} for rep, counted in self.found.items()}

    def _in(self, at: datetime | None, length: str) -> bool:
        return self.clock.holds(at, f"in the last {length}")

    def _owner(self, account: str) -> str:
        return next(one.owner or "" for one in self.known.customers if one.id == account)

    def _customer(self, one: Customer) -> dict[str, int]:
        part = self.known.part_of(one.id)
        rows = [row for row in self.known.with_account(one.id) if row.at]
        past = [row.at for row in rows if is_touch(row) and row.at and row.at <= self.clock.now]
        limit = self.clock.ago(str(part.settings["reconnect_after"]))
        in_touch = any(at >= limit for at in past)
        talks = [row.at for row in rows if is_two_way(row) and row.at and row.at <= self.clock.now]
        silence = self.clock.ago(str(part.settings["long_silence"]))
        people = [human for human in self.known.people if human.account == one.id and human.opted_out is not True]
        first = part is self.known.parts[0]
        return {
            "customers": 1,
            "in_touch": in_touch,
            "first_customers": first,
            "first_in_touch": first and in_touch,
            "never": not past and (one.created is None or one.created < limit),
            "silent": bool(talks) and max(talks) < silence,
            "people": len([human for human in people if self.known.parts_of(human)]),
            "cold": len([human for human in people if self.known.is_cold(human, str(part.settings["touch_people"]))]),
        }

    def _introduction(self, row: Brought) -> dict[str, int]:
        assert row.made is not None
        assert row.account is not None
        settings = self.known.part_of(row.account).settings

        def seen(name: str) -> object:
            return self.known.seen("introduction", row.id, row.account or "", f"introduction.{name}", settings)

        status, since, lately = seen("status"), seen("status_since"), self._in(row.made, "90 days")
        turned = [
            one.at
            for one in self.known.happened
            if row.person in one.people and one.at and row.made <= one.at <= self.clock.now and self._turns_to(one)
        ]
        to_follow = lately and self._end(row.made, 2) <= self.clock.now
        owed = lately and self._end(row.made, 5) <= self.clock.now
        in_time = bool(turned) and min(turned) < self._end(row.made, 2)
        answered = status in ("in contact", "met", "won", "lost", "declined")
        outcome = lately and status in ("met", "won", "lost") and isinstance(since, datetime)
        outcome = outcome and isinstance(since, datetime) and self._end(since, 5) <= self.clock.now
        thanks = {"call": "called", "email": "emailed", "note": "noted"}
        due = {step: owed and any(step in one for one in settings["thank_steps"]) for step in thanks}
        return {
            "introductions": 1,
            "answered": answered,
            "lately": lately,
            "to_follow": to_follow,
            "followed": to_follow and (in_time or (not turned and answered)),
            "outcomes": outcome,
            "told": outcome and seen("told") is not None,
            **{f"{step}_owed": due[step] for step in thanks},
            **{done: due[step] and seen(f"thanked_by_{step}") is not None for step, done in thanks.items()},
        }

    @staticmethod
    def _turns_to(one: Happened) -> bool:
        sent = one.kind == "email" and one.direction == "out" and one.status == "done"
        return not one.ours and (is_touch(one) or sent)

    def _end(self, at: datetime, business_days: int) -> datetime:
        """Return the midnight after so many business days."""
        day: date = self.clock.day(at)
        while business_days:
            day += timedelta(days=1)
            business_days -= day.isoweekday() < 6
        return self.clock.midnight(day + timedelta(days=1))

    def _touch(self, row: Happened) -> None:
        if not (row.owner and is_touch(row) and self._in(row.at, "30 days")):
            return
        those = [one for one in self.known.customers if row in self.known.with_account(one.id)]
        if those:
            self.found[row.owner].update({"touches": 1, "to_prospects": any(one.status == "prospect" for one in those)})


def test_each_question_is_answered_yes_and_no_by_figures() -> None:
    """For each question there are figures that make a yes, and others that make a no; without any there is no answer."""
    rules = ruleset(RULE, (), "UTC")
    every = dict.fromkeys(COUNTED, 1)
    good = Figures(**{**every, "never": 0, "silent": 0, "cold": 0, "to_prospects": 0})  # type: ignore[arg-type]
    bad = {name: 0 if name in DONE else 1 for name in COUNTED}
    yes = [one.yes for one in answers(good, rules.segments)]
    no = [one.yes for one in answers(Figures(**bad), rules.segments)]  # type: ignore[arg-type]

    assert [True] * len(QUESTIONS) == yes
    assert [False] * len(QUESTIONS) == no
    assert {None, False} == {one.yes for one in answers(Figures(), rules.segments)}


DONE = {"first_in_touch", "in_touch", "earned_asked", "asks_lately", "lately", "followed", "called", "emailed", "noted", "told"}
"""What is counted when something was done well."""


def test_an_answer_carries_its_figures() -> None:
    """The lengths of time are those of the most important segment, and the numbers stand beside the answer."""
    rules = ruleset(RULE, (), "UTC")
    first, second, *_ = answers(Figures(customers=5, in_touch=4, first_customers=2, first_in_touch=1), rules.segments)

    assert 'Was every customer of segment "key" touched within 30 days?' == first.question
    assert (False, "1 of 2 customers") == (first.yes, first.figures)
    assert (True, "4 of 5 customers") == (second.yes, second.figures)


def test_a_segment_without_its_measures_is_an_error_with_its_place() -> None:
    """Coverage cannot be measured without the limits, and says where to set them."""
    rules: RuleSet = ruleset(RULE, (), "UTC")
    bare = replace(rules, segments=tuple(replace(one, parameters={}) for one in rules.segments))

    with pytest.raises(RuleError, match="coverage is measured by reconnect_after"):
        measure(lambda _statement: [], bare, CONNECTION, 0, YEAR)
