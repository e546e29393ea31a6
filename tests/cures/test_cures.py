"""The list of bugs, their tests and their cures agree."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.cures import hubspot_cures, salesforce_cures
from tests.cures.cure import Cure

TESTS = Path(__file__).parents[1]
MARK = re.compile(r'^@pytest\.mark\.bug\("(\w+)", (\d+)\)$', re.MULTILINE)
CRMS = {"salesforce": (salesforce_cures.NUMBERS, salesforce_cures.CURES), "hubspot": (hubspot_cures.NUMBERS, hubspot_cures.CURES)}

pytestmark = pytest.mark.parametrize(("crm", "numbers", "cures"), [(crm, *found) for crm, found in CRMS.items()], ids=list(CRMS))


def borne(crm: str) -> set[int]:
    """Return the numbers that the tests of a CRM bear."""
    marks = (mark for path in TESTS.rglob("test_*.py") for mark in MARK.findall(path.read_text()))
    return {int(number) for name, number in marks if name == crm}


def test_numbered_tests_and_cures_belong_together(crm: str, numbers: range, cures: Mapping[int, Cure]) -> None:
    """Each test that bears a number has a cure to take away, and each cure a test; no number is unknown."""
    assert set(cures) == borne(crm)
    assert set(cures) <= set(numbers)


def test_every_bug_has_a_test(crm: str, numbers: range, cures: Mapping[int, Cure]) -> None:
    """Each bug of the design's list has a test that bears its number, and a cure."""
    assert set(numbers) == borne(crm) == set(cures)
