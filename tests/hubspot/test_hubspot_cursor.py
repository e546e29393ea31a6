"""Cursors survive storing, and foreign ones are refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from refsync.errors import UnexpectedReply
from refsync_hubspot.cursor import SWEEPS, Listing, Place, Seen, Shown, State, Sweeping, Window

INSTANTS = st.integers(0, 4_000_000_000_000)
STATES: st.SearchStrategy[State] = st.one_of(
    st.builds(Listing, start=INSTANTS, after=st.one_of(st.none(), st.text(), st.integers(0, 2**53))),
    st.builds(Window, lower=INSTANTS, upper=INSTANTS, last=st.text("0123456789")),
    st.builds(Seen, upper=INSTANTS),
)


NAMES = st.sampled_from(["calls", "emails", "tasks"])
PLACES = st.builds(
    Place,
    states=st.dictionaries(NAMES, STATES),
    shown=st.none() | st.builds(Shown, at=INSTANTS, names=st.dictionaries(NAMES, st.dictionaries(st.text(), st.booleans()))),
)
SWEEPING = st.builds(
    Sweeping,
    done=st.fixed_dictionaries(dict.fromkeys(SWEEPS, INSTANTS)),
    under_way=st.sampled_from(["", *SWEEPS]),
    began=INSTANTS,
    states=st.dictionaries(NAMES, STATES),
)


@given(PLACES)
def test_place_comes_back_as_it_was_stored(place: Place) -> None:
    """A stored cursor of a read gives the same place."""
    assert place == Place.loaded(place.dumped())


@given(SWEEPING)
def test_sweeps_come_back_as_they_were_stored(place: Sweeping) -> None:
    """A stored cursor of a sweep gives the same place."""
    assert place == Sweeping.loaded(place.dumped())


FOREIGN = ["", "[]", "x", '{"calls": {"in": "nowhere"}}', '{"calls": {"in": "seen", "lower": 1}}', '{"properties": {"a": 1}}']


@pytest.mark.parametrize("text", FOREIGN)
def test_foreign_cursor_is_refused(text: str) -> None:
    """A text that is no cursor of ours is not read as "from the beginning"."""
    for read in (Place.loaded, Sweeping.loaded):
        with pytest.raises(UnexpectedReply):
            read(text)
