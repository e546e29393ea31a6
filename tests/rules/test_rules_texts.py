"""The words of a task, filled in."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from refsync.calendar import Calendar, Duration, Unit
from refsync.company import Company
from refsync.errors import Place
from refsync.rules.rule import (
    Kind,
    Match,
    Mode,
    Person,
    Placeholder,
    Rule,
    RuleSet,
    Segment,
    Setting,
    TaskTemplate,
    Text,
    Value,
)
from refsync.rules.texts import SUBJECT_LENGTH, age, clean, fill, write
from tests.rules.mirror import NOW, at

PLACE = Place("rule.toml", 1, 1)
MATCH = Match(
    rule="rule",
    subject_kind="account",
    subject_id="a",
    account_id="a",
    account_name="Acme",
    deal_id=None,
    contact_id=None,
    owner_id=None,
    segment="core",
    ready=True,
    lapse_at=None,
    episode="",
    waiting_episode="",
    score=0,
    revenue=None,
    facts={"account.name": "Acme", "account.last_touch": at("2026-08-22"), "account.last_ask": None},
)
PERSON = Person(
    id="c", account_id="a", name="Carla", owner_id=None, last_touch=at("2026-08-22"), last_two_way=None, chosen_as="best contact"
)


def text(*parts: str | tuple[str, ...]) -> Text:
    """Return a text: plain parts, and placeholders as (name, form, fallback)."""
    return Text(
        tuple(
            part if isinstance(part, str) else Placeholder(**dict(zip(("name", "form", "fallback"), part, strict=False)))
            for part in parts
        )
    )


def rule(subject: Text, body: Text | None = None) -> Rule:
    task = TaskTemplate(do="call", subject=subject, text=body or Text(), ask_for=("other division", "peer elsewhere"))
    return Rule(
        name="rule", title="Ask for more", for_each="account", kind=Kind.CARE, mode=Mode.LIVE, task=task, place=PLACE
    )  # fmt: skip


def rules(zone: str = "UTC") -> RuleSet:
    parameters: dict[str, Setting] = {"reconnect_after": Duration(60, Unit.DAYS), "steps": ("call", "email")}
    segment = Segment(name="core", parameters=parameters, place=PLACE)
    return RuleSet(
        company=Company(calendar=Calendar(zone)), segments=(segment,), suppressions=(), rules=(), folder=Path("rules")
    )  # fmt: skip


@pytest.mark.parametrize(
    ("placeholder", "shown"),
    [
        (("account.name",), "Acme"),
        (("account.last_touch", "date"), "22 Aug 2026"),
        (("account.last_touch", "age"), "90 days"),
        (("account.last_ask", "date", "never"), "never"),
        (("account.last_ask", "age"), "unknown"),
        (("account.missing", "", "nothing"), "nothing"),
        (("contact.name",), "Carla"),
        (("contact.last_touch", "date"), "22 Aug 2026"),
        (("contact.last_two_way", "date", "never"), "never"),
        (("segment",), "core"),
        (("reconnect_after",), "60 days"),
        (("steps",), "call or email"),
        (("steps", "names"), "call and email"),
        (("ask_for",), "other division or peer elsewhere"),
        (("waiting.title",), "Ask for more"),
    ],
)
def test_placeholder_shows_its_value_or_its_fallback(placeholder: tuple[str, ...], shown: str) -> None:
    """Facts, parameters, the person and what waits behind are shown in their form; what is unknown gives the fallback."""
    found = write(rule(text("<", placeholder, ">")), rules(), MATCH, PERSON, NOW, waiting=[rule(Text())])

    assert found.subject == f"<{shown}>"


def test_without_a_person_there_is_no_name() -> None:
    """When nobody fits, whatever is about the person gives its fallback."""
    found = write(rule(text(("contact.name", "", "someone"))), rules(), MATCH, None, NOW)

    assert found.subject == "someone"


@pytest.mark.parametrize(
    ("zone", "day"), [("UTC", "22 Aug 2026"), ("Asia/Tokyo", "23 Aug 2026"), ("America/New_York", "22 Aug 2026")]
)
def test_dates_are_those_of_the_company(zone: str, day: str) -> None:
    """An instant is shown as the day it is in the company's zone."""
    late = MATCH._replace(facts={"account.last_touch": at("2026-08-22T20:00:00Z")})

    assert write(rule(text(("account.last_touch", "date"))), rules(zone), late, None, NOW).subject == day


@pytest.mark.parametrize(
    ("day", "shown"),
    [
        (date(2026, 11, 20), "less than a day"),
        (date(2026, 11, 19), "1 day"),
        (date(2026, 7, 23), "120 days"),
        (date(2026, 7, 22), "3 months"),
        (date(2026, 4, 20), "7 months"),
        (date(2024, 11, 21), "23 months"),
        (date(2024, 11, 20), "2 years"),
        (date(2021, 1, 1), "5 years"),
    ],
)
def test_age_is_in_the_unit_that_tells_enough(day: date, shown: str) -> None:
    """Days as far as limits are set in days, months up to two years, then years."""
    assert age(day, date(2026, 11, 20)) == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [(True, "yes"), (False, "no"), (5, "5"), (1234567.0, "1,234,567"), (2.5, "2.5"), (" a\tb\n", "a b"), ("\u202e", "?")],
)
def test_plain_values(value: Value, shown: str) -> None:
    """Numbers, yes and no and texts are shown as people write them, on one line."""
    assert fill(text(("x", "", "?")), {"x": value}, Calendar(), NOW) == shown


def test_names_beyond_five_are_counted() -> None:
    """A list in the form `names` shows five and how many more there are."""
    shown = [fill(text(("x", "names")), {"x": list("abcdefgh")[:count]}, Calendar(), NOW) for count in (0, 1, 2, 5, 7)]

    assert shown == ["unknown", "a", "a and b", "a, b, c, d and e", "a, b, c, d, e and 2 more"]


def test_values_are_never_read_as_placeholders() -> None:
    """An account that is called like a placeholder keeps its name."""
    odd = MATCH._replace(facts={"account.name": "{contact.name}"})

    assert write(rule(text(("account.name",))), rules(), odd, PERSON, NOW).subject == "{contact.name}"


def test_a_long_subject_is_cut_and_a_subject_has_one_line() -> None:
    """A subject fits every CRM; a text keeps its lines."""
    long = MATCH._replace(facts={"account.name": "x" * 300})
    found = write(rule(text(("account.name",)), text("a\n", ("account.name",))), rules(), long, None, NOW)

    assert (len(found.subject), found.subject[-1]) == (SUBJECT_LENGTH, "…")
    assert found.text == "a\n" + "x" * 300


@given(st.text())
def test_nothing_hidden_reaches_a_rep(value: str) -> None:
    """Whatever a CRM value holds, no control character, line break or direction mark is left of it."""
    shown = clean(value)

    assert not set(shown) & {chr(code) for code in (*range(32), *range(127, 160), *range(0x202A, 0x202F), *range(0x2066, 0x206A))}
    assert clean(shown) == shown
