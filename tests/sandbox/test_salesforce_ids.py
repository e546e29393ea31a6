"""Ids as Salesforce makes them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from refsync_sandbox.salesforce.ids import DIGITS, checksum, long_id, nth_id

SHORT = st.text(st.sampled_from(DIGITS), min_size=15, max_size=15)
NUMBER = st.integers(min_value=0, max_value=62**8)


def test_known_suffixes() -> None:
    """The checksum is the documented one: ids recorded from real orgs carry it."""
    for known in ("003ak00000luKU1AAM", "006ak00000OQ4RxAAL", "0015500001QdZPKAA3"):
        assert known[15:] == checksum(known[:15])


@given(SHORT)
def test_short_and_long_form_lead_to_each_other(short: str) -> None:
    """15 characters become 18 and 18 stay 18; the first 15 never change."""
    full = long_id(short)

    assert full is not None
    assert short == full[:15]
    assert full == long_id(full)


@given(SHORT, st.data())
def test_ids_that_differ_only_by_case_stay_apart(short: str, data: st.DataObject) -> None:
    """Two ids that a system ignoring case would confuse differ in their suffix even then."""
    twin = "".join(letter.swapcase() if data.draw(st.booleans()) else letter for letter in short)

    same = short == twin
    assert same == (long_id(short) == long_id(twin))
    assert same == ((long_id(short) or "").upper() == (long_id(twin) or "").upper())


@given(NUMBER, NUMBER)
def test_counted_ids_ascend_and_are_valid(one: int, other: int) -> None:
    """The order of ids as text is the order in which they were given out."""
    first, second = nth_id("001", one), nth_id("001", other)

    assert first == long_id(first)
    assert (one < other) == (first < second)


@given(NUMBER)
def test_each_id_has_a_twin(number: int) -> None:
    """As in real orgs, there are records whose ids differ by nothing but case."""
    even = number - number % 2
    one, other = nth_id("00T", even)[:15], nth_id("00T", even + 1)[:15]

    assert one != other
    assert one.upper() == other.upper()


def test_what_is_no_id() -> None:
    """Wrong length, wrong letters and a wrong suffix are no ids."""
    good = nth_id("001", 5)

    assert [None] * 4 == [long_id(""), long_id(good[:16]), long_id(good[:15] + "AAA"), long_id(good[:14] + "-")]
