"""The grammar of phrases: what is understood, what is refused, and what is offered instead."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from refsync.calendar import Duration, Unit
from refsync.rules.phrases import (
    BetweenAgo,
    Ever,
    FactType,
    InLast,
    InNext,
    MoreThanAgo,
    Never,
    NotInLast,
    NotOneOf,
    NumberRange,
    OneOf,
    OneOfParameter,
    Parameter,
    Phrase,
    PhraseError,
    YesNo,
    parse,
)

DAYS = Duration(90, Unit.DAYS)
TIME, NUMBER, TEXT, YES_NO = FactType.TIME, FactType.NUMBER, FactType.TEXT, FactType.YES_NO


@pytest.mark.parametrize(
    ("value", "kind", "phrase"),
    [
        ("in the last 90 days", TIME, InLast(DAYS)),
        ("in the last 1 business day", TIME, InLast(Duration(1, Unit.BUSINESS_DAYS))),
        ("in the last {reconnect_after}", TIME, InLast(Parameter("reconnect_after"))),
        ("not in the last 2 years", TIME, NotInLast(Duration(2, Unit.YEARS))),
        ("not in the last {n}", TIME, NotInLast(Parameter("n"))),
        ("more than 6 hours ago", TIME, MoreThanAgo(Duration(6, Unit.HOURS))),
        ("between 7 and 120 days ago", TIME, BetweenAgo(Duration(7, Unit.DAYS), Duration(120, Unit.DAYS))),
        ("in the next 3 weeks", TIME, InNext(Duration(3, Unit.WEEKS))),
        ("never", TIME, Never()),
        ("ever", TIME, Ever()),
        (5, NUMBER, NumberRange(5, 5)),
        (2.5, NUMBER, NumberRange(2.5, 2.5)),
        ("at least 1", NUMBER, NumberRange(low=1)),
        ("at most 5", NUMBER, NumberRange(high=5)),
        ("more than 0", NUMBER, NumberRange(low=0, above=True)),
        ("less than 3", NUMBER, NumberRange(high=3, below=True)),
        ("between 1 and 5", NUMBER, NumberRange(1, 5)),
        ("customer", TEXT, OneOf(("customer",))),
        (["A", "B"], TEXT, OneOf(("A", "B"))),
        ({"not": "C"}, TEXT, NotOneOf(("C",))),
        ({"not": ["C", "D"]}, TEXT, NotOneOf(("C", "D"))),
        ("{ask_after}", TEXT, OneOfParameter(Parameter("ask_after"))),
        (True, YES_NO, YesNo(True)),
        (False, YES_NO, YesNo(False)),
    ],
)
def test_phrase_is_understood(value: object, kind: FactType, phrase: Phrase) -> None:
    """Each form of the grammar is read as what it says."""
    assert parse(value, kind) == phrase


@pytest.mark.parametrize(
    ("value", "meant"),
    [
        ("within 120 days", "in the last 120 days"),
        ("within the last 120 days", "in the last 120 days"),
        ("in the past 2 weeks", "in the last 2 weeks"),
        ("last 90 days", "in the last 90 days"),
        ("less than 90 days ago", "in the last 90 days"),
        ("In the last 90 days", "in the last 90 days"),
        ("in the last  90 days", "in the last 90 days"),
        ("in the last 90days", "in the last 90 days"),
        ("in the last 5 working days", "in the last 5 business days"),
        ("not within {reconnect_after}", "not in the last {reconnect_after}"),
        ("not in 90 days", "not in the last 90 days"),
        ("older than 90 days", "more than 90 days ago"),
        ("over 90 days ago", "more than 90 days ago"),
        ("more than 90 days", "more than 90 days ago"),
        ("7 to 120 days ago", "between 7 and 120 days ago"),
        ("between 7 and 120 days", "between 7 and 120 days ago"),
        ("between 7 days and 120 days ago", "between 7 and 120 days ago"),
        ("in 14 days", "in the next 14 days"),
        ("within the next 14 days", "in the next 14 days"),
        ("none", "never"),
        ("any time", "ever"),
    ],
)
def test_wrong_time_phrase_is_mended(value: str, meant: str) -> None:
    """A phrase whose meaning is known beyond doubt is refused with the right one."""
    with pytest.raises(PhraseError) as caught:
        parse(value, TIME)

    assert caught.value.hint == f'did you mean "{meant}"?'


@pytest.mark.parametrize(
    "value",
    ["over 90 days", "for 90 days", "in the last while", "in the last -5 days", "soonish", "", "90", 90, True, ["never"], "{x}"],
)
def test_doubtful_time_phrase_gets_examples_only(value: object) -> None:
    """What could mean two things is refused without a guess."""
    with pytest.raises(PhraseError) as caught:
        parse(value, TIME)

    assert "did you mean" not in caught.value.hint
    assert "in the last 90 days" in caught.value.hint


@pytest.mark.parametrize(
    ("value", "hint"),
    [
        (">= 1", 'did you mean "at least 1"?'),
        ("3 or more", 'did you mean "at least 3"?'),
        ("no more than 5", 'did you mean "at most 5"?'),
        ("> 0", 'did you mean "more than 0"?'),
        ("fewer than 3", 'did you mean "less than 3"?'),
        ("1-5", 'did you mean "between 1 and 5"?'),
        ("5", "without quotes: 5"),
        ("none", "without quotes: 0"),
        ("any", 'did you mean "at least 1"?'),
    ],
)
def test_wrong_number_phrase_is_mended(value: str, hint: str) -> None:
    """Other ways to compare numbers are refused with the right one."""
    with pytest.raises(PhraseError) as caught:
        parse(value, NUMBER)

    assert caught.value.hint == hint


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ("between 120 and 7 days ago", TIME),
        ("between 5 and 1", NUMBER),
        ([], TEXT),
        (["A", 1], TEXT),
        ("", TEXT),
        ({"contains": ""}, TEXT),
        ({"contains": "GmbH", "not": "x"}, TEXT),
        ({"not": []}, TEXT),
        ({"is": "x"}, TEXT),
        ("yes", YES_NO),
        (1, YES_NO),
        (True, NUMBER),
        (True, TEXT),
    ],
)
def test_value_that_fits_no_phrase_is_refused(value: object, kind: FactType) -> None:
    """Empty ranges, empty lists, wrong types and forms not built yet are refused."""
    with pytest.raises(PhraseError):
        parse(value, kind)


@given(st.text() | st.integers() | st.floats() | st.booleans() | st.lists(st.text()) | st.none(), st.sampled_from(FactType))
def test_any_value_is_understood_or_refused(value: object, kind: FactType) -> None:
    """No value leads to anything but a phrase or a PhraseError."""
    with suppress(PhraseError):
        parse(value, kind)
