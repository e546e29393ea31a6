"""Cells are safe in a spreadsheet and give back what was written."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from refsync_files.translate import guarded, unguarded


@given(st.text(st.sampled_from("=+-@\t\r'ab"), max_size=6) | st.text())
def test_guarded_texts_come_back(text: str) -> None:
    """Whatever is written is read back, and never begins a formula."""
    cell = guarded(text)

    assert text == unguarded(cell)
    assert not cell.startswith(("=", "+", "-", "@", "\t", "\r"))


@pytest.mark.parametrize("cell", ["", "plain", "'tis", "'", "=typed by a person"])
def test_what_people_type_is_read_as_it_is(cell: str) -> None:
    """Only what our own guard can have written loses its quotation mark."""
    assert cell == unguarded(cell)
