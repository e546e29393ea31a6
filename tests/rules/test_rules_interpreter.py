"""The compiled SQL beside a plain interpreter: random books, random rules of the whole grammar, random instants, two engines."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from sqlalchemy import Connection

from refsync.model import instant
from tests.rules.chance import FACTS, LINES, networks, rules, stops
from tests.rules.interpreter import Judge, Spoken, Stop
from tests.rules.mirror import Mirror
from tests.rules.network import Network
from tests.rules.stored import fill, ruleset


def judged(engines: Mapping[str, Connection], known: Network, rule: Spoken, reasons: tuple[Stop, ...]) -> None:
    """Assert that in each engine the SELECT of a rule yields what the interpreter finds in the same book."""
    own = ("rule", "first") if rule.first else ("rule",)  # without `otherwise`, "first" is a rule like any other
    expected = Judge(replace(known, own_rules=own), reasons).matches(rule)
    said = ruleset(rule, reasons, known.clock.zone)
    for name, db in engines.items():
        try:
            mirror = Mirror(db)
            fill(mirror, known)
            found = mirror.matches(said, "rule", instant(known.clock.now))
        finally:
            db.rollback()
        rows = [(match.subject_id, (match.segment, match.ready)) for match in found]
        assert sorted(expected.items()) == rows, name


QUIET = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large]
CASES = settings(deadline=None, suppress_health_check=QUIET)


@settings(CASES, max_examples=200)
@given(networks(), rules(), stops())
def test_sql_and_interpreter_agree(
    engines: Mapping[str, Connection], known: Network, rule: Spoken, reasons: tuple[Stop, ...]
) -> None:
    """For any rule, book and instant the SELECT yields exactly the subjects for which the lines hold, and whether `needs` do."""
    judged(engines, known, rule, reasons)


@pytest.mark.long
@pytest.mark.timeout(1800)
@settings(CASES, max_examples=2000)
@given(networks(), rules(), stops())
def test_sql_and_interpreter_agree_two_thousand_times(
    engines: Mapping[str, Connection], known: Network, rule: Spoken, reasons: tuple[Stop, ...]
) -> None:
    """The same for ten times as many."""
    judged(engines, known, rule, reasons)


def test_both_engines_are_compared(postgresql: str, engines: Mapping[str, Connection]) -> None:
    """SQLite and PostgreSQL; where no PostgreSQL is to be had, this test is skipped and says so."""
    assert ["sqlite", "postgresql"] == list(engines)


def test_every_fact_of_a_condition_is_drawn() -> None:
    """A new fact is judged by the interpreter, too: no line of the grammar is left out."""
    drawn = {fact for lines in LINES.values() for fact, _phrase in lines}

    assert {name for name, fact in FACTS.items() if fact.in_conditions} == drawn
